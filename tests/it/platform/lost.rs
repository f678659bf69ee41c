//! A change whose answer never came, and a host that dies at every step of one: settled by the function's recovery class.

use novacron_cicd::engine::FAULT_POINTS;

use super::*;

async fn settled(api: &Api, place: &str) -> Value {
    eventually(place, async || {
        let operation = api.get(place).await.expect(200).json;
        let settled = ["done", "failed", "canceled", "ambiguous"].contains(&operation["state"].as_str()?);
        settled.then_some(operation)
    })
    .await
}

#[tokio::test]
async fn a_change_whose_answer_breaks_off_is_settled_by_its_class() {
    let (scene, _host, api, cli) = Scene::new().await;
    let runner = json!({ "id": "linux/7", "labels": [] });
    scene.platform.finds("runners.get", runner);
    let path = "/v1/providers/ci/runners/linux%2F7";
    // Class, function, request, what becomes of it, how often the platform was asked.
    let rows = [
        (
            "by-state",
            "runner-labels.set-labels",
            "PUT",
            format!("{path}/labels"),
            json!({ "labels": ["gpu"] }),
            "done",
            1,
        ),
        (
            "idempotent-key",
            "variables.put-variable",
            "PUT",
            "/v1/providers/ci/variables/A".into(),
            json!({ "value": "1" }),
            "done",
            2,
        ),
        ("none", "runner-drain.set-draining", "POST", format!("{path}/drain"), json!({}), "ambiguous", 1),
    ];
    for (class, function, method, path, body, state, times) in rows {
        scene.platform.data().breaks_off = Some(function.into());
        let accepted = api.send(api.request(method.parse().unwrap(), &path).json(&body)).await.expect(202);
        let operation = settled(&api, accepted.headers["location"].to_str().unwrap()).await;
        assert_eq!((&operation["state"], &operation["recovery"]), (&json!(state), &json!(class)), "{operation:#}");
        let asked = scene.platform.asked(function);
        assert_eq!(asked.len(), times, "{function}: {asked:?}");
        assert!(asked.iter().all(|asked| asked.operation == operation["id"]), "one operation");
    }
    // The operator looked: it was done.
    let open = cli.json(&["operation", "list", "--state", "ambiguous"]).await;
    let id = open[0]["id"].as_str().unwrap();
    cli.run(&["operation", "resolve", id, "--abandon"]).await.expect_code(0);
}

#[tokio::test]
async fn a_host_killed_at_every_step_of_a_change_makes_it_once_or_asks_an_operator() {
    let (scene, host, _, _) = Scene::new().await;
    let runner = json!({ "id": "linux/7", "labels": [] });
    scene.platform.finds("runners.get", runner);
    let mut port = host.kill();
    let points: Vec<_> = FAULT_POINTS.iter().filter(|point| point.starts_with("change.")).collect();
    assert_eq!(points.len(), 6);
    for (round, point) in points.into_iter().enumerate() {
        for (class, path) in [("by-state", "labels"), ("none", "drain")] {
            let function = if path == "labels" { "runner-labels.set-labels" } else { "runner-drain.set-draining" };
            let before = scene.platform.asked(function).len();
            let setup = Setup { fault: Some((*point).to_owned()), faulty: true, port: Some(port), ..Setup::default() };
            let mut host = Host::start(&scene.home, setup).await;
            let asking = host.api().await;
            let path = format!("/v1/providers/ci/runners/linux%2F7/{path}");
            let (method, body) = match class {
                "by-state" => (reqwest::Method::PUT, json!({ "labels": [format!("round-{round}")] })),
                _ => (reqwest::Method::POST, json!({})),
            };
            // The answer may or may not come: the host dies.
            let asked = tokio::spawn(async move { asking.request(method, &path).json(&body).send().await });
            host.aborted().await;
            let _ = asked.await.unwrap();
            let host = Host::start(&scene.home, Setup { port: Some(port), ..Setup::default() }).await;
            let api = host.api().await;
            let operations = api.get("/v1/operations?limit=1").await.expect(200).json;
            let place = format!("/v1/operations/{}", operations["items"][0]["id"].as_str().unwrap());
            let operation = settled(&api, &place).await;
            let times = scene.platform.asked(function).len() - before;
            // Between the mark and the record nobody can know, where the class has no way to find out.
            let unknown = class == "none"
                && matches!(*point, "change.before-send" | "change.after-send" | "change.before-commit");
            let state = if unknown { "ambiguous" } else { "done" };
            assert_eq!((&operation["recovery"], &operation["state"]), (&json!(class), &json!(state)), "{point}");
            let expected = usize::from(!(unknown && *point == "change.before-send"));
            assert_eq!(times, expected, "{point} {class}: once, not none and not two");
            port = host.kill();
        }
    }
}
