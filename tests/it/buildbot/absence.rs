//! A master that goes away and comes back: nothing is lost, nothing is doubled.

use serde_json::json;

use crate::harness::eventually;

use super::Site;

#[tokio::test]
async fn a_master_that_dies_in_the_middle_of_a_run_builds_it_again_and_it_is_one_run() {
    let mut site = Site::new().await;
    site.adopt("gated", "gated").await;
    let (id, _) = site.trigger("gated", &[("VERSION", "1")]).await;
    site.has_begun(&id).await;
    site.buildbot.kill_master();
    site.buildbot.start_master_again().await;
    // A master that finds a build of its former life gives it up and builds the same request again.
    eventually("the second build", async || (site.buildbot.builds("gated").await.len() == 2).then_some(())).await;
    site.buildbot.open("gate");
    let run = site.run_over(&id).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    let results: Vec<_> = site.buildbot.builds("gated").await.iter().map(|build| build["results"].clone()).collect();
    assert_eq!((results, site.buildbot.requests().await.len()), (vec![json!(5), json!(0)], 1));
    let jobs = run["graph"]["jobs"].as_array().unwrap();
    let said: Vec<_> = jobs.iter().map(|job| (&job["state"], &job["reason"])).collect();
    assert_eq!(said, [(&json!("failed"), &json!("retry")), (&json!("succeeded"), &json!(null))], "{run:#}");
    let log = site.log(&id).await;
    assert!(log.lines().any(|line| line == "second of 1"), "the second build's log: {log}");
    let runs = site.api.get("/v1/runs").await.expect(200).json;
    assert_eq!(runs["items"].as_array().unwrap().len(), 1, "{runs:#}");
}

#[tokio::test]
async fn a_trigger_waits_for_a_master_that_is_away_and_makes_one_build() {
    let mut site = Site::new().await;
    site.adopt("backend", "backend").await;
    site.buildbot.stop_master();
    let (id, operation) = site.trigger("backend", &[("VERSION", "1")]).await;
    let path = format!("/v1/operations/{operation}");
    let waiting = eventually("a second attempt", async || {
        let operation = site.api.get(&path).await.expect(200).json;
        assert!(["queued", "claimed", "sent"].contains(&operation["state"].as_str()?), "{operation:#}");
        (operation["attempts"].as_u64()? >= 2 && operation["error"].is_object()).then_some(operation)
    })
    .await;
    assert_eq!(waiting["error"]["code"], "call.transient", "it says what it waits for: {waiting:#}");
    assert_eq!(site.run(&id).await["state"], "pending");
    site.buildbot.start_master_again().await;
    assert_eq!(site.run_over(&id).await["state"], "succeeded");
    assert_eq!((site.buildbot.requests().await.len(), site.buildbot.builds("backend").await.len()), (1, 1));
}
