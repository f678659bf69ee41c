//! A ledger with somebody beside it who sees each transaction come and go.

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

use crate::engine::{
    StoreLedger,
    discover::{Noted, TakenIn},
    logs::MissingLog,
    ports::{Job, Ledger},
    verdict::Verdict,
};

/// What a transaction is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The way of an operation.
    Operation,
    /// All else.
    Other,
}

/// Who lets transactions happen.
pub(crate) trait Stage: Send + Sync + 'static {
    /// Lets one happen, before or after whatever else; or does not.
    fn stage<T: Send>(
        &self,
        kind: Kind,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> impl Future<Output = Result<T, StoreError>> + Send;
}

/// A ledger each of whose transactions is staged.
pub(crate) struct Staged<S> {
    pub(crate) ledger: StoreLedger,
    pub(crate) stage: S,
}

#[async_trait]
impl<S: Stage> Ledger for Staged<S> {
    async fn release(&self, now: Timestamp) -> Result<(), StoreError> {
        self.stage.stage(Kind::Operation, self.ledger.release(now)).await
    }
    async fn claim(&self, claim: Claim) -> Result<Vec<Operation>, StoreError> {
        self.stage.stage(Kind::Operation, self.ledger.claim(claim)).await
    }
    async fn job(&self, id: OperationId) -> Result<Job, StoreError> {
        self.stage.stage(Kind::Operation, self.ledger.job(id)).await
    }
    async fn mark_sent(&self, operation: &Operation, now: Timestamp) -> Result<Option<Operation>, StoreError> {
        self.stage.stage(Kind::Operation, self.ledger.mark_sent(operation, now)).await
    }
    async fn settle(&self, operation: &Operation, verdict: Verdict, now: Timestamp) -> Result<bool, StoreError> {
        self.stage.stage(Kind::Operation, self.ledger.settle(operation, verdict, now)).await
    }
    async fn observe(
        &self,
        run: RunId,
        seen: SeenRun,
        missing: Vec<MissingLog>,
        now: Timestamp,
    ) -> Result<Run, StoreError> {
        self.stage.stage(Kind::Other, self.ledger.observe(run, seen, missing, now)).await
    }
    async fn ticket(&self, run: RunId, ticket: Ticket, now: Timestamp) -> Result<Run, StoreError> {
        self.stage.stage(Kind::Other, self.ledger.ticket(run, ticket, now)).await
    }
    async fn lose_silent(&self, now: Timestamp) -> Result<Vec<RunId>, StoreError> {
        self.stage.stage(Kind::Other, self.ledger.lose_silent(now)).await
    }
    async fn lose(&self, run: RunId, now: Timestamp) -> Result<bool, StoreError> {
        self.stage.stage(Kind::Other, self.ledger.lose(run, now)).await
    }
    async fn active_runs(&self, provider: ProviderId) -> Result<Vec<Run>, StoreError> {
        self.stage.stage(Kind::Other, self.ledger.active_runs(provider)).await
    }
    async fn providers(&self) -> Result<Vec<Provider>, StoreError> {
        self.stage.stage(Kind::Other, self.ledger.providers()).await
    }
    async fn platform_pipeline(&self, run: &Run) -> Result<String, StoreError> {
        self.stage.stage(Kind::Other, self.ledger.platform_pipeline(run)).await
    }
    async fn watched(&self, provider: ProviderId) -> Result<(Vec<String>, Noted), StoreError> {
        self.stage.stage(Kind::Other, self.ledger.watched(provider)).await
    }
    async fn hinted(&self, provider: ProviderId) -> Result<Vec<(Hint, Option<Run>)>, StoreError> {
        self.stage.stage(Kind::Other, self.ledger.hinted(provider)).await
    }
    async fn looked_at(&self, provider: ProviderId, hint: Hint, found: bool) -> Result<Option<u32>, StoreError> {
        self.stage.stage(Kind::Other, self.ledger.looked_at(provider, hint, found)).await
    }
    async fn take_in_one(&self, provider: ProviderId, found: FoundRun, now: Timestamp) -> Result<TakenIn, StoreError> {
        self.stage.stage(Kind::Other, self.ledger.take_in_one(provider, found, now)).await
    }
    async fn take_in(
        &self,
        provider: ProviderId,
        found: Vec<FoundRun>,
        noted: Noted,
        now: Timestamp,
    ) -> Result<TakenIn, StoreError> {
        self.stage.stage(Kind::Other, self.ledger.take_in(provider, found, noted, now)).await
    }
    async fn artifacts(
        &self,
        run: RunId,
        attempt: u32,
        found: Vec<RemoteArtifact>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.stage.stage(Kind::Other, self.ledger.artifacts(run, attempt, found, now)).await
    }
    async fn trigger_of(&self, run: RunId) -> Result<Option<Operation>, StoreError> {
        self.stage.stage(Kind::Other, self.ledger.trigger_of(run)).await
    }
}
