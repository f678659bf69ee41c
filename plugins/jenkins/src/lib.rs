//! Jenkins, by its remote API: folders, jobs of every class, runs with their logs. `docs/jenkins-provider.md` says what an
//! operator sees of it.
//!
//! Must be absent here: what a request looks like and what an answer means. Those are in the modules, each of which is pure
//! and tested without a host.

mod artifacts;
mod build;
mod changes;
mod check;
mod client;
mod config;
mod credentials;
mod deploy;
mod deployments;
mod gates;
mod hooks;
mod job;
mod lint;
mod listing;
mod login;
mod logs;
mod manage;
mod parameters;
mod path;
mod queue;
mod runners;
mod search;
pub mod settings;
mod stages;
mod status;
mod xml;

use novacron_cicd_sdk::{
    Artifacts, Credentials, Logs, Pipelines, Plugin, Result, RunCancel, RunDeletion, RunForceCancel, RunGates,
    RunListing, RunRetry, RunSearch, Runs, Webhooks,
    artifacts::{ArtifactPage, DownloadPlan},
    credentials::Login,
    kv,
    logs::{LogAnswer, LogRequest},
    pipelines::PipelinePage,
    plugin::CheckReport,
    random,
    run_cancel::CancelTarget,
    run_gates::{Decision, Gate},
    run_listing::{RunFilter, RunPage},
    run_retry::RetryScope,
    runs::TriggerRequest,
    types::{Error, Operation, PageRequest, Parameter, Pipeline, Run, RunMatch, RunRef, State, Ticket, Timestamp},
    webhooks::{Decoded, Delivery},
};

pub use client::{PASSWORD, TOKEN};

use build::Build;
use client::Client;
use job::Job;
use queue::{Item, Standing};
use stages::{Source, Stages};

/// The provider.
#[derive(Debug)]
pub struct Jenkins;

impl Plugin for Jenkins {
    fn check() -> Result<CheckReport> {
        check::check(&Client::here()?)
    }
}

impl Credentials for Jenkins {
    fn describe_login(slot: String) -> Result<Login> {
        login::describe(&slot)
    }
}

impl Pipelines for Jenkins {
    fn list_pipelines(page: PageRequest) -> Result<PipelinePage> {
        let client = Client::here()?;
        let mut walk = listing::Walk::begin(page.cursor.as_deref(), page.limit)?;
        for _ in 0..listing::REQUESTS {
            let Some(place) = walk.ask() else { break };
            let request =
                client.tree(path::of(place.folder(), &["api", "json"]), place.tree()).window(0, listing::MOST);
            let answer = request.send()?;
            // A folder that was deleted since its parent was read holds nothing any more.
            if answer.status() == 404 && !place.folder().is_empty() {
                continue;
            }
            let answer = client::taken(answer)?;
            if answer.truncated() {
                walk.too_large(place)?;
            } else {
                walk.answered(&client, place, answer.json()?);
            }
        }
        let next = walk.cursor();
        Ok(PipelinePage { items: walk.found, next })
    }

    fn get(pipeline: String) -> Result<Pipeline> {
        let client = Client::here()?;
        let entry = client::fetch(client.tree(path::of(&pipeline, &["api", "json"]), listing::ONE))?;
        let found = listing::one(&client, &pipeline, &entry)?;
        // Few accounts may read a definition; without it there is no revision to compare.
        let revision = manage::config_of(&client, &pipeline).ok().map(|config| config::revision(&config));
        Ok(Pipeline { revision, ..found })
    }

    fn parameters(pipeline: String, _reference: Option<String>) -> Result<Vec<Parameter>> {
        let client = Client::here()?;
        Ok(job(&client, &pipeline, Job::to_start())?.parameters().shown(&client.settings))
    }
}

impl Runs for Jenkins {
    fn trigger(_operation: Operation, request: TriggerRequest) -> Result<Ticket> {
        start(&Client::here()?, &request)
    }

    fn resolve_ticket(pipeline: String, ticket: String) -> Result<Ticket> {
        resolve(&Client::here()?, &pipeline, ticket)
    }

    fn get(run: RunRef) -> Result<Run> {
        let client = Client::here()?;
        Ok(whole(&client, &run.pipeline, &read(&client, &run)?))
    }
}

impl RunSearch for Jenkins {
    fn find_by_correlation(pipeline: String, correlation: String, since: Timestamp) -> Result<RunMatch> {
        find(&Client::here()?, &pipeline, &correlation, since)
    }
}

