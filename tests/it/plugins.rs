//! Plugins as an operator meets them: a new one, a broken one, one that wants more than before.

use std::sync::Arc;

use serde_json::json;

use crate::harness::{Home, Host, Setup, eventually, run_over};

/// The platform that the hello example talks to: three routes, and a token.
mod hello_platform {
    use std::{
        net::SocketAddr,
        sync::{Arc, Mutex},
    };

    use axum::{
        Json, Router,
        extract::{Path, State},
        http::{HeaderMap, StatusCode},
        routing::{get, post},
    };
    use serde_json::{Value, json};

    /// How often each build was looked at, by its idempotency key.
    type Builds = Arc<Mutex<Vec<(String, usize)>>>;

    pub(super) const TOKEN: &str = "hello-platform-token";

    fn known(headers: &HeaderMap) -> Result<(), StatusCode> {
        let given = headers.get("authorization").map(|value| value.as_bytes());
        if given == Some(format!("Bearer {TOKEN}").as_bytes()) { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
    }

    pub(super) async fn start() -> SocketAddr {
        let app = Router::new()
            .route(
                "/version",
                get(async |headers: HeaderMap| known(&headers).map(|()| Json(json!({ "version": "1" })))),
            )
            .route("/builds/{name}", post(begin))
            .route("/builds/{name}/{id}", get(look))
            .with_state(Builds::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    }

    async fn begin(State(builds): State<Builds>, headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
        known(&headers)?;
        let key = headers.get("idempotency-key").ok_or(StatusCode::BAD_REQUEST)?.to_str().unwrap().to_owned();
        let mut builds = builds.lock().unwrap();
        builds.push((key, 0));
        Ok(Json(json!({ "id": builds.len().to_string(), "status": "queued" })))
    }

    async fn look(
        State(builds): State<Builds>,
        Path((_, id)): Path<(String, usize)>,
        headers: HeaderMap,
    ) -> Result<Json<Value>, StatusCode> {
        known(&headers)?;
        let mut builds = builds.lock().unwrap();
        let (_, looks) = builds.get_mut(id - 1).ok_or(StatusCode::NOT_FOUND)?;
        *looks += 1;
        Ok(Json(json!({ "id": id.to_string(), "status": if *looks < 2 { "at work" } else { "passed" } })))
    }
}

#[tokio::test]
async fn the_hello_example_is_a_provider() {
    let platform = hello_platform::start().await;
    let home = Arc::new(Home::new());
    home.install("novacron-cicd-example-hello");
    let host = Host::start(&home, Setup::default()).await;
    let api = host.api().await;
    let plugins = api.get("/v1/plugins").await.expect(200).json;
    let ids: Vec<_> = plugins["items"].as_array().unwrap().iter().map(|plugin| plugin["id"].clone()).collect();
    assert!(ids.contains(&json!("hello")), "{plugins:#}");
    let secret = json!({ "name": "hello-token", "value": hello_platform::TOKEN });
    api.post("/v1/secrets", &secret).await.expect(201);
    let provider = json!({
        "name": "hi",
        "plugin": "hello",
        "base_url": format!("http://{platform}"),
        "credentials": { "token": { "secret": "hello-token" } },
        "grants": { "private_networks": ["127.0.0.1/32"] },
    });
    api.post("/v1/providers", &provider).await.expect(201);
    api.post("/v1/pipelines", &json!({ "name": "greet", "provider": "hi" })).await.expect(201);
    let accepted = api.post("/v1/pipelines/greet/runs", &json!({})).await.expect(202);
    let run = run_over(&api, accepted.text("/run/id")).await;
    assert_eq!((run["state"].as_str(), run["platform"].as_str()), (Some("succeeded"), Some("passed")), "{run:#}");
}

#[tokio::test]
async fn a_broken_plugin_is_listed_with_what_is_wrong_and_stops_nobody() {
    let home = Arc::new(Home::new());
    std::fs::write(home.plugins().join("broken.wasm"), b"\0asm no component").unwrap();
    let host = Host::start(&home, Setup::default()).await;
    let plugins = host.api().await.get("/v1/plugins").await.expect(200).json;
    let items = plugins["items"].as_array().unwrap();
    assert!(items.iter().any(|plugin| plugin["id"] == "webhook" && plugin["state"] == "serving"), "{plugins:#}");
    assert!(
        items.iter().any(|plugin| plugin["state"] == "broken" && plugin["error"]["code"].is_string()),
        "{plugins:#}"
    );
}

/// The webhook plugin as its author might ship it next: its manifest asks for another host.
fn greedier(home: &Home) {
    let (before, after) = ("hosts = [\"{base-url}\"]", "hosts = [\"http://a.b\"]");
    let path = home.plugins().join("novacron_cicd_plugin_webhook.wasm");
    let mut bytes = std::fs::read(&path).unwrap();
    // The custom section comes after the data, in which the compiler may have left a second copy.
    let at = bytes.windows(before.len()).rposition(|window| window == before.as_bytes()).unwrap();
    bytes[at..at + before.len()].copy_from_slice(after.as_bytes());
    std::fs::write(&path, bytes).unwrap();
}

#[tokio::test]
async fn a_plugin_whose_file_asks_for_more_is_held_until_an_admin_approves_that_very_file() {
    let home = Arc::new(Home::new());
    assert!(Host::start(&home, Setup::default()).await.stop().success());
    greedier(&home);
    let host = Host::start(&home, Setup::default()).await;
    let (api, cli) = (host.api().await, host.cli());

    let plugins = api.get("/v1/plugins").await.expect(200).json;
    let of = |state: &str| {
        let found = plugins["items"].as_array().unwrap().iter().find(|plugin| plugin["state"] == state);
        found.unwrap_or_else(|| panic!("none is {state}: {plugins:#}"))
    };
    let (serving, held) = (of("serving"), of("held"));
    assert_eq!((&serving["id"], &held["id"]), (&json!("webhook"), &json!("webhook")));
    assert_eq!(held["more"], json!(["reach http://a.b"]), "{held:#}");
    let (old, new) = (serving["sha256"].as_str().unwrap(), held["sha256"].as_str().unwrap());

    let said = cli.run(&["plugin", "approve", "webhook"]).await.expect_code(2);
    assert!(said.stderr.contains("reach http://a.b") && said.stderr.contains(new), "{said}");
    let token = cli.json(&["token", "create", "watcher", "--role", "deployer"]).await;
    let deployer = cli.with_token(token["value"].as_str().unwrap());
    let said = deployer.run(&["plugin", "approve", "webhook", "--sha256", new]).await.expect_code(1);
    assert!(said.stderr.contains("admin"), "{said}");
    for (id, digest) in [("webhook", old), ("webhok", new)] {
        let body = json!({ "sha256": digest });
        let refused = api.post(&format!("/v1/plugins/{id}/approve"), &body).await.expect(404).json;
        assert_eq!(refused["code"], "plugin.not-waiting", "{refused:#}");
    }
    assert_eq!(api.get("/v1/plugins/webhook").await.expect(200).json["sha256"], old, "the old one serves meanwhile");

    let approved = cli.json(&["plugin", "approve", "webhook", "--sha256", new]).await;
    assert_eq!((&approved["state"], &approved["sha256"]), (&json!("serving"), &json!(new)));
    let audit = cli.json(&["audit", "list"]).await;
    let rows = audit.as_array().unwrap();
    assert!(rows.iter().any(|row| row["action"] == "plugin.approve" && row["subject"] == "webhook"), "{audit:#}");
    assert!(host.stop().success());
    let host = Host::start(&home, Setup::default()).await;
    let plugins = host.api().await.get("/v1/plugins").await.expect(200).json;
    assert_eq!(plugins["items"].as_array().unwrap().len(), 1, "{plugins:#}");
    assert_eq!(plugins["items"][0]["sha256"], new);
}

#[tokio::test]
async fn a_plugin_that_is_dropped_in_serves_without_a_restart() {
    let home = Arc::new(Home::new());
    let host = Host::start(&home, Setup::default()).await;
    let api = host.api().await;
    api.get("/v1/plugins/hello").await.expect(404);
    home.install("novacron-cicd-example-hello");
    let hello = eventually("the new plugin", async || {
        let answer = api.get("/v1/plugins/hello").await;
        (answer.status == 200).then_some(answer.json)
    })
    .await;
    assert_eq!(hello["state"], "serving", "{hello:#}");
}
