//! Shapes of deployments and of what a platform states of them.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    platform::{self, DeployArtifact, DeployRequest, DeployTicket},
    status::State as Stands,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::{Time, remote::given, words};

/// A deployment of the platform.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = RemoteDeployment)]
pub struct RemoteDeploymentView {
    /// The platform's.
    pub id: String,
    /// The name of the platform's environment.
    pub environment: String,
    /// One of the closed set.
    #[schema(value_type = words::StateWord)]
    pub state: Stands,
    /// Open set: `timeout`, `gate`, `queued`, ...
    pub reason: Option<String>,
    /// The platform's own word, verbatim.
    pub platform: String,
    /// What the platform calls the run that makes it.
    pub run: Option<String>,
    /// Of what is deployed.
    pub version: Option<String>,
    /// Where to look at it.
    pub url: Option<String>,
    /// Asked for.
    pub created: Option<Time>,
    /// Begun.
    pub started: Option<Time>,
    /// Ended.
    pub finished: Option<Time>,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}

impl From<platform::RemoteDeployment> for RemoteDeploymentView {
    fn from(found: platform::RemoteDeployment) -> Self {
        Self {
            id: found.id,
            environment: found.environment,
            state: found.status.state,
            reason: found.status.reason,
            platform: found.status.platform,
            run: found.run.map(|run| run.run),
            version: found.version,
            url: found.url,
            created: found.times.created.map(Time),
            started: found.times.started.map(Time),
            finished: found.times.finished.map(Time),
            more: found.more,
        }
    }
}

/// What was started: a deployment, or a place in the platform's queue; neither where the platform does not say.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DeploymentStarted {
    /// The deployment.
    pub deployment: Option<RemoteDeploymentView>,
    /// A place in the queue.
    pub ticket: Option<String>,
}

impl From<DeployTicket> for DeploymentStarted {
    fn from(ticket: DeployTicket) -> Self {
        match ticket {
            DeployTicket::Deployment(found) => Self { deployment: Some((*found).into()), ticket: None },
            DeployTicket::Queued(ticket) => Self { deployment: None, ticket: Some(ticket) },
            DeployTicket::Unknown(ticket) => Self { deployment: None, ticket },
        }
    }
}

/// What is really there.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ActualDeployment)]
pub struct ActualView {
    /// The version that runs there.
    pub version: Option<String>,
    /// Of what runs there, in hexadecimal digits.
    pub sha256: Option<String>,
    /// The deployment that made it so.
    pub deployment: Option<RemoteDeploymentView>,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}

impl From<platform::Actual> for ActualView {
    fn from(found: platform::Actual) -> Self {
        Self {
            version: found.version,
            sha256: found.sha256,
            deployment: found.deployment.map(Into::into),
            more: found.more,
        }
    }
}

/// A deployment to be started on the platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteDeploymentStart {
    /// The name of the platform's environment.
    pub environment: String,
    /// What is deployed.
    pub artifact: DeployArtifactBody,
    /// The target's name.
    #[serde(default)]
    pub target: String,
    /// The target's hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The target's configuration; never a secret.
    #[serde(default)]
    pub configuration: serde_json::Map<String, serde_json::Value>,
    /// What the target asks for, by its own names: names of secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub credentials: BTreeMap<String, String>,
    /// Branch, tag or commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What the deployment is given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The platform's id of the deployment that this one goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_of: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What is deployed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeployArtifact)]
pub struct DeployArtifactBody {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// In hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// In bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// As its producer said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Where its bytes are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl From<RemoteDeploymentStart> for DeployRequest {
    fn from(body: RemoteDeploymentStart) -> Self {
        let DeployArtifactBody { name, version, sha256, size, media_type, url } = body.artifact;
        Self {
            environment: body.environment,
            target: body.target,
            hosts: body.hosts,
            configuration: body.configuration.into(),
            credentials: given(BTreeMap::new(), body.credentials),
            artifact: DeployArtifact { name, version, sha256, size, media_type, url },
            reference: body.reference,
            parameters: given(body.parameters, BTreeMap::new()),
            rollback_of: body.rollback_of,
            more: body.description.into_iter().map(|text| ("novacron.description".into(), text)).collect(),
        }
    }
}

/// Whether a deployment may go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteDeploymentApproval {
    /// false: it is rejected.
    pub approve: bool,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What became of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteDeploymentStatus {
    /// Where it stands; never `ambiguous`.
    #[schema(value_type = words::StateWord)]
    pub state: Stands,
    /// Why, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where to look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
