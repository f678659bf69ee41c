//! Self-hosted runners of repositories and organizations. What a new one authenticates with is captured by the host.

use novacron_cicd_sdk::{
    RunnerCreation, RunnerDeletion, RunnerLabels, Runners,
    http::Capture,
    runner_creation::{CreatedRunner, RunnerRequest},
    runners::{Runner, RunnerPage},
};

use crate::prelude::*;

/// Whose runners: a repository's, or an organization's own.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    Repository(Repo),
    Organization(String),
}

impl Owner {
    fn at(&self, rest: &[&str]) -> Vec<String> {
        let rest = [&["actions", "runners"], rest].concat();
        match self {
            Self::Repository(repo) => at(repo, &rest),
            Self::Organization(name) => ["orgs", name].iter().chain(&rest).map(|it| (*it).to_owned()).collect(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Repository(repo) => repo.to_string(),
            Self::Organization(name) => name.clone(),
        }
    }

    fn all(client: &Client) -> Result<Vec<Self>> {
        let organizations = client.settings.organizations.iter().cloned().map(Self::Organization);
        Ok(client.repositories()?.into_iter().map(Self::Repository).chain(organizations).collect())
    }

    /// `owner/name`, or an organization of the settings; none: the only repository.
    fn read(client: &Client, text: Option<&str>) -> Result<Self> {
        match text {
            Some(name) if !name.contains('/') => {
                let known = client.settings.organizations.iter().find(|it| it.eq_ignore_ascii_case(name));
                let none = || Error::not_found(format!("{name} is none of the organizations of this provider"));
                known.cloned().map(Self::Organization).ok_or_else(none)
            }
            other => Ok(Self::Repository(client.choose("repository", other)?)),
        }
    }

    /// Of `owner/name/NUMBER` or `organization/NUMBER`.
    fn of_id(client: &Client, id: &str) -> Result<(Self, String)> {
        let (owner, number) = id
            .rsplit_once('/')
            .ok_or_else(|| Error::invalid_input("runner", format!("{id:?} is no id of a runner")))?;
        Ok((Self::read(client, Some(owner))?, number.to_owned()))
    }
}

told! {
    Told {
        id: u64, name: String, os: String, status: String, busy: bool, labels: Vec<Known>, version: Option<String>,
    }
    Created { runner: Told, expires_at: Time }
}

impl Told {
    fn runner(self, owner: &Owner) -> Runner {
        let version = self.version.map(|version| attribute("x-version", version));
        Runner {
            busy: Some(self.busy),
            labels: self.labels.into_iter().filter_map(|label| label.name).collect(),
            more: std::iter::once(attribute("x-os", self.os)).chain(version).collect(),
            ..Runner::new(format!("{}/{}", owner.text(), self.id), self.name, self.status)
        }
    }
}

impl Runners for GithubActions {
    fn list_runners(page: PageRequest) -> Result<RunnerPage> {
        let client = Client::here()?;
        let ask = |owner: &Owner| client.get(owner.at(&[]));
        let read = |owner: &Owner, page: List<Told>| Ok(page.map(|told| told.runner(owner)));
        let (items, next) = paging::across(&Owner::all(&client)?, &page, ask, read)?;
        Ok(RunnerPage { items, next })
    }

    fn get(runner: String) -> Result<Runner> {
        let client = Client::here()?;
        let (owner, number) = Owner::of_id(&client, &runner)?;
        Ok(client::fetch::<Told>(client.get(owner.at(&[&number])))?.runner(&owner))
    }
}

impl RunnerDeletion for GithubActions {
    fn delete_runner(_operation: Operation, runner: String) -> Result<()> {
        let client = Client::here()?;
        let (owner, number) = Owner::of_id(&client, &runner)?;
        let answer = client.delete(owner.at(&[&number])).send()?;
        match answer.status() {
            404 => Ok(()),
            // It is at work.
            422 => Err(Error::conflict(client::refusal(&answer).message).hint("wait for its job, or cancel that")),
            _ => client::taken(answer).map(drop),
        }
    }
}

impl RunnerLabels for GithubActions {
    /// Those that GitHub itself gives stay.
    fn set_labels(_operation: Operation, runner: String, labels: Vec<String>) -> Result<()> {
        let client = Client::here()?;
        let (owner, number) = Owner::of_id(&client, &runner)?;
        let own: Vec<_> = labels.into_iter().filter(|label| !is_fixed(label)).collect();
        client::done(client.put(owner.at(&[&number, "labels"])).json(&json!({ "labels": own }))).map(drop)
    }
}

/// Labels of type `read-only`: what a runner is.
fn is_fixed(label: &str) -> bool {
    ["self-hosted", "linux", "windows", "macos", "x64", "arm", "arm64"].iter().any(|it| it.eq_ignore_ascii_case(label))
}

/// The slot that holds what a runner begins with.
const SLOT: &str = "runner";

impl RunnerCreation for GithubActions {
    fn create_runner(_operation: Operation, request: RunnerRequest) -> Result<CreatedRunner> {
        let client = Client::here()?;
        let owner = Owner::read(&client, lookup(&request.more, "x-owner"))?;
        let slot = format!("{SLOT}-{}", request.name.to_ascii_lowercase());
        let (ask, pointer) = match request.kind.as_str() {
            // Good for an hour, for as many runners as register with it.
            "token" => (client.post(owner.at(&["registration-token"])), "/token"),
            "just-in-time" => {
                // The first group is the one that everybody has.
                let group = lookup(&request.more, "x-runner-group").unwrap_or("1");
                let none = |_| Error::invalid_input("x-runner-group", format!("{group:?} is no number of a group"));
                let group: u64 = group.parse().map_err(none)?;
                let labels = if request.labels.is_empty() { vec!["self-hosted".to_owned()] } else { request.labels };
                let body =
                    json!({ "name": request.name, "runner_group_id": group, "labels": labels, "work_folder": "_work" });
                (client.post(owner.at(&["generate-jitconfig"])).json(&body), "/encoded_jit_config")
            }
            other => {
                return Err(
                    Error::unsupported(format!("runner-creation.{other}")).hint("kinds are `token` and `just-in-time`")
                );
            }
        };
        let capture = Capture::pointer(pointer, slot.clone());
        let capture = if pointer == "/token" { capture.expires("/expires_at") } else { capture };
        let created: Created = client::fetch(ask.capture(capture))?;
        let runner = (created.runner.id > 0).then(|| format!("{}/{}", owner.text(), created.runner.id));
        Ok(CreatedRunner { runner, slot, expires: created.expires_at.0, more: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn a_runner_is_a_repositorys_or_an_organizations() {
        let settings = Settings {
            repositories: vec!["acme/app".into()],
            organizations: vec!["acme".into()],
            ..Settings::default()
        };
        let client = Client { settings, slot: None };
        let path = |id: &str| Owner::of_id(&client, id).map(|(owner, number)| owner.at(&[&number]).join("/"));
        assert_eq!(path("acme/app/7").unwrap(), "repos/acme/app/actions/runners/7");
        assert_eq!(path("acme/7").unwrap(), "orgs/acme/actions/runners/7");
        assert!(path("eve/7").is_err() && path("7").is_err() && path("eve/app/7").is_err());
        assert_eq!(Owner::all(&client).unwrap().len(), 2);
    }
}
