//! The definition of a project: its file, linted, read and changed under a lock; its schedules; its trigger tokens.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use novacron_cicd_sdk::{
    PipelineDefinitions, PipelineLint, PipelineSchedules, PipelineTriggers, Result, attribute,
    http::{Body, Capture},
    pipeline_definitions::Definition,
    pipeline_lint::{Finding, LintRequest},
    pipeline_schedules::{Schedule, ScheduleChange},
    pipeline_triggers::TriggerToken,
    types::{Error, Operation, ParameterValue, Pipeline, Ticket},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    GitLab,
    client::{self, Client, PAGE},
    projects::{self, branch, own_file, project},
    rows::{self, Project},
    run, trigger,
    yaml::{self, Declared},
};

/// The slot that a new trigger token is captured into.
pub(crate) const TRIGGER_TOKEN: &str = "trigger-token";
/// What schedules of ours are called.
const OURS: &str = "NovaCron CI/CD";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    content: String,
    last_commit_id: String,
}

impl File {
    fn read(client: &Client, project: &Project, path: &str, branch: &str) -> Result<Option<Self>> {
        client::fetch_maybe(client.get(&segments(&project.id.to_string(), path)).query("ref", branch))
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        let plain: String = self.content.split_whitespace().collect();
        STANDARD
            .decode(plain)
            .map_err(|error| Error::upstream(format!("the file's content is no base64: {error}"), 200, ""))
    }
}

fn segments<'a>(project: &'a str, path: &'a str) -> [&'a str; 5] {
    ["projects", project, "repository", "files", path]
}

/// What a commit is called.
fn message(client: &Client, what: &str, path: &str) -> String {
    format!("{what} {path}{}", if client.settings.skip_ci { " [skip ci]" } else { "" })
}

/// The project that a definition is of: by path, or by the address of its repository.
fn project_of(client: &Client, definition: &Definition) -> Result<Project> {
    let named = definition.repository.as_deref().unwrap_or(&definition.name);
    let path = match named.split_once("://") {
        Some((_, rest)) => {
            let root = client.base_url.split_once("://").map_or("", |(_, rest)| rest).trim_end_matches('/');
            let path = rest.strip_prefix(root).or_else(|| rest.split_once('/').map(|it| it.1)).unwrap_or(rest);
            path.trim_matches('/').trim_end_matches(".git")
        }
        None => named.trim_matches('/'),
    };
    project(client, path).map_err(|error| error.hint("name the project by path as the repository; it has to be there"))
}

/// The text that is to stand in the file, of a definition and what stands there.
fn text(client: &Client, definition: &Definition, there: Option<&[u8]>) -> Result<Vec<u8>> {
    if let Some(source) = &definition.source {
        return Ok(source.clone());
    }
    let entries = yaml::entries(&definition.parameters, &definition.environment)?;
    match there {
        None => Ok(yaml::write(&entries, &client.settings.script).into_bytes()),
        Some(bytes) => {
            let text =
                std::str::from_utf8(bytes).map_err(|_| Error::invalid_input("source", "the file is no UTF-8"))?;
            yaml::change(text, &entries).map(String::into_bytes)
        }
    }
}

/// Writes the file where it is not so already.
fn store(
    client: &Client,
    project: &Project,
    path: &str,
    branch: &str,
    bytes: &[u8],
    there: Option<&File>,
) -> Result<()> {
    let id = project.id.to_string();
    let place = segments(&id, path);
    let message = message(client, if there.is_some() { "Update" } else { "Create" }, path);
    let mut body =
        json!({ "branch": branch, "commit_message": message, "content": STANDARD.encode(bytes), "encoding": "base64" });
    match there {
        Some(file) if file.bytes()? == bytes => Ok(()),
        Some(file) => {
            body["last_commit_id"] = json!(file.last_commit_id);
            client::done(client.put(&place).json(&body))
        }
        None => client::done(client.post(&place).json(&body)),
    }
}

