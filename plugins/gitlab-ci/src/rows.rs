//! What GitLab answers, in its own names and as far as it is used here (`lib/api/entities/`).
//!
//! Nearly all may be missing or null, by version, tier and role.
#![expect(missing_docs, reason = "GitLab's own names")]

use serde::{Deserialize, Deserializer};

use crate::time::Time;

/// What is null is as if it were missing.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Project {
    pub id: u64,
    pub path_with_namespace: String,
    pub name_with_namespace: Option<String>,
    pub default_branch: Option<String>,
    pub ci_config_path: Option<String>,
    pub web_url: Option<String>,
    pub http_url_to_repo: Option<String>,
    pub archived: bool,
    pub public_jobs: Option<bool>,
    pub builds_access_level: Option<String>,
    pub permissions: Option<Permissions>,
}

impl Project {
    /// Where its definition is: a path in it, `path@group/project:ref`, or a URL.
    pub fn definition(&self) -> &str {
        self.ci_config_path.as_deref().filter(|path| !path.is_empty()).unwrap_or(".gitlab-ci.yml")
    }

    pub fn enabled(&self) -> bool {
        !self.archived && self.builds_access_level.as_deref() != Some("disabled")
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Permissions {
    pub project_access: Option<Access>,
    pub group_access: Option<Access>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Access {
    pub access_level: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct User {
    pub username: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pipeline {
    pub id: u64,
    #[serde(deserialize_with = "or_default")]
    pub iid: u64,
    #[serde(deserialize_with = "or_default")]
    pub project_id: u64,
    pub name: Option<String>,
    pub sha: Option<String>,
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    pub status: String,
    pub source: Option<String>,
    pub web_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub started_at: Time,
    pub finished_at: Time,
    pub user: Option<User>,
    pub yaml_errors: Option<String>,
    pub detailed_status: Option<DetailedStatus>,
}

impl Pipeline {
    /// The path of its project, as its own address says it: `https://host/root/group/app/-/pipelines/61`.
    pub fn project_path(&self, base_url: &str) -> Option<String> {
        let (place, _) = self.web_url.as_deref()?.split_once("/-/")?;
        let after_host =
            |url: &str| url.split_once("://").and_then(|(_, rest)| rest.split_once('/').map(|it| it.1.to_owned()));
        let (path, root) = (after_host(place)?, after_host(base_url).unwrap_or_default());
        let root = root.trim_end_matches('/');
        let below = path.strip_prefix(root).filter(|rest| root.is_empty() || rest.starts_with('/')).unwrap_or(&path);
        Some(below.trim_start_matches('/').to_owned()).filter(|path| path.contains('/'))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DetailedStatus {
    pub group: Option<String>,
    pub text: Option<String>,
}

/// A job or a bridge.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Job {
    pub id: u64,
    pub name: String,
    pub stage: Option<String>,
    pub status: String,
    pub failure_reason: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub allow_failure: bool,
    pub created_at: Time,
    pub started_at: Time,
    pub finished_at: Time,
    pub erased_at: Time,
    pub web_url: Option<String>,
    pub artifacts_file: Option<File>,
    pub artifacts_expire_at: Time,
    pub runner: Option<Machine>,
    pub pipeline: Option<PipelineId>,
    pub downstream_pipeline: Option<Pipeline>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PipelineId {
    pub id: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct File {
    pub filename: Option<String>,
    pub size: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Machine {
    pub description: Option<String>,
}

/// A variable, of a pipeline or of a store. What is hidden has no value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Variable {
    pub key: String,
    pub value: Option<String>,
    pub variable_type: Option<String>,
    pub environment_scope: Option<String>,
    pub description: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Schedule {
    pub id: u64,
    pub description: Option<String>,
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    pub cron: String,
    pub cron_timezone: Option<String>,
    pub next_run_at: Time,
    #[serde(deserialize_with = "or_default")]
    pub active: bool,
    pub variables: Vec<Variable>,
    pub owner: Option<User>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Environment {
    pub id: u64,
    pub name: String,
    pub tier: Option<String>,
    pub external_url: Option<String>,
    pub state: Option<String>,
    pub updated_at: Time,
    pub auto_stop_at: Option<String>,
    pub last_deployment: Option<Box<Deployment>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Deployment {
    pub id: u64,
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    pub sha: Option<String>,
    pub status: String,
    pub created_at: Time,
    pub updated_at: Time,
    pub environment: Option<Environment>,
    pub deployable: Option<Job>,
}
