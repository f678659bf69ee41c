//! What a platform can do with a run beyond starting and canceling it, and with its artifacts.

use super::*;

#[tokio::test]
async fn what_a_run_waits_for_is_listed_and_decided() {
    let (scene, _host, api, cli) = Scene::new().await;
    let run = scene.run(&api).await;
    let gate = json!([{
        "id": "deploy", "kind": "input", "job": "release", "message": "Where to?", "can_resolve": true,
        "inputs": [{ "name": "TARGET" }], "note": "asked once",
    }]);
    scene.platform.finds("run-gates.list-gates", gate);
    let listed = api.get(&format!("/v1/runs/{run}/gates")).await.expect(200).json;
    let gate = &listed["items"][0];
    assert_eq!((&gate["id"], &gate["kind"], &gate["can_resolve"]), (&json!("deploy"), &json!("input"), &json!(true)));
    assert_eq!((&gate["inputs"][0]["name"], &gate["more"]["x-note"]), (&json!("TARGET"), &json!("asked once")));
    assert_eq!(scene.platform.read("run-gates.list-gates")["run"], "r1");
    assert_eq!(cli.json(&["run", "gates", &run]).await, listed["items"]);

    let path = format!("/v1/runs/{run}/gates/deploy/resolve");
    let body = json!({ "approve": true, "comment": "go on", "inputs": { "TARGET": "staging" } });
    let one = scene.by_api(&api, "POST", &path, Some(body)).await;
    let approve = ["run", "approve", &run, "deploy", "-p", "TARGET=staging", "--comment", "go on"];
    let other = scene.by_cli(&cli, &approve).await;
    let asked =
        json!({ "run": "r1", "gate": "deploy", "approve": true, "comment": "go on", "given.TARGET": "staging" });
    assert_eq!(same(one, other, "run-gates.resolve-gate", &asked), json!(null));

    let (_, (_, asked)) =
        scene.by_cli(&cli, &["run", "reject", &run, "deploy", "--secret-input", "KEY=ci-token"]).await;
    assert_eq!((&asked["approve"], &asked["given.KEY"]), (&json!(false), &json!(TOKEN)), "filled in at the door");
    let operations = api.get(&format!("/v1/operations?run={run}&limit=1")).await.expect(200).json;
    assert_eq!(operations["items"][0]["kind"], "gate.resolve");
}

#[tokio::test]
async fn a_manual_job_is_played_and_a_run_is_ended_the_harder_way_and_deleted_there() {
    let (scene, _host, api, cli) = Scene::new().await;
    let run = scene.run(&api).await;
    let path = format!("/v1/runs/{run}/jobs/release%2F1/play");
    let one = scene.by_api(&api, "POST", &path, Some(json!({ "variables": { "A": "1" } }))).await;
    let other = scene.by_cli(&cli, &["run", "play", &run, "release/1", "-p", "A=1"]).await;
    same(one, other, "run-play.play", &json!({ "run": "r1", "job": "release/1", "given.A": "1" }));

    let (_, asked) = scene.by_api(&api, "POST", &format!("/v1/runs/{run}/force-cancel"), None).await;
    assert_eq!(asked, ("run-force-cancel.force-cancel".into(), json!({ "run": "r1" })));
    cli.ok(&["run", "cancel", &run, "--force"]).await;
    eventually("the second one", async || {
        (scene.platform.asked("run-force-cancel.force-cancel").len() == 2).then_some(())
    })
    .await;

    let one = scene.by_api(&api, "DELETE", &format!("/v1/runs/{run}?remote=true"), None).await;
    let other = scene.by_cli(&cli, &["run", "delete", &run, "--remote"]).await;
    same(one, other, "run-deletion.delete-run", &json!({ "run": "r1" }));
    api.get(&format!("/v1/runs/{run}")).await.expect(200);
    let kept = api.delete(&format!("/v1/runs/{run}")).await;
    kept.expect_problem(422, "delete.remote-only");
    cli.run(&["run", "delete", &run]).await.expect_code(2);
}

#[tokio::test]
async fn an_artifact_is_kept_and_deleted_where_it_is() {
    let (scene, _host, api, cli) = Scene::new().await;
    let run = scene.run(&api).await;
    scene.platform.finds("artifacts.list-artifacts", json!([{ "id": "a1", "name": "app.bin" }]));
    scene.platform.finds("logs.read", json!({ "text": "built\n" }));
    scene.platform.ends("r1");
    crate::harness::run_over(&api, &run).await;
    let artifact = eventually("the artifact", async || {
        let listed = api.get(&format!("/v1/runs/{run}/artifacts")).await.expect(200).json;
        listed["items"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    let one = scene.by_api(&api, "POST", &format!("/v1/artifacts/{artifact}/keep"), None).await;
    let other = scene.by_cli(&cli, &["artifact", "keep", &artifact]).await;
    same(one, other, "artifact-retention.keep-artifact", &json!({ "artifact": "a1" }));
    let one = scene.by_api(&api, "DELETE", &format!("/v1/artifacts/{artifact}?remote=true"), None).await;
    let other = scene.by_cli(&cli, &["artifact", "delete", &artifact, "--remote"]).await;
    same(one, other, "artifact-retention.delete-artifact", &json!({ "artifact": "a1" }));
}

#[tokio::test]
async fn a_run_that_waits_in_a_queue_is_found_when_it_begins() {
    let (scene, _host, api, cli) = Scene::new().await;
    let platform = &scene.platform;
    platform.answers("runs.trigger", json!({ "ticket": "q1" }));
    platform.finds("runs.resolve-ticket", json!({ "ticket": "q1" }));
    let run = api.post("/v1/pipelines/app/runs", &json!({})).await.expect(202).text("/run/id").to_owned();
    eventually("a look at the queue", async || {
        let data = platform.data();
        data.reads.iter().any(|(read, asked)| read == "runs.resolve-ticket" && asked["ticket"] == "q1").then_some(())
    })
    .await;
    let waiting = api.get(&format!("/v1/runs/{run}")).await.expect(200).json;
    assert_eq!((&waiting["state"], &waiting["external_id"]), (&json!("pending"), &json!(null)));
    let begun = json!({ "id": "r1", "pipeline": "app", "state": "running" });
    platform.data().runs.push(begun.clone());
    platform.finds("runs.resolve-ticket", begun);
    let shown = eventually("its begin", async || {
        let run = cli.json(&["run", "show", &run]).await;
        (run["state"] == "running").then_some(run)
    })
    .await;
    assert_eq!(shown["external_id"], "r1");
}
