//! `novacron-cicd webhook`

use clap::{Args, Subcommand};
use novacron_cicd_domain::id::DeliveryId;

use super::{
    CliError, Exit,
    client::Client,
    output::{Output, Rows, fields, note, or_dash},
};
use crate::api::webhooks::{WebhookDetail, WebhookView};

/// What to do with webhooks that came in.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List what platforms sent, dead letters included
    #[command(after_help = "Examples:
  $ novacron-cicd webhook list --provider ci
  $ novacron-cicd webhook list --state dead")]
    List(List),
    /// Show what a platform sent
    Show(One),
    /// Read again what came: a dead letter after its plugin was upgraded
    #[command(after_help = "Examples:
  $ novacron-cicd webhook replay 019732a4-7c1e-7f00-8000-000000000001
  $ novacron-cicd webhook replay --dead --provider ci")]
    Replay(Replay),
}

/// Which deliveries.
#[derive(Debug, Args)]
pub struct List {
    /// Of this provider only
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// In this state only
    #[arg(long, value_name = "STATE", value_parser = ["stored", "decoded", "dead"])]
    state: Option<String>,
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// One delivery.
#[derive(Debug, Args)]
pub struct One {
    /// Its id
    id: DeliveryId,
}

/// What is to be read again.
#[derive(Debug, Args)]
pub struct Replay {
    /// Their ids
    #[arg(required_unless_present = "dead", conflicts_with = "dead", value_name = "ID")]
    ids: Vec<DeliveryId>,
    /// All dead letters
    #[arg(long)]
    dead: bool,
    /// Of this provider only
    #[arg(long, value_name = "NAME", requires = "dead")]
    provider: Option<String>,
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::List(list) => {
            let query = query(list.provider, list.state);
            let (answer, more) = client.list::<WebhookView>("/v1/webhooks", &query, list.limit).await?;
            let mut rows = Rows::new("webhooks", &["ID", "PROVIDER", "STATE", "RECEIVED", "BYTES", "RUNS", "NOTE"]);
            for webhook in &answer.typed {
                rows.push(vec![
                    webhook.id.to_string(),
                    webhook.provider.clone(),
                    webhook.state.clone(),
                    out.time(Some(webhook.received)),
                    webhook.bytes.to_string(),
                    webhook.hints.to_string(),
                    or_dash(webhook.note.as_ref().map(|note| note.message.as_str())),
                ]);
            }
            out.list(&answer.value, rows, more)
        }
        Verb::Show(one) => {
            let answer = client.get::<WebhookDetail>(&format!("/v1/webhooks/{}", one.id)).await?;
            out.print(&answer.value, || show(&answer.typed, out))
        }
        Verb::Replay(replay) => self::replay(replay, client, out).await,
    }
}

fn query(provider: Option<String>, state: Option<String>) -> Vec<(&'static str, String)> {
    let provider = provider.map(|provider| ("provider", provider));
    provider.into_iter().chain(state.map(|state| ("state", state))).collect()
}

async fn replay(replay: Replay, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let mut ids = replay.ids;
    if replay.dead {
        let query = query(replay.provider, Some("dead".to_owned()));
        let (answer, _) = client.list::<WebhookView>("/v1/webhooks", &query, u32::MAX).await?;
        // As they came.
        ids = answer.typed.into_iter().rev().map(|webhook| webhook.id).collect();
    }
    let mut replayed = Vec::new();
    for id in &ids {
        let path = format!("/v1/webhooks/{id}/replay");
        let answer = client.post::<WebhookView>(&path, &serde_json::json!({}), None).await?;
        replayed.push(answer.value);
    }
    if out.terminal {
        note(&format!("{} to be read again", ids.len()));
    }
    out.print(&replayed.into(), || ids.iter().map(|id| format!("{id}\n")).collect())
}

fn show(detail: &WebhookDetail, out: &Output) -> String {
    let webhook = &detail.webhook;
    let note = webhook.note.as_ref().map(|note| format!("{}: {}", note.code, note.message));
    let mut text = fields(&[
        ("ID", webhook.id.to_string()),
        ("Provider", webhook.provider.clone()),
        ("State", webhook.state.clone()),
        ("Sender's id", webhook.key.clone()),
        ("Received", out.time(Some(webhook.received))),
        ("Bytes", webhook.bytes.to_string()),
        ("Attempts", webhook.attempts.to_string()),
        ("Hints at runs", webhook.hints.to_string()),
        ("Note", or_dash(note.as_deref())),
    ]);
    text.push('\n');
    for header in &detail.headers {
        text.push_str(&format!("{}: {}\n", header.name, header.value));
    }
    text.push('\n');
    text.push_str(detail.text.as_deref().unwrap_or("(no text)"));
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
