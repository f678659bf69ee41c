//! A pipeline as its platform has it: its definition, its state, its schedules, tokens that start it.

use super::whole::HANDED_OUT;
use super::*;

#[tokio::test]
async fn a_definition_its_parameters_and_what_the_platform_thinks_of_it_are_read() {
    let (scene, _host, api, cli) = Scene::new().await;
    let platform = &scene.platform;
    let definition =
        json!({ "name": "app", "location": "ci/app.yaml", "source": "stages: [build]\n", "schedules": ["0 3 * * *"] });
    platform.finds("pipeline-definitions.read", definition);
    let shown = api.get("/v1/pipelines/app/definition").await.expect(200).json;
    assert_eq!((&shown["source"], &shown["schedules"][0]), (&json!("stages: [build]\n"), &json!("0 3 * * *")));
    assert_eq!(cli.ok(&["pipeline", "definition", "app"]).await, "stages: [build]\n");

    platform.finds("pipelines.parameters", json!([{ "name": "TARGET" }]));
    let listed = api.get("/v1/pipelines/app/parameters?reference=v1").await.expect(200).json;
    assert_eq!(listed["items"][0]["name"], "TARGET");
    assert_eq!(platform.read("pipelines.parameters")["reference"], "v1");
    assert_eq!(cli.json(&["pipeline", "parameters", "app", "--ref", "v1"]).await, listed["items"]);

    platform.finds("pipeline-lint.validate", json!([{ "severity": "warning", "message": "no tests", "line": 3 }]));
    let body = json!({ "source": "stages: [build]\n" });
    let found = api.post("/v1/providers/ci/pipelines/validate", &body).await.expect(200).json;
    assert_eq!((&found["valid"], &found["findings"][0]["line"]), (&json!(true), &json!(3)));
    platform.finds("pipeline-lint.validate", json!([{ "severity": "error", "message": "no stage" }]));
    std::fs::write(scene.home.work().join("app.yaml"), "stages: []\n").unwrap();
    let ended = cli.run(&["pipeline", "validate", "app.yaml", "--provider", "ci"]).await.expect_code(1);
    assert_eq!(ended.stdout, "error no stage\nnot valid\n");
    assert_eq!(platform.read("pipeline-lint.validate")["source"], "stages: []\n");
}

#[tokio::test]
async fn a_pipeline_is_switched_copied_and_moved() {
    let (scene, _host, api, cli) = Scene::new().await;
    let platform = &scene.platform;
    platform.answers("pipeline-state.set-enabled", json!({ "id": "app" }));
    let one = scene.by_api(&api, "POST", "/v1/pipelines/app/disable", None).await;
    let other = scene.by_cli(&cli, &["pipeline", "disable", "app"]).await;
    let asked = json!({ "pipeline": "app", "enabled": false });
    let result = same(one, other, "pipeline-state.set-enabled", &asked);
    assert_eq!(result["pipeline"]["enabled"], json!(false), "{result:#}");
    let (result, (_, asked)) = scene.by_cli(&cli, &["pipeline", "enable", "app"]).await;
    assert_eq!((&result["pipeline"]["enabled"], &asked["enabled"]), (&json!(true), &json!(true)));
    scene.by_api(&api, "POST", "/v1/pipelines/app/enable", None).await;

    for (way, name) in [("api", "app-2"), ("cli", "app-3")] {
        platform.answers("pipeline-copies.copy", json!({ "id": format!("team/{name}"), "name": name }));
        let (_, asked) = match way {
            "api" => scene.by_api(&api, "POST", "/v1/pipelines/app/copy", Some(json!({ "name": name }))).await,
            _ => scene.by_cli(&cli, &["pipeline", "copy", "app", name]).await,
        };
        assert_eq!(asked.1, json!({ "pipeline": "app", "name": name, "location": null }));
        let copy = api.get(&format!("/v1/pipelines/{name}")).await.expect(200).json;
        assert_eq!(copy["external_ref"], format!("team/{name}"), "it is one of ours: {copy:#}");
    }
    let taken = api.post("/v1/pipelines/app/copy", &json!({ "name": "app-2" })).await;
    taken.expect_problem(409, "pipeline.name-taken");

    platform.answers("pipeline-copies.relocate", json!({ "id": "team/app", "name": "app" }));
    let body = json!({ "location": "team" });
    let (_, asked) = scene.by_api(&api, "POST", "/v1/pipelines/app/move", Some(body)).await;
    assert_eq!(asked.1, json!({ "pipeline": "app", "name": null, "location": "team" }));
    assert_eq!(api.get("/v1/pipelines/app").await.expect(200).text("/external_ref"), "team/app", "its id changed");
    let (_, asked) = scene.by_cli(&cli, &["pipeline", "move", "app", "--rename", "app"]).await;
    assert_eq!(
        asked,
        ("pipeline-copies.relocate".into(), json!({ "pipeline": "team/app", "name": "app", "location": null }))
    );
    let refused = api.post("/v1/pipelines/app/move", &json!({})).await.expect(422);
    assert_eq!(refused.text("/code"), "field.invalid");
}