impl PipelineDefinitions for GitLab {
    fn read(pipeline: String) -> Result<Definition> {
        let client = Client::here()?;
        let project = project(&client, &pipeline)?;
        let (path, branch) = (own_file(&project)?, branch(&project, None)?);
        let file = File::read(&client, &project, path, branch)?;
        let source = file.ok_or_else(|| Error::not_found(format!("{pipeline} has no {path} on {branch}")))?.bytes()?;
        let declared = Declared::read(&String::from_utf8_lossy(&source))?;
        let inputs = declared.inputs.into_iter().map(|(input, _)| input);
        Ok(Definition {
            name: project.path_with_namespace.0.clone(),
            repository: project.http_url_to_repo.clone(),
            reference: Some(branch.to_owned()),
            location: Some(path.to_owned()),
            parameters: inputs.chain(declared.variables).collect(),
            environment: declared.environment,
            schedules: schedules(&client, &pipeline)?.into_iter().map(|row| row.cron).collect(),
            webhook_url: None,
            source: Some(source),
            more: vec![],
        })
    }

    /// Where the file is there already with this content, it was made before.
    fn create(_operation: Operation, definition: Definition) -> Result<Pipeline> {
        let client = Client::here()?;
        let mut project = project_of(&client, &definition)?;
        let id = project.id.to_string();
        let branch = branch(&project, definition.reference.as_deref())?.to_owned();
        if let Some(path) = definition.location.as_deref().filter(|path| *path != project.definition()) {
            project = client::fetch(client.put(&["projects", &id]).json(&json!({ "ci_config_path": path })))?;
        }
        let path = own_file(&project)?;
        let bytes = text(&client, &definition, None)?;
        let there = File::read(&client, &project, path, &branch)?;
        if there.as_ref().is_some_and(|file| file.bytes().is_ok_and(|there| there != bytes)) {
            return Err(Error::conflict(format!("{path} is there already on {branch}"))
                .hint("import the pipeline, and change it"));
        }
        store(&client, &project, path, &branch, &bytes, there.as_ref())?;
        arrange(&client, &id, &branch, &definition.schedules)?;
        projects::shown(&client, project)
    }

    fn update(
        _operation: Operation,
        pipeline: String,
        definition: Definition,
        revision: Option<String>,
    ) -> Result<Pipeline> {
        let client = Client::here()?;
        let project = project(&client, &pipeline)?;
        let (path, branch) = (own_file(&project)?, branch(&project, definition.reference.as_deref())?);
        let there = File::read(&client, &project, path, branch)?;
        let bytes = text(&client, &definition, there.as_ref().map(File::bytes).transpose()?.as_deref())?;
        // What is so already was written by the attempt before, whatever its revision is.
        let same = there.as_ref().is_some_and(|file| file.bytes().is_ok_and(|there| there == bytes));
        let newest = there.as_ref().map(|file| &file.last_commit_id);
        if !same && revision.is_some() && revision.as_ref() != newest {
            return Err(changed(&pipeline));
        }
        store(&client, &project, path, branch, &bytes, there.as_ref())?;
        arrange(&client, &project.id.to_string(), branch, &definition.schedules)?;
        projects::shown(&client, project)
    }

    /// The file goes, the project stays.
    fn delete(_operation: Operation, pipeline: String, revision: Option<String>) -> Result<()> {
        let client = Client::here()?;
        let project = project(&client, &pipeline)?;
        let (path, branch) = (own_file(&project)?, branch(&project, None)?);
        let Some(there) = File::read(&client, &project, path, branch)? else { return Ok(()) };
        if revision.is_some_and(|seen| seen != there.last_commit_id) {
            return Err(changed(&pipeline));
        }
        let id = project.id.to_string();
        let request = client.delete(&segments(&id, path)).query("last_commit_id", there.last_commit_id);
        client::gone(request.query("branch", branch).query("commit_message", message(&client, "Delete", path)))
    }
}

fn changed(pipeline: &str) -> Error {
    Error::conflict(format!("the definition of {pipeline} was changed since"))
        .hint("read it again, and change what is there now")
}

