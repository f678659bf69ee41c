//! The command line: parse, call the API, print.
//!
//! A client of the API like any other, so that whatever works here works for a program too. Must be absent: the store,
//! the vault and the runtime; only `serve`, `config` and `token reset --offline` touch this machine's state.

mod artifact;
mod audit;
mod change;
mod client;
mod config;
mod connection;
mod declare;
mod definition;
mod error;
mod event;
mod gate;
mod help;
mod logs;
mod notification;
mod operation;
mod output;
mod pipeline;
mod plugin;
mod provider;
mod remote;
mod run;
mod runner;
mod secret;
mod serve;
mod sse;
mod stats;
mod subscriber;
#[cfg(test)]
mod tests;
mod token;
mod watch;
mod webhook;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, FromArgMatches as _, Parser, Subcommand};
pub(crate) use connection::http_url;
pub use connection::{MARKER, Marker};
pub use error::{CliError, Exit};
pub use output::Format;

/// One model over every CI/CD platform: define pipelines, trigger them, follow them, keep what they build.
#[derive(Debug, Parser)]
#[command(name = "novacron-cicd", version, disable_help_subcommand = true, propagate_version = false)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub noun: Noun,
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
}

/// Flags that every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global flags")]
pub struct Global {
    /// How to print
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT", hide_possible_values = true, hide_default_value = true, help = "How to print: table, json or yaml")]
    pub output: Format,
    /// Where the daemon is: http://HOST:PORT or unix:/PATH
    #[arg(long, global = true, env = "NOVACRON_CICD_URL", hide_env_values = true, hide_env = true, value_name = "URL")]
    pub url: Option<String>,
    /// A file that holds the bearer token
    #[arg(long, global = true, env = "NOVACRON_CICD_TOKEN_FILE", hide_env = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The configuration file
    #[arg(long, global = true, env = "NOVACRON_CICD_CONFIG", hide_env = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where a daemon on this machine keeps its state
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Print requests to stderr, never the values of headers; serve: log more
    #[arg(long, global = true)]
    pub debug: bool,
}

/// Nouns, in the groups in which help shows them.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Connect CI/CD platforms
    #[command(subcommand)]
    Provider(provider::Verb),
    /// Define pipelines and trigger them
    #[command(subcommand)]
    Pipeline(pipeline::Verb),
    /// Follow and cancel runs
    #[command(subcommand)]
    Run(run::Verb),
    /// Look at the machines that do the work
    #[command(subcommand)]
    Runner(runner::Verb),
    /// Look after what only a platform has
    #[command(subcommand)]
    Remote(remote::Noun),
    /// Download what runs built
    #[command(subcommand)]
    Artifact(artifact::Verb),
    /// Hold values that builds and providers need
    #[command(subcommand)]
    Secret(secret::Verb),
    /// Say who may use the API
    #[command(subcommand)]
    Token(token::Verb),
    /// Look at and settle what was asked of platforms
    #[command(subcommand)]
    Operation(operation::Verb),
    /// See what is installed
    #[command(subcommand)]
    Plugin(plugin::Verb),
    /// See what platforms sent, and read it again
    #[command(subcommand)]
    Webhook(webhook::Verb),
    /// Say who is told of what happens
    #[command(subcommand)]
    Subscriber(subscriber::Verb),
    /// See what subscribers were told, and tell it again
    #[command(subcommand)]
    Notification(notification::Verb),
    /// See what happened
    #[command(subcommand)]
    Event(event::Verb),
    /// See who did what
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Run the daemon
    Serve(serve::Serve),
    /// See how the daemon is configured
    #[command(subcommand)]
    Config(config::Verb),
    /// Print a completion script for a shell
    Completion(config::Completion),
    /// Print the version
    Version,
}

/// Parses the arguments of this process and does what they say.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match help::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return refused(&error).into(),
    };
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::error(&error);
            error.exit().into()
        }
    }
}

/// Help and versions are answers; all else is an error with a code like every other.
fn refused(error: &clap::Error) -> Exit {
    if !error.use_stderr() || error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
    }
    let text = error.render().ansi().to_string();
    let text = text.replacen("error:", "error cli.usage:", 1);
    output::note(text.trim_end());
    Exit::Usage
}

fn run(cli: Cli) -> Result<Exit, CliError> {
    let Cli { noun, global } = cli;
    match noun {
        Noun::Serve(serve) => return serve::run(&serve, &global),
        Noun::Config(verb) => return config::run(&verb, &global),
        Noun::Completion(completion) => return config::completion(&completion),
        Noun::Version => return config::version(&global),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| CliError::io("start", source))?;
    runtime.block_on(Box::pin(dispatch(noun, &global)))
}

async fn dispatch(noun: Noun, global: &Global) -> Result<Exit, CliError> {
    if let Noun::Token(token::Verb::Reset(reset)) = &noun
        && reset.offline
    {
        return token::reset_offline(global).await;
    }
    let client = client::Client::connect(global)?;
    let out = output::Output::new(global.output);
    match noun {
        Noun::Provider(verb) => provider::run(verb, &client, &out).await,
        Noun::Pipeline(verb) => pipeline::run(verb, &client, &out).await,
        Noun::Run(verb) => run::run(verb, &client, &out).await,
        Noun::Remote(noun) => remote::run(noun, &client, &out).await,
        Noun::Artifact(verb) => artifact::run(verb, &client, &out).await,
        Noun::Secret(verb) => secret::run(verb, &client, &out).await,
        Noun::Token(verb) => token::run(verb, &client, &out).await,
        Noun::Operation(verb) => operation::run(verb, &client, &out).await,
        Noun::Runner(verb) => runner::run(verb, &client, &out).await,
        Noun::Webhook(verb) => webhook::run(verb, &client, &out).await,
        Noun::Subscriber(verb) => subscriber::run(verb, &client, &out).await,
        Noun::Notification(verb) => notification::run(verb, &client, &out).await,
        Noun::Plugin(verb) => plugin::run(verb, &client, &out).await,
        Noun::Event(verb) => event::run(verb, &client, &out).await,
        Noun::Audit(verb) => audit::run(verb, &client, &out).await,
        Noun::Serve(_) | Noun::Config(_) | Noun::Completion(_) | Noun::Version => Ok(Exit::Ok),
    }
}

/// The time, for ages and durations that people read.
#[expect(clippy::disallowed_methods, reason = "the command line is an edge: what it shows is relative to now")]
fn now() -> novacron_cicd_domain::Timestamp {
    novacron_cicd_domain::Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// `KEY=VALUE`.
fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it is not KEY=VALUE".to_owned()),
    }
}

/// `90s`, `15m`, `2h`, `30d`, or seconds.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let (number, unit) = text.find(|c: char| !c.is_ascii_digit()).map_or((text, "s"), |at| text.split_at(at));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("it is not such as 90s, 15m, 2h or 30d".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "it is not such as 90s, 15m, 2h or 30d".to_owned())?;
    Ok(std::time::Duration::from_secs(number.saturating_mul(seconds)))
}
