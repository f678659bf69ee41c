//! Starts a run on its platform.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    parameter::ParameterKind,
    platform::{CallError, CallbackAddress, Given, Ticket, TriggerRequest, Value},
    run::{Run, SeenRun},
    status::Times,
};
use novacron_cicd_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::{
    Inner, argument, backoff,
    fault::fault,
    orphaned,
    payload::{Payload, callback_context},
    ports::{Call, Job, Reporting, SecretSource},
    recover::{self, Next},
    verdict::{Effect, Verdict, Why},
    worker::Performed,
};

/// How the callback's token is called in the call that hands it over.
const CALLBACK: &str = "novacron.callback-token";

pub(super) async fn perform(inner: &Inner, mut job: Job, cancel: CancellationToken) -> Result<Performed, StoreError> {
    fault!("trigger.claimed");
    let Some(run) = &job.run else {
        inner.settle(&job.operation, orphaned("run")).await;
        return Ok(Performed::Settled);
    };
    if let Next::Settle(verdict) = recover::trigger(inner, &job, run, &cancel).await {
        inner.settle(&job.operation, verdict).await;
        return Ok(Performed::Settled);
    }
    let (call, request) = match prepare(inner, &job, run, &cancel) {
        Ok(prepared) => prepared,
        Err(why) => {
            let doubt = super::is_open(&job.operation);
            inner.settle(&job.operation, if doubt { Verdict::Ambiguous(why) } else { Verdict::Failed(why) }).await;
            return Ok(Performed::Settled);
        }
    };
    if let Some(callback) = &request.callback {
        let callback_url = Some(callback.url.clone());
        job.operation.payload = Payload { callback_url, ..Payload::of(&job.operation) }.json();
    }
    let Some(operation) = inner.mark_sent(&job.operation).await? else { return Ok(Performed::Overtaken) };
    fault!("trigger.before-send");
    let answer = inner.world.providers.trigger(call, argument(&operation, job.run.as_ref()), request).await;
    fault!("trigger.after-send");
    let verdict = match answer {
        Ok(ticket) => Verdict::Done(effect(ticket)),
        Err(error) => {
            log(&job, &error);
            backoff::verdict(inner, &operation, &error, &cancel)
        }
    };
    fault!("trigger.before-commit");
    inner.settle(&operation, verdict).await;
    fault!("trigger.after-commit");
    Ok(Performed::Settled)
}

fn log(job: &Job, error: &CallError) {
    tracing::warn!(operation = %job.operation.id, provider = %job.provider.name, %error, "a run was not started");
}

/// What a ticket leads to.
pub(super) fn effect(ticket: Ticket) -> Effect {
    match ticket {
        Ticket::Run(run) => Effect::Seen(run),
        Ticket::Queued(ticket) => Effect::Queued { ticket, folded: false },
        Ticket::Folded(ticket) => Effect::Queued { ticket, folded: true },
        Ticket::Unknown(Some(ticket)) => Effect::Queued { ticket, folded: false },
        // It is searched for by its token, or speaks up itself.
        Ticket::Unknown(None) => Effect::Nothing,
        Ticket::Canceled(reason) => Effect::Dropped(reason),
    }
}

fn prepare(inner: &Inner, job: &Job, run: &Run, cancel: &CancellationToken) -> Result<(Call, TriggerRequest), Why> {
    let payload = Payload::of(&job.operation);
    let mut call = inner.call(&job.provider, &job.operation.actor, cancel);
    let kind = |name: &str| {
        let declared = job.pipeline.iter().flat_map(|pipeline| &pipeline.parameters);
        declared.into_iter().find(|parameter| parameter.name == name).map_or(ParameterKind::String, |found| found.kind)
    };
    let mut parameters = BTreeMap::new();
    for (name, value) in &run.parameters {
        let given = match payload.secrets.get(name) {
            Some(secret) => {
                let reference = format!("parameter:{name}");
                call.secrets.insert(reference.clone(), SecretSource::Named(secret.clone()));
                Given { kind: ParameterKind::Secret, value: Value::Secret(reference) }
            }
            None => Given { kind: kind(name), value: Value::Text(value.clone()) },
        };
        parameters.insert(name.clone(), given);
    }
    let callback = match (inner.world.providers.reporting(&job.provider), payload.callback) {
        (Reporting::Callback, Some(sealed)) => {
            let Some(base) = inner.config.callbacks.reached_from(&job.provider.base_url) else {
                let why = "the run calls back, and this host has no address that its platform can reach";
                return Err(Why::new("host.no-public-url", why));
            };
            let sealed = hex::decode(sealed)
                .map_err(|_| Why::new("operation.damaged", "the run's callback token is damaged"))?;
            let source = SecretSource::Sealed { context: callback_context(run.id), sealed };
            call.secrets.insert(CALLBACK.into(), source);
            let url = format!("{}/v1/callbacks/runs/{}", base.as_str().trim_end_matches('/'), run.id);
            // A run may have begun with the address of the first sending: another one now, under the same id, would
            // make one message into two that do not agree.
            if let Some(before) = payload.callback_url.filter(|before| super::is_open(&job.operation) && *before != url)
            {
                let why = format!("it was sent with the callback address {before}, and this host is at {url} now");
                return Err(Why::new("host.callback-moved", why));
            }
            Some(CallbackAddress { url, token: CALLBACK.into() })
        }
        _ => None,
    };
    let mut more = BTreeMap::from([
        ("novacron.pipeline-name".to_owned(), run.pipeline_name.to_string()),
        ("novacron.run-id".to_owned(), run.id.to_string()),
    ]);
    if let Some(repository) = job.pipeline.as_ref().and_then(|pipeline| pipeline.repository.clone()) {
        more.insert("novacron.repository".to_owned(), repository);
    }
    let request = TriggerRequest {
        pipeline: job.platform_pipeline.clone(),
        reference: run.reference.clone(),
        parameters,
        environment: run.environment.iter().map(|(name, value)| (name.clone(), Given::text(value))).collect(),
        correlation: run.correlation.clone(),
        callback,
        more,
    };
    Ok((call, request))
}

/// What is learned of a run by an answer that others may have overtaken: its names, not where it stands.
pub(super) fn names_of(seen: SeenRun) -> SeenRun {
    SeenRun {
        external_id: seen.external_id,
        number: seen.number,
        url: seen.url,
        commit: seen.commit,
        actor: seen.actor,
        // By the platform's clock: ours may be ahead of it, and what it says next would count as older.
        times: Times { updated: seen.times.updated, ..Times::default() },
        ..SeenRun::default()
    }
}
