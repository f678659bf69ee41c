//! Environments and deployments.

use novacron_cicd_fakes::gitlab::GitLab;
use serde_json::{Value, json};

use super::{
    super::row::{Names, api, before, cli, drive, steps},
    Steps,
};

/// The environment of this name; its state, or null.
fn environment(gitlab: &GitLab, name: &str) -> Value {
    let world = gitlab.world();
    world.projects[0].environments.iter().find(|row| row["name"] == name).map(|row| row["state"].clone()).into()
}

pub(super) fn environments() -> Steps {
    steps![
        api(
            "environments.put-environment",
            "PUT /v1/providers/ci/environments/dev",
            json!({ "url": "https://dev.example.com" })
        )
        .keeps("environment", "/result/environment/id")
        .there(|gitlab: &GitLab, _| environment(gitlab, "dev"), "available"),
        cli("environments.put-environment", "remote environment put qa --tier testing --provider ci --wait")
            .keeps("environment-2", "/result/environment/id")
            .there(|gitlab: &GitLab, _| environment(gitlab, "qa"), "available"),
        api("environments.list-environments", "GET /v1/providers/ci/environments", Value::Null)
            .gives("/items/[name=dev]/id", "{environment}"),
        cli("environments.list-environments", "remote environment list --provider ci")
            .gives("/[name=qa]/tier", "testing"),
        api("environments.get", "GET /v1/providers/ci/environments/{environment}", Value::Null)
            .gives("/url", "https://dev.example.com"),
        cli("environments.get", "remote environment show {environment-2} --provider ci").gives("/name", "qa"),
        api("environments.stop-environment", "POST /v1/providers/ci/environments/{environment}/stop", Value::Null)
            .there(|gitlab: &GitLab, _| environment(gitlab, "dev"), "stopped"),
        cli("environments.stop-environment", "remote environment stop {environment-2} --provider ci --wait")
            .there(|gitlab: &GitLab, _| environment(gitlab, "qa"), "stopped"),
        api("environments.delete-environment", "DELETE /v1/providers/ci/environments/{environment}", Value::Null)
            .there(|gitlab: &GitLab, _| environment(gitlab, "dev"), Value::Null),
        cli("environments.delete-environment", "remote environment delete {environment-2} --provider ci --wait")
            .there(|gitlab: &GitLab, _| environment(gitlab, "qa"), Value::Null),
    ]
}

/// Where the deployment of this name stands.
fn status(gitlab: &GitLab, names: &Names, name: &str) -> Value {
    let world = gitlab.world();
    let id: u64 = names[name].parse().unwrap();
    world.projects[0].deployments.iter().find(|row| row["id"] == id).map(|row| row["status"].clone()).into()
}

/// Every job that waits for a runner is done.
fn work(gitlab: &GitLab) {
    while let Some(job) = gitlab.pending().first().copied() {
        gitlab.begin(job);
        gitlab.end(job, "success");
    }
}

/// How many jobs deployed, those that were retried among them.
fn shipped(gitlab: &GitLab, names: &Names) -> Value {
    let made = gitlab.world().projects[0].deployments.len() as u64;
    (made - names["deployments"].parse::<u64>().unwrap()).into()
}

fn body(version: &str) -> Value {
    json!({ "environment": "production", "artifact": { "name": "app", "version": version }, "target": "web" })
}

