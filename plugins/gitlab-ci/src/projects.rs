//! Projects as pipelines: a project has one definition, so its path is the pipeline's id.

use novacron_cicd_sdk::{
    PipelineState, Pipelines, Result, attribute,
    http::send_all,
    pipelines::PipelinePage,
    types::{Error, ErrorKind, Operation, PageRequest, Parameter, Pipeline},
};
use serde_json::{Value, json};

use crate::{
    GitLab,
    client::{self, Client, PAGE},
    rows::Project,
    yaml::Declared,
};

/// A project by its path or number.
pub(crate) fn project(client: &Client, id: &str) -> Result<Project> {
    client::fetch(client.get(&["projects", id]))
}

/// The number of a project. What changes something is sent there: a request that reads is led on to the path of a project that
/// was moved, all others find nothing.
pub(crate) fn number(client: &Client, id: &str) -> Result<String> {
    Ok(project(client, id)?.id.to_string())
}

/// The number of the project that is set.
pub(crate) fn set(client: &Client) -> Result<String> {
    number(client, client.settings.project()?)
}

/// The text of a project's definition; none where it is not in the project, or not ours to read.
pub(crate) fn definition(client: &Client, project: &Project, reference: &str) -> Result<Option<String>> {
    let Ok(path) = own_file(project) else { return Ok(None) };
    let id = project.id.to_string();
    let file = client.get(&["projects", &id, "repository", "files", path, "raw"]).query("ref", reference);
    let answer = file.send()?;
    match answer.status() {
        403 | 404 => Ok(None),
        _ => Ok(Some(client::taken(answer)?.text())),
    }
}

/// The path of the definition in the project itself.
pub(crate) fn own_file(project: &Project) -> Result<&str> {
    let path = project.definition();
    if path.contains('@') || path.contains("://") {
        let message = format!("the definition of {} is kept elsewhere, at {path}", project.path_with_namespace.0);
        return Err(Error::unsupported("pipeline-definitions.elsewhere").message(message).hint("change it there"));
    }
    Ok(path)
}

/// Branch or tag to run where none is named.
pub(crate) fn branch<'a>(project: &'a Project, reference: Option<&'a str>) -> Result<&'a str> {
    reference.or(project.default_branch.as_deref()).ok_or_else(|| {
        Error::invalid_input(
            "reference",
            format!("{} has no default branch: it is empty", project.path_with_namespace.0),
        )
    })
}

fn pipeline(row: Project) -> Pipeline {
    Pipeline {
        repository: row.http_url_to_repo.clone(),
        reference: row.default_branch.clone(),
        url: row.web_url.clone(),
        enabled: row.enabled(),
        more: vec![attribute("x-gitlab-id", row.id.to_string()), attribute("x-gitlab-definition", row.definition())],
        ..Pipeline::new(row.path_with_namespace.0.clone(), row.name_with_namespace.unwrap_or(row.path_with_namespace.0))
    }
}

/// A pipeline with the revision of its definition.
pub(crate) fn shown(client: &Client, row: Project) -> Result<Pipeline> {
    let revision = match (own_file(&row), &row.default_branch) {
        (Ok(path), Some(branch)) => {
            let id = row.id.to_string();
            let file = client.get(&["projects", &id, "repository", "files", path]).query("ref", branch);
            let answer = file.send()?;
            // Few accounts may read a definition; without it there is no revision to compare.
            let file: Option<Value> = if answer.is_success() { Some(answer.json()?) } else { None };
            file.and_then(|file| Some(file["last_commit_id"].as_str()?.to_owned()))
        }
        _ => None,
    };
    Ok(Pipeline { revision, ..pipeline(row) })
}

impl Pipelines for GitLab {
    fn list_pipelines(page: PageRequest) -> Result<PipelinePage> {
        let client = Client::here()?;
        let named = &client.settings.projects;
        if !named.is_empty() {
            let from: usize =
                page.cursor.as_deref().map_or(Ok(0), str::parse).map_err(|_| client::foreign("cursor"))?;
            let most = usize::try_from(page.limit).unwrap_or(usize::MAX).min(50);
            let asked = named.iter().skip(from).take(most).map(|name| client.get(&["projects", name]));
            let mut items = Vec::new();
            for answer in send_all(asked) {
                match client::taken(answer?) {
                    Ok(answer) => items.push(pipeline(answer.json()?)),
                    Err(error) if error.kind == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            let next = (from + most < named.len()).then(|| (from + most).to_string());
            return Ok(PipelinePage { items, next });
        }
        let first = match &client.settings.group {
            Some(group) => client.get(&["groups", group, "projects"]).query("include_subgroups", true),
            None => client.get(&["projects"]).query("membership", true).query("pagination", "keyset"),
        };
        // By id, so that a project that is made meanwhile moves no other one.
        let first = first.query("order_by", "id").query("sort", "asc").query("archived", false);
        let (rows, next) = client.rows(first, &page, PAGE)?;
        Ok(PipelinePage { items: rows.into_iter().map(pipeline).collect(), next })
    }

    fn get(id: String) -> Result<Pipeline> {
        let client = Client::here()?;
        let row = project(&client, &id)?;
        shown(&client, row)
    }

    /// Inputs first; then the variables that are meant for people, those of included files too.
    fn parameters(id: String, reference: Option<String>) -> Result<Vec<Parameter>> {
        let client = Client::here()?;
        let project = project(&client, &id)?;
        let branch = branch(&project, reference.as_deref())?;
        let text = definition(&client, &project, branch)?;
        let declared = text.as_deref().map(Declared::read).transpose()?;
        let mut found = declared.unwrap_or(Declared { includes: true, ..Declared::default() });
        if found.includes {
            let id = project.id.to_string();
            let lint = client.get(&["projects", &id, "ci", "lint"]).query("sha", branch).send()?;
            let merged = if lint.is_success() { lint.json::<Value>()? } else { Value::Null };
            if let Some(merged) = merged["merged_yaml"].as_str() {
                found.variables = Declared::read(merged)?.variables;
            }
        }
        let all = found.inputs.into_iter().map(|(input, _)| input).chain(found.variables);
        Ok(all.filter(|parameter| parameter.name != client.settings.correlation_name).collect())
    }
}

impl PipelineState for GitLab {
    /// Switched on again, jobs are shown to no more people than before: to members alone, where they were not public.
    fn set_enabled(_operation: Operation, id: String, enabled: bool) -> Result<Pipeline> {
        let client = Client::here()?;
        let mut there = project(&client, &id)?;
        if there.archived {
            return Err(Error::conflict(format!("{id} is archived")).hint("unarchive the project in GitLab"));
        }
        if there.enabled() != enabled {
            let level = match enabled {
                true if there.public_jobs == Some(true) => "enabled",
                true => "private",
                false => "disabled",
            };
            let number = there.id.to_string();
            there = client::fetch(client.put(&["projects", &number]).json(&json!({ "builds_access_level": level })))?;
        }
        shown(&client, there)
    }
}
