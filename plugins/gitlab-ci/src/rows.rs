//! What GitLab answers, in its own names and as far as it is used here (`lib/api/entities/`).
//!
//! Nearly all may be missing or null, by version, tier and role.

use novacron_cicd_sdk::time::Time;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What is null is as if it were missing.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A text of GitLab's that is an id here: as long as the contract takes one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Id(pub(crate) String);

impl Id {
    /// Whether this can be one.
    pub(crate) fn fits(text: &str) -> bool {
        (1..=512).contains(&text.len())
    }
}

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if Self::fits(&text) { Ok(Self(text)) } else { Err("an id has 1 to 512 bytes") }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Project {
    pub(crate) id: u64,
    pub(crate) path_with_namespace: Id,
    pub(crate) name_with_namespace: Option<String>,
    pub(crate) default_branch: Option<String>,
    pub(crate) ci_config_path: Option<String>,
    pub(crate) web_url: Option<String>,
    pub(crate) http_url_to_repo: Option<String>,
    #[serde(default)]
    pub(crate) archived: bool,
    pub(crate) public_jobs: Option<bool>,
    pub(crate) builds_access_level: Option<String>,
    #[serde(default)]
    pub(crate) permissions: Value,
}

impl Project {
    /// Where its definition is: a path in it, `path@group/project:ref`, or a URL.
    pub(crate) fn definition(&self) -> &str {
        self.ci_config_path.as_deref().filter(|path| !path.is_empty()).unwrap_or(".gitlab-ci.yml")
    }

    pub(crate) fn enabled(&self) -> bool {
        !self.archived && self.builds_access_level.as_deref() != Some("disabled")
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    pub(crate) username: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pipeline {
    pub(crate) id: u64,
    #[serde(deserialize_with = "or_default")]
    pub(crate) iid: u64,
    #[serde(deserialize_with = "or_default")]
    pub(crate) project_id: u64,
    pub(crate) name: Option<String>,
    pub(crate) sha: Option<String>,
    #[serde(rename = "ref")]
    pub(crate) reference: Option<String>,
    pub(crate) status: String,
    pub(crate) source: Option<String>,
    pub(crate) web_url: Option<String>,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) started_at: Time,
    pub(crate) finished_at: Time,
    pub(crate) user: Option<User>,
    pub(crate) yaml_errors: Option<String>,
    /// An object, or a word in webhooks.
    pub(crate) detailed_status: Value,
}

impl Pipeline {
    /// The path of its project, as its own address says it: `https://host/root/group/app/-/pipelines/61`.
    pub(crate) fn project_path(&self, base_url: &str) -> Option<String> {
        let (place, _) = self.web_url.as_deref()?.split_once("/-/")?;
        let after_host =
            |url: &str| url.split_once("://").and_then(|(_, rest)| rest.split_once('/').map(|it| it.1.to_owned()));
        let (path, root) = (after_host(place)?, after_host(base_url).unwrap_or_default());
        let root = root.trim_end_matches('/');
        let below = path.strip_prefix(root).filter(|rest| root.is_empty() || rest.starts_with('/')).unwrap_or(&path);
        Some(below.trim_start_matches('/').to_owned()).filter(|path| path.contains('/') && Id::fits(path))
    }
}

/// A job or a bridge.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) stage: Option<String>,
    pub(crate) status: String,
    pub(crate) failure_reason: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) allow_failure: bool,
    pub(crate) created_at: Time,
    pub(crate) started_at: Time,
    pub(crate) finished_at: Time,
    pub(crate) erased_at: Time,
    pub(crate) web_url: Option<String>,
    pub(crate) artifacts_file: Option<File>,
    pub(crate) artifacts_expire_at: Time,
    pub(crate) runner: Option<Machine>,
    pub(crate) pipeline: Option<Pipeline>,
    pub(crate) downstream_pipeline: Option<Pipeline>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct File {
    pub(crate) filename: Option<String>,
    pub(crate) size: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Machine {
    pub(crate) description: Option<String>,
}

/// A variable, of a pipeline or of a store. What is hidden has no value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Variable {
    pub(crate) key: String,
    pub(crate) value: Option<String>,
    pub(crate) description: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Schedule {
    pub(crate) id: u64,
    pub(crate) description: Option<String>,
    #[serde(rename = "ref")]
    pub(crate) reference: Option<String>,
    pub(crate) cron: String,
    pub(crate) cron_timezone: Option<String>,
    pub(crate) next_run_at: Time,
    #[serde(deserialize_with = "or_default")]
    pub(crate) active: bool,
    pub(crate) variables: Vec<Variable>,
    pub(crate) owner: Option<User>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Environment {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) tier: Option<String>,
    pub(crate) external_url: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) updated_at: Time,
    pub(crate) auto_stop_at: Option<String>,
    pub(crate) last_deployment: Option<Box<Deployment>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Deployment {
    pub(crate) id: u64,
    #[serde(rename = "ref")]
    pub(crate) reference: Option<String>,
    pub(crate) sha: Option<String>,
    pub(crate) status: String,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) environment: Option<Environment>,
    pub(crate) deployable: Option<Job>,
}
