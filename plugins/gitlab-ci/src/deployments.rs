//! Deployments: what jobs with an `environment` do, in the project that is set.
//!
//! A deployment is started as GitLab documents it: by a pipeline whose jobs know from variables what goes where. It has no id of
//! GitLab's until its job was made, so it is asked for by its pipeline until then. To go back is to do the older job again.

use novacron_cicd_sdk::{
    DeploymentApproval, DeploymentCancel, DeploymentReconciliation, DeploymentRollback, DeploymentStatus, Deployments,
    Result, attribute,
    deployment_reconciliation::Actual,
    deployments::{DeployRequest, DeploymentPage},
    http::Request,
    runs::TriggerRequest,
    types::{
        self, DeployTicket, Error, Operation, PageRequest, ParameterValue, RunRef, State, Status, Times, Timestamp,
        Value,
    },
};
use serde_json::json;

use crate::{
    GitLab,
    client::{self, Client, PAGE},
    environments, projects,
    rows::{Deployment, Job, Pipeline, Variable},
    run, search, start, status as words,
};

/// Begins the ticket of a pipeline, and the id of a deployment that its pipeline never came to.
const PIPELINE: &str = "pipeline-";
/// Begins the ticket of a job that is done again.
const JOB: &str = "job-";
/// The variables that say what is deployed.
const VERSION: &str = "NOVACRON_ARTIFACT_VERSION";
const SHA256: &str = "NOVACRON_ARTIFACT_SHA256";

/// How a deployment stands (`app/models/deployment.rb`).
pub(crate) fn status(row: &Deployment) -> Status {
    let job = row.deployable.as_ref().map(|job| job.status.as_str());
    match (row.status.as_str(), job) {
        ("blocked", _) => Status::of(State::Waiting, "blocked").reason("gate"),
        ("created", Some("manual" | "scheduled")) => {
            words::of_job(&Job { status: job.unwrap_or_default().into(), ..Job::default() })
        }
        (word, _) => words::of_job(&Job { status: word.into(), ..Job::default() }),
    }
}

/// The pipeline that made it.
fn run_of(row: &Deployment) -> Option<String> {
    Some(row.deployable.as_ref()?.pipeline.as_ref()?.id.to_string())
}

