//! A job, as far as starting and finding its runs needs it.

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
}

impl Job {
    /// What starting a run needs to know.
    #[must_use]
    pub fn to_start() -> String {
        format!("color,{}", parameters::TREE)
    }

    /// What finding a run needs to know.
    #[must_use]
    pub fn to_search() -> String {
        format!("inQueue,{},builds[{}]{{0,{NEWEST}}}", parameters::TREE, build::TREE)
    }

    /// Older builds than those that [`to_search`](Self::to_search) answers with: slow, since Jenkins reads each from disk.
    #[must_use]
    pub fn to_search_from(first: usize) -> String {
        format!("allBuilds[{}]{{{first},{}}}", build::TREE, first + NEWEST)
    }

    /// Whether it takes builds.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !self.color.as_deref().unwrap_or_default().starts_with("disabled")
    }

    /// What it declares.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        Parameters::of(self.property.clone())
    }
}
