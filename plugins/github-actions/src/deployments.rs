//! Deployments: GitHub keeps the record and starts workflows by it; what became of one is told by its statuses.
//!
//! What we need to know of one again stands in its payload: our token, the artifact, the target. A payload can be read by
//! whoever may read the repository, so that no secret is ever in it.

use std::collections::BTreeMap;

use novacron_cicd_sdk::{
    DeploymentReconciliation, DeploymentRollback, DeploymentStatus as Statuses, Deployments, Result, attribute,
    deployment_reconciliation::Actual,
    deployments::{DeployRequest, DeploymentPage},
    http::Request,
    lookup,
    types::{
        DeployTicket, Deployment, Error, Operation, PageRequest, ParameterValue, State, Status, Times, Timestamp, Value,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{
    GithubActions,
    client::{self, Client, at},
    names::{Id, Repo},
    paging, reading, time,
};

/// Milliseconds by which GitHub's clock may be behind ours.
const SKEW: u64 = 2_000;
/// Deployments whose statuses one call asks for.
const LOOKED_AT: usize = 30;

/// What we put into a deployment's payload, below `novacron`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Payload {
    correlation: String,
    target: String,
    artifact: Artifact,
    /// The target's merged configuration.
    configuration: Json,
    /// By the target's name for it: the name of a secret in GitHub's store.
    credentials: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
    /// The deployment that this one goes back to.
    rollback_of: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Artifact {
    name: String,
    version: String,
    sha256: Option<String>,
    url: Option<String>,
}

/// A deployment as GitHub tells of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    id: u64,
    sha: String,
    #[serde(rename = "ref")]
    reference: String,
    task: String,
    environment: String,
    /// An object, or a text that holds one.
    payload: Json,
    created_at: Option<String>,
    updated_at: Option<String>,
}

/// The newest is how the deployment stands.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeploymentStatus {
    state: String,
    environment_url: Option<String>,
    log_url: Option<String>,
    created_at: Option<String>,
}

fn status(state: Option<&str>) -> Status {
    let word = state.unwrap_or("none");
    let of = |state| Status::of(state, word);
    match word {
        "none" | "pending" | "queued" => of(State::Pending),
        "in_progress" => of(State::Running),
        "waiting" => of(State::Waiting).reason("gate"),
        "success" => of(State::Succeeded),
        // A later one took its place.
        "inactive" => of(State::Succeeded).condition("inactive"),
        "failure" => of(State::Failed),
        "error" => of(State::Failed).reason("error"),
        _ => of(State::Running).reason("unknown"),
    }
}

/// GitHub's word for a state of ours.
fn word(status: &Status) -> &'static str {
    match (status.state, status.reason.as_deref()) {
        (State::Pending, _) => "queued",
        (State::Waiting, _) => "pending",
        (State::Running, _) => "in_progress",
        (State::Succeeded, _) => "success",
        (State::Failed, Some("lost")) => "error",
        (State::Failed, _) => "failure",
        // GitHub has no word for what was stopped: it is not there, and it did not fail.
        (State::Canceled | State::Skipped, _) => "inactive",
    }
}

impl Told {
    fn ours(&self) -> Option<Payload> {
        let text = self.payload.as_str().and_then(|text| serde_json::from_str::<Json>(text).ok());
        let payload = text.as_ref().unwrap_or(&self.payload).get("novacron")?;
        serde_json::from_value(payload.clone()).ok()
    }

    fn created(&self) -> Option<Timestamp> {
        time::read(self.created_at.as_deref())
    }

    pub(crate) fn deployment(&self, repo: &Repo, newest: Option<&DeploymentStatus>) -> Deployment {
        let status = status(newest.map(|status| status.state.as_str()));
        let ended = matches!(status.state, State::Succeeded | State::Failed | State::Canceled);
        let url = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let ours = self.ours();
        let mut more = vec![attribute("x-sha", &self.sha), attribute("x-ref", &self.reference)];
        if let Some(ours) = &ours {
            more.push(attribute("novacron.correlation", &ours.correlation));
            more.push(attribute("novacron.target", &ours.target));
        }
        if let Some(log) = newest.and_then(|status| url(&status.log_url)) {
            more.push(attribute("x-log-url", log));
        }
        Deployment {
            id: Id::new(repo, self.id).to_string(),
            environment: self.environment.clone(),
            times: Times {
                created: self.created(),
                started: None,
                finished: newest.filter(|_| ended).and_then(|status| time::read(status.created_at.as_deref())),
                updated: time::read(self.updated_at.as_deref()),
            },
            status,
            run: None,
            version: ours.map(|ours| ours.artifact.version).filter(|version| !version.is_empty()),
            url: newest.and_then(|status| url(&status.environment_url)),
            more,
        }
    }
}

fn texts(given: &[ParameterValue]) -> Result<BTreeMap<String, String>> {
    let text = |given: &ParameterValue| match &given.value {
        Value::Text(text) => Ok((given.name.clone(), text.clone())),
        Value::Secret(_) => {
            Err(Error::invalid_input(&given.name, "a deployment's payload can be read: it holds no secret")
                .hint("put it into GitHub's store with `secrets`, and give its name"))
        }
    };
    given.iter().map(text).collect()
}

