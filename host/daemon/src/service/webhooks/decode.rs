//! Reads what is kept, one delivery after the other: the plugin says what it means, and the runs that it hints at are noted
//! in the transaction that says that it was read. A crash in between reads it once more, which changes nothing.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
    time::Duration,
};

use novacron_cicd_domain::{
    Coded as _, Retry, Timestamp,
    event::{self, EventKind},
    platform::{CallError, Decoded, Delivery, FoundRun, HookObservation, RunRef},
    provider::Provider,
    run::Standing,
    webhook::{DeliveryState, WebhookDelivery},
};
use novacron_cicd_store::{StoreError, Tx};

use crate::{
    engine::{fault::fault, ledger, ports::Reporting, record},
    service::{Actor, ErrorClass, ServiceError, host::Host, host::event as tell},
};

/// A larger body is not given to a plugin; the platform is looked at instead.
const READABLE: u64 = 8 << 20;
/// So often a delivery is tried that can't be read just now: two seconds to about an hour apart, half a day in all.
const ATTEMPTS: u32 = 20;
/// So many are looked for at once.
const BATCH: u32 = 32;
/// So many runs one delivery may hint at.
const MOST_HINTS: usize = 500;
/// Between two looks for what is too old, in milliseconds.
const PRUNED: i64 = 60 * 60 * 1000;
/// So many go in one transaction.
const PRUNED_AT_ONCE: u32 = 500;

