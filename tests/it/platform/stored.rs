//! What else a platform keeps: secrets, variables, runners, webhooks, environments, deployments, attestations.

use super::whole::HANDED_OUT;
use super::*;

const AT: &[&str] = &["--provider", "ci"];

fn words<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [words, AT].concat()
}

#[tokio::test]
async fn secrets_of_the_vault_are_placed_on_the_platform_and_the_trail_says_which_went_where() {
    let (scene, _host, api, cli) = Scene::new().await;
    let platform = &scene.platform;
    api.post("/v1/secrets", &json!({ "name": "deploy-key", "value": "deploy-key-of-some-length" })).await.expect(201);
    let body = json!({ "scope": "production", "parts": { "value": "deploy-key" } });
    let one = scene.by_api(&api, "PUT", "/v1/providers/ci/secrets/DEPLOY_KEY", Some(body.clone())).await;
    let put = ["remote", "secret", "put", "DEPLOY_KEY", "--scope", "production", "--part", "value=deploy-key"];
    let other = scene.by_cli(&cli, &words(&put)).await;
    let asked = json!({
        "name": "DEPLOY_KEY", "scope": "production", "kind": "text", "part.value": "deploy-key-of-some-length",
    });
    same(one, other, "secrets.put-secret", &asked);
    let plugins = api.get("/v1/plugins").await.expect(200).json;
    let asks = plugins["items"][0]["asks"].as_array().unwrap();
    let placing = json!("place secrets that an admin names in the platform's own store");
    assert!(asks.contains(&placing), "the approval says so: {asks:?}");
    let trail = api.get("/v1/audit?limit=50").await.expect(200).json;
    let entry = trail["items"].as_array().unwrap().iter().find(|entry| entry["action"] == "remote-secret.put").unwrap();
    let placed = &entry["detail"]["change"]["remote-secret.put"];
    assert_eq!((&placed["name"], &placed["parts"]["value"]), (&json!("DEPLOY_KEY"), &json!("deploy-key")), "{entry:#}");

    let missing = json!({ "parts": { "value": "nothing" } });
    let refused = api.put("/v1/providers/ci/secrets/X", &missing).await;
    refused.expect_problem(422, "secret.not-found");
    let operator = json!({ "name": "operator", "role": "operator" });
    let operator = api.post("/v1/tokens", &operator).await.expect(201).text("/value").to_owned();
    let refused = api.with_token(Some(&operator)).put("/v1/providers/ci/secrets/DEPLOY_KEY", &body).await;
    refused.expect_problem(403, "auth.forbidden");

    let known =
        json!([{ "name": "DEPLOY_KEY", "scope": "production", "kind": "text", "updated": 1_700_000_000_000_u64 }]);
    platform.finds("secrets.list-secrets", known);
    let listed = api.get("/v1/providers/ci/secrets?scope=production").await.expect(200).json;
    assert_eq!(platform.read("secrets.list-secrets")["scope"], "production");
    assert_eq!(cli.json(&words(&["remote", "secret", "list", "--scope", "production"])).await, listed["items"]);

    let one = scene.by_api(&api, "DELETE", "/v1/providers/ci/secrets/DEPLOY_KEY?scope=production", None).await;
    let delete = ["remote", "secret", "delete", "DEPLOY_KEY", "--scope", "production"];
    let other = scene.by_cli(&cli, &words(&delete)).await;
    same(one, other, "secrets.delete-secret", &json!({ "name": "DEPLOY_KEY", "scope": "production" }));
}

