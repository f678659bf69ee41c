//! Jenkins, by its remote API: folders, jobs of every class, runs with their logs. `docs/jenkins-provider.md` says what an
//! operator sees of it.
//!
//! Must be absent here: what a request looks like and what an answer means. Those are in the modules, each of which is pure
//! and tested without a host.

pub mod build;
pub mod check;
pub mod client;
pub mod job;
pub mod listing;
pub mod login;
pub mod logs;
pub mod parameters;
pub mod path;
pub mod queue;
pub mod search;
pub mod settings;
pub mod status;

use novacron_cicd_sdk::{
    Credentials, Logs, Pipelines, Plugin, Result, RunCancel, RunSearch, Runs, context,
    credentials::Login,
    logs::{LogAnswer, LogRequest},
    pipelines::PipelinePage,
    plugin::CheckReport,
    run_cancel::CancelTarget,
    runs::TriggerRequest,
    types::{Error, Operation, PageRequest, Parameter, Pipeline, Run, RunMatch, RunRef, Ticket, Timestamp},
};

use build::Build;
use client::Client;
use job::Job;
use queue::{Item, Standing};

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
        login::describe(&context::settings()?, &slot)
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
        listing::one(&client, &pipeline, &entry)
    }

    fn parameters(pipeline: String, _reference: Option<String>) -> Result<Vec<Parameter>> {
        let client = Client::here()?;
        Ok(job(&client, &pipeline, Job::to_start())?.parameters().shown(&client.settings))
    }
}

impl Runs for Jenkins {
    fn trigger(_operation: Operation, request: TriggerRequest) -> Result<Ticket> {
        let client = Client::here()?;
        let job = job(&client, &request.pipeline, Job::to_start())?;
        if !job.is_enabled() {
            return Err(Error::conflict(format!("{} is disabled", request.pipeline)).hint("enable it in Jenkins"));
        }
        let form = job.parameters().fill(&client.settings, &request)?;
        let target = path::of(&request.pipeline, &[form.action()]);
        queue::ticket(&form.post(client.post(target)).send()?)
    }

    fn resolve_ticket(pipeline: String, ticket: String) -> Result<Ticket> {
        resolve(&Client::here()?, &pipeline, ticket)
    }

    fn get(run: RunRef) -> Result<Run> {
        let client = Client::here()?;
        let build: Build = client::fetch(client.tree(path::of_build(&run, &["api", "json"])?, build::TREE))?;
        let graph = build.graph(&client, &run.pipeline);
        Ok(Run { graph: Some(graph), ..build.run(&client, &run.pipeline) })
    }
}

impl RunSearch for Jenkins {
    fn find_by_correlation(pipeline: String, correlation: String, since: Timestamp) -> Result<RunMatch> {
        let client = Client::here()?;
        // The queue first: what leaves it in between is seen among the builds.
        let queue = client::fetch(client.tree("/queue/api/json", search::QUEUE))?;
        let mut job = job(&client, &pipeline, Job::to_search())?;
        let mut full = job::NEWEST;
        let mut newest = job.builds.as_slice();
        while search::goes_further_back(newest, job::NEWEST, since) {
            let older: Job = self::job(&client, &pipeline, Job::to_search_from(full))?;
            let begin = job.all_builds.len();
            job.all_builds.extend(older.all_builds);
            newest = &job.all_builds[begin..];
            full += job::NEWEST;
        }
        search::find(&client, &pipeline, &correlation, since, &queue, &job)
    }
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

impl Logs for Jenkins {
    fn read(request: LogRequest) -> Result<LogAnswer> {
        let client = Client::here()?;
        if request.job.as_deref().is_some_and(|job| job != build::WHOLE) {
            return Err(Error::not_found("a build's log is one: its stages have none of their own"));
        }
        let log = client.get(path::of_build(&request.run, &["logText", "progressiveText"])?);
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
        let job = job(client, pipeline, format!("builds[{}]{{0,{}}}", build::TREE, job::NEWEST))?;
        let came_from = |build: &&Build| build.queue_id.is_some_and(|id| u64::try_from(id) == Ok(item));
        let build = job.builds.iter().find(came_from);
        return build.map(|build| Ticket::Run(build.run(client, pipeline))).ok_or_else(|| {
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
                Some(build) => Ticket::Run(build.run(client, pipeline)),
                None => Ticket::Queued(ticket),
            })
        }
    }
}

novacron_cicd_sdk::export!(Jenkins with plugin, credentials, pipelines, runs, run_search, run_cancel, logs);
