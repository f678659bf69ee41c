//! States, and the times beside them.

use novacron_cicd_domain::status::{State, Status, Times};

use crate::{bindings::novacron::cicd::types as wit, value::to_domain};

impl From<wit::State> for State {
    fn from(state: wit::State) -> Self {
        match state {
            wit::State::Pending => Self::Pending,
            wit::State::Running => Self::Running,
            wit::State::Waiting => Self::Waiting,
            wit::State::Succeeded => Self::Succeeded,
            wit::State::Failed => Self::Failed,
            wit::State::Canceled => Self::Canceled,
            wit::State::Skipped => Self::Skipped,
        }
    }
}

impl From<wit::Status> for Status {
    fn from(status: wit::Status) -> Self {
        Self {
            state: status.state.into(),
            reason: status.reason,
            platform: status.platform,
            conditions: status.conditions,
        }
    }
}

impl From<wit::Times> for Times {
    fn from(times: wit::Times) -> Self {
        Self {
            created: times.created.map(to_domain),
            started: times.started.map(to_domain),
            finished: times.finished.map(to_domain),
            updated: times.updated.map(to_domain),
        }
    }
}

/// A deployment's state as it is told to the platform; nobody tells a platform that nothing can be known.
impl From<State> for wit::State {
    fn from(state: State) -> Self {
        match state {
            State::Pending | State::Ambiguous => Self::Pending,
            State::Running => Self::Running,
            State::Waiting => Self::Waiting,
            State::Succeeded => Self::Succeeded,
            State::Failed => Self::Failed,
            State::Canceled => Self::Canceled,
            State::Skipped => Self::Skipped,
        }
    }
}
