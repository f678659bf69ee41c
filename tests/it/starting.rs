//! How a host comes up: with nothing said, beside another, without room; and with a plugin that it does not know yet.

use std::{os::unix::fs::PermissionsExt as _, sync::Arc};

use serde_json::json;

use crate::harness::{Home, Host, Repository, SCRIPT, Setup, World, eventually, run_over};

#[tokio::test]
async fn a_host_that_is_told_nothing_makes_what_it_needs_and_the_command_line_finds_it() {
    let home = Arc::new(Home::new());
    let host = Host::start(&home, Setup::default()).await;
    for (file, mode) in [("", 0o700), ("vault.key", 0o600), ("admin.token", 0o600), ("novacron-cicd.db", 0o600)] {
        let path = home.state().join(file);
        let found = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{}: {found:o}", path.display());
    }
    let times = |text: &str| text.matches(host.token()).count();
    assert_eq!(times(&std::fs::read_to_string(home.log()).unwrap()), 1, "the first token is printed once");
    host.cli().ok(&["provider", "list"]).await;
    let token = host.token().to_owned();
    assert!(host.stop().success());
    let host = Host::start(&home, Setup::default()).await;
    assert_eq!(host.token(), token, "it is the same host as before");
    assert_eq!(std::fs::read_to_string(home.log()).unwrap().matches(&token).count(), 1, "and never again");
}

#[tokio::test]
async fn a_host_that_is_told_nothing_is_called_back_by_a_platform_on_this_machine_and_no_other() {
    let world = World::new().await;
    let repository = Repository::new(SCRIPT);
    world.add_pipeline(&repository).await;
    let (id, _) = world.trigger(&[("VERSION", "1")]).await;
    assert_eq!(world.run_over(&id).await["state"], "succeeded");

    let elsewhere = json!({
        "name": "elsewhere",
        "plugin": "webhook",
        "base_url": "https://ci.example.com/hook",
        "credentials": { "signing": { "secret": "ci-signing" } },
        "no_check": true,
    });
    world.api.post("/v1/providers", &elsewhere).await.expect(201);
    world.api.post("/v1/pipelines", &json!({ "name": "far", "provider": "elsewhere" })).await.expect(201);
    let refused = world.api.post("/v1/pipelines/far/runs", &json!({})).await.expect(503).json;
    assert_eq!(refused["code"], "host.no-public-url", "{refused:#}");
    assert!(refused["hint"].as_str().unwrap().contains("--public-url"), "{refused:#}");
    let runs = world.api.get("/v1/pipelines/far/runs").await.expect(200).json;
    assert_eq!(runs["items"], json!([]), "nothing of it is stored, so nothing is sent");
}

#[tokio::test]
async fn a_host_on_a_socket_alone_cannot_be_called_back_until_it_is_told_where() {
    let home = Arc::new(Home::new());
    let socket = format!("unix:{}", home.state().join("api.sock").display());
    let listen = ("NOVACRON_CICD_LISTEN", socket.clone());
    let provider =
        "provider add near --plugin webhook --base-url http://127.0.0.1:9/ --credential signing=key --no-check";
    for public_url in [None, Some("http://127.0.0.1:9")] {
        let told = public_url.map(|url| ("NOVACRON_CICD_PUBLIC_URL", url.to_owned()));
        let variables = [Some(listen.clone()), told].into_iter().flatten().collect();
        let host = Host::start(&home, Setup { variables, ..Setup::default() }).await;
        let cli = host.cli();
        if public_url.is_none() {
            cli.run_with_input(&["secret", "set", "key"], Some("whsec_a2V5")).await.expect_code(0);
            cli.ok(&provider.split(' ').collect::<Vec<_>>()).await;
            cli.ok(&["pipeline", "create", "build", "--provider", "near"]).await;
        }
        let ended = cli.run(&["pipeline", "run", "build"]).await;
        assert_eq!(ended.stderr.contains("host.no-public-url"), public_url.is_none(), "{ended}");
        assert_eq!(ended.code == 0, public_url.is_some(), "{ended}");
        assert!(host.stop().success());
        assert!(!home.state().join("api.sock").exists(), "the socket's file goes with its listener");
    }
}

#[tokio::test]
async fn a_second_host_on_the_same_state_is_refused_and_the_first_goes_on() {
    let home = Arc::new(Home::new());
    let host = Host::start(&home, Setup::default()).await;
    let status = Host::run_to_end(&home, &Setup::default());
    assert_eq!(status.code(), Some(1), "it ends by itself, and says that it failed");
    let said = std::fs::read_to_string(home.log()).unwrap();
    assert!(said.contains("store.locked"), "{said}");
    host.api().await.get("/v1/providers").await.expect(200);
}

#[tokio::test]
async fn a_full_disk_is_said_and_costs_nothing_that_was_acknowledged() {
    let home = Arc::new(Home::new());
    let setup = Setup { disk_kib: Some(24 * 1024), ..Setup::default() };
    let world = World::with(&home, setup).await;
    let repository = Repository::new(SCRIPT);
    world.add_pipeline(&repository).await;
    let (id, _) = world.trigger(&[("VERSION", "1")]).await;
    world.run_over(&id).await;

    let filler = world.host.state().join("filler");
    fill(&filler);
    let refused = eventually("a refusal", async || {
        let body = json!({ "parameters": { "VERSION": "2" } });
        let answer = world.api.post("/v1/pipelines/backend/runs", &body).await;
        (answer.status != 202).then_some(answer)
    })
    .await;
    assert_eq!(refused.status, 507, "{:#}", refused.json);
    assert!(refused.json["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{:#}", refused.json);
    assert_eq!(world.run(&id).await["state"], "succeeded", "reading goes on");

    std::fs::remove_file(&filler).unwrap();
    let (again, _) = eventually("room again", async || {
        let body = json!({ "parameters": { "VERSION": "3" } });
        let answer = world.api.post("/v1/pipelines/backend/runs", &body).await;
        (answer.status == 202).then(|| (answer.text("/run/id").to_owned(), ()))
    })
    .await;
    assert_eq!(world.run_over(&again).await["state"], "succeeded");
    let runs = world.api.get("/v1/runs?limit=500").await.expect(200).json;
    for run in runs["items"].as_array().unwrap() {
        world.run_over(run["id"].as_str().unwrap()).await;
    }
    assert_eq!(world.ci.tally().runs.len(), runs["items"].as_array().unwrap().len(), "every acknowledged run, once");
}

/// Writes until nothing more goes in.
fn fill(path: &std::path::Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    for size in [64 * 1024, 512, 1] {
        let block = vec![0_u8; size];
        while file.write_all(&block).and_then(|()| file.sync_data()).is_ok() {}
    }
}

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
