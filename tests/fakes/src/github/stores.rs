//! Secrets, variables, environments, runners.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_box::SecretKey;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    routes::{Ask, empty, error, not_found},
    show,
    world::{Runner, World},
};
use crate::server::Answer;

/// Each scope has a key of its own.
fn key(repo: &str, scope: &str) -> SecretKey {
    SecretKey::from(<[u8; 32]>::from(Sha256::digest(format!("{repo} {scope}"))))
}

fn key_id(repo: &str, scope: &str) -> String {
    show::digest(key(repo, scope).public_key().as_bytes())[7..25].to_owned()
}

/// `scope` is an environment's name, or nothing for the repository.
pub(super) fn serve(world: &mut World, ask: &Ask<'_>, scope: &str, kind: &str, rest: &[&str]) -> Answer {
    let (base, at) = (world.base.clone(), show::time(world.now));
    let repo = &mut world.repos[ask.repo];
    if !scope.is_empty() && !repo.environments.contains_key(scope) {
        return not_found();
    }
    let name = rest.first().map(|name| name.to_uppercase());
    let place = (scope.to_owned(), name.clone().unwrap_or_default());
    let secret = |name: &String| json!({ "name": name, "created_at": at, "updated_at": at });
    let variable =
        |name: &String, value: &String| json!({ "name": name, "value": value, "created_at": at, "updated_at": at });
    match (kind, ask.method, rest) {
        ("secrets", "GET", ["public-key"]) => {
            let public = STANDARD.encode(key(&repo.name, scope).public_key().as_bytes());
            Answer::json(200, &json!({ "key_id": key_id(&repo.name, scope), "key": public }))
        }
        ("secrets", "GET", []) => {
            let own = repo.secrets.keys().filter(|(there, _)| there == scope);
            let all = own.map(|(_, name)| secret(name)).collect();
            ask.page(&base, Some("secrets"), all)
        }
        ("secrets", "GET", [_]) if repo.secrets.contains_key(&place) => Answer::json(200, &secret(&place.1)),
        ("secrets", "PUT", [_]) => {
            if ask.body["key_id"] != json!(key_id(&repo.name, scope)) {
                return error(422, "The specified key_id is not the current public key");
            }
            let sealed = ask.body["encrypted_value"].as_str().and_then(|it| STANDARD.decode(it).ok());
            let Some(opened) = sealed.and_then(|it| key(&repo.name, scope).unseal(&it).ok()) else {
                return error(422, "The encrypted value could not be decrypted");
            };
            if place.1.starts_with("GITHUB_") || !place.1.bytes().all(|it| it == b'_' || it.is_ascii_alphanumeric()) {
                return error(422, "Secret names can only contain alphanumeric characters");
            }
            let status = if repo.secrets.insert(place, opened).is_some() { 204 } else { 201 };
            empty(status)
        }
        ("secrets", "DELETE", [_]) if repo.secrets.remove(&place).is_some() => empty(204),
        ("variables", "GET", []) => {
            let own = repo.variables.iter().filter(|((there, _), _)| there == scope);
            let all = own.map(|((_, name), value)| variable(name, value)).collect();
            ask.page(&base, Some("variables"), all)
        }
        ("variables", "GET", [_]) if repo.variables.contains_key(&place) => {
            Answer::json(200, &variable(&place.1, &repo.variables[&place]))
        }
        ("variables", "POST", []) => {
            let (Some(name), Some(value)) = (ask.body["name"].as_str(), ask.body["value"].as_str()) else {
                return error(422, "Invalid request.");
            };
            let place = (scope.to_owned(), name.to_uppercase());
            if repo.variables.contains_key(&place) {
                return error(409, "Already exists - Variable already exists");
            }
            repo.variables.insert(place, value.to_owned());
            empty(201)
        }
        ("variables", "PATCH", [_]) if repo.variables.contains_key(&place) => {
            if let Some(value) = ask.body["value"].as_str() {
                repo.variables.insert(place, value.to_owned());
            }
            empty(204)
        }
        ("variables", "DELETE", [_]) if repo.variables.remove(&place).is_some() => empty(204),
        _ => not_found(),
    }
}

pub(super) fn environments(world: &mut World, ask: &Ask<'_>, rest: &[&str]) -> Answer {
    let base = world.base.clone();
    let repo = &mut world.repos[ask.repo];
    match (ask.method, rest) {
        ("GET", []) => {
            let all =
                repo.environments.iter().map(|(name, asked)| show::environment(&base, repo, name, asked)).collect();
            ask.page(&base, Some("environments"), all)
        }
        ("GET", [name]) => match repo.environments.get(*name) {
            Some(asked) => Answer::json(200, &show::environment(&base, repo, name, asked)),
            None => not_found(),
        },
        // What is left out is cleared.
        ("PUT", [name]) => {
            if ask.body["wait_timer"].as_u64().is_some_and(|minutes| minutes > 43_200) {
                return error(422, "Validation Failed");
            }
            repo.environments.insert((*name).to_owned(), ask.body.clone());
            Answer::json(200, &show::environment(&base, repo, name, &ask.body))
        }
        ("DELETE", [name]) if repo.environments.remove(*name).is_some() => empty(204),
        _ => not_found(),
    }
}

pub(super) fn runners(world: &mut World, ask: &Ask<'_>, rest: &[&str]) -> Answer {
    let (base, ends, new) = (world.base.clone(), show::time(world.now + 3_600_000), world.number());
    let repo = &mut world.repos[ask.repo];
    let texts = |value: &Value| {
        value.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    match (ask.method, rest) {
        ("GET", []) => {
            let all = repo.runners.iter().map(show::runner).collect();
            return ask.page(&base, Some("runners"), all);
        }
        ("POST", [kind @ ("registration-token" | "remove-token")]) => {
            return Answer::json(201, &json!({ "token": format!("{kind}-{new}-AABBCC"), "expires_at": ends }));
        }
        ("POST", ["generate-jitconfig"]) => {
            let Some(name) = ask.body["name"].as_str() else { return error(422, "Invalid request.") };
            if repo.runners.iter().any(|it| it.name == name) {
                return error(409, "Already exists - A runner with the name already exists.");
            }
            let labels = texts(&ask.body["labels"]);
            repo.runners.push(Runner { id: new, name: name.into(), status: "offline".into(), busy: false, labels });
            let runner = show::runner(repo.runners.last().unwrap());
            return Answer::json(201, &json!({ "runner": runner, "encoded_jit_config": format!("jit-{new}-DDEEFF") }));
        }
        _ => {}
    }
    let Some(runner) = rest.first().and_then(|id| repo.runners.iter_mut().find(|it| it.id.to_string() == *id)) else {
        return not_found();
    };
    let labels = |runner: &Runner| {
        let labels = show::runner(runner)["labels"].clone();
        Answer::json(200, &json!({ "total_count": labels.as_array().map_or(0, Vec::len), "labels": labels }))
    };
    match (ask.method, &rest[1..]) {
        ("GET", []) => Answer::json(200, &show::runner(runner)),
        ("DELETE", []) if runner.busy => error(422, "Runner is currently running a job and cannot be deleted."),
        ("DELETE", []) => {
            let id = runner.id;
            repo.runners.retain(|it| it.id != id);
            empty(204)
        }
        ("GET", ["labels"]) => labels(runner),
        ("PUT", ["labels"]) => {
            runner.labels = texts(&ask.body["labels"]);
            labels(runner)
        }
        _ => not_found(),
    }
}
