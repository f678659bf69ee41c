//! Deployments and their statuses.

use serde_json::{Value, json};

use super::{
    routes::{Ask, empty, error, not_found},
    show,
    world::{Deployment, World},
};
use crate::server::Answer;

const STATES: [&str; 7] = ["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];

pub(super) fn serve(world: &mut World, ask: &Ask<'_>, rest: &[&str]) -> Answer {
    let (base, now, new) = (world.base.clone(), world.now, world.number());
    let repo = &mut world.repos[ask.repo];
    let Some(id) = rest.first() else {
        if ask.method == "GET" {
            let is = |name: &str, there: &Value| ask.query(name).is_none_or(|wanted| there.as_str() == Some(&wanted));
            let wanted = |it: &&Deployment| {
                let shown = show::deployment(&base, repo, it);
                ["environment", "ref", "sha", "task"].iter().all(|name| is(name, &shown[*name]))
            };
            let all =
                repo.deployments.iter().rev().filter(wanted).map(|it| show::deployment(&base, repo, it)).collect();
            return ask.page(&base, None, all);
        }
        let Some(reference) = ask.body["ref"].as_str() else {
            return error(422, "Invalid request.\n\n\"ref\" wasn't supplied.");
        };
        let Some((_, sha)) = repo.resolve(reference) else {
            return error(422, &format!("No ref found for: {reference}"));
        };
        // A branch that is behind the default one is merged first, unless it is not wanted.
        if ask.body["auto_merge"] != json!(false) && reference != "main" && repo.branches.contains_key(reference) {
            return Answer::json(202, &json!({ "message": "Auto-merged main into the branch on deployment." }));
        }
        repo.deployments.push(Deployment { id: new, asked: ask.body.clone(), sha, created: now, statuses: Vec::new() });
        return Answer::json(201, &show::deployment(&base, repo, repo.deployments.last().unwrap()));
    };
    let Some(index) = repo.deployments.iter().position(|it| it.id.to_string() == *id) else { return not_found() };
    match (ask.method, &rest[1..]) {
        ("GET", []) => Answer::json(200, &show::deployment(&base, repo, &repo.deployments[index])),
        ("GET", ["statuses"]) => {
            let it = &repo.deployments[index];
            let all =
                (0..it.statuses.len()).rev().map(|status| show::deployment_status(&base, repo, it, status)).collect();
            ask.page(&base, None, all)
        }
        ("POST", ["statuses"]) => {
            let text = |name: &str| ask.body[name].as_str().unwrap_or_default().to_owned();
            if !STATES.contains(&text("state").as_str()) || text("description").chars().count() > 140 {
                return error(422, "Validation Failed");
            }
            let environment = repo.deployments[index].asked["environment"].clone();
            // A success makes the earlier ones of its environment inactive.
            if text("state") == "success" && ask.body["auto_inactive"] != json!(false) {
                for other in repo.deployments.iter_mut().filter(|it| it.asked["environment"] == environment) {
                    if other.statuses.last().is_some_and(|(state, ..)| state == "success") {
                        other.statuses.push(("inactive".into(), String::new(), String::new(), now));
                    }
                }
            }
            repo.deployments[index].statuses.push((text("state"), text("environment_url"), text("log_url"), now));
            let it = &repo.deployments[index];
            Answer::json(201, &show::deployment_status(&base, repo, it, it.statuses.len() - 1))
        }
        ("DELETE", []) => {
            let active = repo.deployments[index].statuses.last().is_some_and(|(state, ..)| state != "inactive");
            if active && repo.deployments.len() > 1 {
                return error(
                    422,
                    "We cannot delete an active deployment unless it is the only deployment in a given environment.",
                );
            }
            repo.deployments.remove(index);
            empty(204)
        }
        _ => not_found(),
    }
}
