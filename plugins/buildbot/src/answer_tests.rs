#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_sdk::types::{ErrorKind, InvalidInput};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::*;

const BASE: &str = "http://ci.example/";

fn row<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// As Buildbot 4.3.0 answered, but for what a test is about.
fn request(complete: bool, results: i64, properties: Value) -> BuildRequest {
    row(json!({
        "builderid": 6, "buildrequestid": 20, "buildsetid": 21, "claimed": true, "claimed_at": 1795442141,
        "claimed_by_masterid": 1, "complete": complete, "complete_at": complete.then_some(1795442152), "priority": 0,
        "properties": properties, "results": results, "submitted_at": 1795442133, "waited_for": false,
    }))
}

fn build(id: u64, results: Option<i64>, said: &str) -> Build {
    row(json!({
        "builderid": 6, "buildid": id, "buildrequestid": 20, "complete": results.is_some(), "complete_at": results.map(|_| 1795442139),
        "locks_duration_s": 0, "masterid": 1, "number": id - 10, "results": results, "started_at": 1795442134,
        "state_string": said, "workerid": 2, "properties": {
            "workername": ["w1", "Worker"], "buildername": ["grp/sløw é", "Builder"], "owners": [["ann@x"], "Build"],
        },
    }))
}

fn set(reason: &str, more: &[(&str, u64)]) -> Buildset {
    let mut set = json!({ "bsid": 21, "reason": reason, "parent_buildid": null, "rebuilt_buildid": null, "sourcestamps": [
        { "branch": "main", "codebase": "", "patch": null, "project": "", "repository": "https://git/x", "revision": "abcdef" },
    ]});
    for (name, id) in more {
        set[*name] = json!(id);
    }
    row(set)
}

fn step(number: u32, complete: bool, results: Option<i64>, said: &str, urls: Value) -> Step {
    row(json!({
        "buildid": 4, "complete": complete, "complete_at": complete.then_some(1795440832), "hidden": false, "name": "long ünï/x",
        "number": number, "results": results, "started_at": 1795440831, "state_string": said, "stepid": 9, "urls": urls,
    }))
}

#[test]
fn only_the_request_says_that_a_run_has_ended() {
    let lost = || build(15, Some(5), "retry lost connection 'sh -c ...' (retry)");
    let rows = [
        (false, -1, vec![], State::Pending, Some("queued"), "queued"),
        (false, -1, vec![build(15, None, "building")], State::Running, None, "building"),
        (false, -1, vec![lost()], State::Pending, Some("retry"), "retry lost connection 'sh -c ...' (retry)"),
        (false, -1, vec![lost(), build(16, None, "building")], State::Running, None, "building"),
        (false, -1, vec![build(15, Some(0), "build successful")], State::Running, None, "build successful"),
        (true, 0, vec![build(15, Some(0), "build successful")], State::Succeeded, None, "success: build successful"),
        (true, 1, vec![build(15, Some(1), "warnings w")], State::Succeeded, Some("warnings"), "warnings: warnings w"),
        (
            true,
            2,
            vec![build(15, Some(2), "failed test (failure)")],
            State::Failed,
            None,
            "failure: failed test (failure)",
        ),
        (true, 3, vec![], State::Canceled, Some("collapsed"), "skipped"),
        (true, 3, vec![build(15, Some(3), "")], State::Skipped, None, "skipped"),
        (
            true,
            4,
            vec![build(15, Some(4), "exception finished (exception)")],
            State::Failed,
            Some("exception"),
            "exception: exception finished (exception)",
        ),
        (true, 6, vec![build(15, Some(6), "cancelled (bye)")], State::Canceled, None, "cancelled: cancelled (bye)"),
        (true, 6, vec![], State::Canceled, None, "cancelled"),
        (true, 9, vec![build(15, Some(9), "gone fishing")], State::Failed, Some("unknown"), "results 9: gone fishing"),
    ];
    for (complete, results, builds, state, reason, platform) in rows {
        let status = status(&request(complete, results, json!(null)), &builds);
        assert_eq!((status.state, status.reason.as_deref(), status.platform.as_str()), (state, reason, platform));
        assert_eq!(status.conditions, if results == 1 { vec!["warnings"] } else { vec![] }, "{platform}");
    }
}

