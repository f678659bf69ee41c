//! Plugin `buildbot`, against what a Buildbot 4.3.0 once answered to exactly these requests.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    platform::{
        CancelTarget, Change, Delivery, Given, LogRequest, PageRequest, RetryScope, RunFilter, RunRef, TriggerRequest,
    },
};
use novacron_cicd_fakes::{
    house::{House, operation},
    server::{Answer, Platform, Seen, Server},
};
use novacron_cicd_runtime::Provider;
use serde_json::{Value, json};

use super::Requests;

/// A builder whose name has to be encoded.
pub(crate) const SLOW: &str = "grp/sløw é";

/// By method and target: status and body.
#[derive(Clone)]
pub(crate) struct Recorded(BTreeMap<String, (u16, Value)>);

impl Recorded {
    fn new() -> Self {
        Self(serde_json::from_str(include_str!("../../../../../plugins/buildbot/tests/recorded.json")).unwrap())
    }
}

impl Platform for Recorded {
    fn answer(&mut self, seen: &Seen) -> Answer {
        if seen.line() == "GET /auth/login" {
            let cookie = "TWISTED_SESSION=eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoib3AifQ.c2lnbmVk; Path=/";
            return Answer::to(302, "/").header("set-cookie", cookie);
        }
        match self.0.get(&format!("{} {}", seen.method, seen.target)) {
            Some((status, body)) => Answer::json(*status, body),
            None => Answer::json(404, &json!({ "error": format!("nothing was recorded for {}", seen.target) })),
        }
    }
}

/// The plugin connected to it.
pub(crate) async fn connected() -> (Server<Recorded>, Provider) {
    let server = Server::start("", Recorded::new()).await;
    let settings = json!({ "artifact-urls": ["http://files.example/"] });
    let provider = House::new("buildbot").await.provider(&server.url(), settings, Some(("session", "op")));
    (server, provider)
}

pub(crate) fn run(pipeline: &str, run: &str) -> RunRef {
    RunRef { pipeline: pipeline.into(), run: run.into(), attempt: None }
}

pub(crate) fn request() -> TriggerRequest {
    TriggerRequest {
        pipeline: SLOW.into(),
        reference: None,
        parameters: BTreeMap::from([("secs".to_owned(), Given::text("30"))]),
        environment: BTreeMap::new(),
        correlation: "nc-flow-1".into(),
        callback: None,
        more: BTreeMap::new(),
    }
}

/// The pages that were recorded.
pub(crate) fn page(limit: u32) -> PageRequest {
    PageRequest { cursor: None, limit }
}

pub(crate) fn filter() -> RunFilter {
    RunFilter { pipeline: Some("pipeline".into()), reference: None }
}

pub(crate) fn log() -> LogRequest {
    LogRequest { run: run("pipeline", "23"), job: None, cursor: None, limit: 1 << 20 }
}

/// As HttpStatusPush sends it.
pub(crate) fn pushed() -> Delivery {
    let body = json!({
        "buildid": 19, "number": 7, "builderid": 4, "buildrequestid": 23, "complete": true, "results": 0,
        "state_string": "build successful", "started_at": 1_795_442_613, "complete_at": 1_795_442_617, "url": "http://ci.example/#/builders/4/builds/7",
        "builder": { "builderid": 4, "name": "pipeline", "tags": ["main"] },
        "buildrequest": { "buildrequestid": 23, "buildsetid": 23, "complete": false, "results": -1 },
        "properties": { "who": ["nova", "Force Build Form"] },
    });
    Delivery { headers: vec![("content-type".into(), "application/json".into())], body: body.to_string().into() }
}

#[tokio::test]
async fn what_the_plugin_asks_of_a_buildbot() {
    let (server, it) = connected().await;
    let (it, operation) = (&it, operation());
    let mut asked = Requests::of(&server);
    asked.call("credentials.describe-login", "", it.describe_login("session")).await;
    asked.call("plugin.check", "which logs in first", it.check()).await;
    let after = PageRequest { cursor: Some("5".into()), limit: 2 };
    asked.call("pipelines.list-pipelines", "", it.list_pipelines(&after)).await;
    asked.call("pipelines.get", "", it.get_pipeline(SLOW)).await;
    asked.call("pipelines.parameters", "", it.parameters(SLOW, None)).await;
    asked.call("runs.trigger", "", it.trigger(&operation, request())).await;
    asked.without("runs.resolve-ticket", "a build request is a run from the first moment");
    asked.call_beside("runs.get", "that goes on", it.get_run(&run(SLOW, "22"))).await;
    let found = it.find_by_correlation("pipeline", "nc-flow-2", Timestamp(1_795_440_000_000));
    asked.call_beside("run-search.find-by-correlation", "", found).await;
    asked.call_beside("run-listing.list-runs", "", it.list_runs(filter(), &page(3))).await;
    let watched = ["pipeline".to_owned(), SLOW.to_owned()];
    asked.call_beside("run-changes.list-changed", "at first", it.list_changed(&watched, None)).await;
    let since = it.list_changed(&watched, Some("1795442152"));
    asked.call_beside("run-changes.list-changed", "since then", since).await;
    let running = CancelTarget::Run(run(SLOW, "22"));
    asked.call("run-cancel.cancel", "", it.cancel(&operation, &running)).await;
    let ended = run("pipeline", "23");
    asked.call("run-retry.retry", "", it.retry(&operation, &ended, RetryScope::All, "nc-8")).await;
    asked.call("logs.read", "", it.read_log(&log())).await;
    let kept = asked.call("artifacts.list-artifacts", "", it.list_artifacts(Some(&ended), &page(10))).await;
    asked.call("artifacts.plan-download", "", it.plan_download(Some(&ended), &kept.items[0].id, None)).await;
    asked.call("runners.list-runners", "", it.list_runners(&page(1))).await;
    asked.call("runners.get", "", it.get_runner("1")).await;
    let message = Some("a disk & more".into());
    asked.change(it, "", Change::RunnerDrain { runner: "1".into(), draining: true, message }).await;
    asked.call("webhooks.decode", "", it.decode_webhook(pushed())).await;
    insta::assert_snapshot!("buildbot", asked.whole(it));
}
