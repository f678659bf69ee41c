//! The project's own commands: `cargo xtask demo` shows it at work, `cargo xtask test` tests it.
//!
//! Each command says what it does, installs what is missing, and needs nothing but rustup's toolchain, a C compiler and git; the tests also curl
//! and Python (Node comes from PyPI). It is built before everything else, so its dependencies stay few; no crate of the host may be among them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is for the person who runs it")]

mod bench;
mod cache;
mod debian;
mod demo;
mod guests;
mod mutants;
mod node;
mod peers;
mod process;
mod python;
mod test;
mod tools;
mod tree;

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the main job: a host, a small CI server behind the webhook plugin, and a pipeline run between them
    Demo {
        /// Leave the host running, and say how to stop it
        #[arg(long)]
        keep: bool,
    },
    /// Build what the tests need, and run all tests
    Test {
        /// Only tests whose name holds this
        filter: Option<String>,
    },
    /// Install the servers, engines and clients that the tests run against
    Peers,
    /// Build every plugin, example and test guest to target/guests
    Guests,
    /// Take each guard out of the code, and see that its test notices
    Mutants {
        /// Only guards whose name holds this
        filter: Option<String>,
    },
    /// Measure what the project promises, against peers in the same run
    Bench,
    /// Check licences, banned crates and sources of all dependencies
    Deny,
    /// All that .ci/run does
    Ci,
}

fn main() -> std::process::ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo { keep } => demo::run(keep),
        Command::Test { filter } => test::run(filter.as_deref()),
        Command::Peers => peers::install().map(drop),
        Command::Guests => guests::build().map(drop),
        Command::Mutants { filter } => mutants::run(filter.as_deref()),
        Command::Bench => bench::run(),
        Command::Deny => tools::deny(),
        Command::Ci => tree::run("all that CI does", std::process::Command::new(tree::root().join(".ci/run"))),
    }
}
