//! What a platform sends of its own accord: checked, kept before it is answered, read afterwards, believed never.

use novacron_cicd::engine::FAULT_POINTS;
use novacron_cicd_smallci::sign;
use reqwest::Method;
use serde_json::Value;

use super::*;
use crate::harness::{Answer, run_over};

const SECRET: &str = "hook-secret-of-some-length";
const NEXT: &str = "hook-secret-that-is-to-come";

/// Polls a day apart: what is seen is seen because it was told.
fn slow() -> Setup {
    let day = || "86400".to_owned();
    let variables = vec![
        ("NOVACRON_CICD_LIMITS_POLL_SHORTEST_SECONDS", day()),
        ("NOVACRON_CICD_LIMITS_POLL_LONGEST_SECONDS", day()),
    ];
    Setup { variables, ..Setup::default() }
}

async fn hooked(setup: Setup) -> (Polled, Host, Api, Cli) {
    let polled = Polled { platform: Platform::start().await, home: Arc::new(Home::with("novacron-cicd-guest-polled")) };
    let host = Host::start(&polled.home, setup).await;
    let (api, cli) = (host.api().await, host.cli());
    for (name, value) in [("ci-token", TOKEN), ("hook-1", SECRET), ("hook-2", NEXT)] {
        api.post("/v1/secrets", &json!({ "name": name, "value": value })).await.expect(201);
    }
    let provider = json!({
        "name": "ci",
        "plugin": "polled",
        "base_url": polled.platform.url,
        "credentials": {
            "token": { "secret": "ci-token" }, "hook": { "secret": "hook-1" }, "hook.next": { "secret": "hook-2" },
        },
        "grants": { "private_networks": ["127.0.0.1/32"] },
    });
    api.post("/v1/providers", &provider).await.expect(201);
    cli.ok(&["pipeline", "import", "--provider", "ci", "--external-ref", "app"]).await;
    (polled, host, api, cli)
}

fn signed(api: &Api, id: &str, secret: &str, message: &Value) -> reqwest::RequestBuilder {
    let body = message.to_string();
    #[expect(clippy::disallowed_methods, reason = "a sender has no clock but the machine's")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let time = i64::try_from(now).unwrap();
    let request = api.with_token(None).request(Method::POST, "/v1/hooks/ci").header("content-type", "application/json");
    let request = request.header("webhook-id", id).header("webhook-timestamp", time.to_string());
    request.header("webhook-signature", sign(secret, id, time, body.as_bytes())).body(body)
}

async fn send(api: &Api, id: &str, secret: &str, message: &Value) -> Answer {
    api.send(signed(api, id, secret, message)).await
}

fn changed(build: &str) -> Value {
    json!({ "changed": { "project": "app", "build": build } })
}

async fn run_of(api: &Api, build: &str) -> Value {
    eventually("the run", async || {
        let runs = api.get("/v1/runs").await.expect(200).json;
        runs["items"].as_array()?.iter().find(|run| run["external_id"] == *build).cloned()
    })
    .await
}

/// The delivery when it is read.
async fn read(api: &Api, id: &str) -> Value {
    eventually("the delivery is read", async || {
        let found = api.get(&format!("/v1/webhooks/{id}")).await.expect(200).json;
        (found["state"] != "stored").then_some(found)
    })
    .await
}

#[tokio::test]
async fn what_is_told_is_looked_at_and_what_the_platform_shows_is_what_counts() {
    let (polled, _host, api, _) = hooked(slow()).await;
    let build = polled.platform.started("push", "running");
    let taken = send(&api, "m-1", SECRET, &changed(&build)).await.expect(202);
    assert_eq!(taken.json["duplicate"], false);
    let run = run_of(&api, &build).await;
    assert_eq!((&run["origin"], &run["state"]), (&json!("push"), &json!("running")), "{run:#}");
    let again = send(&api, "m-1", SECRET, &changed(&build)).await.expect(202);
    assert_eq!(again.json, json!({ "delivery": taken.json["delivery"], "duplicate": true }));

    // It says that the build failed; the platform knows better.
    polled.platform.set(&build, "passed");
    let mut lie = polled.platform.data().builds[0].clone();
    lie["state"] = json!("failed");
    send(&api, "m-2", NEXT, &json!({ "build": lie })).await.expect(202);
    let ended = run_over(&api, run["id"].as_str().unwrap()).await;
    assert_eq!(ended["state"], "succeeded", "{ended:#}");

    let listed = api.get("/v1/webhooks?provider=ci&state=decoded").await.expect(200).json;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed:#}");
    let shown = api.get(&format!("/v1/webhooks/{}", taken.text("/delivery"))).await.expect(200).json;
    assert_eq!(shown["text"], changed(&build).to_string(), "{shown:#}");
    assert!(!shown.to_string().contains("v1,"), "what proves the sender is not kept: {shown:#}");
}

