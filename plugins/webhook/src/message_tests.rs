#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use novacron_cicd_sdk::{
    attribute,
    run_cancel::Queued,
    types::{self, BodyPart, Callback, ErrorKind, Header, Redirects, RunRef, Signature, SignedPart},
};

use super::*;

fn hook() -> Hook {
    Hook {
        url: "https://ci.example:8443/hooks/novacron?site=a".into(),
        seconds: 1_767_225_600,
        token: false,
        settings: Settings::default(),
    }
}

fn operation() -> Operation {
    let more = vec![attribute("novacron.correlation", "nc-7")];
    Operation { id: "op-1".into(), attempt: 2, first_sent: None, more }
}

fn text(name: &str, value: &str) -> ParameterValue {
    ParameterValue { name: name.into(), kind: "string".into(), value: Value::Text(value.into()) }
}

fn secret(name: &str, reference: &str) -> ParameterValue {
    ParameterValue { name: name.into(), kind: "secret".into(), value: Value::Secret(reference.into()) }
}

fn wanted() -> TriggerRequest {
    TriggerRequest {
        pipeline: "app".into(),
        reference: Some("main".into()),
        parameters: vec![text("VERSION", "1.2 \"rc\""), secret("KEY", "ref-key")],
        environment: vec![text("GREETING", "hello")],
        correlation: "nc-7".into(),
        callback: Some(Callback { url: "https://nova.example/v1/callbacks/runs/7".into(), token: "ref-token".into() }),
        more: vec![
            attribute("novacron.pipeline-name", "app-build"),
            attribute("novacron.repository", "https://git.example/app"),
        ],
    }
}

/// The body with `<reference escape>` where the host puts a secret.
fn shown(request: &types::Request) -> String {
    let part = |part: &BodyPart| match part {
        BodyPart::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        BodyPart::Secret(part) => format!("<{} {}>", part.secret, part.escape),
    };
    request.body.iter().map(part).collect()
}

#[test]
fn a_trigger_says_all_that_the_protocol_has() {
    let request = hook().trigger(&operation(), &wanted()).unwrap().build().unwrap();
    assert_eq!(
        shown(&request),
        concat!(
            r#"{"type":"run.trigger","operation":{"id":"op-1","attempt":2},"run":{"correlation":"nc-7"},"#,
            r#""pipeline":{"id":"app","name":"app-build"},"reference":"main","repository":"https://git.example/app","#,
            r#""parameters":{"VERSION":"1.2 \"rc\"","KEY":"<ref-key json>"},"environment":{"GREETING":"hello"},"#,
            r#""callback":{"url":"https://nova.example/v1/callbacks/runs/7","token":"<ref-token json>"}}"#,
        )
    );
}

#[test]
fn what_is_not_known_is_not_said() {
    let bare = TriggerRequest { reference: None, parameters: vec![], environment: vec![], more: vec![], ..wanted() };
    let request = hook().trigger(&operation(), &bare).unwrap().build().unwrap();
    let body = shown(&request);
    assert!(body.contains(r#""pipeline":{"id":"app"},"parameters":{},"environment":{},"callback""#), "{body}");
}

#[test]
fn every_message_is_posted_to_the_exact_url_and_signed_over_what_is_sent() {
    let target = CancelTarget::Run(RunRef { pipeline: "app".into(), run: "17".into(), attempt: None });
    let rows = [
        ("op-1", hook().trigger(&operation(), &wanted()).unwrap()),
        ("op-1", hook().cancel(&operation(), &target).unwrap()),
        ("ping-1", hook().ping("ping-1")),
    ];
    for (id, request) in rows {
        let request = request.build().unwrap();
        assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", hook().url.as_str()));
        let header = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
        let headers = [
            header("content-type", "application/json"),
            header("webhook-id", id),
            header("webhook-timestamp", "1767225600"),
        ];
        assert_eq!(request.headers, headers);
        let signature = Signature {
            header: "webhook-signature".into(),
            prefix: "v1,".into(),
            key: SIGNING.into(),
            algorithm: "hmac-sha256".into(),
            encoding: "base64".into(),
            message: vec![SignedPart::Text(format!("{id}.1767225600.")), SignedPart::Body],
        };
        assert_eq!(request.signatures, [signature]);
        assert_eq!((request.credential, request.redirects), (None, Redirects::None));
    }
}

#[test]
fn the_operators_headers_and_token_go_along() {
    let settings = Settings { cancel: true, headers: BTreeMap::from([("x-route".into(), "ci".into())]) };
    let request = Hook { token: true, settings, ..hook() }.ping("p").build().unwrap();
    assert_eq!(request.credential.as_deref(), Some(TOKEN));
    assert!(request.headers.iter().any(|header| header.name == "x-route" && header.value == "ci"));
}

#[test]
fn a_cancel_names_the_run_both_ways() {
    let target = CancelTarget::Run(RunRef { pipeline: "app".into(), run: "17".into(), attempt: None });
    let request = hook().cancel(&operation(), &target).unwrap().build().unwrap();
    assert_eq!(
        shown(&request),
        r#"{"type":"run.cancel","operation":{"id":"op-1","attempt":2},"run":{"correlation":"nc-7","id":"17"}}"#
    );
}

#[test]
fn nothing_is_sent_where_the_other_side_could_not_do_it() {
    let run = CancelTarget::Run(RunRef { pipeline: "app".into(), run: "17".into(), attempt: None });
    let queued = CancelTarget::Queued(Queued { pipeline: "app".into(), ticket: "t".into() });
    let deaf = Hook { settings: Settings { cancel: false, ..Settings::default() }, ..hook() };
    let rows = [
        ("callbacks", hook().trigger(&operation(), &TriggerRequest { callback: None, ..wanted() })),
        ("run-cancel", deaf.cancel(&operation(), &run)),
        ("tickets", hook().cancel(&operation(), &queued)),
    ];
    for (feature, refused) in rows {
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Unsupported(feature.into()));
    }
}
