//! `novacron-cicd runner`

use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use novacron_cicd_domain::operation::OperationState;

use super::{
    CliError, Exit,
    client::{Client, segment},
    operation,
    output::{Output, Rows, fields},
    watch,
};
use crate::api::{
    operations::OperationView,
    runners::{RunnerDrain, RunnerView},
};

/// What to do with runners.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the machines that do a platform's work
    #[command(after_help = "Example:
  $ novacron-cicd runner list --provider ci-prod")]
    List(List),
    /// Show a runner
    Show(One),
    /// Let a runner finish and give it no new work
    #[command(after_help = "Examples:
  $ novacron-cicd runner drain linux-7 --provider ci-prod --message 'new disks' --wait
  $ novacron-cicd runner drain linux-7 --provider ci-prod --undo")]
    Drain(Drain),
}

/// Which runners.
#[derive(Debug, Args)]
pub struct List {
    /// Of this provider
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// One runner.
#[derive(Debug, Args)]
pub struct One {
    /// The platform's id of it
    id: String,
    /// Of this provider
    #[arg(long, value_name = "NAME")]
    provider: String,
}

/// A runner that gets no new work.
#[derive(Debug, Args)]
pub struct Drain {
    #[command(flatten)]
    one: One,
    /// Give it work again
    #[arg(long)]
    undo: bool,
    /// Why, for those who look at it on the platform
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// Wait until the platform has taken it
    #[arg(long)]
    wait: bool,
    /// Do not wait longer than this, such as 90s or 30m: then exit with 4
    #[arg(long, value_name = "DURATION", value_parser = super::duration, requires = "wait")]
    timeout: Option<Duration>,
}

fn path(provider: &str) -> String {
    format!("/v1/providers/{}/runners", segment(provider))
}

fn yes(it: bool) -> String {
    if it { "yes" } else { "no" }.to_owned()
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::List(list) => {
            let (answer, more) = client.list::<RunnerView>(&path(&list.provider), &[], list.limit).await?;
            let mut rows = Rows::new("runners", &["ID", "STATE", "BUSY", "DRAINING", "LABELS"]);
            for runner in &answer.typed {
                rows.push(vec![
                    runner.id.clone(),
                    runner.state.clone(),
                    runner.busy.map_or_else(|| "-".to_owned(), yes),
                    yes(runner.draining),
                    runner.labels.join(" "),
                ]);
            }
            out.list(&answer.value, rows, more)
        }
        Verb::Show(one) => {
            let path = format!("{}/{}", path(&one.provider), segment(&one.id));
            let answer = client.get::<RunnerView>(&path).await?;
            out.print(&answer.value, || show(&answer.typed))
        }
        Verb::Drain(drain) => self::drain(drain, client, out).await,
    }
}

fn show(runner: &RunnerView) -> String {
    fields(&[
        ("Runner", runner.id.clone()),
        ("Name", runner.name.clone()),
        ("State", runner.state.clone()),
        ("Busy", runner.busy.map_or_else(String::new, yes)),
        ("Draining", yes(runner.draining)),
        ("Labels", runner.labels.join(" ")),
        ("Works on", runner.current.join(" ")),
    ])
}

async fn drain(drain: Drain, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let path = format!("{}/{}/drain", path(&drain.one.provider), segment(&drain.one.id));
    let body = RunnerDrain { draining: !drain.undo, message: drain.message };
    let key = uuid::Uuid::now_v7().to_string();
    let answer = client.post::<OperationView>(&path, &body, Some(&key)).await?;
    if !drain.wait {
        return out.print(&answer.value, || operation::show(&answer.typed, out));
    }
    let deadline = drain.timeout.map(|timeout| Instant::now() + timeout);
    let settled = watch::operation(client, answer.typed.id, deadline).await?;
    out.print(&settled.value, || operation::show(&settled.typed, out))?;
    Ok(match settled.typed.state {
        OperationState::Done => Exit::Ok,
        OperationState::Ambiguous => Exit::Ambiguous,
        state if state.is_settled() => Exit::Failed,
        _ => Exit::StillRunning,
    })
}
