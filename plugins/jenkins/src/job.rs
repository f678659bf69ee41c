//! A job, as far as starting and finding its runs needs it.

use novacron_cicd_sdk::{Result, types::Error};
use serde::Deserialize;

use crate::{
    build::{self, Build},
    parameters::{self, Parameters, Property},
};

/// Builds that one request asks for; `builds` never lists more (`hudson/model/Job/_api.jelly`).
pub const NEWEST: usize = 100;

/// A job.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Job {
    property: Vec<Property>,
    /// Newest first.
    pub builds: Vec<Build>,
    /// The same without a bound, where that was asked for.
    pub all_builds: Vec<Build>,
    /// Whether something of it waits in the queue.
    pub in_queue: bool,
    color: Option<String>,
    /// Only a folder says it.
    jobs: Option<serde_json::Value>,
}

impl Job {
    /// What starting a run needs to know.
    #[must_use]
    pub fn to_start() -> String {
        format!("color,jobs[name]{{0,1}},{}", parameters::TREE)
    }

    /// What finding a run needs to know.
    #[must_use]
    pub fn to_search() -> String {
        format!("inQueue,{},builds[{}]{{0,{NEWEST}}}", parameters::TREE, build::TREE)
    }

    /// Some of its builds. Those beyond the newest are slow, since Jenkins reads each from disk.
    #[must_use]
    pub fn to_list(from: usize, to: usize) -> String {
        let list = if to <= NEWEST { "builds" } else { "allBuilds" };
        format!("{list}[{}]{{{from},{to}}}", build::TREE)
    }

    /// Whether it takes builds. A folder does not; a multibranch project would look for branches instead.
    ///
    /// # Errors
    /// `conflict` where it is disabled, `invalid-input` where it is a folder.
    pub fn takes_builds(&self, name: &str) -> Result<()> {
        if self.jobs.is_some() {
            return Err(Error::invalid_input("pipeline", format!("{name} is a folder")).hint("name a job in it"));
        }
        if self.color.as_deref().unwrap_or_default().starts_with("disabled") {
            return Err(Error::conflict(format!("{name} is disabled")).hint("enable it in Jenkins"));
        }
        Ok(())
    }

    /// What it declares.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        Parameters::of(self.property.clone())
    }
}
