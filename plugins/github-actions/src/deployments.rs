//! Deployments: GitHub keeps the record and starts workflows by it; what became of one is told by its statuses.

use novacron_cicd_sdk::{
    DeploymentReconciliation, DeploymentRollback, DeploymentStatus as Statuses, Deployments,
    deployment_reconciliation::Actual,
    deployments::{DeployRequest, DeploymentPage},
    types::{DeployTicket, Deployment},
};
use serde_json::Value as Json;

use crate::{
    deployment::{DeploymentStatus, Payload, Told, word},
    prelude::*,
    reading,
};

/// Milliseconds by which GitHub's clock may be behind ours.
const SKEW: u64 = 2_000;
/// Deployments whose statuses one call asks for.
const LOOKED_AT: usize = 30;

/// Never merges the default branch in, never waits for checks: what is asked for is deployed, or nothing.
fn post(
    client: &Client,
    repo: &Repo,
    environment: &str,
    reference: &str,
    about: Option<&str>,
    payload: &Payload,
) -> Request {
    client.post(at(repo, &["deployments"])).json(&json!({
        "ref": reference,
        "environment": environment,
        "description": about.unwrap_or_default().chars().take(140).collect::<String>(),
        "payload": { "novacron": payload },
        "auto_merge": false,
        "required_contexts": [],
    }))
}

fn made(request: Request, repo: &Repo) -> Result<DeployTicket> {
    let answer = client::done(request)?;
    // 202 says that something was merged, and that there is no deployment.
    if answer.status() != 201 {
        return Err(Error::conflict("GitHub made no deployment of it").hint(answer.text()));
    }
    let Ok(told) = answer.json::<Told>() else { return Ok(DeployTicket::Unknown(None)) };
    Ok(DeployTicket::Deployment(told.deployment(repo, None)))
}

fn read(client: &Client, id: &Id) -> Result<Told> {
    client::fetch(client.get(at(&id.repo, &["deployments", &id.rest])))
}

fn newest(client: &Client, repo: &Repo, told: &Told) -> Result<Option<DeploymentStatus>> {
    let statuses = client.get(at(repo, &["deployments", &told.id.to_string(), "statuses"])).query("per_page", 1);
    Ok(client::fetch::<Vec<DeploymentStatus>>(statuses)?.into_iter().next())
}

/// With how it stands.
fn shown(client: &Client, repo: &Repo, told: &Told) -> Result<Deployment> {
    Ok(told.deployment(repo, newest(client, repo, told)?.as_ref()))
}

impl Deployments for GithubActions {
    fn start(operation: Operation, request: DeployRequest) -> Result<DeployTicket> {
        let client = Client::here()?;
        let payload = Payload::of(&request)?;
        // `repository` of the target's configuration, or the only one.
        let named = payload.configuration.get("repository").and_then(Json::as_str);
        let named = named.or_else(|| lookup(&request.more, "x-repository"));
        let repo = client.choose("target.configuration.repository", named)?;
        if let Some(there) = came(&client, &repo, &operation, &request.correlation)? {
            return Ok(there);
        }
        let reference = match &request.reference {
            Some(reference) => reference.clone(),
            None => reading::default_branch(&client, &repo)?,
        };
        let about = lookup(&request.more, "novacron.description");
        made(post(&client, &repo, &request.environment, &reference, about, &payload), &repo)
    }

    fn resolve_ticket(_ticket: String) -> Result<DeployTicket> {
        Err(Error::unsupported("tickets").message("a deployment of GitHub's is one from the first moment"))
    }

    fn get(deployment: String) -> Result<Deployment> {
        let (client, id) = Client::of("deployment", &deployment)?;
        shown(&client, &id.repo, &read(&client, &id)?)
    }

    fn list_deployments(environment: Option<String>, page: PageRequest) -> Result<DeploymentPage> {
        let client = Client::here()?;
        // Each is asked for its status.
        let page = PageRequest { limit: page.limit.min(20), ..page };
        let ask = |repo: &Repo| client.get(at(repo, &["deployments"])).query_maybe("environment", environment.as_ref());
        let (items, next) = paging::across(&client.repositories()?, &page, ask, |repo, page: Vec<Told>| {
            page.iter().map(|told| shown(&client, repo, told)).collect()
        })?;
        Ok(DeploymentPage { items, next })
    }
}

