//! Workflow files: read, made, changed, deleted, copied, looked over. Each change is a commit.
//!
//! What a file was when it was looked at is told by its blob's name: GitHub refuses a change of any other. Changes of one
//! repository must not be made side by side (GitHub's OpenAPI, `repos/create-or-update-file-contents`); a refusal of that kind is
//! a conflict, and may be tried again.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use novacron_cicd_sdk::{
    PipelineCopies, PipelineDefinitions, PipelineLint,
    pipeline_definitions::Definition,
    pipeline_lint::{Finding, LintRequest},
    types::Pipeline,
};

use crate::{
    lint,
    names::{FOLDER, workflow_path},
    prelude::*,
    reading::{self, File},
    workflow::Workflow,
    write,
};

told! {
    Written { content: File }
}

fn pipeline(id: &Id, file: &File, workflow: &Workflow) -> Pipeline {
    Pipeline {
        repository: Some(id.repo.to_string()),
        url: file.html_url.clone(),
        revision: Some(file.sha.clone()),
        more: vec![attribute("x-path", format!("{FOLDER}{}", id.rest))],
        ..Pipeline::new(id.to_string(), workflow.name.as_deref().unwrap_or(&id.rest))
    }
}

/// What a file is to become.
struct Write<'a> {
    id: &'a Id,
    branch: Option<&'a str>,
    bytes: &'a [u8],
    message: String,
}

impl Write<'_> {
    /// Makes the commit. `sha` is what the file is now; none: it is not there.
    fn commit(&self, client: &Client, sha: Option<&str>) -> Result<Pipeline> {
        let (workflow, path) = (parsed(self.bytes)?, workflow_path(self.id)?);
        let mut body = json!({ "message": self.message, "content": STANDARD.encode(self.bytes) });
        for (name, value) in [("branch", self.branch), ("sha", sha)] {
            if let Some(value) = value {
                body[name] = value.into();
            }
        }
        let answer = client.put(reading::contents(&self.id.repo, &path)).json(&body).send()?;
        // 422 is also what a file gets that is there already and was not said to be.
        if answer.status() == 422 && client::refusal(&answer).message.contains("sha") {
            return Err(Error::conflict(format!("{path} is there already")));
        }
        Ok(pipeline(self.id, &client::taken(answer)?.json::<Written>()?.content, &workflow))
    }

    /// As [`Self::commit`], of a file that is not there yet. Where the same is, it was this very operation before its answer was lost.
    fn make(&self, client: &Client) -> Result<Pipeline> {
        match reading::workflow_file_maybe(client, self.id, self.branch)? {
            None => self.commit(client, None),
            Some(there) if there.bytes()? == self.bytes => Ok(pipeline(self.id, &there, &parsed(self.bytes)?)),
            Some(_) => {
                let hint = "import it, or choose another name or location";
                Err(Error::conflict(format!("{} is there already", self.id)).hint(hint))
            }
        }
    }
}

fn remove(client: &Client, id: &Id, sha: &str, message: &str) -> Result<()> {
    let path = reading::contents(&id.repo, &workflow_path(id)?);
    client::removed(client.delete(path).json(&json!({ "message": message, "sha": sha })))
}

/// Refuses where a revision is named and the file is another.
fn unchanged(id: &Id, there: &File, revision: Option<&String>) -> Result<()> {
    if revision.is_some_and(|seen| *seen != there.sha) {
        let hint = "read it again, and change what is there now";
        return Err(Error::conflict(format!("{id} was changed since")).hint(hint));
    }
    Ok(())
}

/// The name of a workflow's file.
/// Errors: `invalid-input` where GitHub would not look for it there.
fn file_of(location: Option<&str>, name: &str) -> Result<String> {
    let Some(location) = location else { return Ok(write::file_name(name)) };
    let file = location.trim_start_matches('/').strip_prefix(FOLDER).unwrap_or(location);
    let is_yaml = file.strip_suffix(".yml").or_else(|| file.strip_suffix(".yaml")).is_some_and(|stem| !stem.is_empty());
    if file.contains('/') || !is_yaml {
        let reason = format!("{location:?} is not {FOLDER}NAME.yml, where alone GitHub looks for workflows");
        return Err(Error::invalid_input("location", reason));
    }
    Ok(file.to_owned())
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| Error::invalid_input("source", "it is no UTF-8"))
}

fn parsed(bytes: &[u8]) -> Result<Workflow> {
    Workflow::parse(text(bytes)?)
}

/// A webhook is the repository's, not a workflow's.
fn no_webhook(definition: &Definition) -> Result<()> {
    match &definition.webhook_url {
        Some(_) => Err(Error::unsupported("pipeline-definitions.webhook-url")
            .message("GitHub's webhooks are of a repository, not of a workflow")
            .hint("register one with `webhook-registration`")),
        None => Ok(()),
    }
}