fn find(client: &Client, pipeline: &str, correlation: &str, since: Timestamp) -> Result<RunMatch> {
    // The queue first: what leaves it in between is seen among the builds.
    let queue = client::fetch(client.tree("/queue/api/json", search::QUEUE))?;
    let mut job = job(client, pipeline, Job::to_search())?;
    let mut full = job::NEWEST;
    let mut newest = job.builds.as_slice();
    while search::goes_further_back(newest, job::NEWEST, since) {
        let older: Job = self::job(client, pipeline, Job::to_list(full, full + job::NEWEST))?;
        let begin = job.all_builds.len();
        job.all_builds.extend(older.all_builds);
        newest = &job.all_builds[begin..];
        full += job::NEWEST;
    }
    search::find(client, pipeline, correlation, since, &queue, &job)
}

impl RunCancel for Jenkins {
    fn cancel(_operation: Operation, target: CancelTarget) -> Result<()> {
        let client = Client::here()?;
        match target {
            CancelTarget::Run(run) => stop(&client, &run),
            CancelTarget::Queued(queued) => {
                let item = queue::of_ticket(&queued.ticket)?;
                let answer = client.post("/queue/cancelItem").query("id", item).send()?;
                // 404 and 422 say that it waits no more; older cores say so too after they took it out.
                if !matches!(answer.status(), 404 | 422) {
                    return client::done(&answer);
                }
                match resolve(&client, &queued.pipeline, queued.ticket)? {
                    Ticket::Run(run) => stop(&client, &run.identity),
                    Ticket::Canceled(_) => Ok(()),
                    _ => Err(Error::conflict("Jenkins would not take it out of its queue")
                        .hint("try again when it has begun")),
                }
            }
        }
    }
}

impl RunForceCancel for Jenkins {
    // `term` ends the steps that a stop left running, `kill` the build itself; only a pipeline has them
    // (workflow-job, `WorkflowRun.java`). Whoever asks again within the hour gets the harder one.
    fn force_cancel(_operation: Operation, run: RunRef) -> Result<()> {
        let client = Client::here()?;
        let key = format!("term:{}#{}", run.pipeline, run.run);
        let action = if kv::get(&key).is_some() { "kill" } else { "term" };
        let answer = client.post(path::of_build(&run, &[action])?).send()?;
        if answer.status() == 404 {
            let hint = "only a build of a pipeline can be ended harder than by cancel";
            return Err(Error::unsupported("run-force-cancel").hint(hint));
        }
        client::done(&answer)?;
        // Where it can't be remembered, the next one is soft again.
        let _ = kv::put(&key, b"", None, Some(HOUR));
        Ok(())
    }
}

impl RunRetry for Jenkins {
    fn retry(_operation: Operation, run: RunRef, scope: RetryScope, correlation: String) -> Result<Ticket> {
        if scope != RetryScope::All {
            return Err(
                Error::unsupported("run-retry.failed").hint("Jenkins repeats a build as a whole: retry all of it")
            );
        }
        let client = Client::here()?;
        let wanted = parameters::again(&client.settings, &run, &read(&client, &run)?, correlation)?;
        start(&client, &wanted)
    }
}

impl RunListing for Jenkins {
    fn list_runs(filter: RunFilter, page: PageRequest) -> Result<RunPage> {
        let client = Client::here()?;
        let pipeline = filter.pipeline.ok_or_else(|| Error::unsupported("run-listing.all").hint("name a pipeline"))?;
        let from: usize = match &page.cursor {
            Some(cursor) => {
                cursor.parse().map_err(|_| Error::invalid_input("cursor", "it is not one of this plugin's"))?
            }
            None => 0,
        };
        let to = from + usize::try_from(page.limit).unwrap_or(job::NEWEST).clamp(1, job::NEWEST);
        let job = job(&client, &pipeline, Job::to_list(from, to))?;
        let builds = || job.builds.iter().chain(&job.all_builds);
        let next = (builds().count() == to - from).then(|| to.to_string());
        let runs = builds().map(|build| build.run(&client, &pipeline));
        let wanted = |run: &Run| filter.reference.is_none() || run.reference == filter.reference;
        Ok(RunPage { items: runs.filter(wanted).collect(), next })
    }
}

