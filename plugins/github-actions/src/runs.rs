//! Runs: started, read, found, listed, stopped, begun again.
//!
//! A run keeps its number over all attempts; what we call a run is one attempt of it.

use std::collections::BTreeMap;

use novacron_cicd_sdk::{
    RunCancel, RunDeletion, RunForceCancel, RunListing, RunRetry, RunSearch, Runs, clock,
    http::send_all,
    run_cancel::CancelTarget,
    run_listing::{RunFilter, RunPage},
    run_retry::RetryScope,
    runs::TriggerRequest,
    types::{Run, RunMatch, Ticket},
};

use crate::{dispatch, graph, prelude::*, reading, run::WorkflowRun};

/// Milliseconds until a run that was started is listed for sure: it may take a minute and a half.
const LISTED: u64 = 90_000;
/// Milliseconds by which GitHub's clock may be behind ours.
const SKEW: u64 = 2_000;
/// Pages that a search goes back.
const BACK: u32 = 5;

impl Runs for GithubActions {
    fn trigger(_operation: Operation, request: TriggerRequest) -> Result<Ticket> {
        let (client, pipeline) = Client::of("pipeline", &request.pipeline)?;
        let reference = match &request.reference {
            Some(reference) => reference.clone(),
            None => reading::default_branch(&client, &pipeline.repo)?,
        };
        let workflow = reading::workflow_file(&client, &pipeline, Some(&reference))?.workflow()?;
        let inputs = dispatch::inputs(&workflow, &client.settings, &request)?;
        let answer = dispatch::post(&client, &pipeline, &reference, &inputs).send()?;
        dispatch::ticket(answer, &pipeline, &reference, &request.correlation)
    }

    fn resolve_ticket(_pipeline: String, _ticket: String) -> Result<Ticket> {
        Err(Error::unsupported("tickets").message("a run of GitHub's is a run from the first moment"))
    }

    /// The run first, then its jobs: of a run that has ended all jobs have.
    fn get(run: RunRef) -> Result<Run> {
        let (client, repo, _) = Client::of_run(&run)?;
        let found = reading::run(&client, &repo, &run)?;
        let jobs = reading::jobs(&client, &repo, &found)?;
        let workflow = if jobs.is_empty() { None } else { reading::workflow_of(&client, &repo, &found) };
        Ok(Run { graph: Some(graph::graph(&jobs, workflow.as_ref())), ..found.run(&repo) })
    }
}

impl RunSearch for GithubActions {
    /// Lists that GitHub filters are late and leave out what is there: all runs are looked at beside them.
    fn find_by_correlation(pipeline: String, correlation: String, since: Timestamp) -> Result<RunMatch> {
        let (client, pipeline) = Client::of("pipeline", &pipeline)?;
        let since = since.saturating_sub(SKEW);
        let mut seen = BTreeMap::new();
        for page in 1..=BACK {
            let all = client.get(at(&pipeline.repo, &["actions", "runs"]));
            let own = client.get(at(&pipeline.repo, &["actions", "workflows", &pipeline.rest, "runs"]));
            let ask = [all, own.query("event", "workflow_dispatch")]
                .map(|request| request.query("exclude_pull_requests", true).query("per_page", 100).query("page", page));
            let mut goes_back = false;
            for answer in send_all(ask) {
                let answer = client::taken(answer?)?;
                let runs = answer.json::<List<WorkflowRun>>()?.items;
                let reaches = runs.last().is_some_and(|run| run.created_at.0.is_none_or(|at| at >= since));
                goes_back |= reaches && paging::goes_on(&answer);
                seen.extend(runs.into_iter().map(|run| (run.id, run)));
            }
            if !goes_back {
                break;
            }
        }
        let dispatched: Vec<WorkflowRun> = seen
            .into_values()
            .filter(|run| run.key() == pipeline.rest && run.event == "workflow_dispatch")
            .filter(|run| run.created_at.0.is_none_or(|at| at >= since))
            .collect();
        let carrying: Vec<_> = dispatched.iter().filter(|run| run.carries(&correlation)).collect();
        match carrying[..] {
            [run] => return Ok(RunMatch::One(run.run(&pipeline.repo))),
            [] => {}
            _ => return Ok(RunMatch::Many(carrying.iter().map(|run| run.identity(&pipeline.repo)).collect())),
        }
        // What carries no token of anybody may be ours all the same, where its workflow does not show tokens.
        let mut shows = BTreeMap::new();
        let mut may_be = |run: &&WorkflowRun| {
            run.correlation().is_none()
                && !*shows.entry(run.head_sha.clone()).or_insert_with(|| {
                    let workflow = reading::workflow_of(&client, &pipeline.repo, run);
                    workflow.is_some_and(|workflow| workflow.shows(&client.settings.correlation_input))
                })
        };
        let candidates: Vec<_> = dispatched.iter().filter(|run| may_be(run)).collect();
        if !candidates.is_empty() {
            return Ok(RunMatch::Many(candidates.iter().map(|run| run.identity(&pipeline.repo)).collect()));
        }
        if clock::now() < since + SKEW + LISTED {
            return Err(Error::transient("GitHub may list a run a minute and a half after it was started: ask again"));
        }
        Ok(RunMatch::None)
    }
}

