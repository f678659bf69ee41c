//! Finds out what became of a request to start something, where the platform did not say it at once: by its ticket, or
//! by the run's token. There is no deadline to it while the platform knows the ticket, or gave none: it is looked for until
//! it is found, or until its end was asked for. What the platform had taken and knows no more is lost.

use novacron_cicd_domain::{
    platform::{CallError, CallErrorKind, RunMatch, Ticket},
    provider::Provider,
    run::Run,
};
use tokio_util::sync::CancellationToken;

use super::{Inner, poll::Looked, recover::SKEW};

/// So long nothing must be found of a run before it counts as lost, in milliseconds: long against what a restart of the
/// platform takes, and against the lag of its search.
const PATIENCE: i64 = 10 * 60 * 1000;

pub(super) async fn resolve(inner: &Inner, provider: &Provider, run: &Run, cancel: &CancellationToken) -> Looked {
    let pipeline = match inner.world.ledger.platform_pipeline(run).await {
        Ok(pipeline) => pipeline,
        Err(error) => return Looked::unreadable(&error),
    };
    let (answer, unknown) = match &run.ticket {
        Some(ticket) => {
            let call = inner.call(provider, "engine", cancel);
            match inner.world.providers.resolve_ticket(call, pipeline.clone(), ticket.clone()).await {
                // Queues forget what left them; the run may be there all the same.
                Err(CallError { kind: CallErrorKind::NotFound, .. }) => {
                    (search(inner, provider, run, pipeline, cancel).await, true)
                }
                other => (other.map(Some), false),
            }
        }
        None => (search(inner, provider, run, pipeline, cancel).await, run.cancel_requested),
    };
    let ticket = match answer {
        Ok(Some(ticket)) => ticket,
        Ok(None) if unknown => return missing(inner, run).await,
        Ok(None) => return Looked::same(),
        Err(error) => return Looked::failed(provider, &error),
    };
    inner.in_flight.found(run.id);
    if matches!((&ticket, &run.ticket), (Ticket::Queued(new), Some(old)) if new == old) {
        return Looked::same();
    }
    match inner.world.ledger.ticket(run.id, ticket, inner.now()).await {
        Ok(after) => Looked::at(after.version != run.version),
        Err(error) => Looked::unreadable(&error),
    }
}

/// The platform knows no place of it, or nobody wants it any more, and nothing is found of it.
async fn missing(inner: &Inner, run: &Run) -> Looked {
    let now = inner.now();
    if now.since(inner.in_flight.missing(run.id, now)) < PATIENCE {
        return Looked::same();
    }
    tracing::warn!(run = %run.id, "the platform has lost a run that it had taken");
    match inner.world.ledger.lose(run.id, now).await {
        Ok(lost) => {
            inner.in_flight.found(run.id);
            Looked::at(lost)
        }
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
