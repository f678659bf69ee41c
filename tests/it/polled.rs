//! A provider that has to be asked: what others start is seen, a run is retried, whatever crashes; logs, artifacts and runners come by the
//! plugin's plans. The platform is played by this process and keeps count.

mod moved;
mod platform;
mod retry;
mod runners;
mod webhooks;

use std::sync::Arc;

use serde_json::json;

use crate::harness::{Api, Cli, Home, Host, Setup, eventually};
use platform::{Platform, TOKEN};

/// The platform and the directories, through many lives of the host.
struct Polled {
    platform: Platform,
    home: Arc<Home>,
}

impl Polled {
    /// With the pipeline `app` of the provider `ci`.
    async fn new() -> (Self, Host, Api, Cli) {
        Self::on(Platform::start().await).await
    }

    async fn on(platform: Platform) -> (Self, Host, Api, Cli) {
        let polled = Self { platform, home: Arc::new(Home::new()) };
        polled.home.install("novacron-cicd-guest-polled");
        let host = Host::start(&polled.home, Setup::default()).await;
        let (api, cli) = (host.api().await, host.cli());
        api.post("/v1/secrets", &json!({ "name": "ci-token", "value": TOKEN })).await.expect(201);
        let provider = json!({
            "name": "ci",
            "plugin": "polled",
            "base_url": polled.platform.url,
            "credentials": { "token": { "secret": "ci-token" } },
            "grants": { "private_networks": ["127.0.0.1/32"] },
        });
        api.post("/v1/providers", &provider).await.expect(201);
        cli.ok(&["pipeline", "import", "--provider", "ci", "--external-ref", "app"]).await;
        (polled, host, api, cli)
    }

    /// A run of ours that has come to this end; its id, and what the platform calls it.
    async fn run_to(&self, api: &Api, state: &str) -> (String, String) {
        let run = api.post("/v1/pipelines/app/runs", &json!({})).await.expect(202).text("/run/id").to_owned();
        let build = eventually("the build", async || {
            let run = api.get(&format!("/v1/runs/{run}")).await.expect(200).json;
            run["external_id"].as_str().map(str::to_owned)
        })
        .await;
        self.platform.set(&build, state);
        crate::harness::run_over(api, &run).await;
        (run, build)
    }
}
