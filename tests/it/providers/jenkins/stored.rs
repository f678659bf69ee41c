//! What else a controller has: its store of credentials, its nodes, and jobs that deploy.

use novacron_cicd_fakes::jenkins::{Build, Jenkins};
use serde_json::{Value, json};

use super::{
    super::row::{api, cli, drive, steps},
    PLACED, Steps, begin,
};

pub(super) fn stored() -> Steps {
    steps![
        api("secrets.put-secret", "PUT /v1/providers/ci/secrets/one", json!({ "parts": { "value": "deploy-key" } }))
            .there(|jenkins: &Jenkins, _| jenkins.world().credentials[0].xml.contains(PLACED).into(), true),
        cli("secrets.put-secret", "remote secret put two --part value=deploy-key --provider ci --wait")
            .there(|jenkins: &Jenkins, _| jenkins.world().credentials[1].id.clone().into(), "two"),
        api("secrets.list-secrets", "GET /v1/providers/ci/secrets", Value::Null)
            .gives("/items/[name=one]/kind", "text"),
        cli("secrets.list-secrets", "remote secret list --provider ci").gives("/[name=two]/kind", "text"),
        api("secrets.delete-secret", "DELETE /v1/providers/ci/secrets/one", Value::Null)
            .there(|jenkins: &Jenkins, _| jenkins.world().credentials[0].id.clone().into(), "two"),
        cli("secrets.delete-secret", "remote secret delete two --provider ci --wait")
            .there(|jenkins: &Jenkins, _| jenkins.world().credentials.len().into(), 0),
        api("runners.list-runners", "GET /v1/providers/ci/runners", Value::Null)
            .gives("/items/[id=one]/state", "online"),
        cli("runners.list-runners", "runner list --provider ci").gives("/[id=two]/busy", false),
        api("runners.get", "GET /v1/providers/ci/runners/one", Value::Null).gives("/draining", false),
        cli("runners.get", "runner show (built-in) --provider ci").gives("/name", "Built-In Node"),
        api("runner-drain.set-draining", "POST /v1/providers/ci/runners/one/drain", json!({}))
            .there(|jenkins: &Jenkins, _| jenkins.world().nodes[1]["temporarilyOffline"].clone(), true),
        cli("runner-drain.set-draining", "runner drain two --provider ci --wait")
            .there(|jenkins: &Jenkins, _| jenkins.world().nodes[2]["temporarilyOffline"].clone(), true),
        api("runner-deletion.delete-runner", "DELETE /v1/providers/ci/runners/one", Value::Null)
            .there(|jenkins: &Jenkins, _| jenkins.world().nodes.len().into(), 2),
        cli("runner-deletion.delete-runner", "runner delete two --provider ci --wait")
            .there(|jenkins: &Jenkins, _| jenkins.world().nodes.len().into(), 1),
    ]
}

/// What the builds of the deploy job were given as the artifact's version.
fn versions(jenkins: &Jenkins) -> Value {
    let world = jenkins.world();
    let builds = &world.items.iter().find(|item| item.name == "deploy").unwrap().builds;
    let version = |build: &Build| {
        let given = build.actions[0]["parameters"].as_array().unwrap().clone();
        given.into_iter().find(|it| it["name"] == "NOVACRON_ARTIFACT_VERSION").unwrap()["value"].clone()
    };
    builds.iter().map(version).collect()
}

fn stopped(jenkins: &Jenkins, number: u64) -> Value {
    jenkins.build("deploy", number, |build| build.asked.clone()).into()
}

/// Builds of a parameterised job, as deployments.
pub(super) fn deployments() -> Steps {
    const START: &str = "remote deployment start prod --artifact app --version 2.0 --target web --provider ci --wait";
    let body = json!({ "environment": "prod", "artifact": { "name": "app", "version": "1.0" }, "target": "web" });
    steps![
        api("deployments.start", "POST /v1/providers/ci/deployments", body)
            .keeps("started", "/id")
            .keeps("ticket", "/result/deployment/ticket"),
        drive(|jenkins: &Jenkins, _| begin(jenkins)),
        api("deployments.resolve-ticket", "GET /v1/providers/ci/deployment-tickets/{ticket}", Value::Null)
            .keeps("deployment", "/deployment/id")
            .there(|jenkins: &Jenkins, _| versions(jenkins), json!(["1.0"])),
        cli("deployments.start", START).keeps("ticket-2", "/result/deployment/ticket"),
        drive(|jenkins: &Jenkins, _| begin(jenkins)),
        cli("deployments.resolve-ticket", "remote deployment ticket {ticket-2} --provider ci")
            .keeps("deployment-2", "/deployment/id")
            .there(|jenkins: &Jenkins, _| versions(jenkins), json!(["1.0", "2.0"])),
        api("deployments.get", "GET /v1/providers/ci/deployments/{deployment}", Value::Null).gives("/version", "1.0"),
        cli("deployments.get", "remote deployment show {deployment-2} --provider ci").gives("/state", "running"),
        api("deployments.list-deployments", "GET /v1/providers/ci/deployments?environment=prod", Value::Null)
            .gives("/items/[version=1.0]/id", "{deployment}"),
        cli("deployments.list-deployments", "remote deployment list --provider ci")
            .gives("/[version=2.0]/id", "{deployment-2}"),
        drive(|jenkins: &Jenkins, _| jenkins.end("deploy", 1, "SUCCESS")),
        api("deployment-reconciliation.observe", "GET /v1/providers/ci/environments/prod/targets/web", Value::Null)
            .gives("/version", "1.0"),
        drive(|jenkins: &Jenkins, _| jenkins.end("deploy", 2, "SUCCESS")),
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
        api("deployment-rollback.rollback", "POST /v1/providers/ci/deployments/{deployment}/rollback", Value::Null),
        drive(|jenkins: &Jenkins, _| begin(jenkins)),
        cli("deployment-rollback.rollback", "remote deployment rollback {deployment} --provider ci --wait"),
        drive(|jenkins: &Jenkins, names| {
            begin(jenkins);
            for (key, number) in [("third", 3), ("fourth", 4)] {
                names.insert(key, format!("deploy#{number}"));
            }
        }),
        api("deployment-cancel.cancel", "POST /v1/providers/ci/deployments/{third}/cancel", Value::Null)
            .there(|jenkins: &Jenkins, _| versions(jenkins), json!(["1.0", "2.0", "1.0", "1.0"]))
            .there(|jenkins: &Jenkins, _| stopped(jenkins, 3), json!(["stop"])),
        cli("deployment-cancel.cancel", "remote deployment cancel {fourth} --provider ci --wait")
            .there(|jenkins: &Jenkins, _| stopped(jenkins, 4), json!(["stop"])),
    ]
}
