//! Runners, from the platform's words to the domain's.

use novacron_cicd_domain::platform::RemoteRunner;

use crate::{
    bindings::exports::novacron::cicd::runners,
    value::{Violation, id},
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
