//! Things as GitHub shows them: with every field that its OpenAPI description requires.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    source,
    world::{Attempt, Deployment, Hook, Job, Kept, Release, Repo, Run, Runner, Workflow, sha},
};

/// `2026-01-31T12:00:00Z`
pub(super) fn time(millis: u64) -> String {
    let moment = Timestamp::from_second(i64::try_from(millis / 1000).unwrap()).unwrap();
    moment.to_string()
}

fn node(id: u64) -> String {
    format!("N_{id}")
}

/// The fields of an object that are addresses below its own.
fn urls(object: &mut Map<String, Value>, url: &str, names: &[&str]) {
    for name in names {
        let end = name.trim_end_matches("_url");
        object.insert((*name).to_owned(), json!(if *name == "url" { url.to_owned() } else { format!("{url}/{end}") }));
    }
}

fn with(mut value: Value, url: &str, names: &[&str]) -> Value {
    urls(value.as_object_mut().unwrap(), url, names);
    value
}

pub(super) fn user(base: &str, login: &str) -> Value {
    let names = [
        "avatar_url",
        "events_url",
        "followers_url",
        "following_url",
        "gists_url",
        "html_url",
        "organizations_url",
        "received_events_url",
        "repos_url",
        "starred_url",
        "subscriptions_url",
        "url",
    ];
    let user = json!({
        "login": login, "id": 583_231, "node_id": node(583_231), "gravatar_id": "", "type": "User", "site_admin": false,
    });
    with(user, &format!("{base}/users/{login}"), &names)
}

pub(super) fn own_user(base: &str, login: &str, now: u64) -> Value {
    let mut user = user(base, login);
    let more = json!({
        "bio": null, "blog": null, "company": null, "email": null, "followers": 1, "following": 0, "hireable": null,
        "location": null, "name": "Mona", "public_gists": 0, "public_repos": 1, "created_at": time(now), "updated_at": time(now),
    });
    user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    user
}

pub(super) fn repository(base: &str, repo: &Repo) -> Value {
    named(base, &repo.name, repo.id)
}

fn named(base: &str, full_name: &str, id: u64) -> Value {
    let names = [
        "archive_url",
        "assignees_url",
        "blobs_url",
        "branches_url",
        "collaborators_url",
        "comments_url",
        "commits_url",
        "compare_url",
        "contents_url",
        "contributors_url",
        "deployments_url",
        "downloads_url",
        "events_url",
        "forks_url",
        "git_commits_url",
        "git_refs_url",
        "git_tags_url",
        "hooks_url",
        "html_url",
        "issue_comment_url",
        "issue_events_url",
        "issues_url",
        "keys_url",
        "labels_url",
        "languages_url",
        "merges_url",
        "milestones_url",
        "notifications_url",
        "pulls_url",
        "releases_url",
        "stargazers_url",
        "statuses_url",
        "subscribers_url",
        "subscription_url",
        "tags_url",
        "teams_url",
        "trees_url",
        "url",
    ];
    let (owner, name) = full_name.split_once('/').unwrap();
    let value = json!({
        "id": id, "node_id": node(id), "name": name, "full_name": full_name, "owner": user(base, owner), "private": true,
        "description": null, "fork": false,
    });
    with(value, &format!("{base}/repos/{full_name}"), &names)
}

pub(super) fn full_repository(base: &str, repo: &Repo, now: u64) -> Value {
    let mut value = repository(base, repo);
    let more = json!({
        "default_branch": "main", "permissions": { "admin": true, "maintain": true, "push": true, "triage": true, "pull": true },
        "clone_url": format!("{base}/{}.git", repo.name), "git_url": format!("git://x/{}.git", repo.name),
        "ssh_url": format!("git@x:{}.git", repo.name), "svn_url": format!("{base}/{}", repo.name), "mirror_url": null,
        "forks": 0, "forks_count": 0, "has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false,
        "has_discussions": false, "homepage": null, "language": null, "archived": false, "disabled": false, "open_issues": 0,
        "open_issues_count": 0, "license": null, "pushed_at": time(now), "size": 1, "stargazers_count": 0, "watchers": 0,
        "watchers_count": 0, "created_at": time(now), "updated_at": time(now), "network_count": 0, "subscribers_count": 0,
    });
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value
}

