//! Buildbot knows who asks by a cookie: it is had by a login, and it runs out.

use serde_json::json;

use crate::harness::{Buildbot, Host, Setup, USER, run_over};

use super::{Site, add_provider, adopt, home, provider_body};

#[tokio::test]
async fn a_wrong_password_is_said_and_nothing_is_added() {
    let site = Site::without_provider().await;
    site.api.post("/v1/secrets", &json!({ "name": "bb-password", "value": "another" })).await.expect(201);
    let refused = site.api.post("/v1/providers", &provider_body(&site.buildbot)).await;
    assert_eq!(refused.json["code"], "call.unauthorized", "{:#}", refused.json);
    assert!(refused.text("/detail").contains("the login for slot \"session\" failed"), "{:#}", refused.json);
    assert!(refused.text("/hint").contains("the user name and the secret"), "{:#}", refused.json);
    assert_eq!(site.api.get("/v1/providers").await.expect(200).json["items"], json!([]));
}

/// In seconds. The host takes a refusal for the end of a session that is a minute old, and for a refusal before.
const SESSION: u32 = 62;

#[tokio::test]
async fn a_session_that_has_run_out_is_opened_anew() {
    let home = home();
    let (buildbot, host) = tokio::join!(Buildbot::with_sessions_of(SESSION), Host::start(&home, Setup::default()));
    let api = host.api().await;
    add_provider(&api, &buildbot).await;
    adopt(&api, "backend", "backend").await;
    // It is younger than the host's.
    let session = buildbot.session().await;
    for round in 1..=2 {
        // Whoever reads with a session that has run out is answered as nobody, with 200.
        let check = api.post("/v1/providers/bb/check", &json!({})).await.expect(200).json;
        assert_eq!((&check["account"], &check["warnings"]), (&json!(USER), &json!([])), "{round}: {check:#}");
        let body = json!({ "parameters": { "VERSION": "1" } });
        let id = api.post("/v1/pipelines/backend/runs", &body).await.expect(202).text("/run/id").to_owned();
        let run = run_over(&api, &id).await;
        assert_eq!(run["state"], "succeeded", "{round}: {run:#}");
        let builds = buildbot.builds("backend").await;
        assert_eq!((builds.len(), &builds[round - 1]["properties"]["owner"][0]), (round, &json!(USER)), "{builds:#?}");
        buildbot.end_of(&session).await;
    }
}
