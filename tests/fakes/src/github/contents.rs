//! Files, by the contents API.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    routes::{Ask, error, not_found},
    show,
    world::{World, sha},
};
use crate::server::Answer;

/// GitHub breaks base64 into lines.
fn encoded(text: &str) -> String {
    let whole = STANDARD.encode(text);
    let lines: Vec<&str> = whole.as_bytes().chunks(60).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n") + "\n"
}

pub(super) fn serve(world: &mut World, ask: &Ask<'_>, path: &str) -> Answer {
    let base = world.base.clone();
    let repo = &mut world.repos[ask.repo];
    if ask.method == "GET" {
        let Some(files) = repo.files(ask.query("ref").as_deref()) else {
            return error(404, &format!("No commit found for the ref {}", ask.query("ref").unwrap_or_default()));
        };
        let repo = &*repo;
        if let Some(text) = files.get(path) {
            if ask.seen.header("accept").is_some_and(|it| it.contains("raw")) {
                return Answer::new(200).body("application/vnd.github.raw+json; charset=utf-8", text.clone());
            }
            return Answer::json(200, &show::file(&base, repo, path, text, Some(encoded(text))));
        }
        let below: Vec<Value> = files
            .iter()
            .filter(|(name, _)| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
            .map(|(name, text)| show::file(&base, repo, name, text, None))
            .collect();
        return if below.is_empty() { not_found() } else { Answer::json(200, &json!(below)) };
    }
    let branch = ask.body["branch"].as_str().unwrap_or("main").to_owned();
    if ask.body["message"].as_str().is_none() {
        return error(422, "Invalid request.\n\n\"message\" wasn't supplied.");
    }
    let Some(files) = repo.branches.get(&branch) else { return error(404, &format!("Branch {branch} not found")) };
    let there = files.get(path).map(|text| sha(text.as_bytes()));
    let given = ask.body["sha"].as_str();
    match (&there, given) {
        (None, _) if ask.method == "DELETE" => return not_found(),
        (Some(_), None) => return error(422, "Invalid request.\n\n\"sha\" wasn't supplied."),
        (Some(there), Some(given)) if there != given => {
            return error(409, &format!("{path} does not match {given}"));
        }
        _ => {}
    }
    // What was there stays readable at its commit.
    repo.resolve(&branch);
    let (status, content) = if ask.method == "DELETE" {
        repo.branches.get_mut(&branch).unwrap().remove(path);
        (200, Value::Null)
    } else {
        let bytes = ask.body["content"].as_str().and_then(|it| STANDARD.decode(it).ok());
        let Some(text) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return error(422, "content is not valid Base64");
        };
        repo.branches.get_mut(&branch).unwrap().insert(path.to_owned(), text.clone());
        (if there.is_some() { 200 } else { 201 }, show::file(&base, repo, path, &text, None))
    };
    let (name, tip) = (repo.name.clone(), repo.resolve(&branch).unwrap().1);
    world.look_for_workflows(&name);
    Answer::json(status, &json!({ "content": content, "commit": show::commit(&tip, world.now) }))
}
