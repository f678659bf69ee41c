//! What else a project has: runners, environments, deployments, webhooks, packages.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::server::Answer;

use super::{
    objects,
    page::{forbidden, has_id, invalid, missing, paged, said, wrong},
    routes::Ask,
    world::World,
};

pub(super) fn serve(world: &mut World, ask: &Ask<'_>, project: usize, rest: &[&str]) -> Answer {
    match rest {
        ["environments", below @ ..] => environments(world, ask, project, below),
        ["protected_environments", below @ ..] => protected(world, ask, project, below),
        ["deployments", below @ ..] => deployments(world, ask, project, below),
        ["hooks", below @ ..] if world.level >= 40 => hooks(world, ask, project, below),
        ["runners", below @ ..] if world.level >= 40 => assigned(world, ask, project, below),
        ["hooks" | "runners", ..] => forbidden(),
        ["packages", below @ ..] => packages(world, ask, project, below),
        _ => said(404, "404 Not Found"),
    }
}

/// The place of the row with that id.
fn place(rows: &[Value], id: &str) -> Option<usize> {
    rows.iter().position(|row| has_id(row, id))
}

fn environments(world: &mut World, ask: &Ask<'_>, project: usize, below: &[&str]) -> Answer {
    let show = |world: &World, at: usize, status: u16| {
        let there = &world.projects[project];
        Answer::json(status, &objects::environment(world, &ask.base, there, &there.environments[at]))
    };
    let [id, rest @ ..] = below else {
        if ask.method == "GET" {
            let wanted = |row: &&Value| {
                ask.text("name").is_none_or(|name| row["name"] == name)
                    && ask.text("states").is_none_or(|state| row["state"] == state)
            };
            return paged(
                world,
                ask.seen,
                world.projects[project].environments.iter().filter(wanted).cloned().collect(),
            );
        }
        let Some(name) = ask.text("name") else { return wrong("name is missing") };
        if world.projects[project].environments.iter().any(|row| row["name"] == name) {
            return invalid("name", "has already been taken");
        }
        world.environment(project, name);
        let at = world.projects[project].environments.len() - 1;
        let row = world.projects[project].environments[at].as_object_mut().unwrap();
        row.extend(ask.take(&["external_url", "tier", "description"]));
        return show(world, at, 201);
    };
    let Some(at) = place(&world.projects[project].environments, id) else { return missing("Environment") };
    match (ask.method, rest) {
        ("GET", []) => show(world, at, 200),
        ("PUT", []) => {
            let row = world.projects[project].environments[at].as_object_mut().unwrap();
            row.extend(ask.take(&["external_url", "tier", "description"]));
            show(world, at, 200)
        }
        ("POST", ["stop"]) => {
            world.projects[project].environments[at]["state"] = json!("stopped");
            show(world, at, 200)
        }
        ("DELETE", []) if world.projects[project].environments[at]["state"] != "stopped" => forbidden(),
        ("DELETE", []) => {
            world.projects[project].environments.remove(at);
            Answer::new(204)
        }
        _ => said(404, "404 Not Found"),
    }
}

fn protected(world: &mut World, ask: &Ask<'_>, project: usize, below: &[&str]) -> Answer {
    let list = &mut world.projects[project].protected;
    match (ask.method, below) {
        ("GET", []) => Answer::json(200, &json!(list)),
        ("POST", []) => {
            let row =
                Value::Object(ask.take(&["name", "deploy_access_levels", "approval_rules", "required_approval_count"]));
            list.push(row.clone());
            Answer::json(201, &row)
        }
        (method, [name]) => match list.iter().position(|row| row["name"] == *name) {
            None => said(404, "404 Not found"),
            Some(at) if method == "DELETE" => {
                list.remove(at);
                Answer::new(204)
            }
            Some(at) => Answer::json(200, &list[at]),
        },
        _ => said(404, "404 Not Found"),
    }
}

