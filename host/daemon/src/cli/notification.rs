//! `novacron-cicd notification`

use clap::{Args, Subcommand};
use novacron_cicd_domain::id::{NotificationId, RunId};

use super::{
    CliError, Exit,
    client::Client,
    output::{Output, Rows, fields, note, or_dash},
};
use crate::api::notifications::{FailureView, NotificationDetail, NotificationView};

/// What to do with messages to subscribers.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List messages, dead letters included
    #[command(after_help = "Examples:
  $ novacron-cicd notification list --subscriber chat
  $ novacron-cicd notification list --state dead")]
    List(List),
    /// Show a message with what it says and what became of it
    Show(One),
    /// Send again, under the same id: a dead letter after its receiver was mended
    #[command(after_help = "Examples:
  $ novacron-cicd notification replay 019732a4-7c1e-7f00-8000-000000000001
  $ novacron-cicd notification replay --dead --subscriber chat")]
    Replay(Replay),
}

/// Which messages.
#[derive(Debug, Args)]
pub struct List {
    /// To this subscriber only
    #[arg(long, value_name = "NAME")]
    subscriber: Option<String>,
    /// About this run only
    #[arg(long, value_name = "ID")]
    run: Option<RunId>,
    /// In this state only
    #[arg(long, value_name = "STATE", value_parser = ["queued", "delivered", "dead"])]
    state: Option<String>,
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// One message.
#[derive(Debug, Args)]
pub struct One {
    /// Its id
    id: NotificationId,
}

/// What is to be sent again.
#[derive(Debug, Args)]
pub struct Replay {
    /// Their ids
    #[arg(required_unless_present = "dead", conflicts_with = "dead", value_name = "ID")]
    ids: Vec<NotificationId>,
    /// All dead letters
    #[arg(long)]
    dead: bool,
    /// To this subscriber only
    #[arg(long, value_name = "NAME", requires = "dead")]
    subscriber: Option<String>,
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::List(list) => {
            let run = list.run.map(|run| run.to_string());
            let query = query([("subscriber", list.subscriber), ("run", run), ("state", list.state)]);
            let (answer, more) = client.list::<NotificationView>("/v1/notifications", &query, list.limit).await?;
            let mut rows =
                Rows::new("notifications", &["ID", "SUBSCRIBER", "KIND", "STATE", "ATTEMPTS", "UPDATED", "ERROR"]);
            for notification in &answer.typed {
                rows.push(vec![
                    notification.id.to_string(),
                    notification.subscriber.clone(),
                    notification.kind.clone(),
                    notification.state.clone(),
                    notification.attempts.to_string(),
                    out.time(Some(notification.updated)),
                    or_dash(notification.error.as_ref().map(|error| error.message.as_str())),
                ]);
            }
            out.list(&answer.value, rows, more)
        }
        Verb::Show(one) => {
            let answer = client.get::<NotificationDetail>(&format!("/v1/notifications/{}", one.id)).await?;
            out.print(&answer.value, || detail(&answer.typed, out))
        }
        Verb::Replay(replay) => self::replay(replay, client, out).await,
    }
}

fn query<const N: usize>(parts: [(&'static str, Option<String>); N]) -> Vec<(&'static str, String)> {
    parts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

async fn replay(replay: Replay, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let mut ids = replay.ids;
    if replay.dead {
        let query = query([("subscriber", replay.subscriber), ("state", Some("dead".to_owned()))]);
        let (answer, _) = client.list::<NotificationView>("/v1/notifications", &query, u32::MAX).await?;
        // As they were made.
        ids = answer.typed.into_iter().rev().map(|notification| notification.id).collect();
    }
    let mut replayed = Vec::new();
    for id in &ids {
        let path = format!("/v1/notifications/{id}/replay");
        replayed.push(client.post::<NotificationView>(&path, &serde_json::json!({}), None).await?.value);
    }
    if out.terminal {
        note(&format!("{} to be sent again", ids.len()));
    }
    out.print(&replayed.into(), || ids.iter().map(|id| format!("{id}\n")).collect())
}

fn reason(error: Option<&FailureView>) -> String {
    error.map_or_else(|| "-".to_owned(), |error| format!("{}: {}", error.code, error.message))
}

pub(super) fn show(notification: &NotificationView, out: &Output) -> String {
    fields(&[
        ("ID", notification.id.to_string()),
        ("Subscriber", notification.subscriber.clone()),
        ("Kind", notification.kind.clone()),
        ("Run", notification.run.map_or_else(String::new, |run| run.to_string())),
        ("State", notification.state.clone()),
        ("Attempts", notification.attempts.to_string()),
        ("Next attempt", notification.due.map_or_else(String::new, |due| out.time(Some(due)))),
        ("Error", reason(notification.error.as_ref())),
        ("Created", out.time(Some(notification.created))),
        ("Updated", out.time(Some(notification.updated))),
    ])
}

fn detail(detail: &NotificationDetail, out: &Output) -> String {
    let mut text = show(&detail.notification, out);
    for record in &detail.records {
        let status = record.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let answer = record.answer.as_deref().map_or_else(String::new, |answer| format!(" {answer:?}"));
        let reason = record.error.as_ref().map_or_else(String::new, |error| format!(" ({})", error.message));
        let (at, millis) = (out.time(Some(record.at)), record.millis);
        text.push_str(&format!("\n{at}: {status} after {millis} ms{reason}{answer}"));
    }
    text.push_str("\n\n");
    for header in &detail.headers {
        text.push_str(&format!("{}: {}\n", header.name, header.value));
    }
    text.push_str(&format!("\n{}\n", detail.body));
    text
}
