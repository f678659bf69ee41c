//! Workflows as pipelines: listed, read, enabled and disabled.

use novacron_cicd_sdk::{
    PipelineState, Pipelines,
    pipelines::PipelinePage,
    types::{Parameter, Pipeline},
};

use crate::{names::workflow_key, prelude::*, reading};

told! {
    Told {
        id: u64, name: String, path: String,
        /// `active`, `deleted`, `disabled_fork`, `disabled_inactivity`, `disabled_manually`.
        state: String,
        html_url: Option<String>,
    }
}

impl Told {
    fn pipeline(&self, repo: &Repo) -> Pipeline {
        let id = Id::new(repo, workflow_key(&self.path, self.id)).to_string();
        Pipeline {
            repository: Some(repo.to_string()),
            url: self.html_url.clone(),
            enabled: self.state == "active",
            more: vec![attribute("x-state", &self.state), attribute("x-path", &self.path)],
            // Without a name of its own a workflow is shown by its path.
            ..Pipeline::new(id, if self.name.is_empty() { &self.path } else { &self.name })
        }
    }
}

pub(crate) fn told(client: &Client, pipeline: &Id) -> Result<Told> {
    client::fetch(client.get(at(&pipeline.repo, &["actions", "workflows", &pipeline.rest])))
}

impl Pipelines for GithubActions {
    fn list_pipelines(page: PageRequest) -> Result<PipelinePage> {
        let client = Client::here()?;
        let ask = |repo: &Repo| client.get(at(repo, &["actions", "workflows"]));
        let (items, next) = paging::across(&client.repositories()?, &page, ask, |repo, page: List<Told>| {
            // What was deleted stays in the list, for its runs.
            let there = page.items.iter().filter(|told| told.state != "deleted");
            Ok(there.map(|told| told.pipeline(repo)).collect())
        })?;
        Ok(PipelinePage { items, next })
    }

    fn get(pipeline: String) -> Result<Pipeline> {
        let (client, id) = Client::of("pipeline", &pipeline)?;
        let told = told(&client, &id)?;
        // Without the permission to read contents there is no revision to compare.
        let file = reading::workflow_file_maybe(&client, &id, None).ok().flatten();
        Ok(Pipeline { revision: file.map(|file| file.sha), ..told.pipeline(&id.repo) })
    }

    fn parameters(pipeline: String, reference: Option<String>) -> Result<Vec<Parameter>> {
        let (client, id) = Client::of("pipeline", &pipeline)?;
        let workflow = reading::workflow_file(&client, &id, reference.as_deref())?.workflow()?;
        Ok(reading::parameters(&client, &workflow))
    }
}

impl PipelineState for GithubActions {
    /// GitHub refuses to enable what is enabled, so it is looked first.
    fn set_enabled(_operation: Operation, pipeline: String, enabled: bool) -> Result<Pipeline> {
        let (client, id) = Client::of("pipeline", &pipeline)?;
        let mut told = told(&client, &id)?;
        if (told.state == "active") != enabled {
            let verb = if enabled { "enable" } else { "disable" };
            client::done(client.put(at(&id.repo, &["actions", "workflows", &id.rest, verb])))?;
            told.state = if enabled { "active".into() } else { "disabled_manually".into() };
        }
        Ok(told.pipeline(&id.repo))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_workflow_is_told_by_its_file_and_state() {
        let rows = [
            (".github/workflows/ci.yml", "active", "acme/app/ci.yml", true),
            (".github/workflows/ci.yml", "disabled_inactivity", "acme/app/ci.yml", false),
            ("dynamic/pages/pages-build-deployment", "active", "acme/app/7", true),
        ];
        for (path, state, id, enabled) in rows {
            let text = format!(r#"{{"id":7,"name":"","path":"{path}","state":"{state}","html_url":"u"}}"#);
            let told = serde_json::from_str::<Told>(&text).unwrap().pipeline(&Repo::parse("acme/app").unwrap());
            assert_eq!((told.id.as_str(), told.enabled, told.name.as_str()), (id, enabled, path), "{path} {state}");
        }
    }
}
