//! Runs, what they wrote and kept, and what is told of them.

use novacron_cicd_fakes::{jenkins::Jenkins, server::Fault};
use serde_json::{Value, json};

use super::{
    super::row::{api, before, cli, drive, hook, steps},
    HOOK, Steps, begin,
};

fn has(jenkins: &Jenkins, number: u64) -> Value {
    jenkins.world().items[0].builds.iter().any(|build| build.number == number).into()
}

fn asked(jenkins: &Jenkins, number: u64) -> Value {
    jenkins.build("app", number, |build| build.asked.clone()).into()
}

pub(super) fn runs() -> Steps {
    steps![
        api("runs.trigger", "POST /v1/pipelines/app/runs", json!({ "parameters": { "VERSION": "2" } }))
            .gives("/operation/state", "done")
            .keeps("run", "/run/id")
            .there(|jenkins: &Jenkins, _| jenkins.waiting().len().into(), 1),
        drive(|jenkins: &Jenkins, _| begin(jenkins)),
        api("runs.resolve-ticket", "GET /v1/runs/{run}", Value::Null).gives("/external_id", "2").soon(),
        cli("runs.trigger", "pipeline run app -p VERSION=3")
            .keeps("second", "/id")
            .there(|jenkins: &Jenkins, _| jenkins.waiting().len().into(), 1),
        drive(|jenkins: &Jenkins, _| begin(jenkins)),
        cli("runs.resolve-ticket", "run show {second}").gives("/external_id", "3").soon(),
        api("runs.get", "GET /v1/runs/{run}", Value::Null)
            .gives("/state", "running")
            .gives("/parameters/VERSION", "2")
            .gives("/graph/jobs/0/id", "build")
            .soon(),
        cli("runs.get", "run show {second}").gives("/state", "running").gives("/number", "3").soon(),
        drive(|jenkins: &Jenkins, _| {
            for number in [2, 3] {
                jenkins.build("app", number, |build| build.inputs = vec!["Deploy".into()]);
            }
        }),
        api("run-gates.list-gates", "GET /v1/runs/{run}/gates", Value::Null).gives("/items/0/id", "Deploy"),
        cli("run-gates.list-gates", "run gates {second}").gives("/0/message", "Go on?"),
        api("run-gates.resolve-gate", "POST /v1/runs/{run}/gates/Deploy/resolve", json!({ "approve": true }))
            .there(|jenkins: &Jenkins, _| asked(jenkins, 2), json!(["proceedEmpty Deploy"])),
        cli("run-gates.resolve-gate", "run approve {second} Deploy --wait")
            .there(|jenkins: &Jenkins, _| asked(jenkins, 3), json!(["proceedEmpty Deploy"])),
        api("run-cancel.cancel", "POST /v1/runs/{run}/cancel", Value::Null)
            .there(|jenkins: &Jenkins, _| asked(jenkins, 2)[1].clone(), "stop"),
        cli("run-cancel.cancel", "run cancel {second}")
            .there(|jenkins: &Jenkins, _| asked(jenkins, 3)[1].clone(), "stop"),
        api("run-force-cancel.force-cancel", "POST /v1/runs/{run}/force-cancel", Value::Null)
            .there(|jenkins: &Jenkins, _| asked(jenkins, 2)[2].clone(), "term"),
        cli("run-force-cancel.force-cancel", "run cancel {second} --force")
            .there(|jenkins: &Jenkins, _| asked(jenkins, 3)[2].clone(), "term"),
    ]
}

pub(super) fn what_they_left() -> Steps {
    steps![
        drive(|jenkins: &Jenkins, _| {
            for (number, name) in [(2, "one.bin"), (3, "two.bin")] {
                jenkins.build("app", number, |build| {
                    build.log = Some(format!("made {name}\n").into());
                    build.artifacts = vec![(name.to_owned(), format!("bytes of {name}"))];
                });
                jenkins.end("app", number, "FAILURE");
            }
        }),
        api("logs.read", "GET /v1/runs/{run}/logs?job=build", Value::Null).gives("/text", "made one.bin\n").soon(),
        cli("logs.read", "run logs {second}").gives("/line", "made two.bin").soon(),
        api("artifacts.list-artifacts", "GET /v1/runs/{run}/artifacts", Value::Null)
            .gives("/items/0/name", "one.bin")
            .keeps("artifact", "/items/0/id")
            .soon(),
        cli("artifacts.list-artifacts", "artifact list --run {second}")
            .gives("/0/name", "two.bin")
            .keeps("other", "/0/id")
            .soon(),
        api("artifacts.plan-download", "GET /v1/artifacts/{artifact}/content", Value::Null)
            .gives("/text", "bytes of one.bin"),
        cli("artifacts.plan-download", "artifact download {other} --file two.bin").gives("/0/size", 16),
        api("run-retry.retry", "POST /v1/runs/{run}/retry", json!({}))
            .there(|jenkins: &Jenkins, _| jenkins.waiting().len().into(), 1),
        cli("run-retry.retry", "run retry {second}").there(|jenkins: &Jenkins, _| jenkins.waiting().len().into(), 2),
        drive(|jenkins: &Jenkins, _| begin(jenkins)),
        api("run-deletion.delete-run", "DELETE /v1/runs/{run}?remote=true", Value::Null)
            .there(|jenkins: &Jenkins, _| has(jenkins, 2), false),
        cli("run-deletion.delete-run", "run delete {second} --remote --wait")
            .there(|jenkins: &Jenkins, _| has(jenkins, 3), false),
    ]
}

/// A run whose start was not answered.
pub(super) fn found_again() -> Steps {
    steps![
        drive(|jenkins: &Jenkins, _| jenkins.fail("POST /job/app/build", Fault::LoseAnswer)),
        before("POST /v1/pipelines/app/runs", json!({ "parameters": { "VERSION": "lost" } }))
            .keeps("operation", "/operation/id"),
        api("run-search.find-by-correlation", "GET /v1/operations/{operation}", Value::Null)
            .gives("/state", "done")
            .gives("/attempts", 1)
            .there(|jenkins: &Jenkins, _| jenkins.waiting().len().into(), 1),
        cli("run-search.find-by-correlation", "operation show {operation}").gives("/state", "done"),
        // As long as one of ours waits, whatever begins may be it.
        drive(|jenkins: &Jenkins, _| begin(jenkins)),
    ]
}

/// What others start and tell.
pub(super) fn others() -> Steps {
    steps![
        drive(|jenkins: &Jenkins, _| {
            jenkins.begin_by("app", &["hudson.triggers.TimerTrigger$TimerTriggerCause"]);
        }),
        api("run-changes.list-changed", "GET /v1/runs", Value::Null)
            .gives("/items/[origin=schedule]/pipeline", "app")
            .soon(),
        cli("run-changes.list-changed", "run list --provider ci").gives("/[origin=schedule]/state", "running").soon(),
        drive(|_, names| drop(names.insert("hook", HOOK.into()))),
        hook("webhooks.decode", "/v1/hooks/ci/{hook}", |_, _| {
            let body = json!({ "name": "app", "build": { "phase": "FINALIZED", "number": 1, "url": "job/app/1/" } });
            (vec![("content-type".into(), "application/json".into())], body.to_string().into_bytes())
        })
        .gives("/duplicate", false),
        cli("webhooks.decode", "webhook list --provider ci")
            .gives("/0/state", "decoded")
            .gives("/0/note", Value::Null)
            .soon(),
    ]
}
