//! Plugin `github-actions`.

mod access;
mod artifacts;
mod fidelity;
mod hooks;
mod logs;
mod pipelines;
mod runs;
mod secrets;
mod uploads;
mod whole;

use std::collections::BTreeMap;

use novacron_cicd_domain::platform::{Given, RunRef, Ticket, TriggerRequest};
use novacron_cicd_fakes::{
    github::Github,
    house::{House, operation},
};
use novacron_cicd_runtime::Provider;
use serde_json::json;

const REPO: &str = "acme/app";
const PIPELINE: &str = "acme/app/ci.yml";
/// As the host makes them.
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A workflow that shows our token.
const CI: &str = "name: CI
run-name: CI for ${{ inputs.who }} ${{ inputs.novacron_correlation }}
on:
  push:
  workflow_dispatch:
    inputs:
      who: {description: Whom to greet, default: nobody}
      level: {type: choice, options: [low, high], default: low}
      novacron_correlation: {}
      novacron_environment: {}
jobs:
  build: {runs-on: ubuntu-latest, steps: [{run: make}]}
  test:
    needs: build
    runs-on: ubuntu-latest
    strategy: {matrix: {n: [1, 2]}}
    steps: [{run: make test}]
  deploy: {needs: [test], runs-on: ubuntu-latest, environment: production, steps: [{run: make deploy}]}
";
/// One that does not.
const BARE: &str = "name: Bare\non: workflow_dispatch\njobs: {build: {runs-on: ubuntu-latest, steps: [{run: make}]}}\n";

/// GitHub with a repository, and the plugin connected to it.
struct Setup {
    github: Github,
    house: House,
    provider: Provider,
}

impl Setup {
    async fn new() -> Self {
        let (github, house) = (Github::start().await, House::new("github-actions").await);
        github.world().add_repo(
            REPO,
            &[(".github/workflows/ci.yml", CI), (".github/workflows/bare.yml", BARE), ("README.md", "# App")],
        );
        let provider = house.provider(&github.url(), json!({ "repositories": [REPO] }), Some(("token", "octocat")));
        Self { github, house, provider }
    }

    /// Starts a run; answers its number.
    async fn begin(&self) -> u64 {
        match self.provider.trigger(&operation(), request(PIPELINE, &[])).await.unwrap() {
            Ticket::Run(run) => run.external_id.unwrap().parse().unwrap(),
            other => unreachable!("{other:?}"),
        }
    }
}

fn request(pipeline: &str, parameters: &[(&str, &str)]) -> TriggerRequest {
    TriggerRequest {
        pipeline: pipeline.into(),
        reference: None,
        parameters: parameters.iter().map(|(name, value)| ((*name).into(), Given::text(*value))).collect(),
        environment: BTreeMap::new(),
        correlation: TOKEN.into(),
        callback: None,
        more: BTreeMap::new(),
    }
}

fn run_of(number: u64, attempt: Option<u32>) -> RunRef {
    RunRef { pipeline: PIPELINE.into(), run: number.to_string(), attempt }
}
