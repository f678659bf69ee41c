//! Environments of the project that is set, with what protects them.

use novacron_cicd_sdk::{
    Environments, Result, attribute,
    environments::{Environment, EnvironmentChange, EnvironmentPage, Rule},
    types::{Error, ErrorKind, Operation, PageRequest},
};
use serde_json::{Value, json};

use crate::{
    GitLab,
    client::{self, Client, PAGE},
    projects, rows,
};

/// A rule's kind, and the field of a protected environment that it is (`doc/api/protected_environments.md`, Premium).
const REVIEWERS: (&str, &str) = ("reviewers", "required_approval_count");
const DEPLOYERS: &str = "deployers";

fn environment(row: rows::Environment, protection: Vec<Rule>) -> Environment {
    let last = row.last_deployment.map(|last| attribute("x-gitlab-last-deployment", last.id.to_string()));
    let ends = row.auto_stop_at.map(|at| attribute("x-gitlab-auto-stop-at", at));
    Environment {
        id: row.id.to_string(),
        name: row.name,
        tier: row.tier,
        url: row.external_url,
        state: row.state,
        protection,
        updated: row.updated_at.0,
        more: last.into_iter().chain(ends).collect(),
    }
}

/// By the access level of who may deploy, and how many have to approve.
fn rules(row: &Value) -> Vec<Rule> {
    let levels = row["deploy_access_levels"].as_array().into_iter().flatten();
    let levels = levels
        .filter_map(|level| Some(Rule { kind: DEPLOYERS.into(), value: level["access_level"].as_u64()?.to_string() }));
    let count = row[REVIEWERS.1].as_u64().filter(|count| *count > 0);
    levels.chain(count.map(|count| Rule { kind: REVIEWERS.0.into(), value: count.to_string() })).collect()
}

fn protection(client: &Client, project: &str, name: &str) -> Result<Vec<Rule>> {
    let answer = client.get(&["projects", project, "protected_environments", name]).send()?;
    // Not protected, not licensed, or not ours to see.
    if matches!(answer.status(), 403 | 404) {
        return Ok(Vec::new());
    }
    Ok(rules(&client::taken(answer)?.json()?))
}

/// An environment by its name.
pub(crate) fn named(client: &Client, project: &str, name: &str) -> Result<Option<rows::Environment>> {
    let found: Vec<rows::Environment> =
        client::fetch(client.get(&["projects", project, "environments"]).query("name", name))?;
    Ok(found.into_iter().find(|row| row.name == name))
}

fn protect(client: &Client, project: &str, name: &str, wanted: &[Rule]) -> Result<()> {
    let (mut body, mut levels) = (json!({ "name": name }), Vec::new());
    for rule in wanted {
        let number: u64 = rule
            .value
            .parse()
            .map_err(|_| Error::invalid_input("protection", format!("{} is no number", rule.value)))?;
        match rule.kind.as_str() {
            "reviewers" => body[REVIEWERS.1] = json!(number),
            DEPLOYERS => levels.push(json!({ "access_level": number })),
            other => {
                let message = format!("GitLab protects environments by reviewers and deployers, not by {other}");
                return Err(Error::unsupported("environments.protection").message(message));
            }
        }
    }
    if levels.is_empty() {
        // Maintainers, as GitLab's own page begins.
        levels.push(json!({ "access_level": 40 }));
    }
    body["deploy_access_levels"] = json!(levels);
    let list = ["projects", project, "protected_environments"];
    client::gone(client.delete(&[&list[..], &[name]].concat()))?;
    if wanted.is_empty() {
        return Ok(());
    }
    client::done(client.post(&list).json(&body)).map_err(|error| match error.kind {
        ErrorKind::NotFound => {
            Error::unsupported("environments.protection").hint("protected environments need GitLab Premium")
        }
        _ => error,
    })
}

impl Environments for GitLab {
    fn list_environments(page: PageRequest) -> Result<EnvironmentPage> {
        let client = Client::here()?;
        let project = client.settings.project()?;
        let (rows, next) = client.rows(client.get(&["projects", project, "environments"]), &page, PAGE)?;
        let guarded = client.get(&["projects", project, "protected_environments"]).query("per_page", PAGE).send()?;
        let guarded: Vec<Value> = if guarded.is_success() { guarded.json()? } else { Vec::new() };
        let shown = |row: rows::Environment| {
            let rules =
                guarded.iter().find(|guarded| guarded["name"] == row.name.as_str()).map(rules).unwrap_or_default();
            environment(row, rules)
        };
        Ok(EnvironmentPage { items: rows.into_iter().map(shown).collect(), next })
    }

    fn get(id: String) -> Result<Environment> {
        let client = Client::about("environment", &id)?;
        let project = client.settings.project()?;
        let row: rows::Environment = client::fetch(client.get(&["projects", project, "environments", &id]))?;
        let rules = protection(&client, project, &row.name)?;
        Ok(environment(row, rules))
    }

    /// By its name, which GitLab does not change (16.0).
    fn put_environment(_operation: Operation, change: EnvironmentChange) -> Result<Environment> {
        let client = Client::here()?;
        let project = projects::set(&client)?;
        let mut body = json!({});
        for (field, value) in [("tier", &change.tier), ("external_url", &change.url)] {
            if let Some(value) = value {
                body[field] = json!(value);
            }
        }
        let list = ["projects", project.as_str(), "environments"];
        let request = match named(&client, &project, &change.name)? {
            Some(row) => client.put(&[&list[..], &[row.id.to_string().as_str()]].concat()),
            None => {
                body["name"] = json!(change.name);
                client.post(&list)
            }
        };
        let row: rows::Environment = client::fetch(request.json(&body))?;
        if let Some(wanted) = &change.protection {
            protect(&client, &project, &change.name, wanted)?;
        }
        let rules = protection(&client, &project, &change.name)?;
        Ok(environment(row, rules))
    }

    /// Runs the job that its deployment names for it (`on_stop`).
    fn stop_environment(_operation: Operation, id: String) -> Result<()> {
        let client = Client::about("environment", &id)?;
        let project = projects::set(&client)?;
        let place = ["projects", project.as_str(), "environments", id.as_str()];
        let row: rows::Environment = client::fetch(client.get(&place))?;
        if matches!(row.state.as_deref(), Some("stopped" | "stopping")) {
            return Ok(());
        }
        client::done(client.post(&[&place[..], &["stop"]].concat()))
    }

    fn delete_environment(_operation: Operation, id: String) -> Result<()> {
        let client = Client::about("environment", &id)?;
        let project = projects::set(&client)?;
        let place = ["projects", project.as_str(), "environments", id.as_str()];
        let row: Option<rows::Environment> = client::fetch_maybe(client.get(&place))?;
        match row {
            None => Ok(()),
            Some(row) if row.state.as_deref() != Some("stopped") => {
                Err(Error::conflict(format!("{} is {}", row.name, row.state.unwrap_or_default()))
                    .hint("stop it first: GitLab deletes only what is stopped"))
            }
            Some(_) => client::gone(client.delete(&place)),
        }
    }
}
