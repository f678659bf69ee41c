//! What an operation's JSON payload holds: what its call needs beside the rows it is about. Names of secrets, and sealed
//! bytes that only this host's vault opens; never a value.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    id::{PipelineId, RunId},
    operation::Operation,
    platform::{Change, Outcome, PlatformPart, RetryScope},
};
use serde::{Deserialize, Serialize};

/// The payload, of every kind of operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Payload {
    /// An operator gave it up: it is never sent again of its own accord.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cancel_requested: bool,
    /// How often it was looked for since it was last sent.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) looks: u32,
    /// Parameters that are secrets, and the names of those: pinned when the run was asked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) secrets: BTreeMap<String, String>,
    /// The run's callback token, sealed, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callback: Option<String>,
    /// The callback address that it was last sent with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callback_url: Option<String>,
    /// The pipeline of an operation that is about no run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pipeline: Option<PipelineId>,
    /// What the platform calls it, where our row may be gone when the call is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) external_ref: Option<String>,
    /// Of a pipeline's definition: what is its platform's alone.
    #[serde(skip_serializing_if = "PlatformPart::is_empty")]
    pub(crate) platform_part: PlatformPart,
    /// Of a retry: what was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry: Option<Retry>,
    /// The run that a retry led to: the same one at a new attempt, or a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result_run: Option<RunId>,
    /// Of a change that only the platform knows: what is changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<Change>,
    /// What such a change led to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<Outcome>,
}

/// How much of a run is done again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retry {
    /// All of it, or which part.
    pub(crate) scope: RetryScope,
    /// The attempt that was seen by whoever asked.
    pub(crate) attempt: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Payload {
    /// What `operation` holds; empty where it is not ours to read.
    pub(crate) fn of(operation: &Operation) -> Self {
        serde_json::from_value(operation.payload.clone()).unwrap_or_default()
    }

    /// Whether the secret of this name goes out with the call.
    pub(crate) fn names(&self, secret: &str) -> bool {
        self.secrets.values().any(|name| name == secret)
            || self.change.iter().any(|change| change.secrets().iter().any(|(_, name)| *name == secret))
    }

    /// As it is stored.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// What a run's callback token is sealed for.
pub(crate) fn callback_context(run: novacron_cicd_domain::id::RunId) -> String {
    format!("run-callback:{run}")
}
