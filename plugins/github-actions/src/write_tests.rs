#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_sdk::attribute;

use super::*;

fn definition() -> Definition {
    Definition {
        name: "Nightly: build".into(),
        repository: None,
        reference: None,
        location: None,
        source: None,
        parameters: vec![
            Parameter {
                description: Some("Whom \"to\" greet".into()),
                required: true,
                ..Parameter::new("who", "string")
            },
            Parameter {
                choices: vec!["low".into(), "high".into()],
                default: Some("low".into()),
                ..Parameter::new("level", "choice")
            },
            Parameter { default: Some("true".into()), ..Parameter::new("dry", "bool") },
            Parameter { default: Some("3".into()), ..Parameter::new("count", "number") },
        ],
        environment: vec![attribute("GREETING", "a: b # c")],
        schedules: vec!["0 3 * * *".into()],
        webhook_url: None,
        more: vec![],
    }
}

#[test]
fn a_definition_becomes_a_workflow_that_says_the_same() {
    let text = fresh(&definition(), &Settings::default()).unwrap();
    let workflow = Workflow::parse(&text).unwrap();
    assert_eq!(workflow.name.as_deref(), Some("Nightly: build"));
    assert_eq!(workflow.env, [("GREETING".to_owned(), "a: b # c".to_owned())]);
    assert_eq!(workflow.schedules(), ["0 3 * * *"]);
    assert!(workflow.shows("novacron_correlation"));
    let inputs = workflow.inputs();
    assert_eq!(inputs[..4], definition().parameters[..]);
    assert_eq!(inputs.len(), 6);
    assert!(text.contains(r#""who": "${{ inputs.who }}""#) && text.contains("- run: \"make\""), "{text}");
    assert!(text.contains("env: ${{ fromJSON(inputs.novacron_environment || '{}') }}"), "{text}");
}

#[test]
fn what_github_has_no_input_for_is_refused() {
    for kind in ["secret", "file"] {
        let definition = Definition { parameters: vec![Parameter::new("x", kind)], ..definition() };
        assert!(fresh(&definition, &Settings::default()).is_err(), "{kind}");
    }
}

const FILE: &str = "# Ours
name: CI   # shown
on:
  push: {branches: [main]}
  workflow_dispatch:
    inputs:
      old: {}
      novacron_correlation: {}

# What it does
env:
  KEEP: \"1\"
  GREETING: old
jobs:
  build:   # the only one
    runs-on: ubuntu-latest
    steps:
      - run: |
          on: this is no key
";

#[test]
fn a_change_replaces_what_it_names_and_leaves_the_rest() {
    let after = changed(FILE, &definition(), &Settings::default()).unwrap();
    let workflow = Workflow::parse(&after).unwrap();
    let names: Vec<_> = workflow.inputs().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["who", "level", "dry", "count", "novacron_correlation"]);
    assert!(workflow.event("push").is_some());
    assert_eq!(workflow.env, [("KEEP".to_owned(), "1".to_owned()), ("GREETING".to_owned(), "a: b # c".to_owned())]);
    let (jobs, begin) = (&FILE[FILE.find("jobs:").unwrap()..], "# Ours\nname: \"Nightly: build\"\non:\n");
    assert!(after.ends_with(jobs) && after.starts_with(begin), "{after}");
    assert!(after.contains("\n\n# What it does\nenv:\n"), "{after}");
}

#[test]
fn a_change_that_names_nothing_changes_nothing() {
    let same =
        Definition { name: "CI".into(), parameters: vec![], environment: vec![], schedules: vec![], ..definition() };
    assert_eq!(changed(FILE, &same, &Settings::default()).unwrap(), FILE);
    let scheduled = Definition { schedules: vec!["1 * * * *".into()], ..same };
    let after =
        changed("on: push\njobs: {a: {}}\n", &Definition { name: "x".into(), ..scheduled }, &Settings::default())
            .unwrap();
    let workflow = Workflow::parse(&after).unwrap();
    assert!(workflow.event("push").is_some() && workflow.schedules() == ["1 * * * *"]);
    assert_eq!(workflow.name.as_deref(), Some("x"));
}

#[test]
fn a_file_that_can_not_be_changed_in_place_is_left_alone() {
    for text in ["{on: push, jobs: {a: {}}}", "- a"] {
        assert!(changed(text, &definition(), &Settings::default()).is_err(), "{text}");
    }
}

#[test]
fn a_name_becomes_the_name_of_a_file() {
    for (name, file) in [("CI", "ci.yml"), ("Nightly: build / x", "nightly-build-x.yml"), ("é", "workflow.yml")] {
        assert_eq!(file_name(name), file);
    }
}
