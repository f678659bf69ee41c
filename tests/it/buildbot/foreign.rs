//! What people start at Buildbot's own page.

use serde_json::{Value, json};

use crate::harness::eventually;

use super::Site;

async fn runs(site: &Site) -> Vec<Value> {
    site.api.get("/v1/runs").await.expect(200).json["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_build_that_a_person_forced_is_a_run_with_its_origin_and_ours_are_not_doubled() {
    let site = Site::new().await;
    let fields = |version: &str| json!({ "VERSION": version, "reason": "to try it" });
    let history = site.buildbot.force("backend", &fields("1.0")).await;
    eventually("the end of what was before us", async || {
        let request = site.buildbot.get(&format!("buildrequests/{history}")).await;
        (request["buildrequests"][0]["complete"] == true).then_some(())
    })
    .await;
    site.adopt("backend", "backend").await;
    let (ours, _) = site.trigger("backend", &[("VERSION", "1.1")]).await;
    site.run_over(&ours).await;

    site.buildbot.force("backend", &fields("1.2")).await;
    let theirs = eventually("their run", async || runs(&site).await.into_iter().find(|run| run["id"] != ours)).await;
    assert_eq!((&theirs["origin"], &theirs["pipeline"]), (&json!("manual"), &json!("backend")), "{theirs:#}");
    assert!(theirs["actor"].as_str().is_some_and(|actor| actor.contains("op")), "{theirs:#}");
    let id = theirs["id"].as_str().unwrap();
    assert_eq!(site.run_over(id).await["state"], "succeeded");
    let log = site.log(id).await;
    assert!(log.lines().any(|line| line.starts_with("building version 1.2 ")), "{log}");

    assert_eq!(site.buildbot.requests().await.len(), 3);
    let seen = runs(&site).await;
    assert_eq!(seen.len(), 2, "what was over before us is history, and ours is there once: {seen:#?}");
}
