//! Pipelines and their jobs.

use serde_json::{Map, Value, json};

use crate::server::Answer;

use super::{
    objects,
    page::{forbidden, missing, paged, said, wrong},
    routes::Ask,
    world::{Pipeline, World, ended},
};

pub(super) fn serve(world: &mut World, ask: &Ask<'_>, project: usize, rest: &[&str]) -> Answer {
    match (ask.method, rest) {
        ("POST", ["pipeline"]) => create(world, ask, project, "api"),
        ("POST", ["trigger", "pipeline"]) => create(world, ask, project, "trigger"),
        ("GET", ["pipelines"]) => list(world, ask, project),
        ("GET", ["pipelines", "latest"]) => match world.projects[project].pipelines.last() {
            Some(it) => Answer::json(200, &objects::whole_pipeline(&ask.base, &world.projects[project], it)),
            None => forbidden(),
        },
        (_, ["pipelines", id, below @ ..]) => {
            let place = world.projects[project].pipelines.iter().position(|it| it.id.to_string() == *id);
            place.map_or_else(|| missing("Pipeline"), |place| of_pipeline(world, ask, (project, place), below))
        }
        (_, ["jobs", id, below @ ..]) => {
            let jobs = world.projects[project].pipelines.iter().flat_map(|pipeline| &pipeline.jobs);
            let there = jobs.into_iter().find(|job| job.id.to_string() == *id);
            match there.map(|job| (job.id, job.bridge)) {
                // A bridge can be played, retried and stopped, and has nothing else of a job.
                Some((_, true)) if !matches!(below, ["play" | "retry" | "cancel"]) => missing("Job"),
                Some((id, _)) => of_job(world, ask, project, id, below),
                None => missing("Job"),
            }
        }
        _ => said(404, "404 Not Found"),
    }
}

fn create(world: &mut World, ask: &Ask<'_>, project: usize, source: &str) -> Answer {
    if world.level < 30 || world.projects[project].builds_access_level == "disabled" {
        return forbidden();
    }
    let Some(reference) = ask.text("ref") else { return wrong("ref is missing") };
    let mut variables: Vec<Value> = ask.fields["variables"].as_array().cloned().unwrap_or_default();
    if let Some(map) = ask.fields["variables"].as_object() {
        variables.extend(map.iter().map(|(key, value)| json!({ "key": key, "value": value })));
    }
    for variable in &mut variables {
        let kind = variable["variable_type"].as_str().unwrap_or("env_var").to_owned();
        *variable = json!({ "variable_type": kind, "key": variable["key"], "value": variable["value"], "raw": false });
    }
    let inputs = ask.fields["inputs"].as_object().cloned().unwrap_or_default();
    let reference = reference.to_owned();
    match world.create_pipeline(project, &reference, source, variables, inputs) {
        Ok(id) => {
            let row = world.pipeline(id).unwrap().clone();
            Answer::json(201, &objects::whole_pipeline(&ask.base, &world.projects[project], &row))
        }
        Err(said) => Answer::json(400, &json!({ "message": { "base": [said] } })),
    }
}

fn list(world: &World, ask: &Ask<'_>, project: usize) -> Answer {
    let there = &world.projects[project];
    let after = |field: &str, at: u64| ask.text(field).is_none_or(|since| World::iso(at).as_str() > since);
    let child = ask.text("source") == Some("parent_pipeline");
    let wanted = |it: &&Pipeline| {
        let status = it.status();
        ask.text("ref").is_none_or(|reference| reference == it.reference)
            && ask.text("source").is_none_or(|source| source == it.source)
            && (child || it.source != "parent_pipeline")
            && ask.text("sha").is_none_or(|sha| sha == it.sha)
            && ask.text("name").is_none_or(|name| it.name.as_deref() == Some(name))
            && ask.text("status").is_none_or(|word| word == status)
            && ask.text("scope").is_none_or(|scope| match scope {
                "finished" => ended(&status),
                scope => scope == status,
            })
            && after("updated_after", it.updated)
            && after("created_after", it.created)
    };
    let mut rows: Vec<&Pipeline> = there.pipelines.iter().filter(wanted).collect();
    match ask.text("order_by") {
        Some("updated_at") => rows.sort_by_key(|it| (it.updated, it.id)),
        _ => rows.sort_by_key(|it| it.id),
    }
    if ask.text("sort") != Some("asc") {
        rows.reverse();
    }
    paged(world, ask.seen, rows.into_iter().map(|it| objects::pipeline(&ask.base, there, it)).collect())
}

