//! Runners, from the platform's words to the domain's.

use novacron_cicd_domain::platform::{Outcome, RemoteRunner, RunnerRequest};

use crate::{
    bindings::exports::novacron::cicd::{runner_creation, runners},
    value::{Violation, attributes, id, map, to_domain},
};

impl TryFrom<runners::Runner> for RemoteRunner {
    type Error = Violation;
    fn try_from(runner: runners::Runner) -> Result<Self, Violation> {
        Ok(Self {
            id: id("runner.id", runner.id)?,
            name: runner.name,
            state: runner.state,
            busy: runner.busy,
            draining: runner.draining,
            labels: runner.labels,
            current: runner.current.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<RunnerRequest> for runner_creation::RunnerRequest {
    fn from(request: RunnerRequest) -> Self {
        Self { name: request.name, labels: request.labels, kind: request.kind, more: attributes(request.options) }
    }
}

/// Without the slot that what it authenticates with was captured into.
impl TryFrom<runner_creation::CreatedRunner> for Outcome {
    type Error = Violation;
    fn try_from(made: runner_creation::CreatedRunner) -> Result<Self, Violation> {
        Ok(Self::Runner {
            id: made.runner.map(|runner| id("created-runner.runner", runner)).transpose()?,
            expires: made.expires.map(to_domain),
            more: map(made.more),
        })
    }
}
