//! The host is killed at every step of a trigger and of a cancel, and started again. Jenkins counts: it is asked for one build and
//! one stop each, not none and not two.

use std::sync::Arc;

use novacron_cicd_fakes::jenkins::Jenkins;
use serde_json::{Value, json};

use super::{add_provider, backend, count, home, run_over, work};
use crate::{
    harness::{Api, Home, Host, Setup, eventually},
    kill::points,
};

/// One Jenkins and one state directory, through many lives of the host.
struct Range {
    jenkins: Jenkins,
    home: Arc<Home>,
}

impl Range {
    async fn new() -> Self {
        let (jenkins, home) = (Jenkins::start(vec![backend()]).await, home());
        let host = Host::start(&home, Setup::default()).await;
        let api = host.api().await;
        add_provider(&api, &jenkins).await;
        let body = json!({ "name": "pipeline", "provider": "jenkins-prod", "external_ref": "backend", "import": true });
        api.post("/v1/pipelines", &body).await.expect(201);
        host.kill();
        Self { jenkins, home }
    }

    /// A life of the host, that may end at a fault point.
    async fn live(&self, fault: Option<&str>) -> Host {
        Host::start(&self.home, Setup { fault: fault.map(str::to_owned), faulty: true, ..Setup::default() }).await
    }
}

/// The run that is ours and newest.
async fn newest(api: &Api) -> Value {
    api.get("/v1/runs?limit=1").await.expect(200).json["items"][0].clone()
}

#[tokio::test]
async fn a_host_killed_at_every_step_of_a_trigger_asks_jenkins_for_one_build() {
    let range = Range::new().await;
    for (nth, point) in points("trigger.").into_iter().enumerate() {
        let mut host = range.live(Some(point)).await;
        // Its version tells one build from another.
        let version = format!("1.{nth}");
        let request = host.api().await.request(reqwest::Method::POST, "/v1/pipelines/pipeline/runs");
        // Whether an answer comes depends on where it dies; both are right.
        let _ = request.json(&json!({ "parameters": { "VERSION": version } })).send().await;
        host.aborted().await;
        if nth % 2 == 1 {
            // While nobody looks it is built, and the queue forgets it: only the build itself tells whose it is.
            work(&range.jenkins);
            range.jenkins.forget_left();
        }
        let host = range.live(None).await;
        let api = host.api().await;
        let run = newest(&api).await;
        assert_eq!(run["parameters"]["VERSION"], version, "{point}: the run is ours");
        let run = run_over(&api, &range.jenkins, run["id"].as_str().unwrap()).await;
        assert_eq!(run["state"], "succeeded", "{point}: {run:#}");
        let asked = count(&range.jenkins, "POST /job/backend/buildWithParameters");
        let built = range.jenkins.world().items[0].builds.len();
        assert_eq!((asked, built), (nth + 1, nth + 1), "{point}: {:#?}", range.jenkins.lines());
        host.kill();
    }
}

#[tokio::test]
async fn a_host_killed_at_every_step_of_a_cancel_asks_jenkins_for_one_stop() {
    let range = Range::new().await;
    for (nth, point) in points("cancel.").into_iter().enumerate() {
        let mut host = range.live(Some(point)).await;
        let api = host.api().await;
        let body = json!({ "parameters": { "VERSION": nth.to_string() } });
        let accepted = api.post("/v1/pipelines/pipeline/runs", &body).await.expect(202);
        let id = accepted.text("/run/id").to_owned();
        eventually("the build", async || {
            for place in range.jenkins.waiting() {
                range.jenkins.begin(place);
            }
            (api.get(&format!("/v1/runs/{id}")).await.expect(200).json["state"] == "running").then_some(())
        })
        .await;
        let _ = api.request(reqwest::Method::POST, &format!("/v1/runs/{id}/cancel")).send().await;
        host.aborted().await;
        // What was told to stop stops, whoever looks.
        let number = u64::try_from(nth + 1).unwrap();
        if range.jenkins.build("backend", number, |build| !build.asked.is_empty()) {
            work(&range.jenkins);
        }
        let host = range.live(None).await;
        let api = host.api().await;
        let run = eventually("the end of the run", async || {
            let stopped = range.jenkins.build("backend", number, |build| !build.asked.is_empty());
            if stopped {
                work(&range.jenkins);
            }
            let run = api.get(&format!("/v1/runs/{id}")).await.expect(200).json;
            ["succeeded", "failed", "canceled"].contains(&run["state"].as_str()?).then_some(run)
        })
        .await;
        assert_eq!((&run["state"], &run["cancel_requested"]), (&json!("canceled"), &json!(true)), "{point}: {run:#}");
        let asked = range.jenkins.build("backend", number, |build| build.asked.clone());
        assert_eq!(asked, ["stop"], "{point}");
        host.kill();
    }
}
