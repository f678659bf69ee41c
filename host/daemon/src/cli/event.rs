//! `novacron-cicd event`

use std::time::Duration;

use clap::{Args, Subcommand};
use futures_util::StreamExt as _;
use novacron_cicd_domain::id::RunId;
use reqwest::Method;

use super::{
    CliError, Exit,
    client::{Client, with_query},
    output::{Format, Output, Rows},
    sse,
};
use crate::api::events::{EventList, EventView};

/// What to do with events.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List what happened, oldest first
    List(List),
    /// Follow what happens
    #[command(after_help = "Examples:
  $ novacron-cicd event watch --kind run.
  $ novacron-cicd event watch --after 0 -o json | jq -c '[.id, .kind, .subject]'")]
    Watch(Watch),
}

/// Which events.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Whose kind begins with this, such as run.
    #[arg(long, value_name = "PREFIX")]
    kind: Option<String>,
    /// Of this run only
    #[arg(long, value_name = "ID")]
    run: Option<RunId>,
    /// Of this pipeline only
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
}

/// Which events, and how many.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    filter: Filter,
    /// After this id
    #[arg(long, value_name = "ID", default_value_t = 0)]
    after: i64,
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
}

/// Which events.
#[derive(Debug, Args)]
pub struct Watch {
    #[command(flatten)]
    filter: Filter,
    /// After this id; left out: from now on
    #[arg(long, value_name = "ID")]
    after: Option<i64>,
}

impl Filter {
    fn query(self) -> Vec<(&'static str, String)> {
        let filters = [("kind", self.kind), ("run", self.run.map(|run| run.to_string())), ("pipeline", self.pipeline)];
        filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::List(list) => {
            let mut query = list.filter.query();
            query.push(("after", list.after.to_string()));
            query.push(("limit", list.limit.to_string()));
            let answer =
                client.answer::<EventList>(client.request(Method::GET, &with_query("/v1/events", &query))).await?;
            let mut rows = Rows::new("events", &["ID", "AT", "KIND", "SUBJECT", "DATA"]);
            for event in &answer.typed.items {
                rows.push(vec![
                    event.id.to_string(),
                    out.time(Some(event.at)),
                    event.kind.clone(),
                    event.subject.clone(),
                    event.data.to_string(),
                ]);
            }
            out.list(&answer.value["items"], rows, false)
        }
        Verb::Watch(watch) => self::watch(watch, client, out).await,
    }
}

async fn watch(watch: Watch, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let query = watch.filter.query();
    let mut last = watch.after;
    let mut broken = 0u64;
    loop {
        let mut request =
            client.request(Method::GET, &with_query("/v1/events", &query)).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        match client.send(request).await {
            Ok(response) => {
                broken = 0;
                let (mut stream, mut reader) = (response.bytes_stream(), sse::Reader::default());
                while let Some(Ok(bytes)) = stream.next().await {
                    for event in reader.push(&bytes) {
                        last = event.id.as_deref().and_then(|id| id.parse().ok()).or(last);
                        print(&event, out)?;
                    }
                }
            }
            // Until the first answer an error is an error; later the daemon is waited for.
            Err(CliError::Unreachable { .. } | CliError::BrokenOff { .. }) if last.is_some() && broken < 60 => {}
            Err(error) => return Err(error),
        }
        broken += 1;
        tokio::time::sleep(Duration::from_millis(200 * broken.min(10))).await;
    }
}

/// One event, one line (YAML: one document).
fn print(event: &sse::Event, out: &Output) -> Result<Exit, CliError> {
    let unexpected =
        |error: serde_json::Error| CliError::Unexpected { url: "/v1/events".into(), reason: error.to_string() };
    let value: serde_json::Value = serde_json::from_str(&event.data).map_err(unexpected)?;
    match out.format {
        Format::Json => out.write(&format!("{value}\n")),
        Format::Yaml => out.write(&format!("---\n{}", serde_yaml_ng::to_string(&value).unwrap_or_default())),
        Format::Table => match serde_json::from_value::<EventView>(value.clone()) {
            Ok(view) => {
                out.write(&format!("{}  {}  {}  {}  {}\n", view.id, view.at, view.kind, view.subject, view.data))
            }
            Err(_) => out.write(&format!("{}  {value}\n", event.kind)),
        },
    }
}
