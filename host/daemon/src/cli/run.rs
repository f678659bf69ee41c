//! `novacron-cicd run`

use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use novacron_cicd_domain::{id::RunId, operation::OperationState};
use reqwest::Method;
use serde_json::Value;

use super::{
    CliError, Exit,
    client::Client,
    gate, logs, operation,
    output::{Format, Output, Rows, fields, length, note, or_dash, paint, printable},
    stats,
    watch::{self, Patience},
};
use crate::api::{
    List as Page,
    operations::OperationView,
    run_view::{RunDetail, RunView, StatusView},
    runs::{RetryScope, RunRetry},
};

/// What to do with runs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List runs
    #[command(after_help = "Examples:
  $ novacron-cicd run list --pipeline backend-build --state failed
  $ novacron-cicd run list -o json | jq -r '.[0].id'")]
    List(List),
    /// Show a run with its jobs and steps
    Show(Show),
    /// Follow a run until it has ended
    #[command(after_help = "Examples:
  $ novacron-cicd run watch 019732a4-7c1e-7f00-8000-000000000001 --exit-status
  $ novacron-cicd run watch 019732a4-7c1e-7f00-8000-000000000001 --timeout 10m && echo ended")]
    Watch(Watch),
    /// Print what a run wrote
    #[command(after_help = "Without --job, lines of jobs begin with the job's id.

Examples:
  $ novacron-cicd run logs 019732a4-7c1e-7f00-8000-000000000001 -f
  $ novacron-cicd run logs 019732a4-7c1e-7f00-8000-000000000001 --job build > build.log
  $ novacron-cicd run logs 019732a4-7c1e-7f00-8000-000000000001 -o json | jq -r '.job_name + \": \" + .line'")]
    Logs(Logs),
    /// Show how the jobs of a run wait for each other
    #[command(after_help = "Examples:
  $ novacron-cicd run graph 019732a4-7c1e-7f00-8000-000000000001
  $ novacron-cicd run graph 019732a4-7c1e-7f00-8000-000000000001 --format dot | dot -Tsvg > run.svg")]
    Graph(Graph),
    /// Show what the runs of a pipeline have in common: how many succeed, how long they take, what is flaky or slow
    #[command(after_help = "Examples:
  $ novacron-cicd run stats backend-build
  $ novacron-cicd run stats backend-build --limit 500 -o json | jq .success_rate")]
    Stats(stats::Stats),
    /// Ask for the end of a run
    Cancel(Cancel),
    /// List what a run waits for a person to decide
    Gates(gate::Gates),
    /// Let a run go on that waits for a person
    #[command(after_help = "Example:
  $ novacron-cicd run approve 019732a4-7c1e-7f00-8000-000000000001 deploy -p TARGET=staging --comment 'go on' --wait")]
    Approve(gate::Decide),
    /// Let a run not go on that waits for a person
    Reject(gate::Decide),
    /// Start a manual or delayed job of a run
    Play(gate::Play),
    /// Delete a run on its platform
    Delete(gate::Delete),
    /// Ask for a run, or a part of it, again
    #[command(
        after_help = "What the platform makes of it is a new attempt of the run, or a new run that says which one it does
again; with --wait and --watch that is what is followed, and what is printed at the end.

Examples:
  $ novacron-cicd run retry 019732a4-7c1e-7f00-8000-000000000001 --failed --watch
  $ novacron-cicd run retry 019732a4-7c1e-7f00-8000-000000000001 --job build --wait --exit-status"
    )]
    Retry(Retry),
}

/// Which runs.
#[derive(Debug, Args)]
pub struct List {
    /// Of this pipeline only
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Through this provider only
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// In this state only
    #[arg(long, value_name = "STATE", value_parser = ["pending", "running", "waiting", "succeeded", "failed", "canceled", "skipped", "ambiguous"])]
    state: Option<String>,
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// One run.
#[derive(Debug, Args)]
pub struct Show {
    /// Its id
    id: RunId,
    /// All its attempts
    #[arg(long)]
    attempts: bool,
}

/// One run, until it has ended.
#[derive(Debug, Args)]
pub struct Watch {
    /// Its id
    id: RunId,
    /// Do not wait longer than this, such as 90s or 30m: then exit with 4, and the run goes on
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    timeout: Option<Duration>,
    /// Exit with 1 where the run did not succeed
    #[arg(long)]
    exit_status: bool,
}

/// What a run wrote.
#[derive(Debug, Args)]
pub struct Logs {
    /// Its id
    pub(super) id: RunId,
    /// Go on until the run has ended
    #[arg(short, long)]
    pub(super) follow: bool,
    /// Of this job only
    #[arg(long, value_name = "ID")]
    pub(super) job: Option<String>,
    /// From this byte; without --job: of the run's own log
    #[arg(long, value_name = "N")]
    pub(super) offset: Option<u64>,
    /// Of this attempt; left out: the current one
    #[arg(long, value_name = "N")]
    pub(super) attempt: Option<u32>,
}

/// A run's graph.
#[derive(Debug, Args)]
pub struct Graph {
    /// Its id
    id: RunId,
    /// In which form
    #[arg(long, value_enum, default_value_t = GraphFormat::Tree, value_name = "FORMAT")]
    format: GraphFormat,
}

/// In which form a graph is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum GraphFormat {
    /// For a terminal
    Tree,
    /// For Markdown
    Mermaid,
    /// For Graphviz
    Dot,
    /// For programs
    Json,
}

