//! Runs, what they wrote and kept, and what is told of them.

use std::collections::BTreeMap;

use novacron_cicd_fakes::{
    github::{Github, too_fast},
    server::Fault,
};
use serde_json::{Value, json};

use super::{
    super::row::{Names, api, before, cli, drive, hook, steps},
    HOOK, REPO, Steps,
};

/// Runs, the list of them or one.
const RUNS: &str = "GET /repos/acme/app/actions/runs";

/// Nothing on GitHub changes without a time at which it did.
fn later(github: &Github) {
    github.world().now += 1_000;
}

/// What GitHub calls the run of this name.
fn number(names: &Names, name: &str) -> u64 {
    names[name].parse().unwrap()
}

/// What the newest run was given.
fn who(github: &Github) -> Value {
    github.world().repo(REPO).runs.last().unwrap().inputs["who"].clone().into()
}

fn asked(github: &Github, names: &Names, name: &str) -> Value {
    github.world().asked(number(names, name)).into()
}

fn status(github: &Github, names: &Names, name: &str) -> Value {
    github.world().run(number(names, name)).attempts.last().unwrap().status.clone().into()
}

fn attempts(github: &Github, names: &Names, name: &str) -> Value {
    github.world().run(number(names, name)).attempts.len().into()
}

fn has(github: &Github, names: &Names, name: &str) -> Value {
    let number = number(names, name);
    github.world().repo(REPO).runs.iter().any(|run| run.id == number).into()
}

/// Whether GitHub was asked to delete the artifact of this name.
fn deleted(github: &Github, names: &Names, name: &str) -> Value {
    let line = format!("DELETE /repos/{REPO}/actions/artifacts/{}", names[name]);
    github.lines().contains(&line).into()
}

/// The sha256 of what the first run kept.
const ONE: &str = "d443fae849e7aca83a13e872180550e26276dcad30c40ad511b968a29eb421f4";

/// The files of releases.
fn uploaded(github: &Github) -> Value {
    github.world().repo(REPO).releases.iter().flat_map(|it| &it.assets).map(|(_, name, ..)| name.clone()).collect()
}

