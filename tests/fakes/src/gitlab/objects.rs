//! Objects as the API shows them, whole (`lib/api/entities/`).

use serde_json::{Value, json};

use super::{
    USER,
    world::{Job, Pipeline, Project, World},
};

pub(super) fn user() -> Value {
    json!({ "id": 1, "username": USER, "public_email": null, "name": "CI bot", "state": "active", "locked": false,
            "avatar_url": null, "web_url": format!("https://gitlab.example/{USER}") })
}

fn at(at: Option<u64>) -> Value {
    at.map_or(Value::Null, |at| json!(World::iso(at)))
}

fn seconds(from: Option<u64>, to: Option<u64>) -> Value {
    from.zip(to).map_or(Value::Null, |(from, to)| json!(to.saturating_sub(from) as f64 / 1000.0))
}

pub(super) fn project(world: &World, base: &str, it: &Project) -> Value {
    let (namespace, name) = it.path.rsplit_once('/').unwrap_or(("root", &it.path));
    let url = format!("{base}/{}", it.path);
    json!({ "id": it.id, "description": null, "name": name, "name_with_namespace": it.path.replace('/', " / "), "path": name,
        "path_with_namespace": it.path, "created_at": World::iso(0), "default_branch": it.branch, "tag_list": [], "topics": [],
        "ssh_url_to_repo": format!("git@gitlab.example:{}.git", it.path), "http_url_to_repo": format!("{url}.git"), "web_url": url,
        "readme_url": null, "forks_count": 0, "avatar_url": null, "star_count": 0, "last_activity_at": World::iso(world.now),
        "namespace": { "id": 2, "name": namespace, "path": namespace, "kind": "group", "full_path": namespace, "parent_id": null,
                       "avatar_url": null, "web_url": format!("{base}/groups/{namespace}") },
        "visibility": "private", "archived": it.archived, "jobs_enabled": it.builds_access_level != "disabled",
        "builds_access_level": it.builds_access_level, "public_jobs": true, "ci_config_path": it.ci_config_path.clone().unwrap_or_default(),
        "ci_pipeline_variables_minimum_override_role": if it.restricts_variables { "no_one_allowed" } else { "developer" },
        "restrict_user_defined_variables": it.restricts_variables, "shared_runners_enabled": true, "empty_repo": it.files.is_empty(),
        "permissions": { "project_access": { "access_level": world.level, "notification_level": 3 }, "group_access": null } })
}

/// As a listing shows it.
pub(super) fn pipeline(base: &str, project: &Project, it: &Pipeline) -> Value {
    json!({ "id": it.id, "iid": it.iid, "project_id": project.id, "sha": it.sha, "ref": it.reference, "status": it.status(),
        "source": it.source, "created_at": World::iso(it.created), "updated_at": World::iso(it.updated), "name": it.name,
        "web_url": format!("{base}/{}/-/pipelines/{}", project.path, it.id) })
}

