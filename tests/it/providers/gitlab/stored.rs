//! What else a project has: secrets, variables, runners, webhooks.

use novacron_cicd_fakes::gitlab::GitLab;
use serde_json::{Value, json};

use super::{
    super::row::{Names, api, cli, drive, steps},
    PLACED, Steps,
};

/// The value of a variable of the project, secrets among them.
fn variable(gitlab: &GitLab, key: &str) -> Value {
    let world = gitlab.world();
    world.projects[0].variables.iter().find(|it| it["key"] == key).map(|it| it["value"].clone()).into()
}

pub(super) fn stored() -> Steps {
    steps![
        api("secrets.put-secret", "PUT /v1/providers/ci/secrets/ONE", json!({ "parts": { "value": "deploy-key" } }))
            .there(|gitlab: &GitLab, _| variable(gitlab, "ONE"), PLACED),
        cli("secrets.put-secret", "remote secret put TWO --part value=deploy-key --provider ci --wait")
            .there(|gitlab: &GitLab, _| variable(gitlab, "TWO"), PLACED),
        api("secrets.list-secrets", "GET /v1/providers/ci/secrets", Value::Null)
            .gives("/items/[name=ONE]/scope", "g/app"),
        cli("secrets.list-secrets", "remote secret list --provider ci").gives("/[name=TWO]/scope", "g/app"),
        api("secrets.delete-secret", "DELETE /v1/providers/ci/secrets/ONE", Value::Null)
            .there(|gitlab: &GitLab, _| variable(gitlab, "ONE"), Value::Null),
        cli("secrets.delete-secret", "remote secret delete TWO --provider ci --wait")
            .there(|gitlab: &GitLab, _| variable(gitlab, "TWO"), Value::Null),
        api("variables.put-variable", "PUT /v1/providers/ci/variables/LEVEL", json!({ "value": "high" }))
            .there(|gitlab: &GitLab, _| variable(gitlab, "LEVEL"), "high"),
        cli("variables.put-variable", "remote variable put REGION eu-1 --provider ci --wait")
            .there(|gitlab: &GitLab, _| variable(gitlab, "REGION"), "eu-1"),
        api("variables.list-variables", "GET /v1/providers/ci/variables", Value::Null)
            .gives("/items/[name=LEVEL]/value", "high"),
        cli("variables.list-variables", "remote variable list --provider ci").gives("/[name=REGION]/value", "eu-1"),
        api("variables.delete-variable", "DELETE /v1/providers/ci/variables/LEVEL", Value::Null)
            .there(|gitlab: &GitLab, _| variable(gitlab, "LEVEL"), Value::Null),
        cli("variables.delete-variable", "remote variable delete REGION --provider ci --wait")
            .there(|gitlab: &GitLab, _| variable(gitlab, "REGION"), Value::Null),
    ]
}

/// A field of each runner, in their order.
fn each(gitlab: &GitLab, field: &str) -> Value {
    gitlab.world().runners.iter().map(|row| row[field].clone()).collect()
}

/// How many projects have the runner of this name.
fn projects(gitlab: &GitLab, names: &Names, name: &str) -> Value {
    let runner: u64 = names[name].parse().unwrap();
    gitlab.world().projects.iter().filter(|project| project.runners.contains(&runner)).count().into()
}

