//! Follows runs of providers that have to be asked: each provider at its own pace, quick while something changes, slow
//! while nothing does, never before the platform's own rate limit allows it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use novacron_cicd_domain::{
    Retry, Timestamp,
    id::ProviderId,
    platform::{CallError, RunRef},
    provider::Provider,
    run::Run,
};
use novacron_cicd_store::{Hint, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Inner, artifacts, discover, logs, ports::Reporting, tickets};

/// What one look at a platform came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looked {
    changed: bool,
    active: bool,
    /// The platform wants to be left alone for so long.
    wait: Option<Duration>,
    /// It makes no sense to look further now.
    stop: bool,
    /// To be looked at again so soon, whatever the pace is.
    again: Option<Duration>,
}

impl Looked {
    pub(super) fn same() -> Self {
        Self::at(false)
    }

    pub(super) fn at(changed: bool) -> Self {
        Self { changed, active: true, ..Self::default() }
    }

    pub(super) fn unreadable(error: &StoreError) -> Self {
        tracing::error!(%error, "a run cannot be followed");
        Self { active: true, stop: true, ..Self::default() }
    }

    pub(super) fn failed(provider: &Provider, error: &CallError) -> Self {
        tracing::warn!(provider = %provider.name, %error, "a run cannot be read");
        Self::put_off(match error.retry() {
            Retry::Safe(Some(millis)) => Some(Duration::from_millis(millis)),
            _ => None,
        })
    }

    /// To be looked at again, by default at the usual pace.
    pub(super) fn put_off(wait: Option<Duration>) -> Self {
        Self { active: true, wait, stop: wait.is_some(), ..Self::default() }
    }

    fn and(&mut self, other: Self) {
        self.changed |= other.changed;
        self.active |= other.active;
        self.wait = self.wait.max(other.wait);
        self.stop |= other.stop;
        self.again = self.again.into_iter().chain(other.again).min();
    }
}

/// The condition of a run that ended and of whose log not all is here.
const LOG_INCOMPLETE: &str = "log-incomplete";

struct Beat {
    due: Timestamp,
    /// Not before, whoever asks.
    quiet_until: Timestamp,
    interval: Duration,
    /// When to look for runs of others, where that is not cheap.
    wide: Timestamp,
    looking: bool,
    /// There is something to see that the look under way may have come too early for.
    poked: bool,
}

