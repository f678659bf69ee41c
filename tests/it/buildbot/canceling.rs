//! The end of a build before its time: while it waits for the worker, and while it runs.

use serde_json::json;

use crate::harness::eventually;

use super::Site;

#[tokio::test]
async fn a_run_is_canceled_where_it_waits_and_where_it_builds() {
    let site = Site::new().await;
    site.adopt("gated", "gated").await;
    let (building, _) = site.trigger("gated", &[("VERSION", "1")]).await;
    site.has_begun(&building).await;
    // The worker builds one thing at a time.
    let (waiting, _) = site.trigger("gated", &[("VERSION", "2")]).await;
    eventually("the second request", async || (site.buildbot.requests().await.len() == 2).then_some(())).await;
    assert_eq!(site.run(&waiting).await["state"], "pending");

    for id in [&waiting, &building] {
        site.api.act(&format!("/v1/runs/{id}/cancel")).await.expect(202);
        let run = site.run_over(id).await;
        assert_eq!((&run["state"], &run["cancel_requested"]), (&json!("canceled"), &json!(true)), "{run:#}");
    }
    let requests = site.buildbot.requests().await;
    let results: Vec<_> = requests.iter().map(|request| request["results"].as_i64()).collect();
    assert_eq!(results, [Some(6), Some(6)], "Buildbot calls both canceled: {requests:#?}");
    let builds = site.buildbot.builds("gated").await;
    assert_eq!(builds.len(), 1, "what waited was never built: {builds:#?}");
    assert!(
        !site.log(&building).await.lines().any(|line| line.starts_with("second of ")),
        "it was ended before its gate"
    );
    let again = site.api.act(&format!("/v1/runs/{building}/cancel")).await;
    assert_eq!(again.status, 409, "what is over cannot be canceled: {:#}", again.json);
}
