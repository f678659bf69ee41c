//! Plugin `gitlab-ci`.

mod access;
mod artifacts;
mod definitions;
mod deployments;
mod gates;
mod hooks;
mod listing;
mod logs;
mod native;
mod runs;
mod stores;
mod uploads;
mod whole;

use std::collections::BTreeMap;

use novacron_cicd_domain::platform::{Given, RunRef, Ticket, TriggerRequest};
use novacron_cicd_fakes::{
    gitlab::{GitLab, Project, USER},
    house::{House, operation},
};
use novacron_cicd_runtime::Provider;
use serde_json::{Value, json};

/// Our token.
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// The variable that carries it.
const NAME: &str = "NOVACRON_CORRELATION";
/// The project of most tests: its path has a slash more than most clients expect.
const APP: &str = "g/sub/app";

/// Three stages, `needs`, what may fail, what a person starts, what is deployed.
const DEFINITION: &str = "\
stages: [build, test, deploy]
variables:
  VERSION: { value: \"1\", description: What is built }
build: { stage: build, script: [make] }
unit: { stage: test, parallel: 2, script: [make test] }
lint: { stage: test, needs: [], allow_failure: true, script: [make lint] }
ship: { stage: deploy, needs: [unit], script: [make ship], environment: production }
later: { stage: deploy, when: manual, script: [make later] }
";

/// One job.
const SMALL: &str = "build: { script: [make] }\n";

/// A GitLab, and the plugin connected to it.
struct Setup {
    gitlab: GitLab,
    house: House,
    provider: Provider,
}

impl Setup {
    async fn of(projects: Vec<Project>) -> Self {
        Self::with(projects, json!({})).await
    }

    async fn with(projects: Vec<Project>, settings: Value) -> Self {
        let (gitlab, house) = (GitLab::start(projects).await, House::new("gitlab-ci").await);
        let provider = house.provider(&gitlab.url(), settings, Some(("token", USER)));
        Self { gitlab, house, provider }
    }

    async fn new(definition: &str) -> Self {
        Self::of(vec![Project::new(APP, definition)]).await
    }

    /// The same with other settings.
    fn set(&self, settings: Value) -> Provider {
        self.house.provider(&self.gitlab.url(), settings, Some(("token", USER)))
    }

    /// Starts a run; answers its id.
    async fn trigger(&self) -> u64 {
        match self.provider.trigger(&operation(), request(&[])).await.unwrap() {
            Ticket::Run(run) => run.external_id.unwrap().parse().unwrap(),
            other => unreachable!("{other:?}"),
        }
    }

    /// Lets every job that is ready run and end so, until none is.
    fn finish(&self, status: &str) {
        while let Some(job) = self.gitlab.pending().first().copied() {
            self.gitlab.begin(job);
            self.gitlab.end(job, status);
        }
    }

    fn posts(&self, end: &str) -> usize {
        self.gitlab.lines().iter().filter(|line| line.starts_with("POST") && line.ends_with(end)).count()
    }
}

fn request(parameters: &[(&str, &str)]) -> TriggerRequest {
    TriggerRequest {
        pipeline: APP.into(),
        reference: None,
        parameters: parameters.iter().map(|(name, value)| ((*name).into(), Given::text(*value))).collect(),
        environment: BTreeMap::new(),
        correlation: TOKEN.into(),
        callback: None,
        more: BTreeMap::new(),
    }
}

fn run(id: u64) -> RunRef {
    RunRef { pipeline: APP.into(), run: id.to_string(), attempt: None }
}
