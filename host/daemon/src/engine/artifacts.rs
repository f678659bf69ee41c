//! What artifacts a platform has of a run that has ended: recorded, and left there until somebody asks for their bytes.

use novacron_cicd_domain::{
    Retry,
    platform::{CallError, FoundRun, PageRequest, RemoteArtifact, RunRef},
    provider::Provider,
    run::Run,
};
use tokio_util::sync::CancellationToken;

use super::{Inner, poll::Looked};

/// At most so many pages are read, of a hundred each.
const PAGES: usize = 50;
/// So long after its end a run is waited for whose artifacts cannot be listed just now, in milliseconds.
const PATIENCE: i64 = 10 * 60 * 1000;

/// Before the end is written: who sees the end finds the artifacts. An error: the end is to wait.
pub(super) async fn record(
    inner: &Inner,
    provider: &Provider,
    run: &Run,
    reference: &RunRef,
    found: &FoundRun,
    cancel: &CancellationToken,
) -> Result<(), Looked> {
    if !inner.world.providers.supports(provider, "artifacts") {
        return Ok(());
    }
    let attempt = found.run.attempt.unwrap_or(run.attempt);
    let reference = RunRef { attempt: found.run.attempt, ..reference.clone() };
    let listed = match list(inner, provider, reference, cancel).await {
        Ok(listed) => listed,
        Err(error) => {
            let ended = found.run.times.finished;
            let soon = ended.is_some_and(|ended| inner.now().since(ended) < PATIENCE);
            if soon && matches!(error.retry(), Retry::Safe(_)) {
                return Err(Looked::failed(provider, &error));
            }
            tracing::warn!(run = %run.id, %error, "the artifacts of a run cannot be listed");
            return Ok(());
        }
    };
    if listed.is_empty() {
        return Ok(());
    }
    let recorded = inner.world.ledger.artifacts(run.id, attempt, listed, inner.now()).await;
    recorded.map_err(|error| Looked::unreadable(&error))
}

async fn list(
    inner: &Inner,
    provider: &Provider,
    reference: RunRef,
    cancel: &CancellationToken,
) -> Result<Vec<RemoteArtifact>, CallError> {
    let mut page = PageRequest::default();
    let mut listed = Vec::new();
    for _ in 0..PAGES {
        let call = inner.call(provider, "engine", cancel);
        let answer = inner.world.providers.artifacts(call, reference.clone(), page.clone()).await?;
        listed.extend(answer.items);
        page.cursor = answer.next;
        if page.cursor.is_none() {
            return Ok(listed);
        }
    }
    tracing::warn!(provider = %provider.name, run = reference.run, "a run has more artifacts than are recorded");
    Ok(listed)
}
