//! `novacron-cicd runner`

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    CliError, Exit,
    change::{self, Waiting},
    client::{Client, segment},
    output::{Output, Rows, fields},
};
use crate::api::remote::runners::{RunnerCreate, RunnerDrain, RunnerLabels, RunnerView};

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
    /// Make a runner, or what one registers with
    #[command(after_help = "What it authenticates with becomes a secret of the vault, and is shown to nobody.

Example:
  $ novacron-cicd runner create linux-8 --provider ci-prod --label linux --keep-as linux-8-token --wait")]
    Create(Create),
    /// Set the labels of a runner
    Label(Label),
    /// Remove a runner from its platform
    Delete(Delete),
    /// Give a runner to a project
    Assign(Assign),
    /// Take a runner from a project
    Unassign(Assign),
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
    #[command(flatten)]
    waiting: Waiting,
}

/// A runner to be made.
#[derive(Debug, Args)]
pub struct Create {
    /// What the platform is to show
    name: String,
    /// Of this provider
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// The name of the secret that what it authenticates with becomes
    #[arg(long, value_name = "SECRET")]
    keep_as: String,
    /// What work it takes. May be repeated
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// What is made: token (to register with), just-in-time, or another word of the plugin
    #[arg(long, default_value = "token", value_name = "KIND")]
    kind: String,
    /// An option that the plugin documents. May be repeated
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = super::key_value)]
    options: Vec<(String, String)>,
    #[command(flatten)]
    waiting: Waiting,
}

/// What work a runner takes.
#[derive(Debug, Args)]
pub struct Label {
    #[command(flatten)]
    one: One,
    /// All of them, from then on; none takes all away
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    #[command(flatten)]
    waiting: Waiting,
}

/// A runner that goes.
#[derive(Debug, Args)]
pub struct Delete {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    waiting: Waiting,
}

/// A runner and a project.
#[derive(Debug, Args)]
pub struct Assign {
    #[command(flatten)]
    one: One,
    /// The platform's id of the project
    #[arg(long, value_name = "ID")]
    project: String,
    #[command(flatten)]
    waiting: Waiting,
}

fn path(provider: &str) -> String {
    format!("/v1/providers/{}/runners", segment(provider))
}

fn one(one: &One) -> String {
    format!("{}/{}", path(&one.provider), segment(&one.id))
}

fn project(assign: &Assign) -> String {
    format!("{}/projects/{}", one(&assign.one), segment(&assign.project))
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
            let answer = client.get::<RunnerView>(&self::one(&one)).await?;
            out.print(&answer.value, || show(&answer.typed))
        }
        Verb::Drain(drain) => {
            let body = RunnerDrain { draining: !drain.undo, message: drain.message };
            let path = format!("{}/drain", one(&drain.one));
            change::ask(Method::POST, &path, Some(&body), drain.waiting, client, out).await
        }
        Verb::Create(create) => {
            let body = RunnerCreate {
                name: create.name,
                labels: create.labels,
                kind: create.kind,
                options: create.options.into_iter().collect(),
                keep_as: create.keep_as,
            };
            change::ask(Method::POST, &path(&create.provider), Some(&body), create.waiting, client, out).await
        }
        Verb::Label(label) => {
            let body = RunnerLabels { labels: label.labels };
            let path = format!("{}/labels", one(&label.one));
            change::ask(Method::PUT, &path, Some(&body), label.waiting, client, out).await
        }
        Verb::Delete(delete) => change::tell(Method::DELETE, &one(&delete.one), delete.waiting, client, out).await,
        Verb::Assign(assign) => change::tell(Method::PUT, &project(&assign), assign.waiting, client, out).await,
        Verb::Unassign(assign) => change::tell(Method::DELETE, &project(&assign), assign.waiting, client, out).await,
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
