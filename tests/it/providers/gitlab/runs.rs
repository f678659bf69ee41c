//! Runs, what they wrote and kept, and what is told of them.

use novacron_cicd_fakes::{gitlab::GitLab, server::Fault};
use serde_json::{Value, json};

use super::{
    super::row::{Names, api, before, cli, drive, hook, steps},
    HOOK, Steps,
};

/// Pipelines, the list of them or one.
const RUNS: &str = "GET /api/v4/projects/g%2Fapp/pipelines";

fn number(names: &Names, name: &str) -> u64 {
    names[name].parse().unwrap()
}

fn variable(gitlab: &GitLab, names: &Names, name: &str) -> Value {
    let found = |variables: &[Value]| variables.iter().find(|it| it["key"] == "VERSION").map(|it| it["value"].clone());
    gitlab.pipeline(number(names, name), |row| found(&row.variables)).into()
}

/// Where the job of this name stands.
fn job(gitlab: &GitLab, names: &Names, name: &str) -> Value {
    gitlab.job(number(names, name), |job| job.status.clone()).into()
}

/// Where the newest job `build` of a pipeline stands.
fn build(gitlab: &GitLab, names: &Names, name: &str) -> Value {
    let newest = gitlab.job_named(number(names, name), "build");
    gitlab.job(newest, |job| job.status.clone()).into()
}

fn has(gitlab: &GitLab, names: &Names, name: &str) -> Value {
    gitlab.world().pipeline(number(names, name)).is_some().into()
}

/// Whether the artifacts of a job are there, and kept.
fn kept(gitlab: &GitLab, names: &Names, name: &str) -> Value {
    gitlab.job(number(names, name), |job| json!([job.artifacts.is_some(), job.keep]))
}

/// The sha256 of what the first run kept.
const ONE: &str = "d443fae849e7aca83a13e872180550e26276dcad30c40ad511b968a29eb421f4";

/// The files of packages.
fn uploaded(gitlab: &GitLab) -> Value {
    gitlab.world().projects[0].packages.iter().flat_map(|it| &it.1).map(|(row, _)| row["file_name"].clone()).collect()
}

