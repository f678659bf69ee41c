//! What the engine needs of the world: time, randomness, platforms, a ledger. All as traits, so that it runs the same
//! under a simulation that stops the clock, refuses to answer, or forgets.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use novacron_cicd_domain::{
    Timestamp,
    id::{OperationId, ProviderId, RunId},
    name::Name,
    operation::{Operation, RecoveryClass},
    parameter::Parameter,
    pipeline::Pipeline,
    platform::{
        CallError, CancelTarget, Change, CheckReport, Decoded, Definition, Delivery, DownloadPlan, FoundRun, LogAnswer,
        LogRequest, OperationArg, Outcome, PageRequest, RemoteArtifact, RemoteDeployment, RemotePage, RemotePipeline,
        RetryScope, RunChanges, RunFilter, RunMatch, RunRef, Ticket, Transfer, TriggerRequest,
    },
    provider::Provider,
    run::{Run, SeenRun},
};
use novacron_cicd_store::{Claim, Hint, StoreError};
use tokio_util::sync::CancellationToken;

use super::{
    discover::{Noted, TakenIn},
    logs::MissingLog,
    verdict::Verdict,
};

/// Time.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Returns at `until`, or at once where that is past.
    async fn sleep_until(&self, until: Timestamp);
}

/// Randomness.
pub trait Random: Send + Sync + 'static {
    /// Fills the buffer.
    fn fill(&self, bytes: &mut [u8]);

    /// A number below `bound`; 0 where `bound` is 0.
    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes).checked_rem(bound).unwrap_or(0)
    }

    /// A number from 0 to 1, without 1.
    fn fraction(&self) -> f64 {
        self.below(1 << 20) as f64 / f64::from(1 << 20)
    }
}

/// Who says the truth about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reporting {
    /// We read it on the platform.
    Poll,
    /// The run's own callbacks.
    Callback,
}

/// Where the value of a call's secret is; it is read when the call is made, not before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In the vault, under this name.
    Named(String),
    /// Sealed, for this context.
    Sealed {
        /// What it was sealed for.
        context: String,
        /// The sealed bytes.
        sealed: Vec<u8>,
    },
}

/// Everything about a call that is not its arguments.
#[derive(Clone)]
pub struct Call {
    /// The connection.
    pub provider: Provider,
    /// Reference, as the arguments have it, to where the value is.
    pub secrets: BTreeMap<String, SecretSource>,
    /// How long it may take.
    pub deadline: Duration,
    /// Ends the guest and its connection.
    pub cancel: CancellationToken,
    /// For whom.
    pub actor: String,
}

/// What a change that only the platform knows led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// In the platform's words; masked.
    pub outcome: Outcome,
    /// What the platform handed out.
    pub kept: Option<Kept>,
}

/// A value that is to become a secret of the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Under this name.
    pub name: Name,
    /// Sealed as such.
    pub sealed: Vec<u8>,
}

/// The answer to what a plugin planned.
pub struct Opened {
    /// The HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What comes, as it comes.
    pub body: BoxStream<'static, Result<Bytes, String>>,
}

