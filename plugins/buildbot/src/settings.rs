//! What the operator can set. The schema in `plugin.toml` has been checked by the host.

use serde::Deserialize;

/// The provider's settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Settings {
    /// Force schedulers, the preferred one first.
    pub schedulers: Vec<String>,
    /// Whether logs have Buildbot's own lines.
    pub log_headers: bool,
    /// How long a login is good for, in hours.
    pub session_hours: u64,
    /// How the links of steps begin that are artifacts.
    pub artifact_urls: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { schedulers: Vec::new(), log_headers: true, session_hours: 168, artifact_urls: Vec::new() }
    }
}
