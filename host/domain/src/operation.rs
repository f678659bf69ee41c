//! An operation: a durable intent to change something outside, and what became of it.

mod transition;

pub use transition::{InvalidTransition, OperationEvent, Recovery, Resolution};

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::{OperationId, ProviderId, RunId},
    platform::ChangeKind,
};

/// A durable intent. It is stored before anything is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Ours; also the idempotency key where the platform takes one.
    pub id: OperationId,
    /// What is to be done.
    pub kind: OperationKind,
    /// Through which connection.
    pub provider: ProviderId,
    /// The run that it is about, where it is about one.
    pub run: Option<RunId>,
    /// What the call needs, as JSON; names of secrets, never values.
    pub payload: serde_json::Value,
    /// How an unknown outcome is settled, fixed when the intent was stored.
    pub recovery: RecoveryClass,
    /// Where it stands.
    pub state: OperationState,
    /// How often it was sent, or may have been.
    pub attempts: u32,
    /// Before the first byte of the first attempt that may have done something; none while nothing can have been done.
    pub first_sent: Option<Timestamp>,
    /// Not before this time.
    pub due: Timestamp,
    /// Whoever claimed it has until then.
    pub lease_until: Option<Timestamp>,
    /// The last error, as (code, sentence).
    pub error: Option<(String, String)>,
    /// Who asked for it: a token's name, or `engine`.
    pub actor: String,
    /// When it was stored.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// One more on every change: what compare-and-set compares.
    pub version: i64,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum OperationKind {
    /// Start a run.
    RunTrigger,
    /// Ask for the end of a run.
    RunCancel,
    /// Do a run again: all of it, or what failed.
    RunRetry,
    /// Make a pipeline on the platform.
    PipelineCreate,
    /// Change a pipeline on the platform.
    PipelineUpdate,
    /// Delete a pipeline on the platform.
    PipelineDelete,
    /// Change something that only the platform has.
    Change(ChangeKind),
}

/// Kinds with a life of their own.
const OWN: [OperationKind; 6] = [
    OperationKind::RunTrigger,
    OperationKind::RunCancel,
    OperationKind::RunRetry,
    OperationKind::PipelineCreate,
    OperationKind::PipelineUpdate,
    OperationKind::PipelineDelete,
];

impl OperationKind {
    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        OWN.into_iter().chain(ChangeKind::ALL.iter().copied().map(Self::Change))
    }

    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RunTrigger => "run.trigger",
            Self::RunCancel => "run.cancel",
            Self::RunRetry => "run.retry",
            Self::PipelineCreate => "pipeline.create",
            Self::PipelineUpdate => "pipeline.update",
            Self::PipelineDelete => "pipeline.delete",
            Self::Change(kind) => kind.as_str(),
        }
    }

    /// The kind that `word` names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::all().find(|kind| kind.as_str() == word)
    }

    /// The function of the contract that it calls: the key in the manifest's recovery classes.
    #[must_use]
    pub const fn function(self) -> &'static str {
        match self {
            Self::RunTrigger => "runs.trigger",
            Self::RunCancel => "run-cancel.cancel",
            Self::RunRetry => "run-retry.retry",
            Self::PipelineCreate => "pipeline-definitions.create",
            Self::PipelineUpdate => "pipeline-definitions.update",
            Self::PipelineDelete => "pipeline-definitions.delete",
            Self::Change(kind) => kind.function(),
        }
    }
}

impl From<OperationKind> for &'static str {
    fn from(kind: OperationKind) -> Self {
        kind.as_str()
    }
}

impl TryFrom<String> for OperationKind {
    type Error = String;
    fn try_from(word: String) -> Result<Self, Self::Error> {
        Self::parse(&word).ok_or_else(|| format!("{word:?} is no kind of operation"))
    }
}

/// How an unknown outcome is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryClass {
    /// The platform deduplicates on our id: sending again is safe.
    IdempotentKey,
    /// Look for the token first.
    Searchable,
    /// Read and compare first.
    ByState,
    /// Nothing can be known: it is ambiguous until an operator says.
    None,
}

impl RecoveryClass {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdempotentKey => "idempotent-key",
            Self::Searchable => "searchable",
            Self::ByState => "by-state",
            Self::None => "none",
        }
    }

    /// The class that `word` names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::IdempotentKey, Self::Searchable, Self::ByState, Self::None]
            .into_iter()
            .find(|class| class.as_str() == word)
    }
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationState {
    /// Stored; to be claimed when it is due.
    Queued,
    /// Claimed by an engine, until its lease ends.
    Claimed,
    /// Sent, or may have been: to be settled by its recovery class. Written before the first byte goes out.
    Sent,
    /// Taken by the platform.
    Done,
    /// Refused, or given up.
    Failed,
    /// Given up by an operator before it was sent.
    Canceled,
    /// Nobody can know: an operator decides (`adopt`, `resend`, `abandon`).
    Ambiguous,
}

impl OperationState {
    /// All states.
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Claimed, Self::Sent, Self::Done, Self::Failed, Self::Canceled, Self::Ambiguous];

    /// Whether nothing more will be done of its own accord.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Canceled)
    }

    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Claimed => "claimed",
            Self::Sent => "sent",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Ambiguous => "ambiguous",
        }
    }

    /// The state that `word` names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}