#[tokio::test]
async fn schedules_are_listed_put_played_and_deleted() {
    let (scene, _host, api, cli) = Scene::new().await;
    let platform = &scene.platform;
    let schedule = json!({ "id": "s1", "cron": "0 3 * * *", "enabled": true, "next_run": 1_700_000_000_000_u64 });
    platform.finds("pipeline-schedules.list-schedules", json!([schedule]));
    platform.answers("pipeline-schedules.put-schedule", schedule);
    let listed = api.get("/v1/pipelines/app/schedules").await.expect(200).json;
    assert_eq!(listed["items"][0]["next_run"], "2023-11-14T22:13:20.000Z");
    assert_eq!(cli.json(&["pipeline", "schedule", "list", "app"]).await, listed["items"]);

    let body = json!({ "cron": "0 3 * * *", "variables": { "A": "1" } });
    let one = scene.by_api(&api, "POST", "/v1/pipelines/app/schedules", Some(body.clone())).await;
    let put = ["pipeline", "schedule", "put", "app", "0 3 * * *", "-p", "A=1"];
    let other = scene.by_cli(&cli, &put).await;
    let asked = json!({ "pipeline": "app", "schedule": null, "cron": "0 3 * * *", "enabled": true, "given.A": "1" });
    let result = same(one, other, "pipeline-schedules.put-schedule", &asked);
    assert_eq!(result["schedule"], listed["items"][0]);
    let one = scene.by_api(&api, "PUT", "/v1/pipelines/app/schedules/s1", Some(body)).await;
    let other = scene.by_cli(&cli, &[&put[..], &["--schedule", "s1"]].concat()).await;
    let asked = json!({ "pipeline": "app", "schedule": "s1", "cron": "0 3 * * *", "enabled": true, "given.A": "1" });
    same(one, other, "pipeline-schedules.put-schedule", &asked);

    platform.answers("pipeline-schedules.play-schedule", json!({ "ticket": "q7" }));
    let (result, asked) = scene.by_api(&api, "POST", "/v1/pipelines/app/schedules/s1/play", None).await;
    assert_eq!(result["run"], json!({ "external_id": null, "ticket": "q7" }));
    let token = platform.last().operation.replace('-', "");
    assert_eq!(asked.1, json!({ "pipeline": "app", "schedule": "s1", "correlation": token }));
    scene.by_cli(&cli, &["pipeline", "schedule", "play", "app", "s1"]).await;

    let one = scene.by_api(&api, "DELETE", "/v1/pipelines/app/schedules/s1", None).await;
    let other = scene.by_cli(&cli, &["pipeline", "schedule", "delete", "app", "s1"]).await;
    same(one, other, "pipeline-schedules.delete-schedule", &json!({ "pipeline": "app", "schedule": "s1" }));
}