impl RunListing for GithubActions {
    fn list_runs(filter: RunFilter, page: PageRequest) -> Result<RunPage> {
        let client = Client::here()?;
        let places = match &filter.pipeline {
            Some(pipeline) => {
                let id = client.id("pipeline", pipeline)?;
                let path = at(&id.repo, &["actions", "workflows", &id.rest, "runs"]);
                vec![(id.repo, path)]
            }
            None => client.repositories()?.into_iter().map(|it| (it.clone(), at(&it, &["actions", "runs"]))).collect(),
        };
        let ask = |(_, path): &(Repo, Vec<String>)| {
            let request = client.get(path.as_slice()).query("exclude_pull_requests", true);
            request.query_maybe("branch", filter.reference.as_ref())
        };
        let read = |(repo, _): &(Repo, _), page: List<WorkflowRun>| Ok(page.map(|run| run.run(repo)));
        let (items, next) = paging::across(&places, &page, ask, read)?;
        Ok(RunPage { items, next })
    }
}

impl RunCancel for GithubActions {
    fn cancel(_operation: Operation, target: CancelTarget) -> Result<()> {
        let CancelTarget::Run(run) = target else { return Err(Error::unsupported("tickets")) };
        stop(&run, "cancel")
    }
}

impl RunForceCancel for GithubActions {
    /// Steps with `always()` are not waited for then.
    fn force_cancel(_operation: Operation, run: RunRef) -> Result<()> {
        stop(&run, "force-cancel")
    }
}

/// Only the newest attempt can be stopped: one that is named and is not it has ended.
fn stop(run: &RunRef, how: &str) -> Result<()> {
    let (client, repo, number) = Client::of_run(run)?;
    let newest = reading::newest(&client, &repo, run)?;
    if newest.has_ended() || run.attempt.is_some_and(|attempt| attempt != newest.attempt()) {
        return Ok(());
    }
    match client::done(client.post(at(&repo, &["actions", "runs", &number, how]))) {
        // There is nothing to stop any more.
        Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
        other => other.map(drop),
    }
}

impl RunRetry for GithubActions {
    /// GitHub carries no token along: a second sending sees by the attempt that the first one came.
    fn retry(operation: Operation, run: RunRef, scope: RetryScope, _correlation: String) -> Result<Ticket> {
        let (client, repo, number) = Client::of_run(&run)?;
        let newest = reading::newest(&client, &repo, &run)?;
        let came = run.attempt.is_some_and(|attempt| attempt.saturating_add(1) == newest.attempt());
        let since = |sent: Timestamp| newest.run(&repo).times.created >= Some(sent.saturating_sub(SKEW));
        if came && operation.first_sent.is_some_and(since) {
            return Ok(Ticket::Run(newest.run(&repo)));
        }
        newest.may_be_retried(run.attempt)?;
        let path = match &scope {
            RetryScope::All => at(&repo, &["actions", "runs", &number, "rerun"]),
            RetryScope::Failed => at(&repo, &["actions", "runs", &number, "rerun-failed-jobs"]),
            RetryScope::Job(job) => at(&repo, &["actions", "jobs", job, "rerun"]),
        };
        client::done(client.post(path))?;
        let identity = RunRef { attempt: Some(newest.attempt().saturating_add(1)), ..newest.identity(&repo) };
        let asked = Status::of(State::Pending, "requested").reason("queued");
        let run = newest.run(&repo);
        Ok(Ticket::Run(Run { identity, status: asked, origin: "retry".into(), times: Times::default(), ..run }))
    }
}

impl RunDeletion for GithubActions {
    fn delete_run(_operation: Operation, run: RunRef) -> Result<()> {
        let (client, repo, number) = Client::of_run(&run)?;
        client::removed(client.delete(at(&repo, &["actions", "runs", &number])))
    }
}
