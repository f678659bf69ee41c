#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_sdk::http::Request;
use serde_json::{Value, json};

use super::*;

fn read(source: Source, body: &Value) -> Vec<Job> {
    let whole = Status::of(State::Running, "building");
    source.read(body.to_string().as_bytes(), Unstable::Succeeded, &whole).unwrap().jobs
}

fn shown(jobs: &[Job]) -> Vec<String> {
    let line =
        |job: &Job| format!("{} in {} after [{}]", job.name, job.parent.as_deref().unwrap(), job.needs.join(" "));
    jobs.iter().map(line).collect()
}

#[test]
fn graph_view_keeps_what_is_parallel() {
    let node = |id: u64, name: &str, kind: &str, children: Value| {
        json!({ "id": id, "name": name, "type": kind, "state": "success", "children": children,
                "startTimeMillis": 1000 * id, "totalDurationMillis": 500, "agent": "agent-1", "odd": {} })
    };
    let mut branch = node(4, "linux", "PARALLEL", json!([]));
    branch["nextSibling"] = node(5, "package", "STAGE", json!([]));
    let tests = node(3, "tests", "STAGE", json!([branch, node(6, "mac", "PARALLEL", json!([]))]));
    let body = json!({ "status": "ok", "data": { "complete": false, "stages": [
        node(2, "build", "STAGE", json!([])), tests, node(7, "deploy", "STAGE", json!([node(8, "inner", "STAGE", json!([]))])),
    ] } });
    let jobs = read(Source::GraphView, &body);
    let expected = [
        "build in build after []",
        "tests in build after [2]",
        "linux in 3 after [2]",
        "package in 3 after [4]",
        "mac in 3 after [2]",
        "deploy in build after [3]",
        "inner in 7 after [3]",
    ];
    assert_eq!(shown(&jobs), expected);
    assert_eq!(
        (jobs[0].times.started, jobs[0].times.finished, jobs[0].runner.as_deref()),
        (Some(2000), Some(2500), Some("agent-1"))
    );
}

#[test]
fn wfapi_tells_a_row_and_the_times_tell_what_overlapped() {
    let stage = |id: &str, status: &str, start: i64, took: i64| {
        json!({ "_links": {}, "id": id, "name": id, "execNode": "", "status": status, "startTimeMillis": start,
                "durationMillis": took, "pauseDurationMillis": 0 })
    };
    let body = json!({ "status": "IN_PROGRESS", "stages": [
        stage("6", "SUCCESS", 1000, 500), stage("9", "SUCCESS", 1500, 800), stage("11", "FAILED", 1510, 90),
        stage("15", "PAUSED_PENDING_INPUT", 2300, 10), stage("20", "NOT_EXECUTED", 0, 0),
    ] });
    let jobs = read(Source::Wfapi, &body);
    let needs: Vec<_> = jobs.iter().map(|job| job.needs.join(" ")).collect();
    assert_eq!(needs, ["", "6", "6", "11", "15"].map(str::to_owned));
    let states: Vec<_> = jobs.iter().map(|job| job.status.state).collect();
    assert_eq!(states, [State::Succeeded, State::Succeeded, State::Failed, State::Waiting, State::Skipped]);
    assert!(Stages { jobs, exact: false }.wait());
}

#[test]
fn blue_ocean_has_the_true_edges() {
    let node = |id: &str, state: Value, result: Value, to: &[&str]| {
        let edges: Vec<_> = to.iter().map(|id| json!({ "id": id, "type": "STAGE" })).collect();
        json!({ "id": id, "displayName": id, "state": state, "result": result, "edges": edges })
    };
    let body = json!([
        node("a", json!("FINISHED"), json!("SUCCESS"), &["b", "c"]),
        node("b", json!("FINISHED"), json!("FAILURE"), &["d"]),
        node("c", json!("RUNNING"), json!("UNKNOWN"), &["d"]),
        node("d", Value::Null, Value::Null, &[]),
    ]);
    let jobs = read(Source::BlueOcean, &body);
    assert_eq!(
        shown(&jobs),
        ["a in build after []", "b in build after [a]", "c in build after [a]", "d in build after [b c]"]
    );
    let states: Vec<_> = jobs.iter().map(|job| job.status.state).collect();
    assert_eq!(states, [State::Succeeded, State::Failed, State::Running, State::Skipped]);
}

#[test]
fn every_word_has_its_state_and_an_unknown_one_is_shown() {
    let rows = [
        ("SUCCESS", State::Succeeded, None),
        ("unstable", State::Succeeded, Some("unstable")),
        ("FAILED", State::Failed, None),
        ("failure", State::Failed, None),
        ("ABORTED", State::Canceled, None),
        ("NOT_EXECUTED", State::Skipped, None),
        ("not_built", State::Skipped, None),
        ("skipped", State::Skipped, None),
        ("queued", State::Pending, Some("queued")),
        ("IN_PROGRESS", State::Running, None),
        ("paused", State::Waiting, Some("gate")),
        ("melting", State::Running, Some("unknown")),
    ];
    for (word, state, reason) in rows {
        let found = status(word, Unstable::Succeeded, &Status::of(State::Running, "building"));
        assert_eq!((found.state, found.reason.as_deref(), found.platform.as_str()), (state, reason, word));
    }
    for word in ["queued", "IN_PROGRESS", "paused"] {
        let found = status(word, Unstable::Succeeded, &Status::of(State::Canceled, "ABORTED"));
        assert_eq!((found.state, found.reason.as_deref()), (State::Canceled, Some("stale")), "{word} after the end");
    }
    assert_eq!(status("UNSTABLE", Unstable::Failed, &Status::of(State::Running, "")).state, State::Failed);
}

#[test]
fn each_source_is_asked_at_its_own_place() {
    let path = |source: Source| Request::get(source.target("repo/dev%2Fmain", 17)).build().unwrap().url;
    assert_eq!(path(Source::GraphView), "/job/repo/job/dev%252Fmain/17/stages/tree");
    assert_eq!(path(Source::Wfapi), "/job/repo/job/dev%252Fmain/17/wfapi/describe");
    let blue = "/blue/rest/organizations/jenkins/pipelines/repo/pipelines/dev%252Fmain/runs/17/nodes";
    assert_eq!(path(Source::BlueOcean), blue);
}

#[test]
fn an_answer_of_another_shape_is_no_graph() {
    let whole = Status::of(State::Running, "building");
    for source in Source::ALL {
        assert!(source.read(b"<html>", Unstable::Succeeded, &whole).is_err());
        assert!(source.read(br#"{"stages":7}"#, Unstable::Succeeded, &whole).is_err());
    }
}
