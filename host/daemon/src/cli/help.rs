//! Help that reads well: nouns in groups, examples last.

use clap::{Command, CommandFactory as _};

use super::Cli;

/// Nouns by what people come for.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Main commands", &["provider", "pipeline", "run", "runner", "remote", "artifact"]),
    (
        "Administration",
        &["secret", "token", "operation", "plugin", "webhook", "subscriber", "notification", "event", "audit"],
    ),
    ("Daemon", &["serve", "config"]),
    ("More", &["completion", "version"]),
];

const TEMPLATE: &str = "{about-with-newline}\n{usage-heading}\n  {usage}\n\n{all-args}{after-help}";

const EXAMPLES: &str = "Examples:
  $ novacron-cicd serve
  $ novacron-cicd provider add ci --plugin webhook --base-url https://ci.example.com/hook \\
      --credential signing=ci-key
  $ novacron-cicd pipeline run backend-build -p VERSION=1.2.3 --watch --exit-status

Exit status:
  0  it was done
  1  the work failed, or the daemon refused it
  2  the command line, what it names, or the configuration is wrong
  3  the daemon can't be reached
  4  still at work when --timeout was over; the work goes on
  5  nobody can know whether the platform did it: see `novacron-cicd operation resolve --help`

Environment:
  NOVACRON_CICD_URL         where the daemon is
  NOVACRON_CICD_TOKEN       the bearer token
  NOVACRON_CICD_TOKEN_FILE  a file that holds it
  NOVACRON_CICD_CONFIG      the configuration file
Without them the daemon of this machine and its first admin token are found in its state.";

/// The whole command line.
pub(crate) fn command() -> Command {
    let command = Cli::command().disable_help_flag(true).disable_version_flag(true);
    let groups = groups(&command);
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}}\n  {{usage}}\n\n{groups}Global flags:\n{{options}}{{after-help}}"
    );
    dress(command, &template).after_help(EXAMPLES)
}

fn dress(command: Command, template: &str) -> Command {
    let help = clap::Arg::new("help")
        .short('h')
        .long("help")
        .action(clap::ArgAction::HelpShort)
        .help("Print help")
        .help_heading("Global flags")
        .global(false)
        .display_order(999);
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let mut command = command
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .arg(help)
        .subcommand_help_heading("Commands")
        .help_template(template.to_owned())
        .mut_args(|arg| match arg.get_help_heading() {
            None if !arg.is_positional() => arg.help_heading("Flags"),
            _ => arg,
        })
        .max_term_width(110);
    for name in names {
        command = command.mut_subcommand(name, |sub| dress(sub, TEMPLATE));
    }
    command
}

/// The nouns as help lists them.
fn groups(command: &Command) -> String {
    let width = command.get_subcommands().map(|sub| sub.get_name().len()).max().unwrap_or(0);
    let mut text = String::new();
    for (title, names) in GROUPS {
        text.push_str(&format!("{title}:\n"));
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!("  {name:width$}  {about}\n"));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_noun_is_in_a_group() {
        let grouped: Vec<_> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let command = Cli::command();
        let nouns: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
        assert_eq!(grouped, nouns, "groups list the nouns in their order");
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
