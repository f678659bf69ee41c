//! Calls of more than one request, against what a Buildbot 4.3.0 answered to exactly these.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use novacron_cicd_plugin_buildbot::Buildbot;
use novacron_cicd_sdk::{
    Artifacts, Logs, Pipelines, Plugin, RunCancel, RunChanges, RunListing, RunRetry, RunSearch, RunnerDrain, Runners,
    Runs,
    http::Response,
    logs::{Availability, LogAnswer, LogChunk, LogRequest},
    run_cancel::CancelTarget,
    run_listing::RunFilter,
    run_retry::RetryScope,
    runs::TriggerRequest,
    testing::Host,
    types::{
        BodyPart, ErrorKind, Operation, PageRequest, ParameterValue, Request, RunMatch, RunRef, State, Ticket, Value,
    },
};

const SLOW: &str = "grp/sløw é";
/// Of [`SLOW`], while it ran.
const RUNNING: &str = "22";
/// Of `pipeline`, when it had ended and been built again.
const ENDED: &str = "23";

/// What was said to what; of what changes something, whatever its body.
fn recorded() -> BTreeMap<String, (u16, serde_json::Value)> {
    serde_json::from_str(include_str!("recorded.json")).unwrap()
}

fn answered(request: &Request) -> Response {
    let recorded = recorded();
    let key = format!("{} {}", request.method, request.url);
    let (status, body) = recorded.get(&key).unwrap_or_else(|| unreachable!("nothing was recorded for {key}"));
    Response::fake(*status, &[], &serde_json::to_vec(body).unwrap(), request.method == "GET")
}

