//! Webhook deliveries and what a plugin reads in them.

use novacron_cicd_domain::platform::{Decoded, Delivery, Hook, HookObservation, MissedDelivery};

use crate::{
    bindings::{
        exports::novacron::cicd::{webhook_recovery, webhook_registration, webhooks},
        novacron::cicd::types as wit,
    },
    value::{Violation, id, map, to_domain},
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

impl TryFrom<webhook_registration::Hook> for Hook {
    type Error = Violation;
    fn try_from(hook: webhook_registration::Hook) -> Result<Self, Violation> {
        Ok(Self {
            id: id("hook.id", hook.id)?,
            url: hook.url,
            active: hook.active,
            events: hook.events,
            more: map(hook.more),
        })
    }
}

impl TryFrom<webhook_recovery::Missed> for MissedDelivery {
    type Error = Violation;
    fn try_from(missed: webhook_recovery::Missed) -> Result<Self, Violation> {
        Ok(Self {
            id: id("missed.id", missed.id)?,
            hook: id("missed.hook", missed.hook)?,
            at: to_domain(missed.at),
            event: missed.event,
        })
    }
}
