//! What the command line shows: help, tables, errors, numbers for scripts.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use clap::Command;
use novacron_cicd_domain::Coded as _;

use super::{CliError, Exit, help, output};
use crate::{
    api::{ApiError, Problem},
    cli::output::Rows,
    service::ServiceError,
};

fn pages(command: &mut Command, text: &mut String) {
    text.push_str(&format!("{}\n\n", command.render_help()));
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        text.push_str(&format!("{}\n", "=".repeat(100)));
        pages(command.find_subcommand_mut(&name).unwrap(), text);
    }
}

#[test]
fn help_of_every_command_is_as_it_was_agreed() {
    let mut command = help::command().term_width(100);
    command.build();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("help", command.render_help().to_string());
        let nouns: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        for noun in nouns {
            let mut text = String::new();
            pages(command.find_subcommand_mut(&noun).unwrap(), &mut text);
            insta::assert_snapshot!(format!("help-{noun}"), text);
        }
    });
}

/// Nouns and verbs that were promised.
const PROMISED: &[(&str, &[&str])] = &[
    ("provider", &["add", "show", "check", "update", "remove", "list"]),
    (
        "pipeline",
        &[
            "create",
            "import",
            "show",
            "update",
            "delete",
            "list",
            "run",
            "definition",
            "parameters",
            "validate",
            "enable",
            "disable",
            "copy",
            "move",
            "schedule",
            "trigger-token",
        ],
    ),
    (
        "run",
        &[
            "list", "show", "watch", "logs", "graph", "stats", "cancel", "gates", "approve", "reject", "play",
            "delete", "retry",
        ],
    ),
    ("artifact", &["list", "download", "upload", "attestations", "keep", "delete"]),
    ("runner", &["list", "show", "drain", "create", "label", "delete", "assign", "unassign"]),
    ("remote", &["secret", "variable", "hook", "environment", "deployment", "attestation"]),
    ("secret", &["set", "list", "rotate", "delete"]),
    ("token", &["create", "list", "revoke", "reset"]),
    ("operation", &["list", "show", "cancel", "resolve"]),
    ("plugin", &["list", "inspect", "approve"]),
    ("webhook", &["list", "show", "replay"]),
    ("subscriber", &["create", "show", "update", "delete", "test", "list"]),
    ("notification", &["list", "show", "replay"]),
    ("event", &["list", "watch"]),
    ("audit", &["list", "verify"]),
    ("config", &["show"]),
    ("completion", &[]),
    ("serve", &[]),
    ("version", &[]),
];

#[test]
fn every_promised_verb_is_there_and_says_what_it_does() {
    let command = help::command();
    for (noun, verbs) in PROMISED {
        let noun = command.find_subcommand(noun).unwrap();
        for verb in *verbs {
            let verb = noun.find_subcommand(verb).unwrap();
            assert!(verb.get_about().is_some(), "{} {}", noun.get_name(), verb.get_name());
        }
        assert_eq!(noun.get_subcommands().count(), verbs.len(), "{}: PROMISED is whole", noun.get_name());
    }
}

#[test]
fn every_flag_says_what_it_is() {
    fn check(command: &Command) {
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
        }
        command.get_subcommands().for_each(check);
    }
    check(&help::command());
}

#[test]
fn a_value_of_a_secret_can_not_be_an_argument() {
    let command = help::command();
    for verb in ["set", "rotate"] {
        let verb = command.find_subcommand("secret").unwrap().find_subcommand(verb).unwrap();
        let own: Vec<_> = verb.get_arguments().map(|arg| arg.get_id().as_str()).filter(|id| *id != "help").collect();
        assert_eq!(own, ["name", "from_file", "keep_newline"], "{}", verb.get_name());
    }
}

fn rows() -> Rows {
    let mut rows = Rows::new("runs", &["ID", "STATE", "PIPELINE", "REFERENCE"]);
    let id = "019732a4-7c1e-7f00-8000-000000000001";
    rows.push(vec![id.into(), "succeeded".into(), "backend-build-with-a-very-long-name".into(), "main".into()]);
    rows.push(vec![id.into(), "failed".into(), "x".into(), "refs/heads/\u{1b}[31mfeature\nbranch".into()]);
    rows
}

fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut in_escape = false;
    for c in text.chars() {
        match c {
            '\u{1b}' => in_escape = true,
            'm' if in_escape => in_escape = false,
            _ if !in_escape => plain.push(c),
            _ => {}
        }
    }
    plain
}

