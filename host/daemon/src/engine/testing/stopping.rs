//! A ledger that stops answering where it is told to, or has no room for a moment.

use std::{
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use novacron_cicd_domain::{
    Timestamp,
    id::{OperationId, ProviderId, RunId},
    operation::Operation,
    platform::{FoundRun, RemoteArtifact, Ticket},
    provider::Provider,
    run::{Run, SeenRun},
};
use novacron_cicd_store::{Claim, Hint, StoreError};
use tokio::sync::watch;

use crate::engine::{
    StoreLedger,
    discover::{Noted, TakenIn},
    logs::MissingLog,
    ports::{Job, Ledger},
    verdict::Verdict,
};

/// Where a ledger stops answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Before it writes.
    Before,
    /// After it wrote: the answer never comes.
    After,
    /// It has no room for that one, and has some again for the next.
    Full,
}

/// A ledger whose n-th transaction never comes back, or fails.
pub(crate) struct Stopping {
    pub(crate) ledger: StoreLedger,
    pub(crate) nth: usize,
    pub(crate) stop: Stop,
    pub(crate) count: AtomicUsize,
    pub(crate) stopped: watch::Sender<bool>,
}

impl Stopping {
    async fn stage<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let here = self.count.fetch_add(1, Ordering::SeqCst) + 1 == self.nth;
        match self.stop {
            Stop::Full if here => return Err(StoreError::Full),
            Stop::Before if here => self.halt().await,
            _ => {}
        }
        let outcome = work.await;
        if here {
            self.halt().await;
        }
        outcome
    }

    async fn halt(&self) {
        self.stopped.send_replace(true);
        pending::<()>().await;
    }
}

#[async_trait]
impl Ledger for Stopping {
    async fn release(&self, now: Timestamp) -> Result<(), StoreError> {
        self.stage(self.ledger.release(now)).await
    }
    async fn claim(&self, claim: Claim) -> Result<Vec<Operation>, StoreError> {
        self.stage(self.ledger.claim(claim)).await
    }
    async fn job(&self, id: OperationId) -> Result<Job, StoreError> {
        self.stage(self.ledger.job(id)).await
    }
    async fn mark_sent(&self, operation: &Operation, now: Timestamp) -> Result<Option<Operation>, StoreError> {
        self.stage(self.ledger.mark_sent(operation, now)).await
    }
    async fn settle(&self, operation: &Operation, verdict: Verdict, now: Timestamp) -> Result<bool, StoreError> {
        self.stage(self.ledger.settle(operation, verdict, now)).await
    }
    async fn observe(
        &self,
        run: RunId,
        seen: SeenRun,
        missing: Vec<MissingLog>,
        now: Timestamp,
    ) -> Result<Run, StoreError> {
        self.ledger.observe(run, seen, missing, now).await
    }
    async fn ticket(&self, run: RunId, ticket: Ticket, now: Timestamp) -> Result<Run, StoreError> {
        self.ledger.ticket(run, ticket, now).await
    }
    async fn lose_silent(&self, now: Timestamp) -> Result<Vec<RunId>, StoreError> {
        self.ledger.lose_silent(now).await
    }
    async fn active_runs(&self, provider: ProviderId) -> Result<Vec<Run>, StoreError> {
        self.ledger.active_runs(provider).await
    }
    async fn providers(&self) -> Result<Vec<Provider>, StoreError> {
        self.ledger.providers().await
    }
    async fn platform_pipeline(&self, run: &Run) -> Result<String, StoreError> {
        self.ledger.platform_pipeline(run).await
    }
    async fn watched(&self, provider: ProviderId) -> Result<(Vec<String>, Noted), StoreError> {
        self.ledger.watched(provider).await
    }
    async fn hinted(&self, provider: ProviderId) -> Result<Vec<(Hint, Option<Run>)>, StoreError> {
        self.ledger.hinted(provider).await
    }
    async fn looked_at(&self, provider: ProviderId, hint: Hint, found: bool) -> Result<Option<u32>, StoreError> {
        self.ledger.looked_at(provider, hint, found).await
    }
    async fn take_in(
        &self,
        provider: ProviderId,
        found: Vec<FoundRun>,
        noted: Noted,
        now: Timestamp,
    ) -> Result<TakenIn, StoreError> {
        self.ledger.take_in(provider, found, noted, now).await
    }
    async fn take_in_one(&self, provider: ProviderId, found: FoundRun, now: Timestamp) -> Result<TakenIn, StoreError> {
        self.ledger.take_in_one(provider, found, now).await
    }
    async fn artifacts(
        &self,
        run: RunId,
        attempt: u32,
        found: Vec<RemoteArtifact>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.ledger.artifacts(run, attempt, found, now).await
    }
    async fn trigger_of(&self, run: RunId) -> Result<Option<Operation>, StoreError> {
        self.ledger.trigger_of(run).await
    }
}
