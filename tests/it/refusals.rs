//! What can't be meant, or can't be done, is refused with a code, a sentence and a hint; and nothing is sent.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Repository, SCRIPT, World, document, pipeline_body};

#[tokio::test]
async fn every_refusal_says_what_to_do() {
    let world = World::new().await;
    let repository = Repository::new(SCRIPT);
    world.add_pipeline(&repository).await;
    let with = |change: &[(&str, Value)]| {
        let mut body = world.provider_body("other");
        for (pointer, value) in change {
            body[*pointer] = value.clone();
        }
        body
    };
    let pipeline = |change: &[(&str, Value)]| {
        let mut body = pipeline_body("another", &repository);
        for (field, value) in change {
            body[*field] = value.clone();
        }
        body
    };
    let nothing_listens = "http://127.0.0.1:9/hook";
    let rows: Vec<(&str, Method, &str, Value, u16, &str)> = vec![
        (
            "a provider's name is taken",
            Method::POST,
            "/v1/providers",
            world.provider_body("ci"),
            409,
            "provider.name-taken",
        ),
        (
            "no such plugin",
            Method::POST,
            "/v1/providers",
            with(&[("plugin", json!("jenkinz"))]),
            422,
            "provider.unknown-plugin",
        ),
        (
            "settings that the plugin does not know",
            Method::POST,
            "/v1/providers",
            with(&[("settings", json!({ "colour": "red" }))]),
            422,
            "provider.invalid-configuration",
        ),
        (
            "a slot that the plugin does not have",
            Method::POST,
            "/v1/providers",
            with(&[("credentials", json!({ "sining": { "secret": "ci-signing" } }))]),
            422,
            "provider.invalid-configuration",
        ),
        (
            "a secret that is not there",
            Method::POST,
            "/v1/providers",
            with(&[("credentials", json!({ "signing": { "secret": "nope" } }))]),
            422,
            "provider.invalid-configuration",
        ),
        (
            "an address that is none",
            Method::POST,
            "/v1/providers",
            with(&[("base_url", json!("ftp://ci"))]),
            422,
            "provider.invalid-configuration",
        ),
        (
            "nobody listens there",
            Method::POST,
            "/v1/providers",
            with(&[("base_url", json!(nothing_listens))]),
            502,
            "provider.unreachable",
        ),
        (
            "a private address that is not granted",
            Method::POST,
            "/v1/providers",
            with(&[("grants", json!({}))]),
            422,
            "egress.denied",
        ),
        (
            "a name that is none",
            Method::POST,
            "/v1/providers",
            with(&[("name", json!("no name"))]),
            422,
            "name.invalid",
        ),
        ("a provider that is in use", Method::DELETE, "/v1/providers/ci", Value::Null, 409, "provider.in-use"),
        ("a provider that is not there", Method::GET, "/v1/providers/nope", Value::Null, 404, "provider.not-found"),
        ("a secret that is in use", Method::DELETE, "/v1/secrets/ci-signing", Value::Null, 409, "secret.in-use"),
        (
            "a secret's name is taken",
            Method::POST,
            "/v1/secrets",
            json!({ "name": "ci-signing", "value": "another value" }),
            409,
            "secret.name-taken",
        ),
        (
            "a pipeline's name is taken",
            Method::POST,
            "/v1/pipelines",
            pipeline(&[("name", json!("backend"))]),
            409,
            "pipeline.name-taken",
        ),
        (
            "a pipeline of no provider",
            Method::POST,
            "/v1/pipelines",
            pipeline(&[("provider", json!("nope"))]),
            404,
            "provider.not-found",
        ),
        ("a pipeline that is not there", Method::GET, "/v1/pipelines/nope", Value::Null, 404, "pipeline.not-found"),
        (
            "what is on a platform that keeps no pipelines",
            Method::GET,
            "/v1/providers/ci/pipelines",
            Value::Null,
            422,
            "provider.unsupported",
        ),
        (
            "an unknown parameter",
            Method::POST,
            "/v1/pipelines/backend/runs",
            json!({ "parameters": { "VERSION": "1", "VERSOIN": "1" } }),
            422,
            "run.invalid-parameters",
        ),
        ("a missing parameter", Method::POST, "/v1/pipelines/backend/runs", json!({}), 422, "run.invalid-parameters"),
        (
            "no bool",
            Method::POST,
            "/v1/pipelines/backend/runs",
            json!({ "parameters": { "VERSION": "1", "RELEASE": "yes" } }),
            422,
            "run.invalid-parameters",
        ),
        (
            "none of the choices",
            Method::POST,
            "/v1/pipelines/backend/runs",
            json!({ "parameters": { "VERSION": "1", "LEVEL": "slow" } }),
            422,
            "run.invalid-parameters",
        ),
        (
            "no number",
            Method::POST,
            "/v1/pipelines/backend/runs",
            json!({ "parameters": { "VERSION": "1", "JOBS": "many" } }),
            422,
            "run.invalid-parameters",
        ),
        (
            "a run that is not there",
            Method::GET,
            "/v1/runs/018f2f60-0000-7000-8000-000000000000",
            Value::Null,
            404,
            "run.not-found",
        ),
        ("a plugin that is not there", Method::GET, "/v1/plugins/nope", Value::Null, 404, "plugin.not-found"),
        (
            "an operation that is not there",
            Method::GET,
            "/v1/operations/018f2f60-0000-7000-8000-000000000000",
            Value::Null,
            404,
            "operation.not-found",
        ),
    ];
    let before = world.ci.tally().requests;
    for (what, method, path, body, status, code) in rows {
        let mut request = world.api.request(method, path);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = world.api.send(request).await;
        assert_eq!((answer.status, answer.json["code"].as_str()), (status, Some(code)), "{what}: {:#}", answer.json);
        // Nobody was there to get anything of it.
        let safe = ["provider.unreachable"].contains(&code);
        assert_eq!(answer.json["retryable"], safe, "{what}: {:#}", answer.json);
        answer.expect_problem(status, code);
    }
    assert_eq!(world.ci.tally().requests, before, "what is refused is refused before anything is sent");
    assert_eq!(world.api.get("/v1/runs").await.expect(200).json["items"], json!([]), "and leaves no run");
}