impl PipelineLint for GitLab {
    /// In a project, since includes and variables are of one.
    fn validate(request: LintRequest) -> Result<Vec<Finding>> {
        let client = Client::here()?;
        let project = match request.repository.as_deref() {
            Some(project) => project.to_owned(),
            None => client.settings.project()?.to_owned(),
        };
        let mut body = json!({ "content": String::from_utf8_lossy(&request.source) });
        if let Some(reference) = request.reference {
            // A reference counts only where the pipeline is simulated.
            body["ref"] = json!(reference);
            body["dry_run"] = json!(true);
        }
        let answer: Value = client::fetch(client.post(&["projects", &project, "ci", "lint"]).reads().json(&body))?;
        let finding = |severity: &str, said: &Value| {
            let message = said.as_str()?.to_owned();
            let after =
                |word: &str| message.split_once(word)?.1.split(|at: char| !at.is_ascii_digit()).next()?.parse().ok();
            let (line, column) = (after("at line "), after(" column "));
            Some(Finding { severity: severity.into(), line, column, message })
        };
        let list = |name: &str| answer[name].as_array().cloned().unwrap_or_default();
        let errors = list("errors").iter().filter_map(|said| finding("error", said)).collect::<Vec<_>>();
        Ok(errors.into_iter().chain(list("warnings").iter().filter_map(|said| finding("warning", said))).collect())
    }
}

fn schedules(client: &Client, pipeline: &str) -> Result<Vec<rows::Schedule>> {
    client.whole(client.get(&["projects", pipeline, "pipeline_schedules"]))
}

/// Schedules of ours become these; others stay. None named: all stay.
fn arrange(client: &Client, project: &str, branch: &str, wanted: &[String]) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let there = schedules(client, project)?;
    let place = ["projects", project, "pipeline_schedules"];
    for cron in wanted {
        if !there.iter().any(|row| row.cron == *cron) {
            let body = json!({ "description": OURS, "ref": branch, "cron": cron, "active": true });
            client::done(client.post(&place).json(&body))?;
        }
    }
    for row in there.iter().filter(|row| row.description.as_deref() == Some(OURS) && !wanted.contains(&row.cron)) {
        client::gone(client.delete(&[&place[..], &[&row.id.to_string()]].concat()))?;
    }
    Ok(())
}

fn schedule(row: rows::Schedule) -> Schedule {
    let short =
        |name: String| name.strip_prefix("refs/heads/").or(name.strip_prefix("refs/tags/")).unwrap_or(&name).to_owned();
    Schedule {
        id: row.id.to_string(),
        cron: row.cron,
        timezone: row.cron_timezone,
        reference: row.reference.map(short),
        enabled: row.active,
        description: row.description,
        next_run: row.next_run_at.0,
        more: row
            .owner
            .and_then(|owner| owner.username)
            .map(|name| attribute("x-gitlab-owner", name))
            .into_iter()
            .collect(),
    }
}

impl PipelineSchedules for GitLab {
    fn list_schedules(pipeline: String) -> Result<Vec<Schedule>> {
        Ok(schedules(&Client::here()?, &pipeline)?.into_iter().map(schedule).collect())
    }