fn api(base: &str, repo: &Repo, rest: &str) -> String {
    format!("{base}/repos/{}/{rest}", repo.name)
}

fn page(base: &str, repo: &Repo, rest: &str) -> String {
    format!("{base}/{}/{rest}", repo.name)
}

pub(super) fn workflow(base: &str, repo: &Repo, workflow: &Workflow) -> Value {
    let text = repo.branches["main"].get(&workflow.path);
    let name = text.and_then(|text| source::name(text)).unwrap_or_else(|| workflow.path.clone());
    let file = workflow.path.rsplit('/').next().unwrap_or_default();
    json!({
        "id": workflow.id, "node_id": node(workflow.id), "name": name, "path": workflow.path, "state": workflow.state,
        "created_at": time(1_767_225_600_000), "updated_at": time(1_767_225_600_000),
        "url": api(base, repo, &format!("actions/workflows/{}", workflow.id)),
        "html_url": page(base, repo, &format!("blob/main/{}", workflow.path)),
        "badge_url": page(base, repo, &format!("workflows/{file}/badge.svg")),
    })
}

pub(super) fn commit(sha: &str, now: u64) -> Value {
    let person = json!({ "name": "Mona", "email": "mona@example.com" });
    json!({ "id": sha, "tree_id": sha, "message": "A change", "timestamp": time(now), "author": person, "committer": person })
}

pub(super) fn run(base: &str, repo: &Repo, run: &Run, number: usize) -> Value {
    let attempt: &Attempt = &run.attempts[number - 1];
    let url = api(base, repo, &format!("actions/runs/{}", run.id));
    let attempt_url = format!("{url}/attempts/{number}");
    let head = match run.head_repository == repo.name {
        true => repository(base, repo),
        false => named(base, &run.head_repository, repo.id + 1),
    };
    let name = repo.branches["main"].get(&run.path).and_then(|text| source::name(text));
    json!({
        "id": run.id, "node_id": node(run.id), "name": name.unwrap_or_else(|| run.path.clone()), "head_branch": run.branch,
        "head_sha": run.sha, "path": run.path, "display_title": run.title, "run_number": run.number, "event": run.event,
        "status": attempt.status, "conclusion": attempt.conclusion, "workflow_id": run.workflow, "check_suite_id": run.id,
        "check_suite_node_id": node(run.id), "url": url, "html_url": page(base, repo, &format!("actions/runs/{}", run.id)),
        "pull_requests": [], "created_at": time(run.created), "updated_at": time(attempt.updated),
        "run_started_at": time(attempt.started), "run_attempt": number, "referenced_workflows": [],
        "actor": user(base, &run.actor), "triggering_actor": user(base, &run.actor), "jobs_url": format!("{url}/jobs"),
        "logs_url": format!("{url}/logs"), "check_suite_url": api(base, repo, &format!("check-suites/{}", run.id)),
        "artifacts_url": format!("{url}/artifacts"), "cancel_url": format!("{url}/cancel"), "rerun_url": format!("{url}/rerun"),
        "previous_attempt_url": (number > 1).then(|| attempt_url.replace(&format!("/{number}"), &format!("/{}", number - 1))),
        "workflow_url": api(base, repo, &format!("actions/workflows/{}", run.workflow)),
        "head_commit": commit(&run.sha, run.created), "repository": repository(base, repo), "head_repository": head,
    })
}

pub(super) fn job(base: &str, repo: &Repo, run: &Run, attempt: usize, job: &Job) -> Value {
    let [created, started, ended] = job.times;
    let step = |(index, (name, status, conclusion)): (usize, &(String, String, Option<String>))| {
        let begun = status != "queued";
        json!({
            "name": name, "status": status, "conclusion": conclusion, "number": index + 1,
            "started_at": started.filter(|_| begun).map(time), "completed_at": ended.filter(|_| status == "completed").map(time),
        })
    };
    let begun = started.is_some();
    json!({
        "id": job.id, "node_id": node(job.id), "run_id": run.id, "run_attempt": attempt, "name": job.name,
        "run_url": api(base, repo, &format!("actions/runs/{}", run.id)), "head_sha": run.sha, "head_branch": run.branch,
        "workflow_name": "CI", "url": api(base, repo, &format!("actions/jobs/{}", job.id)),
        "html_url": page(base, repo, &format!("actions/runs/{}/job/{}", run.id, job.id)),
        "check_run_url": api(base, repo, &format!("check-runs/{}", job.id)), "status": job.status,
        "conclusion": job.conclusion, "labels": ["ubuntu-latest"],
        "created_at": time(created.unwrap_or(run.created)),
        // Of a job that waits it is when it was made.
        "started_at": time(started.or(created).unwrap_or(run.created)), "completed_at": ended.map(time),
        "runner_id": if begun { json!(1) } else { json!(0) }, "runner_name": if begun { "Hosted Agent" } else { "" },
        "runner_group_id": if begun { json!(2) } else { json!(0) }, "runner_group_name": if begun { "GitHub Actions" } else { "" },
        "steps": job.steps.iter().enumerate().map(step).collect::<Vec<_>>(),
    })
}

pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

pub(super) fn artifact(base: &str, repo: &Repo, kept: &Kept) -> Value {
    let url = api(base, repo, &format!("actions/artifacts/{}", kept.id));
    json!({
        "id": kept.id, "node_id": node(kept.id), "name": kept.name, "size_in_bytes": kept.zip.len(), "url": url,
        "archive_download_url": format!("{url}/zip"), "expired": kept.expired, "digest": digest(&kept.zip),
        "created_at": time(kept.created), "updated_at": time(kept.created), "expires_at": time(kept.created + 90 * 86_400_000),
        "workflow_run": { "id": kept.run, "repository_id": repo.id, "head_repository_id": repo.id, "head_branch": "main", "head_sha": sha(b"") },
    })
}

pub(super) fn file(base: &str, repo: &Repo, path: &str, text: &str, encoded: Option<String>) -> Value {
    let url = api(base, repo, &format!("contents/{path}?ref=main"));
    let blob = sha(text.as_bytes());
    let (html, git) = (page(base, repo, &format!("blob/main/{path}")), api(base, repo, &format!("git/blobs/{blob}")));
    let mut value = json!({
        "type": "file", "size": text.len(), "name": path.rsplit('/').next().unwrap_or(path), "path": path, "sha": blob,
        "url": url, "git_url": git, "html_url": html, "download_url": page(base, repo, &format!("raw/main/{path}")),
        "_links": { "self": url, "git": git, "html": html },
    });
    if let Some(content) = encoded {
        value["content"] = content.into();
        value["encoding"] = "base64".into();
    }
    value
}

pub(super) fn environment(base: &str, repo: &Repo, name: &str, asked: &Value) -> Value {
    let id = u64::from_str_radix(&sha(name.as_bytes())[..8], 16).unwrap();
    let mut rules = Vec::new();
    if let Some(minutes) = asked["wait_timer"].as_u64().filter(|minutes| *minutes > 0) {
        rules.push(json!({ "id": 1, "node_id": node(1), "type": "wait_timer", "wait_timer": minutes }));
    }
    if let Some(reviewers) = asked["reviewers"].as_array().filter(|all| !all.is_empty()) {
        let one = |it: &Value| {
            let mut who = user(base, "octocat");
            who["id"] = it["id"].clone();
            json!({ "type": it["type"], "reviewer": who })
        };
        let reviewers: Vec<_> = reviewers.iter().map(one).collect();
        let itself = asked["prevent_self_review"].as_bool().unwrap_or(false);
        rules.push(json!({ "id": 2, "node_id": node(2), "type": "required_reviewers", "reviewers": reviewers, "prevent_self_review": itself }));
    }
    let policy = asked.get("deployment_branch_policy").cloned().unwrap_or(Value::Null);
    if !policy.is_null() {
        rules.push(json!({ "id": 3, "node_id": node(3), "type": "branch_policy" }));
    }
    json!({
        "id": id, "node_id": node(id), "name": name, "url": api(base, repo, &format!("environments/{name}")),
        "html_url": page(base, repo, &format!("deployments/activity_log?environments_filter={name}")),
        "created_at": time(1_767_225_600_000), "updated_at": time(1_767_225_600_000), "protection_rules": rules,
        "deployment_branch_policy": policy,
    })
}

