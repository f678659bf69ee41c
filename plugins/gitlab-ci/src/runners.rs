//! Runners: those that the account may manage.

use novacron_cicd_sdk::{
    Result, RunnerAssignment, RunnerCreation, RunnerDeletion, RunnerDrain, RunnerLabels, Runners, attribute,
    http::{Capture, send_all},
    lookup,
    runner_creation::{CreatedRunner, RunnerRequest},
    runners::{Runner, RunnerPage},
    time::Time,
    types::{Error, Operation, PageRequest},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    GitLab,
    client::{self, Client},
    projects,
};

/// The slot that a new runner's token is captured into.
pub(crate) const RUNNER_TOKEN: &str = "runner-token";
/// Runners of a page: a list shows no tags, so each costs a request.
const PAGE: u32 = 40;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    id: u64,
    description: Option<String>,
    name: Option<String>,
    status: Option<String>,
    paused: Option<bool>,
    active: Option<bool>,
    runner_type: Option<String>,
    tag_list: Option<Vec<String>>,
    job_execution_status: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Created {
    id: u64,
    token_expires_at: Time,
}

fn runner(row: Row) -> Runner {
    let id = row.id.to_string();
    let name = row.description.filter(|text| !text.is_empty()).or(row.name).unwrap_or_else(|| id.clone());
    let state = row.status.unwrap_or_else(|| "unknown".into()).replace('_', "-");
    Runner {
        busy: row.job_execution_status.map(|word| word == "active"),
        // `active` is what it was called before 14.8.
        draining: row.paused.unwrap_or(row.active == Some(false)),
        labels: row.tag_list.unwrap_or_default(),
        more: row.runner_type.map(|kind| attribute("x-gitlab-type", kind)).into_iter().collect(),
        ..Runner::new(id, name, state)
    }
}

impl Runners for GitLab {
    fn list_runners(page: PageRequest) -> Result<RunnerPage> {
        let client = Client::here()?;
        let (rows, next) = client.rows::<Row>(client.get(&["runners"]), &page, PAGE)?;
        let whole = send_all(rows.iter().map(|row| client.get(&["runners", &row.id.to_string()])));
        let mut items = Vec::new();
        for (row, whole) in rows.into_iter().zip(whole) {
            let whole = whole?;
            // What is not to be looked at more closely is shown as far as it is known.
            items.push(runner(if whole.is_success() { whole.json()? } else { row }));
        }
        Ok(RunnerPage { items, next })
    }

    fn get(id: String) -> Result<Runner> {
        client::fetch(Client::about("runner", &id)?.get(&["runners", &id])).map(runner)
    }
}

fn change(id: &str, body: &Value) -> Result<()> {
    client::done(Client::about("runner", id)?.put(&["runners", id]).json(body))
}

impl RunnerDrain for GitLab {
    /// A paused runner ends what it is at, and takes no more. A message is kept as its maintenance note.
    fn set_draining(_operation: Operation, id: String, draining: bool, message: Option<String>) -> Result<()> {
        let mut body = json!({ "paused": draining });
        if let Some(message) = message {
            body["maintenance_note"] = json!(message);
        }
        change(&id, &body)
    }
}

impl RunnerLabels for GitLab {
    /// Its tags. Without any it has to take jobs that have none (`app/models/ci/runner.rb`).
    fn set_labels(_operation: Operation, id: String, labels: Vec<String>) -> Result<()> {
        let mut body = json!({ "tag_list": labels });
        if labels.is_empty() {
            body["run_untagged"] = json!(true);
        }
        change(&id, &body)
    }
}

impl RunnerDeletion for GitLab {
    fn delete_runner(_operation: Operation, id: String) -> Result<()> {
        client::gone(Client::about("runner", &id)?.delete(&["runners", &id]))
    }
}

impl RunnerCreation for GitLab {
    /// For a project (`x-gitlab-project`, or the one that is set), a group (`x-gitlab-group`, its number), or the instance
    /// (`x-gitlab-type` = `instance_type`). Its token is shown once, to the host alone.
    fn create_runner(_operation: Operation, request: RunnerRequest) -> Result<CreatedRunner> {
        let client = Client::here()?;
        if request.kind != "token" {
            return Err(Error::unsupported("runner-creation.kind")
                .message(format!("GitLab's runners begin with a token, not with {}", request.kind)));
        }
        let mut body = json!({ "description": request.name, "tag_list": request.labels, "run_untagged": request.labels.is_empty() });
        if lookup(&request.more, "x-gitlab-type") == Some("instance_type") {
            body["runner_type"] = json!("instance_type");
        } else if let Some(group) = lookup(&request.more, "x-gitlab-group") {
            body["runner_type"] = json!("group_type");
            body["group_id"] = json!(client::numbered("x-gitlab-group", group)?);
        } else {
            let path = match lookup(&request.more, "x-gitlab-project") {
                Some(path) => path,
                None => client.settings.project()?,
            };
            body["runner_type"] = json!("project_type");
            body["project_id"] = json!(projects::project(&client, path)?.id);
        }
        let create = client.post(&["user", "runners"]).json(&body);
        let create = create.capture(Capture::pointer("/token", RUNNER_TOKEN).expires("/token_expires_at"));
        let made: Created = client::fetch(create)?;
        Ok(CreatedRunner {
            runner: Some(made.id.to_string()),
            slot: RUNNER_TOKEN.into(),
            expires: made.token_expires_at.0,
            more: vec![],
        })
    }
}

impl RunnerAssignment for GitLab {
    fn assign(_operation: Operation, id: String, project: String) -> Result<()> {
        let client = Client::here()?;
        let number = client::numbered("runner", &id)?;
        let project = projects::number(&client, &project)?;
        let answer = client.post(&["projects", &project, "runners"]).json(&json!({ "runner_id": number })).send()?;
        match client::taken(answer) {
            // It is there already.
            Err(error) if error.message.contains("already been taken") => Ok(()),
            answer => answer.map(drop),
        }
    }

    fn unassign(_operation: Operation, id: String, project: String) -> Result<()> {
        let client = Client::about("runner", &id)?;
        client::gone(client.delete(&["projects", &projects::number(&client, &project)?, "runners", &id]))
    }
}
