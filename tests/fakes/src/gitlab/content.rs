//! What stands in a repository, the linter, schedules and trigger tokens.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::server::Answer;

use super::{
    definition, objects,
    page::{forbidden, has_id, invalid, missing, paged, said, wrong},
    pipelines,
    routes::Ask,
    world::{File, World},
};

pub(super) fn serve(world: &mut World, ask: &Ask<'_>, project: usize, rest: &[&str]) -> Answer {
    match rest {
        ["repository", "files", path, raw @ ..] => file(world, ask, project, path, *raw == ["raw"]),
        ["ci", "lint"] => lint(world, ask, project),
        ["pipeline_schedules", below @ ..] => schedules(world, ask, project, below),
        ["triggers", below @ ..] => triggers(world, ask, project, below),
        _ => said(404, "404 Not Found"),
    }
}

fn file(world: &mut World, ask: &Ask<'_>, project: usize, path: &str, raw: bool) -> Answer {
    let default = world.projects[project].branch.clone();
    let branch = ask.text("branch").or_else(|| ask.text("ref")).unwrap_or(&default).to_owned();
    let branch = if branch == "HEAD" || branch.len() == 40 { default } else { branch };
    let place = (branch.clone(), path.to_owned());
    let known = world.projects[project].refs.contains(&branch);
    let there = world.projects[project].files.get(&place).cloned().filter(|_| known);
    if ask.method == "GET" {
        let Some(file) = there else { return missing(if known { "File" } else { "Commit" }) };
        if raw {
            return Answer::new(200).body("text/plain; charset=utf-8", file.content);
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let body = json!({ "file_name": name, "file_path": path, "size": file.content.len(), "encoding": "base64",
            "content": STANDARD.encode(&file.content), "content_sha256": hex::encode(Sha256::digest(&file.content)), "ref": branch,
            "blob_id": "f".repeat(40), "commit_id": file.commit, "last_commit_id": file.commit, "execute_filemode": false });
        return Answer::json(200, &body);
    }
    if world.level < 30 {
        return forbidden();
    }
    if ask.text("commit_message").is_none() {
        return wrong("commit_message is missing");
    }
    // A lock that is old is a refusal without a code of its own (`lib/api/files.rb`).
    let stale = |file: &File| ask.text("last_commit_id").is_some_and(|seen| seen != file.commit);
    let changed = "You are attempting to update a file that has changed since you started editing it.";
    match (ask.method, &there) {
        ("POST", Some(_)) => return said(400, "A file with this name already exists"),
        ("PUT" | "DELETE", None) => return said(400, "A file with this name doesn't exist"),
        ("PUT" | "DELETE", Some(file)) if stale(file) => return said(400, changed),
        _ => {}
    }
    let commit = format!("{:040x}", world.id());
    let there = &mut world.projects[project];
    if ask.method == "DELETE" {
        there.files.remove(&place);
        return Answer::new(204);
    }
    let given = ask.text("content").unwrap_or_default();
    let content = match ask.text("encoding") {
        Some("base64") => STANDARD.decode(given).unwrap_or_default(),
        _ => given.as_bytes().to_vec(),
    };
    there.refs.insert(branch.clone());
    there.files.insert(place, File { content, commit });
    Answer::json(if ask.method == "POST" { 201 } else { 200 }, &json!({ "file_path": path, "branch": branch }))
}

/// `jobs` have `needs` only where nothing was simulated (`lib/gitlab/ci/lint.rb`).
fn lint(world: &World, ask: &Ask<'_>, project: usize) -> Answer {
    if ask.text("sha").is_some() && ask.text("content_ref").is_some() {
        return wrong("sha, content_ref are mutually exclusive");
    }
    let there = &world.projects[project];
    let place = (there.branch.clone(), there.definition().to_owned());
    let text = match (ask.method, ask.text("content")) {
        ("POST", None) => return wrong("content is missing"),
        ("POST", Some(content)) => content.to_owned(),
        _ => match there.files.get(&place) {
            Some(file) => String::from_utf8_lossy(&file.content).into_owned(),
            None => {
                return Answer::json(
                    200,
                    &json!({ "valid": false, "errors": ["Please provide content of .gitlab-ci.yml"], "warnings": [], "includes": [] }),
                );
            }
        },
    };
    let merged: Option<&str> = text.rsplit_once("\n---\n").map_or(Some(text.as_str()), |(_, body)| Some(body));
    let read = definition::read(&text, &Map::new());
    let mut body = json!({ "valid": read.is_ok(), "errors": read.as_ref().err().into_iter().collect::<Vec<_>>(), "warnings": [],
        "merged_yaml": merged, "includes": [] });
    if let (Ok(read), true) = (&read, ask.is("include_jobs")) {
        let job = |spec: &definition::Spec| {
            let mut job = json!({ "name": spec.shown, "stage": spec.stage, "before_script": [], "script": spec.script, "after_script": [],
                "tag_list": spec.tags, "environment": spec.environment, "when": spec.when, "allow_failure": spec.allow_failure });
            if !ask.is("dry_run") {
                job["needs"] = spec
                    .needs
                    .as_ref()
                    .map_or(Value::Null, |needs| needs.iter().map(|name| json!({ "name": name })).collect());
            }
            job
        };
        body["jobs"] = read.jobs.iter().map(job).collect();
    }
    Answer::json(200, &body)
}

fn schedules(world: &mut World, ask: &Ask<'_>, project: usize, below: &[&str]) -> Answer {
    const FIELDS: [&str; 5] = ["description", "ref", "cron", "cron_timezone", "active"];
    let full = |mut fields: Map<String, Value>| {
        if let Some(name) = fields.get("ref").and_then(Value::as_str).filter(|name| !name.starts_with("refs/")) {
            let name = format!("refs/heads/{name}");
            fields.insert("ref".into(), json!(name));
        }
        fields
    };
    // A listing shows neither variables nor the last pipeline.
    let listed = |row: &Value| {
        let mut row = row.clone();
        row.as_object_mut().unwrap().remove("variables");
        row
    };
    let [id, rest @ ..] = below else {
        if ask.method == "GET" {
            return paged(world, ask.seen, world.projects[project].schedules.iter().map(listed).collect());
        }
        for name in ["description", "ref", "cron"] {
            if ask.text(name).is_none() {
                return wrong(&format!("{name} is missing"));
            }
        }
        if ask.text("cron").unwrap_or_default().split_whitespace().count() != 5 {
            return invalid("cron", "is invalid syntax");
        }
        let (id, at) = (world.id(), World::iso(world.now));
        let mut row = json!({ "id": id, "cron_timezone": "UTC", "active": true, "next_run_at": World::iso(world.now + 3_600_000),
            "created_at": at, "updated_at": at, "owner": objects::user(), "last_pipeline": null, "variables": [], "inputs": [] });
        row.as_object_mut().unwrap().extend(full(ask.take(&FIELDS)));
        world.projects[project].schedules.push(row.clone());
        return Answer::json(201, &row);
    };
    let Some(at) = world.projects[project].schedules.iter().position(|row| has_id(row, id)) else {
        return missing("Pipeline Schedule");
    };
    let number = world.projects[project].schedules[at]["id"].as_u64().unwrap();
    match (ask.method, rest) {
        ("GET", []) => Answer::json(200, &world.projects[project].schedules[at]),
        ("PUT", []) => {
            let row = &mut world.projects[project].schedules[at];
            row.as_object_mut().unwrap().extend(full(ask.take(&FIELDS)));
            Answer::json(200, row)
        }
        ("DELETE", []) => {
            world.projects[project].schedules.remove(at);
            Answer::new(204)
        }
        ("POST", ["take_ownership"]) => Answer::json(201, &world.projects[project].schedules[at]),
        // It says that it will, and not what came of it.
        ("POST", ["play"]) => match pipelines::of_schedule(world, project, number) {
            Ok(_) => Answer::json(201, &json!({ "message": "201 Created" })),
            Err(text) => said(500, &text),
        },
        ("GET", ["pipelines"]) => {
            let there = &world.projects[project];
            let mut rows: Vec<_> = there.pipelines.iter().filter(|it| it.schedule == Some(number)).collect();
            if ask.text("sort") == Some("desc") {
                rows.reverse();
            }
            paged(world, ask.seen, rows.into_iter().map(|it| objects::pipeline(&ask.base, there, it)).collect())
        }
        (method, ["variables", key @ ..]) => {
            let list = world.projects[project].schedules[at]["variables"].as_array_mut().unwrap();
            let key = key.first().copied().or_else(|| ask.text("key")).unwrap_or_default().to_owned();
            let there = list.iter().position(|variable| variable["key"] == key);
            let row = json!({ "key": key, "value": ask.fields["value"], "variable_type": ask.text("variable_type").unwrap_or("env_var"), "raw": false });
            match (method, there) {
                ("POST", Some(_)) => invalid("base", &format!("variables have duplicate values ({key})")),
                ("POST", None) => {
                    list.push(row.clone());
                    Answer::json(201, &row)
                }
                (_, None) => missing("Pipeline Schedule Variable"),
                ("PUT", Some(at)) => {
                    list[at] = row.clone();
                    Answer::json(200, &row)
                }
                (_, Some(at)) => Answer::json(202, &list.remove(at)),
            }
        }
        _ => said(404, "404 Not Found"),
    }
}

fn triggers(world: &mut World, ask: &Ask<'_>, project: usize, below: &[&str]) -> Answer {
    if world.level < 40 {
        return forbidden();
    }
    match (ask.method, below) {
        ("GET", []) => paged(world, ask.seen, world.projects[project].triggers.clone()),
        ("POST", []) => {
            let (id, at) = (world.id(), World::iso(world.now));
            let token = format!("glptt-{id:040x}");
            let row = json!({ "id": id, "description": ask.text("description"), "created_at": at, "updated_at": at, "last_used": null,
                "expires_at": null, "token": token, "owner": objects::user() });
            world.projects[project].triggers.push(row.clone());
            Answer::json(201, &row)
        }
        ("DELETE", [id]) => {
            let list = &mut world.projects[project].triggers;
            let Some(at) = list.iter().position(|row| has_id(row, id)) else { return missing("Trigger") };
            list.remove(at);
            Answer::new(204)
        }
        _ => said(404, "404 Not Found"),
    }
}