pub(super) fn runs() -> Steps {
    steps![
        api("runs.trigger", "POST /v1/pipelines/app/runs", json!({ "parameters": { "VERSION": "2" } }))
            .gives("/operation/state", "done")
            .keeps("run", "/run/id"),
        before("GET /v1/runs/{run}", Value::Null)
            .keeps("number", "/external_id")
            .there(|gitlab: &GitLab, names| variable(gitlab, names, "number"), "2"),
        cli("runs.trigger", "pipeline run app -p VERSION=3").keeps("second", "/id"),
        before("GET /v1/runs/{second}", Value::Null)
            .gives("/parameters/VERSION", "3")
            .gives("/platform", "pending")
            .keeps("second-number", "/external_id")
            .soon()
            .there(|gitlab: &GitLab, names| variable(gitlab, names, "second-number"), "3"),
        drive(|gitlab: &GitLab, names| {
            for (pipeline, key, kept) in [("number", "build", "one"), ("second-number", "build-2", "two")] {
                let job = gitlab.job_named(number(names, pipeline), "build");
                gitlab.begin(job);
                gitlab.write(job, format!("made {kept}\n").as_bytes());
                gitlab.job(job, |job| job.artifacts = Some(format!("PK {kept}").into_bytes()));
                names.insert(key, job.to_string());
            }
        }),
        api("runs.get", "GET /v1/runs/{run}", Value::Null)
            .gives("/state", "running")
            .gives("/external_id", "{number}")
            .keeps("two", "/graph/jobs/[name=two]/id")
            .soon(),
        cli("runs.get", "run show {second}")
            .gives("/state", "running")
            .keeps("two-2", "/graph/jobs/[name=two]/id")
            .soon(),
        api("run-gates.list-gates", "GET /v1/runs/{run}/gates", Value::Null)
            .gives("/items/[message=one]/kind", "manual")
            .keeps("gate", "/items/[message=one]/id"),
        cli("run-gates.list-gates", "run gates {second}").keeps("gate-2", "/[message=one]/id"),
        api("run-gates.resolve-gate", "POST /v1/runs/{run}/gates/{gate}/resolve", json!({ "approve": true }))
            .there(|gitlab: &GitLab, names| job(gitlab, names, "gate"), "pending"),
        cli("run-gates.resolve-gate", "run approve {second} {gate-2} --wait")
            .there(|gitlab: &GitLab, names| job(gitlab, names, "gate-2"), "pending"),
        api("run-play.play", "POST /v1/runs/{run}/jobs/{two}/play", json!({}))
            .there(|gitlab: &GitLab, names| job(gitlab, names, "two"), "pending"),
        cli("run-play.play", "run play {second} {two-2} --wait")
            .there(|gitlab: &GitLab, names| job(gitlab, names, "two-2"), "pending"),
        api("run-cancel.cancel", "POST /v1/runs/{run}/cancel", Value::Null)
            .there(|gitlab: &GitLab, names| job(gitlab, names, "build"), "canceling"),
        cli("run-cancel.cancel", "run cancel {second}")
            .there(|gitlab: &GitLab, names| job(gitlab, names, "build-2"), "canceling"),
        api("run-force-cancel.force-cancel", "POST /v1/runs/{run}/force-cancel", Value::Null)
            .there(|gitlab: &GitLab, names| job(gitlab, names, "build"), "canceled"),
        cli("run-force-cancel.force-cancel", "run cancel {second} --force")
            .there(|gitlab: &GitLab, names| job(gitlab, names, "build-2"), "canceled"),
        api("logs.read", "GET /v1/runs/{run}/logs?job={build}", Value::Null).gives("/text", "made one\n").soon(),
        cli("logs.read", "run logs {second} --job {build-2}").gives("/line", "made two").soon(),
        api("artifacts.list-artifacts", "GET /v1/runs/{run}/artifacts", Value::Null)
            .gives("/items/0/name", "build")
            .keeps("artifact", "/items/0/id")
            .soon(),
        cli("artifacts.list-artifacts", "artifact list --run {second}")
            .gives("/0/external_id", "{build-2}")
            .keeps("other", "/0/id")
            .soon(),
        api("artifacts.plan-download", "GET /v1/artifacts/{artifact}/content", Value::Null).gives("/text", "PK one"),
        cli("artifacts.plan-download", "artifact download {other} --file two.zip").gives("/0/size", 6),
        api(
            "artifact-uploads.plan-upload",
            "POST /v1/artifacts/{artifact}/upload",
            json!({ "provider": "ci", "name": "a.zip", "version": "v1" }),
        )
        .gives("/result/artifact/digests/sha256", ONE)
        .there(|gitlab: &GitLab, _| uploaded(gitlab), json!(["a.zip"])),
        cli("artifact-uploads.plan-upload", "artifact upload {other} --provider ci --name b.zip --version v1 --wait")
            .there(|gitlab: &GitLab, _| uploaded(gitlab), json!(["a.zip", "b.zip"])),
        api(
            "artifact-uploads.finish-upload",
            "POST /v1/artifacts/{artifact}/upload",
            json!({ "provider": "ci", "name": "c.zip", "version": "v1" }),
        )
        .gives("/result/artifact/digests/sha256", ONE)
        .there(|gitlab: &GitLab, _| uploaded(gitlab), json!(["a.zip", "b.zip", "c.zip"])),
        cli("artifact-uploads.finish-upload", "artifact upload {other} --provider ci --name d.zip --version v1 --wait")
            .there(|gitlab: &GitLab, _| uploaded(gitlab), json!(["a.zip", "b.zip", "c.zip", "d.zip"])),
        api("artifact-retention.keep-artifact", "POST /v1/artifacts/{artifact}/keep", Value::Null)
            .there(|gitlab: &GitLab, names| kept(gitlab, names, "build"), json!([true, true])),
        cli("artifact-retention.keep-artifact", "artifact keep {other} --wait")
            .there(|gitlab: &GitLab, names| kept(gitlab, names, "build-2"), json!([true, true])),
        api("artifact-retention.delete-artifact", "DELETE /v1/artifacts/{artifact}?remote=true", Value::Null)
            .there(|gitlab: &GitLab, names| kept(gitlab, names, "build")[0].clone(), false),
        cli("artifact-retention.delete-artifact", "artifact delete {other} --remote --wait")
            .there(|gitlab: &GitLab, names| kept(gitlab, names, "build-2")[0].clone(), false),
        api("run-retry.retry", "POST /v1/runs/{run}/retry", json!({ "scope": "failed" }))
            .there(|gitlab: &GitLab, names| build(gitlab, names, "number"), "pending"),
        cli("run-retry.retry", "run retry {second} --failed")
            .there(|gitlab: &GitLab, names| build(gitlab, names, "second-number"), "pending"),
        drive(|gitlab: &GitLab, names| {
            for name in ["number", "second-number"] {
                let pipeline = number(names, name);
                gitlab.pipeline(pipeline, |row| row.word = Some("canceled".into()));
            }
        }),
        before("GET /v1/runs/{run}", Value::Null).gives("/state", "canceled").soon(),
        before("GET /v1/runs/{second}", Value::Null).gives("/state", "canceled").soon(),
        api("run-deletion.delete-run", "DELETE /v1/runs/{run}?remote=true", Value::Null)
            .there(|gitlab: &GitLab, names| has(gitlab, names, "number"), false),
        cli("run-deletion.delete-run", "run delete {second} --remote --wait")
            .there(|gitlab: &GitLab, names| has(gitlab, names, "second-number"), false),
    ]
}

