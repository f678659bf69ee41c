//! `novacron-cicd remote deployment` and `remote attestation`

use clap::{Args, Subcommand};
use novacron_cicd_domain::status::State;
use reqwest::Method;

use super::{
    super::{
        CliError, Exit,
        change::{self, Waiting},
        client::Client,
        key_value,
        output::Output,
    },
    Changed, Many, One, Whose, list, one, tell, whole,
};
use crate::api::remote::deployments::{
    DeployArtifactBody, RemoteDeploymentApproval, RemoteDeploymentStart, RemoteDeploymentStatus,
};

/// What to do with a platform's deployments.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List a platform's deployments
    List(Listed),
    /// Show a deployment
    Show(Shown),
    /// Start a deployment
    #[command(after_help = "Example:
  $ novacron-cicd remote deployment start staging --provider ci-prod --artifact app --version 1.2.3 --wait")]
    Start(Box<Start>),
    /// Show what became of a deployment's place in the platform's queue
    Ticket(Shown),
    /// Ask for the end of a deployment
    Cancel(Changed),
    /// Let a deployment go on
    Approve(Decide),
    /// Let a deployment not go on
    Reject(Decide),
    /// Go back to a deployment, in the platform's own way
    Rollback(Changed),
    /// Tell the platform what became of a deployment that it only keeps the record of
    SetStatus(SetStatus),
    /// Show what is really on a target of an environment
    Observe(Observe),
    /// Find the deployments that carry a token
    Find(Find),
}

/// What to do with what a platform has stated and signed.
#[derive(Debug, Subcommand)]
pub enum AttestationVerb {
    /// List what a platform has stated and signed of bytes with a digest
    List(Attestations),
}

/// Which.
#[derive(Debug, Args)]
pub struct Listed {
    #[command(flatten)]
    many: Many,
    /// Of this environment of the platform only: its name
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
}

/// Which.
#[derive(Debug, Args)]
pub struct Shown {
    #[command(flatten)]
    one: One,
}

/// A deployment to be started.
#[derive(Debug, Args)]
pub struct Start {
    /// The name of the platform's environment
    environment: String,
    #[command(flatten)]
    whose: Whose,
    /// The artifact's name
    #[arg(long, value_name = "NAME")]
    artifact: String,
    /// The artifact's version
    #[arg(long = "version", value_name = "VERSION")]
    release: String,
    /// The artifact's sha256, in hexadecimal digits
    #[arg(long, value_name = "DIGITS")]
    sha256: Option<String>,
    /// Where the artifact's bytes are
    #[arg(long = "artifact-url", value_name = "URL")]
    from: Option<String>,
    /// The target's name
    #[arg(long, default_value = "", value_name = "NAME", hide_default_value = true)]
    target: String,
    /// A host of the target. May be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// What the target asks for, by the name of a secret. May be repeated
    #[arg(long = "credential", value_name = "NAME=SECRET", value_parser = key_value)]
    credentials: Vec<(String, String)>,
    /// A parameter. May be repeated
    #[arg(short, long = "param", value_name = "KEY=VALUE", value_parser = key_value)]
    parameters: Vec<(String, String)>,
    /// Branch, tag or commit
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// The platform's id of the deployment that this one goes back to
    #[arg(long, value_name = "ID")]
    rollback_of: Option<String>,
    /// For people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
}

/// What is decided.
#[derive(Debug, Args)]
pub struct Decide {
    #[command(flatten)]
    one: One,
    /// For people
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
}

/// What became of a deployment.
#[derive(Debug, Args)]
pub struct SetStatus {
    #[command(flatten)]
    one: One,
    /// Where it stands
    #[arg(value_name = "STATE", value_parser = ["pending", "running", "waiting", "succeeded", "failed", "canceled", "skipped"])]
    state: String,
    /// Why, in a word
    #[arg(long, value_name = "WORD")]
    reason: Option<String>,
    /// Where to look at it
    #[arg(long = "status-url", value_name = "URL")]
    at: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
}

/// One target.
#[derive(Debug, Args)]
pub struct Observe {
    /// The name of the platform's environment
    environment: String,
    /// The target's name
    target: String,
    #[command(flatten)]
    whose: Whose,
}

