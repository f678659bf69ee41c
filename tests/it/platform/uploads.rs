//! Artifacts of ours on their way to a platform, through crashes; and what the platform has stated of bytes, handed out.

use sha2::{Digest as _, Sha256};

use super::*;

/// More than one piece of a stream, and no two of them alike.
fn bytes() -> Vec<u8> {
    (0..500_000_u32).map(|nth| (nth % 251) as u8).collect()
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Takes bytes in; the artifact.
async fn stored(api: &Api, query: &str, bytes: &[u8]) -> Value {
    let request = api.request(reqwest::Method::POST, &format!("/v1/artifacts?{query}"));
    let request = request.header("content-type", "application/zip").header("x-sha256", digest(bytes));
    let stored = api.send(request.body(bytes.to_vec())).await.expect(201);
    assert_eq!(stored.headers["location"].to_str().unwrap(), format!("/v1/artifacts/{}", stored.text("/id")));
    stored.json
}

#[tokio::test]
async fn an_artifact_of_ours_is_put_on_the_platform_and_so_is_a_file() {
    let (scene, host, api, cli) = Scene::new().await;
    let bytes = bytes();
    let artifact = stored(&api, "name=app.zip&version=1.0&kind=archive", &bytes).await;
    let id = artifact["id"].as_str().unwrap().to_owned();
    assert_eq!((&artifact["sha256"], &artifact["run"]), (&json!(digest(&bytes)), &json!(null)));

    let path = format!("/v1/artifacts/{id}/upload");
    let body = json!({ "provider": "ci", "options": { "label": "nightly" } });
    let one = scene.by_api(&api, "POST", &path, Some(body.clone())).await;
    let other = scene.by_cli(&cli, &["artifact", "upload", &id, "--provider", "ci", "--option", "label=nightly"]).await;
    let asked = json!({
        "name": "app.zip", "version": "1.0", "run": "", "label": "nightly",
        "type": "application/zip", "size": bytes.len(), "sha256": digest(&bytes),
    });
    let result = same(one, other, "artifact-uploads.plan-upload", &asked);
    let there = &result["artifact"];
    assert_eq!((&there["external_id"], &there["digests"]["sha256"]), (&json!("f-app.zip"), &json!(digest(&bytes))));
    assert_eq!(there["url"], "https://ci.example/f-app.zip");

    // Under another name and version, to a run there.
    let run = scene.run(&api).await;
    let named = json!({ "provider": "ci", "name": "other.zip", "version": "2.0", "run": run });
    let (_, asked) = scene.by_api(&api, "POST", &path, Some(named)).await;
    let placed = [&asked.1["name"], &asked.1["version"], &asked.1["run"]];
    assert_eq!(placed, [&json!("other.zip"), &json!("2.0"), &json!("r1")]);

    // A file becomes an artifact first.
    let file = host.home().work().join("tool.bin");
    std::fs::write(&file, b"a small file").unwrap();
    let upload =
        ["artifact", "upload", "--file", "tool.bin", "--kind", "binary", "--version", "3.1", "--provider", "ci"];
    let (result, asked) = scene.by_cli(&cli, &upload).await;
    assert_eq!((&asked.1["name"], &asked.1["sha256"]), (&json!("tool.bin"), &json!(digest(b"a small file"))));
    assert_eq!(result["artifact"]["external_id"], "f-tool.bin");
    let listed = cli.json(&["artifact", "list", "--name", "tool.bin"]).await;
    assert_eq!((&listed[0]["version"], &listed[0]["kind"]), (&json!("3.1"), &json!("binary")));

    let trail = api.get("/v1/audit?limit=200").await.expect(200).json;
    let trail = trail["items"].as_array().unwrap();
    let asked = trail.iter().find(|entry| entry["action"] == "remote-artifact.upload").unwrap();
    assert!(asked["detail"]["change"]["remote-artifact.upload"]["request"]["sha256"].is_string(), "{asked:#}");
    let sent = |entry: &&Value| entry["action"] == "egress.request" && entry["detail"]["sent"] == bytes.len();
    eventually("the request in the trail", async || {
        let trail = api.get("/v1/audit?limit=200").await.expect(200).json;
        trail["items"].as_array().unwrap().iter().find(sent).map(drop)
    })
    .await;
}

#[tokio::test]
async fn what_can_not_be_put_on_the_platform_is_refused_and_what_it_refuses_has_failed() {
    let (scene, _host, api, cli) = Scene::new().await;
    let id = stored(&api, "name=app.zip", b"bytes").await["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/artifacts/{id}/upload");
    let body = json!({ "provider": "ci" });
    let viewer = json!({ "name": "viewer", "role": "viewer" });
    let viewer = api.post("/v1/tokens", &viewer).await.expect(201).text("/value").to_owned();
    let viewer = api.with_token(Some(&viewer));
    viewer.post(&path, &body).await.expect_problem(403, "auth.forbidden");
    let take_in = |query: &str, sha256: &str| {
        let request = api.request(reqwest::Method::POST, &format!("/v1/artifacts?{query}"));
        request.header("content-type", "application/zip").header("x-sha256", sha256.to_owned()).body("other")
    };
    let wrong = api.send(take_in("name=app.zip", &digest(b"bytes"))).await;
    assert_eq!(wrong.expect(422).json["code"], "artifact.mismatch");
    let wrong = api.send(take_in("name=..%2Fapp.zip", &digest(b"other"))).await;
    assert_eq!(wrong.expect(422).json["code"], "artifact.invalid-name");

    // One of the platform's own, before anybody had its bytes.
    let run = scene.run(&api).await;
    scene.platform.finds("artifacts.list-artifacts", json!([{ "id": "a1", "name": "app.bin" }]));
    scene.platform.finds("logs.read", json!({ "text": "built\n" }));
    scene.platform.ends("r1");
    crate::harness::run_over(&api, &run).await;
    let theirs = eventually("the artifact", async || {
        let listed = api.get(&format!("/v1/runs/{run}/artifacts")).await.expect(200).json;
        listed["items"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    api.post(&format!("/v1/artifacts/{theirs}/upload"), &body).await.expect_problem(409, "artifact.not-here");

    // A run of another provider.
    let other = json!({
        "name": "other", "plugin": "whole", "base_url": scene.platform.url,
        "credentials": { "token": { "secret": "ci-token" } }, "grants": { "private_networks": ["127.0.0.1/32"] },
    });
    api.post("/v1/providers", &other).await.expect(201);
    let elsewhere = json!({ "provider": "other", "run": run });
    api.post(&path, &elsewhere).await.expect_problem(422, "run.other-provider");

    // The platform has another file of that name.
    scene.platform.data().refuses = Some("app.zip".into());
    let ended = cli.run(&["artifact", "upload", &id, "--provider", "ci", "--wait", "-o", "json"]).await;
    let operation: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &operation["state"]), (1, &json!("failed")), "{operation:#}");
    assert_eq!(operation["error"]["code"], "call.conflict", "{operation:#}");
}

#[tokio::test]
async fn bytes_that_were_cut_off_go_again_from_their_beginning() {
    let (scene, host, api, _) = Scene::new().await;
    let bytes = bytes();
    let id = stored(&api, "name=app.zip", &bytes).await["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/artifacts/{id}/upload");
    let body = json!({ "provider": "ci" });
    // The answer is lost.
    scene.platform.data().breaks_off = Some("artifact-uploads.plan-upload".into());
    let (result, _) = scene.by_api(&api, "POST", &path, Some(body.clone())).await;
    assert_eq!(result["artifact"]["external_id"], "f-app.zip");
    let sent = scene.platform.asked("artifact-uploads.plan-upload");
    assert_eq!((sent.len(), &sent[0].operation), (2, &sent[1].operation), "by its key it is one");

    // The host is killed in the middle of them.
    scene.platform.data().holds = true;
    let place = api.post(&path, &body).await.expect(202).headers["location"].to_str().unwrap().to_owned();
    scene.platform.held().await;
    let port = host.kill();
    scene.platform.data().holds = false;
    let host = Host::start(&scene.home, Setup { port: Some(port), ..Setup::default() }).await;
    let api = host.api().await;
    let operation = eventually("its end", async || {
        let operation = api.get(&place).await.expect(200).json;
        ["done", "failed", "ambiguous"].contains(&operation["state"].as_str()?).then_some(operation)
    })
    .await;
    assert_eq!((&operation["state"], &operation["attempts"]), (&json!("done"), &json!(2)), "{operation:#}");
    let last = scene.platform.last();
    assert_eq!((&last.arguments["sha256"], last.attempt), (&json!(digest(&bytes)), 2));
    assert_eq!(scene.platform.asked("artifact-uploads.plan-upload").len(), 3, "what was cut off was never whole");
}

#[tokio::test]
async fn bytes_that_were_damaged_here_never_become_an_artifact_there() {
    let (scene, host, api, cli) = Scene::new().await;
    let bytes = bytes();
    let id = stored(&api, "name=app.zip", &bytes).await["id"].as_str().unwrap().to_owned();
    let sha256 = digest(&bytes);
    let file = host.state().join("blobs").join(&sha256[..2]).join(&sha256);
    let mut damaged = bytes.clone();
    damaged[7] ^= 1;
    std::fs::write(&file, damaged).unwrap();
    let ended = cli.run(&["artifact", "upload", &id, "--provider", "ci", "--wait", "-o", "json"]).await;
    let operation: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &operation["state"]), (1, &json!("failed")), "{operation:#}");
    let message = operation["error"]["message"].as_str().unwrap();
    assert!(message.contains("have the sha256"), "{message}");
    assert!(scene.platform.asked("artifact-uploads.plan-upload").is_empty());
}