/// Deployments of a repository whose payload has this token. They are listed newest first.
fn carrying(client: &Client, repo: &Repo, correlation: &str, since: Timestamp) -> Result<Vec<Told>> {
    let since = since.saturating_sub(SKEW);
    let mut found = Vec::new();
    for page in 1..=5 {
        let request = client.get(at(repo, &["deployments"])).query("per_page", paging::MOST).query("page", page);
        let answer = client::done(request)?;
        let told: Vec<Told> = answer.json()?;
        let done = told.last().is_none_or(|last| last.created_at.0.is_some_and(|at| at < since));
        let ours = |told: &Told| told.ours().is_some_and(|ours| ours.correlation == correlation);
        found.extend(told.into_iter().filter(ours));
        if done || !paging::goes_on(&answer) {
            break;
        }
    }
    Ok(found)
}

/// A second sending looks whether the first one came.
fn came(client: &Client, repo: &Repo, operation: &Operation, correlation: &str) -> Result<Option<DeployTicket>> {
    let Some(sent) = operation.first_sent else { return Ok(None) };
    let Some(told) = carrying(client, repo, correlation, sent)?.into_iter().next() else { return Ok(None) };
    Ok(Some(DeployTicket::Deployment(shown(client, repo, &told)?)))
}

impl DeploymentRollback for GithubActions {
    /// A new deployment of what `to` was of.
    fn rollback(operation: Operation, to: String, correlation: String) -> Result<DeployTicket> {
        let (client, id) = Client::of("deployment", &to)?;
        if let Some(there) = came(&client, &id.repo, &operation, &correlation)? {
            return Ok(there);
        }
        let older = read(&client, &id)?;
        let payload = Payload { correlation, rollback_of: Some(to), ..older.ours().unwrap_or_default() };
        let about = format!("back to {}", older.reference);
        made(post(&client, &id.repo, &older.environment, &older.sha, Some(&about), &payload), &id.repo)
    }
}

impl DeploymentReconciliation for GithubActions {
    /// The newest deployment to the target that succeeded and that no later one took the place of.
    fn observe(environment: String, target: String) -> Result<Actual> {
        let client = Client::here()?;
        let none = Actual { version: None, sha256: None, deployment: None, more: Vec::new() };
        for repo in client.repositories()? {
            let request = client.get(at(&repo, &["deployments"])).query("environment", &environment);
            let all: Vec<Told> = client::fetch(request.query("per_page", paging::MOST))?;
            let of_target = |told: &&Told| told.ours().is_some_and(|ours| ours.target == target);
            for told in all.iter().filter(of_target).take(LOOKED_AT) {
                let status = newest(&client, &repo, told)?;
                if status.as_ref().is_some_and(|status| status.state == "success") {
                    let artifact = told.ours().unwrap_or_default().artifact;
                    return Ok(Actual {
                        version: Some(artifact.version),
                        sha256: artifact.sha256,
                        deployment: Some(told.deployment(&repo, status.as_ref())),
                        ..none
                    });
                }
            }
        }
        Ok(none)
    }

    fn find_by_correlation(correlation: String, since: Timestamp) -> Result<Vec<Deployment>> {
        let client = Client::here()?;
        let mut found = Vec::new();
        for repo in client.repositories()? {
            for told in carrying(&client, &repo, &correlation, since)? {
                found.push(shown(&client, &repo, &told)?);
            }
        }
        Ok(found)
    }
}

impl Statuses for GithubActions {
    fn set_status(_operation: Operation, deployment: String, status: Status, url: Option<String>) -> Result<()> {
        let (client, id) = Client::of("deployment", &deployment)?;
        let told = read(&client, &id)?;
        let state = word(&status);
        // The same again would be a second line in its history.
        if newest(&client, &id.repo, &told)?.is_some_and(|there| there.state == state) {
            return Ok(());
        }
        let body = json!({
            "state": state,
            "description": status.platform.chars().take(140).collect::<String>(),
            "log_url": url.unwrap_or_default(),
        });
        client::done(client.post(at(&id.repo, &["deployments", &id.rest, "statuses"])).json(&body)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn nothing_is_merged_and_no_check_waited_for() {
        let client = Client { settings: crate::settings::Settings::default(), slot: None };
        let sent =
            post(&client, &Repo::parse("a/b").unwrap(), "prod", "v1", Some(&"é".repeat(200)), &Payload::default());
        let sent = sent.build().unwrap();
        let novacron_cicd_sdk::types::BodyPart::Bytes(body) = &sent.body[0] else { unreachable!() };
        let body: Json = serde_json::from_slice(body).unwrap();
        assert_eq!((&body["auto_merge"], &body["required_contexts"]), (&json!(false), &json!([])));
        assert_eq!(body["description"].as_str().unwrap().chars().count(), 140);
    }
}
