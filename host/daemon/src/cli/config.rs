//! `novacron-cicd config`, `completion` and `version`: what needs no daemon.

use clap::{Args, Subcommand};
use clap_complete::Shell;
use serde_json::json;

use super::{CliError, Exit, Global, connection, help, output::Output};

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Print the effective configuration, each value with where it came from
    #[command(after_help = "What is printed is a configuration file.

Examples:
  $ novacron-cicd config show > cicd.toml
  $ novacron-cicd config show -o json | jq '.[] | select(.source != \"default\")'")]
    Show,
}

/// A shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  $ source <(novacron-cicd completion bash)
  $ novacron-cicd completion zsh > \"${fpath[1]}/_novacron-cicd\"
  $ novacron-cicd completion fish > ~/.config/fish/completions/novacron-cicd.fish")]
pub struct Completion {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(verb: &Verb, global: &Global) -> Result<Exit, CliError> {
    let Verb::Show = verb;
    let config = connection::config(global)?;
    let settings = config.effective().map(|(setting, values, source)| {
        json!({
            "key": setting.key,
            "value": values,
            "source": source.to_string(),
            "env": setting.env,
            "what": setting.what,
        })
    });
    Output::new(global.output).print(&settings.collect(), || config.to_toml())
}

pub(super) fn completion(completion: &Completion) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(completion.shell, &mut help::command(), "novacron-cicd", &mut script);
    Output::new(super::Format::Table).write(&String::from_utf8_lossy(&script))
}

pub(super) fn version(global: &Global) -> Result<Exit, CliError> {
    let version = env!("CARGO_PKG_VERSION");
    Output::new(global.output).print(&json!({"version": version}), || format!("novacron-cicd {version}\n"))
}
