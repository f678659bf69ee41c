//! What the operator can set.

use novacron_cicd_sdk::{Result, types::Error};
use serde::Deserialize;

/// A personal, project or group access token.
pub const TOKEN: &str = "token";
/// An OAuth access token.
pub const OAUTH: &str = "oauth";
/// What deliveries carry.
pub const WEBHOOK: &str = "webhook";
/// What deliveries are signed with.
pub const SIGNING: &str = "webhook-signing";

/// The provider's settings, which the host has checked against the schema in `plugin.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Settings {
    /// Projects to list, by path.
    pub projects: Vec<String>,
    /// The group whose projects are listed.
    pub group: Option<String>,
    /// The project that is meant where a call names none.
    pub project: Option<String>,
    /// How a run carries our token.
    pub correlation: Correlation,
    /// The variable or input that carries it.
    pub correlation_name: String,
    /// What the job of a definition runs that is written without a source.
    pub script: Vec<String>,
    /// Whether commits of definitions start no pipeline.
    pub skip_ci: bool,
}

/// How a run carries our token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correlation {
    /// As a pipeline variable, which its owners can read.
    #[default]
    Variable,
    /// As an input, which `workflow:name` shows.
    Input,
    /// Not at all: what may be ours is for a person to tell.
    None,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            projects: Vec::new(),
            group: None,
            project: None,
            correlation: Correlation::default(),
            correlation_name: "NOVACRON_CORRELATION".into(),
            script: vec!["make".into()],
            skip_ci: false,
        }
    }
}

impl Settings {
    /// The project that is meant where a call names none.
    ///
    /// # Errors
    /// `invalid-input` where that is not clear.
    pub fn project(&self) -> Result<&str> {
        match (&self.project, self.projects.as_slice()) {
            (Some(project), _) | (None, [project]) => Ok(project),
            _ => Err(Error::invalid_input("settings.project", "this call is about one project, and none is set")
                .hint("name the project in the provider's setting `project`")),
        }
    }
}
