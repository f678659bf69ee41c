//! Runs as a platform names and shows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::run::SeenRun;

/// A run in the platform's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRef {
    /// The platform's id of the pipeline.
    pub pipeline: String,
    /// The platform's id of the run.
    pub run: String,
    /// none: the platform does not count attempts.
    pub attempt: Option<u32>,
}

/// What became of a request to start something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// There is a run.
    Run(Box<SeenRun>),
    /// In a queue; ask again with this cursor.
    Queued(String),
    /// Folded into a run that was queued already.
    Folded(String),
    /// Taken, but the platform does not say as what.
    Unknown(Option<String>),
    /// The queue let go of it; the reason, where the platform says it.
    Canceled(Option<String>),
}

/// A run with what identifies it beside what is observed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRun {
    /// The platform's id of its pipeline.
    pub pipeline: String,
    /// What is observed of it.
    pub run: SeenRun,
    /// What the platform calls it, where that is more than its number.
    pub name: Option<String>,
    /// Branch or tag.
    pub reference: Option<String>,
    /// `api`, `push`, `schedule`, `manual`, `upstream`, `retry`, `unknown`; an open set.
    pub origin: String,
    /// Our token, where the platform kept it.
    pub correlation: Option<String>,
    /// What it was given, as far as the platform shows it.
    pub parameters: BTreeMap<String, String>,
    /// Runs that it started.
    pub downstream: Vec<RunRef>,
}

/// What a search by correlation token found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunMatch {
    /// No run carries it.
    None,
    /// The run.
    One(Box<FoundRun>),
    /// It still waits in a queue and is no run yet; ask again with this cursor.
    Queued(String),
    /// More than one: an operator has to look.
    Many(Vec<RunRef>),
}

/// What to cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelTarget {
    /// A run.
    Run(RunRef),
    /// What is still in the platform's queue.
    Queued {
        /// The platform's id of the pipeline.
        pipeline: String,
        /// As the trigger answered it.
        ticket: String,
    },
}

/// How much of a run is done again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RetryScope {
    /// All of it.
    #[default]
    All,
    /// Its jobs that failed, and what waits for them.
    Failed,
    /// One job: the platform's id of it.
    Job(String),
}

/// What changed in the runs of some pipelines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunChanges {
    /// As far as they were looked at.
    pub runs: Vec<FoundRun>,
    /// For the next call.
    pub position: String,
    /// More may be read at once.
    pub more_now: bool,
}

/// Which runs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// The platform's id of the pipeline; none: of all.
    pub pipeline: Option<String>,
    /// Branch or tag.
    pub reference: Option<String>,
}
