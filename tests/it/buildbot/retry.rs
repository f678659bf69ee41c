//! A build again. Buildbot offers no way to find out whether a rebuild was begun, so one whose outcome is unknown is left to the operator.

use serde_json::{Value, json};

use crate::{
    harness::{Api, eventually, run_over},
    kill::points,
};

use super::{Site, kill::Range};

#[tokio::test]
async fn a_retry_is_a_rebuild_and_says_which_run_it_does_again() {
    let site = Site::new().await;
    site.adopt("backend", "backend").await;
    let (first, _) = site.trigger("backend", &[("VERSION", "1.5"), ("RESULT", "failure")]).await;
    assert_eq!(site.run_over(&first).await["state"], "failed");
    let refused = site.cli.run(&["run", "retry", &first, "--failed", "--wait"]).await;
    assert!(refused.code == 1 && refused.stdout.contains("call.unsupported"), "all is built, or nothing: {refused}");

    let again = site.cli.json(&["run", "retry", &first, "--wait"]).await;
    assert_eq!((&again["state"], &again["retry_of"]), (&json!("failed"), &json!(first)), "{again:#}");
    assert_eq!(again["origin"], "retry", "{again:#}");
    let builds = site.buildbot.builds("backend").await;
    assert_eq!((builds.len(), site.buildbot.requests().await.len()), (2, 2), "{builds:#?}");
    assert_eq!(builds[1]["properties"]["VERSION"][0], "1.5", "it is given what the first was given");
    assert!(site.log(again["id"].as_str().unwrap()).await.contains("building version 1.5 "));
    assert_eq!(site.run(&first).await["state"], "failed", "terminal is final");
    assert_eq!(site.api.get("/v1/runs").await.expect(200).json["items"].as_array().unwrap().len(), 2);
}

async fn settled(api: &Api, run: &str) -> Value {
    eventually("an operation that is settled, or left to the operator", async || {
        let operations = api.get(&format!("/v1/operations?run={run}")).await.expect(200).json;
        let operation = operations["items"].as_array()?.iter().find(|operation| operation["kind"] == "run.retry")?;
        ["done", "ambiguous", "failed"].contains(&operation["state"].as_str()?).then(|| operation.clone())
    })
    .await
}

#[tokio::test]
async fn a_host_killed_at_every_step_of_a_retry_never_builds_twice() {
    let range = Range::new("backend").await;
    // How the operation ends, and how many builds Buildbot has for it.
    let wanted = [
        ("retry.stored", "done", 1),
        ("retry.claimed", "done", 1),
        ("retry.before-send", "ambiguous", 0),
        ("retry.after-send", "ambiguous", 1),
        ("retry.before-commit", "ambiguous", 1),
        ("retry.after-commit", "done", 1),
    ];
    assert_eq!(wanted.map(|(point, ..)| point), points("retry.")[..]);
    for (point, state, builds) in wanted {
        let mut host = range.live(Some(point)).await;
        let api = host.api().await;
        let body = json!({ "parameters": { "VERSION": "1" } });
        let run = api.post("/v1/pipelines/pipeline/runs", &body).await.expect(202).text("/run/id").to_owned();
        run_over(&api, &run).await;
        let before = range.buildbot.requests().await.len();
        let request = api.request(reqwest::Method::POST, &format!("/v1/runs/{run}/retry"));
        let _ = request.json(&json!({ "scope": "all" })).send().await;
        host.aborted().await;
        let host = range.live(None).await;
        let operation = settled(&host.api().await, &run).await;
        assert_eq!(operation["state"], state, "{point}: {operation:#}");
        assert_eq!(range.buildbot.requests().await.len() - before, builds, "{point}");
        host.kill();
    }
}