pub(super) fn deployments() -> Steps {
    const START: &str =
        "remote deployment start production --artifact app --version 2.0 --target web --provider ci --wait";
    steps![
        api("deployments.start", "POST /v1/providers/ci/deployments", body("1.0"))
            .keeps("started", "/id")
            .keeps("ticket", "/result/deployment/ticket"),
        api("deployments.resolve-ticket", "GET /v1/providers/ci/deployment-tickets/{ticket}", Value::Null)
            .keeps("deployment", "/deployment/id")
            .there(|gitlab: &GitLab, names| status(gitlab, names, "deployment"), "created"),
        cli("deployments.start", START).keeps("ticket-2", "/result/deployment/ticket"),
        cli("deployments.resolve-ticket", "remote deployment ticket {ticket-2} --provider ci")
            .keeps("deployment-2", "/deployment/id")
            .there(|gitlab: &GitLab, names| status(gitlab, names, "deployment-2"), "created"),
        api("deployments.get", "GET /v1/providers/ci/deployments/{deployment}", Value::Null).gives("/state", "waiting"),
        cli("deployments.get", "remote deployment show {deployment-2} --provider ci")
            .gives("/environment", "production"),
        api("deployments.list-deployments", "GET /v1/providers/ci/deployments?environment=production", Value::Null)
            .gives("/items/0/id", "{deployment-2}"),
        cli("deployments.list-deployments", "remote deployment list --provider ci")
            .gives("/[id={deployment}]/state", "waiting"),
        api(
            "deployment-approval.approve",
            "POST /v1/providers/ci/deployments/{deployment}/approve",
            json!({ "approve": true }),
        ),
        drive(|gitlab: &GitLab, _| work(gitlab)),
        api(
            "deployment-reconciliation.observe",
            "GET /v1/providers/ci/environments/production/targets/web",
            Value::Null
        )
        .gives("/version", "1.0")
        .there(|gitlab: &GitLab, names| status(gitlab, names, "deployment"), "success"),
        cli("deployment-approval.approve", "remote deployment approve {deployment-2} --provider ci --wait"),
        drive(|gitlab: &GitLab, _| work(gitlab)),
        cli("deployment-reconciliation.observe", "remote deployment observe production web --provider ci")
            .gives("/version", "2.0")
            .there(|gitlab: &GitLab, names| status(gitlab, names, "deployment-2"), "success"),
        drive(|gitlab: &GitLab, names| {
            names.insert("correlation", names["started"].replace('-', ""));
            names.insert("deployments", gitlab.world().projects[0].deployments.len().to_string());
        }),
        api(
            "deployment-reconciliation.find-by-correlation",
            "GET /v1/providers/ci/deployments?correlation={correlation}",
            Value::Null,
        )
        .gives("/items/0/id", "{deployment}"),
        cli("deployment-reconciliation.find-by-correlation", "remote deployment find {correlation} --provider ci")
            .gives("/0/id", "{deployment}"),
        api("deployment-rollback.rollback", "POST /v1/providers/ci/deployments/{deployment}/rollback", Value::Null)
            .there(|gitlab: &GitLab, names| shipped(gitlab, names), 1),
        drive(|gitlab: &GitLab, _| work(gitlab)),
        cli("deployment-rollback.rollback", "remote deployment rollback {deployment-2} --provider ci --wait")
            .there(|gitlab: &GitLab, names| shipped(gitlab, names), 2),
        before("POST /v1/providers/ci/deployments", body("3.0")).keeps("ticket", "/result/deployment/ticket"),
        before("GET /v1/providers/ci/deployment-tickets/{ticket}", Value::Null).keeps("deployment", "/deployment/id"),
        api("deployment-cancel.cancel", "POST /v1/providers/ci/deployments/{deployment}/cancel", Value::Null)
            .there(|gitlab: &GitLab, names| status(gitlab, names, "deployment"), "canceled"),
        before("POST /v1/providers/ci/deployments", body("4.0")).keeps("ticket", "/result/deployment/ticket"),
        before("GET /v1/providers/ci/deployment-tickets/{ticket}", Value::Null).keeps("deployment", "/deployment/id"),
        cli("deployment-cancel.cancel", "remote deployment cancel {deployment} --provider ci --wait")
            .there(|gitlab: &GitLab, names| status(gitlab, names, "deployment"), "canceled"),
        drive(|gitlab: &GitLab, names| {
            // No job made these: whoever did tells how they went.
            for (key, id) in [("external", 900), ("external-2", 901)] {
                let row = json!({ "id": id, "iid": id, "ref": "main", "sha": "a", "status": "running", "environment": { "id": 0 } });
                gitlab.world().projects[0].deployments.push(row);
                names.insert(key, id.to_string());
            }
        }),
        api(
            "deployment-status.set-status",
            "PUT /v1/providers/ci/deployments/{external}/status",
            json!({ "state": "succeeded" }),
        )
        .there(|gitlab: &GitLab, names| status(gitlab, names, "external"), "success"),
        cli("deployment-status.set-status", "remote deployment set-status {external-2} failed --provider ci --wait")
            .there(|gitlab: &GitLab, names| status(gitlab, names, "external-2"), "failed"),
    ]
}
