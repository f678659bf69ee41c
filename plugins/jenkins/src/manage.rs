//! Definitions, their state and copies, the linter, the store of credentials, the nodes: what changes a controller beside its runs.
//!
//! Must be absent here, as in the crate's root: what a request looks like and what an answer means.

use novacron_cicd_sdk::{
    PipelineCopies, PipelineDefinitions, PipelineLint, PipelineState, Pipelines, Result, RunnerDeletion, RunnerDrain,
    Runners, Secrets,
    http::{Body, Request, encode},
    pipeline_definitions::Definition,
    pipeline_lint::{Finding, LintRequest},
    runners::{Runner, RunnerPage},
    secrets::{SecretChange, SecretPage},
    types::{Error, Operation, PageRequest, Pipeline},
};

use crate::{
    Jenkins,
    client::{self, Client},
    config, credentials, lint, path,
    runners::{self, Computer, Computers},
};

fn xml(request: Request, text: impl AsRef<str>) -> Request {
    request.body("application/xml", Body::new().text(text))
}

/// A definition as it stands. Needs the permission Job/ExtendedRead.
pub(crate) fn config_of(client: &Client, pipeline: &str) -> Result<String> {
    Ok(client::taken(client.get(path::of(pipeline, &["config.xml"])).send()?)?.text())
}

/// What stands there now, if it is what the caller saw.
fn unchanged(client: &Client, pipeline: &str, revision: Option<&str>) -> Result<String> {
    let there = config_of(client, pipeline)?;
    if revision.is_some_and(|seen| seen != config::revision(&there)) {
        return Err(Error::conflict(format!("{pipeline} was changed since"))
            .hint("read it again, and change what is there now"));
    }
    Ok(there)
}

fn joined(location: Option<&str>, name: &str) -> String {
    match location.map(|folder| folder.trim_matches('/')).filter(|folder| !folder.is_empty()) {
        Some(folder) => format!("{folder}/{name}"),
        None => name.to_owned(),
    }
}

fn split(full_name: &str) -> (&str, &str) {
    full_name.rsplit_once('/').unwrap_or(("", full_name))
}

/// Makes the folders that are missing above an item: Jenkins makes none by itself.
fn make_folders(client: &Client, folder: &str) -> Result<()> {
    if folder.is_empty()
        || client::fetch_maybe::<serde_json::Value>(client.tree(path::of(folder, &["api", "json"]), "name"))?.is_some()
    {
        return Ok(());
    }
    let (above, name) = split(folder);
    make_folders(client, above)?;
    let create = client.post(path::of(above, &["createItem"])).query("name", name);
    client::done(&xml(create, config::FOLDER).send()?)
}

impl PipelineDefinitions for Jenkins {
    fn read(pipeline: String) -> Result<Definition> {
        let client = Client::here()?;
        let mut found = config::read(&config_of(&client, &pipeline)?, &pipeline)?;
        found.parameters = <Self as Pipelines>::parameters(pipeline, None)?;
        Ok(found)
    }

    fn create(_operation: Operation, definition: Definition) -> Result<Pipeline> {
        let client = Client::here()?;
        let config = config::write(&definition, &client.settings)?;
        let full_name = joined(definition.location.as_deref(), &definition.name);
        let (folder, name) = split(&full_name);
        make_folders(&client, folder)?;
        let create = client.post(path::of(folder, &["createItem"])).query("name", name);
        client::done(&xml(create, config).send()?)?;
        <Self as Pipelines>::get(full_name)
    }

    fn update(
        _operation: Operation,
        pipeline: String,
        definition: Definition,
        revision: Option<String>,
    ) -> Result<Pipeline> {
        let client = Client::here()?;
        let there = unchanged(&client, &pipeline, revision.as_deref())?;
        let changed = config::change(&there, &definition, &client.settings)?;
        if changed != there {
            client::done(&xml(client.post(path::of(&pipeline, &["config.xml"])), changed).send()?)?;
        }
        <Self as Pipelines>::get(pipeline)
    }

    fn delete(_operation: Operation, pipeline: String, revision: Option<String>) -> Result<()> {
        let client = Client::here()?;
        if revision.is_some() {
            unchanged(&client, &pipeline, revision.as_deref())?;
        }
        client::done(&client.delete(path::of(&pipeline, &[])).send()?)
    }
}

impl PipelineState for Jenkins {
    fn set_enabled(_operation: Operation, pipeline: String, enabled: bool) -> Result<Pipeline> {
        let client = Client::here()?;
        let action = if enabled { "enable" } else { "disable" };
        client::done(&client.post(path::of(&pipeline, &[action])).send()?)?;
        <Self as Pipelines>::get(pipeline)
    }
}

