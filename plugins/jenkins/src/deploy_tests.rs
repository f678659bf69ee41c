#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_sdk::{
    deployments::{Artifact, Target},
    types::ErrorKind,
};
use serde_json::json;

use super::*;

const TOKEN: &str = "NOVACRON_CORRELATION";

fn declared(names: &[&str]) -> Parameters {
    let definition = |name: &&str| json!({ "name": name, "type": "StringParameterDefinition" });
    let properties = json!([{ "parameterDefinitions": names.iter().map(definition).collect::<Vec<_>>() }]);
    Parameters::of(serde_json::from_value(properties).unwrap())
}

fn request(credentials: Vec<ParameterValue>) -> DeployRequest {
    DeployRequest {
        environment: "prod".into(),
        target: Target {
            name: "web".into(),
            hosts: vec!["a".into(), "b".into()],
            configuration: "{}".into(),
            credentials,
            more: vec![],
        },
        artifact: Artifact {
            name: "app".into(),
            version: "1.2".into(),
            sha256: Some("ab".into()),
            size: None,
            media_type: None,
            url: Some("https://nova.example/a".into()),
            more: vec![],
        },
        reference: None,
        parameters: vec![text("DRY", "true")],
        correlation: "nc-7".into(),
        rollback_of: None,
        callback: None,
        more: vec![],
    }
}

#[test]
fn a_job_is_named_by_the_target_or_by_the_settings() {
    let settings = Settings { deploy_job: Some("ops/deploy".into()), ..Settings::default() };
    let rows = [
        (&settings, "{}", Some("ops/deploy")),
        (&settings, "", Some("ops/deploy")),
        (&settings, r#"{"job":"team/ship"}"#, Some("team/ship")),
        (&Settings::default(), "{}", None),
        (&settings, "no json", None),
    ];
    for (settings, configuration, expected) in rows {
        assert_eq!(job(settings, configuration).ok().as_deref(), expected, "{configuration}");
    }
}

#[test]
fn a_job_that_can_not_be_told_or_found_again_is_no_deploy_job() {
    let settings = Settings::default();
    assert_eq!(check(&settings, "d", &declared(&[ENVIRONMENT, TARGET, VERSION, TOKEN])), Ok(()));
    for missing in [ENVIRONMENT, TARGET, VERSION, TOKEN] {
        let names: Vec<&str> =
            [ENVIRONMENT, TARGET, VERSION, TOKEN].into_iter().filter(|name| *name != missing).collect();
        let error = check(&settings, "d", &declared(&names)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported("deployments.start".into()));
        assert!(error.message.ends_with(missing), "{}", error.message);
    }
}

#[test]
fn a_build_is_given_what_it_declares_and_no_credential_is_dropped() {
    let names = |given: Vec<ParameterValue>| given.into_iter().map(|given| given.name).collect::<Vec<_>>();
    let key = || vec![text("deploy-key", "id-of-it")];
    let job = declared(&[ENVIRONMENT, TARGET, VERSION, SHA256, "NOVACRON_CREDENTIAL_DEPLOY_KEY"]);
    let given = parameters(&request(key()), &job).unwrap();
    assert_eq!(names(given), [ENVIRONMENT, TARGET, VERSION, SHA256, "NOVACRON_CREDENTIAL_DEPLOY_KEY", "DRY"]);
    let refused = parameters(&request(key()), &declared(&[ENVIRONMENT, TARGET, VERSION])).unwrap_err();
    assert!(matches!(refused.kind, ErrorKind::InvalidInput(input) if input.field == "target.credentials.deploy-key"));
    let mut older = vec![text(VERSION, "1.0"), text(ROLLBACK_OF, "x")];
    again(&mut older, &declared(&[ROLLBACK_OF]), "d#3");
    assert_eq!(older, [text(VERSION, "1.0"), text(ROLLBACK_OF, "d#3")]);
    again(&mut older, &declared(&[]), "d#3");
    assert_eq!(older, [text(VERSION, "1.0")]);
}

#[test]
fn an_id_names_a_build_or_its_place_in_the_queue() {
    for id in ["team/deploy#17", "a#b#17", "team/deploy#queue-143"] {
        assert_eq!(Id::read("deployment", id).unwrap().to_string(), id);
    }
    assert_eq!(Id::read("ticket", "a#queue-3").unwrap(), Id::Queued("a".into(), "3".into()));
    assert!(Id::read("deployment", "17").is_err());
}
