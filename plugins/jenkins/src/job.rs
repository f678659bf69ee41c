//! A job, as far as starting and finding its runs needs it.

use novacron_cicd_sdk::{Result, types::Error};
use serde::Deserialize;

use crate::{
    build::{self, Build},
    listing::Entry,
    parameters::{self, Parameters, Property},
};

/// Builds that one request asks for; `builds` never lists more (`hudson/model/Job/_api.jelly`).
pub(crate) const NEWEST: usize = 100;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Job {
    #[serde(rename = "_class")]
    class: String,
    property: Vec<Property>,
    pub(crate) builds: Vec<Build>,
    /// The same without a bound, where that was asked for.
    pub(crate) all_builds: Vec<Build>,
    /// Whether something of it waits in the queue.
    pub(crate) in_queue: bool,
    color: Option<String>,
    /// Only what holds jobs says it.
    jobs: Option<Vec<Entry>>,
}

impl Job {
    pub(crate) fn to_start() -> String {
        format!("_class,color,jobs[name,jobs[name]{{0,3}}]{{0,3}},{}", parameters::TREE)
    }

    pub(crate) fn to_search() -> String {
        format!("inQueue,{},builds[{}]{{0,{NEWEST}}}", parameters::TREE, build::TREE)
    }

    /// Some of its builds. Those beyond the newest are slow, since Jenkins reads each from disk.
    pub(crate) fn to_list(from: usize, to: usize) -> String {
        let list = if to <= NEWEST { "builds" } else { "allBuilds" };
        format!("{list}[{}]{{{from},{to}}}", build::TREE)
    }

    /// Whether it takes builds. A folder does not; a multibranch project or an organization folder would look for branches
    /// instead (cloudbees-folder, `ComputedFolder.doBuild`).
    /// `conflict` where it is disabled, `invalid-input` where it holds jobs: the hint names one.
    pub(crate) fn takes_builds(&self, name: &str) -> Result<()> {
        if let Some(children) = &self.jobs {
            let what = match self.class.rsplit('.').next() {
                Some(class) if class.ends_with("MultiBranchProject") => {
                    "a multibranch project, in which each branch is a job"
                }
                Some("OrganizationFolder") => {
                    "an organization folder, in which each branch of each repository is a job"
                }
                _ => "a folder",
            };
            let hint = match children.iter().find_map(|child| child.first_job(name)) {
                Some(job) => format!("trigger a job in it: {job} is one"),
                None => "Jenkins has found no job in it yet".into(),
            };
            return Err(Error::invalid_input("pipeline", format!("{name} is {what}")).hint(hint));
        }
        if self.color.as_deref().unwrap_or_default().starts_with("disabled") {
            return Err(Error::conflict(format!("{name} is disabled")).hint("enable it in Jenkins"));
        }
        Ok(())
    }

    pub(crate) fn parameters(&self) -> Parameters {
        Parameters::of(self.property.clone())
    }
}
