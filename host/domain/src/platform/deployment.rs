//! Environments and deployments as a platform has them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Given, RunRef};
use crate::{
    Timestamp,
    status::{Status, Times},
};

/// An environment of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteEnvironment {
    /// The platform's.
    pub id: String,
    /// What the platform shows.
    pub name: String,
    /// `development`, `testing`, `staging`, `production`; an open set.
    pub tier: Option<String>,
    /// Where what is deployed there is.
    pub url: Option<String>,
    /// `available`, `stopping`, `stopped`; an open set.
    pub state: Option<String>,
    /// What has to hold before something is deployed there.
    pub protection: Vec<ProtectionRule>,
    /// When it last changed.
    pub updated: Option<Timestamp>,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}

/// What has to hold before something is deployed to an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionRule {
    /// `reviewers`, `wait`, `branches`; an open set.
    pub kind: String,
    /// As the plugin documents it.
    pub value: String,
}

/// What an environment is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentChange {
    /// What the platform shows.
    pub name: String,
    /// none: as it is.
    pub tier: Option<String>,
    /// none: as it is.
    pub url: Option<String>,
    /// none: as it is.
    pub protection: Option<Vec<ProtectionRule>>,
    /// As the plugin documents them.
    pub options: BTreeMap<String, String>,
}

/// A deployment of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteDeployment {
    /// The platform's.
    pub id: String,
    /// The name of the platform's environment.
    pub environment: String,
    /// Where it stands.
    pub status: Status,
    /// When what happened.
    pub times: Times,
    /// The run that makes it.
    pub run: Option<RunRef>,
    /// Of what is deployed.
    pub version: Option<String>,
    /// Where to look at it.
    pub url: Option<String>,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}

/// What is to be deployed where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployRequest {
    /// The name of the platform's environment.
    pub environment: String,
    /// The target's name.
    pub target: String,
    /// The target's hosts.
    pub hosts: Vec<String>,
    /// The target's configuration, a JSON object; it never holds a secret.
    pub configuration: serde_json::Value,
    /// What the target asks for, by its own names.
    pub credentials: BTreeMap<String, Given>,
    /// The artifact.
    pub artifact: DeployArtifact,
    /// Branch, tag or commit.
    pub reference: Option<String>,
    /// What the deployment is given.
    pub parameters: BTreeMap<String, Given>,
    /// The platform's id of the deployment that this one goes back to.
    pub rollback_of: Option<String>,
    /// `novacron.description`, `novacron.strategy`.
    pub more: BTreeMap<String, String>,
}

/// What is deployed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployArtifact {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// In bytes.
    pub size: Option<u64>,
    /// As its producer said it.
    pub media_type: Option<String>,
    /// Where its bytes are.
    pub url: Option<String>,
}

/// What became of a request to deploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployTicket {
    /// There is a deployment.
    Deployment(Box<RemoteDeployment>),
    /// In a queue; ask again with this cursor.
    Queued(String),
    /// Taken, but the platform does not say as what.
    Unknown(Option<String>),
}

/// What is really there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actual {
    /// The version that runs there.
    pub version: Option<String>,
    /// Of what runs there.
    pub sha256: Option<String>,
    /// The deployment that made it so.
    pub deployment: Option<RemoteDeployment>,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}
