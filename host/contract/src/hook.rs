//! Webhook deliveries and what a plugin reads in them.

use novacron_cicd_domain::platform::{Decoded, Delivery, HookObservation};

use crate::{
    bindings::{exports::novacron::cicd::webhooks, novacron::cicd::types as wit},
    value::{Violation, id},
};

impl From<Delivery> for webhooks::Delivery {
    fn from(delivery: Delivery) -> Self {
        let headers = delivery.headers.into_iter().map(|(name, value)| wit::Header { name, value }).collect();
        Self { headers, body: delivery.body }
    }
}

impl TryFrom<webhooks::Decoded> for Decoded {
    type Error = Violation;
    fn try_from(decoded: webhooks::Decoded) -> Result<Self, Violation> {
        let observations = decoded.observations.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        Ok(Self { observations, ignored: decoded.ignored })
    }
}

impl TryFrom<webhooks::Observation> for HookObservation {
    type Error = Violation;
    fn try_from(observation: webhooks::Observation) -> Result<Self, Violation> {
        Ok(match observation {
            webhooks::Observation::Run(run) => Self::Run(Box::new(run.try_into()?)),
            webhooks::Observation::Job(seen) => Self::Run(Box::new(seen.try_into()?)),
            webhooks::Observation::Deployment(deployment) => {
                Self::Deployment { id: id("deployment.id", deployment.id)?, run: deployment.run.map(Into::into) }
            }
            webhooks::Observation::Changed(run) => Self::Changed(run.into()),
            webhooks::Observation::Other(other) => Self::Other { key: other.key, value: other.value },
        })
    }
}
