//! Buildbot's workers are runners.

use serde_json::{Value, json};

use super::Site;

async fn worker(site: &Site, name: &str) -> Value {
    let listed = site.api.get("/v1/providers/bb/runners").await.expect(200).json;
    let found = listed["items"].as_array().unwrap().iter().find(|runner| runner["name"] == name).cloned();
    found.unwrap_or_else(|| panic!("{name}: {listed:#}"))
}

#[tokio::test]
async fn workers_are_listed_with_what_they_build_and_a_drained_one_gets_nothing_new() {
    let site = Site::new().await;
    site.adopt("gated", "gated").await;
    let absent = worker(&site, "w2").await;
    assert_eq!((&absent["state"], &absent["busy"]), (&json!("never-contacted"), &json!(false)), "{absent:#}");
    let idle = worker(&site, "w1").await;
    assert_eq!((&idle["state"], &idle["current"], &idle["draining"]), (&json!("online"), &json!([]), &json!(false)));

    let (first, _) = site.trigger("gated", &[("VERSION", "1")]).await;
    site.has_begun(&first).await;
    let busy = worker(&site, "w1").await;
    let external = site.run(&first).await["external_id"].clone();
    assert_eq!((&busy["busy"], &busy["current"]), (&json!(true), &json!([external])), "{busy:#}");

    let id = busy["id"].as_str().unwrap();
    let drain = ["runner", "drain", id, "--provider", "bb", "--wait"];
    site.cli.ok(&drain).await;
    let said = site.buildbot.get("workers/w1").await;
    assert_eq!((&said["workers"][0]["paused"], &worker(&site, "w1").await["draining"]), (&json!(true), &json!(true)));
    let (second, _) = site.trigger("gated", &[("VERSION", "2")]).await;
    site.buildbot.open("gate");
    assert_eq!(site.run_over(&first).await["state"], "succeeded", "what it builds is built to its end");
    assert_eq!((&site.run(&second).await["state"], site.buildbot.builds("gated").await.len()), (&json!("pending"), 1));
    site.cli.ok(&[&drain[..], &["--undo"]].concat()).await;
    assert_eq!(site.run_over(&second).await["state"], "succeeded");
}
