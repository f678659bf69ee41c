//! A host, a small CI server behind it, and what both need to know of each other.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use novacron_cicd_smallci::{Config, SmallCi};
use serde_json::{Value, json};

use super::{Api, Cli, Home, Host, PATIENCE, Repository, Setup};

/// What triggers are signed with. The text behind `whsec_` is base64 of a plain sentence: it protects nothing.
pub(crate) const SIGNING: &str = "whsec_dGhlIHRlc3RzIHNpZ24gdHJpZ2dlcnMgd2l0aCB0aGlz";

/// A build that prints what it was given and leaves one file.
pub(crate) const SCRIPT: &str = r#"echo "building version $VERSION for $BUILD_ENV"
mkdir -p dist
printf 'program %s\n' "$VERSION" > dist/app.bin
echo "built"
"#;

/// A build that says that it has begun, and then waits to be killed.
pub(crate) const ENDLESS: &str = "echo begun\nexec sleep 600\n";

pub(crate) struct World {
    pub(crate) ci: SmallCi,
    pub(crate) host: Host,
    pub(crate) api: Api,
    pub(crate) cli: Cli,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(&Arc::new(Home::new()), Setup::default()).await
    }

    pub(crate) async fn with(home: &Arc<Home>, setup: Setup) -> Self {
        let ci = SmallCi::start(Config::new(SIGNING)).await.unwrap();
        let host = Host::start(home, setup).await;
        let (api, cli) = (host.api().await, host.cli());
        Self { ci, host, api, cli }
    }

    pub(crate) fn home(&self) -> &Arc<Home> {
        self.host.home()
    }

    /// The body that adds the CI server as a provider.
    pub(crate) fn provider_body(&self, name: &str) -> Value {
        json!({
            "name": name,
            "plugin": "webhook",
            "base_url": self.ci.hook_url(),
            "credentials": { "signing": { "secret": "ci-signing" } },
            "grants": { "private_networks": ["127.0.0.1/32"] },
        })
    }

    /// The secret, and the provider `ci` that uses it.
    pub(crate) async fn add_provider(&self) {
        let secret = json!({ "name": "ci-signing", "value": SIGNING });
        self.api.post("/v1/secrets", &secret).await.expect(201);
        self.api.post("/v1/providers", &self.provider_body("ci")).await.expect(201);
    }

    /// The provider, and the pipeline `backend` of this repository.
    pub(crate) async fn add_pipeline(&self, repository: &Repository) {
        self.add_provider().await;
        let body = pipeline_body("backend", repository);
        self.api.post("/v1/pipelines", &body).await.expect(201);
    }

    /// Asks for a run; its id and its operation's.
    pub(crate) async fn trigger(&self, parameters: &[(&str, &str)]) -> (String, String) {
        let parameters: BTreeMap<_, _> = parameters.iter().copied().collect();
        let body = json!({ "parameters": parameters });
        let answer = self.api.post("/v1/pipelines/backend/runs", &body).await.expect(202);
        (answer.text("/run/id").to_owned(), answer.text("/operation/id").to_owned())
    }

    pub(crate) async fn run(&self, id: &str) -> Value {
        self.api.get(&format!("/v1/runs/{id}")).await.expect(200).json
    }

    /// The run, as soon as it is over.
    pub(crate) async fn run_over(&self, id: &str) -> Value {
        run_over(&self.api, id).await
    }

    /// The log of the job `build` as far as it goes.
    pub(crate) async fn log(&self, id: &str) -> String {
        let answer = self.api.get(&format!("/v1/runs/{id}/logs?job=build")).await.expect(200);
        String::from_utf8(answer.bytes.to_vec()).unwrap()
    }
}

/// A pipeline with one parameter of each of the kinds that a build can be given directly.
pub(crate) fn pipeline_body(name: &str, repository: &Repository) -> Value {
    json!({
        "name": name,
        "provider": "ci",
        "repository": repository.url(),
        "reference": "main",
        "environment": { "BUILD_ENV": "production" },
        "parameters": [
            { "name": "VERSION", "required": true },
            { "name": "RELEASE", "kind": "bool", "default": "false" },
            { "name": "LEVEL", "kind": "choice", "choices": ["fast", "full"], "default": "fast" },
            { "name": "JOBS", "kind": "number", "default": "2" },
        ],
    })
}

/// Asks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    until(what, async || ask().await.ok_or_else(String::new)).await
}

/// Asks again and again until there is an answer, and says why there is none yet where it takes too long. In one place, because
/// it waits by the clock: what is asked for is another process's.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match ask().await {
            Ok(it) => return it,
            Err(why) => assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?} {why}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The run, as soon as it is over.
pub(crate) async fn run_over(api: &Api, id: &str) -> Value {
    eventually(&format!("the end of run {id}"), async || {
        let run = api.get(&format!("/v1/runs/{id}")).await.expect(200).json;
        let over = ["succeeded", "failed", "canceled", "skipped"].contains(&run["state"].as_str()?);
        over.then_some(run)
    })
    .await
}
