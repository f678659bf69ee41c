//! GitLab CI, by its REST API and one GraphQL query. `docs/gitlab-ci-provider.md` says what an operator sees of it.
//!
//! Must be absent here: what a request looks like and what an answer means. Those are in the modules.

mod artifacts;
mod check;
mod client;
mod control;
mod definitions;
mod deployments;
mod environments;
mod graph;
mod hooks;
mod logs;
mod projects;
mod registration;
mod rows;
mod run;
mod runners;
mod search;
pub mod settings;
mod status;
mod store;
mod trigger;
mod yaml;

use novacron_cicd_sdk::{
    Logs, Plugin, Result, Runs,
    http::{Response, send_all},
    logs::{Availability, LogAnswer, LogRequest},
    plugin::CheckReport,
    runs::TriggerRequest,
    types::{Operation, Run, RunRef, Ticket},
};
use serde_json::json;

use client::{Client, PAGE};
use graph::Plan;
use rows::{Job, Pipeline, Variable};

/// The provider.
#[derive(Debug)]
pub struct GitLab;

/// Pages of one run's jobs in one call: 1,500 jobs.
const PAGES: usize = 15;

impl Plugin for GitLab {
    fn check() -> Result<CheckReport> {
        check::check(&Client::here()?)
    }
}

impl Runs for GitLab {
    fn trigger(_operation: Operation, request: TriggerRequest) -> Result<Ticket> {
        let client = Client::here()?;
        let row = start(&client, &request)?;
        Ok(Ticket::Run(run::run(&client, &request.pipeline, &row, None)))
    }

    fn resolve_ticket(pipeline: String, ticket: String) -> Result<Ticket> {
        definitions::played(&Client::here()?, &pipeline, ticket)
    }

    fn get(run: RunRef) -> Result<Run> {
        let client = Client::here()?;
        // What ends first is read first: a run that has ended beside a job that goes on would stay so.
        let row = pipeline(&client, &run)?;
        let path = run::project_of(&client, &row);
        let below = |part| Ok::<_, novacron_cicd_sdk::types::Error>(client.get(&Client::of_run(&run, &[part])?));
        let mut asked = vec![
            below("jobs")?.query("per_page", PAGE),
            below("bridges")?.query("per_page", PAGE),
            client.query(graph::QUERY, &json!({ "p": path, "i": row.iid.to_string() })),
        ];
        if run::by_request(&row) {
            asked.push(below("variables")?);
        }
        let mut answers = send_all(asked).into_iter();
        let mut next =
            || answers.next().unwrap_or_else(|| Err(novacron_cicd_sdk::types::Error::internal("an answer is missing")));
        let (jobs, bridges, edges) = (next()?, next(), next());
        let variables: Option<Vec<Variable>> = next().ok().filter(Response::is_success).and_then(|it| it.json().ok());
        let (mut jobs, mut whole): (Vec<Job>, bool) = client.all(client::taken(jobs)?, PAGES)?;
        match bridges.and_then(client::taken).and_then(|answer| client.all::<Job>(answer, PAGES)) {
            Ok((bridges, all)) => {
                jobs.extend(bridges);
                whole &= all;
            }
            Err(error) => {
                novacron_cicd_sdk::warn!("the bridges can't be read"; run = run.run, error = error.message);
                whole = false;
            }
        }
        // Jobs of a large definition come after their pipeline.
        whole &= row.status != "created";
        let plan = plan(&client, &row, edges);
        let found = run::run(&client, &run.pipeline, &row, variables.as_deref());
        Ok(Run { downstream: run::downstream(&client, &jobs), graph: Some(graph::graph(&jobs, plan, whole)), ..found })
    }
}

impl Logs for GitLab {
    fn read(request: LogRequest) -> Result<LogAnswer> {
        let client = Client::here()?;
        let seen = logs::position(request.cursor.as_deref())?;
        let Some(id) = request.job else { return Ok(logs::nothing(seen, Availability::Never)) };
        client::numbered("job", &id)?;
        let project = request.run.pipeline.as_str();
        let job = client.get(&["projects", project, "jobs", &id]).send()?;
        // A bridge has no log, and is no job to this part of the API.
        if job.status() == 404 {
            return Ok(logs::nothing(seen, Availability::Never));
        }
        let job: Job = client::taken(job)?.json()?;
        let availability = logs::availability(&job);
        if !matches!(availability, Availability::Growing | Availability::Complete) {
            return Ok(logs::nothing(seen, availability));
        }
        let trace = client.get(&["projects", project, "jobs", &id, "trace"]);
        if logs::may_be_moving(&job, seen, client::now())
            && client::taken(trace.clone().window(0, 1).send()?)?.total() == 0
        {
            return Ok(logs::nothing(seen, Availability::Growing));
        }
        logs::plan(trace, seen, availability)
    }
}

/// Starts a pipeline. By the project's number, since a request that changes something is not led on to a new path.
fn start(client: &Client, request: &TriggerRequest) -> Result<Pipeline> {
    let project = projects::project(client, &request.pipeline)?;
    let branch = projects::branch(&project, request.reference.as_deref())?;
    let declared = match trigger::needs_declarations(&client.settings, request) {
        // What can't be read as YAML is GitLab's to refuse.
        true => projects::definition(client, &project, branch)?.and_then(|text| yaml::Declared::read(&text).ok()),
        false => None,
    };
    let body = trigger::body(&client.settings, request, branch, &declared.unwrap_or_default())?;
    let create = client.post(&["projects", &project.id.to_string(), "pipeline"]);
    client::fetch(create.body("application/json", body))
}

fn pipeline(client: &Client, run: &RunRef) -> Result<Pipeline> {
    client::fetch(client.get(&Client::of_run(run, &[])?))
}

/// The edges: of GraphQL, else of the linter, else unknown.
fn plan(client: &Client, row: &Pipeline, first: Result<Response>) -> Option<Plan> {
    let mut plan = Plan::default();
    let mut answer = first;
    for _ in 0..PAGES {
        let Some(Some(next)) = answer.and_then(client::data).ok().map(|data| plan.take(&data)) else {
            return linted(client, row);
        };
        let Some(cursor) = next else { return Some(plan) };
        let path = run::project_of(client, row);
        answer = client.query(graph::QUERY, &json!({ "p": path, "i": row.iid.to_string(), "c": cursor })).send();
    }
    Some(plan)
}

fn linted(client: &Client, row: &Pipeline) -> Option<Plan> {
    let project = row.project_id.to_string();
    // `content_ref` is its newer name, since 16.10, and excludes this one (`lib/api/lint.rb`).
    let lint = client.get(&["projects", &project, "ci", "lint"]).query("include_jobs", true);
    let lint = lint.query_maybe("sha", row.sha.as_ref());
    Plan::linted(&client::fetch(lint).ok()?)
}

novacron_cicd_sdk::export!(GitLab with
    plugin, pipelines, pipeline_definitions, pipeline_state, pipeline_lint, pipeline_schedules, pipeline_triggers, runs, run_search,
    run_listing, run_changes, run_cancel, run_force_cancel, run_retry, run_play, run_gates, run_deletion, logs, artifacts,
    artifact_uploads, artifact_retention, secrets, variables, runners, runner_drain, runner_labels, runner_deletion, runner_creation,
    runner_assignment, webhooks, webhook_registration, webhook_recovery, environments, deployments, deployment_cancel,
    deployment_approval, deployment_rollback, deployment_reconciliation, deployment_status,
);
