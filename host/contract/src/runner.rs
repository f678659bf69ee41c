//! Runners, from the platform's words to the domain's.

use novacron_cicd_domain::platform::{RemoteRunner, RunnerRequest};

use crate::{
    bindings::exports::novacron::cicd::{runner_creation, runners},
    value::{Violation, attributes, id},
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
