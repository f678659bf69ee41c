//! What is done to a run: it is stopped, done again, gone on with, removed.
//!
//! Each looks before it acts. GitLab says yes to a cancel of what has ended (`lib/api/ci/pipelines.rb`) and to a retry of what has
//! nothing to retry, so what came of it is read and never taken from the answer.

use novacron_cicd_sdk::{
    Result, RunCancel, RunDeletion, RunForceCancel, RunGates, RunPlay, RunRetry,
    http::{Body, Request},
    run_cancel::CancelTarget,
    run_gates::{Decision, Gate},
    run_retry::RetryScope,
    types::{Error, Operation, ParameterValue, RunRef, Ticket},
};

use crate::{
    GitLab,
    client::{self, Client},
    pipeline,
    rows::{Job, Pipeline},
    run::{self, has_ended},
    trigger,
};

/// Jobs that one call forces to an end: the host allows 64 requests.
const FORCED: usize = 50;

/// A job or bridge of a run; what belongs to another run is not there.
fn job_of(client: &Client, run: &RunRef, id: &str) -> Result<Job> {
    client::numbered("job", id)?;
    let found = client::fetch_maybe::<Job>(client.get(&["projects", &run.pipeline, "jobs", id]))?;
    let found = match found {
        Some(job) => Some(job),
        None => listed(client, run, "bridges", &[])?.into_iter().find(|job| job.id.to_string() == id),
    };
    let ours = |job: &Job| job.pipeline.as_ref().is_none_or(|pipeline| pipeline.id.to_string() == run.run);
    found.filter(ours).ok_or_else(|| Error::not_found(format!("pipeline {} has no job {id}", run.run)))
}

fn listed(client: &Client, run: &RunRef, what: &str, scopes: &[&str]) -> Result<Vec<Job>> {
    let request = client.get(&Client::of_run(run, &[what])?);
    client.whole(scopes.iter().fold(request, |request, scope| request.query("scope[]", scope)))
}

fn act(client: &Client, run: &RunRef, job: &str, action: &str) -> Request {
    client.post(&["projects", &run.pipeline, "jobs", job, action])
}

/// Whether another attempt of ours may have come through already.
fn again(operation: &Operation) -> bool {
    operation.attempt > 1 || operation.first_sent.is_some()
}

impl RunCancel for GitLab {
    fn cancel(_operation: Operation, target: CancelTarget) -> Result<()> {
        let client = Client::here()?;
        match target {
            CancelTarget::Run(run) => stop(&client, run).map(drop),
            CancelTarget::Queued(_) => Err(Error::unsupported("run-cancel.queued")
                .message("a schedule that was played can't be taken back before its pipeline is there")
                .hint("cancel the run when it has begun")),
        }
    }
}

/// A run as it stands, under its project's number: what changes something is not led on to the path of a project that moved.
fn settled(client: &Client, run: RunRef) -> Result<(Pipeline, RunRef)> {
    let row = pipeline(client, &run)?;
    let number = if row.project_id == 0 { run.pipeline.clone() } else { row.project_id.to_string() };
    Ok((row, RunRef { pipeline: number, ..run }))
}

/// Answers the run that was stopped, under its project's number.
fn stop(client: &Client, run: RunRef) -> Result<RunRef> {
    let (row, run) = settled(client, run)?;
    if !has_ended(&row.status) && row.status != "canceling" {
        client::done(client.post(&Client::of_run(&run, &["cancel"])?))?;
    }
    Ok(run)
}