#[test]
fn what_started_a_run_is_told_by_whoever_said_it() {
    let forced = |reason: &str| json!({ "owner": ["op", "Force Build Form"], "reason": [reason, "Force Build Form"] });
    let pushed = json!({ "scheduler": ["sbs", "Scheduler"], "who": ["push", "Scheduler"] });
    let said = |class: &str| format!("The {class} scheduler named 'x' triggered this build");
    let rows = [
        (
            forced("novacron nc-7"),
            "A build was forced by 'op': novacron nc-7".into(),
            vec![],
            "api",
            Some("nc-7"),
            "op",
        ),
        // The operator words the sentence; the property stays.
        (forced("novacron nc-7"), "forced".into(), vec![], "api", Some("nc-7"), "op"),
        (forced("release"), "A build was forced by 'op': release".into(), vec![], "manual", None, "op"),
        (forced("novacron nc-7"), "rebuild".into(), vec![("rebuilt_buildid", 7)], "retry", None, "op"),
        (pushed.clone(), said("SingleBranchScheduler"), vec![], "push", None, "ann@x"),
        (pushed.clone(), said("Periodic"), vec![], "schedule", None, "ann@x"),
        (pushed.clone(), said("Nightly"), vec![], "schedule", None, "ann@x"),
        (pushed.clone(), said("Triggerable"), vec![("parent_buildid", 3)], "upstream", None, "ann@x"),
        (pushed.clone(), said("Lunar"), vec![], "unknown", None, "ann@x"),
        (pushed, "because".into(), vec![], "unknown", None, "ann@x"),
    ];
    for (properties, reason, more, origin, token, actor) in rows {
        let run =
            run("grp/sløw é", &request(true, 0, properties), &set(&reason, &more), &[build(15, Some(0), "")], BASE);
        assert_eq!(
            (run.origin.as_str(), run.correlation.as_deref(), run.actor.as_deref()),
            (origin, token, Some(actor))
        );
    }
}