/// The platforms, each behind its plugin.
#[async_trait]
pub trait Providers: Send + Sync + 'static {
    /// Whether the provider's plugin can be called now, and exports this interface.
    fn supports(&self, provider: &Provider, interface: &str) -> bool;
    /// Who says the truth about its runs.
    fn reporting(&self, provider: &Provider) -> Reporting;
    /// How an unknown outcome of this function is settled.
    fn recovery(&self, provider: &Provider, function: &str) -> RecoveryClass;

    /// `plugin.check`
    async fn check(&self, call: Call) -> Result<CheckReport, CallError>;
    /// `runs.trigger`
    async fn trigger(&self, call: Call, operation: OperationArg, request: TriggerRequest) -> Result<Ticket, CallError>;
    /// `runs.resolve-ticket`
    async fn resolve_ticket(&self, call: Call, pipeline: String, ticket: String) -> Result<Ticket, CallError>;
    /// `runs.get`
    async fn run(&self, call: Call, run: RunRef) -> Result<FoundRun, CallError>;
    /// `run-search.find-by-correlation`
    async fn find(
        &self,
        call: Call,
        pipeline: String,
        correlation: String,
        since: Timestamp,
    ) -> Result<RunMatch, CallError>;
    /// `run-listing.list-runs`
    async fn runs(&self, call: Call, filter: RunFilter, page: PageRequest) -> Result<RemotePage<FoundRun>, CallError>;
    /// `run-changes.list-changed`
    async fn changes(
        &self,
        call: Call,
        pipelines: Vec<String>,
        position: Option<String>,
    ) -> Result<RunChanges, CallError>;
    /// `run-cancel.cancel`
    async fn cancel(&self, call: Call, operation: OperationArg, target: CancelTarget) -> Result<(), CallError>;
    /// `run-retry.retry`
    async fn retry(
        &self,
        call: Call,
        operation: OperationArg,
        run: RunRef,
        scope: RetryScope,
        correlation: String,
    ) -> Result<Ticket, CallError>;
    /// Sends what a plugin planned; the body is streamed, and breaks off where nothing comes of it for long.
    async fn open(&self, call: Call, transfer: Transfer) -> Result<Opened, CallError>;
    /// `artifacts.list-artifacts`
    async fn artifacts(
        &self,
        call: Call,
        run: RunRef,
        page: PageRequest,
    ) -> Result<RemotePage<RemoteArtifact>, CallError>;
    /// `artifacts.plan-download`
    async fn plan_download(&self, call: Call, run: RunRef, artifact: String) -> Result<DownloadPlan, CallError>;
    /// The function that makes this change.
    async fn change(&self, call: Call, operation: OperationArg, change: Change) -> Result<Changed, CallError>;
    /// `deployment-reconciliation.find-by-correlation`
    async fn find_deployments(
        &self,
        call: Call,
        correlation: String,
        since: Timestamp,
    ) -> Result<Vec<RemoteDeployment>, CallError>;
    /// `logs.read`
    async fn read_log(&self, call: Call, request: LogRequest) -> Result<LogAnswer, CallError>;
    /// `webhooks.decode`
    async fn decode(&self, call: Call, delivery: Delivery) -> Result<Decoded, CallError>;
    /// `pipelines.list-pipelines`
    async fn pipelines(&self, call: Call, page: PageRequest) -> Result<RemotePage<RemotePipeline>, CallError>;
    /// `pipelines.get`
    async fn pipeline(&self, call: Call, id: String) -> Result<RemotePipeline, CallError>;
    /// `pipelines.parameters`
    async fn parameters(&self, call: Call, id: String, reference: Option<String>) -> Result<Vec<Parameter>, CallError>;
    /// `pipeline-definitions.read`
    async fn definition(&self, call: Call, id: String) -> Result<Definition, CallError>;
    /// `pipeline-definitions.create`
    async fn create_pipeline(
        &self,
        call: Call,
        operation: OperationArg,
        definition: Definition,
    ) -> Result<RemotePipeline, CallError>;
    /// `pipeline-definitions.update`
    async fn update_pipeline(
        &self,
        call: Call,
        operation: OperationArg,
        id: String,
        definition: Definition,
        revision: Option<String>,
    ) -> Result<RemotePipeline, CallError>;
    /// `pipeline-definitions.delete`
    async fn delete_pipeline(
        &self,
        call: Call,
        operation: OperationArg,
        id: String,
        revision: Option<String>,
    ) -> Result<(), CallError>;
}

