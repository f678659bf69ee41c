//! What GitLab sends by itself (`app/services/web_hook_service.rb`): the token in clear, a key that is the same over repeats, and,
//! where the webhook signs, a signature as Standard Webhooks has it.

use novacron_cicd_vault::{Secret, sign::standard_webhooks};
use serde_json::{Value, json};

use super::{
    USER, objects,
    world::{Job, Pipeline, Project, World},
};

/// A delivery: its headers, and its body.
#[derive(Clone, Debug)]
pub struct Event {
    /// As they are sent.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: Vec<u8>,
}

/// A moment as webhooks write it, which is not as the API does.
fn words(at: Option<u64>) -> Value {
    at.map_or(Value::Null, |at| {
        json!(World::iso(at).replace('T', " ").split('.').next().map(|text| format!("{text} UTC")))
    })
}

fn short(project: &Project) -> Value {
    json!({ "id": project.id, "name": project.path.rsplit('/').next(), "path_with_namespace": project.path, "default_branch": project.branch,
            "web_url": format!("https://gitlab.example/{}", project.path), "visibility_level": 0, "ci_config_path": project.ci_config_path })
}

fn build(job: &Job) -> Value {
    json!({ "id": job.id, "stage": job.stage, "name": job.name, "status": job.status, "created_at": words(Some(job.created)),
        "started_at": words(job.started), "finished_at": words(job.finished), "duration": null, "queued_duration": null,
        "failure_reason": job.failure_reason, "when": job.spec.when, "manual": job.spec.when == "manual",
        "allow_failure": job.spec.allow_failure, "user": { "id": 1, "name": "CI bot", "username": USER }, "runner": null,
        "artifacts_file": { "filename": null, "size": null },
        "environment": job.spec.environment.as_ref().map(|name| json!({ "name": name, "action": "start", "deployment_tier": "other" })) })
}

fn pipeline(project: &Project, row: &Pipeline) -> Value {
    let used: Vec<&String> =
        row.stages.iter().filter(|stage| row.jobs.iter().any(|job| job.stage == **stage)).collect();
    json!({ "object_kind": "pipeline", "object_attributes": { "id": row.id, "iid": row.iid, "name": row.name, "ref": row.reference, "tag": false,
            "sha": row.sha, "before_sha": "0".repeat(40), "source": row.source, "status": row.status(), "detailed_status": row.status(),
            "stages": used, "created_at": words(Some(row.created)), "finished_at": words(row.finished), "duration": null, "queued_duration": null,
            "variables": row.variables, "url": format!("https://gitlab.example/{}/-/pipelines/{}", project.path, row.id) },
        "merge_request": null, "user": objects::user(), "project": short(project),
        "commit": { "id": row.sha, "message": "A change", "title": "A change" },
        "builds": row.jobs.iter().rev().filter(|job| !job.bridge).map(build).collect::<Vec<_>>() })
}

fn job(project: &Project, row: &Pipeline, it: &Job) -> Value {
    let iso = |at: Option<u64>| at.map_or(Value::Null, |at| json!(World::iso(at)));
    json!({ "object_kind": "build", "ref": row.reference, "tag": false, "sha": row.sha, "build_id": it.id, "build_name": it.name,
        "build_stage": it.stage, "build_status": it.status, "build_created_at": words(Some(it.created)), "build_started_at": words(it.started),
        "build_finished_at": words(it.finished), "build_created_at_iso": iso(Some(it.created)), "build_started_at_iso": iso(it.started),
        "build_finished_at_iso": iso(it.finished), "build_duration": null, "build_allow_failure": it.spec.allow_failure,
        "build_failure_reason": it.failure_reason.as_deref().unwrap_or("unknown_failure"), "retries_count": 0, "pipeline_id": row.id,
        "runner": null, "project_id": project.id, "project_name": project.path.replace('/', " / "), "user": objects::user(),
        // The id of the pipeline, under a name that promises a commit.
        "commit": { "id": row.id, "sha": row.sha, "message": "A change", "status": row.status() },
        "repository": { "name": project.path, "homepage": format!("https://gitlab.example/{}", project.path) }, "project": short(project) })
}

impl World {
    /// What a pipeline's event says now.
    ///
    /// # Panics
    /// Where there is no such pipeline.
    #[must_use]
    pub fn pipeline_event(&self, id: u64) -> Value {
        let all = self.projects.iter().flat_map(|project| project.pipelines.iter().map(move |row| (project, row)));
        let (project, row) = all.into_iter().find(|(_, row)| row.id == id).unwrap();
        pipeline(project, row)
    }

    /// What a job's event says now.
    ///
    /// # Panics
    /// Where there is no such job.
    #[must_use]
    pub fn job_event(&self, id: u64) -> Value {
        let all = self.projects.iter().flat_map(|project| project.pipelines.iter().map(move |row| (project, row)));
        let found =
            all.into_iter().find_map(|(project, row)| Some((project, row, row.jobs.iter().find(|job| job.id == id)?)));
        let (project, row, it) = found.unwrap();
        job(project, row, it)
    }

    /// An event as it is sent with this secret; `attempt` counts repeats, which differ in nothing that should be told apart. A
    /// secret that begins with `whsec_` signs.
    ///
    /// # Panics
    /// Where the secret can't sign.
    #[must_use]
    pub fn delivery(&self, event: &Value, secret: &str, attempt: u32) -> Event {
        let body = event.to_string().into_bytes();
        let kind = match event["object_kind"].as_str() {
            Some("build") => "Job Hook",
            Some("deployment") => "Deployment Hook",
            _ => "Pipeline Hook",
        };
        let key = format!("a1b2c3d4-0000-4000-8000-{:012}", body.len());
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", format!("GitLab/{}", self.version)),
            ("x-gitlab-event", kind.to_owned()),
            ("x-gitlab-instance", "https://gitlab.example".into()),
            ("x-gitlab-event-uuid", "0f0f0f0f-0000-4000-8000-000000000001".into()),
            ("x-gitlab-webhook-uuid", format!("0f0f0f0f-0000-4000-8000-{attempt:012}")),
            ("idempotency-key", key.clone()),
        ];
        if secret.starts_with("whsec_") {
            let seconds = i64::try_from(self.now / 1000).unwrap();
            let signature = standard_webhooks(&Secret::new(secret), &key, seconds, &body).unwrap();
            headers.push(("webhook-id", key));
            headers.push(("webhook-timestamp", seconds.to_string()));
            headers.push(("webhook-signature", signature));
        } else {
            headers.push(("x-gitlab-token", secret.to_owned()));
        }
        Event { headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), body }
    }
}
