//! From a builder that is there to a run that is over.

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::harness::{PASSWORD, PATIENCE, assert_are_features, spoke};

use super::{Site, log_path};

#[tokio::test]
async fn a_buildbot_builds_what_was_asked_and_its_log_is_followed_live() {
    let site = Site::without_provider().await;
    let (cli, buildbot) = (&site.cli, &site.buildbot);
    cli.run_with_input(&["secret", "set", "bb-password"], Some(PASSWORD)).await.expect_code(0);
    let url = buildbot.url();
    let mut words = vec!["provider", "add", "bb", "--plugin", "buildbot", "--base-url", &url];
    words.extend(["--credential", "session=bb-password", "--username", "session=op"]);
    words.extend(["--grant-network", "127.0.0.1/32"]);
    cli.ok(&words).await;

    let found = site.api.act("/v1/providers/bb/check").await.expect(200).json;
    assert!(found["account"].as_str().is_some_and(|account| account.contains("op")), "{found:#}");
    assert!(found["platform_version"].as_str().is_some_and(|version| version.contains("4.3.0")), "{found:#}");
    assert_eq!(found["missing_permissions"], json!([]), "{found:#}");
    assert_are_features(&found["features"]);

    let listed = cli.ok(&["pipeline", "list", "--provider", "bb", "--remote"]).await;
    for builder in ["backend", "gated", "team/nächtlich"] {
        assert!(listed.contains(builder), "{builder}:\n{listed}");
    }
    parameters_are_typed(&site).await;

    let mut words = vec!["pipeline", "run", "backend", "--watch", "--exit-status", "-p", "VERSION=1.2.3"];
    words.extend(["-p", "RELEASE=true", "-p", "LEVEL=full", "-p", "JOBS=4"]);
    // Buildbot's way to a step's environment: a field of the form, whose property the step names.
    words.extend(["-e", "REGION=south"]);
    words.extend(["-p", "ON=mac", "-p", "ON=bsd"]);
    let watched = cli.run(&words).await.expect_code(0);
    assert!(watched.stdout.contains("succeeded"), "{watched}");
    let id = cli.json(&["run", "list"]).await[0]["id"].as_str().unwrap().to_owned();
    let run = site.run_over(&id).await;
    assert_eq!((run["state"].as_str(), run["origin"].as_str()), (Some("succeeded"), Some("us")), "{run:#}");
    let steps = run["graph"]["jobs"][0]["steps"].as_array().unwrap();
    for name in ["build", "test", "publish"] {
        let step = steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no {name}: {run:#}"));
        assert!(step["state"] == "succeeded" && step["duration_ms"].is_i64(), "{step:#}");
    }
    let log = site.log(&id).await;
    assert!(
        log.contains("building version 1.2.3 release True level full jobs 4 region south on [mac, bsd]\n"),
        "{log}"
    );
    assert!(log.contains("to the other stream\n") && log.contains("tested\n"), "{log}");

    live(&site).await;
    assert_eq!(buildbot.builds("backend").await.len(), 1);
    assert_eq!(buildbot.requests().await.len(), 2, "what was refused has not reached it");
    spoke("buildbot", &buildbot.version().await);
}

/// The fields of the force scheduler are the pipeline's parameters, and a run that does not fit them is refused here.
async fn parameters_are_typed(site: &Site) {
    let backend = site.adopt("backend", "backend").await;
    let parameters = backend["parameters"].as_array().unwrap();
    let rows = [
        ("VERSION", "string", Value::Null, true),
        ("RELEASE", "bool", json!("false"), false),
        ("LEVEL", "choice", json!("fast"), false),
        ("RESULT", "choice", json!("success"), false),
        ("JOBS", "number", json!("2"), false),
        ("ON", "list", json!(r#"["linux"]"#), false),
        ("REGION", "string", json!("north"), false),
    ];
    for (name, kind, default, required) in rows {
        let found = parameters.iter().find(|parameter| parameter["name"] == name);
        let found = found.unwrap_or_else(|| panic!("{name}: {backend:#}"));
        let said = (&found["kind"], found.get("default").unwrap_or(&Value::Null), &found["required"]);
        assert_eq!(said, (&json!(kind), &default, &json!(required)), "{name}: {found:#}");
    }
    let level = parameters.iter().find(|parameter| parameter["name"] == "LEVEL").unwrap();
    assert_eq!(level["choices"], json!(["fast", "full"]));
    for wrong in [
        json!({ "VERSION": "1", "LEVEL": "loud" }),
        json!({ "VERSION": "1", "JOBS": "many" }),
        json!({}),
        json!({ "VERSION": "1", "ON": ["mac", "os2"] }),
    ] {
        let answer = site.api.post("/v1/pipelines/backend/runs", &json!({ "parameters": wrong })).await;
        assert_eq!(answer.status, 422, "{wrong}: {:#}", answer.json);
    }
}

/// The first word is here while the build goes on.
async fn live(site: &Site) {
    site.adopt("gated", "gated").await;
    let (id, _) = site.trigger("gated", &[("VERSION", "7")]).await;
    site.has_begun(&id).await;
    assert_eq!(site.run(&id).await["state"], "running");
    let path = format!("{}&follow=true", log_path(&site.api, &id).await);
    let mut stream = site.api.open(&path).await.bytes_stream();
    let mut text = Vec::new();
    while !text.ends_with(b"first of 7\n") {
        let part = tokio::time::timeout(PATIENCE, stream.next()).await.expect("the first word comes live");
        text.extend_from_slice(&part.unwrap().unwrap());
    }
    site.buildbot.open("gate");
    while let Some(part) = stream.next().await {
        text.extend_from_slice(&part.unwrap());
    }
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.matches("first of 7\n").count(), 1, "{text}");
    assert_eq!(text.matches("\nsecond of 7\n").count(), 1, "{text}");
    assert_eq!(site.run_over(&id).await["state"], "succeeded");
}

#[tokio::test]
async fn what_a_build_came_to_is_what_its_run_says() {
    let site = Site::new().await;
    site.adopt("backend", "backend").await;
    let rows = [
        ("success", 0, "succeeded", json!([])),
        ("warnings", 1, "succeeded", json!(["warnings"])),
        ("failure", 2, "failed", json!([])),
    ];
    for (nth, (result, code, state, conditions)) in rows.into_iter().enumerate() {
        let (id, _) = site.trigger("backend", &[("VERSION", "1"), ("RESULT", result)]).await;
        let run = site.run_over(&id).await;
        assert_eq!((&run["state"], &run["conditions"]), (&json!(state), &conditions), "{result}: {run:#}");
        assert!(run["platform"].as_str().is_some_and(|word| !word.is_empty()), "{run:#}");
        let builds = site.buildbot.builds("backend").await;
        assert_eq!((builds.len(), &builds[nth]["results"]), (nth + 1, &json!(code)), "{result}");
        let test = run["graph"]["jobs"][0]["steps"].as_array().unwrap().iter().find(|step| step["name"] == "test");
        assert_eq!(test.unwrap()["state"], state, "{run:#}");
    }
}

#[tokio::test]
async fn a_builder_of_any_name_is_a_pipeline() {
    let site = Site::new().await;
    let name = site.adopt("team/nächtlich", "nightly").await["name"].as_str().unwrap().to_owned();
    let (id, _) = site.trigger(&name, &[]).await;
    assert_eq!(site.run_over(&id).await["state"], "succeeded");
    assert!(site.log(&id).await.contains("by night\n"));
    assert_eq!(site.buildbot.builds("team/nächtlich").await.len(), 1);
}
