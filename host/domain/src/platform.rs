//! What a platform is asked and what it answers, in our words: the values that travel between engine and plugin.
//!
//! Ids, cursors and tickets are the platform's or the plugin's own: opaque here, handed back unchanged. Must be absent:
//! anything that says how a plugin is called.

mod change;
mod definition;
mod deployment;
mod error;
mod gate;
mod hook;
mod outcome;
mod run;
mod runner;
mod schedule;
mod stored;
mod transfer;

pub use change::{Change, ChangeKind};
pub use definition::{Definition, Finding, LintRequest, PlatformPart, RemotePipeline};
pub use deployment::{
    Actual, DeployArtifact, DeployRequest, DeployTicket, EnvironmentChange, ProtectionRule, RemoteDeployment,
    RemoteEnvironment,
};
pub use error::{CallError, CallErrorKind, TrapCause};
pub use gate::{Gate, GateDecision};
pub use hook::{Decoded, Delivery, Hook, HookObservation, MissedDelivery};
pub use outcome::Outcome;
pub use run::{CancelTarget, FoundRun, RetryScope, RunChanges, RunFilter, RunMatch, RunRef, Ticket};
pub use runner::{RemoteRunner, RunnerRequest};
pub use schedule::{Schedule, ScheduleChange, TriggerToken};
pub use stored::{RemoteSecret, RemoteVariable};
pub use transfer::{
    Attestation, DownloadPlan, LogAnswer, LogAvailability, LogChunk, LogPlan, LogRequest, RemoteArtifact, Transfer,
    UploadAnswer, UploadPlan, UploadRequest,
};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Timestamp, id::OperationId, parameter::ParameterKind};

/// The durable intent that a changing call belongs to; it is stored before the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationArg {
    /// The same on every attempt: the idempotency key.
    pub id: OperationId,
    /// 1 on the first attempt.
    pub attempt: u32,
    /// When the first attempt was begun; none on the first.
    pub first_sent: Option<Timestamp>,
    /// The token of the run that it is about, where it is about one.
    pub correlation: Option<String>,
}

/// A parameter or variable that a call is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// As it was declared; a string where it was not.
    pub kind: ParameterKind,
    /// What it is given.
    pub value: Value,
}

impl Given {
    /// A plain string.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: ParameterKind::String, value: Value::Text(text.into()) }
    }

    /// A secret, by its reference.
    #[must_use]
    pub fn secret(reference: impl Into<String>) -> Self {
        Self { kind: ParameterKind::Secret, value: Value::Secret(reference.into()) }
    }
}

/// A value that a call is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// As it is.
    Text(String),
    /// A reference to a secret of this very call; the value goes out at the door.
    Secret(String),
}

/// What starts a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerRequest {
    /// The platform's id of the pipeline, or ours where the platform has no counterpart.
    pub pipeline: String,
    /// Branch, tag or commit.
    pub reference: Option<String>,
    /// What the run is given.
    pub parameters: BTreeMap<String, Given>,
    /// Variables that the build must find in its environment.
    pub environment: BTreeMap<String, Given>,
    /// The token that lets this run be found on the platform.
    pub correlation: String,
    /// Where the run can call back; none where callbacks are off.
    pub callback: Option<CallbackAddress>,
    /// Documented keys (`novacron.pipeline-name`, `novacron.repository`, `novacron.run-id`) and their values.
    pub more: BTreeMap<String, String>,
}

/// Where a run calls back, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackAddress {
    /// Absolute; of this run alone.
    pub url: String,
    /// A reference to a secret of this very call: the token.
    pub token: String,
}

/// What a plugin found when it reached its platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Who we are on the platform.
    pub account: Option<String>,
    /// The platform's version, in its own words.
    pub platform_version: Option<String>,
    /// Feature tokens that this server, with this account, has.
    pub features: Vec<String>,
    /// What the account would need and does not have, in the platform's words.
    pub missing_permissions: Vec<String>,
    /// What works but should be looked at.
    pub warnings: Vec<String>,
}

/// Which page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// none: the first.
    pub cursor: Option<String>,
    /// At most this many items; 1 to 1000.
    pub limit: u32,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { cursor: None, limit: 100 }
    }
}

/// One page of a listing on the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePage<T> {
    /// In the platform's order.
    pub items: Vec<T>,
    /// none: this was the last.
    pub next: Option<String>,
}
