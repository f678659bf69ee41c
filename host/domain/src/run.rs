//! A run, its jobs and their steps; and what is observed of them.
//!
//! [`reduce()`] takes an observation in, [`graph`] draws a run, [`heartbeat`] ends a silent one,
//! [`statistics`] says what many have in common.

pub mod graph;
pub mod heartbeat;
mod reduce;
pub mod statistics;

pub use reduce::{Change, Reduced, reduce};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::{PipelineId, ProviderId, RunId},
    name::Name,
    status::{Status, Times},
};

/// One execution of a pipeline, with the graph of its current attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Ours.
    pub id: RunId,
    /// The pipeline it is of; stays when the pipeline is deleted.
    pub pipeline: PipelineId,
    /// That pipeline's name when the run was made.
    pub pipeline_name: Name,
    /// The connection that runs it.
    pub provider: ProviderId,
    /// `us`, `push`, `schedule`, `manual`, `upstream`, `retry`, `unknown`; an open set.
    pub origin: String,
    /// The run that this one does again, where the platform makes a new run for that and no new attempt.
    pub retry_of: Option<RunId>,
    /// What the platform calls it; none until that is known.
    pub external_id: Option<String>,
    /// The platform's place in the queue, as the plugin wrote it; none where there is none.
    pub ticket: Option<String>,
    /// The platform's number, in its own words.
    pub number: Option<String>,
    /// 1 at first.
    pub attempt: u32,
    /// The token that lets this run be found on the platform.
    pub correlation: String,
    /// Of the current attempt.
    pub status: Status,
    /// Whether somebody asked us to cancel it.
    pub cancel_requested: bool,
    /// Of the current attempt.
    pub times: Times,
    /// When the latest truth of it was seen, by our clock; none before the first.
    pub seen: Option<Timestamp>,
    /// Branch, tag or commit that was asked for.
    pub reference: Option<String>,
    /// The commit that is really built, where the platform says it.
    pub commit: Option<String>,
    /// Who started it.
    pub actor: Option<String>,
    /// Where to look at it on the platform.
    pub url: Option<String>,
    /// What it was given. A secret parameter has the secret's name as its value.
    pub parameters: BTreeMap<String, String>,
    /// Variables that the build finds in its environment.
    pub environment: BTreeMap<String, String>,
    /// none: nothing is known of its jobs yet.
    pub graph: Option<Graph>,
    /// One more on every change: what compare-and-set compares.
    pub version: i64,
}

/// The jobs of one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// In the order in which the platform lists them.
    pub jobs: Vec<Job>,
    /// How much to believe of `Job::needs`.
    pub edges: Edges,
    /// Whether `jobs` are all jobs that there are now.
    pub complete: bool,
}

/// How much to believe of a graph's edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Edges {
    /// The platform says them.
    Exact,
    /// Derived from stages or from the definition.
    Approximate,
    /// Not known.
    #[default]
    None,
}

/// One job of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The platform's.
    pub id: String,
    /// What the platform shows.
    pub name: String,
    /// The label of the stage that it belongs to.
    pub stage: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// When it did what.
    pub times: Times,
    /// Ids of jobs of this run that it waits for.
    pub needs: Vec<String>,
    /// The job that it is part of (a matrix, a called workflow).
    pub parent: Option<String>,
    /// The machine that does it.
    pub runner: Option<String>,
    /// Where to look at it on the platform.
    pub url: Option<String>,
    /// In order.
    pub steps: Vec<Step>,
}

/// One step of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// 1 at first; the order.
    pub number: u32,
    /// What the platform shows.
    pub name: String,
    /// Where it stands.
    pub status: Status,
    /// When it did what.
    pub times: Times,
}

/// How much an observation may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A webhook's word: it wakes a poll, and never writes a terminal state.
    Hint,
    /// A read of the platform, or the run's own callback where the platform can't be read.
    Truth,
}

/// What was seen of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// How much it may decide.
    pub standing: Standing,
    /// When we saw it, by our clock.
    pub seen: Timestamp,
    /// What was seen. Fields that are none say nothing.
    pub seen_run: SeenRun,
}

/// The fields of a run as the platform shows them; none says nothing, an absent graph erases no jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenRun {
    /// The platform's id.
    pub external_id: Option<String>,
    /// The platform's number, in its own words.
    pub number: Option<String>,
    /// The platform's attempt; none where it does not count them.
    pub attempt: Option<u32>,
    /// Where it stands.
    pub status: Option<Status>,
    /// When it did what.
    pub times: Times,
    /// The commit that is really built.
    pub commit: Option<String>,
    /// Who started it.
    pub actor: Option<String>,
    /// Where to look at it.
    pub url: Option<String>,
    /// All jobs (`complete`), or some of them: then they are merged by id.
    pub graph: Option<Graph>,
}
