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

    let (_, (_, asked)) = scene.by_cli(&cli, &["run", "reject", &run, "deploy", "--secret-input", "KEY=ci-token"]).await;
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