fn of_pipeline(world: &mut World, ask: &Ask<'_>, (project, place): (usize, usize), below: &[&str]) -> Answer {
    let level = world.level;
    let shown = |world: &World, status: u16| {
        let there = &world.projects[project];
        Answer::json(status, &objects::whole_pipeline(&ask.base, there, &there.pipelines[place]))
    };
    match (ask.method, below) {
        ("GET", []) => shown(world, 200),
        ("DELETE", []) if level < 50 => forbidden(),
        ("DELETE", []) => {
            world.projects[project].pipelines.remove(place);
            Answer::new(204)
        }
        ("GET", ["variables"]) if level < 40 => forbidden(),
        ("GET", ["variables"]) => Answer::json(200, &json!(world.projects[project].pipelines[place].variables)),
        ("GET", ["jobs" | "bridges"]) => {
            let there = &world.projects[project];
            let (row, bridges) = (&there.pipelines[place], below == ["bridges"]);
            let scopes: Vec<&str> = match &ask.fields["scope"] {
                Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
                one => one.as_str().into_iter().collect(),
            };
            let mut jobs: Vec<_> = row
                .jobs
                .iter()
                .filter(|job| job.bridge == bridges && (!job.retried || ask.is("include_retried")))
                .filter(|job| scopes.is_empty() || scopes.contains(&job.status.as_str()))
                .collect();
            jobs.sort_by_key(|job| std::cmp::Reverse(job.id));
            let rows = jobs.into_iter().map(|job| objects::job(world, &ask.base, there, row, job)).collect();
            paged(world, ask.seen, rows)
        }
        ("GET", ["test_report_summary" | "test_report"]) => {
            Answer::json(200, &json!({ "total": { "time": 0, "count": 0 }, "test_suites": [] }))
        }
        ("PUT", ["metadata"]) => {
            world.projects[project].pipelines[place].name = ask.text("name").map(str::to_owned);
            shown(world, 200)
        }
        // It is a yes, whatever there is to cancel (gitlab#414963).
        ("POST", ["cancel"]) => {
            let ids: Vec<u64> = world.projects[project].pipelines[place].jobs.iter().map(|job| job.id).collect();
            for id in ids {
                cancel(world, id, false);
            }
            shown(world, 200)
        }
        ("POST", ["retry"]) => {
            let lost = |word: &str| matches!(word, "failed" | "canceled");
            let ids: Vec<u64> = world.projects[project].pipelines[place]
                .latest()
                .filter(|job| lost(&job.status))
                .map(|job| job.id)
                .collect();
            for id in ids {
                world.retry(id);
            }
            shown(world, 201)
        }
        _ => said(404, "404 Not Found"),
    }
}

/// A running job runs its `after_script` first, where it is not forced; whether there was anything to cancel.
fn cancel(world: &mut World, id: u64, force: bool) -> bool {
    let now = world.now;
    let job = world.job(id).unwrap();
    match job.status.as_str() {
        "running" if !force => job.status = "canceling".into(),
        "canceling" if !force => return true,
        word if ended(word) => return false,
        _ => (job.status, job.finished) = ("canceled".into(), Some(now)),
    }
    world.settle(id);
    true
}

fn of_job(world: &mut World, ask: &Ask<'_>, project: usize, id: u64, below: &[&str]) -> Answer {
    let shown = |world: &World, status: u16, id: u64| {
        let there = &world.projects[project];
        let found = there.pipelines.iter().find_map(|it| Some((it, it.jobs.iter().find(|job| job.id == id)?)));
        found.map_or_else(
            || missing("Job"),
            |(row, job)| Answer::json(status, &objects::job(world, &ask.base, there, row, job)),
        )
    };
    let word = world.job(id).unwrap().status.clone();
    match (ask.method, below) {
        ("GET", []) => shown(world, 200, id),
        // The whole log, each time (`lib/api/ci/jobs.rb`).
        ("GET", ["trace"]) => {
            let name = format!("infile; filename=\"{id}.log\"");
            Answer::new(200)
                .body("text/plain", world.job(id).unwrap().trace.clone())
                .header("content-disposition", name)
        }
        ("POST", ["cancel"]) => {
            if !cancel(world, id, ask.is("force")) {
                return said(403, "403 Forbidden - Job is not cancelable");
            }
            shown(world, 201, id)
        }
        ("POST", ["retry"]) if !ended(&word) || world.job(id).unwrap().retried => {
            said(403, "403 Forbidden - Job is not retryable")
        }
        ("POST", ["retry"]) => {
            let made = world.retry(id);
            shown(world, 201, made)
        }
        ("POST", ["play"]) if !matches!(word.as_str(), "manual" | "scheduled") => wrong_action("Unplayable Job"),
        ("POST", ["play"]) => {
            let job = world.job(id).unwrap();
            job.status = "pending".into();
            job.variables = ask.fields["job_variables_attributes"].as_array().cloned().unwrap_or_default();
            world.settle(id);
            shown(world, 200, id)
        }
        ("POST", ["erase"]) => {
            let now = world.now;
            let job = world.job(id).unwrap();
            (job.erased, job.artifacts) = (Some(now), None);
            job.trace.clear();
            shown(world, 201, id)
        }
        ("POST", ["artifacts", "keep"]) if world.job(id).unwrap().artifacts.is_none() => said(404, "404 Not Found"),
        ("POST", ["artifacts", "keep"]) => {
            world.job(id).unwrap().keep = true;
            shown(world, 200, id)
        }
        ("DELETE", ["artifacts"]) => {
            world.job(id).unwrap().artifacts = None;
            Answer::new(204)
        }
        ("GET", ["artifacts", path @ ..]) => match (world.job(id).unwrap().artifacts.clone(), world.storage.clone()) {
            (None, _) => said(404, "404 Not Found"),
            (Some(_), Some(storage)) if path.is_empty() => {
                Answer::to(302, &format!("{storage}/artifacts/{id}.zip?signature=abc"))
            }
            // What is in the archive is not looked at: a file's bytes are its path.
            (Some(bytes), _) if path.is_empty() => Answer::new(200).body("application/zip", bytes),
            (Some(_), _) => Answer::new(200).body("application/octet-stream", path.join("/")),
        },
        _ => said(404, "404 Not Found"),
    }
}

fn wrong_action(text: &str) -> Answer {
    said(400, &format!("400 Bad request - {text}"))
}

/// A schedule's pipeline.
pub(super) fn of_schedule(world: &mut World, project: usize, schedule: u64) -> Result<u64, String> {
    let row = world.projects[project].schedules.iter().find(|row| row["id"] == schedule).cloned().unwrap_or_default();
    let reference = row["ref"].as_str().unwrap_or_default().trim_start_matches("refs/heads/").to_owned();
    let variables = row["variables"].as_array().cloned().unwrap_or_default();
    let id = world.create_pipeline(project, &reference, "schedule", variables, Map::new())?;
    world.pipeline(id).unwrap().schedule = Some(schedule);
    Ok(id)
}