fn deployments(world: &mut World, ask: &Ask<'_>, project: usize, below: &[&str]) -> Answer {
    let show = |world: &World, at: usize, status: u16| {
        let there = &world.projects[project];
        Answer::json(status, &objects::deployment(world, &ask.base, there, &there.deployments[at]))
    };
    let [id, rest @ ..] = below else {
        if ask.method == "GET" {
            let there = &world.projects[project];
            let shown = there.deployments.iter().map(|row| objects::deployment(world, &ask.base, there, row));
            let wanted = |row: &Value| {
                ask.text("environment").is_none_or(|name| row["environment"]["name"] == name)
                    && ask.text("status").is_none_or(|word| row["status"] == word)
            };
            let mut rows: Vec<Value> = shown.filter(wanted).collect();
            if ask.text("sort") == Some("desc") {
                rows.reverse();
            }
            return paged(world, ask.seen, rows);
        }
        for name in ["environment", "sha", "ref", "tag", "status"] {
            if ask.fields[name].is_null() {
                return wrong(&format!("{name} is missing"));
            }
        }
        let environment = world.environment(project, ask.text("environment").unwrap_or_default());
        let (id, at) = (world.id(), World::iso(world.now));
        let list = &mut world.projects[project].deployments;
        list.push(json!({ "id": id, "iid": list.len() + 1, "ref": ask.fields["ref"], "sha": ask.fields["sha"], "created_at": at,
            "updated_at": at, "status": ask.fields["status"], "user": objects::user(), "environment": { "id": environment } }));
        let last = list.len() - 1;
        return show(world, last, 201);
    };
    let Some(at) = place(&world.projects[project].deployments, id) else { return missing("Deployment") };
    let row = &mut world.projects[project].deployments[at];
    match (ask.method, rest) {
        ("GET", []) => show(world, at, 200),
        ("PUT", []) if !row["deployable"].is_null() => forbidden(),
        ("PUT", []) => {
            row["status"] = ask.fields["status"].clone();
            show(world, at, 200)
        }
        ("POST", ["approval"]) if row["status"] != "blocked" => {
            said(400, "This deployment is not waiting for approvals.")
        }
        ("POST", ["approval"]) => {
            let approved = ask.text("status") == Some("approved");
            row["status"] = json!(if approved { "created" } else { "failed" });
            let body = json!({ "user": objects::user(), "status": ask.fields["status"], "created_at": World::iso(0), "comment": ask.fields["comment"] });
            Answer::json(201, &body)
        }
        ("DELETE", []) if row["status"] == "running" => said(400, "Cannot destroy running deployment"),
        ("DELETE", []) => {
            world.projects[project].deployments.remove(at);
            Answer::new(204)
        }
        _ => said(404, "404 Not Found"),
    }
}

fn hooks(world: &mut World, ask: &Ask<'_>, project: usize, below: &[&str]) -> Answer {
    const EVENTS: [&str; 6] =
        ["push_events", "pipeline_events", "job_events", "deployment_events", "tag_push_events", "releases_events"];
    let [id, rest @ ..] = below else {
        if ask.method == "GET" {
            return paged(world, ask.seen, world.projects[project].hooks.clone());
        }
        let Some(url) = ask.text("url") else { return wrong("url is missing") };
        let mut row = json!({ "id": 0, "url": url, "name": null, "description": null, "created_at": World::iso(world.now),
            "project_id": world.projects[project].id, "alert_status": "executable", "disabled_until": null, "url_variables": [],
            "enable_ssl_verification": true, "custom_webhook_template": null, "custom_headers": [],
            "token_present": !ask.fields["token"].is_null(), "signing_token_present": world.signs && !ask.fields["signing_token"].is_null() });
        for event in EVENTS {
            row[event] = json!(if ask.fields[event].is_null() { event == "push_events" } else { ask.is(event) });
        }
        row["id"] = json!(world.id());
        row.as_object_mut().unwrap().extend(ask.take(&["enable_ssl_verification", "name", "description"]));
        world.projects[project].hooks.push(row.clone());
        return Answer::json(201, &row);
    };
    let signs = world.signs;
    let there = &mut world.projects[project];
    let Some(at) = place(&there.hooks, id) else { return said(404, "404 Not found") };
    match (ask.method, rest) {
        ("GET", []) => Answer::json(200, &there.hooks[at]),
        ("PUT", []) => {
            there.hooks[at].as_object_mut().unwrap().extend(ask.take(&EVENTS));
            if !ask.fields["signing_token"].is_null() {
                there.hooks[at]["signing_token_present"] = json!(signs);
            }
            Answer::json(200, &there.hooks[at])
        }
        ("DELETE", []) => {
            there.hooks.remove(at);
            Answer::new(204)
        }
        ("GET", ["events"]) => {
            let rows = there.hook_events.clone();
            paged(world, ask.seen, rows)
        }
        ("POST", ["events", event, "resend"]) => match place(&there.hook_events, event) {
            Some(_) => Answer::json(201, &json!({ "response_status": 200 })),
            None => said(404, "404 Not found"),
        },
        _ => said(404, "404 Not Found"),
    }
}