/// Until the host is gone or stops.
pub(in crate::service) async fn work(host: Weak<Host>) {
    let mut pruned = None;
    loop {
        let Some(host) = host.upgrade() else { return };
        if !host.engine.is_running() {
            return;
        }
        let now = host.now();
        if pruned.is_none_or(|at: Timestamp| now.since(at) >= PRUNED) {
            pruned = Some(now);
            if let Err(error) = prune(&host, now).await {
                tracing::warn!(%error, "old webhooks are not removed");
            }
        }
        let read = match read_due(&host).await {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%error, "webhooks cannot be read");
                0
            }
        };
        if read > 0 {
            continue;
        }
        let due = host.store.read(|state| state.next_delivery_due()).await.ok().flatten();
        let pause = due.map_or(60_000, |due| due.since(host.now())).clamp(100, 60_000);
        let pause = Duration::from_millis(u64::try_from(pause).unwrap_or(0));
        let intake = host.intake.clone();
        // Nobody is kept alive by a worker that waits.
        drop(host);
        tokio::select! {
            () = intake.woken() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn prune(host: &Host, now: Timestamp) -> Result<(), StoreError> {
    let (age, bytes) = host.settings.webhooks_kept;
    let before = now.plus_millis(-i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    while host.store.write(move |tx| tx.prune_deliveries(before, bytes, PRUNED_AT_ONCE)).await? > 0 {}
    Ok(())
}

/// How many were read.
async fn read_due(host: &Arc<Host>) -> Result<usize, ServiceError> {
    let now = host.now();
    let due = host.read(move |state| Ok(state.due_deliveries(now, BATCH)?)).await?;
    let count = due.len();
    for delivery in due {
        if !host.engine.is_running() {
            break;
        }
        read(host, delivery).await?;
    }
    Ok(count)
}

/// What became of one.
enum Outcome {
    Read(Decoded),
    /// Not read, by intention: the platform is looked at instead.
    TooLarge,
    Later(String, String),
    Dead(String, String),
}

async fn read(host: &Arc<Host>, delivery: WebhookDelivery) -> Result<(), ServiceError> {
    let provider = delivery.provider;
    let provider = match host.read(move |state| Ok(state.provider(provider)?)).await {
        Ok(provider) => provider,
        // It was removed meanwhile, and its deliveries with it.
        Err(error) if error.class() == ErrorClass::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let outcome = decoded(host, &provider, &delivery).await?;
    fault!("webhook.before-commit");
    let polled = host.platforms.reporting(&provider) == Reporting::Poll;
    let (size, now) = (delivery.size, host.now());
    let wakes = matches!(outcome, Outcome::Read(_) | Outcome::TooLarge);
    let of = provider.clone();
    let settled = host.write(move |tx| Ok(settle(tx, &of, delivery, outcome, polled, now)?)).await;
    fault!("webhook.after-commit");
    match settled {
        Ok(settled) => {
            if settled {
                host.intake.settled(size);
            }
            if wakes {
                host.engine.hint(provider.id);
            }
            Ok(())
        }
        // Somebody replayed it meanwhile: then it is read again.
        Err(error) if error.class() == ErrorClass::Stale => Ok(()),
        Err(error) => Err(error),
    }
}

async fn decoded(host: &Arc<Host>, provider: &Provider, delivery: &WebhookDelivery) -> Result<Outcome, ServiceError> {
    if delivery.size > READABLE {
        return Ok(Outcome::TooLarge);
    }
    if !host.platforms.supports(provider, "webhooks") {
        let why = format!("the plugin {} does not serve, or reads no webhooks", provider.plugin);
        return Ok(Outcome::Later("webhook.no-reader".into(), why));
    }
    let id = delivery.id;
    let (headers, body) = host.read(move |state| Ok(state.delivery_content(id)?)).await?;
    // A platform may repeat what it was told.
    let body = host.masking.masker().load().mask_bytes(&body).into_owned();
    let call = host.call(provider, &Actor::engine());
    Ok(match host.platforms.decode(call, Delivery { headers, body }).await {
        Ok(decoded) => Outcome::Read(decoded),
        Err(error) => failed(&error),
    })
}

fn failed(error: &CallError) -> Outcome {
    let why = (error.code().to_owned(), error.to_string());
    match error.retry() {
        Retry::Safe(_) => Outcome::Later(why.0, why.1),
        _ => Outcome::Dead(why.0, why.1),
    }
}

/// Writes what became of it. Answers whether it waits no more.
fn settle(
    tx: &mut Tx<'_>,
    provider: &Provider,
    before: WebhookDelivery,
    outcome: Outcome,
    polled: bool,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let mut after = WebhookDelivery { attempts: before.attempts + 1, note: None, ..before.clone() };
    let mut runs = BTreeSet::new();
    match outcome {
        Outcome::Read(decoded) => {
            after.state = DeliveryState::Decoded;
            after.note = decoded.ignored.map(|why| ("webhook.ignored".to_owned(), why));
            if polled {
                runs = hints(tx, provider, decoded.observations, at)?;
            }
        }
        Outcome::TooLarge => {
            after.state = DeliveryState::Decoded;
            let why = format!("a body of more than {READABLE} bytes is not read: the platform is");
            after.note = Some(("webhook.too-large".into(), why));
        }
        Outcome::Later(code, message) if after.attempts < ATTEMPTS => {
            let pause = 1000_i64 << after.attempts.min(12);
            after.due = at.plus_millis(pause);
            after.note = Some((code, message));
        }
        Outcome::Later(code, message) | Outcome::Dead(code, message) => {
            after.state = DeliveryState::Dead;
            after.note = Some((code, message));
        }
    }
    after.hints = u32::try_from(runs.len()).unwrap_or(u32::MAX);
    tx.update_delivery(&after, before.version)?;
    let kind = match after.state {
        DeliveryState::Stored => return Ok(false),
        DeliveryState::Decoded => EventKind::WebhookDecoded,
        DeliveryState::Dead => EventKind::WebhookDead,
    };
    let runs: Vec<String> = runs.into_iter().map(|(_, run)| run).collect();
    tell(tx, kind, after.id, None, event::webhook_read(&after, &provider.name, &runs), at)?;
    Ok(true)
}

/// Notes the runs that are to be looked at: those of our pipelines of which something is said that is not known.
fn hints(
    tx: &mut Tx<'_>,
    provider: &Provider,
    observations: Vec<HookObservation>,
    at: Timestamp,
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let pipelines = ledger::on_platform(tx, provider.id)?;
    let mut runs = BTreeSet::new();
    for observation in observations {
        let (mut found, seen) = match observation {
            HookObservation::Changed(run) | HookObservation::Deployment { run: Some(run), .. } => (run, None),
            HookObservation::Run(found) => {
                let FoundRun { pipeline, run, .. } = *found;
                let Some(id) = run.external_id.clone() else { continue };
                (RunRef { pipeline, run: id, attempt: run.attempt }, Some(run))
            }
            HookObservation::Deployment { run: None, .. } | HookObservation::Other { .. } => continue,
        };
        let mut known = record::known(tx, provider.id, &found.pipeline, &found.run)?;
        if known.is_none()
            && !pipelines.contains_key(&found.pipeline)
            && let Some((run, pipeline)) = record::known_below(tx, provider.id, &found.pipeline, &found.run)?
        {
            (known, found.pipeline) = (Some(run), pipeline);
        }
        let wanted = match (&known, seen) {
            // It is a hint, whatever it says.
            (Some(run), Some(seen)) => record::observe(tx, run, seen, Standing::Hint, at)?.1,
            (Some(_), None) => true,
            (None, _) => pipelines.contains_key(&found.pipeline),
        };
        if wanted && runs.len() < MOST_HINTS {
            tx.add_hint(provider.id, &found.pipeline, &found.run)?;
            runs.insert((found.pipeline, found.run));
        }
    }
    Ok(runs)
}