    /// A new one that is there already, word for word, was made by the attempt before. Its variables become those named.
    fn put_schedule(
        operation: Operation,
        pipeline: String,
        id: Option<String>,
        change: ScheduleChange,
    ) -> Result<Schedule> {
        let client = Client::here()?;
        let project = project(&client, &pipeline)?;
        let number = project.id.to_string();
        let place = ["projects", number.as_str(), "pipeline_schedules"];
        let branch = branch(&project, change.reference.as_deref())?;
        let description = change.description.clone().unwrap_or_else(|| OURS.into());
        let body = json!({ "description": description, "ref": branch, "cron": change.cron,
                           "cron_timezone": change.timezone.as_deref().unwrap_or("UTC"), "active": change.enabled });
        let twin = |row: &rows::Schedule| row.cron == change.cron && row.description.as_deref() == Some(&description);
        let made = if id.is_none() && operation.attempt > 1 {
            schedules(&client, &number)?.into_iter().find(twin).map(|row| row.id.to_string())
        } else {
            None
        };
        let row: rows::Schedule = match id.or(made) {
            Some(id) => client::fetch(client.put(&[&place[..], &[id.as_str()]].concat()).json(&body))?,
            None => client::fetch(client.post(&place).json(&body))?,
        };
        let id = row.id.to_string();
        let below = |rest: &[&'static str]| [&place[..], &[id.as_str()], rest].concat();
        // A listing leaves variables out; one schedule has them.
        let there: rows::Schedule = client::fetch(client.get(&below(&[])))?;
        let list = below(&["variables"]);
        for given in &change.variables {
            let known = there.variables.iter().any(|variable| variable.key == given.name);
            let one = [&list[..], &[given.name.as_str()]].concat();
            let request = if known { client.put(&one) } else { client.post(&list) };
            client::done(request.body("application/json", variable(given)))?;
        }
        for left in there.variables.iter().filter(|left| change.variables.iter().all(|given| given.name != left.key)) {
            client::gone(client.delete(&[&list[..], &[left.key.as_str()]].concat()))?;
        }
        Ok(schedule(row))
    }

    fn delete_schedule(_operation: Operation, pipeline: String, id: String) -> Result<()> {
        let client = Client::about("schedule", &id)?;
        client::gone(client.delete(&["projects", &projects::number(&client, &pipeline)?, "pipeline_schedules", &id]))
    }

    /// GitLab says only that it will; the pipeline is the first of the schedule's that is newer than those before.
    fn play_schedule(_operation: Operation, pipeline: String, id: String, _correlation: String) -> Result<Ticket> {
        let client = Client::about("schedule", &id)?;
        let number = projects::number(&client, &pipeline)?;
        let last = newest(&client, &number, &id)?.last().map_or(0, |row| row.id);
        client::done(client.post(&["projects", &number, "pipeline_schedules", &id, "play"]))?;
        Ok(Ticket::Queued(format!("{id}+{last}")))
    }
}

fn variable(given: &ParameterValue) -> Body {
    let begun = Body::new().text(format!(r#"{{"key":{},"value":"#, json!(given.name)));
    trigger::string(begun, &given.value).text("}")
}

/// The newest pipelines of a schedule, the oldest of them first.
fn newest(client: &Client, pipeline: &str, schedule: &str) -> Result<Vec<rows::Pipeline>> {
    let request = client.get(&["projects", pipeline, "pipeline_schedules", schedule, "pipelines"]);
    let mut rows: Vec<rows::Pipeline> = client::fetch(request.query("sort", "desc").query("per_page", PAGE))?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// What became of a schedule that was played.
pub(crate) fn played(client: &Client, pipeline: &str, ticket: String) -> Result<Ticket> {
    let wrong = || client::foreign("ticket");
    let (schedule, last) = ticket.split_once('+').ok_or_else(wrong)?;
    let last: u64 = last.parse().map_err(|_| wrong())?;
    client::numbered("ticket", schedule)?;
    let begun = newest(client, pipeline, schedule)?.into_iter().find(|row| row.id > last);
    Ok(begun.map_or(Ticket::Queued(ticket), |row| Ticket::Run(run::run(client, pipeline, &row, None))))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Token {
    id: u64,
    description: Option<String>,
}

impl Token {
    fn shown(self, slot: Option<&str>) -> TriggerToken {
        let slot = slot.map(str::to_owned);
        TriggerToken { id: self.id.to_string(), description: self.description, slot, more: vec![] }
    }
}

impl PipelineTriggers for GitLab {
    /// GitLab shows each token to who made it, so the host takes them all out before the plugin sees the list.
    fn list_tokens(pipeline: String) -> Result<Vec<TriggerToken>> {
        let client = Client::here()?;
        let request = client.get(&["projects", &pipeline, "triggers"]).query("per_page", PAGE);
        let hidden = (0..PAGE)
            .fold(request, |request, row| request.capture(Capture::pointer(format!("/{row}/token"), "not-kept")));
        Ok(client::fetch::<Vec<Token>>(hidden)?.into_iter().map(|token| token.shown(None)).collect())
    }

    fn create_token(_operation: Operation, pipeline: String, description: String) -> Result<TriggerToken> {
        let client = Client::here()?;
        let create = client.post(&["projects", &projects::number(&client, &pipeline)?, "triggers"]);
        let create = create.json(&json!({ "description": description }));
        let token: Token = client::fetch(create.capture(Capture::pointer("/token", TRIGGER_TOKEN)))?;
        Ok(token.shown(Some(TRIGGER_TOKEN)))
    }

    fn delete_token(_operation: Operation, pipeline: String, token: String) -> Result<()> {
        let client = Client::about("token", &token)?;
        client::gone(client.delete(&["projects", &projects::number(&client, &pipeline)?, "triggers", &token]))
    }
}