pub(super) fn runs() -> Steps {
    steps![
        api("runs.trigger", "POST /v1/pipelines/app/runs", json!({ "parameters": { "who": "nova" } }))
            .gives("/operation/state", "done")
            .keeps("run", "/run/id")
            .there(|github: &Github, _| who(github), "nova"),
        cli("runs.trigger", "pipeline run app -p who=you")
            .keeps("second", "/id")
            .there(|github: &Github, _| who(github), "you"),
        drive(|github: &Github, names| {
            later(github);
            let runs: Vec<u64> = github.world().repo(REPO).runs.iter().map(|run| run.id).collect();
            for (name, number) in ["number", "second-number"].into_iter().zip(runs.into_iter().skip(2)) {
                names.insert(name, number.to_string());
                github.world().begin(number);
            }
        }),
        api("runs.get", "GET /v1/runs/{run}", Value::Null)
            .gives("/state", "running")
            .gives("/external_id", "{number}")
            .soon(),
        cli("runs.get", "run show {second}").gives("/state", "running").gives("/external_id", "{second-number}").soon(),
        drive(|github: &Github, names| {
            later(github);
            for name in ["number", "second-number"] {
                github.world().wait_for(number(names, name), &[(7, "production")]);
            }
        }),
        api("run-gates.list-gates", "GET /v1/runs/{run}/gates", Value::Null)
            .gives("/items/0/can_resolve", true)
            .keeps("gate", "/items/0/id"),
        cli("run-gates.list-gates", "run gates {second}").gives("/0/id", "environment:7"),
        api("run-gates.resolve-gate", "POST /v1/runs/{run}/gates/{gate}/resolve", json!({ "approve": true }))
            .there(|github: &Github, names| status(github, names, "number"), "queued"),
        cli("run-gates.resolve-gate", "run approve {second} {gate} --wait")
            .there(|github: &Github, names| status(github, names, "second-number"), "queued"),
        api("run-cancel.cancel", "POST /v1/runs/{run}/cancel", Value::Null)
            .there(|github: &Github, names| asked(github, names, "number"), json!(["cancel"])),
        cli("run-cancel.cancel", "run cancel {second}")
            .there(|github: &Github, names| asked(github, names, "second-number"), json!(["cancel"])),
        api("run-force-cancel.force-cancel", "POST /v1/runs/{run}/force-cancel", Value::Null)
            .there(|github: &Github, names| asked(github, names, "number"), json!(["cancel", "force-cancel"])),
        cli("run-force-cancel.force-cancel", "run cancel {second} --force")
            .there(|github: &Github, names| asked(github, names, "second-number"), json!(["cancel", "force-cancel"])),
        drive(|github: &Github, names| {
            later(github);
            for (name, kept) in [("number", "one"), ("second-number", "two")] {
                let (mut world, number) = (github.world(), number(names, name));
                let job = world.begin_job(number, "build");
                world.end_job(job, "failure", Some(&format!("made {kept}")));
                world.keep(number, kept, format!("PK {kept}").as_bytes());
                world.end(number, "failure");
                names.insert("job", job.to_string());
            }
        }),
        api("logs.read", "GET /v1/runs/{second}/logs?job={job}", Value::Null).gives("/text", "made two\n").soon(),
        cli("logs.read", "run logs {run}").gives("/line", "made one").soon(),
        api("artifacts.list-artifacts", "GET /v1/runs/{run}/artifacts", Value::Null)
            .gives("/items/0/name", "one")
            .keeps("artifact", "/items/0/id")
            .keeps("kept", "/items/0/external_id")
            .soon(),
        cli("artifacts.list-artifacts", "artifact list --run {second}")
            .gives("/0/name", "two")
            .keeps("other", "/0/id")
            .keeps("other-kept", "/0/external_id")
            .soon(),
        api("artifacts.plan-download", "GET /v1/artifacts/{artifact}/content", Value::Null).gives("/text", "PK one"),
        cli("artifacts.plan-download", "artifact download {other} --file two.zip").gives("/0/size", 6),
        api(
            "artifact-uploads.plan-upload",
            "POST /v1/artifacts/{artifact}/upload",
            json!({ "provider": "ci", "name": "a.zip", "version": "v1" }),
        )
        .gives("/result/artifact/digests/sha256", ONE)
        .there(|github: &Github, _| uploaded(github), json!(["a.zip"])),
        cli("artifact-uploads.plan-upload", "artifact upload {other} --provider ci --name b.zip --version v1 --wait")
            .there(|github: &Github, _| uploaded(github), json!(["a.zip", "b.zip"])),
        api(
            "artifact-uploads.finish-upload",
            "POST /v1/artifacts/{artifact}/upload",
            json!({ "provider": "ci", "name": "c.zip", "version": "v1" }),
        )
        .gives("/result/artifact/digests/sha256", ONE)
        .there(|github: &Github, _| uploaded(github), json!(["a.zip", "b.zip", "c.zip"])),
        cli("artifact-uploads.finish-upload", "artifact upload {other} --provider ci --name d.zip --version v1 --wait")
            .there(|github: &Github, _| uploaded(github), json!(["a.zip", "b.zip", "c.zip", "d.zip"])),
        api("artifact-retention.delete-artifact", "DELETE /v1/artifacts/{artifact}?remote=true", Value::Null)
            .there(|github: &Github, names| deleted(github, names, "kept"), true),
        cli("artifact-retention.delete-artifact", "artifact delete {other} --remote --wait")
            .there(|github: &Github, names| deleted(github, names, "other-kept"), true),
        api("run-retry.retry", "POST /v1/runs/{run}/retry", json!({}))
            .there(|github: &Github, names| attempts(github, names, "number"), 2),
        cli("run-retry.retry", "run retry {second} --failed")
            .there(|github: &Github, names| attempts(github, names, "second-number"), 2),
        drive(|github: &Github, names| {
            later(github);
            for name in ["number", "second-number"] {
                github.world().end(number(names, name), "success");
            }
        }),
        before("GET /v1/runs/{run}", Value::Null).gives("/state", "succeeded").soon(),
        before("GET /v1/runs/{second}", Value::Null).gives("/state", "succeeded").soon(),
        api("run-deletion.delete-run", "DELETE /v1/runs/{run}?remote=true", Value::Null)
            .there(|github: &Github, names| has(github, names, "number"), false),
        cli("run-deletion.delete-run", "run delete {second} --remote --wait")
            .there(|github: &Github, names| has(github, names, "second-number"), false),
    ]
}

/// A run whose start was not answered.
pub(super) fn found_again() -> Steps {
    steps![
        // GitHub wants to be left alone by whoever looks at runs: what is lost then is found by nothing but a search.
        drive(|github: &Github, _| github.fail(RUNS, too_fast(Some(3600)))),
        before("POST /v1/pipelines/app/runs", json!({})).gives("/operation/state", "done"),
        before("GET /v1/runs", Value::Null)
            .there(|github: &Github, _| github.lines().iter().any(|line| line.starts_with(RUNS)).into(), true)
            .soon(),
        drive(|github: &Github, _| github.fail("/dispatches", Fault::LoseAnswer)),
        before("POST /v1/pipelines/app/runs", json!({ "parameters": { "who": "lost" } }))
            .keeps("operation", "/operation/id"),
        api("run-search.find-by-correlation", "GET /v1/operations/{operation}", Value::Null)
            .gives("/state", "done")
            .gives("/attempts", 1)
            .there(|github: &Github, _| github.world().repo(REPO).runs.len().into(), 2),
        cli("run-search.find-by-correlation", "operation show {operation}").gives("/state", "done"),
    ]
}

/// What others start and tell.
pub(super) fn others() -> Steps {
    steps![
        drive(|github: &Github, names| {
            later(github);
            let pushed = github.world().add_run(REPO, "ci.yml", "push", "main", "A change", BTreeMap::new());
            names.insert("pushed", pushed.to_string());
        }),
        api("run-changes.list-changed", "GET /v1/runs", Value::Null)
            .gives("/items/[origin=push]/external_id", "{pushed}")
            .soon(),
        cli("run-changes.list-changed", "run list --provider ci").gives("/[origin=push]/pipeline", "app").soon(),
        hook("webhooks.decode", "/v1/hooks/ci", |github: &Github, names| {
            github.world().delivery(number(names, "pushed"), HOOK)
        })
        .gives("/duplicate", false),
        cli("webhooks.decode", "webhook list --provider ci")
            .gives("/0/state", "decoded")
            .gives("/0/note", Value::Null)
            .soon(),
    ]
}
