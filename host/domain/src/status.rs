//! The seven states and what stands beside them.

use serde::{Deserialize, Serialize};

/// The state of a run, job, step or deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Asked for, or in a queue.
    Pending,
    /// At work.
    Running,
    /// For a person or a timer.
    Waiting,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Ended because somebody asked for it.
    Canceled,
    /// Never begun, on purpose.
    Skipped,
    /// Runs and deployments only: asked for, and nobody can know whether the platform took it.
    Ambiguous,
}

impl State {
    /// All states, in the order in which a run can pass through them.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::Waiting,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
        Self::Skipped,
        Self::Ambiguous,
    ];

    /// Whether this attempt is over. `Ambiguous` is not: an operator settles it.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled | Self::Skipped)
    }

    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
            Self::Ambiguous => "ambiguous",
        }
    }

    /// The state that `word` names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A state with all that is known beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// One of the closed set.
    pub state: State,
    /// Open set: `timeout`, `unstable`, `startup`, `stale`, `lost`, `queued`, `gate`, ...
    pub reason: Option<String>,
    /// The platform's own word, verbatim; empty before the platform said one.
    pub platform: String,
    /// Open set: `warnings`, `allowed-failure`, `cancel-requested`, `neutral`.
    pub conditions: Vec<String>,
}

impl Status {
    /// A state about which the platform has said nothing.
    #[must_use]
    pub const fn ours(state: State) -> Self {
        Self { state, reason: None, platform: String::new(), conditions: Vec::new() }
    }

    /// The same with a reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// When something was asked for, begun, ended and last seen to change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Asked for, or put in the queue.
    pub created: Option<crate::Timestamp>,
    /// Begun.
    pub started: Option<crate::Timestamp>,
    /// Ended.
    pub finished: Option<crate::Timestamp>,
    /// Last changed, by the platform's clock.
    pub updated: Option<crate::Timestamp>,
}

impl Times {
    /// Milliseconds spent in the queue; none while that is not known.
    #[must_use]
    pub fn queued_millis(&self) -> Option<i64> {
        Some(self.started?.since(self.created?).max(0))
    }

    /// Milliseconds of work so far: until the end, or until `now` while it goes on.
    #[must_use]
    pub fn duration_millis(&self, now: crate::Timestamp) -> Option<i64> {
        Some(self.finished.unwrap_or(now).since(self.started?).max(0))
    }
}