fn shown(project: &str, row: &Deployment) -> types::Deployment {
    let job = row.deployable.as_ref();
    types::Deployment {
        id: row.id.to_string(),
        environment: row.environment.as_ref().map(|it| it.name.clone()).unwrap_or_default(),
        status: status(row),
        times: Times {
            created: row.created_at.0,
            started: job.and_then(|job| job.started_at.0),
            finished: job.and_then(|job| job.finished_at.0),
            updated: row.updated_at.0,
        },
        run: run_of(row).map(|run| RunRef { pipeline: project.to_owned(), run, attempt: None }),
        version: row.reference.clone(),
        url: row.environment.as_ref().and_then(|it| it.external_url.clone()),
        more: [
            row.sha.as_ref().map(|sha| attribute("x-gitlab-sha", sha)),
            job.map(|job| attribute("x-gitlab-job", job.id.to_string())),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

fn ordered(client: &Client, project: &str, environment: Option<&str>) -> Request {
    let request = client.get(&["projects", project, "deployments"]).query("order_by", "id").query("sort", "desc");
    request.query_maybe("environment", environment)
}

/// The newest.
fn listed(client: &Client, project: &str, environment: Option<&str>) -> Result<Vec<Deployment>> {
    client::fetch(ordered(client, project, environment).query("per_page", PAGE))
}

fn one(client: &Client, id: &str) -> Result<Deployment> {
    client::numbered("deployment", id)?;
    client::fetch(client.get(&["projects", client.settings.project()?, "deployments", id]))
}

/// A deployment that has no row yet: as far as its pipeline is.
fn pending(client: &Client, pipeline: &str, environment: &str) -> Result<types::Deployment> {
    client::numbered("deployment", pipeline)?;
    let project = client.settings.project()?;
    let row: Pipeline = client::fetch(client.get(&["projects", project, "pipelines", pipeline]))?;
    let run = run::run(client, project, &row, None);
    let mut status = run.status;
    if status.state == State::Succeeded {
        // It has run, and nothing was deployed.
        status = Status { state: State::Failed, ..status.reason("no-deployment") };
    }
    Ok(types::Deployment {
        id: format!("{PIPELINE}{pipeline}"),
        environment: environment.to_owned(),
        status,
        times: run.times,
        run: Some(run.identity),
        version: run.reference,
        url: run.url,
        more: vec![],
    })
}

/// What a ticket became: `pipeline-61@production`, `job-7@production`.
fn resolved(client: &Client, ticket: String) -> Result<DeployTicket> {
    let (what, environment) = ticket.split_once('@').ok_or_else(|| client::foreign("ticket"))?;
    let project = client.settings.project()?;
    let of = |row: &&Deployment| match what.strip_prefix(PIPELINE) {
        Some(id) => run_of(row).as_deref() == Some(id),
        None => row.deployable.as_ref().is_some_and(|job| what.strip_prefix(JOB) == Some(&job.id.to_string())),
    };
    if let Some(row) = listed(client, project, Some(environment))?.iter().find(of) {
        return Ok(DeployTicket::Deployment(shown(project, row)));
    }
    if let Some(pipeline) = what.strip_prefix(PIPELINE) {
        let known = pending(client, pipeline, environment)?;
        if matches!(known.status.state, State::Failed | State::Canceled | State::Skipped | State::Succeeded) {
            return Ok(DeployTicket::Deployment(known));
        }
    }
    Ok(DeployTicket::Queued(ticket))
}

fn text(name: &str, value: impl Into<String>) -> ParameterValue {
    ParameterValue { name: name.into(), kind: "string".into(), value: Value::Text(value.into()) }
}

/// What the deploy job finds in its environment.
fn variables(request: &DeployRequest) -> Vec<ParameterValue> {
    let artifact = &request.artifact;
    let mut given = vec![
        text("NOVACRON_ENVIRONMENT", &request.environment),
        text("NOVACRON_TARGET", &request.target.name),
        text("NOVACRON_TARGET_HOSTS", request.target.hosts.join(",")),
        text("NOVACRON_TARGET_CONFIGURATION", &request.target.configuration),
        text("NOVACRON_ARTIFACT_NAME", &artifact.name),
        text(VERSION, &artifact.version),
    ];
    given.extend(artifact.sha256.as_ref().map(|sha256| text(SHA256, sha256)));
    given.extend(artifact.url.as_ref().map(|url| text("NOVACRON_ARTIFACT_URL", url)));
    for credential in &request.target.credentials {
        // A text is the name of a variable that GitLab holds already.
        let name = format!(
            "NOVACRON_CREDENTIAL_{}",
            credential.name.to_uppercase().replace(|at: char| !at.is_ascii_alphanumeric(), "_")
        );
        given.push(ParameterValue { name, ..credential.clone() });
    }
    given
}

impl Deployments for GitLab {
    fn start(operation: Operation, request: DeployRequest) -> Result<DeployTicket> {
        if let Some(older) = request.rollback_of {
            return <Self as DeploymentRollback>::rollback(operation, older, request.correlation);
        }
        let client = Client::here()?;
        let environment = request.environment.clone();
        let wanted = TriggerRequest {
            pipeline: client.settings.project()?.to_owned(),
            environment: variables(&request),
            reference: request.reference,
            parameters: request.parameters,
            correlation: request.correlation,
            callback: None,
            more: vec![],
        };
        let row = start(&client, &wanted)?;
        Ok(DeployTicket::Queued(format!("{PIPELINE}{}@{environment}", row.id)))
    }

    fn resolve_ticket(ticket: String) -> Result<DeployTicket> {
        resolved(&Client::here()?, ticket)
    }

    fn get(id: String) -> Result<types::Deployment> {
        let client = Client::here()?;
        match id.strip_prefix(PIPELINE) {
            Some(pipeline) => pending(&client, pipeline, ""),
            None => Ok(shown(client.settings.project()?, &one(&client, &id)?)),
        }
    }

    fn list_deployments(environment: Option<String>, page: PageRequest) -> Result<DeploymentPage> {
        let client = Client::here()?;
        let project = client.settings.project()?;
        let first = ordered(&client, project, environment.as_deref());
        let (rows, next) = client.rows::<Deployment>(first, &page, PAGE)?;
        Ok(DeploymentPage { items: rows.iter().map(|row| shown(project, row)).collect(), next })
    }
}

fn act(client: &Client, job: u64, action: &str) -> Result<()> {
    let project = projects::set(client)?;
    client::done(client.post(&["projects", &project, "jobs", &job.to_string(), action]))
}

fn update(client: &Client, id: &str, word: &str) -> Result<()> {
    let project = projects::set(client)?;
    client::done(client.put(&["projects", &project, "deployments", id]).json(&json!({ "status": word })))
}

impl DeploymentCancel for GitLab {
    fn cancel(_operation: Operation, id: String) -> Result<()> {
        let client = Client::here()?;
        let row = one(&client, &id)?;
        match (&row.deployable, run::has_ended(&row.status)) {
            (_, true) => Ok(()),
            (Some(job), false) => act(&client, job.id, "cancel"),
            (None, false) => update(&client, &id, "canceled"),
        }
    }
}

impl DeploymentApproval for GitLab {
    /// An approval where the environment asks for one (Premium); else the manual job is started, or canceled.
    fn approve(_operation: Operation, id: String, approve: bool, comment: Option<String>) -> Result<()> {
        let client = Client::here()?;
        let row = one(&client, &id)?;
        if row.status == "blocked" {
            let word = if approve { "approved" } else { "rejected" };
            let project = projects::set(&client)?;
            let body = json!({ "status": word, "comment": comment });
            return client::done(client.post(&["projects", &project, "deployments", &id, "approval"]).json(&body));
        }
        let job = row.deployable.as_ref().filter(|job| matches!(job.status.as_str(), "manual" | "scheduled"));
        let job =
            job.ok_or_else(|| Error::conflict(format!("deployment {id} waits for nobody: it is {}", row.status)))?;
        act(&client, job.id, if approve { "play" } else { "cancel" })
    }
}

impl DeploymentRollback for GitLab {
    fn rollback(_operation: Operation, to: String, _correlation: String) -> Result<DeployTicket> {
        let client = Client::here()?;
        let row = one(&client, &to)?;
        let job = row.deployable.ok_or_else(|| {
            Error::unsupported("deployment-rollback.external")
                .message(format!("no job of GitLab made deployment {to}: there is none to do again"))
                .hint("deploy the older version anew")
        })?;
        let project = projects::set(&client)?;
        let again: Job = client::fetch(client.post(&["projects", &project, "jobs", &job.id.to_string(), "retry"]))?;
        let environment = row.environment.map(|it| it.name).unwrap_or_default();
        Ok(DeployTicket::Queued(format!("{JOB}{}@{environment}", again.id)))
    }
}

impl DeploymentReconciliation for GitLab {
    /// The last that succeeded. Which artifact it was, its pipeline's variables say; without them its reference is the version.
    fn observe(environment: String, _target: String) -> Result<Actual> {
        let client = Client::here()?;
        let project = client.settings.project()?;
        let nothing = Actual { version: None, sha256: None, deployment: None, more: vec![] };
        let Some(found) = environments::named(&client, project, &environment)? else { return Ok(nothing) };
        // Only one by itself tells its last deployment.
        let whole = client.get(&["projects", project, "environments", &found.id.to_string()]);
        let whole: crate::rows::Environment = client::fetch(whole)?;
        let Some(last) = whole.last_deployment else { return Ok(nothing) };
        let last = one(&client, &last.id.to_string())?;
        let mut given: Vec<Variable> = Vec::new();
        if let Some(id) = run_of(&last) {
            let answer = client.get(&["projects", project, "pipelines", &id, "variables"]).send()?;
            if answer.is_success() {
                given = answer.json()?;
            }
        }
        let value =
            |name: &str| given.iter().find(|variable| variable.key == name).and_then(|variable| variable.value.clone());
        Ok(Actual {
            version: value(VERSION).or_else(|| last.reference.clone()),
            sha256: value(SHA256),
            deployment: Some(shown(project, &last)),
            more: vec![],
        })
    }

    fn find_by_correlation(correlation: String, since: Timestamp) -> Result<Vec<types::Deployment>> {
        let client = Client::here()?;
        let project = client.settings.project()?;
        let (ours, maybe) = search::candidates(&client, project, &correlation, since)?;
        if ours.is_empty() && !maybe.is_empty() {
            let message =
                format!("{} pipelines of {project} may be the deployment's, and none shows its token", maybe.len());
            return Err(
                Error::other("ambiguous", message).hint("the account has to be Maintainer to see pipeline variables")
            );
        }
        let rows = listed(&client, project, None)?;
        let mut found = Vec::new();
        for run in ours {
            let id = &run.identity.run;
            let before = found.len();
            found.extend(rows.iter().filter(|row| run_of(row).as_ref() == Some(id)).map(|row| shown(project, row)));
            if found.len() == before {
                found.push(pending(&client, id, "")?);
            }
        }
        Ok(found)
    }
}

impl DeploymentStatus for GitLab {
    /// Of deployments that no job of GitLab made.
    fn set_status(_operation: Operation, id: String, status: Status, _url: Option<String>) -> Result<()> {
        let client = Client::here()?;
        let word = match status.state {
            State::Running | State::Pending | State::Waiting => "running",
            State::Succeeded => "success",
            State::Failed => "failed",
            State::Canceled | State::Skipped => "canceled",
        };
        let row = one(&client, &id)?;
        if row.status == word {
            return Ok(());
        }
        if row.deployable.is_some() {
            return Err(Error::conflict(format!(
                "a job of GitLab does deployment {id}, and says itself how it stands"
            )));
        }
        update(&client, &id, word)
    }
}
