//! Finds out what became of a request to start something, where the platform did not say it at once: by its ticket, or
//! by the run's token. There is no deadline to it: it is looked for until it is found or an operator gives it up.

use novacron_cicd_domain::{
    platform::{CallError, CallErrorKind, RunMatch, Ticket},
    provider::Provider,
    run::Run,
};
use tokio_util::sync::CancellationToken;

use super::{Inner, poll::Looked, recover::SKEW};

pub(super) async fn resolve(inner: &Inner, provider: &Provider, run: &Run, cancel: &CancellationToken) -> Looked {
    let pipeline = match inner.world.ledger.platform_pipeline(run).await {
        Ok(pipeline) => pipeline,
        Err(error) => return Looked::unreadable(&error),
    };
    let answer = match &run.ticket {
        Some(ticket) => {
            let call = inner.call(provider, "engine", cancel);
            match inner.world.providers.resolve_ticket(call, pipeline.clone(), ticket.clone()).await {
                // Queues forget what left them; the run may be there all the same.
                Err(CallError { kind: CallErrorKind::NotFound, .. }) => {
                    search(inner, provider, run, pipeline, cancel).await
                }
                other => other.map(Some),
            }
        }
        None => search(inner, provider, run, pipeline, cancel).await,
    };
    let ticket = match answer {
        Ok(Some(ticket)) => ticket,
        Ok(None) => return Looked::same(),
        Err(error) => return Looked::failed(provider, &error),
    };
    if matches!((&ticket, &run.ticket), (Ticket::Queued(new), Some(old)) if new == old) {
        return Looked::same();
    }
    match inner.world.ledger.ticket(run.id, ticket, inner.now()).await {
        Ok(after) => Looked::at(after.version != run.version),
        Err(error) => Looked::unreadable(&error),
    }
}

async fn search(
    inner: &Inner,
    provider: &Provider,
    run: &Run,
    pipeline: String,
    cancel: &CancellationToken,
) -> Result<Option<Ticket>, CallError> {
    if !inner.world.providers.supports(provider, "run-search") {
        return Ok(None);
    }
    let since = run.times.created.unwrap_or_default().plus_millis(-SKEW);
    let call = inner.call(provider, "engine", cancel);
    Ok(match inner.world.providers.find(call, pipeline, run.correlation.clone(), since).await? {
        RunMatch::One(found) => Some(Ticket::Run(Box::new(found.run))),
        RunMatch::Queued(ticket) => Some(Ticket::Queued(ticket)),
        RunMatch::None => None,
        RunMatch::Many(runs) => {
            tracing::warn!(run = %run.id, found = runs.len(), "more than one run on the platform carries this run's token");
            None
        }
    })
}
