//! Deployments: the builds of jobs that keep the convention of [`crate::deploy`].
//!
//! Must be absent here, as in the crate's root: what a request looks like and what an answer means. Which jobs deploy is in the
//! settings, and remembered of targets that name their own: a deployment is looked for in all of them.

use novacron_cicd_sdk::{
    DeploymentCancel, DeploymentReconciliation, DeploymentRollback, Deployments, Result, RunCancel,
    deployment_reconciliation::Actual,
    deployments::{DeployRequest, DeploymentPage},
    kv, lookup,
    run_cancel::{CancelTarget, Queued},
    runs::TriggerRequest,
    types::{
        DeployTicket, Deployment, Error, ErrorKind, Operation, PageRequest, RunMatch, RunRef, State, Status, Ticket,
        Timestamp,
    },
};

use crate::{
    Jenkins, begin,
    build::Build,
    client::Client,
    deploy::{self, Id},
    find,
    job::{self, Job},
    parameters, read, resolve, whole,
};

/// Where the jobs are remembered that targets named.
const JOBS: &str = "deploy-jobs";

/// The jobs that deploy: that of the settings first.
fn known(client: &Client) -> Vec<String> {
    let remembered = kv::get(JOBS).and_then(|entry| serde_json::from_slice(&entry.value).ok()).unwrap_or_default();
    let mut jobs: Vec<String> = client.settings.deploy_job.clone().into_iter().collect();
    jobs.extend(Vec::<String>::into_iter(remembered).filter(|job| client.settings.deploy_job.as_ref() != Some(job)));
    jobs
}

/// Remembers a job before anything is sent to it: what is not remembered would not be looked for.
fn remember(client: &Client, job: &str) -> Result<()> {
    loop {
        if known(client).iter().any(|there| there == job) {
            return Ok(());
        }
        let entry = kv::get(JOBS);
        let version = entry.as_ref().map_or(0, |entry| entry.version);
        let there = entry.and_then(|entry| serde_json::from_slice(&entry.value).ok());
        let mut jobs: Vec<String> = there.unwrap_or_default();
        jobs.push(job.to_owned());
        let text = serde_json::to_vec(&jobs).map_err(|error| Error::internal(error.to_string()))?;
        match kv::put(JOBS, &text, Some(version), None) {
            // Another call wrote meanwhile: what it wrote is read.
            Err(kv::KvError::Stale(_)) => {}
            Err(error) => return Err(Error::transient(format!("the deploy job can't be remembered: {error:?}"))),
            Ok(_) => return Ok(()),
        }
    }
}

/// none: the job is not there any more, and none of its builds.
fn there<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

fn ticket(job: &str, ticket: Ticket) -> DeployTicket {
    let place = |place: &str| Id::Queued(job.to_owned(), place.to_owned()).to_string();
    match ticket {
        Ticket::Run(run) => deploy::shown(run).map_or(DeployTicket::Unknown(None), DeployTicket::Deployment),
        // A token makes each request another, so none of ours is folded into one of somebody else.
        Ticket::Queued(at) | Ticket::Folded(at) => DeployTicket::Queued(place(&at)),
        Ticket::Unknown(_) | Ticket::Canceled(_) => DeployTicket::Unknown(None),
    }
}

/// What became of a place in the queue.
fn came_of(client: &Client, job: &str, place: &str) -> Result<Deployment> {
    let ended = match resolve(client, job, place.to_owned())? {
        Ticket::Run(run) => return deploy::shown(run).ok_or_else(|| no_deployment(job)),
        Ticket::Canceled(reason) => Some(Status::of(State::Canceled, reason.unwrap_or_else(|| "cancelled".into()))),
        _ => None,
    };
    Ok(deploy::queued(job, place, ended))
}

fn no_deployment(job: &str) -> Error {
    Error::not_found(format!("that build of {job} was not told what to deploy"))
}

impl Deployments for Jenkins {
    fn start(_operation: Operation, request: DeployRequest) -> Result<DeployTicket> {
        let client = Client::here()?;
        let name = deploy::job(&client.settings, &request.target.configuration)?;
        let job = crate::job(&client, &name, Job::to_start())?;
        job.takes_builds(&name)?;
        let declared = job.parameters();
        deploy::check(&client.settings, &name, &declared)?;
        let wanted = TriggerRequest {
            parameters: deploy::parameters(&request, &declared)?,
            reference: request.reference,
            correlation: request.correlation,
            environment: vec![],
            callback: None,
            more: vec![],
            pipeline: name.clone(),
        };
        remember(&client, &name)?;
        Ok(ticket(&name, begin(&client, &wanted, &job)?))
    }

    fn resolve_ticket(ticket: String) -> Result<DeployTicket> {
        let Id::Queued(job, place) = Id::read("ticket", &ticket)? else {
            return Err(Error::invalid_input("ticket", "it is a deployment already"));
        };
        let found = came_of(&Client::here()?, &job, &place)?;
        Ok(if found.status.state == State::Pending && found.run.is_none() {
            DeployTicket::Queued(ticket)
        } else {
            DeployTicket::Deployment(found)
        })
    }

