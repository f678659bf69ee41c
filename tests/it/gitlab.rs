//! The provider `gitlab-ci` at our fake of a GitLab, which tells of what happens there.

use std::sync::Arc;

use novacron_cicd_fakes::{
    gitlab::{GitLab, Project, USER},
    house::secret,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Home, Host, Setup, eventually, run_over};

const APP: &str = "g/sub/app";
/// The key that both sides sign with: 32 bytes.
const KEY: &str = "whsec_a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U=";
/// Of 32 bytes, too, and nobody's.
const OTHER: &str = "whsec_b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGU=";

/// Polls a day apart: what is seen is seen because GitLab told of it.
fn slow() -> Setup {
    let day = || "86400".to_owned();
    let variables = vec![
        ("NOVACRON_CICD_LIMITS_POLL_SHORTEST_SECONDS", day()),
        ("NOVACRON_CICD_LIMITS_POLL_LONGEST_SECONDS", day()),
    ];
    Setup { variables, ..Setup::default() }
}

/// What GitLab sends of this event by this secret, `late` seconds after it was signed.
async fn send(api: &Api, gitlab: &GitLab, event: &Value, secret: &str, late: u64) -> Answer {
    let event = {
        let mut world = gitlab.world();
        #[expect(clippy::disallowed_methods, reason = "a sender has no clock but the machine's")]
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let kept = std::mem::replace(&mut world.now, (now - late) * 1000);
        let event = world.delivery(event, secret, 1);
        world.now = kept;
        event
    };
    let request = api.with_token(None).request(Method::POST, "/v1/hooks/gitlab-prod");
    let request = event.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    api.send(request.body(event.body)).await
}

#[tokio::test]
async fn what_gitlab_signs_is_looked_at_and_what_is_forged_stale_or_unsigned_is_refused() {
    let home = Arc::new(Home::with("novacron-cicd-plugin-gitlab-ci"));
    let gitlab = GitLab::start(vec![Project::new(APP, "build: { script: [make] }\n")]).await;
    let host = Host::start(&home, slow()).await;
    let (api, cli) = (host.api().await, host.cli());
    for (name, value) in [("gitlab-token", secret("token").as_str()), ("hook", "a-token-in-clear"), ("key", KEY)] {
        api.post("/v1/secrets", &json!({ "name": name, "value": value })).await.expect(201);
    }
    let provider = json!({
        "name": "gitlab-prod",
        "plugin": "gitlab-ci",
        "base_url": gitlab.url(),
        "settings": { "project": APP },
        "credentials": {
            "token": { "username": USER, "secret": "gitlab-token" }, "webhook": { "secret": "hook" },
            "webhook-signing": { "secret": "key" },
        },
        "grants": { "private_networks": ["127.0.0.1/32"] },
    });
    api.post("/v1/providers", &provider).await.expect(201);
    cli.ok(&["pipeline", "import", "--provider", "gitlab-prod", "--external-ref", APP, "app"]).await;
    let id = gitlab.start_by(APP, "push");
    let job = gitlab.pending()[0];
    gitlab.begin(job);
    gitlab.end(job, "success");
    let event = gitlab.world().pipeline_event(id);

    send(&api, &gitlab, &event, "a-token-in-clear", 0).await.expect_problem(401, "signature.missing");
    send(&api, &gitlab, &event, OTHER, 0).await.expect_problem(401, "signature.mismatch");
    send(&api, &gitlab, &event, KEY, 600).await.expect_problem(401, "signature.stale");
    assert_eq!(api.get("/v1/webhooks").await.expect(200).json["items"], json!([]), "nothing of it is kept");

    let taken = send(&api, &gitlab, &event, KEY, 0).await.expect(202);
    let external = json!(id.to_string());
    let run = eventually("the run", async || {
        let runs = api.get("/v1/runs").await.expect(200).json;
        runs["items"].as_array()?.iter().find(|run| run["external_id"] == external).cloned()
    })
    .await;
    assert_eq!(run["origin"], "push", "{run:#}");
    assert_eq!(run_over(&api, run["id"].as_str().unwrap()).await["state"], "succeeded");
    let again = send(&api, &gitlab, &event, KEY, 0).await.expect(202);
    assert_eq!(again.json, json!({ "delivery": taken.json["delivery"], "duplicate": true }), "GitLab sends it again");
}
