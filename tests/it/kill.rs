//! The host is killed at every step of a trigger, a cancel and a callback, and started again: the CI server has one run, not none and
//! not two, nothing of its log is missing or there twice, and a reader of the events sees it end, once.

use std::sync::Arc;

use novacron_cicd::engine::FAULT_POINTS;
use novacron_cicd_smallci::{Config, Phase, RunRecord, SmallCi};
use serde_json::{Value, json};

use crate::harness::{
    Api, ENDLESS, Home, Host, PATIENCE, Repository, SIGNING, Setup, eventually, follow, pipeline_body, run_over,
};

/// So many lines that the log goes in several parts.
const LONG: &str = r#"i=0
while [ $i -lt 400 ]; do echo "line $i of $VERSION"; i=$((i+1)); done
mkdir -p dist
printf 'program %s\n' "$VERSION" > dist/app.bin
"#;

/// Kills at the points of a trigger, at each one so often.
const TRIGGER_ROUNDS: usize = 3;
/// The same for a cancel.
const CANCEL_ROUNDS: usize = 3;
/// The same for callbacks: at the first, then at the second time that a round passes the point.
const CALLBACK_ROUNDS: usize = 2;

/// One CI server and one state directory, through many lives of the host.
struct Range {
    ci: SmallCi,
    home: Arc<Home>,
    port: u16,
    kills: usize,
}

impl Range {
    async fn new(script: &str) -> Self {
        let ci = SmallCi::start(Config::new(SIGNING)).await.unwrap();
        let home = Arc::new(Home::new());
        let host = Host::start(&home, Setup { faulty: true, ..Setup::default() }).await;
        let api = host.api().await;
        api.post("/v1/secrets", &json!({ "name": "ci-signing", "value": SIGNING })).await.expect(201);
        let provider = json!({
            "name": "ci",
            "plugin": "webhook",
            "base_url": ci.hook_url(),
            "credentials": { "signing": { "secret": "ci-signing" } },
            "grants": { "private_networks": ["127.0.0.1/32"] },
        });
        api.post("/v1/providers", &provider).await.expect(201);
        // The repository is cloned into each build; its own directory may go with this scope only after the last build.
        let repository = Box::leak(Box::new(Repository::new(script)));
        api.post("/v1/pipelines", &pipeline_body("backend", repository)).await.expect(201);
        let port = host.kill();
        Self { ci, home, port, kills: 1 }
    }

    /// A life of the host, at the same address as all lives before.
    async fn live(&self, fault: Option<String>) -> Host {
        Host::start(&self.home, Setup { fault, faulty: true, port: Some(self.port), ..Setup::default() }).await
    }

    /// The run that the CI server has beside the `before` that it had: exactly one.
    async fn the_one_run(&self, before: usize, what: &str) -> RunRecord {
        let run = self
            .ci
            .wait_for(what, PATIENCE, |tally| tally.runs.get(before).filter(|run| run.end_told).cloned())
            .await
            .unwrap();
        let tally = self.ci.tally();
        assert_eq!(tally.runs.len(), before + 1, "{what}: one run, not two: {tally:#?}");
        assert_eq!(run.builds, 1, "{what}");
        assert_eq!(tally.complaints, Vec::<String>::new(), "{what}");
        run
    }
}

/// The newest event there is.
async fn newest_event(api: &Api) -> i64 {
    let mut after = 0;
    loop {
        let page = api.get(&format!("/v1/events?limit=500&after={after}")).await.expect(200).json;
        let last = page["last"].as_i64().unwrap();
        if last == after {
            return last;
        }
        after = last;
    }
}

fn is_end(event: &crate::harness::Seen) -> bool {
    event.kind == "run.state"
        && ["succeeded", "failed", "canceled"].contains(&event.data["to"].as_str().unwrap_or_default())
}

/// What the log of that run must be, byte for byte, behind the two lines of the clone.
fn wanted_log(version: &str) -> String {
    (0..400).map(|line| format!("line {line} of {version}\n")).collect()
}

async fn whole_and_once(api: &Api, run: &Value, version: &str) {
    let id = run["id"].as_str().unwrap();
    let log = api.get(&format!("/v1/runs/{id}/logs?job=build")).await.expect(200);
    assert_eq!(log.headers["x-log-complete"], "true");
    let text = String::from_utf8(log.bytes.to_vec()).unwrap();
    let (head, tail) = text.split_at(text.find("line 0").unwrap_or_else(|| panic!("no lines: {text}")));
    assert_eq!(head.lines().count(), 2, "{head}");
    assert_eq!(tail, wanted_log(version));
    let artifacts = api.get(&format!("/v1/runs/{id}/artifacts")).await.expect(200).json;
    assert_eq!(artifacts["items"].as_array().unwrap().len(), 1, "{artifacts:#}");
    assert_eq!(artifacts["items"][0]["size"], format!("program {version}\n").len());
}

