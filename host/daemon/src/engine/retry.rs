//! Asks a platform to do a run again. What it makes of that, a new attempt of the same run or a new run, its answer says.

use novacron_cicd_domain::{
    platform::{RunRef, Ticket},
    run::Run,
};
use novacron_cicd_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::{
    Inner, argument, backoff,
    fault::fault,
    orphaned,
    payload::Payload,
    ports::Job,
    recover::{self, Next},
    trigger::effect,
    verdict::{Verdict, Why},
    worker::Performed,
};

pub(super) async fn perform(inner: &Inner, job: Job, cancel: CancellationToken) -> Result<Performed, StoreError> {
    fault!("retry.claimed");
    let (Some(run), Some(asked)) = (&job.run, Payload::of(&job.operation).retry) else {
        inner.settle(&job.operation, orphaned("run")).await;
        return Ok(Performed::Settled);
    };
    let target = reference(&job, run, asked.attempt);
    if let Next::Settle(verdict) = recover::retry(inner, &job, run, &target, &cancel).await {
        inner.settle(&job.operation, verdict).await;
        return Ok(Performed::Settled);
    }
    let Some(operation) = inner.mark_sent(&job.operation).await? else { return Ok(Performed::Overtaken) };
    fault!("retry.before-send");
    let call = inner.call(&job.provider, &operation.actor, &cancel);
    // A run that is made by a retry has the operation's id, so that its token is made of its id, like every run's.
    let token = operation.id.correlation();
    let answer = inner.world.providers.retry(call, argument(&operation, Some(run)), target, asked.scope, token).await;
    fault!("retry.after-send");
    let verdict = match answer {
        Ok(Ticket::Canceled(reason)) => {
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            Verdict::Failed(Why::new("operation.dropped", format!("the platform's queue let go of it{reason}")))
        }
        // It is somewhere, and there is no way to find out where.
        Ok(Ticket::Unknown(None)) if !inner.world.providers.supports(&job.provider, "run-search") => {
            Verdict::Ambiguous(Why::new("operation.no-trace", "the platform took it and does not say what it made"))
        }
        Ok(ticket) => Verdict::Done(effect(ticket)),
        Err(error) => {
            tracing::warn!(operation = %operation.id, provider = %job.provider.name, %error, "a run was not retried");
            backoff::verdict(inner, &operation, &error, &cancel)
        }
    };
    fault!("retry.before-commit");
    inner.settle(&operation, verdict).await;
    fault!("retry.after-commit");
    Ok(Performed::Settled)
}

/// The run as the platform knows it, at the attempt that was seen when somebody asked.
fn reference(job: &Job, run: &Run, attempt: u32) -> RunRef {
    let external = run.external_id.clone().unwrap_or_else(|| run.correlation.clone());
    RunRef { pipeline: job.platform_pipeline.clone(), run: external, attempt: Some(attempt) }
}
