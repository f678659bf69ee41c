//! Reads that more than one interface makes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use novacron_cicd_sdk::types::Parameter;

use crate::{
    graph::Shown,
    names::{run_number, workflow_path},
    prelude::*,
    run::WorkflowRun,
    workflow::Workflow,
};

/// Pages of jobs of one run: a matrix has at most 256 jobs, and a run may have several.
const PAGES: u32 = 20;

told! {
    /// A repository, and what the account may do there.
    Repository {
        full_name: String, default_branch: String, archived: bool, disabled: bool, permissions: Option<Permissions>,
    }
    Permissions { push: bool, admin: bool }
    /// A file of a repository.
    File {
        /// Of its content: what it is told apart by.
        sha: String,
        html_url: Option<String>, encoding: String, content: String,
    }
}

impl File {
    /// Errors: `unsupported` where it is larger than GitHub gives with its description.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>> {
        if self.encoding != "base64" {
            return Err(Error::unsupported("pipeline-definitions.large")
                .message("the file is over a megabyte, and GitHub does not give its content so"));
        }
        // GitHub breaks the lines of it.
        let text: Vec<u8> = self.content.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        STANDARD.decode(text).map_err(|error| Error::upstream(format!("a file's content: {error}"), 200, ""))
    }

    /// Errors: As [`Self::bytes`], and `invalid-input` where it is no workflow.
    pub(crate) fn workflow(&self) -> Result<Workflow> {
        Workflow::parse(&String::from_utf8_lossy(&self.bytes()?))
    }
}

/// `/repos/OWNER/NAME/contents/PATH`: the path keeps its slashes.
pub(crate) fn contents(repo: &Repo, path: &str) -> Vec<String> {
    at(repo, &["contents"]).into_iter().chain(path.split('/').map(str::to_owned)).collect()
}

fn file(client: &Client, pipeline: &Id, reference: Option<&str>) -> Result<Request> {
    let path = contents(&pipeline.repo, &workflow_path(pipeline)?);
    Ok(client.get(path).query_maybe("ref", reference))
}

/// A workflow's file at a branch, tag or commit; none: where GitHub's own default is.
pub(crate) fn workflow_file(client: &Client, pipeline: &Id, reference: Option<&str>) -> Result<File> {
    client::fetch(file(client, pipeline, reference)?)
}

/// As [`workflow_file`]; none where there is no such file.
pub(crate) fn workflow_file_maybe(client: &Client, pipeline: &Id, reference: Option<&str>) -> Result<Option<File>> {
    client::fetch_maybe(file(client, pipeline, reference)?)
}

pub(crate) fn default_branch(client: &Client, repo: &Repo) -> Result<String> {
    Ok(client::fetch::<Repository>(client.get(at(repo, &[])))?.default_branch)
}

/// A run at the attempt that is named, or else at its newest.
pub(crate) fn run(client: &Client, repo: &Repo, run: &RunRef) -> Result<WorkflowRun> {
    let number = run_number(run)?.to_string();
    let attempt = run.attempt.map(|attempt| attempt.to_string());
    let path = match &attempt {
        Some(attempt) => at(repo, &["actions", "runs", &number, "attempts", attempt]),
        None => at(repo, &["actions", "runs", &number]),
    };
    client::fetch(client.get(path).query("exclude_pull_requests", true))
}

/// A run at its newest attempt.
pub(crate) fn newest(client: &Client, repo: &Repo, run: &RunRef) -> Result<WorkflowRun> {
    self::run(client, repo, &RunRef { attempt: None, ..run.clone() })
}

/// All jobs of one attempt.
pub(crate) fn jobs(client: &Client, repo: &Repo, run: &WorkflowRun) -> Result<Vec<Shown>> {
    let (number, attempt) = (run.id.to_string(), run.attempt().to_string());
    let request = client.get(at(repo, &["actions", "runs", &number, "attempts", &attempt, "jobs"]));
    paging::all::<List<Shown>, _>(&request, PAGES)
}

/// What a workflow takes from its caller: its inputs without those that are ours to fill.
pub(crate) fn parameters(client: &Client, workflow: &Workflow) -> Vec<Parameter> {
    let ours = [&client.settings.correlation_input, &client.settings.environment_input];
    workflow.inputs().into_iter().filter(|it| !ours.contains(&&it.name)).collect()
}

/// The workflow as it was at the commit that was built; none where it can't be read.
pub(crate) fn workflow_of(client: &Client, repo: &Repo, run: &WorkflowRun) -> Option<Workflow> {
    let pipeline = Id::new(repo, run.key());
    let read = || workflow_file_maybe(client, &pipeline, Some(&run.head_sha))?.map(|file| file.workflow()).transpose();
    read().unwrap_or_else(|error| {
        novacron_cicd_sdk::warn!("the workflow of a run can't be read"; run = run.id, error = error.message);
        None
    })
}
