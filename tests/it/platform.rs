//! Every function of the contract, called by the API and by the command line on a platform that has everything; and what becomes of a
//! change whose answer is lost. The platform is played by this process and keeps count.

mod lost;
mod pipelines;
mod runs;
mod stored;
mod table;
mod uploads;
mod whole;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::{Api, Cli, Home, Host, Setup, eventually};
use whole::{Platform, TOKEN};

/// The platform and the directories, through many lives of the host.
struct Scene {
    platform: Platform,
    home: Arc<Home>,
}

impl Scene {
    /// With the pipeline `app` of the provider `ci`.
    async fn new() -> (Self, Host, Api, Cli) {
        let scene = Self { platform: Platform::start().await, home: Arc::new(Home::with("novacron-cicd-guest-whole")) };
        let host = Host::start(&scene.home, Setup::default()).await;
        let (api, cli) = (host.api().await, host.cli());
        api.post("/v1/secrets", &json!({ "name": "ci-token", "value": TOKEN })).await.expect(201);
        let provider = json!({
            "name": "ci",
            "plugin": "whole",
            "base_url": scene.platform.url,
            "credentials": { "token": { "secret": "ci-token" } },
            "grants": { "private_networks": ["127.0.0.1/32"] },
        });
        api.post("/v1/providers", &provider).await.expect(201);
        cli.ok(&["pipeline", "import", "--provider", "ci", "--external-ref", "app"]).await;
        (scene, host, api, cli)
    }

    /// A run of ours that the platform knows.
    async fn run(&self, api: &Api) -> String {
        let run = api.post("/v1/pipelines/app/runs", &json!({})).await.expect(202).text("/run/id").to_owned();
        eventually("the run on the platform", async || {
            let run = api.get(&format!("/v1/runs/{run}")).await.expect(200).json;
            run["external_id"].as_str().map(drop)
        })
        .await;
        run
    }

    /// A change by the API: accepted with its place, then done. What it led to, and what the platform was asked.
    async fn by_api(&self, api: &Api, method: &str, path: &str, body: Option<Value>) -> (Value, (String, Value)) {
        let mut request = api.request(method.parse().unwrap(), path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let accepted = api.send(request).await.expect(202);
        let place = accepted.headers["location"].to_str().unwrap().to_owned();
        let done = eventually(path, async || {
            let operation = api.get(&place).await.expect(200).json;
            let settled = ["done", "failed", "canceled", "ambiguous"].contains(&operation["state"].as_str()?);
            settled.then_some(operation)
        })
        .await;
        assert_eq!(done["state"], "done", "{method} {path}: {done:#}");
        let asked = self.platform.last();
        assert_eq!(asked.operation, done["id"], "{method} {path}: the operation's id goes along");
        (done["result"].clone(), (asked.function, asked.arguments))
    }

    /// The same change by the command line.
    async fn by_cli(&self, cli: &Cli, words: &[&str]) -> (Value, (String, Value)) {
        let done = cli.json(&[words, &["--wait", "--timeout", "30s"]].concat()).await;
        assert_eq!(done["state"], "done", "{words:?}: {done:#}");
        let asked = self.platform.last();
        assert_eq!(asked.operation, done["id"], "{words:?}: the operation's id goes along");
        (done["result"].clone(), (asked.function, asked.arguments))
    }
}

/// The same outcome, and the platform was asked for the same, whichever way it was asked for.
fn same(one: (Value, (String, Value)), other: (Value, (String, Value)), function: &str, arguments: &Value) -> Value {
    let (result, asked) = one;
    assert_eq!(asked.0, function);
    assert_eq!(asked.1, *arguments, "{function}");
    assert_eq!(other, (result.clone(), asked), "{function}: by the command line as by the API");
    result
}
