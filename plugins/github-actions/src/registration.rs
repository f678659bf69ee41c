//! Webhooks of the repositories: registered in each of them, and asked for what they could not deliver.
//!
//! A hook's id is its address: one for all repositories, since that is what is registered at once. GitHub sends nothing again by
//! itself, and remembers three days.

use std::collections::BTreeSet;

use novacron_cicd_sdk::{
    WebhookRecovery, WebhookRegistration,
    http::Json,
    webhook_recovery::{Missed, MissedPage},
    webhook_registration::{Hook, HookRequest},
};

use crate::{names::LONGEST, prelude::*};

/// What is asked for where nothing is named.
const EVENTS: [&str; 4] = ["workflow_run", "workflow_job", "deployment", "deployment_status"];
/// Requests for deliveries of one call.
const REQUESTS: usize = 30;

told! {
    Told {
        id: u64, active: bool, events: Vec<String>, config: Config,
    }
    Config { url: String }
    Delivery {
        id: u64, guid: String, delivered_at: Time, status_code: u16, event: String,
    }
}

/// Those of a repository whose address can be an id, as one of ours can.
fn hooks(client: &Client, repo: &Repo) -> Result<Vec<Told>> {
    let mut hooks: Vec<Told> = paging::all::<Vec<Told>, _>(&client.get(at(repo, &["hooks"])), 5)?;
    hooks.retain(|told| (1..=LONGEST).contains(&told.config.url.len()));
    Ok(hooks)
}

/// Those of all repositories.
fn all_hooks(client: &Client) -> Result<Vec<(Repo, Told)>> {
    let mut all = Vec::new();
    for repo in client.repositories()? {
        all.extend(hooks(client, &repo)?.into_iter().map(|told| (repo.clone(), told)));
    }
    Ok(all)
}

/// What each repository has under an address, as one.
fn together(all: &[(Repo, Told)]) -> Vec<Hook> {
    let mut hooks: Vec<Hook> = Vec::new();
    for (repo, told) in all {
        let place = attribute("x-repository", repo.to_string());
        match hooks.iter_mut().find(|hook| hook.url == told.config.url) {
            Some(hook) => {
                hook.active &= told.active;
                hook.more.push(place);
            }
            None => hooks.push(Hook {
                id: told.config.url.clone(),
                url: told.config.url.clone(),
                active: told.active,
                events: told.events.clone(),
                more: vec![place],
            }),
        }
    }
    hooks
}

fn body(request: &HookRequest, events: &[String]) -> Json {
    let config = Json::object().field("url", &request.url).field("content_type", "json").field("insecure_ssl", "0");
    let config = match &request.secret {
        Some(reference) => config.secret("secret", reference),
        None => config,
    };
    Json::object().field("name", "web").field("active", true).field("events", events).nested("config", config)
}

impl WebhookRegistration for GithubActions {
    fn list_hooks() -> Result<Vec<Hook>> {
        Ok(together(&all_hooks(&Client::here()?)?))
    }

    /// Where there is one of that address already it is changed: GitHub takes no second.
    fn register(_operation: Operation, request: HookRequest) -> Result<Hook> {
        let client = Client::here()?;
        if request.url.len() > LONGEST {
            return Err(Error::invalid_input("url", format!("it is longer than {LONGEST} bytes")));
        }
        let events =
            if request.events.is_empty() { EVENTS.map(str::to_owned).to_vec() } else { request.events.clone() };
        let mut made = Vec::new();
        for repo in client.repositories()? {
            let there = hooks(&client, &repo)?.into_iter().find(|told| told.config.url == request.url);
            let ask = match there {
                Some(told) => client.patch(at(&repo, &["hooks", &told.id.to_string()])),
                None => client.post(at(&repo, &["hooks"])),
            };
            let told: Told = client::fetch(ask.json_with_secrets(body(&request, &events)))?;
            made.push((repo, told));
        }
        together(&made).pop().ok_or_else(|| Error::invalid_input("settings.repositories", "there is none"))
    }

    fn unregister(_operation: Operation, hook: String) -> Result<()> {
        let client = Client::here()?;
        for (repo, told) in all_hooks(&client)?.iter().filter(|(_, told)| told.config.url == hook) {
            client::removed(client.delete(at(repo, &["hooks", &told.id.to_string()])))?;
        }
        Ok(())
    }
}