impl RunGates for Jenkins {
    fn list_gates(run: RunRef) -> Result<Vec<Gate>> {
        let client = Client::here()?;
        let pending = client.get(path::of_build(&run, &["wfapi", "pendingInputActions"])?);
        let pending: Option<Vec<gates::Pending>> = client::fetch_maybe(pending)?;
        // The build is there and the plugin, or its kind of build, is not.
        if pending.is_none() && read(&client, &run)?.is_pipeline() {
            return Err(Error::unsupported("run-gates").hint("install the plugin pipeline-rest-api in Jenkins"));
        }
        Ok(pending.unwrap_or_default().into_iter().map(gates::Pending::gate).collect())
    }

    fn resolve_gate(_operation: Operation, run: RunRef, gate: String, decision: Decision) -> Result<()> {
        let answer = gates::resolve(&Client::here()?, &run, &gate, &decision)?.send()?;
        if answer.status() == 404 {
            return Err(Error::conflict(format!("nothing waits under {gate} any more")));
        }
        client::done(&answer)
    }
}

impl RunDeletion for Jenkins {
    /// One that is kept for ever is refused, in Jenkins' own words.
    fn delete_run(_operation: Operation, run: RunRef) -> Result<()> {
        let client = Client::here()?;
        client::done(&client.post(path::of_build(&run, &["doDelete"])?).send()?)
    }
}

impl Artifacts for Jenkins {
    fn list_artifacts(run: Option<RunRef>, page: PageRequest) -> Result<ArtifactPage> {
        let client = Client::here()?;
        let Some(run) = run else { return Ok(ArtifactPage { items: vec![], next: None }) };
        artifacts::page(client::fetch(client.tree(path::of_build(&run, &["api", "json"])?, artifacts::TREE))?, &page)
    }

    fn plan_download(run: Option<RunRef>, artifact: String, path: Option<String>) -> Result<DownloadPlan> {
        match (run, path) {
            (Some(run), None) => artifacts::download(&Client::here()?, &run, &artifact),
            (_, Some(_)) => Err(Error::unsupported("artifacts.paths")),
            (None, None) => Err(Error::not_found("Jenkins keeps no artifacts but those of builds")),
        }
    }
}

impl Webhooks for Jenkins {
    fn decode(delivery: Delivery) -> Result<Decoded> {
        hooks::decode(&delivery)
    }
}

impl Logs for Jenkins {
    fn read(request: LogRequest) -> Result<LogAnswer> {
        let client = Client::here()?;
        let shown = || shows_stages(&client, &request.run);
        let Some(log) = logs::target(&request.run, request.job.as_deref(), shown)? else { return Ok(logs::none()) };
        let log = client.get(log);
        let read = |position: logs::Position, anew| {
            let answer = client::taken(position.ask(log.clone(), request.limit).send()?)?;
            logs::read(position, anew, log.clone(), &answer)
        };
        if let Some(answer) = read(logs::Position::read(request.cursor.as_deref())?, false)? {
            return Ok(answer);
        }
        read(logs::Position::default(), true)?.ok_or_else(|| Error::internal("no log is shorter than nothing"))
    }
}

/// In milliseconds.
const HOUR: u64 = 60 * 60 * 1000;

fn start(client: &Client, request: &TriggerRequest) -> Result<Ticket> {
    let job = job(client, &request.pipeline, Job::to_start())?;
    job.takes_builds(&request.pipeline)?;
    begin(client, request, &job)
}

/// Of a job that takes builds.
fn begin(client: &Client, request: &TriggerRequest, job: &Job) -> Result<Ticket> {
    let built = || config::read(&manage::config_of(client, &request.pipeline).ok()?, &request.pipeline).ok()?.reference;
    let form = job.parameters().fill(&client.settings, request, built)?;
    let target = path::of(&request.pipeline, &[form.action()]);
    queue::ticket(&form.post(client.post(target), random::token).send()?)
}

fn read(client: &Client, run: &RunRef) -> Result<Build> {
    client::fetch(client.tree(path::of_build(run, &["api", "json"])?, build::TREE))
}

/// A run with its graph.
fn whole(client: &Client, pipeline: &str, build: &Build) -> Run {
    let mut found = build.run(client, pipeline);
    let mut graph = build.graph(client, pipeline);
    match stages(client, pipeline, build) {
        Ok(Some(stages)) => {
            if stages.wait() && found.status.state == State::Running {
                found.status.state = State::Waiting;
                found.status.reason = Some("gate".into());
            }
            graph = stages.below(client, pipeline, build.number, graph);
        }
        Ok(None) => {}
        // What was seen of them before stays.
        Err(error) => {
            novacron_cicd_sdk::warn!("the stages can't be read"; build = build.number, error = error.message);
            graph.complete = false;
        }
    }
    Run { graph: Some(graph), ..found }
}

