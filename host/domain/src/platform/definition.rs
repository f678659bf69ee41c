//! Pipelines and their definitions as a platform shows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::parameter::Parameter;

/// A pipeline that is there on the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemotePipeline {
    /// The platform's.
    pub id: String,
    /// What the platform shows.
    pub name: String,
    /// Where its source is.
    pub repository: Option<String>,
    /// Branch or tag that it runs by default.
    pub reference: Option<String>,
    /// Where to look at it.
    pub url: Option<String>,
    /// Whether it takes new runs.
    pub enabled: bool,
    /// The platform's revision of the definition, for update and delete.
    pub revision: Option<String>,
}

/// What of a definition is its platform's alone: it is sent there, and not kept here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlatformPart {
    /// The platform's own language, verbatim; none: the plugin writes it from the fields that every platform has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Where it lives on the platform: a path in the repository, a folder. none: where it is, or where the plugin thinks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Cron expressions. none: those that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedules: Option<Vec<String>>,
}

impl PlatformPart {
    /// Whether nothing of it is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a pipeline on the platform is, or is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// What the platform shows.
    pub name: String,
    /// Where its source is.
    pub repository: Option<String>,
    /// Branch or tag that it runs by default.
    pub reference: Option<String>,
    /// Where it lives on the platform: a path in the repository, a folder.
    pub location: Option<String>,
    /// The platform's own language, verbatim; none: the plugin writes it from the fields beside it.
    pub source: Option<Vec<u8>>,
    /// What a run can be given.
    pub parameters: Vec<Parameter>,
    /// Variables that the build finds in its environment.
    pub environment: BTreeMap<String, String>,
    /// Cron expressions.
    pub schedules: Vec<String>,
    /// Where the platform tells of its runs.
    pub webhook_url: Option<String>,
}

/// A definition that is to be looked at by the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintRequest {
    /// Where its source is.
    pub repository: Option<String>,
    /// Branch or tag.
    pub reference: Option<String>,
    /// In the platform's own language.
    pub source: Vec<u8>,
}

/// What the platform found in a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `error`, `warning`.
    pub severity: String,
    /// In the platform's words.
    pub message: String,
    /// From 1.
    pub line: Option<u32>,
    /// From 1.
    pub column: Option<u32>,
}