#[tokio::test]
async fn variables_are_listed_set_and_deleted() {
    let (scene, _host, api, cli) = Scene::new().await;
    let body = json!({ "value": "eu-1" });
    let one = scene.by_api(&api, "PUT", "/v1/providers/ci/variables/REGION", Some(body)).await;
    let other = scene.by_cli(&cli, &words(&["remote", "variable", "put", "REGION", "eu-1"])).await;
    same(one, other, "variables.put-variable", &json!({ "name": "REGION", "value": "eu-1" }));
    scene.platform.finds("variables.list-variables", json!([{ "name": "REGION", "value": "eu-1" }]));
    let listed = api.get("/v1/providers/ci/variables").await.expect(200).json;
    assert_eq!(cli.json(&words(&["remote", "variable", "list"])).await, listed["items"]);
    assert_eq!(listed["items"][0]["value"], "eu-1");
    let one = scene.by_api(&api, "DELETE", "/v1/providers/ci/variables/REGION", None).await;
    let other = scene.by_cli(&cli, &words(&["remote", "variable", "delete", "REGION"])).await;
    same(one, other, "variables.delete-variable", &json!({ "name": "REGION", "scope": null }));
}

#[tokio::test]
async fn runners_are_shown_labelled_assigned_drained_and_deleted() {
    let (scene, _host, api, cli) = Scene::new().await;
    let runner = json!({ "id": "linux/7", "labels": ["linux"] });
    scene.platform.finds("runners.list-runners", json!([runner]));
    scene.platform.finds("runners.get", runner);
    let listed = api.get("/v1/providers/ci/runners").await.expect(200).json;
    assert_eq!(cli.json(&words(&["runner", "list"])).await, listed["items"]);
    let shown = api.get("/v1/providers/ci/runners/linux%2F7").await.expect(200).json;
    assert_eq!(cli.json(&words(&["runner", "show", "linux/7"])).await, shown);

    let path = "/v1/providers/ci/runners/linux%2F7";
    // By state: the second time it is so already, and nothing is sent.
    let body = json!({ "labels": ["linux", "gpu"] });
    let (_, asked) = scene.by_api(&api, "PUT", &format!("{path}/labels"), Some(body)).await;
    assert_eq!(asked, ("runner-labels.set-labels".into(), json!({ "runner": "linux/7", "labels": ["linux", "gpu"] })));
    let label = words(&["runner", "label", "linux/7", "--label", "linux", "--label", "gpu", "--wait"]);
    assert_eq!(cli.json(&label).await["state"], "done");
    assert_eq!(scene.platform.asked("runner-labels.set-labels").len(), 1);

    let body = json!({ "draining": true, "message": "new disks" });
    let one = scene.by_api(&api, "POST", &format!("{path}/drain"), Some(body)).await;
    let other = scene.by_cli(&cli, &words(&["runner", "drain", "linux/7", "--message", "new disks"])).await;
    let asked = json!({ "runner": "linux/7", "draining": true, "message": "new disks" });
    same(one, other, "runner-drain.set-draining", &asked);

    for (method, verb) in [("PUT", "assign"), ("DELETE", "unassign")] {
        let one = scene.by_api(&api, method, &format!("{path}/projects/p1"), None).await;
        let other = scene.by_cli(&cli, &words(&["runner", verb, "linux/7", "--project", "p1"])).await;
        let function = format!("runner-assignment.{verb}");
        same(one, other, &function, &json!({ "runner": "linux/7", "project": "p1" }));
    }
    let one = scene.by_api(&api, "DELETE", path, None).await;
    let other = scene.by_cli(&cli, &words(&["runner", "delete", "linux/7"])).await;
    same(one, other, "runner-deletion.delete-runner", &json!({ "runner": "linux/7" }));
}