#[tokio::test]
async fn a_token_that_starts_a_pipeline_becomes_a_secret_and_is_never_shown() {
    let (scene, host, api, cli) = Scene::new().await;
    let platform = &scene.platform;
    platform.answers("pipeline-triggers.create-token", json!({ "id": "t1", "token": HANDED_OUT, "note": HANDED_OUT }));
    let body = json!({ "description": "for the bot", "keep_as": "bot-1" });
    let (result, asked) = scene.by_api(&api, "POST", "/v1/pipelines/app/trigger-tokens", Some(body.clone())).await;
    assert_eq!(asked.1, json!({ "pipeline": "app", "description": "for the bot" }));
    assert_eq!(
        (&result["trigger_token"]["id"], &result["trigger_token"]["more"]["x-note"]),
        (&json!("t1"), &json!("***"))
    );
    let create = ["pipeline", "trigger-token", "create", "app", "for the bot", "--keep-as", "bot-2"];
    scene.by_cli(&cli, &create).await;
    let names = cli.json(&["secret", "list"]).await;
    let names: Vec<_> = names.as_array().unwrap().iter().map(|secret| secret["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bot-1", "bot-2", "ci-token"]);

    // It is a secret like every other: placed by its name, shown nowhere.
    let put = ["remote", "secret", "put", "BOT", "--provider", "ci", "--part", "value=bot-1"];
    let (_, (_, asked)) = scene.by_cli(&cli, &put).await;
    assert_eq!(asked["part.value"], HANDED_OUT);
    for path in ["/v1/operations?limit=200", "/v1/events?limit=500", "/v1/audit?limit=200", "/v1/secrets"] {
        let shown = String::from_utf8(api.get(path).await.expect(200).bytes.to_vec()).unwrap();
        assert!(!shown.contains(HANDED_OUT), "{path}: {shown}");
    }
    let taken = api.post("/v1/pipelines/app/trigger-tokens", &body).await;
    taken.expect_problem(409, "secret.name-taken");
    let operator = json!({ "name": "operator", "role": "operator" });
    let operator = api.post("/v1/tokens", &operator).await.expect(201).text("/value").to_owned();
    let refused = api.with_token(Some(&operator)).post("/v1/pipelines/app/trigger-tokens", &body).await;
    refused.expect_problem(403, "auth.forbidden");

    platform.finds("pipeline-triggers.list-tokens", json!([{ "id": "t1", "description": "for the bot" }]));
    let listed = api.get("/v1/pipelines/app/trigger-tokens").await.expect(200).json;
    assert_eq!(cli.json(&["pipeline", "trigger-token", "list", "app"]).await, listed["items"]);
    let one = scene.by_api(&api, "DELETE", "/v1/pipelines/app/trigger-tokens/t1", None).await;
    let other = scene.by_cli(&cli, &["pipeline", "trigger-token", "delete", "app", "t1"]).await;
    same(one, other, "pipeline-triggers.delete-token", &json!({ "pipeline": "app", "token": "t1" }));
    drop(host);
    let written = std::fs::read_to_string(scene.home.log()).unwrap();
    assert!(!written.contains(HANDED_OUT));
}

#[tokio::test]
async fn a_pipeline_is_made_changed_and_deleted_on_its_platform() {
    let (scene, _host, api, cli) = Scene::new().await;
    let platform = &scene.platform;
    platform.answers("pipeline-definitions.create", json!({ "id": "made-1" }));
    platform.answers("pipeline-definitions.update", json!({ "id": "made-1" }));
    for (way, name) in [("api", "one"), ("cli", "two")] {
        match way {
            "api" => drop(api.post("/v1/pipelines", &json!({ "name": name, "provider": "ci" })).await.expect(202)),
            _ => drop(cli.ok(&["pipeline", "create", name, "--provider", "ci"]).await),
        }
        let asked = eventually("the pipeline on the platform", async || {
            let pipeline = api.get(&format!("/v1/pipelines/{name}")).await.expect(200).json;
            pipeline["external_ref"].as_str().map(|_| platform.last())
        })
        .await;
        assert_eq!((asked.function.as_str(), &asked.arguments["name"]), ("pipeline-definitions.create", &json!(name)));
        let repository = format!("https://git.example.com/{name}");
        match way {
            "api" => {
                let request = api.request(reqwest::Method::PATCH, &format!("/v1/pipelines/{name}"));
                drop(api.send(request.json(&json!({ "repository": repository }))).await.expect(202));
            }
            _ => drop(cli.ok(&["pipeline", "update", name, "--repository", &repository]).await),
        }
        let asked = eventually("the change on the platform", async || {
            let asked = platform.asked("pipeline-definitions.update");
            asked.into_iter().find(|asked| asked.arguments["name"] == name)
        })
        .await;
        assert_eq!(asked.arguments["repository"], repository);
        let before = platform.asked("pipeline-definitions.delete").len();
        match way {
            "api" => drop(api.delete(&format!("/v1/pipelines/{name}?remote=true")).await.expect(202)),
            _ => drop(cli.ok(&["pipeline", "delete", name, "--remote"]).await),
        }
        eventually("its end on the platform", async || {
            (platform.asked("pipeline-definitions.delete").len() > before).then_some(())
        })
        .await;
        assert_eq!(platform.last().arguments, json!({ "pipeline": "made-1" }));
    }
}
