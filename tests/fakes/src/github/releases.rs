//! Releases, and files that are put to them.

use serde_json::json;

use super::{
    routes::{Ask, empty, error, not_found},
    show,
    world::{Release, World},
};
use crate::server::Answer;

pub(super) fn serve(world: &mut World, ask: &Ask<'_>, rest: &[&str]) -> Answer {
    let (base, new) = (world.base.clone(), world.number());
    let repo = &mut world.repos[ask.repo];
    let uploads = ask.seen.path().starts_with("/api/uploads");
    match (ask.method, rest) {
        ("GET", []) => {
            let all = repo.releases.iter().rev().map(|it| show::release(&base, repo, it)).collect();
            ask.page(&base, None, all)
        }
        ("POST", []) => {
            let Some(tag) = ask.body["tag_name"].as_str() else { return error(422, "Invalid request.") };
            if repo.releases.iter().any(|it| it.tag == tag) {
                let errors = json!([{ "resource": "Release", "code": "already_exists", "field": "tag_name" }]);
                return Answer::json(
                    422,
                    &json!({ "message": "Validation Failed", "errors": errors, "documentation_url": "https://docs.github.com/rest" }),
                );
            }
            repo.releases.push(Release { id: new, tag: tag.into(), assets: Vec::new() });
            Answer::json(201, &show::release(&base, repo, repo.releases.last().unwrap()))
        }
        ("GET", ["tags", tag]) => match repo.releases.iter().find(|it| it.tag == *tag) {
            Some(found) => Answer::json(200, &show::release(&base, repo, found)),
            None => not_found(),
        },
        (_, ["assets", id]) => asset(world, ask, id),
        (_, [id, rest @ ..]) => {
            let Some(index) = repo.releases.iter().position(|it| it.id.to_string() == *id) else { return not_found() };
            match (ask.method, rest) {
                ("GET", []) => Answer::json(200, &show::release(&base, repo, &repo.releases[index])),
                ("GET", ["assets"]) => {
                    let release = &repo.releases[index];
                    let all = (0..release.assets.len()).map(|at| show::asset(&base, repo, release, at)).collect();
                    ask.page(&base, None, all)
                }
                ("POST", ["assets"]) if uploads => {
                    let name = ask.query("name").unwrap_or_default().replace(' ', ".");
                    if repo.releases[index].assets.iter().any(|(_, there, ..)| *there == name) {
                        let errors = json!([{ "resource": "ReleaseAsset", "code": "already_exists", "field": "name" }]);
                        return Answer::json(
                            422,
                            &json!({ "message": "Validation Failed", "errors": errors, "documentation_url": "https://docs.github.com/rest" }),
                        );
                    }
                    let kind = ask.seen.header("content-type").unwrap_or("application/octet-stream").to_owned();
                    let release = &mut repo.releases[index];
                    release.assets.push((new, name, kind, ask.seen.bytes.to_vec(), "uploaded".into()));
                    let release = &repo.releases[index];
                    Answer::json(201, &show::asset(&base, repo, release, release.assets.len() - 1))
                }
                _ => not_found(),
            }
        }
        _ => not_found(),
    }
}

fn asset(world: &mut World, ask: &Ask<'_>, id: &str) -> Answer {
    let base = world.base.clone();
    let repo = &mut world.repos[ask.repo];
    let place = |repo: &super::world::Repo| {
        repo.releases.iter().enumerate().find_map(|(release, it)| {
            it.assets.iter().position(|(there, ..)| there.to_string() == id).map(|asset| (release, asset))
        })
    };
    let Some((release, index)) = place(repo) else { return not_found() };
    match ask.method {
        "GET" if ask.seen.header("accept").is_some_and(|it| it.contains("octet-stream")) => {
            let bytes = repo.releases[release].assets[index].3.clone();
            Answer::to(302, &world.blob(bytes))
        }
        "GET" => Answer::json(200, &show::asset(&base, repo, &repo.releases[release], index)),
        "DELETE" => {
            repo.releases[release].assets.remove(index);
            empty(204)
        }
        _ => not_found(),
    }
}
