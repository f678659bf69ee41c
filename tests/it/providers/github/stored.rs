//! What else is kept on GitHub: secrets, variables, runners, webhooks, environments, deployments, attestations.

use novacron_cicd_fakes::github::{Delivery, Github, Runner};
use serde_json::{Value, json};

use super::{
    super::row::{api, cli, drive, steps},
    PLACED, REPO, Steps,
};

fn secret(github: &Github, name: &str) -> Value {
    let world = github.world();
    world.repos[0]
        .secrets
        .get(&(String::new(), name.to_owned()))
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .into()
}

fn variable(github: &Github, name: &str) -> Value {
    github.world().repos[0].variables.get(&(String::new(), name.to_owned())).cloned().into()
}

fn hooks(github: &Github) -> Value {
    github.world().repos[0].hooks.iter().map(|hook| hook.asked["config"]["url"].clone()).collect()
}

/// The newest deliveries of the second hook: which, and whether it was sent again.
fn again(github: &Github) -> Value {
    let world = github.world();
    let deliveries = world.repos[0].hooks[1].deliveries.iter();
    deliveries.filter(|it| it.redelivery).map(|it| it.guid.clone()).collect()
}

pub(super) fn stored() -> Steps {
    steps![
        api("secrets.put-secret", "PUT /v1/providers/ci/secrets/ONE", json!({ "parts": { "value": "deploy-key" } }))
            .there(|github: &Github, _| secret(github, "ONE"), PLACED),
        cli("secrets.put-secret", "remote secret put TWO --part value=deploy-key --provider ci --wait")
            .there(|github: &Github, _| secret(github, "TWO"), PLACED),
        api("secrets.list-secrets", "GET /v1/providers/ci/secrets", Value::Null).gives("/items/[name=ONE]/scope", REPO),
        cli("secrets.list-secrets", "remote secret list --provider ci").gives("/[name=TWO]/scope", REPO),
        api("secrets.delete-secret", "DELETE /v1/providers/ci/secrets/ONE", Value::Null)
            .there(|github: &Github, _| secret(github, "ONE"), Value::Null),
        cli("secrets.delete-secret", "remote secret delete TWO --provider ci --wait")
            .there(|github: &Github, _| secret(github, "TWO"), Value::Null),
        api("variables.put-variable", "PUT /v1/providers/ci/variables/LEVEL", json!({ "value": "high" }))
            .there(|github: &Github, _| variable(github, "LEVEL"), "high"),
        cli("variables.put-variable", "remote variable put REGION eu-1 --provider ci --wait")
            .there(|github: &Github, _| variable(github, "REGION"), "eu-1"),
        api("variables.list-variables", "GET /v1/providers/ci/variables", Value::Null)
            .gives("/items/[name=LEVEL]/value", "high"),
        cli("variables.list-variables", "remote variable list --provider ci").gives("/[name=REGION]/value", "eu-1"),
        api("variables.delete-variable", "DELETE /v1/providers/ci/variables/LEVEL", Value::Null)
            .there(|github: &Github, _| variable(github, "LEVEL"), Value::Null),
        cli("variables.delete-variable", "remote variable delete REGION --provider ci --wait")
            .there(|github: &Github, _| variable(github, "REGION"), Value::Null),
        drive(|github: &Github, names| {
            for (id, key, name) in [(7, "runner", "one"), (8, "runner-2", "two")] {
                let (status, labels) = ("online".to_owned(), vec!["gpu".to_owned()]);
                github.world().repo(REPO).runners.push(Runner { id, name: name.into(), status, busy: false, labels });
                names.insert(key, format!("{REPO}/{id}"));
            }
        }),
        api("runners.list-runners", "GET /v1/providers/ci/runners", Value::Null)
            .gives("/items/[name=one]/id", "{runner}"),
        cli("runners.list-runners", "runner list --provider ci").gives("/[name=two]/id", "{runner-2}"),
        api("runners.get", "GET /v1/providers/ci/runners/{runner}", Value::Null).gives("/state", "online"),
        cli("runners.get", "runner show {runner-2} --provider ci").gives("/name", "two"),
        api("runner-labels.set-labels", "PUT /v1/providers/ci/runners/{runner}/labels", json!({ "labels": ["large"] }))
            .there(|github: &Github, _| github.world().repos[0].runners[0].labels.clone().into(), json!(["large"])),
        cli("runner-labels.set-labels", "runner label {runner-2} --label small --provider ci --wait")
            .there(|github: &Github, _| github.world().repos[0].runners[1].labels.clone().into(), json!(["small"])),
        api("runner-deletion.delete-runner", "DELETE /v1/providers/ci/runners/{runner}", Value::Null)
            .there(|github: &Github, _| github.world().repos[0].runners.len().into(), 1),
        cli("runner-deletion.delete-runner", "runner delete {runner-2} --provider ci --wait")
            .there(|github: &Github, _| github.world().repos[0].runners.len().into(), 0),
        api(
            "runner-creation.create-runner",
            "POST /v1/providers/ci/runners",
            json!({ "name": "new", "kind": "just-in-time", "keep_as": "runner-1" }),
        )
        .there(|github: &Github, _| github.world().repos[0].runners[0].name.clone().into(), "new"),
        cli("runner-creation.create-runner", "runner create other --keep-as runner-2 --provider ci --wait").there(
            |github: &Github, _| {
                github.lines().contains(&format!("POST /repos/{REPO}/actions/runners/registration-token")).into()
            },
            true,
        ),
        api(
            "webhook-registration.register",
            "POST /v1/providers/ci/hooks",
            json!({ "url": "https://cicd.example.com/one", "secret": "deploy-key" }),
        )
        .gives("/result/hook/active", true)
        .there(|github: &Github, _| github.world().repos[0].hooks[0].asked["config"]["secret"].clone(), PLACED),
        cli("webhook-registration.register", "remote hook register https://cicd.example.com/two --provider ci --wait")
            .there(
                |github: &Github, _| hooks(github),
                json!(["https://cicd.example.com/one", "https://cicd.example.com/two"]),
            ),
        api("webhook-registration.list-hooks", "GET /v1/providers/ci/hooks", Value::Null)
            .gives("/items/0/id", "https://cicd.example.com/one"),
        cli("webhook-registration.list-hooks", "remote hook list --provider ci")
            .gives("/1/url", "https://cicd.example.com/two")
            .keeps("hook", "/1/id"),
        drive(|github: &Github, _| {
            let mut world = github.world();
            let at = world.now;
            for guid in ["a", "b"] {
                let id = world.number();
                let (guid, event) = (guid.to_owned(), "workflow_run".to_owned());
                let missed = Delivery { id, guid, event, status_code: 502, at, redelivery: false };
                world.repo(REPO).hooks[1].deliveries.push(missed);
            }
        }),
        api("webhook-recovery.list-missed", "GET /v1/providers/ci/missed-deliveries", Value::Null)
            .gives("/items/0/event", "workflow_run")
            .keeps("missed", "/items/0/id"),
        cli("webhook-recovery.list-missed", "remote hook missed --provider ci")
            .gives("/1/hook", "{hook}")
            .keeps("missed-2", "/1/id"),
        api(
            "webhook-recovery.redeliver",
            "POST /v1/providers/ci/hooks/{hook}/deliveries/{missed}/redeliver",
            Value::Null
        )
        .there(|github: &Github, _| again(github).as_array().unwrap().len().into(), 1),
        cli("webhook-recovery.redeliver", "remote hook redeliver {hook} {missed-2} --provider ci --wait")
            .there(|github: &Github, _| again(github).as_array().unwrap().len().into(), 2),
        api("webhook-registration.unregister", "DELETE /v1/providers/ci/hooks/{hook}", Value::Null)
            .there(|github: &Github, _| hooks(github), json!(["https://cicd.example.com/one"])),
        cli(
            "webhook-registration.unregister",
            "remote hook unregister https://cicd.example.com/one --provider ci --wait"
        )
        .there(|github: &Github, _| hooks(github), json!([])),
        drive(|github: &Github, _| {
            let stated = json!({ "mediaType": "application/x-bundle",
                // {"predicateType":"https://slsa.dev/provenance/v1"}
                "dsseEnvelope": { "payload": "eyJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9zbHNhLmRldi9wcm92ZW5hbmNlL3YxIn0=" } });
            github.world().repo(REPO).attestations.insert("sha256:ab".into(), vec![stated]);
        }),
        api("attestations.list-attestations", "GET /v1/providers/ci/attestations?digest=sha256:ab", Value::Null)
            .gives("/items/0/predicate", "https://slsa.dev/provenance/v1"),
        cli("attestations.list-attestations", "remote attestation list sha256:ab --provider ci")
            .gives("/0/predicate", "https://slsa.dev/provenance/v1"),
    ]
}

