//! What others start is seen, and what a platform has of it comes by the plugin's plans: its log and its artifacts.

use sha2::{Digest as _, Sha256};

use super::*;

/// The run of ours that the platform calls so.
async fn known(api: &Api, build: &str) -> serde_json::Value {
    eventually(build, async || {
        let runs = api.get("/v1/runs?limit=200").await.expect(200).json;
        runs["items"].as_array().unwrap().iter().find(|run| run["external_id"] == build).cloned()
    })
    .await
}

#[tokio::test]
async fn a_run_that_a_push_started_is_followed_with_its_log_and_its_artifacts() {
    let polled = Platform::start().await;
    // Over before anybody looked: history.
    polled.started("push", "failed");
    let (polled, _host, api, cli) = Polled::on(polled).await;
    let build = polled.platform.started("push", "running");
    let log = "compiling\r\nthe token is polled-token-of-some-length\r\nlinking";
    polled.platform.data().logs.insert((build.clone(), "compile".into()), log.into());
    let bytes = b"program".repeat(100_000);
    let files = vec![("app.bin".to_owned(), bytes.clone()), ("notes.txt".to_owned(), b"notes".to_vec())];
    polled.platform.data().files.insert(build.clone(), files);

    let run = known(&api, &build).await;
    assert_eq!((&run["origin"], &run["pipeline"]), (&json!("push"), &json!("app")));
    let id = run["id"].as_str().unwrap();
    polled.platform.set(&build, "passed");
    crate::harness::run_over(&api, id).await;
    assert_eq!(api.get("/v1/runs").await.expect(200).json["items"].as_array().unwrap().len(), 1, "history is none");
    let log = cli.ok(&["run", "logs", id, "--job", "compile"]).await;
    assert!(log.starts_with("compiling\nthe token is ") && log.ends_with("linking"), "{log}");
    assert!(!log.contains(TOKEN), "{log}");

    let listed = cli.json(&["artifact", "list", "--run", id]).await;
    let app = listed.as_array().unwrap().iter().find(|artifact| artifact["name"] == "app.bin").unwrap();
    assert_eq!(
        (&app["sha256"], &app["size"], &app["external_id"]),
        (&json!(null), &json!(bytes.len()), &json!("app.bin"))
    );
    assert!(polled.platform.data().reads.iter().all(|path| !path.starts_with("/bytes/")), "nobody asked for bytes yet");
    let digest = hex::encode(Sha256::digest(&bytes));
    for round in ["first", "second"] {
        let done = cli.json(&["artifact", "download", "--run", id, "--name", "app.bin", "--dir", round]).await;
        assert_eq!((&done[0]["sha256"], &done[0]["size"]), (&json!(digest), &json!(bytes.len())));
    }
    let fetched = polled.platform.data().reads.iter().filter(|path| *path == "/bytes/app.bin").count();
    assert_eq!(fetched, 1, "kept from then on");
    assert_eq!(polled.platform.data().anonymous, ["/bytes/app.bin"], "no credential where the plan names none");
    let path = format!("/v1/artifacts/{}", app["id"].as_str().unwrap());
    assert_eq!(api.get(&path).await.expect(200).text("/sha256"), digest);
    let events = api.get(&format!("/v1/events?run={id}&limit=500")).await.expect(200).json;
    let created = events["items"].as_array().unwrap().iter().filter(|event| event["kind"] == "artifact.created");
    assert_eq!(created.count(), 1, "once, when all bytes were here and checked");
}

#[tokio::test]
async fn bytes_that_are_not_what_was_said_are_not_kept() {
    let (polled, _host, api, cli) = Polled::on(Platform::start().await).await;
    let build = polled.platform.started("manual", "running");
    polled.platform.data().files.insert(build.clone(), vec![("app.bin".into(), b"program".to_vec())]);
    let run = known(&api, &build).await["id"].as_str().unwrap().to_owned();
    polled.platform.set(&build, "passed");
    crate::harness::run_over(&api, &run).await;
    let artifact = api.get(&format!("/v1/runs/{run}/artifacts")).await.expect(200).text("/items/0/id").to_owned();
    let path = format!("/v1/artifacts/{artifact}/content");

    polled.platform.data().damaged = true;
    let refused = api.get(&path).await;
    assert_eq!(refused.text("/code"), "artifact.mismatch");
    polled.platform.data().damaged = false;
    polled.platform.data().files.clear();
    assert_eq!(api.get(&path).await.expect(404).text("/code"), "call.not-found");
    cli.run(&["artifact", "download", &artifact]).await.expect_code(1);
    let shown = api.get(&format!("/v1/artifacts/{artifact}")).await.expect(200).json;
    assert_eq!(shown["sha256"], json!(null));
    polled.platform.data().files.insert(build, vec![("app.bin".into(), b"program".to_vec())]);
    assert_eq!(api.get(&path).await.expect(200).bytes, b"program".as_slice());
}

#[tokio::test]
async fn a_run_of_ours_is_listed_on_the_platform_and_never_doubled() {
    let (polled, host, api, _) = Polled::on(Platform::start().await).await;
    let (run, build) = polled.run_to(&api, "passed").await;
    let other = polled.platform.started("schedule", "running");
    let found = known(&api, &other).await;
    assert_eq!(found["origin"], "schedule");
    let port = host.kill();
    let third = polled.platform.started("manual", "failed");
    let host = Host::start(&polled.home, Setup { port: Some(port), ..Setup::default() }).await;
    let api = host.api().await;
    // Started and over while nobody looked, and newer than what was seen.
    known(&api, &third).await;
    let runs = api.get("/v1/runs").await.expect(200).json;
    let mut ids: Vec<_> = runs["items"].as_array().unwrap().iter().map(|run| run["external_id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, [json!(build), json!(other), json!(third)]);
    assert_eq!(api.get(&format!("/v1/runs/{run}")).await.expect(200).json["origin"], "us");
}
