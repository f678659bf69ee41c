//! What GitLab sends by itself: pipelines, jobs, deployments. All of it is a hint.
//!
//! Pure. Bodies are not those of the API (`doc/user/project/integrations/webhook_events.md`): times have another form, a job's
//! `commit.id` is its pipeline, and what a field is called depends on the event.

use novacron_cicd_sdk::{
    Result, Webhooks, attribute,
    time::parse,
    types::{Deployment, Error, Graph, Run, RunRef, Times},
    webhooks::{Decoded, Delivery, JobSeen, Observation},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    GitLab,
    graph::job,
    rows::{self, Id, Job, Pipeline},
    status,
};

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

/// The project by path: what is asked for by its number is not known by it here.
fn project(body: &Value) -> Option<String> {
    let path = text(body, "/project/path_with_namespace").or_else(|| {
        // Older job events name the project only in words, and by the address of a job.
        let address = text(body, "/repository/homepage").or(text(body, "/project/web_url"))?;
        Some(address.split_once("://")?.1.split_once('/')?.1.trim_matches('/'))
    });
    path.filter(|path| Id::fits(path)).map(str::to_owned)
}

/// From bytes, as an answer: a row has one reader in the component, and not a second for values.
fn read<T: DeserializeOwned>(value: &Value) -> Result<T> {
    let read = serde_json::from_slice(value.to_string().as_bytes());
    read.map_err(|error| Error::invalid_input("body", format!("it is not understood: {error}")))
}

fn pipeline(body: &Value, project: String) -> Result<Observation> {
    let attributes = &body["object_attributes"];
    let row: Pipeline = read(attributes)?;
    let reference = RunRef { pipeline: project, run: row.id.to_string(), attempt: None };
    let builds = body["builds"].as_array().into_iter().flatten();
    let jobs = builds.map(|build| Ok(job(&read::<Job>(build)?, Vec::new()))).collect::<Result<Vec<_>>>()?;
    let child = body["source_pipeline"].is_object();
    let run = Run {
        number: Some(row.iid).filter(|iid| *iid > 0).map(|iid| iid.to_string()),
        name: row.name.clone(),
        times: Times { created: row.created_at.0, started: None, finished: row.finished_at.0, updated: None },
        reference: row.reference.clone(),
        commit: row.sha.clone(),
        actor: text(body, "/user/username").map(str::to_owned),
        origin: if child { "upstream".into() } else { status::origin(row.source.as_deref()) },
        url: text(attributes, "/url").map(str::to_owned),
        // A delivery may leave jobs out, and says nothing of what they wait for.
        graph: (!jobs.is_empty()).then(|| Graph { jobs, edges: "none".into(), complete: false }),
        more: row.source.iter().map(|source| attribute("x-gitlab-source", source)).collect(),
        ..Run::new(reference, status::of_pipeline(&row))
    };
    Ok(Observation::Run(run))
}

fn build(body: &Value, project: String) -> Result<Observation> {
    let pipeline = body["pipeline_id"].as_u64().or_else(|| body.pointer("/commit/id")?.as_u64());
    let pipeline = pipeline.ok_or_else(|| Error::invalid_input("pipeline_id", "the event names no pipeline"))?;
    let at = |name: &str| body[format!("build_{name}_at_iso")].as_str().or(body[format!("build_{name}_at")].as_str());
    let row: Job = read(&json!({
        "id": body["build_id"], "name": body["build_name"], "stage": body["build_stage"], "status": body["build_status"],
        "failure_reason": body["build_failure_reason"], "allow_failure": body["build_allow_failure"],
        "created_at": at("created"), "started_at": at("started"), "finished_at": at("finished"),
        "runner": body["runner"],
    }))?;
    let run = RunRef { pipeline: project, run: pipeline.to_string(), attempt: None };
    // It says "unknown_failure" of what did not fail.
    Ok(Observation::Job(JobSeen { run, job: job(&row, Vec::new()) }))
}

fn deployment(body: &Value, project: &str) -> Result<Observation> {
    let number = |name: &str| body[name].as_u64().map(|id| id.to_string());
    let id = number("deployment_id")
        .ok_or_else(|| Error::invalid_input("deployment_id", "the event names no deployment"))?;
    let row = rows::Deployment {
        status: text(body, "/status").unwrap_or_default().to_owned(),
        ..rows::Deployment::default()
    };
    Ok(Observation::Deployment(Deployment {
        id,
        environment: text(body, "/environment").unwrap_or_default().to_owned(),
        status: crate::deployments::status(&row),
        times: Times { updated: text(body, "/status_changed_at").and_then(parse), ..Times::default() },
        run: None,
        version: text(body, "/ref").map(str::to_owned),
        url: text(body, "/environment_external_url").map(str::to_owned),
        more: number("deployable_id")
            .map(|job| attribute("x-gitlab-job", job))
            .into_iter()
            .chain([attribute("x-gitlab-project", project)])
            .collect(),
    }))
}

/// What a delivery says.
pub(crate) fn decode(delivery: &Delivery) -> Result<Decoded> {
    let body: Value = serde_json::from_slice(&delivery.body)
        .map_err(|error| Error::invalid_input("body", format!("it is no JSON: {error}")))?;
    let kind = text(&body, "/object_kind").unwrap_or("nothing").to_owned();
    let ignored = |why: String| Ok(Decoded { observations: vec![], ignored: Some(why) });
    if !matches!(kind.as_str(), "pipeline" | "build" | "deployment") {
        return ignored(format!("an event of {kind} says nothing of runs"));
    }
    let Some(project) = project(&body) else {
        return Err(Error::invalid_input("project", "the event names no project"));
    };
    let seen = match kind.as_str() {
        "pipeline" => pipeline(&body, project)?,
        "build" => build(&body, project)?,
        _ => deployment(&body, &project)?,
    };
    Ok(Decoded { observations: vec![seen], ignored: None })
}

