//! What a change on a platform led to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Hook, RemoteDeployment, RemoteEnvironment, RemotePipeline, Schedule, TriggerToken};
use crate::Timestamp;

/// What a change led to, in the platform's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing that it says more of.
    #[default]
    Nothing,
    /// The pipeline as it is now.
    Pipeline(RemotePipeline),
    /// The schedule as it is now.
    Schedule(Schedule),
    /// The token, without its value.
    TriggerToken(TriggerToken),
    /// What was started: a run, or a place in the queue.
    Run {
        /// The platform's id of the run.
        run: Option<String>,
        /// A place in the queue.
        ticket: Option<String>,
    },
    /// The artifact as it is there.
    Artifact {
        /// The platform's.
        id: String,
        /// Where people find it.
        url: Option<String>,
        /// What the platform says of its bytes: algorithm to hexadecimal digits.
        digests: BTreeMap<String, String>,
        /// The plugin's own.
        more: BTreeMap<String, String>,
    },
    /// The new runner, without what it authenticates with.
    Runner {
        /// The platform's id, where there is one already.
        id: Option<String>,
        /// When what it authenticates with ends.
        expires: Option<Timestamp>,
        /// The plugin's own.
        more: BTreeMap<String, String>,
    },
    /// The webhook as it is now.
    Hook(Hook),
    /// The environment as it is now.
    Environment(RemoteEnvironment),
    /// The deployment that was started; none: it is in a queue, or the platform does not say.
    Deployment {
        /// The deployment.
        deployment: Option<RemoteDeployment>,
        /// A place in the queue.
        ticket: Option<String>,
    },
}