#[tokio::test]
async fn what_the_platform_has_stated_is_downloaded_as_it_hands_it_out() {
    let (scene, host, api, cli) = Scene::new().await;
    let platform = &scene.platform;
    let sha256 = digest(b"bytes");
    let id = stored(&api, "name=app.zip", b"bytes").await["id"].as_str().unwrap().to_owned();
    let mut stated = vec![
        json!({ "id": "one", "predicate": "https://slsa.dev/provenance/v1" }),
        json!({ "id": "list", "predicate": "https://spdx.dev/Document/v2.3", "pointer": "/all/1/bundle" }),
        json!({ "id": "gone", "predicate": "x" }),
    ];
    platform.finds("attestations.list-attestations", json!(stated));
    platform.finds("bytes=one", json!({ "payload": "first" }));
    platform.finds("bytes=list", json!({ "all": [{}, { "bundle": { "payload": "second" } }] }));
    let bundle = |index: usize| format!("/v1/providers/ci/attestations/{index}/bundle?digest=sha256:{sha256}");
    let one = api.get(&bundle(0)).await.expect(200);
    assert_eq!(one.bytes, json!({ "payload": "first" }).to_string().as_bytes());
    assert_eq!(one.headers["x-content-type-options"], "nosniff");
    let other = api.get(&bundle(1)).await.expect(200);
    assert_eq!(other.bytes, json!({ "payload": "second" }).to_string().as_bytes());
    assert_eq!(platform.read("attestations.list-attestations")["digest"], sha256);
    assert_eq!(api.get(&bundle(2)).await.expect(404).json["code"], "call.not-found");
    api.get(&bundle(3)).await.expect_problem(404, "attestation.not-found");

    stated.pop();
    platform.finds("attestations.list-attestations", json!(stated));
    let listed = cli.json(&["artifact", "attestations", &id, "--provider", "ci"]).await;
    assert_eq!(listed[1]["predicate"], "https://spdx.dev/Document/v2.3");
    let refused = cli.run(&["artifact", "attestations", &id]).await.expect_code(2);
    assert!(refused.stderr.contains("--provider"), "{}", refused.stderr);
    let download = ["artifact", "attestations", &id, "--provider", "ci", "--download", "statements"];
    let done = cli.json(&download).await;
    let directory = host.home().work().join("statements");
    for (index, payload) in ["first", "second"].into_iter().enumerate() {
        let file = format!("statements/{}-{index}.json", &sha256[..12]);
        assert_eq!(done[index]["file"], file);
        let read: Value = serde_json::from_slice(&std::fs::read(host.home().work().join(file)).unwrap()).unwrap();
        assert_eq!(read["payload"], payload);
    }
    assert_eq!(std::fs::read_dir(directory).unwrap().count(), 2, "nothing else is left there");
    assert!(cli.run(&download).await.code != 0, "a file that is there is not replaced unasked");
}
