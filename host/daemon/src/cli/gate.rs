//! `novacron-cicd run gates`, `approve`, `reject`, `play`, `delete`: what a platform can do with a run beyond starting and
//! canceling it.

use clap::Args;
use novacron_cicd_domain::id::RunId;
use reqwest::Method;

use super::{
    CliError, Exit,
    change::{self, Waiting},
    client::{Client, segment},
    output::{Output, Rows, or_dash},
};
use crate::api::{
    List,
    remote::runs::{GateResolution, GateView, JobPlay},
};

/// One run.
#[derive(Debug, Args)]
pub struct Gates {
    /// The run's id
    id: RunId,
}

/// What is decided.
#[derive(Debug, Args)]
pub struct Decide {
    /// The run's id
    id: RunId,
    /// The platform's id of the gate, as `run gates` shows it
    gate: String,
    /// What was asked for. May be repeated
    #[arg(short = 'p', long = "input", value_name = "KEY=VALUE", value_parser = super::key_value)]
    inputs: Vec<(String, String)>,
    /// What was asked for, by the name of a secret. May be repeated
    #[arg(long = "secret-input", value_name = "KEY=SECRET", value_parser = super::key_value)]
    secret_inputs: Vec<(String, String)>,
    /// For people
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
}

/// A manual job.
#[derive(Debug, Args)]
pub struct Play {
    /// The run's id
    id: RunId,
    /// The platform's id of the job, as `run show -o json` shows it
    job: String,
    /// A variable of this job alone. May be repeated
    #[arg(short = 'p', long = "variable", value_name = "KEY=VALUE", value_parser = super::key_value)]
    variables: Vec<(String, String)>,
    /// The same by the name of a secret. May be repeated
    #[arg(long = "secret-variable", value_name = "KEY=SECRET", value_parser = super::key_value)]
    secret_variables: Vec<(String, String)>,
    #[command(flatten)]
    waiting: Waiting,
}

/// A run that goes from its platform.
#[derive(Debug, Args)]
pub struct Delete {
    /// The run's id
    id: RunId,
    /// Delete it on the platform; what is known of it here is kept
    #[arg(long, required = true)]
    remote: bool,
    #[command(flatten)]
    waiting: Waiting,
}

pub(super) async fn gates(gates: &Gates, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let answer = client.get::<List<GateView>>(&format!("/v1/runs/{}/gates", gates.id)).await?;
    let mut rows = Rows::new("gates", &["ID", "KIND", "JOB", "INPUTS", "MESSAGE"]);
    for gate in &answer.typed.items {
        rows.push(vec![
            gate.id.clone(),
            gate.kind.clone(),
            or_dash(gate.job.as_deref()),
            gate.inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>().join(" "),
            or_dash(gate.message.as_deref()),
        ]);
    }
    out.list(&answer.value["items"], rows, false)
}

pub(super) async fn decide(decide: Decide, approve: bool, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let path = format!("/v1/runs/{}/gates/{}/resolve", decide.id, segment(&decide.gate));
    let body = GateResolution {
        approve,
        comment: decide.comment,
        inputs: decide.inputs.into_iter().collect(),
        secret_inputs: decide.secret_inputs.into_iter().collect(),
    };
    change::ask(Method::POST, &path, Some(&body), decide.waiting, client, out).await
}

pub(super) async fn play(play: Play, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let path = format!("/v1/runs/{}/jobs/{}/play", play.id, segment(&play.job));
    let body = JobPlay {
        variables: play.variables.into_iter().collect(),
        secret_variables: play.secret_variables.into_iter().collect(),
    };
    change::ask(Method::POST, &path, Some(&body), play.waiting, client, out).await
}

pub(super) async fn delete(delete: &Delete, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let path = format!("/v1/runs/{}?remote={}", delete.id, delete.remote);
    change::tell(Method::DELETE, &path, delete.waiting, client, out).await
}