fn environments(github: &Github) -> Value {
    github.world().repos[0].environments.keys().cloned().collect()
}

fn states(github: &Github) -> Value {
    let world = github.world();
    let newest = world.repos[0].deployments.iter().map(|it| it.statuses.last().map(|status| status.0.clone()));
    newest.map(Value::from).collect()
}

pub(super) fn deployments() -> Steps {
    steps![
        api("environments.put-environment", "PUT /v1/providers/ci/environments/prod", json!({}))
            .keeps("environment", "/result/environment/id")
            .there(|github: &Github, _| environments(github), json!(["prod"])),
        cli("environments.put-environment", "remote environment put dev --rule wait=5 --provider ci --wait")
            .keeps("environment-2", "/result/environment/id")
            .gives("/result/environment/protection/0/value", "5")
            .there(|github: &Github, _| environments(github), json!(["dev", "prod"])),
        api("environments.list-environments", "GET /v1/providers/ci/environments", Value::Null)
            .gives("/items/[name=prod]/id", "{environment}"),
        cli("environments.list-environments", "remote environment list --provider ci")
            .gives("/[name=dev]/id", "{environment-2}"),
        api("environments.get", "GET /v1/providers/ci/environments/{environment}", Value::Null).gives("/name", "prod"),
        cli("environments.get", "remote environment show {environment-2} --provider ci")
            .gives("/protection/0/kind", "wait"),
        api("environments.delete-environment", "DELETE /v1/providers/ci/environments/{environment}", Value::Null)
            .there(|github: &Github, _| environments(github), json!(["dev"])),
        cli("environments.delete-environment", "remote environment delete {environment-2} --provider ci --wait")
            .there(|github: &Github, _| environments(github), json!([])),
        api(
            "deployments.start",
            "POST /v1/providers/ci/deployments",
            json!({ "environment": "prod", "artifact": { "name": "app", "version": "1.0" }, "target": "web" }),
        )
        .keeps("started", "/id")
        .keeps("deployment", "/result/deployment/deployment/id")
        .there(|github: &Github, _| states(github), json!([null])),
        cli(
            "deployments.start",
            "remote deployment start prod --artifact app --version 2.0 --target web --provider ci --wait",
        )
        .keeps("deployment-2", "/result/deployment/deployment/id")
        .there(|github: &Github, _| states(github), json!([null, null])),
        api("deployments.get", "GET /v1/providers/ci/deployments/{deployment}", Value::Null).gives("/version", "1.0"),
        cli("deployments.get", "remote deployment show {deployment-2} --provider ci").gives("/version", "2.0"),
        api("deployments.list-deployments", "GET /v1/providers/ci/deployments?environment=prod", Value::Null)
            .gives("/items/[version=1.0]/id", "{deployment}"),
        cli("deployments.list-deployments", "remote deployment list --provider ci")
            .gives("/[version=2.0]/id", "{deployment-2}"),
        api(
            "deployment-status.set-status",
            "PUT /v1/providers/ci/deployments/{deployment}/status",
            json!({ "state": "succeeded" }),
        )
        .there(|github: &Github, _| states(github), json!(["success", null])),
        api("deployment-reconciliation.observe", "GET /v1/providers/ci/environments/prod/targets/web", Value::Null)
            .gives("/version", "1.0"),
        cli(
            "deployment-status.set-status",
            "remote deployment set-status {deployment-2} succeeded --provider ci --wait"
        )
        .there(|github: &Github, _| states(github)[1].clone(), "success"),
        cli("deployment-reconciliation.observe", "remote deployment observe prod web --provider ci")
            .gives("/version", "2.0"),
        drive(|_, names| drop(names.insert("correlation", names["started"].replace('-', "")))),
        api(
            "deployment-reconciliation.find-by-correlation",
            "GET /v1/providers/ci/deployments?correlation={correlation}",
            Value::Null,
        )
        .gives("/items/0/id", "{deployment}"),
        cli("deployment-reconciliation.find-by-correlation", "remote deployment find {correlation} --provider ci")
            .gives("/0/id", "{deployment}"),
        api("deployment-rollback.rollback", "POST /v1/providers/ci/deployments/{deployment}/rollback", Value::Null)
            .there(|github: &Github, _| github.world().repos[0].deployments.len().into(), 3),
        cli("deployment-rollback.rollback", "remote deployment rollback {deployment-2} --provider ci --wait")
            .there(|github: &Github, _| github.world().repos[0].deployments.len().into(), 4),
    ]
}