#[test]
fn a_run_shows_what_its_last_build_was() {
    let properties = json!({
        "secs": [8, "Force Build Form"], "owner": ["op", "Force Build Form"], "reason": ["novacron nc-7", "Force Build Form"],
        "scheduler": ["slow", "Scheduler"], "n": [{ "in": "x" }, "Force Build Form"],
    });
    let builds = [build(15, Some(5), "retry"), build(16, Some(0), "build successful")];
    let seen = run("grp/sløw é", &request(true, 0, properties), &set("", &[]), &builds, BASE);
    assert_eq!((seen.identity.run.as_str(), seen.number.as_deref()), ("20", Some("6")));
    assert_eq!(seen.url.as_deref(), Some("http://ci.example/#/builders/6/builds/6"));
    assert_eq!((seen.reference.as_deref(), seen.commit.as_deref()), (Some("main"), Some("abcdef")));
    assert_eq!(seen.parameters, [attribute("n", r#"{"in":"x"}"#), attribute("secs", "8")]);
    assert_eq!(seen.times, times(Some(1795442133), Some(1795442134), Some(1795442152)));
    assert_eq!(seen.times.created, Some(1_795_442_133_000));
    let queued = run("b", &request(false, -1, json!(null)), &Buildset::default(), &[], BASE);
    assert_eq!(queued.url.as_deref(), Some("http://ci.example/#/buildrequests/20"));
    assert_eq!((queued.number, queued.commit, queued.graph), (None, None, None));
}

#[test]
fn each_build_is_a_job_with_its_steps() {
    let steps = vec![
        step(0, true, Some(0), "worker w1 ready", json!([])),
        step(
            1,
            true,
            Some(3),
            "'sh -c ...' (skipped)",
            json!([{ "name": "a.bin", "url": "http://f.example/1/a.bin" }]),
        ),
        step(2, false, None, "running", json!([])),
    ];
    let builds = [build(15, Some(5), "retry"), build(16, None, "building")];
    let graph = graph(&builds, &[vec![], steps], "grp/sløw é", BASE);
    assert_eq!((graph.jobs.len(), graph.edges.as_str(), graph.complete), (2, "exact", true));
    let [lost, job] = &graph.jobs[..] else { unreachable!("two jobs") };
    assert_eq!((lost.status.state, lost.status.reason.as_deref()), (State::Failed, Some("retry")));
    assert_eq!((job.id.as_str(), job.name.as_str(), job.runner.as_deref()), ("16", "grp/sløw é", Some("w1")));
    let states: Vec<_> = job.steps.iter().map(|step| step.status.state).collect();
    assert_eq!(states, [State::Succeeded, State::Skipped, State::Running]);
    assert_eq!((job.steps[2].name.as_str(), job.steps[2].status.platform.as_str()), ("long ünï/x", "running"));
    assert_eq!(job.steps[1].more, [attribute("novacron.url", "http://f.example/1/a.bin")]);
}

#[test]
fn a_builder_without_a_master_is_disabled() {
    for (masters, enabled) in [(json!([1]), true), (json!([]), false)] {
        let builder = row(json!({
            "builderid": 4, "description": "The main one", "description_format": null, "masterids": masters,
            "name": "pipeline", "projectid": null, "tags": ["main", "x"],
        }));
        let pipeline = pipeline(&builder, BASE);
        assert_eq!((pipeline.enabled, pipeline.url.as_deref()), (enabled, Some("http://ci.example/#/builders/4")));
        assert_eq!(pipeline.more, [attribute("x-description", "The main one")]);
    }
}

#[test]
fn a_worker_is_where_it_is_connected_and_drains_where_it_is_paused() {
    let info = || json!({ "version": "4.3.0", "admin": "x" });
    let rows = [
        (json!([{ "masterid": 1 }]), info(), false, false, "online", false),
        (json!([{ "masterid": 1 }]), info(), true, false, "online", true),
        (json!([]), info(), false, true, "offline", true),
        (json!([]), json!({}), false, false, "never-contacted", false),
    ];
    for (connected, info, paused, graceful, state, draining) in rows {
        let worker = row(json!({
            "workerid": 2, "name": "w1", "connected_to": connected, "configured_on": [], "workerinfo": info, "paused": paused,
            "graceful": graceful, "pause_reason": null,
        }));
        let runner = runner(&worker, &[build(15, None, "building")]);
        assert_eq!((runner.state.as_str(), runner.draining, runner.busy), (state, draining, Some(true)));
        assert_eq!((runner.current[0].pipeline.as_str(), runner.current[0].run.as_str()), ("grp/sløw é", "20"));
    }
}

#[test]
fn links_are_artifacts_where_the_operator_says_so() {
    let link = |name: &str, url: &str| json!({ "name": name, "url": url });
    let urls = json!([
        link("report", "http://ci.example/#/x"),
        link("a.tar.gz", "http://f.example/1/a.tar.gz"),
        link("b", "http://f.example/b")
    ]);
    let steps = [step(3, true, Some(0), "", urls)];
    let found = artifacts(4, &steps, &["http://f.example/".into()]);
    let shown: Vec<_> =
        found.iter().map(|(artifact, url)| (&*artifact.id, &*artifact.name, &*artifact.kind, &**url)).collect();
    let first = ("4.3.1", "a.tar.gz", "binary", "http://f.example/1/a.tar.gz");
    assert_eq!(shown, [first, ("4.3.2", "b", "binary", "http://f.example/b")]);
    assert!(artifacts(4, &steps, &[]).is_empty());
}

#[test]
fn a_refusal_says_what_json_rpc_says() {
    let invalid = ErrorKind::InvalidInput(InvalidInput { field: "lines".into(), reason: "invalid literal".into() });
    let rows = [
        (
            403,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"you need to have role 'admins'"}}"#,
            ErrorKind::Forbidden(Some("role admins".into())),
            "you need to have role 'admins'",
        ),
        (
            400,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":{"lines":"invalid literal","req":"needed: so"}}}"#,
            invalid,
            "lines: invalid literal; req: needed: so",
        ),
        (
            404,
            r#"{"error": "not found while getting from endpoint for /x with arguments ResultSpec(**{})"}"#,
            ErrorKind::NotFound,
            "POST / answered 404: not found",
        ),
        (
            501,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"action: x is not supported"}}"#,
            ErrorKind::Unsupported("POST /".into()),
            "POST / answered 501: action: x is not supported",
        ),
        (503, "<html><title>down</title>", ErrorKind::Transient, "POST / answered 503: down"),
    ];
    for (status, body, kind, message) in rows {
        let error = refused(&Response::fake(status, &[], body.as_bytes(), false));
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
    }
}

#[test]
fn a_list_that_is_not_there_is_not_an_empty_one() {
    let listed = |body: &str| crate::rows::list::<Value>(&Response::fake(200, &[], body.as_bytes(), true));
    assert_eq!(listed(r#"{"builds":[],"meta":{}}"#), Ok(vec![]));
    for body in [r#"{"meta":{}}"#, r#"{"builds":null}"#, "[]", "<html>"] {
        assert!(matches!(listed(body).unwrap_err().kind, ErrorKind::Upstream(_)), "{body}");
    }
}
