//! The host is killed at every step of a trigger and of a cancel, and started again. Buildbot counts: one build, not none and not two.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    harness::{Api, Buildbot, Home, Host, Setup, eventually, run_over},
    kill::points,
};

use super::{add_provider, adopt, has_begun, home};

/// One Buildbot and one state directory, through many lives of the host.
pub(super) struct Range {
    pub(super) buildbot: Buildbot,
    home: Arc<Home>,
}

impl Range {
    pub(super) async fn new(builder: &str) -> Self {
        let home = home();
        let (buildbot, host) = tokio::join!(Buildbot::start(), Host::start(&home, Setup::default()));
        let api = host.api().await;
        add_provider(&api, &buildbot).await;
        adopt(&api, builder, "pipeline").await;
        host.kill();
        Self { buildbot, home }
    }

    /// A life of the host, that may end at a fault point.
    pub(super) async fn live(&self, fault: Option<&str>) -> Host {
        Host::start(&self.home, Setup { fault: fault.map(str::to_owned), faulty: true, ..Setup::default() }).await
    }
}

/// The run that is ours and newest.
async fn newest(api: &Api) -> Value {
    api.get("/v1/runs?limit=1").await.expect(200).json["items"][0].clone()
}

#[tokio::test]
async fn a_host_killed_at_every_step_of_a_trigger_makes_one_build_in_buildbot() {
    let range = Range::new("backend").await;
    for (nth, point) in points("trigger.").into_iter().enumerate() {
        let mut host = range.live(Some(point)).await;
        // Its version tells one build from another.
        let version = format!("1.{nth}");
        let request = host.api().await.request(reqwest::Method::POST, "/v1/pipelines/pipeline/runs");
        // Whether an answer comes depends on where it dies; both are right.
        let _ = request.json(&json!({ "parameters": { "VERSION": version } })).send().await;
        host.aborted().await;
        let host = range.live(None).await;
        let api = host.api().await;
        let run = newest(&api).await;
        assert_eq!(run["parameters"]["VERSION"], version, "{point}: the run is ours");
        let run = run_over(&api, run["id"].as_str().unwrap()).await;
        assert_eq!(run["state"], "succeeded", "{point}: {run:#}");
        let builds = range.buildbot.builds("backend").await;
        assert_eq!((builds.len(), range.buildbot.requests().await.len()), (nth + 1, nth + 1), "{point}: {builds:#?}");
        assert_eq!(builds[nth]["properties"]["VERSION"][0], version, "{point}");
        host.kill();
    }
}

#[tokio::test]
async fn a_host_killed_at_every_step_of_a_cancel_ends_the_build_in_buildbot() {
    let range = Range::new("gated").await;
    for (nth, point) in points("cancel.").into_iter().enumerate() {
        let mut host = range.live(Some(point)).await;
        let api = host.api().await;
        let body = json!({ "parameters": { "VERSION": nth.to_string() } });
        let accepted = api.post("/v1/pipelines/pipeline/runs", &body).await.expect(202);
        let id = accepted.text("/run/id").to_owned();
        has_begun(&api, &id).await;
        let _ = api.request(reqwest::Method::POST, &format!("/v1/runs/{id}/cancel")).send().await;
        host.aborted().await;
        let host = range.live(None).await;
        let api = host.api().await;
        let run = run_over(&api, &id).await;
        assert_eq!((&run["state"], &run["cancel_requested"]), (&json!("canceled"), &json!(true)), "{point}: {run:#}");
        let builds = eventually("Buildbot's own end of it", async || {
            let builds = range.buildbot.builds("gated").await;
            (builds.last()?["complete"] == true).then_some(builds)
        })
        .await;
        assert_eq!((builds.len(), &builds[nth]["results"]), (nth + 1, &json!(6)), "{point}: {builds:#?}");
        host.kill();
    }
}