impl PipelineCopies for Jenkins {
    fn copy(_operation: Operation, source: String, name: String, location: Option<String>) -> Result<Pipeline> {
        let client = Client::here()?;
        let full_name = joined(location.as_deref(), &name);
        let (folder, name) = split(&full_name);
        let create = client.post(path::of(folder, &["createItem"]));
        let create = create.query("name", name).query("mode", "copy").query("from", format!("/{source}"));
        client::done(&create.send()?)?;
        <Self as Pipelines>::get(full_name)
    }

    fn relocate(
        _operation: Operation,
        pipeline: String,
        name: Option<String>,
        location: Option<String>,
    ) -> Result<Pipeline> {
        let client = Client::here()?;
        let (folder, old) = split(&pipeline);
        let (mut folder, mut there) = (folder.to_owned(), pipeline.clone());
        if let Some(location) = location.map(|to| to.trim_matches('/').to_owned()).filter(|to| *to != folder) {
            let moved = client.post(path::of(&there, &["move", "move"])).form("destination", &format!("/{location}"));
            client::done(&moved.send()?)?;
            folder = location;
            there = joined(Some(&folder), old);
        }
        if let Some(name) = name.filter(|name| name != old) {
            client::done(&client.post(path::of(&there, &["confirmRename"])).query("newName", &name).send()?)?;
            there = joined(Some(&folder), &name);
        }
        <Self as Pipelines>::get(there)
    }
}

impl PipelineLint for Jenkins {
    fn validate(request: LintRequest) -> Result<Vec<Finding>> {
        let client = Client::here()?;
        let form = Body::new().text("jenkinsfile=").text(encode(&String::from_utf8_lossy(&request.source)));
        let answer = client.post(lint::PATH).body("application/x-www-form-urlencoded", form).reads().send()?;
        if answer.status() == 404 {
            return Err(
                Error::unsupported("pipeline-lint").hint("install the plugin pipeline-model-definition in Jenkins")
            );
        }
        lint::findings(&client::taken(answer)?.json()?)
    }
}

impl Secrets for Jenkins {
    fn list_secrets(scope: Option<String>, _page: PageRequest) -> Result<SecretPage> {
        let client = Client::here()?;
        let target = credentials::target(scope.as_deref(), &["api", "json"]);
        let domain: credentials::Domain = client::fetch(client.tree(target, credentials::TREE))?;
        Ok(SecretPage { items: domain.infos(scope.as_deref()), next: None })
    }

    fn put_secret(_operation: Operation, change: SecretChange) -> Result<()> {
        let client = Client::here()?;
        credentials::check_privacy(&client.base_url)?;
        let body = credentials::write(&change)?;
        let at = |tail: &[&str]| client.post(credentials::target(change.scope.as_deref(), tail));
        let answer = at(&["createCredentials"]).body("application/xml", body.clone()).send()?;
        if answer.status() != 409 {
            return client::done(&answer);
        }
        // It is there already: its value becomes this one.
        client::done(&at(&["credential", &change.name, "config.xml"]).body("application/xml", body).send()?)
    }

    fn delete_secret(_operation: Operation, name: String, scope: Option<String>) -> Result<()> {
        let client = Client::here()?;
        let target = credentials::target(scope.as_deref(), &["credential", &name, "config.xml"]);
        client::done(&client.delete(target).send()?)
    }
}

impl Runners for Jenkins {
    fn list_runners(_page: PageRequest) -> Result<RunnerPage> {
        let client = Client::here()?;
        let computers: Computers =
            client::fetch(client.tree("/computer/api/json", format!("computer[{}]", runners::TREE)))?;
        Ok(RunnerPage {
            items: computers.computer.into_iter().map(Computer::runner).filter(|it| path::is_id(&it.id)).collect(),
            next: None,
        })
    }

    fn get(runner: String) -> Result<Runner> {
        Ok(Runner { id: runner.clone(), ..node(&Client::here()?, &runner)?.runner() })
    }
}

impl RunnerDeletion for Jenkins {
    fn delete_runner(_operation: Operation, runner: String) -> Result<()> {
        let client = Client::here()?;
        client::done(&client.post(runners::target(&runner, &["doDelete"])).send()?)
    }
}

impl RunnerDrain for Jenkins {
    // Jenkins only has a switch that turns over: where it stands as it should, it is not touched.
    fn set_draining(_operation: Operation, runner: String, draining: bool, message: Option<String>) -> Result<()> {
        let client = Client::here()?;
        if node(&client, &runner)?.temporarily_offline == draining {
            return Ok(());
        }
        let switch = client.post(runners::target(&runner, &["toggleOffline"]));
        client::done(&switch.query("offlineMessage", message.unwrap_or_default()).send()?)
    }
}

fn node(client: &Client, runner: &str) -> Result<Computer> {
    client::fetch(client.tree(runners::target(runner, &["api", "json"]), runners::TREE))
}
