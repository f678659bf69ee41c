//! The machines that do a platform's work, as it shows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RunRef;

/// A runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRunner {
    /// The platform's.
    pub id: String,
    /// What the platform shows.
    pub name: String,
    /// `online`, `offline`, `stale`, `never-contacted`; an open set.
    pub state: String,
    /// Whether it works on something, where the platform says it.
    pub busy: Option<bool>,
    /// Whether it takes no new work.
    pub draining: bool,
    /// What work it takes.
    pub labels: Vec<String>,
    /// What it works on.
    pub current: Vec<RunRef>,
}

/// What a new runner is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerRequest {
    /// What the platform is to show.
    pub name: String,
    /// What work it takes.
    pub labels: Vec<String>,
    /// `token` (to register with), `just-in-time`; an open set.
    pub kind: String,
    /// As the plugin documents them.
    pub options: BTreeMap<String, String>,
}