    fn get(deployment: String) -> Result<Deployment> {
        let client = Client::here()?;
        match Id::read("deployment", &deployment)? {
            Id::Queued(job, place) => came_of(&client, &job, &place),
            Id::Build(run) => {
                let found = whole(&client, &run.pipeline, &read(&client, &run)?);
                deploy::shown(found).ok_or_else(|| no_deployment(&run.pipeline))
            }
        }
    }

    fn list_deployments(environment: Option<String>, page: PageRequest) -> Result<DeploymentPage> {
        let client = Client::here()?;
        let jobs = known(&client);
        let cursor = page.cursor.as_deref().unwrap_or("0.0").split_once('.');
        let cursor = cursor.and_then(|(job, from)| Some((job.parse::<usize>().ok()?, from.parse::<usize>().ok()?)));
        let (at, from) = cursor.ok_or_else(|| Error::invalid_input("cursor", "it is not one of this plugin's"))?;
        let Some(name) = jobs.get(at) else { return Ok(DeploymentPage { items: vec![], next: None }) };
        let to = from + usize::try_from(page.limit).unwrap_or(job::NEWEST).clamp(1, job::NEWEST);
        let job = there(crate::job(&client, name, Job::to_list(from, to)))?.unwrap_or_default();
        let builds: Vec<&Build> = job.builds.iter().chain(&job.all_builds).collect();
        let next = match builds.len() == to - from {
            true => Some(format!("{at}.{to}")),
            false => (at + 1 < jobs.len()).then(|| format!("{}.0", at + 1)),
        };
        let items = builds.into_iter().filter_map(|build| deploy::shown(build.run(&client, name)));
        let items = items.filter(|it| environment.as_ref().is_none_or(|wanted| it.environment == *wanted));
        Ok(DeploymentPage { items: items.collect(), next })
    }
}

impl DeploymentCancel for Jenkins {
    fn cancel(operation: Operation, deployment: String) -> Result<()> {
        let target = match Id::read("deployment", &deployment)? {
            Id::Build(run) => CancelTarget::Run(run),
            Id::Queued(pipeline, ticket) => CancelTarget::Queued(Queued { pipeline, ticket }),
        };
        <Self as RunCancel>::cancel(operation, target)
    }
}

impl DeploymentRollback for Jenkins {
    /// The same job, with what that build was given.
    fn rollback(_operation: Operation, to: String, correlation: String) -> Result<DeployTicket> {
        let client = Client::here()?;
        let Id::Build(run) = Id::read("to", &to)? else {
            return Err(Error::conflict("that deployment has not begun: there is nothing to go back to"));
        };
        let build = read(&client, &run)?;
        deploy::shown(build.run(&client, &run.pipeline)).ok_or_else(|| no_deployment(&run.pipeline))?;
        let job = crate::job(&client, &run.pipeline, Job::to_start())?;
        job.takes_builds(&run.pipeline)?;
        let declared = job.parameters();
        deploy::check(&client.settings, &run.pipeline, &declared)?;
        let mut wanted = parameters::again(&client.settings, &run, &build, correlation)?;
        deploy::again(&mut wanted.parameters, &declared, &to);
        remember(&client, &run.pipeline)?;
        Ok(ticket(&run.pipeline, begin(&client, &wanted, &job)?))
    }
}

impl DeploymentReconciliation for Jenkins {
    /// The newest that succeeded, of the newest hundred of each job.
    fn observe(environment: String, target: String) -> Result<Actual> {
        let client = Client::here()?;
        let mut newest: Option<Deployment> = None;
        for name in known(&client) {
            let job = there(crate::job(&client, &name, Job::to_list(0, job::NEWEST)))?.unwrap_or_default();
            let shown = job.builds.iter().filter_map(|build| deploy::shown(build.run(&client, &name)));
            let found = shown.filter(|it| it.environment == environment && it.status.state == State::Succeeded);
            let there = found.filter(|it| lookup(&it.more, "novacron.target") == Some(&target));
            newest = newest.into_iter().chain(there).max_by_key(|it| it.times.finished);
        }
        Ok(Actual {
            version: newest.as_ref().and_then(|it| it.version.clone()),
            sha256: newest.as_ref().and_then(|it| lookup(&it.more, "x-sha256")).map(str::to_owned),
            deployment: newest,
            more: vec![],
        })
    }

    fn find_by_correlation(correlation: String, since: Timestamp) -> Result<Vec<Deployment>> {
        let client = Client::here()?;
        let mut all = Vec::new();
        for name in known(&client) {
            match there(find(&client, &name, &correlation, since))?.unwrap_or(RunMatch::None) {
                RunMatch::None => {}
                RunMatch::One(run) => all.extend(deploy::shown(run)),
                RunMatch::Queued(place) => all.push(deploy::queued(&name, &place, None)),
                RunMatch::Many(runs) => {
                    let one = |run: &RunRef| Ok(deploy::shown(read(&client, run)?.run(&client, &name)));
                    all.extend(runs.iter().map(one).collect::<Result<Vec<_>>>()?.into_iter().flatten());
                }
            }
        }
        Ok(all)
    }
}