pub(super) fn runners() -> Steps {
    steps![
        api(
            "runner-creation.create-runner",
            "POST /v1/providers/ci/runners",
            json!({ "name": "vm-1", "keep_as": "runner-1" })
        )
        .keeps("runner", "/result/runner/id")
        .there(|gitlab: &GitLab, _| each(gitlab, "description"), json!(["vm-1"])),
        cli("runner-creation.create-runner", "runner create vm-2 --keep-as runner-2 --provider ci --wait")
            .keeps("runner-2", "/result/runner/id")
            .there(|gitlab: &GitLab, _| each(gitlab, "description"), json!(["vm-1", "vm-2"])),
        api("runners.list-runners", "GET /v1/providers/ci/runners", Value::Null)
            .gives("/items/[name=vm-1]/id", "{runner}"),
        cli("runners.list-runners", "runner list --provider ci").gives("/[name=vm-2]/id", "{runner-2}"),
        api("runners.get", "GET /v1/providers/ci/runners/{runner}", Value::Null).gives("/state", "never-contacted"),
        cli("runners.get", "runner show {runner-2} --provider ci").gives("/name", "vm-2"),
        api("runner-drain.set-draining", "POST /v1/providers/ci/runners/{runner}/drain", json!({}))
            .there(|gitlab: &GitLab, _| each(gitlab, "paused"), json!([true, false])),
        cli("runner-drain.set-draining", "runner drain {runner-2} --provider ci --wait")
            .there(|gitlab: &GitLab, _| each(gitlab, "paused"), json!([true, true])),
        api("runner-labels.set-labels", "PUT /v1/providers/ci/runners/{runner}/labels", json!({ "labels": ["gpu"] }))
            .there(|gitlab: &GitLab, _| each(gitlab, "tag_list"), json!([["gpu"], []])),
        cli("runner-labels.set-labels", "runner label {runner-2} --label small --provider ci --wait")
            .there(|gitlab: &GitLab, _| each(gitlab, "tag_list"), json!([["gpu"], ["small"]])),
        drive(|_, names| drop(names.insert("project", "g/new".into()))),
        api("runner-assignment.assign", "PUT /v1/providers/ci/runners/{runner}/projects/{project}", Value::Null)
            .there(|gitlab: &GitLab, names| projects(gitlab, names, "runner"), 2),
        cli("runner-assignment.assign", "runner assign {runner-2} --project {project} --provider ci --wait")
            .there(|gitlab: &GitLab, names| projects(gitlab, names, "runner-2"), 2),
        api("runner-assignment.unassign", "DELETE /v1/providers/ci/runners/{runner}/projects/{project}", Value::Null)
            .there(|gitlab: &GitLab, names| projects(gitlab, names, "runner"), 1),
        cli("runner-assignment.unassign", "runner unassign {runner-2} --project {project} --provider ci --wait")
            .there(|gitlab: &GitLab, names| projects(gitlab, names, "runner-2"), 1),
        api("runner-deletion.delete-runner", "DELETE /v1/providers/ci/runners/{runner}", Value::Null)
            .there(|gitlab: &GitLab, _| each(gitlab, "description"), json!(["vm-2"])),
        cli("runner-deletion.delete-runner", "runner delete {runner-2} --provider ci --wait")
            .there(|gitlab: &GitLab, _| each(gitlab, "description"), json!([])),
    ]
}

fn addresses(gitlab: &GitLab) -> Value {
    gitlab.world().projects[0].hooks.iter().map(|row| row["url"].clone()).collect()
}

/// Whether an event was asked for again.
fn again(gitlab: &GitLab, event: u64) -> Value {
    gitlab
        .lines()
        .iter()
        .any(|line| line.starts_with("POST ") && line.ends_with(&format!("/events/{event}/resend")))
        .into()
}

pub(super) fn hooks() -> Steps {
    steps![
        api(
            "webhook-registration.register",
            "POST /v1/providers/ci/hooks",
            json!({ "url": "https://cicd.example.com/one", "secret": "deploy-key" }),
        )
        .keeps("hook", "/result/hook/id")
        .there(|gitlab: &GitLab, _| addresses(gitlab), json!(["https://cicd.example.com/one"])),
        cli("webhook-registration.register", "remote hook register https://cicd.example.com/two --provider ci --wait")
            .keeps("hook-2", "/result/hook/id")
            .there(
                |gitlab: &GitLab, _| addresses(gitlab),
                json!(["https://cicd.example.com/one", "https://cicd.example.com/two"]),
            ),
        api("webhook-registration.list-hooks", "GET /v1/providers/ci/hooks", Value::Null)
            .gives("/items/[id={hook}]/active", true),
        cli("webhook-registration.list-hooks", "remote hook list --provider ci")
            .gives("/[id={hook-2}]/url", "https://cicd.example.com/two"),
        drive(|gitlab: &GitLab, _| {
            let event = |id: u64| {
                json!({ "id": id, "trigger": "pipeline_hooks", "response_status": "503",
                    "response_headers": { "Date": "Fri, 15 Jan 2027 08:00:00 GMT" } })
            };
            gitlab.world().projects[0].hook_events = vec![event(3), event(4)];
        }),
        api("webhook-recovery.list-missed", "GET /v1/providers/ci/missed-deliveries", Value::Null)
            .gives("/items/[id=3]/hook", "{hook}"),
        cli("webhook-recovery.list-missed", "remote hook missed --provider ci").gives("/[id=4]/hook", "{hook}"),
        api("webhook-recovery.redeliver", "POST /v1/providers/ci/hooks/{hook}/deliveries/3/redeliver", Value::Null)
            .there(|gitlab: &GitLab, _| again(gitlab, 3), true),
        cli("webhook-recovery.redeliver", "remote hook redeliver {hook} 4 --provider ci --wait")
            .there(|gitlab: &GitLab, _| again(gitlab, 4), true),
        api("webhook-registration.unregister", "DELETE /v1/providers/ci/hooks/{hook}", Value::Null)
            .there(|gitlab: &GitLab, _| addresses(gitlab), json!(["https://cicd.example.com/two"])),
        cli("webhook-registration.unregister", "remote hook unregister {hook-2} --provider ci --wait")
            .there(|gitlab: &GitLab, _| addresses(gitlab), json!([])),
    ]
}
