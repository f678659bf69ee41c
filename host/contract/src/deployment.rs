//! Environments and deployments of a platform.

use novacron_cicd_domain::platform::{
    Actual, DeployRequest, DeployTicket, EnvironmentChange, ProtectionRule, RemoteDeployment, RemoteEnvironment,
};

use crate::{
    bindings::{
        exports::novacron::cicd::{deployment_reconciliation as reconciliation, deployments, environments},
        novacron::cicd::types as wit,
    },
    value::{Violation, attributes, cursor, id, map, to_domain, values},
};

impl From<environments::Rule> for ProtectionRule {
    fn from(rule: environments::Rule) -> Self {
        Self { kind: rule.kind, value: rule.value }
    }
}

impl From<ProtectionRule> for environments::Rule {
    fn from(rule: ProtectionRule) -> Self {
        Self { kind: rule.kind, value: rule.value }
    }
}

impl TryFrom<environments::Environment> for RemoteEnvironment {
    type Error = Violation;
    fn try_from(environment: environments::Environment) -> Result<Self, Violation> {
        Ok(Self {
            id: id("environment.id", environment.id)?,
            name: environment.name,
            tier: environment.tier,
            url: environment.url,
            state: environment.state,
            protection: environment.protection.into_iter().map(Into::into).collect(),
            updated: environment.updated.map(to_domain),
            more: map(environment.more),
        })
    }
}

impl From<EnvironmentChange> for environments::EnvironmentChange {
    fn from(change: EnvironmentChange) -> Self {
        Self {
            name: change.name,
            tier: change.tier,
            url: change.url,
            protection: change.protection.map(|rules| rules.into_iter().map(Into::into).collect()),
            more: attributes(change.options),
        }
    }
}

impl TryFrom<wit::Deployment> for RemoteDeployment {
    type Error = Violation;
    fn try_from(deployment: wit::Deployment) -> Result<Self, Violation> {
        Ok(Self {
            id: id("deployment.id", deployment.id)?,
            environment: deployment.environment,
            status: deployment.status.into(),
            times: deployment.times.into(),
            run: deployment.run.map(Into::into),
            version: deployment.version,
            url: deployment.url,
            more: map(deployment.more),
        })
    }
}

/// A request with the token by which what it starts is found; no callback: deployments of a platform are read.
#[must_use]
pub fn deploy_request(request: DeployRequest, correlation: String) -> deployments::DeployRequest {
    let artifact = request.artifact;
    deployments::DeployRequest {
        environment: request.environment,
        target: deployments::Target {
            name: request.target,
            hosts: request.hosts,
            configuration: request.configuration.to_string(),
            credentials: values(request.credentials),
            more: Vec::new(),
        },
        artifact: deployments::Artifact {
            name: artifact.name,
            version: artifact.version,
            sha256: artifact.sha256,
            size: artifact.size,
            media_type: artifact.media_type,
            url: artifact.url,
            more: Vec::new(),
        },
        reference: request.reference,
        parameters: values(request.parameters),
        correlation,
        rollback_of: request.rollback_of,
        callback: None,
        more: attributes(request.more),
    }
}

impl TryFrom<wit::DeployTicket> for DeployTicket {
    type Error = Violation;
    fn try_from(ticket: wit::DeployTicket) -> Result<Self, Violation> {
        Ok(match ticket {
            wit::DeployTicket::Deployment(deployment) => Self::Deployment(Box::new(deployment.try_into()?)),
            wit::DeployTicket::Queued(place) => Self::Queued(cursor("deploy-ticket.queued", place)?),
            wit::DeployTicket::Unknown(place) => {
                Self::Unknown(place.map(|place| cursor("deploy-ticket.unknown", place)).transpose()?)
            }
        })
    }
}

impl TryFrom<reconciliation::Actual> for Actual {
    type Error = Violation;
    fn try_from(actual: reconciliation::Actual) -> Result<Self, Violation> {
        Ok(Self {
            version: actual.version,
            sha256: actual.sha256,
            deployment: actual.deployment.map(TryInto::try_into).transpose()?,
            more: map(actual.more),
        })
    }
}
