//! The peer's messages as the domain's values, with the checks that the contract's own conversions make.

use novacron_cicd_contract::{Violation, id};
use novacron_cicd_domain::{
    Timestamp,
    platform::{FoundRun, RunRef},
    run::{Edges, Graph, Job, SeenRun, Step},
    status::{State, Status, Times},
};
use novacron_cicd_grpcpeer as wire;

pub(crate) fn found(run: wire::Run) -> Result<FoundRun, Violation> {
    Ok(FoundRun {
        pipeline: id("run.identity.pipeline", run.identity.pipeline)?,
        run: SeenRun {
            external_id: Some(id("run.identity.run", run.identity.run)?),
            number: run.number,
            attempt: run.identity.attempt,
            status: Some(status(run.status)),
            times: times(run.times),
            commit: run.commit,
            actor: run.actor,
            url: run.url,
            graph: run.graph.map(graph).transpose()?,
        },
        name: run.name,
        reference: run.reference,
        origin: run.origin,
        correlation: run.correlation,
        parameters: run.parameters.into_iter().map(|attribute| (attribute.key, attribute.value)).collect(),
        downstream: run.downstream.into_iter().map(reference).collect(),
    })
}

fn graph(graph: wire::Graph) -> Result<Graph, Violation> {
    let edges = match graph.edges.as_str() {
        "exact" => Edges::Exact,
        "approximate" => Edges::Approximate,
        _ => Edges::None,
    };
    let jobs = graph.jobs.into_iter().map(job).collect::<Result<_, _>>()?;
    Ok(Graph { jobs, edges, complete: graph.complete })
}

fn job(job: wire::Job) -> Result<Job, Violation> {
    Ok(Job {
        id: id("job.id", job.id)?,
        name: job.name,
        stage: job.stage,
        status: status(job.status),
        times: times(job.times),
        needs: job.needs,
        parent: job.parent,
        runner: job.runner,
        url: job.url,
        steps: job.steps.into_iter().map(step).collect(),
    })
}

fn step(step: wire::Step) -> Step {
    Step { number: step.number, name: step.name, status: status(step.status), times: times(step.times) }
}

fn status(status: wire::Status) -> Status {
    let state = match status.state() {
        wire::State::Pending => State::Pending,
        wire::State::Running => State::Running,
        wire::State::Waiting => State::Waiting,
        wire::State::Succeeded => State::Succeeded,
        wire::State::Failed => State::Failed,
        wire::State::Canceled => State::Canceled,
        wire::State::Skipped => State::Skipped,
    };
    Status { state, reason: status.reason, platform: status.platform, conditions: status.conditions }
}

fn times(times: wire::Times) -> Times {
    let time = |time: u64| Timestamp(i64::try_from(time).unwrap_or(i64::MAX));
    Times {
        created: times.created.map(time),
        started: times.started.map(time),
        finished: times.finished.map(time),
        updated: times.updated.map(time),
    }
}

fn reference(run: wire::RunRef) -> RunRef {
    RunRef { pipeline: run.pipeline, run: run.run, attempt: run.attempt }
}