#[tokio::test]
async fn what_a_new_runner_authenticates_with_becomes_a_secret() {
    let (scene, _host, api, cli) = Scene::new().await;
    let made = json!({ "id": "linux/8", "token": HANDED_OUT, "expires": 1_700_000_000_000_u64 });
    scene.platform.answers("runner-creation.create-runner", made);
    let body = json!({ "name": "linux-8", "labels": ["linux"], "keep_as": "runner-1" });
    let (result, asked) = scene.by_api(&api, "POST", "/v1/providers/ci/runners", Some(body)).await;
    assert_eq!(asked.1, json!({ "name": "linux-8", "labels": ["linux"] }));
    let shown = json!({ "id": "linux/8", "expires": "2023-11-14T22:13:20.000Z", "more": {} });
    assert_eq!(result["runner"], shown, "{result:#}");
    let create = ["runner", "create", "linux-8", "--label", "linux", "--keep-as", "runner-2"];
    scene.by_cli(&cli, &words(&create)).await;
    let put = ["remote", "secret", "put", "RUNNER", "--part", "value=runner-2"];
    let (_, (_, asked)) = scene.by_cli(&cli, &words(&put)).await;
    assert_eq!(asked["part.value"], HANDED_OUT);
    // A platform that hands out nothing has acted all the same: nobody can say that it is done.
    scene.platform.answers("runner-creation.create-runner", json!({ "id": "linux/9" }));
    let create = ["runner", "create", "linux-9", "--keep-as", "runner-3", "--wait"];
    cli.run(&words(&create)).await.expect_code(5);
}

#[tokio::test]
async fn webhooks_are_registered_and_missed_deliveries_made_again() {
    let (scene, _host, api, cli) = Scene::new().await;
    let platform = &scene.platform;
    let hook = json!({ "id": "h1", "url": "https://cicd.example.com/hook", "active": true, "events": ["push"] });
    platform.answers("webhook-registration.register", hook.clone());
    let body = json!({ "url": "https://cicd.example.com/hook", "events": ["push"], "secret": "ci-token" });
    let one = scene.by_api(&api, "POST", "/v1/providers/ci/hooks", Some(body)).await;
    let register =
        ["remote", "hook", "register", "https://cicd.example.com/hook", "--event", "push", "--secret", "ci-token"];
    let other = scene.by_cli(&cli, &words(&register)).await;
    let asked = json!({ "url": "https://cicd.example.com/hook", "events": ["push"], "secret": TOKEN });
    let result = same(one, other, "webhook-registration.register", &asked);
    assert_eq!(result["hook"]["id"], "h1");
    platform.finds("webhook-registration.list-hooks", json!([hook]));
    let listed = api.get("/v1/providers/ci/hooks").await.expect(200).json;
    assert_eq!(
        (&listed["items"][0], cli.json(&words(&["remote", "hook", "list"])).await),
        (&result["hook"], json!([result["hook"]]))
    );

    let missed = json!([{ "id": "d1", "hook": "h1", "at": 1_700_000_000_000_u64, "event": "push" }]);
    platform.finds("webhook-recovery.list-missed", missed);
    let listed = api.get("/v1/providers/ci/missed-deliveries?since=2023-11-14T00:00:00Z").await.expect(200).json;
    assert_eq!(platform.read("webhook-recovery.list-missed")["since"], "1699920000000");
    assert_eq!(cli.json(&words(&["remote", "hook", "missed"])).await, listed["items"]);
    let path = "/v1/providers/ci/hooks/h1/deliveries/d1/redeliver";
    let one = scene.by_api(&api, "POST", path, None).await;
    let other = scene.by_cli(&cli, &words(&["remote", "hook", "redeliver", "h1", "d1"])).await;
    same(one, other, "webhook-recovery.redeliver", &json!({ "hook": "h1", "delivery": "d1" }));
    let one = scene.by_api(&api, "DELETE", "/v1/providers/ci/hooks/h1", None).await;
    let other = scene.by_cli(&cli, &words(&["remote", "hook", "unregister", "h1"])).await;
    same(one, other, "webhook-registration.unregister", &json!({ "hook": "h1" }));
}

