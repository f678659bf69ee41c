//! `novacron-cicd operation`

use clap::{ArgGroup, Args, Subcommand};
use novacron_cicd_domain::{
    id::{OperationId, RunId},
    operation::OperationState,
};

use super::{
    CliError, Exit,
    client::Client,
    output::{Output, Rows, fields},
};
use crate::api::{
    operations::{OperationView, ResolutionAction, ResolutionBody},
    words,
};

/// What to do with operations.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List what was asked of platforms
    #[command(after_help = "Examples:
  $ novacron-cicd operation list --state ambiguous")]
    List(List),
    /// Show an operation
    Show(One),
    /// Give an operation up
    Cancel(One),
    /// Settle an operation of which nobody can know whether the platform did it
    #[command(after_help = "Look at the platform first: did it do it?

Examples:
  $ ID=019732a4-7c1e-7f00-8000-000000000001
  $ novacron-cicd operation resolve $ID --adopt 4711   # yes, as 4711
  $ novacron-cicd operation resolve $ID --resend       # no: do it again
  $ novacron-cicd operation resolve $ID --abandon      # it is not wanted any more")]
    Resolve(Resolve),
}

/// Which operations.
#[derive(Debug, Args)]
pub struct List {
    /// In this state only
    #[arg(long, value_name = "STATE", value_parser = ["queued", "claimed", "sent", "done", "failed", "canceled", "ambiguous"])]
    state: Option<String>,
    /// About this run only
    #[arg(long, value_name = "ID")]
    run: Option<RunId>,
    /// Through this provider only
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// One operation.
#[derive(Debug, Args)]
pub struct One {
    /// Its id
    id: OperationId,
}

/// How an operation is settled.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("how").required(true).args(["adopt", "resend", "abandon"])))]
pub struct Resolve {
    /// Its id
    id: OperationId,
    /// The platform did it: this is what it made
    #[arg(long, value_name = "ID")]
    adopt: Option<String>,
    /// The platform did not do it: do it again
    #[arg(long)]
    resend: bool,
    /// It is not to be done any more
    #[arg(long)]
    abandon: bool,
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::List(list) => {
            let filters =
                [("state", list.state), ("run", list.run.map(|run| run.to_string())), ("provider", list.provider)];
            let query: Vec<_> = filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            let (answer, more) = client.list::<OperationView>("/v1/operations", &query, list.limit).await?;
            let mut rows =
                Rows::new("operations", &["ID", "KIND", "STATE", "PROVIDER", "TRIES", "BY", "CREATED", "ERROR"]);
            for operation in &answer.typed {
                rows.push(vec![
                    operation.id.to_string(),
                    operation.kind.as_str().to_owned(),
                    operation.state.as_str().to_owned(),
                    operation.provider.clone(),
                    operation.attempts.to_string(),
                    operation.actor.clone(),
                    out.time(Some(operation.created)),
                    operation.error.as_ref().map_or_else(|| "-".to_owned(), |error| error.message.clone()),
                ]);
            }
            out.list(&answer.value, rows, more)
        }
        Verb::Show(one) => {
            let answer = client.get::<OperationView>(&format!("/v1/operations/{}", one.id)).await?;
            out.print(&answer.value, || show(&answer.typed, out))?;
            let ambiguous = answer.typed.state == OperationState::Ambiguous;
            Ok(if ambiguous { Exit::Ambiguous } else { Exit::Ok })
        }
        Verb::Cancel(one) => {
            let path = format!("/v1/operations/{}/cancel", one.id);
            let answer = client.post::<OperationView>(&path, &serde_json::json!({}), None).await?;
            out.print(&answer.value, || show(&answer.typed, out))
        }
        Verb::Resolve(resolve) => {
            let action = match (&resolve.adopt, resolve.resend) {
                (Some(_), _) => ResolutionAction::Adopt,
                (None, true) => ResolutionAction::Resend,
                (None, false) => ResolutionAction::Abandon,
            };
            let body = ResolutionBody { action, external_id: resolve.adopt };
            let path = format!("/v1/operations/{}/resolve", resolve.id);
            let answer = client.post::<OperationView>(&path, &body, None).await?;
            out.print(&answer.value, || show(&answer.typed, out))
        }
    }
}

/// An operation for people.
pub(super) fn show(operation: &OperationView, out: &Output) -> String {
    fields(&[
        ("Operation", operation.id.to_string()),
        ("Kind", operation.kind.as_str().to_owned()),
        ("State", operation.state.as_str().to_owned()),
        ("Provider", operation.provider.clone()),
        ("Run", operation.run.map_or_else(|| "-".to_owned(), |run| run.to_string())),
        ("Result", operation.result_run.map_or_else(String::new, |run| run.to_string())),
        ("Outcome", operation.result.as_ref().map_or_else(String::new, words::serialized_json)),
        ("Recovery", words::serialized(operation.recovery)),
        ("Tries", operation.attempts.to_string()),
        ("First sent", out.time(operation.first_sent)),
        (
            "Error",
            operation.error.as_ref().map_or_else(String::new, |error| format!("{}: {}", error.code, error.message)),
        ),
        ("By", operation.actor.clone()),
        ("Created", out.time(Some(operation.created))),
        ("Updated", out.time(Some(operation.updated))),
    ])
}
