#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_sdk::types::{BodyPart, ErrorKind};
use serde_json::json;

use super::*;

/// As core answers for a job with one parameter of each kind.
fn declared() -> Parameters {
    let properties = json!([
        { "_class": "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty" },
        { "_class": "hudson.model.ParametersDefinitionProperty", "parameterDefinitions": [
            { "_class": "hudson.model.StringParameterDefinition", "name": "VERSION", "type": "StringParameterDefinition",
              "description": "what to build", "defaultParameterValue": { "value": "1.0" } },
            { "name": "NOTES", "type": "TextParameterDefinition", "description": "", "defaultParameterValue": null },
            { "name": "DRY", "type": "BooleanParameterDefinition", "defaultParameterValue": { "value": true } },
            { "name": "TARGET", "type": "ChoiceParameterDefinition", "choices": ["staging", "production"],
              "defaultParameterValue": { "value": "staging" } },
            { "name": "KEY", "type": "PasswordParameterDefinition", "defaultParameterValue": { "value": "{AQAA}" } },
            { "name": "UPLOAD", "type": "FileParameterDefinition" },
            { "name": "REV", "type": "PT_BRANCH_TAG", "defaultParameterValue": { "value": ["odd"] } },
            { "name": "NOVACRON_CORRELATION", "type": "StringParameterDefinition" },
        ] },
    ]);
    Parameters::of(serde_json::from_value(properties).unwrap())
}

fn undeclared() -> Parameters {
    Parameters::of(serde_json::from_value(json!([{ "_class": "x" }])).unwrap())
}

fn text(name: &str, value: &str) -> ParameterValue {
    ParameterValue { name: name.into(), kind: "string".into(), value: Value::Text(value.into()) }
}

fn secret(name: &str) -> ParameterValue {
    ParameterValue { name: name.into(), kind: "secret".into(), value: Value::Secret("ref-1".into()) }
}

fn wanted(parameters: Vec<ParameterValue>) -> TriggerRequest {
    TriggerRequest {
        pipeline: "repo/dev%2Fmain".into(),
        reference: None,
        parameters,
        environment: vec![],
        correlation: "nc-7".into(),
        callback: None,
        more: vec![],
    }
}

fn sent(form: Form) -> (String, String) {
    let request = form.post(Request::post("/x"), || "b-1".into()).build().unwrap();
    let part = |part: &BodyPart| match part {
        BodyPart::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        BodyPart::Secret(part) => format!("<{} {}>", part.secret, part.escape),
    };
    (request.url, request.body.iter().map(part).collect())
}

#[test]
fn parameters_come_in_our_kinds_and_our_own_is_not_among_them() {
    let shown = declared().shown(&Settings::default());
    let rows: Vec<_> = shown.iter().map(|it| (it.name.as_str(), it.kind.as_str(), it.default.as_deref())).collect();
    let expected = [
        ("VERSION", "string", Some("1.0")),
        ("NOTES", "text", None),
        ("DRY", "bool", Some("true")),
        ("TARGET", "choice", Some("staging")),
        ("KEY", "secret", None),
        ("UPLOAD", "file", None),
        ("REV", "string", None),
    ];
    assert_eq!(rows, expected);
    assert_eq!((shown[0].description.as_deref(), shown[1].description.as_deref()), (Some("what to build"), None));
    assert_eq!(shown[3].choices, ["staging", "production"]);
    assert_eq!(shown[6].more, [attribute("x-jenkins-type", "PT_BRANCH_TAG")]);
    assert_eq!(undeclared().shown(&Settings::default()), []);
}

#[test]
fn values_travel_in_the_body_with_our_token_last() {
    let given =
        vec![text("VERSION", "1 + \"rc\"&é"), text("DRY", "false"), text("TARGET", "production"), secret("KEY")];
    let form = declared().fill(&Settings::default(), &wanted(given), || None).unwrap();
    assert_eq!(form.action(), "buildWithParameters");
    let (url, body) = sent(form);
    assert_eq!(url, "/x?delay=0sec");
    assert_eq!(
        body,
        "VERSION=1%20%2B%20%22rc%22%26%C3%A9&DRY=false&TARGET=production&KEY=<ref-1 form>&NOVACRON_CORRELATION=nc-7"
    );
}

#[test]
fn a_job_without_parameters_is_built_without_any() {
    let form = undeclared().fill(&Settings::default(), &wanted(vec![]), || None).unwrap();
    assert_eq!((form.action(), form.fields.len()), ("build", 0));
    assert!(!undeclared().carry_correlation(&Settings::default()));
    assert!(declared().carry_correlation(&Settings::default()));
    let other = Settings { correlation_parameter: "DRY".into(), ..Settings::default() };
    assert!(!declared().carry_correlation(&other), "a bool can't carry it");
}

