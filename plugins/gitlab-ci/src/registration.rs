//! Webhooks of the project that is set: registered once per address, and deliveries that did not arrive.

use novacron_cicd_sdk::{
    Result, WebhookRecovery, WebhookRegistration, attribute,
    http::{Json, send_all},
    lookup, time,
    types::{Error, Operation, PageRequest, Timestamp},
    webhook_recovery::{Missed, MissedPage},
    webhook_registration::{Hook, HookRequest},
};
use serde_json::Value;

use crate::{
    GitLab,
    client::{self, Client},
    projects,
};

/// The word for an event here, and GitLab's.
const EVENTS: [(&str, &str); 4] =
    [("run", "pipeline_events"), ("job", "job_events"), ("deployment", "deployment_events"), ("push", "push_events")];

fn id(row: &Value) -> Result<String> {
    let wrong = || Error::upstream(format!("GitLab answered what is not understood: id: {}", row["id"]), 200, "");
    row["id"].as_u64().map(|id| id.to_string()).ok_or_else(wrong)
}

fn hook(row: &Value) -> Result<Hook> {
    let on = |(_, field): &&(&str, &str)| row[*field] == true;
    let state = row["alert_status"].as_str().unwrap_or("executable");
    Ok(Hook {
        id: id(row)?,
        url: row["url"].as_str().unwrap_or_default().to_owned(),
        active: state == "executable",
        events: EVENTS.iter().filter(on).map(|(word, _)| (*word).to_owned()).collect(),
        more: vec![attribute("x-gitlab-alert-status", state)],
    })
}

fn hooks(client: &Client, project: &str) -> Result<Vec<Value>> {
    client.whole(client.get(&["projects", project, "hooks"]))
}

impl WebhookRegistration for GitLab {
    fn list_hooks() -> Result<Vec<Hook>> {
        let client = Client::here()?;
        hooks(&client, client.settings.project()?)?.iter().map(hook).collect()
    }

    /// One that has the address already is changed: GitLab would make a second, and tell everything twice. With the option
    /// `signing` the secret is the key that GitLab signs with, and not the token that it sends along.
    fn register(_operation: Operation, request: HookRequest) -> Result<Hook> {
        let client = Client::here()?;
        let project = projects::set(&client)?;
        let unknown = request.events.iter().find(|word| EVENTS.iter().all(|(known, _)| known != word));
        if let Some(word) = unknown {
            let known = EVENTS.map(|(known, _)| known).join(", ");
            return Err(Error::invalid_input("events", format!("{word:?} is none of {known}")));
        }
        let wanted = |word: &str| {
            if request.events.is_empty() { word != "push" } else { request.events.iter().any(|it| it == word) }
        };
        let mut body = Json::object()
            .field("url", &request.url)
            .field("enable_ssl_verification", request.url.starts_with("https:"));
        for (word, field) in EVENTS {
            body = body.field(field, wanted(word));
        }
        let signs = lookup(&request.more, "signing") == Some("true");
        if let Some(secret) = request.secret {
            body = body.secret(if signs { "signing_token" } else { "token" }, secret);
        }
        let there = hooks(&client, &project)?.into_iter().find(|row| row["url"] == request.url.as_str());
        let list = ["projects", project.as_str(), "hooks"];
        let request = match &there {
            Some(row) => client.put(&[&list[..], &[id(row)?.as_str()]].concat()),
            None => client.post(&list),
        };
        let made: Value = client::fetch(request.json_with_secrets(body))?;
        // One that knows no such field passes over it (`doc/api/project_webhooks.md`).
        if signs && made["signing_token_present"] != true {
            let message = "the webhook is there, and this GitLab does not sign what it sends";
            return Err(Error::unsupported("webhooks.signing").message(message).hint("register it with a token"));
        }
        hook(&made)
    }

    fn unregister(_operation: Operation, id: String) -> Result<()> {
        let client = Client::about("hook", &id)?;
        let project = projects::set(&client)?;
        client::gone(client.delete(&["projects", &project, "hooks", &id]))
    }
}

impl WebhookRecovery for GitLab {
    /// Of the last seven days, which is what GitLab keeps (17.3). It does not say when: the answer's own date does, where there
    /// was an answer; what got none is of no known time and shown always. What was asked and answered stands in the events, so a
    /// page is small.
    fn list_missed(since: Timestamp, page: PageRequest) -> Result<MissedPage> {
        let client = Client::here()?;
        let project = client.settings.project()?;
        let ids = hooks(&client, project)?.iter().take(20).map(id).collect::<Result<Vec<_>>>()?;
        let number: usize = page.cursor.as_deref().map_or(Ok(1), str::parse).map_err(|_| client::foreign("cursor"))?;
        let asked = ids.iter().map(|id| {
            client.get(&["projects", project, "hooks", id, "events"]).query("per_page", 20).query("page", number)
        });
        let (mut items, mut more) = (Vec::new(), false);
        for (hook, answer) in ids.iter().zip(send_all(asked)) {
            let answer = answer?;
            if answer.status() == 404 {
                return Err(Error::unsupported("gitlab>=17.3"));
            }
            let answer = client::taken(answer)?;
            more |= client::next(&answer).is_some();
            for event in answer.json::<Vec<Value>>()? {
                items.extend(missed(hook, &event, since)?);
            }
        }
        Ok(MissedPage { items, next: more.then(|| (number + 1).to_string()) })
    }

    /// At most five a minute (`doc/api/project_webhooks.md`).
    fn redeliver(_operation: Operation, hook: String, delivery: String) -> Result<()> {
        let client = Client::about("hook", &hook)?;
        client::numbered("delivery", &delivery)?;
        let project = projects::set(&client)?;
        client::done(client.post(&["projects", &project, "hooks", &hook, "events", &delivery, "resend"]))
    }
}

fn missed(hook: &str, event: &Value, since: Timestamp) -> Result<Option<Missed>> {
    // A number, or a word for what was no answer.
    if event["response_status"].to_string().trim_matches('"').starts_with('2') {
        return Ok(None);
    }
    let headers = event["response_headers"].as_object().into_iter().flatten();
    let date = headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("date"));
    let at = date.and_then(|(_, value)| time::http_date(value.as_str()?));
    if at.is_some_and(|at| at < since) {
        return Ok(None);
    }
    let name = event["trigger"].as_str().unwrap_or_default().to_owned();
    Ok(Some(Missed { id: id(event)?, hook: hook.to_owned(), at: at.unwrap_or(since), event: name }))
}