/// As it shows itself.
pub(super) fn whole_pipeline(base: &str, project: &Project, it: &Pipeline) -> Value {
    let mut object = pipeline(base, project, it);
    let status = it.status();
    let lost = |job: &&Job| job.status == "failed" && job.spec.allow_failure;
    let group = if status == "success" && it.latest().any(|job| lost(&job)) {
        "success-with-warnings"
    } else {
        status.as_str()
    };
    let more = json!({ "before_sha": "0".repeat(40), "tag": false, "yaml_errors": null, "user": user(), "started_at": at(it.started),
        "finished_at": at(it.finished), "committed_at": null, "duration": seconds(it.started, it.finished),
        "queued_duration": seconds(Some(it.created), it.started), "coverage": null, "archived": false,
        "detailed_status": { "icon": format!("status_{status}"), "text": status, "label": status, "group": group, "tooltip": status,
            "has_details": true, "details_path": format!("/{}/-/pipelines/{}", project.path, it.id), "illustration": null,
            "favicon": "/assets/ci_favicons/favicon.png" } });
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

pub(super) fn job(world: &World, base: &str, project: &Project, pipeline_row: &Pipeline, it: &Job) -> Value {
    let size = it.artifacts.as_ref().map(Vec::len);
    let file = size.map(|size| json!({ "filename": "artifacts.zip", "size": size }));
    let archive = size
        .map(|size| json!({ "file_type": "archive", "size": size, "filename": "artifacts.zip", "file_format": "zip" }));
    let log = (!it.trace.is_empty() && it.finished.is_some())
        .then(|| json!({ "file_type": "trace", "size": it.trace.len(), "filename": "job.log", "file_format": "raw" }));
    let expires = it.artifacts.as_ref().filter(|_| !it.keep).and(it.finished).map(|at| at + 30 * 86_400_000);
    let runner = it.started.filter(|_| !it.bridge).and(world.runners.first());
    let runner = runner.map(|runner| json!({ "id": runner["id"], "description": runner["description"], "ip_address": null,
        "active": true, "paused": false, "is_shared": false, "runner_type": "project_type", "name": "gitlab-runner", "online": true, "status": "online" }));
    let pipeline = json!({ "id": pipeline_row.id, "iid": pipeline_row.iid, "project_id": project.id, "ref": pipeline_row.reference,
        "sha": pipeline_row.sha, "status": pipeline_row.status() });
    let commit = json!({ "id": pipeline_row.sha, "short_id": &pipeline_row.sha[..8], "title": "A change", "message": "A change",
        "author_name": "CI bot", "author_email": "ci@gitlab.example", "created_at": World::iso(0) });
    let mut object = json!({ "id": it.id, "name": it.name, "stage": it.stage, "status": it.status, "ref": pipeline_row.reference, "tag": false,
        "coverage": null, "allow_failure": it.spec.allow_failure, "created_at": World::iso(it.created), "started_at": at(it.started),
        "finished_at": at(it.finished), "erased_at": at(it.erased), "duration": seconds(it.started, it.finished),
        "queued_duration": seconds(Some(it.created), it.started), "failure_reason": it.failure_reason, "user": user(), "commit": commit,
        "pipeline": pipeline, "web_url": format!("{base}/{}/-/jobs/{}", project.path, it.id),
        "project": { "ci_job_token_scope_enabled": false } });
    let more = if it.bridge {
        let below = it.downstream.and_then(|(project, id)| {
            let project = world.projects.iter().find(|there| there.id == project)?;
            Some(self::pipeline(base, project, project.pipelines.iter().find(|there| there.id == id)?))
        });
        json!({ "downstream_pipeline": below })
    } else {
        json!({ "artifacts_file": file, "artifacts": archive.into_iter().chain(log).collect::<Vec<_>>(), "artifacts_expire_at": at(expires),
                "tag_list": it.spec.tags, "runner": runner, "runner_manager": null, "archived": false, "source": pipeline_row.source })
    };
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

/// A deployment with its environment and its job, as they stand.
pub(super) fn deployment(world: &World, base: &str, project: &Project, row: &Value) -> Value {
    let mut object = row.clone();
    let environment = project.environments.iter().find(|there| there["id"] == row["environment"]["id"]);
    object["environment"] = environment.cloned().unwrap_or_default();
    let wanted = row["deployable"]["id"].as_u64();
    let jobs = project.pipelines.iter().flat_map(|pipeline| pipeline.jobs.iter().map(move |job| (pipeline, job)));
    let found = jobs.into_iter().find(|(_, job)| Some(job.id) == wanted);
    object["deployable"] = found.map_or(Value::Null, |(pipeline, it)| job(world, base, project, pipeline, it));
    object
}

pub(super) fn environment(world: &World, base: &str, project: &Project, row: &Value) -> Value {
    let mut object = row.clone();
    let of = |there: &&Value| there["environment"]["id"] == row["id"] && there["status"] == "success";
    let last = project.deployments.iter().rev().find(of);
    object["last_deployment"] = last.map_or(Value::Null, |last| deployment(world, base, project, last));
    object
}