#[test]
fn what_the_job_would_pass_over_or_choke_on_is_refused_before_it_is_sent() {
    let rows = [
        (declared(), vec![text("VERSON", "1")], "parameters.VERSON", "it has VERSION, NOTES"),
        (undeclared(), vec![text("VERSION", "1")], "parameters.VERSION", "after its first run"),
        (declared(), vec![text("DRY", "yes")], "parameters.DRY", "neither true nor false"),
        (declared(), vec![text("TARGET", "moon")], "parameters.TARGET", "staging, production"),
        (declared(), vec![secret("VERSION")], "parameters.VERSION", "Jenkins would show it"),
    ];
    for (parameters, given, field, part) in rows {
        let error = parameters.fill(&Settings::default(), &wanted(given), || None).unwrap_err();
        let ErrorKind::InvalidInput(input) = &error.kind else { unreachable!("{error:?}") };
        assert_eq!(input.field, field);
        assert!(input.reason.contains(part), "{} does not say {part}", input.reason);
    }
    let file = declared().fill(&Settings::default(), &wanted(vec![text("UPLOAD", "not base64")]), || None).unwrap_err();
    assert!(matches!(&file.kind, ErrorKind::InvalidInput(input) if input.field == "parameters.UPLOAD"), "{file:?}");
}

#[test]
fn with_a_file_each_value_is_a_part_of_the_body() {
    let given = vec![text("VERSION", "1"), secret("KEY"), text("UPLOAD", "aGkA")];
    let form = declared().fill(&Settings::default(), &wanted(given), || None).unwrap();
    let (url, body) = sent(form);
    assert_eq!(url, "/x?delay=0sec");
    let field = |name: &str, value: &str| {
        format!(
            "--b-1\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n{value}\r\n"
        )
    };
    let file = "--b-1\r\nContent-Disposition: form-data; name=\"UPLOAD\"; filename=\"file\"\r\nContent-Type: application/octet-stream\r\n\r\nhi\0\r\n";
    let fields = field("VERSION", "1") + &field("KEY", "<ref-1 none>") + &field("NOVACRON_CORRELATION", "nc-7");
    assert_eq!(body, fields + file + "--b-1--\r\n");
}

#[test]
fn a_builds_environment_is_what_the_job_declares() {
    let with = |given| TriggerRequest { environment: vec![given], ..wanted(vec![text("VERSION", "1")]) };
    let form = declared().fill(&Settings::default(), &with(text("NOTES", "hi")), || None).unwrap();
    assert!(form.fields.contains(&("NOTES".into(), Value::Text("hi".into()))));
    let form = declared().fill(&Settings::default(), &with(text("VERSION", "2")), || None).unwrap();
    let versions: Vec<_> = form.fields.iter().filter(|(name, _)| name == "VERSION").collect();
    assert_eq!(versions, [&("VERSION".into(), Value::Text("2".into()))], "a parameter may be but its default");
    let error = declared().fill(&Settings::default(), &with(text("HOME", "/")), || None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported("runs.environment".into()));
}

#[test]
fn a_reference_is_the_branch_jobs_own_or_a_parameters() {
    let at = |reference: &str, parameters| TriggerRequest { reference: Some(reference.into()), ..wanted(parameters) };
    let settings = Settings { reference_parameter: Some("REV".into()), ..Settings::default() };
    let own = declared().fill(&Settings::default(), &at("dev/main", vec![]), || None).unwrap();
    assert_eq!(own.fields.len(), 1, "the token alone");
    assert!(declared().fill(&Settings::default(), &at("main", vec![]), || None).is_err());
    let told = declared().fill(&settings, &at("main", vec![]), || None).unwrap();
    assert_eq!(told.fields[0], ("REV".into(), Value::Text("main".into())));
    let given = declared().fill(&settings, &at("main", vec![text("REV", "v1")]), || None).unwrap();
    assert_eq!(given.fields[0], ("REV".into(), Value::Text("v1".into())), "what was given by name counts");
    assert!(undeclared().fill(&settings, &at("main", vec![]), || None).is_err());
    let named = || Some("main".to_owned());
    assert!(undeclared().fill(&settings, &at("main", vec![]), named).is_ok());
    assert!(undeclared().fill(&settings, &at("other", vec![]), named).is_err());
}

#[test]
fn a_build_is_repeated_with_what_it_was_given_under_a_token_of_its_own() {
    let build = |parameters: serde_json::Value| -> Build {
        serde_json::from_value(json!({ "number": 3, "actions": [{ "parameters": parameters }] })).unwrap()
    };
    let run = RunRef { pipeline: "app".into(), run: "3".into(), attempt: None };
    let given = json!([{ "name": "VERSION", "value": "1" }, { "name": "DRY", "value": false },
                       { "name": "NOVACRON_CORRELATION", "value": "nc-7" }]);
    let wanted = again(&Settings::default(), &run, &build(given), "nc-9".into()).unwrap();
    assert_eq!((wanted.pipeline.as_str(), wanted.correlation.as_str()), ("app", "nc-9"));
    assert_eq!(wanted.parameters, [text("VERSION", "1"), text("DRY", "false")]);
    let form = declared().fill(&Settings::default(), &wanted, || None).unwrap();
    assert_eq!(form.fields.last(), Some(&("NOVACRON_CORRELATION".into(), Value::Text("nc-9".into()))));

    let error = again(&Settings::default(), &run, &build(json!([{ "name": "KEY" }])), "nc-9".into()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported("run-retry.secret-parameters".into()));
}
