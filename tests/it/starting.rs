//! How a host comes up: with nothing said, beside another, without room.

use std::{os::unix::fs::PermissionsExt as _, sync::Arc};

use serde_json::json;

use crate::harness::{Home, Host, Repository, SCRIPT, Setup, World, eventually};

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

const TLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../host/runtime/tests/egress/testdata");

/// Asks over TLS whether the host lives; the authority of the test's certificate alone is believed.
async fn lives_behind_tls(port: u16) -> Result<String, reqwest::Error> {
    let authority = std::fs::read(format!("{TLS}/ca.pem")).unwrap();
    let authority = reqwest::Certificate::from_pem(&authority).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([authority]).no_proxy().build()?;
    let url = format!("https://127.0.0.1:{port}/healthz");
    client.get(url).send().await?.error_for_status()?.text().await
}

#[tokio::test]
async fn the_public_listener_speaks_tls_and_takes_a_renewed_certificate_while_it_runs() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let home = Arc::new(Home::new());
    let (certificate, key) = (home.work().join("cert.pem"), home.work().join("key.pem"));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let variables = vec![
        ("NOVACRON_CICD_PUBLIC_LISTEN", format!("127.0.0.1:{port}")),
        ("NOVACRON_CICD_PUBLIC_TLS_CERT", certificate.display().to_string()),
        ("NOVACRON_CICD_PUBLIC_TLS_KEY", key.display().to_string()),
    ];
    let setup = Setup { variables, ..Setup::default() };
    // A certificate that is none keeps the host from starting, and says which file.
    std::fs::write(&certificate, "none").unwrap();
    std::fs::copy(format!("{TLS}/server.key"), &key).unwrap();
    assert_eq!(Host::run_to_end(&home, &setup).code(), Some(2));
    assert!(std::fs::read_to_string(home.log()).unwrap().contains("public_tls_cert can't be"));

    std::fs::copy(format!("{TLS}/server.pem"), &certificate).unwrap();
    let host = Host::start(&home, setup).await;
    lives_behind_tls(port).await.unwrap();
    let insecure = reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true).build().unwrap();
    let plain = insecure.get(format!("http://127.0.0.1:{port}/healthz")).send().await;
    assert!(plain.is_err(), "who is not encrypted gets no answer: {plain:?}");
    let api = format!("https://127.0.0.1:{port}/v1/providers");
    assert_eq!(insecure.get(api).bearer_auth(host.token()).send().await.unwrap().status(), 404, "no API there");

    // What can't be used is told, and the one before it serves on.
    std::fs::write(&certificate, "half a certif").unwrap();
    let told = || std::fs::read_to_string(home.log()).unwrap().contains("the one before it serves on");
    eventually("the host says that it can't use the certificate", || async { told().then_some(()) }).await;
    lives_behind_tls(port).await.unwrap();
    std::fs::copy(format!("{TLS}/server.pem"), &certificate).unwrap();
    let took = || std::fs::read_to_string(home.log()).unwrap().contains("took the renewed certificate");
    eventually("the host takes the new certificate", || async { took().then_some(()) }).await;
    lives_behind_tls(port).await.unwrap();
    assert!(host.stop().success());
}
