//! What belongs to a run beside its state: stages, the runs that others started, artifacts.

use std::sync::{Arc, Mutex};

use axum::{Router, extract::Request};
use futures_util::StreamExt as _;
use novacron_cicd_domain::{
    platform::{FoundRun, PageRequest, RunFilter, RunRef},
    run::Edges,
    status::State,
};
use novacron_cicd_fakes::jenkins::Item;
use serde_json::{Value, json};

use super::{Setup, tracked};

fn run(number: u64) -> RunRef {
    RunRef { pipeline: "app".into(), run: number.to_string(), attempt: None }
}

/// The same two stages, as each plugin shows them.
fn stages() -> Vec<(String, Value)> {
    let stage = |id: &str, name: &str, status: &str| json!({ "id": id, "name": name, "status": status, "startTimeMillis": 5, "durationMillis": 0 });
    let node = |id: u64, name: &str, state: &str| json!({ "id": id, "name": name, "type": "STAGE", "state": state, "children": [] });
    let blue = |id: &str, state: &str, to: Value| json!({ "id": id, "displayName": id, "state": state, "result": "SUCCESS", "edges": to });
    vec![
        (
            "pipeline-graph-view".into(),
            json!({ "status": "ok", "data": { "stages": [node(5, "Build", "success"), node(9, "Gate", "paused")] } }),
        ),
        (
            "pipeline-rest-api".into(),
            json!({ "stages": [stage("5", "Build", "SUCCESS"), stage("9", "Gate", "PAUSED_PENDING_INPUT")] }),
        ),
        (
            "blueocean-rest".into(),
            json!([blue("5", "FINISHED", json!([{ "id": "9" }])), blue("9", "PAUSED", json!([]))]),
        ),
    ]
}

#[tokio::test]
async fn stages_come_from_whichever_plugin_is_there_and_it_is_remembered() {
    let rows: [(&[&str], &str, Edges, usize); 4] = [
        (&["pipeline-graph-view", "pipeline-rest-api"], "/stages/tree", Edges::Approximate, 1),
        (&["pipeline-rest-api", "blueocean-rest"], "/wfapi/describe", Edges::Approximate, 2),
        (&["blueocean-rest"], "/nodes", Edges::Exact, 3),
        (&[], "", Edges::Exact, 3),
    ];
    for (plugins, place, edges, asked) in rows {
        let setup = Setup::new(vec![tracked()]).await;
        setup.jenkins.world().plugins = plugins.iter().map(|name| (*name).to_owned()).collect();
        setup.jenkins.begin_by("app", &["hudson.model.Cause$UserIdCause"]);
        setup.jenkins.build("app", 1, |build| build.stages = stages());
        let found = setup.provider.get_run(&run(1)).await.unwrap();
        let graph = found.run.graph.unwrap();
        assert_eq!((graph.edges, graph.complete), (edges, true), "{plugins:?}");
        let status = found.run.status.unwrap();
        if plugins.is_empty() {
            assert_eq!((graph.jobs.len(), status.state), (1, State::Running));
        } else {
            assert_eq!((status.state, status.reason.as_deref()), (State::Waiting, Some("gate")), "{plugins:?}");
            assert_eq!((graph.jobs.len(), graph.jobs[2].needs[0].as_str()), (3, "5"));
            assert!(graph.jobs[1..].iter().all(|job| job.parent.as_deref() == Some("build")));
        }
        assert_eq!(setup.jenkins.seen().len(), 1 + asked);
        // The second time nobody is asked in vain.
        setup.jenkins.forget_seen();
        setup.provider.get_run(&run(1)).await.unwrap();
        let lines = setup.jenkins.lines();
        assert_eq!(lines.len(), if plugins.is_empty() { 1 } else { 2 });
        assert!(lines.last().unwrap().ends_with(place) || plugins.is_empty(), "{lines:?}");
    }
}

#[tokio::test]
async fn stages_that_can_not_be_read_erase_none() {
    let setup = Setup::new(vec![tracked()]).await;
    setup.jenkins.begin_by("app", &["hudson.model.Cause$UserIdCause"]);
    setup.jenkins.build("app", 1, |build| build.stages = vec![("pipeline-rest-api".into(), json!("odd"))]);
    let graph = setup.provider.get_run(&run(1)).await.unwrap().run.graph.unwrap();
    assert!(!graph.complete);
}

#[tokio::test]
async fn runs_that_others_started_are_listed_with_what_started_them() {
    let setup = Setup::new(vec![tracked()]).await;
    for _ in 0..120 {
        setup.jenkins.begin_by("app", &["hudson.triggers.TimerTrigger$TimerTriggerCause"]);
    }
    setup.jenkins.begin_by("app", &["hudson.model.Cause$UserIdCause"]);
    let filter = RunFilter { pipeline: Some("app".into()), reference: None };
    let mut found: Vec<FoundRun> = Vec::new();
    let mut page = PageRequest { cursor: None, limit: 50 };
    loop {
        let answer = setup.provider.list_runs(filter.clone(), &page).await.unwrap();
        found.extend(answer.items);
        page.cursor = answer.next;
        if page.cursor.is_none() {
            break;
        }
    }
    let numbers: Vec<u64> = found.iter().map(|run| run.run.external_id.as_deref().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=121).rev().collect::<Vec<_>>());
    assert_eq!((found[0].origin.as_str(), found[1].origin.as_str()), ("manual", "schedule"));
    assert!(found[0].run.graph.is_none(), "not looked at is not none");
}

/// A server for files that has no use for credentials, and says so as Jenkins' resource domain does.
async fn files() -> (String, Arc<Mutex<Vec<bool>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let with_credentials = Arc::new(Mutex::new(Vec::new()));
    let seen = with_credentials.clone();
    let router = Router::new().fallback(move |request: Request| {
        let refused = request.headers().contains_key("authorization") || request.headers().contains_key("cookie");
        seen.lock().unwrap().push(refused);
        async move {
            if refused {
                (http::StatusCode::BAD_REQUEST, "no credentials here")
            } else {
                (http::StatusCode::OK, "bytes")
            }
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    (origin, with_credentials)
}

#[tokio::test]
async fn an_artifact_is_fetched_from_another_domain_without_the_credential() {
    let setup = Setup::new(vec![Item::job("app")]).await;
    setup.jenkins.begin_by("app", &[]);
    setup.jenkins.build("app", 1, |build| build.artifacts = vec![("out dir/app#1.bin".into(), "bytes".into())]);
    let listed = setup.provider.list_artifacts(Some(&run(1)), &PageRequest::default()).await.unwrap();
    let id = listed.items[0].id.clone();
    let (origin, with_credentials) = files().await;
    for files in [None, Some(origin)] {
        setup.jenkins.world().files = files;
        let plan = setup.provider.plan_download(Some(&run(1)), &id, None).await.unwrap();
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        let answer = setup.provider.open(&plan.transfer, deadline).await.unwrap();
        assert_eq!(answer.status, 200);
        let pieces: Vec<_> = answer.body.collect().await;
        let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap()).collect();
        assert_eq!(bytes, b"bytes");
    }
    assert_eq!(*with_credentials.lock().unwrap(), [false]);
}