impl RunForceCancel for GitLab {
    /// Jobs that were asked to stop and still run `after_script`; Maintainers may (`doc/ci/jobs`, 17.0).
    fn force_cancel(_operation: Operation, run: RunRef) -> Result<()> {
        let client = Client::here()?;
        let run = stop(&client, run)?;
        for job in listed(&client, &run, "jobs", &["canceling"])?.iter().take(FORCED) {
            let answer = act(&client, &run, &job.id.to_string(), "cancel").query("force", true).send()?;
            match client::taken(answer) {
                Ok(_) => {}
                // It has ended meanwhile.
                Err(error) if error.kind == novacron_cicd_sdk::types::ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl RunRetry for GitLab {
    fn retry(operation: Operation, run: RunRef, scope: RetryScope, _correlation: String) -> Result<Ticket> {
        let client = Client::here()?;
        let name = run.pipeline.clone();
        let (row, run) = settled(&client, run)?;
        let ticket = |row: &Pipeline| Ticket::Run(run::run(&client, &name, row, None));
        match scope {
            RetryScope::All => Err(Error::unsupported("run-retry.all")
                .message("GitLab does again what failed or was canceled, and keeps what succeeded")
                .hint("retry what failed, or trigger the pipeline anew")),
            RetryScope::Failed => {
                if again(&operation) && !has_ended(&row.status) {
                    return Ok(ticket(&row));
                }
                let failed = listed(&client, &run, "jobs", &["failed", "canceled"])?;
                if failed.is_empty() && listed(&client, &run, "bridges", &["failed", "canceled"])?.is_empty() {
                    return Err(Error::conflict(format!("nothing of pipeline {} failed or was canceled", run.run)));
                }
                let answer = client.post(&Client::of_run(&run, &["retry"])?);
                Ok(ticket(&client::fetch(answer)?))
            }
            RetryScope::Job(id) => {
                let job = job_of(&client, &run, &id)?;
                // A retry makes a job of the same name, behind which the old one is hidden.
                let newest = || Ok::<_, Error>(listed(&client, &run, "jobs", &[])?.iter().any(|row| row.id == job.id));
                if !again(&operation) || newest()? {
                    client::done(act(&client, &run, &id, "retry"))?;
                }
                Ok(ticket(&pipeline(&client, &run)?))
            }
        }
    }
}

/// Starts a job that waits. One that is at it already was started.
fn play(client: &Client, operation: &Operation, run: &RunRef, id: &str, given: &[ParameterValue]) -> Result<()> {
    let job = job_of(client, run, id)?;
    if !matches!(job.status.as_str(), "manual" | "scheduled") {
        if again(operation) && !matches!(job.status.as_str(), "canceled" | "skipped" | "created") {
            return Ok(());
        }
        return Err(Error::conflict(format!("job {} waits for nobody: it is {}", job.name, job.status)));
    }
    let mut request = act(client, run, id, "play");
    if !given.is_empty() {
        let body = trigger::variables(Body::new().text(r#"{"job_variables_attributes":"#), given.iter())?;
        request = request.body("application/json", body.text("}"));
    }
    client::done(request)
}

impl RunPlay for GitLab {
    fn play(operation: Operation, run: RunRef, job: String, variables: Vec<ParameterValue>) -> Result<()> {
        let client = Client::here()?;
        let (_, run) = settled(&client, run)?;
        play(&client, &operation, &run, &job, &variables)
    }
}

impl RunGates for GitLab {
    /// Manual and delayed jobs. What they need must have ended first, so those that wait for others are no gates yet.
    fn list_gates(run: RunRef) -> Result<Vec<Gate>> {
        let client = Client::here()?;
        let scopes = ["manual", "scheduled"];
        let mut waiting = listed(&client, &run, "jobs", &scopes)?;
        waiting.extend(listed(&client, &run, "bridges", &scopes)?);
        let gate = |job: Job| Gate {
            id: job.id.to_string(),
            kind: if job.status == "manual" { "manual" } else { "timer" }.into(),
            job: Some(job.id.to_string()),
            message: Some(job.name),
            can_resolve: None,
            inputs: vec![],
            more: vec![],
        };
        Ok(waiting.into_iter().map(gate).collect())
    }

    fn resolve_gate(operation: Operation, run: RunRef, gate: String, decision: Decision) -> Result<()> {
        let client = Client::here()?;
        let (_, run) = settled(&client, run)?;
        if decision.approve {
            return play(&client, &operation, &run, &gate, &decision.inputs);
        }
        let job = job_of(&client, &run, &gate)?;
        if job.status == "canceled" {
            return Ok(());
        }
        if !matches!(job.status.as_str(), "manual" | "scheduled") {
            return Err(Error::conflict(format!("job {} waits for nobody: it is {}", job.name, job.status)));
        }
        let after: Job = client::fetch(act(&client, &run, &gate, "cancel"))?;
        if matches!(after.status.as_str(), "canceled" | "canceling") {
            return Ok(());
        }
        Err(Error::conflict(format!("GitLab left job {} as it was: {}", after.name, after.status)))
    }
}

impl RunDeletion for GitLab {
    /// With its jobs, logs and artifacts; only Owners may.
    fn delete_run(_operation: Operation, run: RunRef) -> Result<()> {
        let client = Client::here()?;
        let row: Option<Pipeline> = client::fetch_maybe(client.get(&Client::of_run(&run, &[])?))?;
        let Some(row) = row else { return Ok(()) };
        client::gone(client.delete(&["projects", &row.project_id.to_string(), "pipelines", &run.run]))
    }
}
