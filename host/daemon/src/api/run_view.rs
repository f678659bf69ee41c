//! A run on the wire: flat status and times, and its graph where one run is shown.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    id::{PipelineId, ProviderId, RunId},
    run::{Edges, Graph, Job, Run, Step},
    status::{State, Status, Times},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Time, names::Names, words};

/// Where something stands, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Status)]
pub struct StatusView {
    /// One of the closed set.
    #[schema(value_type = words::StateWord)]
    pub state: State,
    /// Open set: `timeout`, `unstable`, `lost`, `queued`, ...
    pub reason: Option<String>,
    /// The platform's own word, verbatim; empty before the platform said one.
    pub platform: String,
    /// Open set: `warnings`, `allowed-failure`, ...
    pub conditions: Vec<String>,
    /// Asked for, or put in the queue.
    pub created: Option<Time>,
    /// Begun.
    pub started: Option<Time>,
    /// Ended.
    pub finished: Option<Time>,
    /// Last changed, by the platform's clock.
    pub updated: Option<Time>,
    /// Milliseconds spent in the queue.
    pub queued_ms: Option<i64>,
    /// Milliseconds of work so far.
    pub duration_ms: Option<i64>,
}

/// One execution of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RunSummary)]
pub struct RunView {
    /// Ours.
    #[schema(value_type = String, format = "uuid")]
    pub id: RunId,
    /// The name of the pipeline when the run was made.
    pub pipeline: String,
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub pipeline_id: PipelineId,
    /// The name of the connection that runs it.
    pub provider: String,
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub provider_id: ProviderId,
    /// `us`, `push`, `schedule`, `manual`, `upstream`, `retry`, `unknown`; an open set.
    pub origin: String,
    /// The run that this one does again, where the platform made a new run for that.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub retry_of: Option<RunId>,
    /// What the platform calls it; null until that is known.
    pub external_id: Option<String>,
    /// The platform's number.
    pub number: Option<String>,
    /// 1 at first.
    pub attempt: u32,
    /// The token that lets this run be found on the platform.
    pub correlation: String,
    /// Of the current attempt.
    #[serde(flatten)]
    pub status: StatusView,
    /// Whether somebody asked for its end.
    pub cancel_requested: bool,
    /// Branch, tag or commit that was asked for.
    pub reference: Option<String>,
    /// The commit that is really built.
    pub commit: Option<String>,
    /// Who started it.
    pub actor: Option<String>,
    /// Where to look at it on the platform.
    pub url: Option<String>,
    /// What it was given; a secret parameter has the secret's name as its value.
    pub parameters: BTreeMap<String, String>,
    /// Variables that the build finds in its environment.
    pub environment: BTreeMap<String, String>,
}

/// A run with its jobs and steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Run)]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub run: RunView,
    /// null: nothing is known of its jobs yet.
    pub graph: Option<GraphView>,
}

/// The jobs of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Graph)]
pub struct GraphView {
    /// In the order in which the platform lists them.
    pub jobs: Vec<JobView>,
    /// How much to believe of `needs`.
    #[schema(value_type = words::EdgesWord)]
    pub edges: Edges,
    /// Whether these are all jobs that there are now.
    pub complete: bool,
}

/// One job of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    /// The platform's.
    pub id: String,
    /// What the platform shows.
    pub name: String,
    /// The label of its stage.
    pub stage: Option<String>,
    /// Where it stands.
    #[serde(flatten)]
    pub status: StatusView,
    /// Ids of jobs of this run that it waits for.
    pub needs: Vec<String>,
    /// The job that it is part of.
    pub parent: Option<String>,
    /// The machine that does it.
    pub runner: Option<String>,
    /// Where to look at it on the platform.
    pub url: Option<String>,
    /// In order.
    pub steps: Vec<StepView>,
}

/// One step of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Step)]
pub struct StepView {
    /// 1 at first; the order.
    pub number: u32,
    /// What the platform shows.
    pub name: String,
    /// Where it stands.
    #[serde(flatten)]
    pub status: StatusView,
}

impl StatusView {
    fn of(status: Status, times: Times, now: Timestamp) -> Self {
        Self {
            queued_ms: times.queued_millis(),
            duration_ms: times.duration_millis(now),
            state: status.state,
            reason: status.reason,
            platform: status.platform,
            conditions: status.conditions,
            created: times.created.map(Time),
            started: times.started.map(Time),
            finished: times.finished.map(Time),
            updated: times.updated.map(Time),
        }
    }
}

impl RunView {
    pub(crate) fn of(run: &Run, names: &Names, now: Timestamp) -> Self {
        Self {
            id: run.id,
            pipeline: run.pipeline_name.to_string(),
            pipeline_id: run.pipeline,
            provider: names.get(run.provider),
            provider_id: run.provider,
            origin: run.origin.clone(),
            retry_of: run.retry_of,
            external_id: run.external_id.clone(),
            number: run.number.clone(),
            attempt: run.attempt,
            correlation: run.correlation.clone(),
            status: StatusView::of(run.status.clone(), run.times, now),
            cancel_requested: run.cancel_requested,
            reference: run.reference.clone(),
            commit: run.commit.clone(),
            actor: run.actor.clone(),
            url: run.url.clone(),
            parameters: run.parameters.clone(),
            environment: run.environment.clone(),
        }
    }
}

impl RunDetail {
    pub(crate) fn of(run: Run, names: &Names, now: Timestamp) -> Self {
        Self { run: RunView::of(&run, names, now), graph: run.graph.map(|graph| GraphView::of(graph, now)) }
    }
}

impl GraphView {
    pub(crate) fn of(graph: Graph, now: Timestamp) -> Self {
        let jobs = graph.jobs.into_iter().map(|job| JobView::of(job, now)).collect();
        Self { jobs, edges: graph.edges, complete: graph.complete }
    }
}

impl JobView {
    fn of(job: Job, now: Timestamp) -> Self {
        let step = |step: Step| StepView {
            number: step.number,
            name: step.name,
            status: StatusView::of(step.status, step.times, now),
        };
        Self {
            id: job.id,
            name: job.name,
            stage: job.stage,
            status: StatusView::of(job.status, job.times, now),
            needs: job.needs,
            parent: job.parent,
            runner: job.runner,
            url: job.url,
            steps: job.steps.into_iter().map(step).collect(),
        }
    }
}
