//! What the operator can set.

use novacron_cicd_sdk::types::State;
use serde::Deserialize;

/// The provider's settings, which the host has checked against the schema in `plugin.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Settings {
    /// The parameter that carries our token of a run.
    pub correlation_parameter: String,
    /// The parameter that takes a branch or tag.
    pub reference_parameter: Option<String>,
    /// What an unstable build counts as.
    pub unstable: Unstable,
    /// The job that deploys, where a target names none.
    pub deploy_job: Option<String>,
}

/// What an unstable build counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unstable {
    /// Tests failed and the build did not, which is how Jenkins means it.
    #[default]
    Succeeded,
    /// For whoever takes failed tests for a failed build.
    Failed,
}

impl Unstable {
    /// The state that it is.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self::Succeeded => State::Succeeded,
            Self::Failed => State::Failed,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            correlation_parameter: "NOVACRON_CORRELATION".into(),
            reference_parameter: None,
            unstable: Unstable::default(),
            deploy_job: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_is_not_set_is_as_the_schema_says() {
        let read = |text: &str| serde_json::from_str::<Settings>(text).unwrap();
        assert_eq!(read("{}"), Settings::default());
        let all = r#"{"correlation-parameter":"RUN","reference-parameter":"BRANCH","unstable":"failed","deploy-job":"ops/deploy"}"#;
        let expected = Settings {
            correlation_parameter: "RUN".into(),
            reference_parameter: Some("BRANCH".into()),
            unstable: Unstable::Failed,
            deploy_job: Some("ops/deploy".into()),
        };
        assert_eq!(read(all), expected);
    }
}
