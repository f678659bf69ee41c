//! `novacron-cicd remote`: what only a platform has.

mod deployment;
mod environment;
mod hook;
mod stored;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    CliError, Exit,
    change::{self, Waiting},
    client::{Client, segment, with_query},
    output::{Output, Rows, fields},
};

/// What of a platform.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// The platform's own secrets
    #[command(subcommand)]
    Secret(stored::SecretVerb),
    /// The platform's plain variables
    #[command(subcommand)]
    Variable(stored::VariableVerb),
    /// The webhooks that the platform has
    #[command(subcommand)]
    Hook(hook::Verb),
    /// The platform's environments
    #[command(subcommand)]
    Environment(environment::Verb),
    /// The platform's deployments
    #[command(subcommand)]
    Deployment(deployment::Verb),
    /// What the platform has stated and signed
    #[command(subcommand)]
    Attestation(deployment::AttestationVerb),
}

/// Whose.
#[derive(Clone, Debug, Args)]
struct Whose {
    /// Of this provider
    #[arg(long, value_name = "NAME")]
    provider: String,
}

impl Whose {
    /// `/v1/providers/NAME/` and these parts.
    fn path(&self, parts: &[&str]) -> String {
        let mut path = format!("/v1/providers/{}", segment(&self.provider));
        for part in parts {
            path.push('/');
            path.push_str(&segment(part));
        }
        path
    }
}

/// Whose, and how many.
#[derive(Debug, Args)]
struct Many {
    #[command(flatten)]
    whose: Whose,
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// One thing, by the platform's id of it.
#[derive(Debug, Args)]
struct One {
    /// The platform's id of it
    id: String,
    #[command(flatten)]
    whose: Whose,
}

/// A change of one thing.
#[derive(Debug, Args)]
pub struct Changed {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    waiting: Waiting,
}

pub(super) async fn run(noun: Noun, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match noun {
        Noun::Secret(verb) => stored::secret(verb, client, out).await,
        Noun::Variable(verb) => stored::variable(verb, client, out).await,
        Noun::Hook(verb) => hook::run(verb, client, out).await,
        Noun::Environment(verb) => environment::run(verb, client, out).await,
        Noun::Deployment(verb) => deployment::run(verb, client, out).await,
        Noun::Attestation(verb) => deployment::attestation(verb, client, out).await,
    }
}

/// A list as a table: the columns, each with the field that it shows.
async fn list(
    what: &'static str,
    columns: &[(&'static str, &str)],
    path: &str,
    query: &[(&str, Option<String>)],
    limit: u32,
    client: &Client,
    out: &Output,
) -> Result<Exit, CliError> {
    let query: Vec<_> = query.iter().filter_map(|(name, value)| Some((*name, value.clone()?))).collect();
    let (answer, more) = client.list::<Value>(path, &query, limit).await?;
    out.list(&answer.value, rows(what, columns, &answer.typed), more)
}

/// The same of a list that has no pages.
async fn whole(
    what: &'static str,
    columns: &[(&'static str, &str)],
    path: &str,
    query: &[(&str, Option<String>)],
    client: &Client,
    out: &Output,
) -> Result<Exit, CliError> {
    let query: Vec<_> = query.iter().filter_map(|(name, value)| Some((*name, value.clone()?))).collect();
    let answer = client.get::<crate::api::List<Value>>(&with_query(path, &query)).await?;
    out.list(&answer.value["items"], rows(what, columns, &answer.typed.items), false)
}

fn rows(what: &'static str, columns: &[(&'static str, &str)], items: &[Value]) -> Rows {
    let header: Vec<_> = columns.iter().map(|(header, _)| *header).collect();
    let mut rows = Rows::new(what, &header);
    for item in items {
        rows.push(columns.iter().map(|(_, field)| shown(&item[*field])).collect());
    }
    rows
}

/// One thing, a field a line.
async fn one(path: &str, names: &[(&str, &str)], client: &Client, out: &Output) -> Result<Exit, CliError> {
    let answer = client.get::<Value>(path).await?;
    out.print(&answer.value, || {
        let lines: Vec<_> = names.iter().map(|(name, field)| (*name, shown(&answer.typed[*field]))).collect();
        fields(&lines)
    })
}

/// A value for people.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(it) => if *it { "yes" } else { "no" }.to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// A change whose path says it all.
async fn tell(
    method: reqwest::Method,
    path: &str,
    waiting: Waiting,
    client: &Client,
    out: &Output,
) -> Result<Exit, CliError> {
    change::tell(method, path, waiting, client, out).await
}
