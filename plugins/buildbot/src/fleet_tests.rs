#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn decoded(body: &str) -> Result<Decoded> {
    Buildbot::decode(Delivery { headers: vec![], body: body.into() })
}

#[test]
fn a_pushed_build_is_a_reason_to_look_at_its_request() {
    let body = r#"{"buildid":3,"number":1,"builderid":6,"buildrequestid":20,"complete":true,"results":0,
        "buildrequest":{"buildrequestid":20,"complete":false,"results":-1},
        "builder":{"builderid":6,"name":"grp/sl\u00f8w \u00e9","masterids":[1]},"url":"http://ci.example/#/builders/6/builds/1"}"#;
    let run = RunRef { pipeline: "grp/sløw é".into(), run: "20".into(), attempt: None };
    assert_eq!(decoded(body).unwrap(), Decoded { observations: vec![Observation::Changed(run)], ignored: None });
}

#[test]
fn what_another_formatter_says_is_ignored_and_what_is_no_json_refused() {
    for body in [r#"{"text":"done"}"#, "[]", r#"{"buildrequestid":"x","builder":{"name":"b"}}"#] {
        assert!(decoded(body).unwrap().ignored.is_some(), "{body}");
    }
    assert!(decoded("build=1").is_err());
}
