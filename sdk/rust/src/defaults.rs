//! Values to begin with, for records most of whose fields are often empty.

use crate::{
    plugin::CheckReport,
    types::{Graph, Run, RunRef, State, Status, Times},
};

/// Nothing is known.
///
/// ```
/// let report = novacron_cicd_sdk::plugin::CheckReport { account: Some("ci-bot".into()), ..Default::default() };
/// assert!(report.features.is_empty());
/// ```
impl Default for CheckReport {
    fn default() -> Self {
        Self {
            account: None,
            platform_version: None,
            features: Vec::new(),
            missing_permissions: Vec::new(),
            warnings: Vec::new(),
            more: Vec::new(),
        }
    }
}

/// No time is known.
impl Default for Times {
    fn default() -> Self {
        Self { created: None, started: None, finished: None, updated: None }
    }
}

/// No job is known, which is not the same as that there is none.
impl Default for Graph {
    fn default() -> Self {
        Self { jobs: Vec::new(), edges: "none".into(), complete: false }
    }
}

impl Status {
    /// A state with the platform's own word for it.
    ///
    /// ```
    /// use novacron_cicd_sdk::types::{State, Status};
    ///
    /// let status = Status::of(State::Failed, "TIMED_OUT").reason("timeout");
    /// assert_eq!(status.reason.as_deref(), Some("timeout"));
    /// ```
    #[must_use]
    pub fn of(state: State, platform: impl Into<String>) -> Self {
        Self { state, reason: None, platform: platform.into(), conditions: Vec::new() }
    }

    /// Why, in a word of the documented list.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// A qualifier of the documented list.
    #[must_use]
    pub fn condition(mut self, condition: impl Into<String>) -> Self {
        self.conditions.push(condition.into());
        self
    }
}

impl Run {
    /// A run of which no more is known than what it is called and where it stands.
    ///
    /// ```
    /// use novacron_cicd_sdk::types::{Run, RunRef, State, Status};
    ///
    /// let identity = RunRef { pipeline: "app".into(), run: "17".into(), attempt: None };
    /// let run = Run { number: Some("17".into()), ..Run::new(identity, Status::of(State::Running, "building")) };
    /// assert_eq!(run.graph, None);
    /// ```
    #[must_use]
    pub fn new(identity: RunRef, status: Status) -> Self {
        Self {
            identity,
            number: None,
            name: None,
            status,
            times: Times::default(),
            reference: None,
            commit: None,
            actor: None,
            origin: "unknown".into(),
            url: None,
            correlation: None,
            parameters: Vec::new(),
            graph: None,
            downstream: Vec::new(),
            more: Vec::new(),
        }
    }
}