impl Payload {
    fn of(request: &DeployRequest) -> Result<Self> {
        let bad = |error| Error::invalid_input("target.configuration", format!("it is no JSON: {error}"));
        let configuration = match request.target.configuration.as_str() {
            "" => Json::Null,
            text => serde_json::from_str(text).map_err(bad)?,
        };
        let artifact = &request.artifact;
        Ok(Self {
            correlation: request.correlation.clone(),
            target: request.target.name.clone(),
            artifact: Artifact {
                name: artifact.name.clone(),
                version: artifact.version.clone(),
                sha256: artifact.sha256.clone(),
                url: artifact.url.clone(),
            },
            configuration,
            credentials: texts(&request.target.credentials)?,
            parameters: texts(&request.parameters)?,
            rollback_of: request.rollback_of.clone(),
        })
    }
}

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
    let answer = client::taken(request.send()?)?;
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

/// Which repository a target deploys: `repository` of its configuration, or the only one.
fn repository(client: &Client, configuration: &Json, more: Option<&str>) -> Result<Repo> {
    let named = configuration.get("repository").and_then(Json::as_str).or(more);
    client.choose("target.configuration.repository", named)
}

impl Deployments for GithubActions {
    fn start(operation: Operation, request: DeployRequest) -> Result<DeployTicket> {
        let client = Client::here()?;
        let payload = Payload::of(&request)?;
        let repo = repository(&client, &payload.configuration, lookup(&request.more, "x-repository"))?;
        // A second sending looks whether the first one came.
        if let Some(sent) = operation.first_sent {
            if let Some(there) = carrying(&client, &repo, &request.correlation, sent)?.into_iter().next() {
                return Ok(DeployTicket::Deployment(there.deployment(&repo, newest(&client, &repo, &there)?.as_ref())));
            }
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
        let client = Client::here()?;
        let id = client.id("deployment", &deployment)?;
        let told = read(&client, &id)?;
        Ok(told.deployment(&id.repo, newest(&client, &id.repo, &told)?.as_ref()))
    }

    fn list_deployments(environment: Option<String>, page: PageRequest) -> Result<DeploymentPage> {
        let client = Client::here()?;
        // Each is asked for its status.
        let page = PageRequest { limit: page.limit.min(20), ..page };
        let ask = |repo: &Repo| client.get(at(repo, &["deployments"])).query_maybe("environment", environment.as_ref());
        let (items, next) = paging::across(&client.repositories()?, &page, ask, |repo, answer| {
            let told: Vec<Told> = answer.json()?;
            told.into_iter().map(|told| Ok(told.deployment(repo, newest(&client, repo, &told)?.as_ref()))).collect()
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
        let answer = client::taken(request.send()?)?;
        let told: Vec<Told> = answer.json()?;
        let done = told.last().is_none_or(|last| last.created().is_some_and(|at| at < since));
        let ours = |told: &Told| told.ours().is_some_and(|ours| ours.correlation == correlation);
        found.extend(told.into_iter().filter(ours));
        if done || !paging::goes_on(&answer) {
            break;
        }
    }
    Ok(found)
}

impl DeploymentRollback for GithubActions {
    /// A new deployment of what `to` was of.
    fn rollback(operation: Operation, to: String, correlation: String) -> Result<DeployTicket> {
        let client = Client::here()?;
        let id = client.id("deployment", &to)?;
        if let Some(sent) = operation.first_sent {
            if let Some(there) = carrying(&client, &id.repo, &correlation, sent)?.into_iter().next() {
                return Ok(DeployTicket::Deployment(
                    there.deployment(&id.repo, newest(&client, &id.repo, &there)?.as_ref()),
                ));
            }
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
                found.push(told.deployment(&repo, newest(&client, &repo, &told)?.as_ref()));
            }
        }
        Ok(found)
    }
}

impl Statuses for GithubActions {
    fn set_status(_operation: Operation, deployment: String, status: Status, url: Option<String>) -> Result<()> {
        let client = Client::here()?;
        let id = client.id("deployment", &deployment)?;
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
        client::taken(client.post(at(&id.repo, &["deployments", &id.rest, "statuses"])).json(&body).send()?).map(drop)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn each_word_of_githubs_has_a_state_and_each_state_a_word() {
        let rows = [
            (None, State::Pending),
            (Some("queued"), State::Pending),
            (Some("in_progress"), State::Running),
            (Some("success"), State::Succeeded),
            (Some("inactive"), State::Succeeded),
            (Some("failure"), State::Failed),
            (Some("error"), State::Failed),
            (Some("melting"), State::Running),
        ];
        for (word, state) in rows {
            assert_eq!(status(word).state, state, "{word:?}");
        }
        for state in [State::Pending, State::Running, State::Succeeded, State::Failed] {
            assert_eq!(status(Some(word(&Status::of(state, "x")))).state, state);
        }
    }

    #[test]
    fn a_payload_is_read_as_object_and_as_text() {
        let payload = Payload { correlation: "c".into(), target: "web".into(), ..Payload::default() };
        let object = json!({ "novacron": payload });
        for payload in [object.clone(), Json::String(object.to_string())] {
            let told = Told { payload, id: 9, ..Told::default() };
            assert_eq!(told.ours().unwrap().target, "web");
            let shown = told.deployment(&Repo::parse("acme/app").unwrap(), None);
            assert_eq!(lookup(&shown.more, "novacron.correlation"), Some("c"));
        }
        for payload in [json!({}), Json::String("v1".into()), Json::Null] {
            assert!(Told { payload, ..Told::default() }.ours().is_none());
        }
    }

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
