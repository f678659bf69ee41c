//! Calls of the functions that the host does not make yet: what they send, in which order, and what they make of it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_plugin_jenkins::Jenkins;
use novacron_cicd_sdk::{
    PipelineCopies, PipelineLint, PipelineState, RunGates, RunnerDeletion, RunnerDrain, Runners, Secrets, attribute,
    http::Response,
    pipeline_lint::LintRequest,
    run_gates::Decision,
    secrets::SecretChange,
    testing::Host,
    types::{ErrorKind, Operation, PageRequest, RunRef},
};

/// What is answered to a request that begins so.
type Answers = &'static [(&'static str, u16, &'static str)];

/// Makes a call; answers what it answers, and the requests, a line each.
fn call<T>(answers: Answers, call: impl FnOnce() -> T) -> (T, Vec<String>) {
    let host = Host::new("https://ci.example", move |request| {
        let line = format!("{} {}", request.method, request.url);
        let found = answers.iter().find(|(begin, ..)| line.starts_with(begin));
        let &(_, status, body) = found.unwrap_or_else(|| unreachable!("{line} was not expected"));
        Ok(Response::fake(status, &[], body.as_bytes(), request.method == "GET"))
    });
    let (answer, sent) = host.credential("token", "basic").run(call);
    assert!(sent.iter().all(|request| request.credential.as_deref() == Some("token")));
    let line = |request: &novacron_cicd_sdk::types::Request| {
        format!("{} {}", request.method, request.url.split("?tree").next().unwrap())
    };
    (answer, sent.iter().map(line).collect())
}

fn operation() -> Operation {
    Operation { id: "op-1".into(), attempt: 1, first_sent: None, more: vec![] }
}

fn run() -> RunRef {
    RunRef { pipeline: "a".into(), run: "17".into(), attempt: None }
}

