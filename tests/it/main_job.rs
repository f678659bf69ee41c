//! The main job, by the API and by the command line: the same objects.

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::{Repository, SCRIPT, SIGNING, World, assert_are_features, pipeline_body, spoke, version_of};

#[tokio::test]
async fn the_main_job_by_api() {
    let world = World::new().await;
    let repository = Repository::new(SCRIPT);
    let api = &world.api;

    world.add_provider().await;
    let provider = api.get("/v1/providers/ci").await.expect(200);
    assert_eq!(provider.json["credentials"]["signing"]["secret"], "ci-signing");
    let found = api.act("/v1/providers/ci/check").await.expect(200);
    assert_eq!(found.json["provider"]["health"]["healthy"], true);
    assert_eq!(found.json["features"], json!(["run-cancel"]));
    assert_are_features(&found.json["features"]);

    let made = api.post("/v1/pipelines", &pipeline_body("backend", &repository)).await.expect(201);
    assert_eq!(made.json["pipeline"]["parameters"].as_array().unwrap().len(), 4, "{:#}", made.json);

    let wish = json!({ "parameters": { "VERSION": "1.2.3", "RELEASE": "true" }, "environment": { "EXTRA": "1" } });
    let trigger = || api.request(Method::POST, "/v1/pipelines/backend/runs").header("idempotency-key", "k-1");
    let accepted = api.send(trigger().json(&wish)).await.expect(202);
    let id = accepted.text("/run/id").to_owned();
    assert_eq!(accepted.headers["location"], format!("/v1/runs/{id}"));
    let again = api.send(trigger().json(&wish)).await.expect(202);
    assert_eq!(again.text("/run/id"), id, "the same key is the same run");
    api.send(trigger().json(&json!({ "parameters": { "VERSION": "2" } }))).await.expect(422);

    // Followed from the beginning, the log ends by itself when the job does.
    let log = api.open(&format!("/v1/runs/{id}/logs?job=build&follow=true")).await.text().await.unwrap();
    assert!(log.contains("building version 1.2.3 for production\n"), "{log}");
    assert!(log.ends_with("built\n"), "{log}");

    let run = world.run_over(&id).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert_eq!(run["external_id"], "build-1");
    assert_eq!(run["commit"], repository.commit());
    spoke("git", &version_of("git"));
    assert_eq!(run["platform"], "built", "the platform's own word is kept");
    assert!(run["queued_ms"].is_i64() && run["duration_ms"].is_i64(), "{run:#}");
    let jobs = run["graph"]["jobs"].as_array().unwrap();
    for job in jobs {
        assert!(job["duration_ms"].is_i64(), "{job:#}");
        assert!(job["steps"].as_array().unwrap().iter().all(|step| step["duration_ms"].is_i64()), "{job:#}");
    }
    graph_in_every_form(&world, &id).await;

    let listed = api.get(&format!("/v1/runs/{id}/artifacts")).await.expect(200);
    let artifact = &listed.json["items"][0];
    assert_eq!((artifact["name"].as_str(), artifact["version"].as_str()), (Some("app.bin"), Some("1.2.3")));
    let content = api.get(&format!("/v1/artifacts/{}/content", artifact["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(&content.bytes[..], b"program 1.2.3\n");
    assert_eq!(artifact["sha256"], hex::encode(Sha256::digest(&content.bytes)));

    events_can_be_resumed(&world, &id).await;
    let attempts = api.get(&format!("/v1/runs/{id}/attempts")).await.expect(200);
    assert_eq!(attempts.json["items"].as_array().unwrap().len(), 1);
    let found = api.get("/v1/pipelines/backend/statistics").await.expect(200).json;
    assert_eq!((&found["runs"], &found["success_rate"]), (&json!(1), &json!(1.0)), "{found:#}");
    assert_eq!((&found["duration"]["count"], &found["flaky_jobs"]), (&json!(1), &json!([])), "{found:#}");
    assert!(found["slowest_steps"].as_array().unwrap().iter().any(|step| step["job"] == "build"), "{found:#}");

    let tally = world.ci.tally();
    assert_eq!((tally.runs.len(), tally.requests), (1, 1), "{tally:#?}");
    assert_eq!(tally.runs[0].environment["EXTRA"], "1");
    assert_eq!(tally.runs[0].parameters["LEVEL"], "fast", "defaults are filled in");
    assert_eq!(tally.complaints, Vec::<String>::new());

    api.delete("/v1/providers/ci").await.expect_problem(409, "provider.in-use");
    api.delete("/v1/pipelines/backend").await.expect(204);
    assert_eq!(world.run(&id).await["pipeline"], "backend", "runs outlive their pipeline");
}

async fn graph_in_every_form(world: &World, id: &str) {
    let json = world.api.get(&format!("/v1/runs/{id}/graph")).await.expect(200).json;
    let publish = json["jobs"].as_array().unwrap().iter().find(|job| job["id"] == "publish");
    assert_eq!(publish.unwrap()["needs"], json!(["build"]), "{json:#}");
    for (format, wanted) in [("mermaid", "build"), ("dot", "digraph"), ("tree", "publish")] {
        let answer = world.api.get(&format!("/v1/runs/{id}/graph?format={format}")).await.expect(200);
        let text = String::from_utf8(answer.bytes.to_vec()).unwrap();
        assert!(text.contains(wanted) && text.contains("publish"), "{format}:\n{text}");
    }
}

async fn events_can_be_resumed(world: &World, id: &str) {
    let all = world.api.get(&format!("/v1/events?run={id}&limit=500")).await.expect(200).json;
    let events = all["items"].as_array().unwrap();
    let states: Vec<_> =
        events.iter().filter(|event| event["kind"] == "run.state").map(|event| event["data"]["to"].clone()).collect();
    assert_eq!(states.last(), Some(&Value::from("succeeded")), "{all:#}");
    let middle = events[events.len() / 2]["id"].as_i64().unwrap();
    let rest = world.api.get(&format!("/v1/events?run={id}&limit=500&after={middle}")).await.expect(200).json;
    assert_eq!(rest["items"].as_array().unwrap()[..], events[events.len() / 2 + 1..]);
}

#[tokio::test]
async fn the_main_job_by_cli() {
    let world = World::new().await;
    let repository = Repository::new(SCRIPT);
    let cli = &world.cli;

    cli.run_with_input(&["secret", "set", "ci-signing"], Some(SIGNING)).await.expect_code(0);
    let (hook, source) = (world.ci.hook_url(), repository.url());
    let mut words = vec!["provider", "add", "ci", "--plugin", "webhook", "--base-url", &hook];
    words.extend(["--credential", "signing=ci-signing", "--grant-network", "127.0.0.1/32"]);
    cli.ok(&words).await;
    let taken = cli.run(&words).await.expect_code(1);
    assert!(taken.stderr.contains("provider.name-taken") && taken.stderr.contains("hint"), "{taken}");

    let mut words =
        vec!["pipeline", "create", "backend", "--provider", "ci", "--repository", &source, "--ref", "develop"];
    words.extend(["-e", "BUILD_ENV=production", "--param", "VERSION!", "--param", "RELEASE:bool=false"]);
    cli.ok(&words).await;
    cli.ok(&["pipeline", "update", "backend", "--ref", "main"]).await;
    let refused = cli.run(&["pipeline", "run", "backend", "-p", "VERSION=1", "-p", "RELEASE=perhaps"]).await;
    let refused = refused.expect_code(2);
    assert!(refused.stderr.contains("RELEASE") && refused.stderr.contains("perhaps"), "{refused}");

    let words = ["pipeline", "run", "backend", "-p", "VERSION=1.2.3", "-p", "RELEASE=true", "--watch", "--exit-status"];
    let watched = cli.run(&words).await.expect_code(0);
    assert!(watched.stdout.contains("succeeded"), "{watched}");
    let listed = cli.json(&["run", "list"]).await;
    let runs = listed.as_array().or_else(|| listed["items"].as_array()).unwrap();
    assert_eq!(runs.len(), 1, "what was refused made no run: {listed:#}");
    let id = runs[0]["id"].as_str().unwrap();
    assert_eq!(cli.json(&["run", "show", id]).await["state"], "succeeded");

    let log = cli.ok(&["run", "logs", id, "-f", "--job", "build"]).await;
    assert!(log.contains("building version 1.2.3 for production\n"), "{log}");
    for (format, wanted) in [("tree", "publish"), ("mermaid", "-->"), ("dot", "digraph"), ("json", "\"needs\"")] {
        let drawn = cli.ok(&["run", "graph", id, "--format", format]).await;
        assert!(drawn.contains(wanted), "{format}:\n{drawn}");
    }

    let shown = cli.ok(&["run", "stats", "backend"]).await;
    assert!(shown.contains("100.0 %") && shown.contains("1 succeeded") && shown.contains("SLOWEST STEPS"), "{shown}");

    assert!(cli.ok(&["artifact", "list", "--run", id]).await.contains("app.bin"));
    cli.ok(&["artifact", "download", "--run", id, "--dir", "out"]).await;
    let file = world.home().work().join("out/app.bin");
    assert_eq!(std::fs::read(&file).unwrap(), b"program 1.2.3\n");
    cli.run(&["artifact", "download", "--run", id, "--dir", "out"]).await.expect_code(2);
    assert_eq!(world.ci.tally().complaints, Vec::<String>::new());
}

/// Everything in it that is another on every run, replaced by what it is.
fn settled(text: &str, world: &World, repository: &Repository) -> String {
    text.replace(&world.ci.hook_url(), "HOOK")
        .replace(&world.ci.address().to_string(), "CI")
        .replace(&repository.url(), "REPOSITORY")
        .replace(&repository.commit(), "COMMIT")
}

#[tokio::test]
async fn what_the_command_line_shows_of_the_main_job_is_what_it_has_always_shown() {
    let world = World::new().await;
    let repository = Repository::new(SCRIPT);
    world.add_pipeline(&repository).await;
    let (id, _) = world.trigger(&[("VERSION", "1.2.3")]).await;
    world.run_over(&id).await;
    let mut transcript = String::new();
    for words in [
        vec!["plugin", "list"],
        vec!["provider", "list"],
        vec!["provider", "show", "ci"],
        vec!["pipeline", "list"],
        vec!["pipeline", "show", "backend"],
        vec!["pipeline", "run", "backend", "-p", "VERSION=1", "-p", "LEVEL=slow"],
        vec!["run", "list"],
        vec!["run", "show", &id],
        vec!["run", "graph", &id],
        vec!["run", "graph", &id, "--format", "mermaid"],
        vec!["run", "logs", &id],
        vec!["artifact", "list", "--run", &id],
        vec!["secret", "list"],
        vec!["operation", "list"],
        vec!["provider", "remove", "ci"],
    ] {
        transcript.push_str(&settled(&world.cli.run(&words).await.to_string(), &world, &repository));
        transcript.push('\n');
    }
    insta::with_settings!({ filters => [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "00000000-0000-7000-8000-000000000000"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "0000-00-00T00:00:00.000Z"),
        // Times and what they push around in a table.
        (r"\b\d+(\.\d+)? ?(ms|s)\b", "TIME"),
        (r"(\S) {2,}", "$1  "),
    ] }, { insta::assert_snapshot!(transcript) });
}
