#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_sdk::types::ErrorKind;

use super::*;

const FILE: &str = "
on:
  workflow_dispatch:
    inputs:
      who: {required: true}
      level: {type: choice, options: [low, high], default: low}
      dry: {type: boolean}
      count: {type: number}
      novacron_correlation: {}
      novacron_environment: {}
";

fn given(name: &str, value: Value) -> ParameterValue {
    ParameterValue { name: name.into(), kind: "string".into(), value }
}

fn request(parameters: &[(&str, &str)], environment: &[(&str, &str)]) -> TriggerRequest {
    let all =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| given(name, Value::Text((*value).into()))).collect();
    TriggerRequest {
        pipeline: "acme/app/ci.yml".into(),
        reference: None,
        parameters: all(parameters),
        environment: all(environment),
        correlation: "c0ffee".into(),
        callback: None,
        more: vec![],
    }
}

fn filled(file: &str, request: &TriggerRequest) -> Result<BTreeMap<String, String>> {
    inputs(&Workflow::parse(file).unwrap(), &Settings::default(), request)
}

#[test]
fn inputs_hold_what_is_given_the_token_and_the_variables() {
    let found = filled(FILE, &request(&[("who", "nova"), ("dry", "true")], &[("A", "1\n"), ("B", "\"")])).unwrap();
    let expected = [
        ("dry", "true"),
        ("novacron_correlation", "c0ffee"),
        ("novacron_environment", r#"{"A":"1\n","B":"\""}"#),
        ("who", "nova"),
    ];
    assert_eq!(found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
    let bare = filled("on: workflow_dispatch", &request(&[], &[])).unwrap();
    assert!(bare.is_empty(), "a workflow without our input is started without a token");
}

#[test]
fn what_a_workflow_does_not_take_is_refused_before_it_is_sent() {
    let long = "x".repeat(MOST_CHARACTERS);
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
    let rows: [Row<'_>; 6] = [
        (&[("who", "n"), ("nobody", "x")], "nobody", "no such input, but who, level"),
        (&[("who", "n"), ("level", "medium")], "level", "none of low, high"),
        (&[("who", "n"), ("dry", "yes")], "dry", "not true or false"),
        (&[("who", "n"), ("count", "many")], "count", "no number"),
        (&[("dry", "true")], "who", "requires it"),
        (&[("who", &long)], "parameters", "at most 25"),
    ];
    for (parameters, field, part) in rows {
        let error = filled(FILE, &request(parameters, &[])).unwrap_err();
        assert!(matches!(&error.kind, ErrorKind::InvalidInput(it) if it.field == field), "{error:?}");
        assert!(error.message.contains(part), "{}", error.message);
    }
    let no_trigger = filled("on: push", &request(&[], &[])).unwrap_err();
    assert_eq!(no_trigger.kind, ErrorKind::Unsupported("runs.trigger".into()));
    let no_place = filled("on: workflow_dispatch", &request(&[], &[("A", "1")])).unwrap_err();
    assert_eq!(no_place.kind, ErrorKind::Unsupported("runs.environment".into()));
}

#[test]
fn a_secret_is_never_an_input() {
    let mut with = request(&[], &[]);
    with.parameters = vec![given("who", Value::Secret("parameter:who".into()))];
    assert!(filled(FILE, &with).unwrap_err().message.contains("can't be a secret"));
    let mut with = request(&[("who", "n")], &[]);
    with.environment = vec![given("KEY", Value::Secret("x".into()))];
    assert!(filled(FILE, &with).unwrap_err().message.contains("can't be a secret"));
}

#[test]
fn an_answer_is_a_run_or_a_search_by_its_version() {
    let pipeline = Id::parse("pipeline", "acme/app/ci.yml").unwrap();
    let told =
        |status, body: &str| ticket(Response::fake(status, &[], body.as_bytes(), false), &pipeline, "main", "c0ffee");
    let body = r#"{"workflow_run_id":17,"run_url":"u","html_url":"https://github.com/acme/app/actions/runs/17"}"#;
    let Ok(Ticket::Run(run)) = told(200, body) else { unreachable!() };
    let identity = RunRef { pipeline: "acme/app/ci.yml".into(), run: "17".into(), attempt: Some(1) };
    assert_eq!((run.identity, run.correlation.as_deref()), (identity, Some("c0ffee")));
    assert_eq!(told(204, ""), Ok(Ticket::Unknown(None)));
    assert!(told(422, r#"{"message":"No ref found for: x"}"#).unwrap_err().message.contains("No ref found"));
}

#[test]
fn the_flag_is_sent_only_to_the_version_that_knows_it() {
    for (version, flag) in [("2022-11-28", true), ("2026-03-10", false)] {
        let settings = Settings { api_version: version.into(), ..Settings::default() };
        let pipeline = Id::parse("pipeline", "acme/app/ci.yml").unwrap();
        let sent = post(&Client { settings, slot: None }, &pipeline, "main", &BTreeMap::new()).build().unwrap();
        assert_eq!(sent.url, "/repos/acme/app/actions/workflows/ci.yml/dispatches");
        let novacron_cicd_sdk::types::BodyPart::Bytes(body) = &sent.body[0] else { unreachable!() };
        assert_eq!(String::from_utf8_lossy(body).contains("return_run_details"), flag, "{version}");
    }
}
