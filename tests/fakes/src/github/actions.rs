//! Workflows, runs, jobs, logs, artifacts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    routes::{Ask, empty, error, is_new, not_found},
    show, source,
    world::{Attempt, Run, World},
};
use crate::server::Answer;

pub(super) fn serve(world: &mut World, ask: &Ask<'_>, rest: &[&str]) -> Answer {
    match (ask.method, rest) {
        ("GET", ["permissions"]) => Answer::json(200, &json!({ "enabled": true, "allowed_actions": "all" })),
        (_, ["workflows", rest @ ..]) => workflows(world, ask, rest),
        ("GET", ["runs"]) => list(world, ask, None),
        (_, ["runs", id, rest @ ..]) => id.parse().map_or_else(|_| not_found(), |id| run(world, ask, id, rest)),
        (_, ["jobs", id, rest @ ..]) => id.parse().map_or_else(|_| not_found(), |id| job(world, ask, id, rest)),
        ("GET", ["artifacts"]) => artifacts(world, ask, None),
        (_, ["artifacts", id, rest @ ..]) => artifact(world, ask, id, rest),
        _ => not_found(),
    }
}

fn workflows(world: &mut World, ask: &Ask<'_>, rest: &[&str]) -> Answer {
    let base = world.base.clone();
    let repo = &mut world.repos[ask.repo];
    let Some(key) = rest.first() else {
        let all = repo.workflows.iter().map(|it| show::workflow(&base, repo, it)).collect();
        return ask.page(&base, Some("workflows"), all);
    };
    let Some(found) = repo.workflow(key).map(|it| it.clone()) else { return not_found() };
    match (ask.method, &rest[1..]) {
        ("GET", []) => Answer::json(200, &show::workflow(&base, repo, &found)),
        ("GET", ["runs"]) => list(world, ask, Some(found.id)),
        ("PUT", [verb @ ("enable" | "disable")]) => {
            let (from, to) = if *verb == "enable" { ("disabled", "active") } else { ("active", "disabled_manually") };
            if !found.state.starts_with(from) {
                return error(403, &format!("Unable to {verb} a workflow that is not {from}."));
            }
            repo.workflow(key).unwrap().state = to.into();
            empty(204)
        }
        ("POST", ["dispatches"]) => dispatch(world, ask, found.id, &found.path, &found.state),
        _ => not_found(),
    }
}