#[tokio::test]
async fn a_sender_that_is_none_is_refused_and_nothing_is_kept() {
    let (_polled, _host, api, _) = hooked(Setup::default()).await;
    let message = changed("b1");
    send(&api, "m-1", "another-secret", &message).await.expect_problem(401, "signature.mismatch");
    let late = signed(&api, "m-1", SECRET, &message).header("webhook-timestamp", "1600000000");
    // Two headers of one name: the first is the one that was signed.
    api.send(late).await.expect(202);
    let unsigned = || api.with_token(None).request(Method::POST, "/v1/hooks/ci").body("{}");
    api.send(unsigned()).await.expect_problem(401, "signature.missing");
    let elsewhere = api.with_token(None).request(Method::POST, "/v1/hooks/nobody").body("{}");
    api.send(elsewhere).await.expect_problem(404, "webhook.not-found");
    let at = api.with_token(None).request(Method::POST, &format!("/v1/hooks/ci/{SECRET}")).body("{}");
    api.send(at).await.expect_problem(404, "webhook.not-found");
    let huge = unsigned().body(vec![b'x'; 25_000_001]);
    api.send(huge).await.expect_problem(413, "http.body-too-large");
    assert_eq!(api.get("/v1/webhooks").await.expect(200).json["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_dead_letter_is_read_again_when_its_reader_understands_it() {
    let (polled, _host, api, cli) = hooked(slow()).await;
    let build = polled.platform.started("push", "running");
    let message = json!({ "later": { "project": "app", "build": build } });
    let taken = send(&api, "m-1", SECRET, &message).await.expect(202);
    let dead = read(&api, taken.text("/delivery")).await;
    assert_eq!((&dead["state"], &dead["note"]["code"]), (&json!("dead"), &json!("call.invalid-input")), "{dead:#}");
    let listed = cli.ok(&["webhook", "list", "--state", "dead"]).await;
    assert!(listed.contains("a message of a later platform"), "{listed}");
    let update =
        api.request(Method::PATCH, "/v1/providers/ci").json(&json!({ "settings": { "understands-later": true } }));
    api.send(update).await.expect(200);
    cli.ok(&["webhook", "replay", "--dead", "--provider", "ci"]).await;
    assert_eq!(read(&api, taken.text("/delivery")).await["state"], "decoded");
    run_of(&api, &build).await;
    let shown = cli.ok(&["webhook", "show", taken.text("/delivery")]).await;
    assert!(shown.contains("decoded") && shown.contains(&message.to_string()), "{shown}");
}

#[tokio::test]
async fn a_host_killed_at_every_step_of_a_delivery_loses_none_and_acts_on_none_twice() {
    let (polled, host, _, _) = hooked(Setup { faulty: true, ..slow() }).await;
    let mut port = host.kill();
    let points: Vec<_> = FAULT_POINTS.iter().filter(|point| point.starts_with("webhook.")).collect();
    assert_eq!(points.len(), 3);
    for (round, point) in points.into_iter().enumerate() {
        let fault = Some((*point).to_owned());
        let mut host = Host::start(&polled.home, Setup { fault, faulty: true, port: Some(port), ..slow() }).await;
        let api = host.api().await;
        let build = polled.platform.started("push", "running");
        let (key, sent) = (format!("m-{round}"), signed(&api, &format!("m-{round}"), SECRET, &changed(&build)));
        // The answer may or may not come: the host dies.
        let sent = tokio::spawn(sent.send());
        host.aborted().await;
        let _ = sent.await.unwrap();
        let host = Host::start(&polled.home, Setup { port: Some(port), ..slow() }).await;
        let api = host.api().await;
        let again = send(&api, &key, SECRET, &changed(&build)).await.expect(202);
        assert_eq!(again.json["duplicate"], true, "{point}: it was durable");
        assert_eq!(read(&api, again.text("/delivery")).await["state"], "decoded", "{point}");
        run_of(&api, &build).await;
        let all = api.get("/v1/webhooks").await.expect(200).json;
        assert_eq!(all["items"].as_array().unwrap().len(), round + 1, "{point}: {all:#}");
        let events = api.get("/v1/events?limit=500&after=0").await.expect(200).json;
        let decoded = |event: &&Value| event["kind"] == "webhook.decoded" && event["data"]["key"] == *key;
        assert_eq!(events["items"].as_array().unwrap().iter().filter(decoded).count(), 1, "{point}");
        port = host.kill();
    }
}