pub(super) fn deployment(base: &str, repo: &Repo, it: &Deployment) -> Value {
    let url = api(base, repo, &format!("deployments/{}", it.id));
    let asked = |name: &str, default: &str| it.asked[name].as_str().unwrap_or(default).to_owned();
    let payload = match &it.asked["payload"] {
        Value::Null => json!(""),
        payload => payload.clone(),
    };
    json!({
        "id": it.id, "node_id": node(it.id), "sha": it.sha, "ref": it.asked["ref"], "task": asked("task", "deploy"),
        "payload": payload, "original_environment": asked("environment", "production"),
        "environment": asked("environment", "production"), "description": asked("description", ""),
        "creator": user(base, "octocat"), "created_at": time(it.created), "updated_at": time(it.created),
        "statuses_url": format!("{url}/statuses"), "repository_url": format!("{base}/repos/{}", repo.name), "url": url,
        "transient_environment": false, "production_environment": false,
    })
}

pub(super) fn deployment_status(base: &str, repo: &Repo, it: &Deployment, index: usize) -> Value {
    let url = api(base, repo, &format!("deployments/{}", it.id));
    let (state, environment_url, log_url, at) = &it.statuses[index];
    json!({
        "id": it.id * 10 + index as u64, "node_id": node(it.id), "state": state, "creator": user(base, "octocat"),
        "description": "", "environment": it.asked["environment"].as_str().unwrap_or("production"), "target_url": log_url,
        "log_url": log_url, "environment_url": environment_url, "created_at": time(*at), "updated_at": time(*at),
        "deployment_url": url, "repository_url": format!("{base}/repos/{}", repo.name), "url": format!("{url}/statuses/{index}"),
    })
}

pub(super) fn hook(base: &str, repo: &Repo, it: &Hook) -> Value {
    let url = api(base, repo, &format!("hooks/{}", it.id));
    let mut config = it.asked["config"].clone();
    if config.get("secret").is_some() {
        config["secret"] = "********".into();
    }
    json!({
        "id": it.id, "type": "Repository", "name": "web", "active": it.asked["active"].as_bool().unwrap_or(true),
        "events": it.asked["events"], "config": config, "created_at": time(1_767_225_600_000),
        "updated_at": time(1_767_225_600_000), "url": url, "test_url": format!("{url}/test"), "ping_url": format!("{url}/pings"),
        "deliveries_url": format!("{url}/deliveries"), "last_response": { "code": null, "status": "unused", "message": null },
    })
}

pub(super) fn runner(it: &Runner) -> Value {
    let label = |name: &str, kind: &str| json!({ "id": 1, "name": name, "type": kind });
    let fixed = ["self-hosted", "Linux", "X64"].map(|name| label(name, "read-only"));
    let labels: Vec<_> = fixed.into_iter().chain(it.labels.iter().map(|name| label(name, "custom"))).collect();
    json!({ "id": it.id, "name": it.name, "os": "linux", "status": it.status, "busy": it.busy, "labels": labels, "runner_group_id": 1 })
}

pub(super) fn release(base: &str, repo: &Repo, it: &Release) -> Value {
    let url = api(base, repo, &format!("releases/{}", it.id));
    let assets: Vec<_> = (0..it.assets.len()).map(|index| asset(base, repo, it, index)).collect();
    json!({
        "id": it.id, "node_id": node(it.id), "tag_name": it.tag, "target_commitish": "main", "name": it.tag, "body": null,
        "draft": false, "prerelease": false, "created_at": time(1_767_225_600_000), "published_at": time(1_767_225_600_000),
        "author": user(base, "octocat"), "assets": assets, "url": url, "assets_url": format!("{url}/assets"),
        "upload_url": format!("{base}/api/uploads/repos/{}/releases/{}/assets{{?name,label}}", repo.name, it.id),
        "html_url": page(base, repo, &format!("releases/tag/{}", it.tag)),
        "tarball_url": format!("{url}/tarball"), "zipball_url": format!("{url}/zipball"),
    })
}

pub(super) fn asset(base: &str, repo: &Repo, release: &Release, index: usize) -> Value {
    let (id, name, kind, bytes, state) = &release.assets[index];
    json!({
        "id": id, "node_id": node(*id), "name": name, "label": null, "state": state, "content_type": kind,
        "size": bytes.len(), "digest": digest(bytes), "download_count": 0, "uploader": user(base, "octocat"),
        "created_at": time(1_767_225_600_000), "updated_at": time(1_767_225_600_000),
        "url": api(base, repo, &format!("releases/assets/{id}")),
        "browser_download_url": page(base, repo, &format!("releases/download/{}/{name}", release.tag)),
    })
}