#[tokio::test]
async fn a_refused_parameter_is_named_with_its_value_and_what_is_allowed() {
    let world = World::new().await;
    let repository = Repository::new(SCRIPT);
    world.add_pipeline(&repository).await;
    let wish = json!({ "parameters": { "LEVEL": "slow", "WHAT": "1" } });
    let answer = world.api.post("/v1/pipelines/backend/runs", &wish).await;
    let answer = answer.expect_problem(422, "run.invalid-parameters");
    let pointers: Vec<_> =
        answer.json["errors"].as_array().unwrap().iter().map(|item| item["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/parameters/VERSION", "/parameters/LEVEL", "/parameters/WHAT"], "{:#}", answer.json);
    let detail = answer.text("/detail");
    for part in ["LEVEL", "slow", "fast", "full", "VERSION", "WHAT"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
}

#[tokio::test]
async fn an_update_with_an_old_entity_tag_is_refused() {
    let world = World::new().await;
    let repository = Repository::new(SCRIPT);
    world.add_pipeline(&repository).await;
    let path = "/v1/pipelines/backend";
    let tag = world.api.get(path).await.expect(200).headers["etag"].clone();
    let change = |tag, reference: &str| {
        world.api.request(Method::PATCH, path).header("if-match", tag).json(&json!({ "reference": reference }))
    };
    world.api.send(change(tag.clone(), "release")).await.expect(200);
    world.api.send(change(tag, "develop")).await.expect_problem(412, "version.stale");
    assert_eq!(world.api.get(path).await.expect(200).json["reference"], "release");
}

#[tokio::test]
async fn a_token_may_do_what_its_role_may_and_nothing_after_it_was_revoked() {
    let world = World::new().await;
    let issued = world.api.post("/v1/tokens", &json!({ "name": "looker", "role": "viewer" })).await.expect(201);
    let viewer = world.api.with_token(Some(issued.text("/value")));
    viewer.get("/v1/runs").await.expect(200);
    viewer
        .post("/v1/secrets", &json!({ "name": "a", "value": "another value" }))
        .await
        .expect_problem(403, "auth.forbidden");
    world.api.delete("/v1/tokens/looker").await.expect(200);
    viewer.get("/v1/runs").await.expect_problem(401, "auth.unauthorized");
    world.api.with_token(None).get("/v1/runs").await.expect_problem(401, "auth.unauthorized");
}

#[tokio::test]
async fn the_command_line_says_by_its_exit_code_what_kind_of_failure_it_was() {
    let world = World::new().await;
    world.add_pipeline(&Repository::new("exit 3\n")).await;
    let cli = &world.cli;
    let rows = [
        ("no such verb", cli.clone(), vec!["pipeline", "rnu", "backend"], 2, "pipeline"),
        ("no such pipeline", cli.clone(), vec!["pipeline", "show", "nope"], 1, "pipeline.not-found"),
        ("no value for a parameter", cli.clone(), vec!["pipeline", "run", "backend"], 2, "run.invalid-parameters"),
        ("nobody there", cli.at("http://127.0.0.1:9"), vec!["run", "list"], 3, "cli.unreachable"),
        ("a token of nobody", cli.with_token("ncc_of-nobody"), vec!["run", "list"], 2, "auth.unauthorized"),
        (
            "a build that fails",
            cli.clone(),
            vec!["pipeline", "run", "backend", "-p", "VERSION=1", "--wait", "--exit-status"],
            1,
            "",
        ),
    ];
    for (what, cli, words, code, wanted) in rows {
        let ended = cli.run(&words).await;
        assert_eq!(ended.code, code, "{what}: {ended}");
        assert!(ended.stderr.contains(wanted), "{what}: {ended}");
    }
}

/// A receiver with the certificate of a private authority: it answers 200 to whatever comes through its TLS.
async fn private_receiver() -> String {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let chain = CertificateDer::pem_slice_iter(testdata("server.pem").as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(testdata("server.key").as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    url
}

fn testdata(name: &str) -> String {
    document(&format!("host/runtime/tests/egress/testdata/{name}"))
}

#[tokio::test]
async fn a_receiver_with_a_private_certificate_is_believed_with_the_file_of_its_authority_alone() {
    let world = World::new().await;
    world.add_provider().await;
    let url = private_receiver().await;
    let receiver = ["--plugin", "webhook", "--base-url", &url, "--credential", "signing=ci-signing"];
    let add = [&["provider", "add", "lan"], &receiver[..], &["--grant-network", "127.0.0.1/32"]].concat();
    let refused = world.cli.run(&add).await;
    assert!(refused.code != 0 && refused.stderr.contains("provider.unreachable"), "{refused}");
    let work = world.home().work();
    std::fs::write(work.join("nonsense.pem"), "no certificate").unwrap();
    std::fs::write(work.join("authority.pem"), testdata("ca.pem")).unwrap();
    let refused = world.cli.run(&[&add[..], &["--ca-file", "nonsense.pem"]].concat()).await;
    assert!(refused.code != 0 && refused.stderr.contains("there is no certificate in them"), "{refused}");
    world.cli.ok(&[&add[..], &["--ca-file", "authority.pem"]].concat()).await;
    world.cli.ok(&["provider", "check", "lan"]).await;
}
