//! Webhooks: registered, listed, sent again.

use serde_json::{Value, json};

use super::{
    routes::{Ask, empty, error, not_found},
    show,
    world::{Delivery, Hook, World},
};
use crate::server::Answer;

fn delivery(it: &Delivery) -> Value {
    json!({
        "id": it.id, "guid": it.guid, "delivered_at": show::time(it.at), "redelivery": it.redelivery, "duration": 0.03,
        "status": if it.status_code < 300 { "OK" } else { "Invalid HTTP Response" }, "status_code": it.status_code,
        "event": it.event, "action": "completed", "installation_id": null, "repository_id": null,
    })
}

pub(super) fn serve(world: &mut World, ask: &Ask<'_>, rest: &[&str]) -> Answer {
    let (base, now, new) = (world.base.clone(), world.now, world.number());
    let repo = &mut world.repos[ask.repo];
    let Some(id) = rest.first() else {
        if ask.method == "GET" {
            let all = repo.hooks.iter().map(|it| show::hook(&base, repo, it)).collect();
            return ask.page(&base, None, all);
        }
        let url = &ask.body["config"]["url"];
        if url.as_str().is_none() || repo.hooks.iter().any(|it| it.asked["config"]["url"] == *url) {
            return error(422, "Validation Failed: Hook already exists on this repository");
        }
        let ping = Delivery {
            id: new + 1,
            guid: "ping".into(),
            event: "ping".into(),
            status_code: 200,
            at: now,
            redelivery: false,
        };
        repo.hooks.push(Hook { id: new, asked: ask.body.clone(), deliveries: vec![ping] });
        return Answer::json(201, &show::hook(&base, repo, repo.hooks.last().unwrap()));
    };
    let Some(index) = repo.hooks.iter().position(|it| it.id.to_string() == *id) else { return not_found() };
    match (ask.method, &rest[1..]) {
        ("GET", []) => Answer::json(200, &show::hook(&base, repo, &repo.hooks[index])),
        ("PATCH", []) => {
            for (name, value) in ask.body.as_object().into_iter().flatten() {
                repo.hooks[index].asked[name] = value.clone();
            }
            Answer::json(200, &show::hook(&base, repo, &repo.hooks[index]))
        }
        ("DELETE", []) => {
            repo.hooks.remove(index);
            empty(204)
        }
        ("POST", ["pings"]) => empty(204),
        ("GET", ["deliveries"]) => {
            let failed = ask.query("status").as_deref() == Some("failure");
            // Pages of deliveries go on by a cursor: the number of the last one.
            let after: u64 = ask.query("cursor").and_then(|it| it.parse().ok()).unwrap_or(u64::MAX);
            let size: usize = ask.query("per_page").and_then(|it| it.parse().ok()).unwrap_or(30);
            let newest = repo.hooks[index].deliveries.iter().rev();
            let wanted: Vec<_> = newest.filter(|it| it.id < after && (!failed || it.status_code >= 300)).collect();
            let shown: Vec<_> = wanted.iter().take(size).map(|it| delivery(it)).collect();
            let answer = Answer::json(200, &json!(shown));
            if wanted.len() <= size {
                return answer;
            }
            let query = if failed { "status=failure&" } else { "" };
            let next = format!("{base}{}?{query}per_page={size}&cursor={}", ask.seen.path(), wanted[size - 1].id);
            answer.header("link", format!("<{next}>; rel=\"next\""))
        }
        ("POST", ["deliveries", delivery, "attempts"]) => {
            let all = &mut repo.hooks[index].deliveries;
            let Some(found) = all.iter().find(|it| it.id.to_string() == **delivery).cloned() else {
                return not_found();
            };
            all.push(Delivery { id: new, at: now, redelivery: true, status_code: 200, ..found });
            empty(202)
        }
        _ => not_found(),
    }
}