fn listed(row: &Value) -> Value {
    let names = [
        "id",
        "description",
        "ip_address",
        "active",
        "paused",
        "is_shared",
        "runner_type",
        "name",
        "online",
        "status",
        "created_at",
    ];
    names.iter().map(|name| ((*name).to_owned(), row[*name].clone())).collect::<serde_json::Map<_, _>>().into()
}

/// `/runners` and `/user/runners`.
pub(super) fn runners(world: &mut World, ask: &Ask<'_>, parts: &[&str]) -> Answer {
    const FIELDS: [&str; 8] = [
        "description",
        "paused",
        "tag_list",
        "run_untagged",
        "locked",
        "access_level",
        "maximum_timeout",
        "maintenance_note",
    ];
    match (ask.method, parts) {
        ("GET", ["runners"] | ["runners", "all"]) => paged(world, ask.seen, world.runners.iter().map(listed).collect()),
        ("POST", ["user", "runners"]) => {
            let Some(kind) = ask.text("runner_type") else { return wrong("runner_type is missing") };
            if kind == "project_type" && ask.fields["project_id"].is_null() {
                return wrong("project_id is missing");
            }
            let id = world.id();
            let mut row = json!({ "id": id, "description": null, "ip_address": null, "active": true, "paused": false, "is_shared": false,
                "runner_type": kind, "name": null, "online": false, "status": "never_contacted", "created_at": World::iso(world.now),
                "tag_list": [], "run_untagged": true, "locked": false, "access_level": "not_protected", "projects": [], "groups": [],
                "contacted_at": null, "maximum_timeout": null, "version": null });
            row.as_object_mut().unwrap().extend(ask.take(&FIELDS));
            world.runners.push(row);
            let project = ask.fields["project_id"].as_u64();
            if let Some(there) = world.projects.iter_mut().find(|there| Some(there.id) == project) {
                there.runners.insert(id);
            }
            Answer::json(201, &json!({ "id": id, "token": format!("glrt-{id:020x}"), "token_expires_at": null }))
        }
        (method, ["runners", id]) => {
            let Some(at) = place(&world.runners, id) else { return missing("Runner") };
            let number = world.runners[at]["id"].as_u64().unwrap();
            match method {
                "GET" => Answer::json(200, &world.runners[at]),
                "PUT" => {
                    world.runners[at].as_object_mut().unwrap().extend(ask.take(&FIELDS));
                    Answer::json(200, &world.runners[at])
                }
                _ if world.projects.iter().filter(|there| there.runners.contains(&number)).count() > 1 => {
                    said(403, "403 Forbidden - Runner associated with more than one project")
                }
                _ => {
                    world.runners.remove(at);
                    for there in &mut world.projects {
                        there.runners.remove(&number);
                    }
                    Answer::new(204)
                }
            }
        }
        _ => said(404, "404 Not Found"),
    }
}

