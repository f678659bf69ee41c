//! Claims what is due and works on it: so many at once in all, so many at once per provider.

use std::sync::Arc;

use novacron_cicd_domain::{
    id::OperationId,
    operation::{Operation, OperationKind, OperationState},
};
use novacron_cicd_store::{Claim, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Inner, cancel, change, pipeline, retry, trigger};

/// Until the engine stops.
pub(super) async fn work(inner: Arc<Inner>) {
    while let Err(error) = inner.world.ledger.release(inner.now()).await {
        tracing::error!(%error, "the engine cannot start yet");
        tokio::select! {
            biased;
            () = inner.stopping.cancelled() => return,
            () = inner.world.clock.sleep_until(inner.now().plus_millis(1000)) => {}
        }
    }
    let mut tasks = JoinSet::new();
    let tick = i64::try_from(inner.config.tick.as_millis()).unwrap_or(i64::MAX);
    while !inner.stopping.is_cancelled() {
        // Made before the claim: a wake during it is not lost.
        let woken = inner.wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        match claim(&inner).await {
            Ok(operations) => {
                for operation in operations {
                    begin(&inner, &mut tasks, operation);
                }
            }
            Err(error) => tracing::error!(%error, "the engine cannot claim operations"),
        }
        let now = inner.now();
        let until = now.plus_millis(tick).min(inner.in_flight.next(now).unwrap_or(now.plus_millis(tick)));
        // In order, here and in all loops: what happens next must follow from what happened, also in a replay.
        tokio::select! {
            biased;
            () = inner.stopping.cancelled() => {}
            Some(_) = tasks.join_next() => {}
            () = &mut woken => {}
            () = inner.world.clock.sleep_until(until) => {}
        }
    }
    while tasks.join_next().await.is_some() {}
}

async fn claim(inner: &Inner) -> Result<Vec<Operation>, StoreError> {
    let limit = inner.config.workers.saturating_sub(inner.in_flight.len());
    if limit == 0 {
        return Ok(Vec::new());
    }
    let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let claim = Claim {
        now: inner.now(),
        lease_until: inner.lease(),
        limit: narrow(limit),
        per_provider: narrow(inner.config.per_provider),
        provider: None,
    };
    inner.world.ledger.claim(claim).await
}

fn begin(inner: &Arc<Inner>, tasks: &mut JoinSet<()>, operation: Operation) {
    let cancel = inner.cut.child_token();
    if !inner.in_flight.begin(operation.id, cancel.clone()) {
        return;
    }
    let inner = inner.clone();
    tasks.spawn(async move {
        let ended = Ended { inner: inner.clone(), operation: operation.id };
        while let Err(error) = perform(&inner, &operation, cancel.clone()).await {
            tracing::error!(operation = %operation.id, kind = operation.kind.as_str(), %error, "an operation is put off");
            if matches!(error, StoreError::Closed | StoreError::NotFound { .. }) {
                break;
            }
            // A state that fails for a while (a full disk) is asked again; where the host stops, the lease ends and it is
            // claimed anew.
            tokio::select! {
                biased;
                () = inner.stopping.cancelled() => break,
                () = inner.world.clock.sleep_until(inner.now().plus_millis(1000)) => {}
            }
        }
        drop(ended);
    });
}

/// What became of the work on a claimed operation.
pub(super) enum Performed {
    /// It was recorded, or is not ours any more.
    Settled,
    /// Somebody changed the operation between our reading and our sending: it is to be looked at again.
    Overtaken,
}

async fn perform(inner: &Arc<Inner>, operation: &Operation, cancel: CancellationToken) -> Result<(), StoreError> {
    loop {
        let job = inner.world.ledger.job(operation.id).await?;
        if !matches!(job.operation.state, OperationState::Claimed | OperationState::Sent) {
            return Ok(());
        }
        // Boxed: the futures of calls are large, and each is only one of the kinds.
        let performed = match operation.kind {
            OperationKind::RunTrigger => Box::pin(trigger::perform(inner, job, cancel.clone())).await?,
            OperationKind::RunCancel => Box::pin(cancel::perform(inner, job, cancel.clone())).await?,
            OperationKind::RunRetry => Box::pin(retry::perform(inner, job, cancel.clone())).await?,
            OperationKind::PipelineCreate | OperationKind::PipelineUpdate | OperationKind::PipelineDelete => {
                Box::pin(pipeline::perform(inner, job, cancel.clone())).await?
            }
            OperationKind::Change(_) => Box::pin(change::perform(inner, job, cancel.clone())).await?,
        };
        if matches!(performed, Performed::Settled) {
            return Ok(());
        }
    }
}

/// Frees the operation's place also where its task panics.
struct Ended {
    inner: Arc<Inner>,
    operation: OperationId,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.inner.in_flight.end(self.operation);
        self.inner.wake.notify_one();
    }
}