/// A run whose start was not answered.
pub(super) fn found_again() -> Steps {
    steps![
        // GitLab wants to be left alone by whoever looks at runs: what is lost then is found by nothing but a search.
        drive(|gitlab: &GitLab, _| {
            let later = Fault::Refuse(429, vec![("retry-after".into(), "3600".into())], "Retry later".into());
            gitlab.fail(RUNS, later);
        }),
        before("POST /v1/pipelines/app/runs", json!({})).gives("/operation/state", "done"),
        before("GET /v1/runs", Value::Null)
            .there(|gitlab: &GitLab, _| gitlab.lines().iter().any(|line| line.starts_with(RUNS)).into(), true)
            .soon(),
        drive(|gitlab: &GitLab, _| gitlab.fail("POST /api/v4/projects/1/pipeline", Fault::LoseAnswer)),
        before("POST /v1/pipelines/app/runs", json!({ "parameters": { "VERSION": "lost" } }))
            .keeps("operation", "/operation/id"),
        api("run-search.find-by-correlation", "GET /v1/operations/{operation}", Value::Null)
            .gives("/state", "done")
            .gives("/attempts", 1)
            .there(|gitlab: &GitLab, _| gitlab.world().projects[0].pipelines.len().into(), 2),
        cli("run-search.find-by-correlation", "operation show {operation}").gives("/state", "done"),
    ]
}

/// What others start and tell.
pub(super) fn others() -> Steps {
    steps![
        drive(|gitlab: &GitLab, names| drop(names.insert("pushed", gitlab.start_by("g/app", "push").to_string()))),
        api("run-changes.list-changed", "GET /v1/runs", Value::Null)
            .gives("/items/[origin=push]/external_id", "{pushed}")
            .soon(),
        cli("run-changes.list-changed", "run list --provider ci").gives("/[origin=push]/pipeline", "app").soon(),
        hook("webhooks.decode", "/v1/hooks/ci", |gitlab: &GitLab, names| {
            let world = gitlab.world();
            let event = world.delivery(&world.pipeline_event(number(names, "pushed")), HOOK, 1);
            (event.headers, event.body)
        })
        .gives("/duplicate", false),
        cli("webhooks.decode", "webhook list --provider ci")
            .gives("/0/state", "decoded")
            .gives("/0/note", Value::Null)
            .soon(),
    ]
}