#[test]
fn gates_are_listed_and_one_that_was_settled_is_a_conflict() {
    let (gates, _) =
        call(&[("GET /job/a/17/wfapi", 200, r#"[{"id":"Go","message":"Deploy?"}]"#)], || Jenkins::list_gates(run()));
    assert_eq!(gates.unwrap()[0].id, "Go");
    let (gates, _) = call(&[("GET /job/a/17/wfapi", 404, ""), ("GET /job/a/17/api", 200, r#"{"number":17}"#)], || {
        Jenkins::list_gates(run())
    });
    assert_eq!(gates.unwrap(), [], "a freestyle build has none");
    let answers: Answers =
        &[("GET /job/a/17/wfapi", 404, ""), ("GET /job/a/17/api", 200, r#"{"_class":"x.WorkflowRun","number":17}"#)];
    let (gates, _) = call(answers, || Jenkins::list_gates(run()));
    assert_eq!(gates.unwrap_err().kind, ErrorKind::Unsupported("run-gates".into()));

    let decide = || {
        Jenkins::resolve_gate(
            operation(),
            run(),
            "Go".into(),
            Decision { approve: true, comment: None, inputs: vec![] },
        )
    };
    let (done, sent) = call(&[("POST", 200, "")], decide);
    assert_eq!((done, sent), (Ok(()), vec!["POST /job/a/17/input/Go/proceedEmpty".to_owned()]));
    let (done, _) = call(&[("POST", 404, "")], decide);
    assert_eq!(done.unwrap_err().kind, ErrorKind::Conflict);
}

#[test]
fn a_node_is_switched_only_where_it_stands_wrong() {
    let out: Answers = &[("GET", 200, r#"{"displayName":"n 1","temporarilyOffline":true}"#), ("POST", 302, "")];
    let drain = |draining| move || Jenkins::set_draining(operation(), "n 1".into(), draining, Some("disk".into()));
    let (done, sent) = call(out, drain(true));
    assert_eq!((done, sent.len()), (Ok(()), 1), "it is drained already");
    let (done, sent) = call(out, drain(false));
    assert_eq!((done, sent[1].as_str()), (Ok(()), "POST /computer/n%201/toggleOffline?offlineMessage=disk"));

    let (done, sent) = call(&[("POST", 302, "")], || Jenkins::delete_runner(operation(), "n 1".into()));
    assert_eq!((done, sent), (Ok(()), vec!["POST /computer/n%201/doDelete".to_owned()]));
    let (listed, _) = call(&[("GET", 200, r#"{"computer":[{"displayName":"n 1","idle":true}]}"#)], || {
        Jenkins::list_runners(PageRequest { cursor: None, limit: 10 })
    });
    assert_eq!(listed.unwrap().items[0].name, "n 1");
}

#[test]
fn a_credential_is_made_or_its_value_changed() {
    let change = || SecretChange {
        name: "key 1".into(),
        scope: Some("team".into()),
        kind: "text".into(),
        parts: vec![attribute("value", "ref-1")],
        options: vec![],
    };
    let put = || Jenkins::put_secret(operation(), change());
    let store = "/job/team/credentials/store/folder/domain/_";
    let (done, sent) = call(&[("POST", 200, "")], put);
    assert_eq!((done, sent), (Ok(()), vec![format!("POST {store}/createCredentials")]));
    let there: Answers =
        &[("POST /job/team/credentials/store/folder/domain/_/createCredentials", 409, ""), ("POST", 200, "")];
    let (done, sent) = call(there, put);
    assert_eq!((done, sent[1].clone()), (Ok(()), format!("POST {store}/credential/key%201/config.xml")));
    let (done, sent) = call(&[("DELETE", 204, "")], || Jenkins::delete_secret(operation(), "key 1".into(), None));
    assert_eq!(
        (done, sent),
        (Ok(()), vec!["DELETE /credentials/store/system/domain/_/credential/key%201/config.xml".to_owned()])
    );
    const LIST: &str =
        r#"{"credentials":[{"id":"k","typeName":"Secret text","description":"d"},{"id":"o","typeName":"Odd"}]}"#;
    let (page, _) =
        call(&[("GET", 200, LIST)], || Jenkins::list_secrets(None, PageRequest { cursor: None, limit: 10 }));
    let kinds: Vec<_> = page.unwrap().items.into_iter().map(|it| (it.name, it.kind)).collect();
    assert_eq!(kinds, [("k".to_owned(), "text".to_owned()), ("o".to_owned(), "Odd".to_owned())]);

    let (refused, sent) = Host::new("http://ci.example", |_| unreachable!("nothing is sent")).run(put);
    assert!(refused.is_err() && sent.is_empty(), "never in clear");
}

#[test]
fn a_job_is_copied_moved_renamed_and_switched() {
    let fine: Answers =
        &[("POST", 302, ""), ("GET /job/new/job/b/config.xml", 403, ""), ("GET", 200, r#"{"color":"blue"}"#)];
    let posts = |sent: Vec<String>| sent.into_iter().filter(|line| line.starts_with("POST")).collect::<Vec<_>>();
    let (made, sent) = call(fine, || Jenkins::copy(operation(), "a/x y".into(), "b".into(), Some("/new/".into())));
    assert_eq!(made.unwrap().id, "new/b");
    assert_eq!(posts(sent), ["POST /job/new/createItem?name=b&mode=copy&from=%2Fa%2Fx%20y"]);

    let relocate = |name: Option<&str>, location: Option<&str>| {
        let (name, location) = (name.map(str::to_owned), location.map(str::to_owned));
        let (made, sent) = call(fine, || Jenkins::relocate(operation(), "a/x".into(), name, location));
        (made.unwrap().id, posts(sent))
    };
    let (moved, renamed) = ("POST /job/a/job/x/move/move", "POST /job/new/job/x/confirmRename?newName=b");
    assert_eq!(relocate(Some("b"), Some("new")), ("new/b".into(), vec![moved.into(), renamed.into()]));
    assert_eq!(relocate(None, Some("a")), ("a/x".into(), vec![]), "it is there already");

    for (enabled, action) in [(true, "enable"), (false, "disable")] {
        let (_, sent) = call(fine, || Jenkins::set_enabled(operation(), "a".into(), enabled));
        assert_eq!(posts(sent), [format!("POST /job/a/{action}")]);
    }
}

#[test]
fn a_jenkinsfile_is_checked_where_the_plugin_for_it_is() {
    let lint = || {
        Jenkins::validate(LintRequest {
            repository: None,
            reference: None,
            source: b"pipeline {}".to_vec(),
            more: vec![],
        })
    };
    let answer = r#"{"status":"ok","data":{"result":"failure","errors":[{"error":"No stages @ line 1, column 1."}]}}"#;
    let host = Host::new("https://ci.example", move |request| {
        assert_eq!(request.url, "/pipeline-model-converter/validateJenkinsfile");
        Ok(Response::fake(200, &[], answer.as_bytes(), true))
    });
    assert_eq!(host.run(lint).0.unwrap()[0].line, Some(1));
    let (found, _) = Host::new("https://ci.example", |_| Ok(Response::fake(404, &[], b"", true))).run(lint);
    assert_eq!(found.unwrap_err().kind, ErrorKind::Unsupported("pipeline-lint".into()));
}