/// Triggers while the host dies at `fault`, and sees that there is one run and that it is whole.
async fn trigger_through(range: &mut Range, fault: &str, version: &str) {
    let before = range.ci.tally().runs.len();
    let mut host = range.live(Some(fault.to_owned())).await;
    let api = host.api().await;
    let after = newest_event(&api).await;
    let wish = json!({ "parameters": { "VERSION": version } });
    let key = format!("{version} {before}");
    let ask = |api: &Api| {
        let request = api.request(reqwest::Method::POST, "/v1/pipelines/backend/runs");
        request.header("idempotency-key", &key).json(&wish)
    };
    // Whether an answer comes depends on where it dies; both are right.
    let _ = ask(&api).send().await;
    host.aborted().await;
    range.kills += 1;
    let following = tokio::spawn({
        let api = api.clone();
        async move { follow(&api, "kind=run.", after, is_end).await }
    });
    let host = range.live(None).await;
    let api = host.api().await;
    let again = api.send(ask(&api)).await.expect(202);
    assert_eq!(again.headers.get("idempotent-replayed").map(|value| value.as_bytes()), Some(&b"true"[..]), "{fault}");
    let record = range.the_one_run(before, fault).await;
    assert_eq!(record.phase, Phase::Succeeded, "{fault}");
    let newest = api.get("/v1/runs?limit=1").await.expect(200).json["items"][0].clone();
    assert_eq!(newest["parameters"]["VERSION"], version, "{fault}: the run is ours");
    assert_eq!(newest["id"], again.json["run"]["id"], "{fault}: the same key is the same run");
    let run = run_over(&api, newest["id"].as_str().unwrap()).await;
    assert_eq!(run["state"], "succeeded", "{fault}: {run:#}");
    assert_eq!(run["correlation"], record.correlation, "{fault}");
    whole_and_once(&api, &run, version).await;
    let seen = following.await.unwrap();
    let ends = seen.iter().filter(|event| is_end(event)).count();
    assert_eq!(ends, 1, "{fault}: the follower sees one end: {seen:#?}");
    range.port = host.kill();
}

/// Cancels while the host dies at `fault`, and sees that the build was ended, once, and that this is known.
async fn cancel_through(range: &mut Range, fault: &str) {
    let before = range.ci.tally().runs.len();
    let mut host = range.live(Some(fault.to_owned())).await;
    let api = host.api().await;
    let wish = json!({ "parameters": { "VERSION": fault } });
    let accepted = api.post("/v1/pipelines/backend/runs", &wish).await.expect(202);
    let id = accepted.text("/run/id").to_owned();
    eventually("the build's first word", async || {
        let log = api.request(reqwest::Method::GET, &format!("/v1/runs/{id}/logs?job=build")).send().await.ok()?;
        log.text().await.ok()?.contains("begun").then_some(())
    })
    .await;
    let ask =
        |api: &Api| api.request(reqwest::Method::POST, &format!("/v1/runs/{id}/cancel")).header("idempotency-key", &id);
    let _ = ask(&api).send().await;
    host.aborted().await;
    range.kills += 1;
    let host = range.live(None).await;
    let api = host.api().await;
    let again = api.send(ask(&api)).await.expect(202);
    assert_eq!(again.text("/run"), id, "{fault}: the same key is the same cancel, also when the run is over");
    let run = run_over(&api, &id).await;
    assert_eq!((run["state"].as_str(), &run["cancel_requested"]), (Some("canceled"), &json!(true)), "{fault}: {run:#}");
    let record = range.the_one_run(before, fault).await;
    assert_eq!((record.phase, record.cancels), (Phase::Canceled, 1), "{fault}");
    range.port = host.kill();
}

/// All fault points of a group.
pub(crate) fn points(prefix: &str) -> Vec<&'static str> {
    let points: Vec<_> = FAULT_POINTS.iter().copied().filter(|point| point.starts_with(prefix)).collect();
    assert!(!points.is_empty(), "no fault point begins with {prefix}");
    points
}

#[test]
fn every_fault_point_is_killed_at_and_there_are_at_least_fifty_kills() {
    let (triggers, cancels, callbacks) = (points("trigger."), points("cancel."), points("callback."));
    // Those are killed at where there is a platform that can retry, be changed and tell, and somebody who is told:
    // `polled::retry`, `platform::lost`, `polled::webhooks`, `notifications`.
    let elsewhere =
        ["retry.", "change.", "webhook.", "notification."].map(|prefix| points(prefix).len()).iter().sum::<usize>();
    let listed = triggers.len() + cancels.len() + callbacks.len() + elsewhere;
    assert_eq!(listed, FAULT_POINTS.len(), "{FAULT_POINTS:?}");
    let kills = triggers.len() * TRIGGER_ROUNDS + cancels.len() * CANCEL_ROUNDS + callbacks.len() * CALLBACK_ROUNDS;
    assert!(kills >= 50, "{kills}");
}

#[tokio::test]
async fn a_host_killed_at_every_step_of_a_trigger_makes_one_run() {
    let mut range = Range::new(LONG).await;
    let before = range.kills;
    for round in 1..=TRIGGER_ROUNDS {
        for point in points("trigger.") {
            trigger_through(&mut range, point, &format!("{round}.{point}")).await;
        }
    }
    assert_eq!(range.kills - before, points("trigger.").len() * TRIGGER_ROUNDS);
}

#[tokio::test]
async fn a_host_killed_at_every_step_of_a_cancel_ends_the_build_once() {
    let mut range = Range::new(ENDLESS).await;
    let before = range.kills;
    for _ in 0..CANCEL_ROUNDS {
        for point in points("cancel.") {
            cancel_through(&mut range, point).await;
        }
    }
    assert_eq!(range.kills - before, points("cancel.").len() * CANCEL_ROUNDS);
}

#[tokio::test]
async fn a_host_killed_at_every_step_of_a_callback_forgets_nothing_that_it_acknowledged() {
    let mut range = Range::new(LONG).await;
    let before = range.kills;
    for point in points("callback.") {
        for nth in 1..=CALLBACK_ROUNDS {
            // There is one artifact in a run, so there is no second time.
            let nth = if point.contains("artifact") { 1 } else { nth };
            trigger_through(&mut range, &format!("{point}:{nth}"), &format!("{nth}.{point}")).await;
        }
    }
    assert_eq!(range.kills - before, points("callback.").len() * CALLBACK_ROUNDS);
}