/// The stages of a pipeline's build, from the first plugin of Jenkins that shows them. Which one that is, is remembered for an
/// hour: so is that there is none.
fn stages(client: &Client, pipeline: &str, build: &Build) -> Result<Option<Stages>> {
    if !build.is_pipeline() {
        return Ok(None);
    }
    let remembered = remembered();
    if remembered == Some(None) {
        return Ok(None);
    }
    let known = remembered.flatten();
    for source in known.into_iter().chain(Source::ALL) {
        let answer = client.get(source.target(pipeline, build.number)).query("limit", 10_000).send()?;
        if answer.status() == 404 {
            continue;
        }
        let answer = client::taken(answer)?;
        if known.is_none() {
            let _ = kv::put("stages", source.word().as_bytes(), None, Some(HOUR));
        }
        let stages = source.read(answer.bytes(), client.settings.unstable, &build.status(client));
        return stages
            .map(Some)
            .map_err(|error| Error::upstream(format!("{}: {error}", source.word()), 200, answer.text()));
    }
    if known.is_none() {
        let _ = kv::put("stages", b"none", None, Some(HOUR));
    }
    Ok(None)
}

/// What shows stages on this controller, where it is remembered that something or nothing does.
fn remembered() -> Option<Option<Source>> {
    let word = kv::get("stages")?.value;
    Some(Source::ALL.into_iter().find(|source| source.word().as_bytes() == word))
}

/// The same, found out by a build where it is not remembered.
fn shows_stages(client: &Client, run: &RunRef) -> Result<Option<Source>> {
    if remembered().is_none() {
        stages(client, &run.pipeline, &read(client, run)?)?;
    }
    Ok(remembered().flatten())
}

fn job(client: &Client, name: &str, tree: String) -> Result<Job> {
    client::fetch(client.tree(path::of(name, &["api", "json"]), tree))
}

fn stop(client: &Client, run: &RunRef) -> Result<()> {
    client::done(&client.post(path::of_build(run, &["stop"])?).send()?)
}

/// What became of a queue item. One that is forgotten is found by the build that it became.
fn resolve(client: &Client, pipeline: &str, ticket: String) -> Result<Ticket> {
    let item = queue::of_ticket(&ticket)?;
    let place = client.tree(format!("/queue/item/{item}/api/json"), queue::TREE);
    let Some(standing) = client::fetch_maybe::<Item>(place)?.map(|item| item.standing()) else {
        let job = job(client, pipeline, Job::to_list(0, job::NEWEST))?;
        let came_from = |build: &&Build| build.queue_id.is_some_and(|id| u64::try_from(id) == Ok(item));
        let build = job.builds.iter().find(came_from);
        return build.map(|build| Ticket::Run(whole(client, pipeline, build))).ok_or_else(|| {
            Error::not_found(format!(
                "Jenkins remembers queue item {item} no more, and none of the newest builds of {pipeline} came from it"
            ))
        });
    };
    match standing {
        Standing::Waiting | Standing::Leaving => Ok(Ticket::Queued(ticket)),
        Standing::Canceled(reason) => Ok(Ticket::Canceled(reason)),
        Standing::Began(number) => {
            let run = RunRef { pipeline: pipeline.to_owned(), run: number.to_string(), attempt: None };
            let build = client.tree(path::of_build(&run, &["api", "json"])?, build::TREE);
            // A build that begins is named in the queue before it can be read.
            Ok(match client::fetch_maybe::<Build>(build)? {
                // It may have ended already, and then nobody asks again: it comes with all that there is of it.
                Some(build) => Ticket::Run(whole(client, pipeline, &build)),
                None => Ticket::Queued(ticket),
            })
        }
    }
}

novacron_cicd_sdk::export!(Jenkins with
    plugin, credentials, pipelines, pipeline_definitions, pipeline_state, pipeline_copies, pipeline_lint, runs, run_search,
    run_listing, run_changes, run_cancel, run_force_cancel, run_retry, run_gates, run_deletion, logs, artifacts, secrets, runners, runner_deletion,
    runner_drain, webhooks, deployments, deployment_cancel, deployment_rollback, deployment_reconciliation,
);
