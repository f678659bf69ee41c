//! Lets a runner finish and gives it no new work, or gives it work again. To ask for it twice changes nothing more.

use novacron_cicd_domain::operation::RecoveryClass;
use novacron_cicd_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::{
    Inner, argument, backoff, is_open, orphaned,
    payload::{Drain, Payload},
    ports::Job,
    verdict::{Effect, Verdict, Why},
    worker::Performed,
};

pub(super) async fn perform(inner: &Inner, job: Job, cancel: CancellationToken) -> Result<Performed, StoreError> {
    let payload = Payload::of(&job.operation);
    let Some(wanted) = payload.drain.clone() else {
        inner.settle(&job.operation, orphaned("runner")).await;
        return Ok(Performed::Settled);
    };
    if let Some(verdict) = settled(inner, &job, &payload, &wanted, &cancel).await {
        inner.settle(&job.operation, verdict).await;
        return Ok(Performed::Settled);
    }
    let Some(operation) = inner.mark_sent(&job.operation).await? else { return Ok(Performed::Overtaken) };
    let call = inner.call(&job.provider, &operation.actor, &cancel);
    let verdict = match inner.world.providers.set_draining(call, argument(&operation, None), wanted).await {
        Ok(()) => Verdict::Done(Effect::Nothing),
        Err(error) => {
            tracing::warn!(operation = %operation.id, provider = %job.provider.name, %error, "a runner was not changed");
            backoff::verdict(inner, &operation, &error, &cancel)
        }
    };
    inner.settle(&operation, verdict).await;
    Ok(Performed::Settled)
}

/// What can be said of an open attempt without sending again; none: send.
async fn settled(
    inner: &Inner,
    job: &Job,
    payload: &Payload,
    wanted: &Drain,
    cancel: &CancellationToken,
) -> Option<Verdict> {
    let operation = &job.operation;
    let why = |message: &str| Why::new("operation.interrupted", message);
    if !is_open(operation) {
        return payload.cancel_requested.then(|| Verdict::Canceled(why("it was given up before it was sent")));
    }
    if operation.recovery == RecoveryClass::IdempotentKey && !payload.cancel_requested {
        return None;
    }
    if matches!(operation.recovery, RecoveryClass::IdempotentKey | RecoveryClass::None) {
        return Some(Verdict::Ambiguous(why("it was sent, and its outcome is not known")));
    }
    let call = inner.call(&job.provider, &operation.actor, cancel);
    match inner.world.providers.runner(call, wanted.runner.clone()).await {
        Ok(found) if found.draining == wanted.draining => Some(Verdict::Done(Effect::Nothing)),
        Ok(_) if payload.cancel_requested => Some(Verdict::Ambiguous(why("it was given up after it was sent"))),
        Ok(_) => None,
        Err(error) => Some(Verdict::Unsettled {
            due: backoff::due(inner, operation.attempts + 2, None),
            why: Why::from(&error),
            looks: payload.looks,
        }),
    }
}