#[tokio::test]
async fn environments_are_shown_put_stopped_and_deleted() {
    let (scene, _host, api, cli) = Scene::new().await;
    let platform = &scene.platform;
    let staging = json!({
        "id": "e1", "name": "staging", "tier": "staging", "state": "available",
        "protection": [{ "kind": "reviewers", "value": "ops" }],
    });
    platform.finds("environments.list-environments", json!([staging]));
    platform.finds("environments.get", staging.clone());
    platform.answers("environments.put-environment", staging);
    let shown = api.get("/v1/providers/ci/environments/e1").await.expect(200).json;
    assert_eq!(shown["protection"][0], json!({ "kind": "reviewers", "value": "ops" }));
    assert_eq!(cli.json(&words(&["remote", "environment", "show", "e1"])).await, shown);
    let listed = api.get("/v1/providers/ci/environments").await.expect(200).json;
    assert_eq!(
        (&listed["items"][0], cli.json(&words(&["remote", "environment", "list"])).await),
        (&shown, json!([shown]))
    );

    let body = json!({ "tier": "staging", "protection": [{ "kind": "reviewers", "value": "ops" }] });
    let one = scene.by_api(&api, "PUT", "/v1/providers/ci/environments/staging", Some(body)).await;
    let put = ["remote", "environment", "put", "staging", "--tier", "staging", "--rule", "reviewers=ops"];
    let other = scene.by_cli(&cli, &words(&put)).await;
    let asked = json!({ "name": "staging", "tier": "staging", "protection": ["reviewers"] });
    assert_eq!(same(one, other, "environments.put-environment", &asked)["environment"], shown);
    let one = scene.by_api(&api, "POST", "/v1/providers/ci/environments/e1/stop", None).await;
    let other = scene.by_cli(&cli, &words(&["remote", "environment", "stop", "e1"])).await;
    same(one, other, "environments.stop-environment", &json!({ "environment": "e1" }));
    let one = scene.by_api(&api, "DELETE", "/v1/providers/ci/environments/e1", None).await;
    let other = scene.by_cli(&cli, &words(&["remote", "environment", "delete", "e1"])).await;
    same(one, other, "environments.delete-environment", &json!({ "environment": "e1" }));
}

