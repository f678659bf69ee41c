//! `run retry`.

use novacron_cicd::engine::FAULT_POINTS;

use super::*;

#[tokio::test]
async fn a_run_is_retried_and_the_new_one_says_which_it_does_again() {
    let (polled, _host, api, cli) = Polled::new().await;
    let (run, build) = polled.run_to(&api, "failed").await;

    let early = cli.run(&["run", "retry", &run, "--exit-status"]).await.expect_code(2);
    assert!(early.stderr.contains("--wait or --watch"), "{early}");
    cli.run(&["run", "retry", &run, "--job", "nothing"]).await.expect_code(2);

    let watching = {
        let (cli, run) = (cli.clone(), run.clone());
        tokio::spawn(async move { cli.run(&["run", "retry", &run, "--failed", "--wait", "-o", "json"]).await })
    };
    let again = eventually("the second build", async || {
        let data = polled.platform.data();
        data.builds.get(1).map(|build| build["id"].as_str().unwrap().to_owned())
    })
    .await;
    polled.platform.set(&again, "passed");
    let ended = watching.await.unwrap().expect_code(0);
    let made: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&made["retry_of"], &made["origin"], &made["state"]),
        (&json!(run), &json!("retry"), &json!("succeeded"))
    );
    assert_eq!(polled.platform.data().changes[1].0, format!("again {build} failed"));
    let first = api.get(&format!("/v1/runs/{run}")).await.expect(200).json;
    assert_eq!((&first["state"], &first["attempt"]), (&json!("failed"), &json!(1)), "terminal is final");

    let operations = api.get(&format!("/v1/operations?run={run}")).await.expect(200).json;
    assert_eq!(operations["items"][0]["kind"], "run.retry");
    assert_eq!(operations["items"][0]["result_run"], made["id"]);
}

#[tokio::test]
async fn the_same_key_retries_once() {
    let (polled, _host, api, _) = Polled::new().await;
    let (run, _) = polled.run_to(&api, "failed").await;
    let mut operations = Vec::new();
    for _ in 0..2 {
        let request = api.request(reqwest::Method::POST, &format!("/v1/runs/{run}/retry"));
        let answer = api.send(request.header("idempotency-key", "again-1").json(&json!({ "scope": "all" }))).await;
        let answer = answer.expect(202);
        assert_eq!(answer.headers["location"], format!("/v1/operations/{}", answer.text("/id")));
        operations.push(answer.text("/id").to_owned());
    }
    assert_eq!(operations[0], operations[1]);
    let wrong = api.post(&format!("/v1/runs/{run}/retry"), &json!({ "scope": "job" })).await.expect(422);
    assert_eq!(wrong.text("/code"), "field.invalid");
}

#[tokio::test]
async fn a_host_killed_at_every_step_of_a_retry_makes_one_run() {
    let (polled, host, api, _) = Polled::new().await;
    let (run, _) = polled.run_to(&api, "failed").await;
    let mut port = host.kill();
    let points: Vec<_> = FAULT_POINTS.iter().filter(|point| point.starts_with("retry.")).collect();
    assert_eq!(points.len(), 6);
    for (round, point) in points.into_iter().enumerate() {
        let setup = Setup { fault: Some((*point).to_owned()), faulty: true, port: Some(port), ..Setup::default() };
        let mut host = Host::start(&polled.home, setup).await;
        let asking = host.api().await;
        // The answer may or may not come: the host dies.
        let path = format!("/v1/runs/{run}/retry");
        let asked =
            tokio::spawn(async move { asking.request(reqwest::Method::POST, &path).json(&json!({})).send().await });
        host.aborted().await;
        let _ = asked.await.unwrap();
        let host = Host::start(&polled.home, Setup { port: Some(port), ..Setup::default() }).await;
        let api = host.api().await;
        let operation = api.get(&format!("/v1/operations?run={run}")).await.expect(200).json["items"][0].clone();
        assert_eq!(operation["kind"], "run.retry", "{point}: the intent was durable");
        let path = format!("/v1/operations/{}", operation["id"].as_str().unwrap());
        let done = eventually(point, async || {
            let operation = api.get(&path).await.expect(200).json;
            (operation["state"] == "done").then_some(operation)
        })
        .await;
        assert_eq!(polled.platform.data().builds.len(), round + 2, "{point}: one, not none and not two");
        let made = done["result_run"].as_str().unwrap();
        let made = api.get(&format!("/v1/runs/{made}")).await.expect(200).json;
        assert_eq!(made["external_id"], format!("b{}", round + 2), "{point}");
        assert_eq!(made["retry_of"], run, "{point}");
        port = host.kill();
    }
}
