//! Runs with their graphs, from the platform's words to the domain's.

use novacron_cicd_domain::{
    platform::{FoundRun, RunChanges, RunFilter, RunMatch, RunRef},
    run::{Edges, Graph, Job, SeenRun, Step},
};

use crate::{
    bindings::{
        exports::novacron::cicd::{run_changes, run_listing, webhooks},
        novacron::cicd::types as wit,
    },
    value::{Violation, cursor, id, map},
};

impl From<wit::Step> for Step {
    fn from(step: wit::Step) -> Self {
        Self { number: step.number, name: step.name, status: step.status.into(), times: step.times.into() }
    }
}

impl TryFrom<wit::Job> for Job {
    type Error = Violation;
    fn try_from(job: wit::Job) -> Result<Self, Violation> {
        Ok(Self {
            id: id("job.id", job.id)?,
            name: job.name,
            stage: job.stage,
            status: job.status.into(),
            times: job.times.into(),
            needs: job.needs,
            parent: job.parent,
            runner: job.runner,
            url: job.url,
            steps: job.steps.into_iter().map(Into::into).collect(),
        })
    }
}

impl TryFrom<wit::Graph> for Graph {
    type Error = Violation;
    fn try_from(graph: wit::Graph) -> Result<Self, Violation> {
        let edges = match graph.edges.as_str() {
            "exact" => Edges::Exact,
            "approximate" => Edges::Approximate,
            _ => Edges::None,
        };
        let jobs = graph.jobs.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        Ok(Self { jobs, edges, complete: graph.complete })
    }
}

impl TryFrom<wit::Run> for SeenRun {
    type Error = Violation;
    fn try_from(run: wit::Run) -> Result<Self, Violation> {
        Ok(Self {
            external_id: Some(id("run.identity.run", run.identity.run)?),
            number: run.number,
            attempt: run.identity.attempt,
            status: Some(run.status.into()),
            times: run.times.into(),
            commit: run.commit,
            actor: run.actor,
            url: run.url,
            graph: run.graph.map(TryInto::try_into).transpose()?,
        })
    }
}

impl TryFrom<wit::Run> for FoundRun {
    type Error = Violation;
    fn try_from(mut run: wit::Run) -> Result<Self, Violation> {
        let pipeline = id("run.identity.pipeline", std::mem::take(&mut run.identity.pipeline))?;
        let (name, reference, correlation) = (run.name.take(), run.reference.take(), run.correlation.take());
        let origin = std::mem::take(&mut run.origin);
        let parameters = map(std::mem::take(&mut run.parameters));
        let downstream = std::mem::take(&mut run.downstream).into_iter().map(Into::into).collect();
        Ok(Self { pipeline, run: run.try_into()?, name, reference, origin, correlation, parameters, downstream })
    }
}

impl From<wit::RunRef> for RunRef {
    fn from(run: wit::RunRef) -> Self {
        Self { pipeline: run.pipeline, run: run.run, attempt: run.attempt }
    }
}

impl From<&RunRef> for wit::RunRef {
    fn from(run: &RunRef) -> Self {
        Self { pipeline: run.pipeline.clone(), run: run.run.clone(), attempt: run.attempt }
    }
}

impl TryFrom<wit::RunMatch> for RunMatch {
    type Error = Violation;
    fn try_from(found: wit::RunMatch) -> Result<Self, Violation> {
        Ok(match found {
            wit::RunMatch::None => Self::None,
            wit::RunMatch::One(run) => Self::One(Box::new(run.try_into()?)),
            wit::RunMatch::Queued(ticket) => Self::Queued(ticket),
            wit::RunMatch::Many(runs) => Self::Many(runs.into_iter().map(Into::into).collect()),
        })
    }
}

impl TryFrom<run_changes::Changes> for RunChanges {
    type Error = Violation;
    fn try_from(changes: run_changes::Changes) -> Result<Self, Violation> {
        Ok(Self {
            runs: changes.runs.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            position: cursor("changes.position", changes.position)?,
            more_now: changes.more_now,
        })
    }
}

impl From<RunFilter> for run_listing::RunFilter {
    fn from(filter: RunFilter) -> Self {
        Self { pipeline: filter.pipeline, reference: filter.reference, more: Vec::new() }
    }
}

/// A job that a webhook tells of, as a run of which only that job was seen: it merges by id and erases no other.
impl TryFrom<webhooks::JobSeen> for FoundRun {
    type Error = Violation;
    fn try_from(seen: webhooks::JobSeen) -> Result<Self, Violation> {
        let graph = Graph { jobs: vec![seen.job.try_into()?], edges: Edges::None, complete: false };
        Ok(Self {
            pipeline: id("run.pipeline", seen.run.pipeline)?,
            run: SeenRun {
                external_id: Some(id("run.run", seen.run.run)?),
                attempt: seen.run.attempt,
                graph: Some(graph),
                ..SeenRun::default()
            },
            name: None,
            reference: None,
            origin: "unknown".into(),
            correlation: None,
            parameters: std::collections::BTreeMap::new(),
            downstream: Vec::new(),
        })
    }
}