#[tokio::test]
async fn deployments_of_the_platform_are_started_and_steered() {
    let (scene, _host, api, cli) = Scene::new().await;
    let platform = &scene.platform;
    let running = json!({ "id": "d1", "environment": "staging", "state": "running", "version": "1.2.3" });
    platform.answers("deployments.start", running.clone());
    let body = json!({
        "environment": "staging", "artifact": { "name": "app", "version": "1.2.3" }, "target": "web",
        "parameters": { "A": "1" }, "credentials": { "ssh": "ci-token" },
    });
    let (result, (function, asked)) = scene.by_api(&api, "POST", "/v1/providers/ci/deployments", Some(body)).await;
    let token = platform.last().operation.replace('-', "");
    let expected = json!({
        "environment": "staging", "target": "web", "version": "1.2.3", "correlation": token, "given.A": "1",
        "given.ssh": TOKEN,
    });
    assert_eq!((function.as_str(), asked), ("deployments.start", expected));
    assert_eq!(result["deployment"]["deployment"]["state"], "running", "{result:#}");
    let start = [
        "remote",
        "deployment",
        "start",
        "staging",
        "--artifact",
        "app",
        "--version",
        "1.2.3",
        "--target",
        "web",
        "-p",
        "A=1",
        "--credential",
        "ssh=ci-token",
    ];
    let (other, _) = scene.by_cli(&cli, &words(&start)).await;
    assert_eq!(other, result);

    platform.finds("deployments.list-deployments", json!([running]));
    platform.finds("deployments.get", running.clone());
    platform.finds("deployment-reconciliation.find-by-correlation", json!([running]));
    platform.finds("deployments.resolve-ticket", running.clone());
    let actual = json!({ "version": "1.2.2", "sha256": "ab", "deployment": running });
    platform.finds("deployment-reconciliation.observe", actual);
    let path = "/v1/providers/ci/deployments";
    let shown = api.get(&format!("{path}/d1")).await.expect(200).json;
    assert_eq!(cli.json(&words(&["remote", "deployment", "show", "d1"])).await, shown);
    let listed = api.get(&format!("{path}?environment=staging")).await.expect(200).json;
    assert_eq!(platform.read("deployments.list-deployments")["environment"], "staging");
    let list = ["remote", "deployment", "list", "--environment", "staging"];
    assert_eq!((&listed["items"][0], cli.json(&words(&list)).await), (&shown, json!([shown])));
    let found = api.get(&format!("{path}?correlation={token}")).await.expect(200).json;
    assert_eq!(platform.read("deployment-reconciliation.find-by-correlation")["correlation"], token);
    let find = ["remote", "deployment", "find", &token];
    assert_eq!((&found["items"][0], cli.json(&words(&find)).await), (&shown, json!([shown])));
    let ticket = api.get("/v1/providers/ci/deployment-tickets/q1").await.expect(200).json;
    assert_eq!(ticket, json!({ "deployment": shown, "ticket": null }));
    assert_eq!(cli.json(&words(&["remote", "deployment", "ticket", "q1"])).await, ticket);
    let there = api.get("/v1/providers/ci/environments/staging/targets/web").await.expect(200).json;
    assert_eq!((&there["version"], &there["deployment"]), (&json!("1.2.2"), &shown));
    assert_eq!(cli.json(&words(&["remote", "deployment", "observe", "staging", "web"])).await, there);

    let one = scene.by_api(&api, "POST", &format!("{path}/d1/cancel"), None).await;
    let other = scene.by_cli(&cli, &words(&["remote", "deployment", "cancel", "d1"])).await;
    same(one, other, "deployment-cancel.cancel", &json!({ "deployment": "d1" }));
    for (approve, verb) in [(true, "approve"), (false, "reject")] {
        let body = json!({ "approve": approve, "comment": "seen" });
        let one = scene.by_api(&api, "POST", &format!("{path}/d1/approve"), Some(body)).await;
        let other = scene.by_cli(&cli, &words(&["remote", "deployment", verb, "d1", "--comment", "seen"])).await;
        let asked = json!({ "deployment": "d1", "approve": approve, "comment": "seen" });
        same(one, other, "deployment-approval.approve", &asked);
    }
    platform.answers("deployment-rollback.rollback", json!({ "ticket": "q2" }));
    let (result, asked) = scene.by_api(&api, "POST", &format!("{path}/d1/rollback"), None).await;
    assert_eq!((&result["deployment"]["ticket"], &asked.1["deployment"]), (&json!("q2"), &json!("d1")));
    scene.by_cli(&cli, &words(&["remote", "deployment", "rollback", "d1"])).await;
    let body = json!({ "state": "succeeded", "url": "https://app.example.com" });
    let one = scene.by_api(&api, "PUT", &format!("{path}/d1/status"), Some(body)).await;
    let set = ["remote", "deployment", "set-status", "d1", "succeeded", "--status-url", "https://app.example.com"];
    let other = scene.by_cli(&cli, &words(&set)).await;
    let asked = json!({ "deployment": "d1", "state": "succeeded", "url": "https://app.example.com" });
    same(one, other, "deployment-status.set-status", &asked);
    let refused = api.put(&format!("{path}/d1/status"), &json!({ "state": "ambiguous" })).await;
    refused.expect(422);
}

#[tokio::test]
async fn what_the_platform_has_stated_and_signed_is_listed() {
    let (scene, _host, api, cli) = Scene::new().await;
    let stated = json!([{ "id": "a1", "predicate": "https://slsa.dev/provenance/v1" }]);
    scene.platform.finds("attestations.list-attestations", stated);
    let path = "/v1/providers/ci/attestations?digest=sha256:2c26b4&repository=team/app";
    let listed = api.get(path).await.expect(200).json;
    assert_eq!(listed["items"][0]["predicate"], "https://slsa.dev/provenance/v1");
    assert_eq!(listed["items"][0]["source"], "GET /bytes/a1");
    let read = scene.platform.read("attestations.list-attestations");
    assert_eq!((read["digest"].as_str(), read["repository"].as_str()), ("2c26b4", "team/app"));
    let list = ["remote", "attestation", "list", "sha256:2c26b4", "--repository", "team/app"];
    assert_eq!(cli.json(&words(&list)).await, listed["items"]);
    api.get("/v1/providers/ci/attestations?digest=2c26b4").await.expect(422);
}