/// Where a list of what was missed goes on: at which hook of all, from which cursor of GitHub's.
fn place(cursor: Option<&str>) -> Result<(usize, Option<String>)> {
    let Some((hook, theirs)) = cursor.map(|text| text.split_once(' ').unwrap_or((text, ""))) else {
        return Ok((0, None));
    };
    let hook = hook.parse().map_err(|_| paging::not_ours("cursor"))?;
    Ok((hook, Some(theirs.to_owned()).filter(|text| !text.is_empty())))
}

/// GitHub's cursor of the next page: `<...&cursor=v1_12077215967>; rel="next"`. It is opaque.
fn next_cursor(link: &str) -> Option<String> {
    let next = link.split(',').find(|one| one.contains("rel=\"next\""))?;
    let (_, query) = next.split('>').next()?.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("cursor=")).map(str::to_owned)
}

impl WebhookRecovery for GithubActions {
    /// What came at a later try is left out, as far as that is on the same pages.
    fn list_missed(since: Timestamp, page: PageRequest) -> Result<MissedPage> {
        let client = Client::here()?;
        let all = all_hooks(&client)?;
        let (mut at_hook, mut cursor) = place(page.cursor.as_deref())?;
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let mut items: Vec<Missed> = Vec::new();
        let mut came = BTreeSet::new();
        for _ in 0..REQUESTS {
            let Some((repo, told)) = all.get(at_hook).filter(|_| items.len() < limit) else { break };
            let path = at(repo, &["hooks", &told.id.to_string(), "deliveries"]).join("/");
            let size = (limit - items.len()).min(100);
            // It is written already as it has to be in a query.
            let query = cursor.as_ref().map_or(String::new(), |cursor| format!("&cursor={cursor}"));
            let answer = client::done(client.get(format!("/{path}?per_page={size}{query}")))?;
            let tries: Vec<Delivery> = answer.json()?;
            let is_recent = |it: &Delivery| it.delivered_at.0.is_none_or(|at| at >= since);
            // Newest first, so that a try that came is seen before those that did not.
            for it in tries.iter().filter(|it| is_recent(it)) {
                if (1..300).contains(&it.status_code) {
                    came.insert(it.guid.clone());
                } else if came.insert(it.guid.clone()) {
                    items.push(Missed {
                        id: Id::new(repo, format!("{}/{}", told.id, it.id)).to_string(),
                        hook: told.config.url.clone(),
                        at: it.delivered_at.0.unwrap_or(since),
                        event: it.event.clone(),
                    });
                }
            }
            cursor = answer.header("link").and_then(next_cursor).filter(|_| tries.last().is_some_and(is_recent));
            if cursor.is_none() {
                at_hook += 1;
            }
        }
        let next = (at_hook < all.len()).then(|| format!("{at_hook} {}", cursor.unwrap_or_default()));
        Ok(MissedPage { items, next })
    }

    fn redeliver(_operation: Operation, _hook: String, delivery: String) -> Result<()> {
        let (client, id) = Client::of("delivery", &delivery)?;
        let (hook, delivery) = id.rest.split_once('/').ok_or_else(|| paging::not_ours("delivery"))?;
        client::done(client.post(at(&id.repo, &["hooks", hook, "deliveries", delivery, "attempts"]))).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str, active: bool) -> Told {
        Told { active, config: Config { url: url.into() }, ..Told::default() }
    }

    #[test]
    fn hooks_of_one_address_are_one() {
        let repo = |name: &str| Repo { owner: "acme".into(), name: name.into() };
        let all = [
            (repo("a"), told("https://x", true)),
            (repo("b"), told("https://x", false)),
            (repo("b"), told("https://y", true)),
        ];
        let hooks = together(&all);
        let shown: Vec<_> = hooks.iter().map(|hook| (hook.id.as_str(), hook.active, hook.more.len())).collect();
        assert_eq!(shown, [("https://x", false, 2), ("https://y", true, 1)]);
    }

    #[test]
    fn a_cursor_is_a_hook_and_githubs_own() {
        assert_eq!(place(None), Ok((0, None)));
        assert_eq!(place(Some("2 v1_17")), Ok((2, Some("v1_17".into()))));
        assert_eq!(place(Some("2 ")), Ok((2, None)));
        assert!(place(Some("x")).is_err());
        let link =
            r#"<https://api.github.com/x?per_page=1&cursor=v1_17&a=b>; rel="next", <https://y?cursor=z>; rel="prev""#;
        assert_eq!(next_cursor(link).as_deref(), Some("v1_17"));
        assert_eq!(next_cursor(r#"<https://y?cursor=z>; rel="prev""#), None);
    }
}