fn dispatch(world: &mut World, ask: &Ask<'_>, workflow: u64, path: &str, state: &str) -> Answer {
    let Some(reference) = ask.body["ref"].as_str() else {
        return error(422, "Invalid request.\n\n\"ref\" wasn't supplied.");
    };
    let repo = &mut world.repos[ask.repo];
    let name = repo.name.clone();
    if state != "active" {
        return error(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow");
    }
    // The trigger has to be on the default branch, the file on the branch that is built.
    let Some(main) = repo.branches["main"].get(path).cloned() else { return not_found() };
    let Some((branch, commit)) = repo.resolve(reference) else {
        return error(422, &format!("No ref found for: {reference}"));
    };
    let Some(text) = repo.commits[&commit].get(path).cloned() else {
        return error(422, &format!("Workflow does not exist on {reference}"));
    };
    let given = ask.body["inputs"].as_object().into_iter().flatten();
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut inputs: BTreeMap<String, String> = given.map(|(name, value)| (name.clone(), plain(value))).collect();
    let none = BTreeMap::new();
    let has_trigger = source::refuse(&main, &none).filter(|why| why.contains("trigger"));
    if let Some(why) = has_trigger.or_else(|| source::refuse(&text, &inputs)) {
        return error(422, &why);
    }
    source::defaults(&text, &mut inputs);
    let title = source::name(&text).unwrap_or_else(|| path.to_owned());
    let id = world.add_run(&name, &workflow.to_string(), "workflow_dispatch", &branch, &title, inputs);
    let says = is_new(ask.seen) || (world.run_details && ask.body["return_run_details"] == json!(true));
    if !says {
        return empty(204);
    }
    let base = &world.base;
    let run_url = format!("{base}/repos/{name}/actions/runs/{id}");
    Answer::json(
        200,
        &json!({ "workflow_run_id": id, "run_url": run_url, "html_url": format!("{base}/{name}/actions/runs/{id}") }),
    )
}

/// Newest first. What was just begun is not there yet, and a filter may show nothing.
fn list(world: &mut World, ask: &Ask<'_>, workflow: Option<u64>) -> Answer {
    let base = world.base.clone();
    let stalls = world.filters_stall;
    let repo = &mut world.repos[ask.repo];
    let [event, branch, status, actor, sha] =
        ["event", "branch", "status", "actor", "head_sha"].map(|name| ask.query(name));
    let is_filtered = workflow.is_some() || [&event, &branch, &status, &actor, &sha].iter().any(|it| it.is_some());
    let is = |wanted: &Option<String>, there: &str| wanted.as_deref().is_none_or(|wanted| wanted == there);
    let wanted = |run: &Run| {
        let newest = run.attempts.last().unwrap();
        run.hidden == 0
            && workflow.is_none_or(|workflow| workflow == run.workflow)
            && is(&event, &run.event)
            && is(&branch, &run.branch)
            && is(&actor, &run.actor)
            && is(&sha, &run.sha)
            && (is(&status, &newest.status) || is(&status, newest.conclusion.as_deref().unwrap_or_default()))
            && !(stalls && is_filtered)
    };
    let shown: Vec<Value> = repo
        .runs
        .iter()
        .rev()
        .filter(|run| wanted(run))
        .map(|run| show::run(&base, repo, run, run.attempts.len()))
        .collect();
    for run in &mut repo.runs {
        run.hidden = run.hidden.saturating_sub(1);
    }
    // A list that is filtered ends at a thousand.
    let shown = if is_filtered { shown.into_iter().take(1000).collect() } else { shown };
    ask.page(&base, Some("workflow_runs"), shown)
}

fn run(world: &mut World, ask: &Ask<'_>, id: u64, rest: &[&str]) -> Answer {
    let (base, now) = (world.base.clone(), world.now);
    let repo = &mut world.repos[ask.repo];
    let Some(found) = repo.run(id).map(|run| run.clone()) else { return not_found() };
    let newest = found.attempts.len();
    let ended = found.attempts[newest - 1].status == "completed";
    let jobs = |attempts: &[usize]| {
        let all = attempts.iter().flat_map(|&number| {
            let shown = found.attempts[number - 1].jobs.iter().map(move |job| (number, job));
            shown.map(|(number, job)| show::job(&base, repo, &found, number, job))
        });
        ask.page(&base, Some("jobs"), all.collect())
    };
    match (ask.method, rest) {
        ("GET", []) => Answer::json(200, &show::run(&base, repo, &found, newest)),
        ("GET", ["jobs"]) if ask.query("filter").as_deref() == Some("all") => jobs(&(1..=newest).collect::<Vec<_>>()),
        ("GET", ["jobs"]) => jobs(&[newest]),
        ("GET", ["attempts", number, rest @ ..]) => match (number.parse::<usize>(), rest) {
            (Ok(number), []) if (1..=newest).contains(&number) => {
                Answer::json(200, &show::run(&base, repo, &found, number))
            }
            (Ok(number), ["jobs"]) if (1..=newest).contains(&number) => jobs(&[number]),
            _ => not_found(),
        },
        ("GET", ["artifacts"]) => artifacts(world, ask, Some(id)),
        ("GET", ["pending_deployments"]) => {
            let one = |(id, name): &(u64, String)| {
                let url = format!("{base}/repos/{}/environments/{name}", repo.name);
                let environment = json!({ "id": id, "node_id": "E", "name": name, "url": url, "html_url": url });
                let reviewer = json!({ "type": "User", "reviewer": show::user(&base, "octocat") });
                json!({ "environment": environment, "wait_timer": 0, "wait_timer_started_at": null, "current_user_can_approve": true, "reviewers": [reviewer] })
            };
            Answer::json(200, &json!(found.waits_for.iter().map(one).collect::<Vec<_>>()))
        }
        ("POST", ["pending_deployments"]) => review(world, ask, id),
        ("POST", ["cancel" | "force-cancel"]) if ended => error(409, "Cannot cancel a workflow run that is completed."),
        ("POST", [how @ ("cancel" | "force-cancel")]) => {
            repo.run(id).unwrap().attempts[newest - 1].asked.push((*how).to_owned());
            empty(202)
        }
        ("POST", ["rerun" | "rerun-failed-jobs"]) if !ended => error(403, "This workflow is already running"),
        ("POST", ["rerun" | "rerun-failed-jobs"]) => {
            again(repo.run(id).unwrap(), now);
            empty(201)
        }
        ("POST", ["approve"]) => {
            let run = repo.run(id).unwrap();
            if run.attempts[newest - 1].conclusion.as_deref() != Some("action_required") {
                return error(403, "This run is not from a fork pull request or requires no approval");
            }
            run.attempts[newest - 1] =
                Attempt { status: "queued".into(), started: now, updated: now, ..Attempt::default() };
            empty(201)
        }
        ("DELETE", []) => {
            repo.runs.retain(|run| run.id != id);
            empty(204)
        }
        _ => not_found(),
    }
}

fn again(run: &mut Run, now: u64) {
    run.attempts.push(Attempt { status: "queued".into(), started: now, updated: now, ..Attempt::default() });
}

fn review(world: &mut World, ask: &Ask<'_>, id: u64) -> Answer {
    let (base, now) = (world.base.clone(), world.now);
    let repo = &mut world.repos[ask.repo];
    let wanted: Vec<u64> =
        ask.body["environment_ids"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
    let run = repo.run(id).unwrap();
    if ask.body["comment"].as_str().is_none()
        || wanted.iter().any(|id| !run.waits_for.iter().any(|(there, _)| there == id))
    {
        return error(422, "Invalid request.");
    }
    run.waits_for.retain(|(id, _)| !wanted.contains(id));
    let attempt = run.attempts.last_mut().unwrap();
    attempt.updated = now;
    if ask.body["state"] == "rejected" {
        (attempt.status, attempt.conclusion) = ("completed".into(), Some("failure".into()));
    } else if run.waits_for.is_empty() {
        attempt.status = "queued".into();
    }
    let made = super::world::Deployment {
        id,
        asked: json!({ "ref": run.branch }),
        sha: run.sha.clone(),
        created: now,
        statuses: Vec::new(),
    };
    Answer::json(200, &json!([show::deployment(&base, repo, &made)]))
}

fn job(world: &mut World, ask: &Ask<'_>, id: u64, rest: &[&str]) -> Answer {
    let (base, now) = (world.base.clone(), world.now);
    let repo = &mut world.repos[ask.repo];
    let Some([run, attempt, index]) = repo.job(id) else { return not_found() };
    let found = repo.runs[run].attempts[attempt].jobs[index].clone();
    match (ask.method, rest) {
        ("GET", []) => Answer::json(200, &show::job(&base, repo, &repo.runs[run], attempt + 1, &found)),
        ("GET", ["logs"]) => match found.log {
            _ if found.log_expired => error(410, "Server Error"),
            Some(log) if found.status == "completed" => Answer::to(302, &world.blob(log)),
            _ => not_found(),
        },
        ("POST", ["rerun"]) => {
            again(&mut repo.runs[run], now);
            empty(201)
        }
        _ => not_found(),
    }
}

fn artifacts(world: &mut World, ask: &Ask<'_>, run: Option<u64>) -> Answer {
    let base = world.base.clone();
    let repo = &world.repos[ask.repo];
    let name = ask.query("name");
    let wanted = repo.artifacts.iter().filter(|kept| run.is_none_or(|run| run == kept.run));
    let wanted = wanted.filter(|kept| name.as_ref().is_none_or(|name| *name == kept.name));
    let all = wanted.map(|kept| show::artifact(&base, repo, kept)).collect();
    ask.page(&base, Some("artifacts"), all)
}

fn artifact(world: &mut World, ask: &Ask<'_>, id: &str, rest: &[&str]) -> Answer {
    let base = world.base.clone();
    let repo = &mut world.repos[ask.repo];
    let Some(kept) = repo.artifacts.iter().find(|kept| kept.id.to_string() == id).cloned() else { return not_found() };
    match (ask.method, rest) {
        ("GET", []) => Answer::json(200, &show::artifact(&base, repo, &kept)),
        ("GET", ["zip"]) if kept.expired => error(410, "Artifact has expired"),
        ("GET", ["zip"]) => Answer::to(302, &world.blob(kept.zip)),
        ("DELETE", []) => {
            repo.artifacts.retain(|it| it.id != kept.id);
            empty(204)
        }
        _ => not_found(),
    }
}