fn assigned(world: &mut World, ask: &Ask<'_>, project: usize, below: &[&str]) -> Answer {
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    match (ask.method, below) {
        ("GET", []) => {
            let ours =
                |row: &&Value| row["id"].as_u64().is_some_and(|id| world.projects[project].runners.contains(&id));
            paged(world, ask.seen, world.runners.iter().filter(ours).map(listed).collect())
        }
        ("POST", []) => {
            let id = ask.fields["runner_id"].as_u64().or_else(|| ask.text("runner_id").map(number)).unwrap_or(0);
            let Some(at) = place(&world.runners, &id.to_string()) else { return missing("Runner") };
            if !world.projects[project].runners.insert(id) {
                return invalid("runner_id", "has already been taken");
            }
            Answer::json(201, &listed(&world.runners[at]))
        }
        ("DELETE", [id]) => {
            let id = number(id);
            if world.projects.iter().filter(|there| there.runners.contains(&id)).count() == 1 {
                return said(
                    403,
                    "403 Forbidden - Only one project associated with the runner. Please remove the runner instead",
                );
            }
            if world.projects[project].runners.remove(&id) { Answer::new(204) } else { missing("Runner") }
        }
        _ => said(404, "404 Not Found"),
    }
}

fn packages(world: &mut World, ask: &Ask<'_>, project: usize, below: &[&str]) -> Answer {
    match (ask.method, below) {
        ("PUT", ["generic", name, version, file]) => {
            let (id, package, at) = (world.id(), world.id(), World::iso(world.now));
            let bytes = ask.seen.bytes.to_vec();
            let list = &mut world.projects[project].packages;
            let there = list.iter().position(|(row, _)| row["name"] == *name && row["version"] == *version);
            let place = there.unwrap_or_else(|| {
                list.push((json!({ "id": package, "name": name, "version": version, "package_type": "generic", "status": "default", "created_at": at, "tags": [] }), Vec::new()));
                list.len() - 1
            });
            let row = json!({ "id": id, "package_id": list[place].0["id"], "file_name": file, "size": bytes.len(), "created_at": at,
                "file_md5": null, "file_sha1": null, "file_sha256": hex::encode(Sha256::digest(&bytes)) });
            list[place].1.push((row.clone(), bytes));
            if ask.text("select") == Some("package_file") { Answer::json(201, &row) } else { said(201, "201 Created") }
        }
        ("GET", ["generic", name, version, file]) => {
            let list = &world.projects[project].packages;
            let found = list.iter().find(|(row, _)| row["name"] == *name && row["version"] == *version);
            // Of files with one name the newest.
            let file = found.and_then(|(_, files)| files.iter().rev().find(|(row, _)| row["file_name"] == *file));
            file.map_or_else(
                || said(404, "404 Not Found"),
                |(_, bytes)| Answer::new(200).body("application/octet-stream", bytes.clone()),
            )
        }
        ("GET", []) => {
            let wanted = |row: &&Value| ask.text("package_name").is_none_or(|name| row["name"] == name);
            paged(
                world,
                ask.seen,
                world.projects[project].packages.iter().map(|(row, _)| row).filter(wanted).cloned().collect(),
            )
        }
        (method, [id, rest @ ..]) => {
            let list = &world.projects[project].packages;
            let Some(at) = list.iter().position(|(row, _)| has_id(row, id)) else {
                return missing("Package");
            };
            match (method, rest) {
                ("GET", []) => Answer::json(200, &list[at].0),
                ("GET", ["package_files"]) => {
                    paged(world, ask.seen, list[at].1.iter().map(|(row, _)| row.clone()).collect())
                }
                ("DELETE", []) => {
                    world.projects[project].packages.remove(at);
                    Answer::new(204)
                }
                ("DELETE", ["package_files", file]) => {
                    world.projects[project].packages[at].1.retain(|(row, _)| !has_id(row, file));
                    Answer::new(204)
                }
                _ => said(404, "404 Not Found"),
            }
        }
        _ => said(404, "404 Not Found"),
    }
}