/// What a call answers, and the bodies of what it sent that changes something.
fn call<T>(call: impl FnOnce() -> T) -> (T, Vec<String>) {
    let host = Host::new("http://ci.example", |request| Ok(answered(request)));
    let host = host.credential("session", "session").settings(r#"{"artifact-urls":["http://files.example/"]}"#);
    let (answer, sent) = host.run(call);
    assert!(sent.iter().all(|request| request.credential.as_deref() == Some("session")));
    let body = |request: &Request| match &request.body[..] {
        [BodyPart::Bytes(bytes)] => String::from_utf8(bytes.clone()).unwrap(),
        other => unreachable!("{other:?}"),
    };
    (answer, sent.iter().filter(|request| request.method == "POST").map(body).collect())
}

fn run(pipeline: &str, run: &str) -> RunRef {
    RunRef { pipeline: pipeline.into(), run: run.into(), attempt: None }
}

fn operation() -> Operation {
    Operation { id: "op-1".into(), attempt: 1, first_sent: None, more: vec![] }
}

fn page(cursor: Option<String>, limit: u32) -> PageRequest {
    PageRequest { cursor, limit }
}

fn wanted(pipeline: &str, name: &str, value: &str) -> TriggerRequest {
    let value = ParameterValue { name: name.into(), kind: "number".into(), value: Value::Text(value.into()) };
    TriggerRequest {
        pipeline: pipeline.into(),
        reference: None,
        parameters: vec![value],
        environment: vec![],
        correlation: "nc-flow-1".into(),
        callback: None,
        more: vec![],
    }
}

#[test]
fn a_trigger_is_a_run_at_once_and_carries_its_token() {
    let (ticket, sent) = call(|| Buildbot::trigger(operation(), wanted(SLOW, "secs", "30")));
    let Ticket::Run(started) = ticket.unwrap() else { unreachable!("a run") };
    assert_eq!((started.identity, started.status.state), (run(SLOW, RUNNING), State::Pending));
    assert_eq!(started.correlation.as_deref(), Some("nc-flow-1"));
    let params = r#"{"builderNames":["grp/sløw é"],"reason":"novacron nc-flow-1","secs":"30"}"#;
    assert_eq!(sent, [format!(r#"{{"id":1,"jsonrpc":"2.0","method":"force","params":{params}}}"#)]);
}

#[test]
fn a_form_that_buildbot_refuses_names_the_field() {
    let (refused, _) = call(|| Buildbot::trigger(operation(), wanted("big", "lines", "many")));
    let ErrorKind::InvalidInput(input) = refused.unwrap_err().kind else { unreachable!("invalid input") };
    assert_eq!(input.field, "lines");
}

fn read(of: RunRef, job: Option<&str>, cursor: Option<String>, limit: u32) -> LogChunk {
    let asked = LogRequest { run: of, job: job.map(str::to_owned), cursor, limit };
    let LogAnswer::Chunk(chunk) = call(|| Buildbot::read(asked)).0.unwrap() else { unreachable!("a chunk") };
    chunk
}

#[test]
fn a_run_that_goes_on_shows_where_it_is_and_its_log_can_be_gone_on_with() {
    let seen = call(|| <Buildbot as Runs>::get(run(SLOW, RUNNING))).0.unwrap();
    assert_eq!((seen.status.state, seen.origin.as_str(), seen.actor.as_deref()), (State::Running, "api", Some("op")));
    let [job] = &seen.graph.unwrap().jobs[..] else { unreachable!("one job") };
    assert_eq!(job.steps[1].status.state, State::Running);
    let first = read(run(SLOW, RUNNING), None, None, 1000);
    let text = String::from_utf8(first.bytes).unwrap();
    assert!(text.starts_with("sh -c") && text.contains("\ntick 2 é\n"), "{text}");
    assert_eq!((first.availability, first.more_now), (Availability::Growing, false));
    let again = read(run(SLOW, RUNNING), None, Some(first.next.clone()), 1000);
    assert_eq!((again.bytes.len(), again.next, again.availability), (0, first.next, Availability::Growing));
}

#[test]
fn the_logs_of_all_steps_are_one_whatever_the_pieces() {
    let whole = read(run("pipeline", ENDED), None, None, 1 << 20);
    assert_eq!((whole.availability, whole.more_now), (Availability::Complete, false));
    let text = String::from_utf8(whole.bytes.clone()).unwrap();
    assert!(text.contains("\nbuilding nova\noops\nprogram finished with exit code 0\n"), "{text}");
    assert_eq!(text.matches("program finished").count(), 3);
    let mut pieces: Vec<u8> = Vec::new();
    let mut at = None;
    for round in 0.. {
        assert!(round < 100, "it stands still at {at:?}");
        let piece = read(run("pipeline", ENDED), None, at, 60);
        pieces.extend(&piece.bytes);
        at = Some(piece.next);
        if !piece.more_now {
            assert_eq!(piece.availability, Availability::Complete);
            break;
        }
    }
    assert_eq!(pieces, whole.bytes);
    let job = call(|| <Buildbot as Runs>::get(run("pipeline", ENDED))).0.unwrap().graph.unwrap().jobs.remove(0).id;
    assert_eq!(read(run("pipeline", ENDED), Some(&job), None, 1 << 20).bytes, whole.bytes);
}

#[test]
fn a_cancel_is_one_request_and_none_for_what_has_ended() {
    for (pipeline, id, requests) in [(SLOW, RUNNING, 1), ("pipeline", ENDED, 0)] {
        let (canceled, sent) = call(|| Buildbot::cancel(operation(), CancelTarget::Run(run(pipeline, id))));
        assert_eq!((canceled, sent.len()), (Ok(()), requests));
    }
    let nobody = call(|| Buildbot::cancel(operation(), CancelTarget::Run(run("pipeline", "999")))).0;
    assert_eq!(nobody.unwrap_err().kind, ErrorKind::NotFound);
}

#[test]
fn a_retry_builds_all_again_as_another_run() {
    let retry = |scope| call(|| Buildbot::retry(operation(), run("pipeline", ENDED), scope, "nc-8".into()));
    let (ticket, sent) = retry(RetryScope::All);
    let Ticket::Run(again) = ticket.unwrap() else { unreachable!("a run") };
    assert_eq!((again.identity, again.correlation, again.origin.as_str()), (run("pipeline", "24"), None, "retry"));
    assert_eq!(sent, [r#"{"id":1,"jsonrpc":"2.0","method":"rebuild","params":{}}"#]);
    for scope in [RetryScope::Failed, RetryScope::Job("13".into())] {
        let (refused, sent) = retry(scope);
        assert!(matches!(refused.unwrap_err().kind, ErrorKind::Unsupported(_)) && sent.is_empty());
    }
}

#[test]
fn a_token_finds_its_run_and_not_what_was_built_again_of_it() {
    let find =
        |token: &str| call(|| Buildbot::find_by_correlation("pipeline".into(), token.into(), 1_795_440_000_000)).0;
    assert!(matches!(find("nc-flow-2").unwrap(), RunMatch::One(found) if found.identity.run == ENDED));
    assert_eq!(find("nc-flow").unwrap(), RunMatch::None);
}

#[test]
fn a_listing_misses_nothing_and_says_nothing_twice() {
    let (mut seen, mut cursor) = (Vec::new(), None);
    for round in 0.. {
        assert!(round < 9, "it stands still at {cursor:?}");
        let filter = RunFilter { pipeline: Some("pipeline".into()), reference: None, more: vec![] };
        let part = call(|| Buildbot::list_runs(filter, page(cursor, 3))).0.unwrap();
        assert!(part.items.len() <= 3);
        seen.extend(part.items.into_iter().map(|run| (run.identity.run, run.origin)));
        cursor = part.next;
        if cursor.is_none() {
            break;
        }
    }
    let seen: Vec<_> = seen.iter().map(|(run, origin)| (run.as_str(), origin.as_str())).collect();
    let older = [("21", "retry"), ("18", "push"), ("12", "api"), ("11", "retry"), ("9", "manual"), ("2", "manual")];
    assert_eq!(seen[..2], [("24", "retry"), ("23", "api")]);
    assert_eq!(seen[2..], older);
}

#[test]
fn what_changed_is_what_is_open_and_what_has_ended_since() {
    let changed = |position: Option<&str>| {
        let pipelines = vec!["pipeline".into(), SLOW.into()];
        let changes = call(|| Buildbot::list_changed(pipelines, position.map(str::to_owned))).0.unwrap();
        let mut runs: Vec<_> = changes.runs.into_iter().map(|run| (run.identity.run, run.status.state)).collect();
        runs.sort_by(|one, other| one.0.cmp(&other.0));
        (runs, changes.position)
    };
    let (open, position) = changed(None);
    assert_eq!(open, []);
    assert_eq!(changed(Some(&position)), (vec![], position.clone()));
    let (since, next) = changed(Some("1795442152"));
    // What had ended before the first look is never seen, not even by looking back a little.
    assert_eq!((position.as_str(), next.as_str()), ("1795442635", "1795442629"));
    let ended = [
        ("20", State::Succeeded),
        ("21", State::Succeeded),
        (RUNNING, State::Canceled),
        (ENDED, State::Succeeded),
        ("24", State::Succeeded),
    ];
    assert_eq!(since, ended.map(|(run, state)| (run.to_owned(), state)));
}

#[test]
fn pages_of_workers_and_builders_go_on_behind_the_last() {
    let (mut names, mut cursor) = (Vec::new(), None);
    for round in 0.. {
        assert!(round < 9, "it stands still at {cursor:?}");
        let part = call(|| Buildbot::list_runners(page(cursor, 1))).0.unwrap();
        names.extend(part.items.into_iter().map(|runner| (runner.name, runner.state)));
        cursor = part.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, [("idle".into(), "never-contacted".into()), ("w1".into(), "online".to_owned())]);
    let builders = call(|| Buildbot::list_pipelines(page(Some("5".into()), 2))).0.unwrap();
    let ids: Vec<_> = builders.items.iter().map(|pipeline| pipeline.id.as_str()).collect();
    assert_eq!((ids, builders.next.as_deref()), (vec![SLOW, "big"], Some("7")));
    let parameters = call(|| Buildbot::parameters(SLOW.into(), None)).0.unwrap();
    assert_eq!(call(|| Buildbot::parameters("noforce".into(), None)).0, Ok(vec![]));
    assert!(parameters.iter().any(|each| each.name == "secs" && each.kind == "number" && each.required));
}

#[test]
fn a_worker_is_paused_once() {
    for (worker, draining, requests) in [("1", true, 1), ("1", false, 0)] {
        let (done, sent) = call(|| Buildbot::set_draining(operation(), worker.into(), draining, Some("disk".into())));
        assert_eq!((done, sent.len()), (Ok(()), requests));
    }
}

#[test]
fn an_artifact_is_what_a_step_links_to() {
    let ended = || Some(run("pipeline", ENDED));
    let found = call(|| Buildbot::list_artifacts(ended(), page(None, 10))).0.unwrap().items.remove(0);
    assert_eq!(found.name, "a.bin");
    let plan = call(|| Buildbot::plan_download(ended(), found.id, None)).0.unwrap();
    assert!(plan.request.url.starts_with("http://files.example/") && plan.request.url.ends_with("/a.bin"));
    assert_eq!(plan.request.credential, None);
    let gone = call(|| Buildbot::plan_download(ended(), "1.2.3".into(), None)).0.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound);
}

#[test]
fn a_check_says_who_we_are_and_what_we_may() {
    let report = call(Buildbot::check).0.unwrap();
    assert_eq!((report.account.as_deref(), report.platform_version.as_deref()), (Some("op"), Some("4.3.0")));
    assert!(report.missing_permissions.is_empty() && report.features.contains(&"artifacts".to_owned()));
}

#[test]
fn who_is_nobody_lost_the_session_and_who_is_somebody_lacks_a_role() {
    let refused = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"you need to have role 'admins'"}}"#;
    let forbidden = ErrorKind::Forbidden(Some("role admins".into()));
    let rows = [(NEW, true, ErrorKind::Unauthorized), (KEPT, true, forbidden.clone()), (NEW, false, forbidden)];
    for (headers, session, kind) in rows {
        let host = Host::new("http://ci.example", move |request| {
            let post = request.method == "POST";
            Ok(if post { Response::fake(403, headers, refused.as_bytes(), false) } else { answered(request) })
        });
        let host = if session { host.credential("session", "session") } else { host };
        let (started, _) = host.run(|| Buildbot::trigger(operation(), wanted(SLOW, "secs", "30")));
        assert_eq!(started.unwrap_err().kind, kind, "{headers:?}");
    }
}

/// Of an answer to whom Buildbot does not know: it begins a session, of which the host leaves the name.
const NEW: &[(&str, &str)] = &[("Set-Cookie", "TWISTED_SESSION=***")];
const KEPT: &[(&str, &str)] = &[("Set-Cookie", "proxy=***")];

#[test]
fn what_nobody_may_read_is_not_taken_for_what_we_may() {
    let ended = Err(ErrorKind::Unauthorized);
    for (headers, session, expected) in [(NEW, true, ended), (KEPT, true, Ok(())), (NEW, false, Ok(()))] {
        let config = br#"{"user":{"anonymous":true},"versions":[]}"#;
        let host = Host::new("http://ci.example", |request| {
            let post = request.method == "POST";
            Ok(if post { answered(request) } else { Response::fake(200, headers, config, true) })
        });
        let host = if session { host.credential("session", "session") } else { host };
        let (report, _) = host.run(Buildbot::check);
        assert_eq!(report.map(|_| ()).map_err(|error| error.kind), expected, "{headers:?}");
    }
}

#[test]
fn what_was_started_as_nobody_was_started() {
    let host = Host::new("http://ci.example", |request| {
        let body = br#"{"result":[22,{"6":22}]}"#;
        let post = request.method == "POST";
        Ok(if post { Response::fake(200, NEW, body, false) } else { answered(request) })
    });
    let started =
        host.credential("session", "session").run(|| Buildbot::trigger(operation(), wanted(SLOW, "secs", "30")));
    assert!(matches!(started.0, Ok(Ticket::Run(_))), "{:?}", started.0);
}

#[test]
fn what_was_taken_and_can_not_be_read_is_searched_for() {
    for body in ["", "{}", r#"{"result":[22,{"7":22}]}"#, r#"{"result":null}"#] {
        let host = Host::new("http://ci.example", move |request| {
            let post = request.method == "POST";
            Ok(if post { Response::fake(200, &[], body.as_bytes(), false) } else { answered(request) })
        });
        let (started, _) = host.run(|| Buildbot::trigger(operation(), wanted(SLOW, "secs", "30")));
        assert_eq!(started, Ok(Ticket::Unknown(None)), "{body}");
    }
}

#[test]
fn what_waits_has_no_log_yet_and_what_was_never_built_never_has() {
    for (complete, availability) in [(false, Availability::NotYet), (true, Availability::Never)] {
        let host = Host::new("http://ci.example", move |request| {
            let waits = format!(
                r#"{{"buildrequestid":7,"buildsetid":7,"builderid":1,"complete":{complete},"results":-1,"submitted_at":1795440830}}"#
            );
            let name = if request.url.contains("/builds") { "builds" } else { "buildrequests" };
            let rows = if name == "builds" { String::new() } else { waits };
            Ok(Response::fake(200, &[], format!(r#"{{"{name}":[{rows}],"meta":{{}}}}"#).as_bytes(), true))
        });
        let asked = LogRequest { run: run("stuck", "7"), job: None, cursor: None, limit: 100 };
        let LogAnswer::Chunk(chunk) = host.run(|| Buildbot::read(asked)).0.unwrap() else { unreachable!("a chunk") };
        assert_eq!((chunk.availability, chunk.bytes.len(), chunk.more_now), (availability, 0, false));
    }
}