/// A run to be canceled.
#[derive(Debug, Args)]
pub struct Cancel {
    /// Its id
    id: RunId,
    /// End it the harder way, where asking did not help
    #[arg(long)]
    force: bool,
    /// Wait until it has ended
    #[arg(long)]
    wait: bool,
    /// Do not wait longer than this, such as 90s or 30m: then exit with 4
    #[arg(long, value_name = "DURATION", value_parser = super::duration, requires = "wait")]
    timeout: Option<Duration>,
}

/// A run to be done again.
#[derive(Debug, Args)]
pub struct Retry {
    /// Its id
    id: RunId,
    /// Only its jobs that failed, and what waits for them
    #[arg(long, conflicts_with = "job")]
    failed: bool,
    /// Only this job
    #[arg(long, value_name = "ID")]
    job: Option<String>,
    /// Wait until what comes of it has ended
    #[arg(long)]
    wait: bool,
    /// Wait, and show what happens meanwhile
    #[arg(long, conflicts_with = "wait")]
    watch: bool,
    /// Do not wait longer than this, such as 90s or 30m: then exit with 4
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    timeout: Option<Duration>,
    /// Exit with 1 where it did not succeed
    #[arg(long)]
    exit_status: bool,
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::List(list) => self::list(list, client, out).await,
        Verb::Show(one) if one.attempts => {
            let answer = client.get::<Page<RunDetail>>(&format!("/v1/runs/{}/attempts", one.id)).await?;
            let mut rows = Rows::new("attempts", &["ATTEMPT", "STATE", "QUEUED", "DURATION", "STARTED", "ON PLATFORM"]);
            for attempt in &answer.typed.items {
                let run = &attempt.run;
                rows.push(vec![
                    run.attempt.to_string(),
                    run.status.state.to_string(),
                    millis(run.status.queued_ms),
                    millis(run.status.duration_ms),
                    out.time(run.status.started),
                    or_dash(run.external_id.as_deref()),
                ]);
            }
            out.list(&answer.value["items"], rows, false)
        }
        Verb::Show(one) => {
            let answer = client.get::<RunDetail>(&format!("/v1/runs/{}", one.id)).await?;
            out.print(&answer.value, || show(&answer.typed, out))
        }
        Verb::Watch(watch) => {
            let patience = Patience { timeout: watch.timeout, exit_status: watch.exit_status, show: true };
            watch::run(client, out, watch.id, patience).await
        }
        Verb::Logs(wanted) => logs::run(&wanted, client, out).await,
        Verb::Graph(graph) => self::graph(&graph, client, out).await,
        Verb::Stats(stats) => stats::run(&stats, client, out).await,
        Verb::Retry(retry) => self::retry(retry, client, out).await,
        Verb::Gates(gates) => gate::gates(&gates, client, out).await,
        Verb::Approve(decide) => gate::decide(decide, true, client, out).await,
        Verb::Reject(decide) => gate::decide(decide, false, client, out).await,
        Verb::Play(play) => gate::play(play, client, out).await,
        Verb::Delete(delete) => gate::delete(&delete, client, out).await,
        Verb::Cancel(cancel) => {
            let how = if cancel.force { "force-cancel" } else { "cancel" };
            let path = format!("/v1/runs/{}/{how}", cancel.id);
            let answer = client.post::<OperationView>(&path, &serde_json::json!({}), None).await?;
            if cancel.wait {
                let patience = Patience { timeout: cancel.timeout, exit_status: false, show: false };
                return watch::run(client, out, cancel.id, patience).await;
            }
            if out.terminal {
                note("the end of the run was asked for");
            }
            out.print(&answer.value, || operation::show(&answer.typed, out))
        }
    }
}

async fn retry(retry: Retry, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let waits = retry.wait || retry.watch;
    watch::needs_waiting(waits, retry.timeout, retry.exit_status)?;
    let scope = match (retry.failed, &retry.job) {
        (true, _) => RetryScope::Failed,
        (false, Some(_)) => RetryScope::Job,
        (false, None) => RetryScope::All,
    };
    let path = format!("/v1/runs/{}/retry", retry.id);
    // With a key of our own a second attempt after a broken connection can't retry twice.
    let key = uuid::Uuid::now_v7().to_string();
    let answer = client.post::<OperationView>(&path, &RunRetry { scope, job: retry.job }, Some(&key)).await?;
    let id = answer.typed.id;
    if !waits {
        if out.terminal {
            note(&format!("see `novacron-cicd operation show {id}`"));
        }
        return out.print(&answer.value, || operation::show(&answer.typed, out));
    }
    let deadline = retry.timeout.map(|timeout| Instant::now() + timeout);
    let settled = watch::operation(client, id, deadline).await?;
    let exit = match (settled.typed.state, settled.typed.result_run) {
        (_, Some(run)) => {
            let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let patience = Patience { timeout, exit_status: retry.exit_status, show: retry.watch };
            return watch::run(client, out, run, patience).await;
        }
        (OperationState::Ambiguous, None) => Exit::Ambiguous,
        (state, None) if state.is_settled() => Exit::Failed,
        _ => {
            note(&format!("still {}; it goes on: `novacron-cicd operation show {id}`", settled.typed.state.as_str()));
            Exit::StillRunning
        }
    };
    out.print(&settled.value, || operation::show(&settled.typed, out))?;
    Ok(exit)
}