impl PipelineDefinitions for GithubActions {
    fn read(pipeline: String) -> Result<Definition> {
        let (client, id) = Client::of("pipeline", &pipeline)?;
        let file = reading::workflow_file(&client, &id, None)?;
        let bytes = file.bytes()?;
        let workflow = file.workflow()?;
        Ok(Definition {
            name: workflow.name.clone().unwrap_or_else(|| id.rest.clone()),
            repository: Some(id.repo.to_string()),
            reference: None,
            location: Some(workflow_path(&id)?),
            parameters: reading::parameters(&client, &workflow),
            environment: workflow.env.iter().map(|(key, value)| attribute(key, value)).collect(),
            schedules: workflow.schedules(),
            source: Some(bytes),
            webhook_url: None,
            more: vec![attribute("x-revision", file.sha)],
        })
    }

    fn create(_operation: Operation, definition: Definition) -> Result<Pipeline> {
        no_webhook(&definition)?;
        let client = Client::here()?;
        let repo = client.choose("repository", definition.repository.as_deref())?;
        let id = Id::new(&repo, file_of(definition.location.as_deref(), &definition.name)?);
        let bytes = match &definition.source {
            Some(source) => source.clone(),
            None => write::fresh(&definition, &client.settings)?.into_bytes(),
        };
        let message = format!("Add workflow {}", definition.name);
        Write { id: &id, branch: definition.reference.as_deref(), bytes: &bytes, message }.make(&client)
    }

    fn update(
        _operation: Operation,
        pipeline: String,
        definition: Definition,
        revision: Option<String>,
    ) -> Result<Pipeline> {
        no_webhook(&definition)?;
        let (client, id) = Client::of("pipeline", &pipeline)?;
        let branch = definition.reference.as_deref();
        let there = reading::workflow_file(&client, &id, branch)?;
        let before = there.bytes()?;
        let bytes = match &definition.source {
            Some(source) => source.clone(),
            None => write::changed(text(&before)?, &definition, &client.settings)?.into_bytes(),
        };
        if bytes == before {
            return Ok(self::pipeline(&id, &there, &parsed(&bytes)?));
        }
        unchanged(&id, &there, revision.as_ref())?;
        let message = format!("Change workflow {}", definition.name);
        Write { id: &id, branch, bytes: &bytes, message }.commit(&client, Some(&there.sha))
    }

    /// Its runs stay.
    fn delete(_operation: Operation, pipeline: String, revision: Option<String>) -> Result<()> {
        let (client, id) = Client::of("pipeline", &pipeline)?;
        let Some(there) = reading::workflow_file_maybe(&client, &id, None)? else { return Ok(()) };
        unchanged(&id, &there, revision.as_ref())?;
        remove(&client, &id, &there.sha, &format!("Delete workflow {}", id.rest))
    }
}

impl PipelineCopies for GithubActions {
    fn copy(_operation: Operation, source: String, name: String, location: Option<String>) -> Result<Pipeline> {
        let (client, id) = Client::of("pipeline", &source)?;
        Ok(copied(&client, &id, Some(name), location.as_deref())?.0)
    }

    /// Two commits: the new file, then the old one's end. Its runs stay with the old one.
    fn relocate(
        _operation: Operation,
        pipeline: String,
        name: Option<String>,
        location: Option<String>,
    ) -> Result<Pipeline> {
        let (client, id) = Client::of("pipeline", &pipeline)?;
        let (new, sha) = copied(&client, &id, name, location.as_deref())?;
        if new.id != id.to_string() {
            remove(&client, &id, &sha, &format!("Move workflow {} to {}", id.rest, new.id))?;
        }
        Ok(new)
    }
}

/// The copy, and what the source was.
fn copied(client: &Client, id: &Id, name: Option<String>, location: Option<&str>) -> Result<(Pipeline, String)> {
    let source = reading::workflow_file(client, id, None)?;
    let old = source.bytes()?;
    let name = name.or(parsed(&old)?.name).unwrap_or_else(|| id.rest.clone());
    let new = Id::new(&id.repo, file_of(location, &name)?);
    let bytes = write::renamed(text(&old)?, &name)?.into_bytes();
    let message = format!("Copy workflow {} to {}", id.rest, new.rest);
    let write = Write { id: &new, branch: None, bytes: &bytes, message };
    let made = if new == *id { write.commit(client, Some(&source.sha)) } else { write.make(client) }?;
    Ok((made, source.sha))
}

impl PipelineLint for GithubActions {
    /// GitHub has no linter to ask: what would keep a run from beginning is looked for here.
    fn validate(request: LintRequest) -> Result<Vec<Finding>> {
        Ok(lint::findings(&request.source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_stands_where_github_looks_for_it() {
        let rows = [
            (None, Some("my-ci.yml")),
            (Some(".github/workflows/x.yaml"), Some("x.yaml")),
            (Some("x.yml"), Some("x.yml")),
            (Some("ci/x.yml"), None),
            (Some(".github/workflows/a/x.yml"), None),
            (Some("x.json"), None),
            (Some(".yml"), None),
        ];
        for (location, expected) in rows {
            assert_eq!(file_of(location, "My CI").ok().as_deref(), expected, "{location:?}");
        }
    }
}