/// Which deployments.
#[derive(Debug, Args)]
pub struct Find {
    /// The token; an operation's is its id without hyphens
    correlation: String,
    #[command(flatten)]
    whose: Whose,
    /// Begun no earlier, such as 2026-01-31T12:00:00Z; left out: within the last day
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

/// Of which bytes.
#[derive(Debug, Args)]
pub struct Attestations {
    /// Such as sha256:2c26b4...
    digest: String,
    #[command(flatten)]
    many: Many,
    /// Of this repository only
    #[arg(long, value_name = "REPOSITORY")]
    repository: Option<String>,
}

const COLUMNS: [(&str, &str); 5] =
    [("ID", "id"), ("ENVIRONMENT", "environment"), ("STATE", "state"), ("VERSION", "version"), ("CREATED", "created")];

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::List(Listed { many, environment }) => {
            let path = many.whose.path(&["deployments"]);
            list("deployments", &COLUMNS, &path, &[("environment", environment)], many.limit, client, out).await
        }
        Verb::Show(Shown { one: wanted }) => {
            let names = [
                ("Deployment", "id"),
                ("Environment", "environment"),
                ("State", "state"),
                ("Reason", "reason"),
                ("On platform", "platform"),
                ("Version", "version"),
                ("Run", "run"),
                ("URL", "url"),
                ("Created", "created"),
                ("Finished", "finished"),
            ];
            one(&wanted.whose.path(&["deployments", &wanted.id]), &names, client, out).await
        }
        Verb::Start(start) => self::start(*start, client, out).await,
        Verb::Ticket(Shown { one: wanted }) => {
            let path = wanted.whose.path(&["deployment-tickets", &wanted.id]);
            one(&path, &[("Deployment", "deployment"), ("Ticket", "ticket")], client, out).await
        }
        Verb::Cancel(Changed { one, waiting }) => {
            tell(Method::POST, &one.whose.path(&["deployments", &one.id, "cancel"]), waiting, client, out).await
        }
        Verb::Approve(decide) => self::decide(decide, true, client, out).await,
        Verb::Reject(decide) => self::decide(decide, false, client, out).await,
        Verb::Rollback(Changed { one, waiting }) => {
            tell(Method::POST, &one.whose.path(&["deployments", &one.id, "rollback"]), waiting, client, out).await
        }
        Verb::SetStatus(status) => {
            let path = status.one.whose.path(&["deployments", &status.one.id, "status"]);
            // The parser took no other word.
            let state = State::parse(&status.state).unwrap_or(State::Pending);
            let body = RemoteDeploymentStatus { state, reason: status.reason, url: status.at };
            change::ask(Method::PUT, &path, Some(&body), status.waiting, client, out).await
        }
        Verb::Observe(observe) => {
            let path = observe.whose.path(&["environments", &observe.environment, "targets", &observe.target]);
            let names = [("Version", "version"), ("sha256", "sha256"), ("Deployment", "deployment")];
            one(&path, &names, client, out).await
        }
        Verb::Find(find) => {
            let query = [("correlation", Some(find.correlation)), ("since", find.since)];
            whole("deployments", &COLUMNS, &find.whose.path(&["deployments"]), &query, client, out).await
        }
    }
}

async fn start(start: Start, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let artifact = DeployArtifactBody {
        name: start.artifact,
        version: start.release,
        sha256: start.sha256,
        url: start.from,
        ..DeployArtifactBody::default()
    };
    let body = RemoteDeploymentStart {
        environment: start.environment,
        artifact,
        target: start.target,
        hosts: start.hosts,
        configuration: serde_json::Map::new(),
        credentials: start.credentials.into_iter().collect(),
        reference: start.reference,
        parameters: start.parameters.into_iter().collect(),
        rollback_of: start.rollback_of,
        description: start.description,
    };
    let path = start.whose.path(&["deployments"]);
    change::ask(Method::POST, &path, Some(&body), start.waiting, client, out).await
}

async fn decide(decide: Decide, approve: bool, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let path = decide.one.whose.path(&["deployments", &decide.one.id, "approve"]);
    let body = RemoteDeploymentApproval { approve, comment: decide.comment };
    change::ask(Method::POST, &path, Some(&body), decide.waiting, client, out).await
}

pub(super) async fn attestation(verb: AttestationVerb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let AttestationVerb::List(Attestations { digest, many, repository }) = verb;
    let columns = [("PREDICATE", "predicate"), ("MEDIA TYPE", "media_type"), ("SOURCE", "source")];
    let query = [("digest", Some(digest)), ("repository", repository)];
    list("attestations", &columns, &many.whose.path(&["attestations"]), &query, many.limit, client, out).await
}