/// An operation with what it is about.
#[derive(Clone, Debug)]
pub struct Job {
    /// The intent.
    pub operation: Operation,
    /// Its connection.
    pub provider: Provider,
    /// The run that it is about.
    pub run: Option<Run>,
    /// The pipeline that it, or its run, is about; none where that was deleted since.
    pub pipeline: Option<Pipeline>,
    /// What the platform calls that pipeline; ours where it has no counterpart there.
    pub platform_pipeline: String,
}

/// Where intents are, and what became of them. Each method is one durable transaction.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Ends the leases of a host that is gone: nothing that was claimed is at work when an engine starts.
    async fn release(&self, now: Timestamp) -> Result<(), StoreError>;
    /// Claims what is due. What was sent stays sent.
    async fn claim(&self, claim: Claim) -> Result<Vec<Operation>, StoreError>;
    /// What the operation is about, all as of one moment.
    async fn job(&self, id: OperationId) -> Result<Job, StoreError>;
    /// Marks it sent, with the payload that it is given, before the first byte goes out; none where it is not ours any more.
    async fn mark_sent(&self, operation: &Operation, now: Timestamp) -> Result<Option<Operation>, StoreError>;
    /// Records what became of an attempt; false where that attempt is not the current one any more.
    async fn settle(&self, operation: &Operation, verdict: Verdict, now: Timestamp) -> Result<bool, StoreError>;
    /// Lets the true state of a run into the reducer, and tells what of its logs is missing; the run as it is then.
    async fn observe(
        &self,
        run: RunId,
        seen: SeenRun,
        missing: Vec<MissingLog>,
        now: Timestamp,
    ) -> Result<Run, StoreError>;
    /// Replaces or ends a run's place in the queue.
    async fn ticket(&self, run: RunId, ticket: Ticket, now: Timestamp) -> Result<Run, StoreError>;
    /// Ends runs that were silent past their deadline; those that ended.
    async fn lose_silent(&self, now: Timestamp) -> Result<Vec<RunId>, StoreError>;
    /// Ends a run that the platform has lost; false where there is nothing to end.
    async fn lose(&self, run: RunId, now: Timestamp) -> Result<bool, StoreError>;
    /// Runs of a provider that are not at their end.
    async fn active_runs(&self, provider: ProviderId) -> Result<Vec<Run>, StoreError>;
    /// Every connection.
    async fn providers(&self) -> Result<Vec<Provider>, StoreError>;
    /// What the platform calls a run's pipeline, also after ours was deleted; ours where it has no counterpart.
    async fn platform_pipeline(&self, run: &Run) -> Result<String, StoreError>;
    /// What the platform calls our pipelines there, each once, and how far their runs have been seen.
    async fn watched(&self, provider: ProviderId) -> Result<(Vec<String>, Noted), StoreError>;
    /// Runs that the platform said something of, with ours where it is known.
    async fn hinted(&self, provider: ProviderId) -> Result<Vec<(Hint, Option<Run>)>, StoreError>;
    /// It was looked at. What comes of it may show a little later: it is looked at again until its run has ended or it was
    /// looked at often enough. Answers how often it was looked at, where it is to be looked at again.
    async fn looked_at(&self, provider: ProviderId, hint: Hint, found: bool) -> Result<Option<u32>, StoreError>;
    /// Takes in what was seen of runs that may be others', and notes how far was looked.
    async fn take_in(
        &self,
        provider: ProviderId,
        found: Vec<FoundRun>,
        noted: Noted,
        now: Timestamp,
    ) -> Result<TakenIn, StoreError>;
    /// The same of one run, beside what was noted.
    async fn take_in_one(&self, provider: ProviderId, found: FoundRun, now: Timestamp) -> Result<TakenIn, StoreError>;
    /// Records what artifacts the platform has of an attempt of a run; those that are known stay.
    async fn artifacts(
        &self,
        run: RunId,
        attempt: u32,
        found: Vec<RemoteArtifact>,
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// The trigger operation of a run.
    async fn trigger_of(&self, run: RunId) -> Result<Option<Operation>, StoreError>;
}