impl Webhooks for GitLab {
    fn decode(delivery: Delivery) -> Result<Decoded> {
        decode(&delivery)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::types::State;

    use super::*;

    fn decoded(body: Value) -> Decoded {
        decode(&Delivery { headers: vec![], body: body.to_string().into() }).unwrap()
    }

    /// From GitLab's documentation, shortened.
    fn pipeline_event() -> Value {
        json!({ "object_kind": "pipeline", "object_attributes": { "id": 31, "iid": 3, "name": "Release", "ref": "main", "tag": false,
                "sha": "bcbb5ec3", "source": "merge_request_event", "status": "running", "detailed_status": "passed",
                "stages": ["build", "deploy"], "created_at": "2016-08-12 15:23:28 UTC", "finished_at": null, "duration": 63,
                "variables": [{ "key": "NESTOR_PROD_ENVIRONMENT", "value": "us-west-1" }], "url": "https://example.com/g/app/-/pipelines/31" },
            "user": { "id": 1, "username": "root" }, "project": { "id": 1, "path_with_namespace": "g/app" }, "source_pipeline": null,
            "builds": [
                { "id": 380, "stage": "deploy", "name": "production", "status": "manual", "created_at": "2016-08-12 15:23:28 UTC",
                  "started_at": null, "finished_at": null, "duration": null, "failure_reason": null, "when": "manual", "manual": true,
                  "allow_failure": false, "user": {}, "runner": null, "artifacts_file": { "filename": null, "size": null } },
                { "id": 377, "stage": "build", "name": "image", "status": "failed", "failure_reason": "script_failure", "allow_failure": true,
                  "created_at": "2016-08-12 15:23:28 UTC", "started_at": "2016-08-12 15:26:12 UTC", "runner": { "id": 380987, "description": "shared-1" } },
            ] })
    }

    #[test]
    fn a_pipeline_is_told_with_the_jobs_that_the_event_has() {
        let decoded = decoded(pipeline_event());
        let Observation::Run(run) = &decoded.observations[0] else { unreachable!("{decoded:?}") };
        assert_eq!(
            (run.identity.pipeline.as_str(), run.identity.run.as_str(), run.status.state),
            ("g/app", "31", State::Running)
        );
        assert_eq!((run.origin.as_str(), run.times.created), ("push", Some(1_471_015_408_000)));
        let graph = run.graph.as_ref().unwrap();
        assert!(!graph.complete && graph.edges == "none", "a delivery is not all there is");
        let jobs: Vec<_> =
            graph.jobs.iter().map(|job| (job.name.as_str(), job.status.state, job.runner.as_deref())).collect();
        assert_eq!(jobs, [("production", State::Waiting, None), ("image", State::Failed, Some("shared-1"))]);
    }

    #[test]
    fn a_job_is_told_with_its_pipeline_whose_id_an_old_event_hides_in_its_commit() {
        let body = json!({ "object_kind": "build", "ref": "main", "build_id": 1977, "build_name": "test", "build_stage": "test",
            "build_status": "failed", "build_created_at": "2021-02-23 02:41:37 UTC", "build_created_at_iso": "2021-02-23T02:41:37.886Z",
            "build_started_at": null, "build_finished_at": null, "build_allow_failure": false, "build_failure_reason": "script_failure",
            "pipeline_id": 2366, "project_id": 380, "project": { "path_with_namespace": "g/app" }, "commit": { "id": 2366, "sha": "b3b" } });
        let mut old = body.clone();
        old["pipeline_id"] = Value::Null;
        old["project"] = Value::Null;
        old["repository"] = json!({ "homepage": "https://example.com/g/app" });
        for body in [body, old] {
            let decoded = decoded(body);
            let Observation::Job(seen) = &decoded.observations[0] else { unreachable!("{decoded:?}") };
            assert_eq!(
                (seen.run.pipeline.as_str(), seen.run.run.as_str(), seen.job.id.as_str()),
                ("g/app", "2366", "1977")
            );
            assert_eq!((seen.job.status.state, seen.job.times.created), (State::Failed, Some(1_614_048_097_886)));
        }
    }

    #[test]
    fn a_deployment_is_told_and_what_is_none_of_ours_is_ignored() {
        let body = json!({ "object_kind": "deployment", "status": "success", "status_changed_at": "2021-04-28 21:50:00 +0200",
            "deployment_id": 15, "deployable_id": 796, "environment": "staging", "environment_external_url": "https://staging.example",
            "project": { "path_with_namespace": "g/app" }, "ref": "v1" });
        let decoded_ = decoded(body);
        let Observation::Deployment(seen) = &decoded_.observations[0] else { unreachable!("{decoded_:?}") };
        assert_eq!(
            (seen.id.as_str(), seen.environment.as_str(), seen.status.state),
            ("15", "staging", State::Succeeded)
        );
        assert_eq!(seen.times.updated, Some(1_619_639_400_000));
        for kind in ["push", "tag_push", "merge_request"] {
            let decoded = decoded(json!({ "object_kind": kind }));
            assert!(decoded.observations.is_empty() && decoded.ignored.unwrap().contains(kind));
        }
        for body in [
            "",
            "[",
            r#"{"object_kind":"pipeline"}"#,
            r#"{"object_kind":"build","project":{"path_with_namespace":"a/b"}}"#,
        ] {
            assert!(decode(&Delivery { headers: vec![], body: body.into() }).is_err(), "{body}");
        }
    }
}
