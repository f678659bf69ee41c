//! The provider `buildbot` at a real Buildbot. What reached it is asked of Buildbot itself.

mod absence;
mod artifacts;
mod building;
mod canceling;
mod foreign;
mod kill;
mod login;
mod pushed;
mod retry;
mod workers;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use crate::harness::{Api, Buildbot, Cli, Home, Host, PASSWORD, PATIENCE, Setup, USER, eventually, run_over};

/// A Buildbot, a host, and the provider `bb` between them.
struct Site {
    buildbot: Buildbot,
    host: Host,
    api: Api,
    cli: Cli,
}

impl Site {
    async fn new() -> Self {
        let site = Self::without_provider().await;
        site.add_provider().await;
        site
    }

    async fn without_provider() -> Self {
        let home = home();
        let (buildbot, host) = tokio::join!(Buildbot::start(), Host::start(&home, Setup::default()));
        let (api, cli) = (host.api().await, host.cli());
        Self { buildbot, host, api, cli }
    }

    async fn add_provider(&self) {
        add_provider(&self.api, &self.buildbot).await;
    }

    /// Adopts a builder under this name.
    async fn adopt(&self, builder: &str, name: &str) -> Value {
        adopt(&self.api, builder, name).await
    }

    /// Asks for a run; its id and its operation's.
    async fn trigger(&self, pipeline: &str, parameters: &[(&str, &str)]) -> (String, String) {
        let parameters: BTreeMap<_, _> = parameters.iter().copied().collect();
        let path = format!("/v1/pipelines/{pipeline}/runs");
        let answer = self.api.post(&path, &json!({ "parameters": parameters })).await.expect(202);
        (answer.text("/run/id").to_owned(), answer.text("/operation/id").to_owned())
    }

    async fn run(&self, id: &str) -> Value {
        self.api.get(&format!("/v1/runs/{id}")).await.expect(200).json
    }

    async fn run_over(&self, id: &str) -> Value {
        run_over(&self.api, id).await
    }

    /// The whole log of the run's newest job: it is read to its end.
    async fn log(&self, id: &str) -> String {
        let response = self.api.open(&format!("{}&follow=true", log_path(&self.api, id).await)).await;
        let text = tokio::time::timeout(PATIENCE, response.text()).await;
        text.expect("a log ends when its run does").unwrap()
    }

    /// Waits until the builder's first word has come through to our log.
    async fn has_begun(&self, id: &str) {
        has_begun(&self.api, id).await;
    }
}

/// The directories of a host that has the plugin.
fn home() -> Arc<Home> {
    Arc::new(Home::with("novacron-cicd-plugin-buildbot"))
}

/// The body that adds a Buildbot as a provider, with its files' origin.
fn provider_body(buildbot: &Buildbot) -> Value {
    json!({
        "name": "bb",
        "plugin": "buildbot",
        "base_url": buildbot.url(),
        "settings": { "artifact-urls": [format!("{}/", buildbot.published().url())] },
        "credentials": { "session": { "username": USER, "secret": "bb-password" } },
        "grants": { "origins": [buildbot.published().url()], "private_networks": ["127.0.0.1/32"] },
    })
}

async fn add_provider(api: &Api, buildbot: &Buildbot) {
    api.post("/v1/secrets", &json!({ "name": "bb-password", "value": PASSWORD })).await.expect(201);
    api.post("/v1/providers", &provider_body(buildbot)).await.expect(201);
}

async fn adopt(api: &Api, builder: &str, name: &str) -> Value {
    let remote = api.get("/v1/providers/bb/pipelines").await.expect(200).json;
    let found = remote["items"].as_array().unwrap().iter().find(|remote| remote["name"] == builder);
    let external_ref = &found.unwrap_or_else(|| panic!("{builder} is not there: {remote:#}"))["external_ref"];
    let body = json!({ "name": name, "provider": "bb", "external_ref": external_ref, "import": true });
    api.post("/v1/pipelines", &body).await.expect(201).json["pipeline"].clone()
}

/// Where the log of the run's newest job is read: a build is a job. There is one as soon as it is known.
async fn log_path(api: &Api, id: &str) -> String {
    let job = eventually("the run's job", async || {
        let run = api.get(&format!("/v1/runs/{id}")).await.expect(200).json;
        run["graph"]["jobs"].as_array()?.last()?["id"].as_str().map(str::to_owned)
    })
    .await;
    let job = percent_encoding::utf8_percent_encode(&job, percent_encoding::NON_ALPHANUMERIC);
    format!("/v1/runs/{id}/logs?job={job}")
}

async fn has_begun(api: &Api, id: &str) {
    let path = log_path(api, id).await;
    eventually("the builder's first word", async || {
        let log = api.get(&path).await;
        // The line itself, not the command that writes it, which stands in the log as well.
        String::from_utf8_lossy(&log.bytes).lines().any(|line| line.starts_with("first of ")).then_some(())
    })
    .await;
}
