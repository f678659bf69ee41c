//! Asks a platform for the end of a run. Whether the end came, the run's state says.

use std::time::Duration;

use novacron_cicd_domain::{
    operation::OperationState,
    platform::{CancelTarget, RunRef},
    run::Run,
};
use novacron_cicd_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::{
    Inner, argument, backoff,
    fault::fault,
    orphaned,
    ports::{Job, Reporting},
    recover::{self, Next},
    verdict::{Effect, Verdict, Why},
    worker::Performed,
};

pub(super) async fn perform(inner: &Inner, job: Job, cancel: CancellationToken) -> Result<Performed, StoreError> {
    fault!("cancel.claimed");
    let Some(run) = &job.run else {
        inner.settle(&job.operation, orphaned("run")).await;
        return Ok(Performed::Settled);
    };
    if run.status.state.is_terminal() {
        inner.settle(&job.operation, Verdict::Done(Effect::Nothing)).await;
        return Ok(Performed::Settled);
    }
    let target = match target(inner, &job, run).await? {
        Ok(target) => target,
        Err(verdict) => {
            inner.settle(&job.operation, verdict).await;
            return Ok(Performed::Settled);
        }
    };
    let run_ref = match &target {
        CancelTarget::Run(run) => Some(run),
        CancelTarget::Queued { .. } => None,
    };
    if let Next::Settle(verdict) = recover::cancel(inner, &job, run_ref, &cancel).await {
        inner.settle(&job.operation, verdict).await;
        return Ok(Performed::Settled);
    }
    let Some(operation) = inner.mark_sent(&job.operation).await? else { return Ok(Performed::Overtaken) };
    fault!("cancel.before-send");
    let call = inner.call(&job.provider, &operation.actor, &cancel);
    let answer = inner.world.providers.cancel(call, argument(&operation, Some(run)), target).await;
    fault!("cancel.after-send");
    let verdict = match answer {
        Ok(()) => Verdict::Done(Effect::Nothing),
        Err(error) => {
            tracing::warn!(operation = %operation.id, provider = %job.provider.name, %error, "a run was not canceled");
            backoff::verdict(inner, &operation, &error, &cancel)
        }
    };
    fault!("cancel.before-commit");
    inner.settle(&operation, verdict).await;
    fault!("cancel.after-commit");
    Ok(Performed::Settled)
}

/// What to name to the platform. It is not known before the trigger is settled; then the cancel waits, unsent.
async fn target(inner: &Inner, job: &Job, run: &Run) -> Result<Result<CancelTarget, Verdict>, StoreError> {
    let pipeline = job.platform_pipeline.clone();
    if let Some(external) = &run.external_id {
        return Ok(Ok(CancelTarget::Run(RunRef { pipeline, run: external.clone(), attempt: None })));
    }
    if let Some(ticket) = &run.ticket {
        return Ok(Ok(CancelTarget::Queued { pipeline, ticket: ticket.clone() }));
    }
    let wait = |why: &str, after: Duration| Verdict::Retry {
        due: inner.later(after),
        why: Why::new("operation.waiting", format!("it waits until {why}")),
    };
    // A run that a retry made has none.
    let Some(trigger) = inner.world.ledger.trigger_of(run.id).await? else {
        return Ok(Err(wait("the run is found on the platform", Duration::from_secs(2))));
    };
    Ok(match trigger.state {
        OperationState::Done => match inner.world.providers.reporting(&job.provider) {
            // It knows itself by the token that it was started with.
            Reporting::Callback => {
                Ok(CancelTarget::Run(RunRef { pipeline, run: run.correlation.clone(), attempt: None }))
            }
            Reporting::Poll => Err(wait("the run is found on the platform", Duration::from_secs(2))),
        },
        OperationState::Failed | OperationState::Canceled => Err(Verdict::Done(Effect::Nothing)),
        OperationState::Ambiguous => Err(wait("an operator settles the trigger", Duration::from_secs(5))),
        OperationState::Queued | OperationState::Claimed | OperationState::Sent => {
            Err(wait("the trigger is settled", Duration::from_millis(250)))
        }
    })
}
