//! What the operator can set.

use serde::Deserialize;

/// The provider's settings, which the host has checked against the schema in `plugin.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Settings {
    /// `owner/name` of each repository that the provider serves; no other is ever asked for.
    pub repositories: Vec<String>,
    /// Organizations whose runners are listed beside those of the repositories.
    pub organizations: Vec<String>,
    /// The workflow input that carries our token of a run.
    pub correlation_input: String,
    /// The workflow input that carries the variables of a build, as a JSON object.
    pub environment_input: String,
    /// The version of GitHub's API that is asked for.
    pub api_version: String,
    /// The application's id or client id, which signs in with the key in slot `app`.
    pub app: Option<String>,
    /// The installation of the application whose repositories these are.
    pub installation: Option<u64>,
    /// What a workflow runs that is written from a definition without a source.
    pub command: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            repositories: Vec::new(),
            organizations: Vec::new(),
            correlation_input: "novacron_correlation".into(),
            environment_input: "novacron_environment".into(),
            api_version: "2022-11-28".into(),
            app: None,
            installation: None,
            command: "make".into(),
        }
    }
}