#[test]
fn a_table_fits_the_terminal_and_keeps_ids_whole() {
    for width in [70, 80, 100, 200] {
        let text = plain(&rows().render(true, Some(width)));
        assert_eq!(text.lines().count(), 3, "one line a row at {width}:\n{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= usize::from(width), "{width}: {line:?}");
        }
        assert_eq!(text.matches("019732a4-7c1e-7f00-8000-000000000001").count(), 2, "{text}");
        assert!(text.contains("succeeded"), "{text}");
    }
    let narrow = plain(&rows().render(true, Some(70)));
    assert!(narrow.contains('…') && !narrow.contains("very-long-name"), "{narrow}");
}

#[test]
fn elsewhere_nothing_is_cut_and_nothing_is_coloured() {
    let text = rows().render(false, None);
    assert!(!text.contains('\u{1b}') && !text.contains('…'), "{text:?}");
    assert!(text.contains("backend-build-with-a-very-long-name"));
    insta::assert_snapshot!(text, @r"
    ID                                    STATE      PIPELINE                             REFERENCE
    019732a4-7c1e-7f00-8000-000000000001  succeeded  backend-build-with-a-very-long-name  main
    019732a4-7c1e-7f00-8000-000000000001  failed     x                                    refs/heads/ [31mfeature branch
    ");
}

#[test]
fn an_error_shows_code_sentence_and_hint() {
    let taken = ServiceError::NameTaken { what: "provider", name: "ci".into() };
    let problem = Problem::of(&ApiError::Service(taken));
    let text = plain(&output::describe(&CliError::Refused(Box::new(problem))));
    insta::assert_snapshot!(text, @r#"
    error provider.name-taken: the provider name "ci" is taken
    hint: choose another name, or see `novacron-cicd provider list`
    "#);
    let text = plain(&output::describe(&CliError::NoToken { url: "http://127.0.0.1:8094".into() }));
    insta::assert_snapshot!(text, @r"
    error cli.no-token: there is no token for http://127.0.0.1:8094
    hint: name a file with --token-file, or put the token into NOVACRON_CICD_TOKEN
    ");
}

#[test]
fn every_end_has_the_number_that_scripts_rely_on() {
    let refused = |error: ApiError| CliError::Refused(Box::new(Problem::of(&error)));
    let io = || std::io::Error::from(std::io::ErrorKind::Other);
    let rows = [
        (CliError::usage("x", "y"), 2),
        (CliError::NoToken { url: String::new() }, 2),
        (CliError::Unreachable { url: String::new(), reason: String::new() }, 3),
        (CliError::BrokenOff { reason: String::new() }, 1),
        (CliError::io("x", io()), 1),
        (CliError::Listen { address: String::new(), source: io() }, 2),
        (CliError::Exists { path: String::new() }, 2),
        (refused(ApiError::UnknownField { field: "x".into(), expected: None }), 2),
        (refused(ServiceError::Unauthorized { reason: "x" }.into()), 2),
        (refused(ServiceError::UnknownPlugin { plugin: "x".into(), known: vec![] }.into()), 2),
        (refused(ServiceError::NameTaken { what: "provider", name: "x".into() }.into()), 1),
        (refused(ServiceError::NotFound { what: "run", key: "x".into() }.into()), 1),
        (refused(ApiError::Panic), 1),
    ];
    for (error, expected) in rows {
        assert_eq!(error.exit() as u8, expected, "{} {error}", error.code());
    }
    let ends = [Exit::Ok, Exit::Failed, Exit::Usage, Exit::Unreachable, Exit::StillRunning, Exit::Ambiguous];
    assert_eq!(ends.map(|end| end as u8), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn lengths_of_time_are_read_and_shown() {
    for (text, seconds) in [("90s", 90), ("15m", 900), ("2h", 7200), ("30d", 2_592_000), ("7", 7)] {
        assert_eq!(super::duration(text).unwrap().as_secs(), seconds, "{text}");
    }
    for text in ["", "m", "1w", "-1s", "1.5h"] {
        assert!(super::duration(text).is_err(), "{text}");
    }
    let rows = [(0, "0 ms"), (999, "999 ms"), (61_000, "1m01s"), (3_700_000, "1h01m"), (90_000_000, "1d01h")];
    for (millis, shown) in rows {
        assert_eq!(output::length(millis), shown);
    }
    for (millis, shown) in [(0, "0s ago"), (61_000, "1m ago"), (90_000_000, "1d ago"), (-7_300_000, "in 2h")] {
        assert_eq!(output::ago(millis), shown);
    }
}