async fn list(list: List, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let filters = [("pipeline", list.pipeline), ("provider", list.provider), ("state", list.state)];
    let query: Vec<_> = filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let (answer, more) = client.list::<RunView>("/v1/runs", &query, list.limit).await?;
    let mut rows = Rows::new("runs", &["ID", "STATE", "PIPELINE", "REF", "TOOK", "CREATED"]);
    for run in &answer.typed {
        rows.push(vec![
            run.id.to_string(),
            run.status.state.to_string(),
            run.pipeline.clone(),
            or_dash(run.reference.as_deref()),
            millis(run.status.duration_ms),
            out.time(run.status.created),
        ]);
    }
    out.list(&answer.value, rows, more)
}

async fn graph(graph: &Graph, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let format = match (graph.format, out.format) {
        (GraphFormat::Mermaid, _) => "mermaid",
        (GraphFormat::Dot, _) => "dot",
        (GraphFormat::Tree, Format::Table) => "tree",
        (GraphFormat::Json, _) | (GraphFormat::Tree, _) => "json",
    };
    let path = format!("/v1/runs/{}/graph?format={format}", graph.id);
    if format == "json" {
        let json = if out.format == Format::Table { Format::Json } else { out.format };
        let answer = client.get::<Value>(&path).await?;
        return Output { format: json, ..*out }.print(&answer.value, String::new);
    }
    let response = client.send(client.request(Method::GET, &path)).await?;
    let text = response.text().await;
    let mut text = text.map_err(|error| CliError::BrokenOff { reason: super::client::reason(&error) })?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    out.write(&printable(&text))
}

/// Milliseconds for people.
pub(super) fn millis(millis: Option<i64>) -> String {
    millis.map_or_else(|| "-".to_owned(), length)
}

/// A state with what stands beside it.
pub(super) fn state(status: &StatusView) -> String {
    let mut text = paint(status.state);
    if let Some(reason) = &status.reason {
        text.push_str(&format!(" ({reason})"));
    }
    if !status.platform.is_empty() && status.platform != status.state.as_str() {
        text.push_str(&format!(" [{}]", status.platform));
    }
    text
}

fn pairs(map: &std::collections::BTreeMap<String, String>) -> String {
    map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

/// A run for people: what it is, then its jobs and steps.
pub(super) fn show(detail: &RunDetail, out: &Output) -> String {
    let run = &detail.run;
    let asked = if run.cancel_requested && !run.status.state.is_terminal() { ", its end was asked for" } else { "" };
    let mut text = fields(&[
        ("Run", run.id.to_string()),
        ("Pipeline", run.pipeline.clone()),
        ("Provider", run.provider.clone()),
        ("State", format!("{}{asked}", state(&run.status))),
        ("Attempt", run.attempt.to_string()),
        ("Origin", if run.origin == "us" { String::new() } else { run.origin.clone() }),
        ("Retry of", run.retry_of.map_or_else(String::new, |run| run.to_string())),
        ("Ref", or_dash(run.reference.as_deref())),
        ("Commit", or_dash(run.commit.as_deref())),
        ("Parameters", pairs(&run.parameters)),
        ("Environment", pairs(&run.environment)),
        ("Created", out.time(run.status.created)),
        ("Queued", millis(run.status.queued_ms)),
        ("Duration", millis(run.status.duration_ms)),
        ("On platform", or_dash(run.external_id.as_deref())),
        ("URL", or_dash(run.url.as_deref())),
    ]);
    text.push_str(&jobs(detail));
    text
}

/// Jobs and steps, one a line.
pub(super) fn jobs(detail: &RunDetail) -> String {
    let mut text = String::new();
    for job in detail.graph.iter().flat_map(|graph| &graph.jobs) {
        let stage = job.stage.as_ref().map(|stage| format!(" [{stage}]")).unwrap_or_default();
        let queued = job.status.queued_ms.filter(|ms| *ms >= 1000).map(|ms| format!(", queued {}", length(ms)));
        text.push_str(&format!(
            "  {} {}{stage}  {}{}\n",
            mark(&job.status),
            job.name,
            millis(job.status.duration_ms),
            queued.unwrap_or_default()
        ));
        for step in &job.steps {
            text.push_str(&format!(
                "      {} {}  {}\n",
                mark(&step.status),
                step.name,
                millis(step.status.duration_ms)
            ));
        }
    }
    text
}

fn mark(status: &StatusView) -> String {
    paint(status.state)
}