/// Until the engine stops.
pub(super) async fn follow(inner: Arc<Inner>) {
    let mut beats: HashMap<ProviderId, Beat> = HashMap::new();
    let mut tasks: JoinSet<(ProviderId, Looked)> = JoinSet::new();
    let (shortest, longest) = inner.config.poll;
    while !inner.stopping.is_cancelled() {
        let poked = inner.poke.notified();
        tokio::pin!(poked);
        poked.as_mut().enable();
        let now = inner.now();
        for provider in inner.in_flight.take_pokes() {
            if let Some(beat) = beats.get_mut(&provider) {
                beat.due = now;
                beat.interval = shortest;
                beat.poked = beat.looking;
            }
        }
        match inner.world.ledger.providers().await {
            Ok(providers) => {
                for provider in providers {
                    if inner.world.providers.reporting(&provider) == Reporting::Callback {
                        continue;
                    }
                    let beat = beats.entry(provider.id).or_insert(Beat {
                        due: now,
                        quiet_until: now,
                        interval: shortest,
                        wide: now,
                        looking: false,
                        poked: false,
                    });
                    if !beat.looking && beat.due <= now && beat.quiet_until <= now {
                        beat.looking = true;
                        let wide = inner.in_flight.take_wide(provider.id) || beat.wide <= now;
                        if wide {
                            beat.wide = now.plus_millis(millis(longest));
                        }
                        let inner = inner.clone();
                        tasks.spawn(async move { (provider.id, Box::pin(look(&inner, &provider, wide)).await) });
                    }
                }
            }
            Err(error) => tracing::error!(%error, "providers cannot be listed"),
        }
        let waiting = beats.values().filter(|beat| !beat.looking).map(|beat| beat.due.max(beat.quiet_until)).min();
        let latest = now.plus_millis(millis(longest));
        let until = waiting.unwrap_or(latest).clamp(now.plus_millis(50), latest);
        tokio::select! {
            biased;
            () = inner.stopping.cancelled() => {}
            Some(ended) = tasks.join_next() => {
                let Ok((provider, looked)) = ended else { continue };
                let Some(beat) = beats.get_mut(&provider) else { continue };
                beat.looking = false;
                beat.interval = match (looked.active, looked.changed) {
                    (_, true) => shortest,
                    (true, false) => (beat.interval * 3 / 2).min(longest),
                    (false, false) => longest,
                };
                let now = inner.now();
                let pause = looked.again.map_or(beat.interval, |again| again.min(beat.interval));
                beat.due = if std::mem::take(&mut beat.poked) { now } else { now.plus_millis(millis(pause)) };
                beat.quiet_until = now.plus_millis(looked.wait.map_or(0, millis));
            }
            () = &mut poked => {}
            () = inner.world.clock.sleep_until(until) => {}
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

async fn look(inner: &Inner, provider: &Provider, wide: bool) -> Looked {
    let cancel = inner.cut.child_token();
    let runs = match inner.world.ledger.active_runs(provider.id).await {
        Ok(runs) => runs,
        Err(error) => return Looked::unreadable(&error),
    };
    // What is said from here on may come too late for this look, and is looked at in the next.
    let hinted = match inner.world.ledger.hinted(provider.id).await {
        Ok(hinted) => hinted,
        Err(error) => return Looked::unreadable(&error),
    };
    let mut looked = Looked::default();
    for run in runs {
        if looked.stop || inner.stopping.is_cancelled() {
            break;
        }
        looked.and(match &run.external_id {
            Some(external) => read(inner, provider, &run, external, &cancel).await,
            None => match inner.world.ledger.trigger_of(run.id).await {
                // Not sent, or open: that is the worker's.
                Ok(Some(trigger)) if !trigger.state.is_settled() => Looked::same(),
                Ok(_) => tickets::resolve(inner, provider, &run, &cancel).await,
                Err(error) => Looked::unreadable(&error),
            },
        });
    }
    for (hint, run) in hinted {
        if looked.stop || inner.stopping.is_cancelled() {
            break;
        }
        looked.and(heed(inner, provider, hint, run, &cancel).await);
    }
    // After ours: what can be known of those is known then.
    if looked.stop || inner.stopping.is_cancelled() || !(wide || discover::is_cheap(inner, provider)) {
        return looked;
    }
    let (seen, to_read) = discover::discover(inner, provider, &cancel).await;
    looked.and(seen);
    for run in to_read {
        looked.changed = true;
        if let Some(external) = &run.external_id {
            looked.and(read(inner, provider, &run, external, &cancel).await);
        }
    }
    looked
}

/// Looks at a run that the platform said something of: as at one of ours, and as at one of others where it is not known or
/// was over.
async fn heed(inner: &Inner, provider: &Provider, hint: Hint, run: Option<Run>, cancel: &CancellationToken) -> Looked {
    let mut looked = Looked::default();
    let mut found = true;
    // Those of ours that go on were read just now.
    if run.is_none_or(|run| run.status.state.is_terminal()) {
        let reference = RunRef { pipeline: hint.pipeline.clone(), run: hint.run.clone(), attempt: None };
        let to_read = match discover::look_at(inner, provider, reference, cancel).await {
            Ok(to_read) => to_read,
            // It may go better later; what is there says so itself then.
            Err((seen, true)) => return seen,
            Err((seen, false)) => {
                looked.and(seen);
                found = false;
                Vec::new()
            }
        };
        for run in to_read {
            looked.changed = true;
            if let Some(external) = &run.external_id {
                looked.and(read(inner, provider, &run, external, cancel).await);
            }
        }
    }
    match inner.world.ledger.looked_at(provider.id, hint, found).await {
        Ok(looks) => looked.again = looks.map(|looks| Duration::from_secs(1 << looks.saturating_sub(1).min(6))),
        Err(error) => looked.and(Looked::unreadable(&error)),
    }
    looked
}

async fn read(inner: &Inner, provider: &Provider, run: &Run, external: &str, cancel: &CancellationToken) -> Looked {
    let pipeline = match inner.world.ledger.platform_pipeline(run).await {
        Ok(pipeline) => pipeline,
        Err(error) => return Looked::unreadable(&error),
    };
    let reference = RunRef { pipeline, run: external.to_owned(), attempt: None };
    let call = inner.call(provider, "engine", cancel);
    let mut found = match inner.world.providers.run(call, reference.clone()).await {
        Ok(found) => found,
        Err(error) => return Looked::failed(provider, &error),
    };
    let mut missing = Vec::new();
    let ends = found.run.status.as_ref().is_some_and(|status| status.state.is_terminal());
    if ends {
        // Before the end is written: who sees the end finds the log whole.
        let copied = logs::copy_all(inner, provider, (run, found.run.graph.as_ref()), &reference, cancel, ends).await;
        missing = match copied.at_end(found.run.times.finished, inner.now()) {
            Ok(missing) => missing,
            Err(waits) => return waits,
        };
        if let (Some(status), false) = (&mut found.run.status, missing.is_empty()) {
            status.conditions.push(LOG_INCOMPLETE.to_owned());
        }
        if let Err(waits) = artifacts::record(inner, provider, run, &reference, &found, cancel).await {
            return waits;
        }
    }
    let after = match inner.world.ledger.observe(run.id, found.run, missing, inner.now()).await {
        Ok(after) => after,
        Err(error) => return Looked::unreadable(&error),
    };
    let mut looked = Looked::at(after.version != run.version);
    if !ends {
        let copied = logs::copy_all(inner, provider, (&after, after.graph.as_ref()), &reference, cancel, ends).await;
        looked.changed |= copied.new;
    }
    looked
}
