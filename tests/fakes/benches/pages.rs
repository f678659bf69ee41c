//! What it takes to map a page of a hundred runs: each plugin as it is built for the sandbox, in a fresh instance, from the call to
//! values of the domain. What the platform's fake answers is recorded once and then given from memory: nothing is sent, so that
//! no time of a server or a socket is in the figures. One line of JSON comes out. `--quick` measures little, to see that it works.

#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the program")]
#![expect(clippy::print_stdout, reason = "the result is what it prints")]

#[path = "pages/guest.rs"]
mod guest;
#[path = "../../../host/runtime/benches/calls/spread.rs"]
mod spread;

use std::{collections::BTreeMap, time::Instant};

use novacron_cicd_domain::platform::{Given, PageRequest, RunFilter, TriggerRequest};
use novacron_cicd_fakes::{
    github::Github,
    gitlab::{GitLab, Project},
    house::{House, operation},
    jenkins::{Item, Jenkins, USER},
    server::{Platform, Server},
};
use novacron_cicd_runtime::Provider;
use serde_json::{Value, json};

use guest::{Guest, Recording};
use spread::{spread, told};

/// Runs of a page.
const RUNS: u32 = 100;
const ROUNDS: usize = 200;
const QUICK: usize = 5;

const WORKFLOW: &str = "name: CI
run-name: CI ${{ inputs.novacron_correlation }}
on:
  push:
  workflow_dispatch:
    inputs:
      novacron_correlation: {}
jobs:
  build: {runs-on: ubuntu-latest, steps: [{run: make}]}
";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let rounds = if std::env::args().any(|argument| argument == "--quick") { QUICK } else { ROUNDS };
    let mut result = json!({ "bench": "pages", "runs_of_a_page": RUNS, "rounds": rounds });

    let jenkins = Jenkins::start(vec![Item::job("app").with_strings(&[("NOVACRON_CORRELATION", "")])]).await;
    let provider = House::new("jenkins").await.provider(&jenkins.url(), json!({}), Some(("token", USER)));
    fill(&provider, "app").await;
    for place in jenkins.waiting() {
        let number = jenkins.begin(place);
        jenkins.end("app", number, "SUCCESS");
    }
    result["jenkins"] = measured("jenkins", "token", "basic", &jenkins, &provider, "app", rounds).await;

    let github = Github::start().await;
    github.world().add_repo("acme/app", &[(".github/workflows/ci.yml", WORKFLOW)]);
    let settings = json!({ "repositories": ["acme/app"] });
    let provider = House::new("github-actions").await.provider(&github.url(), settings, Some(("token", "octocat")));
    let workflow = "acme/app/ci.yml";
    fill(&provider, workflow).await;
    result["github-actions"] =
        measured("github-actions", "token", "bearer", &github, &provider, workflow, rounds).await;

    let project = "group/sub/app";
    let gitlab = GitLab::start(vec![Project::new(project, "build: { script: [make] }\n")]).await;
    let provider = House::new("gitlab-ci").await.provider(
        &gitlab.url(),
        json!({}),
        Some(("token", novacron_cicd_fakes::gitlab::USER)),
    );
    fill(&provider, project).await;
    result["gitlab-ci"] = measured("gitlab-ci", "token", "header", &gitlab, &provider, project, rounds).await;
    println!("{result}");
}

/// Starts a page of runs, each under a token of its own.
async fn fill(provider: &Provider, pipeline: &str) {
    for number in 0..RUNS {
        let request = TriggerRequest {
            pipeline: pipeline.into(),
            reference: None,
            parameters: BTreeMap::<String, Given>::new(),
            environment: BTreeMap::new(),
            correlation: format!("{number:032x}"),
            callback: None,
            more: BTreeMap::new(),
        };
        provider.trigger(&operation(), request).await.unwrap();
    }
}

/// Milliseconds of a page, and how many requests and bytes of answers it is made of.
async fn measured<P: Platform>(
    plugin: &str,
    slot: &str,
    kind: &str,
    server: &Server<P>,
    provider: &Provider,
    pipeline: &str,
    rounds: usize,
) -> Value {
    let filter = || RunFilter { pipeline: Some(pipeline.into()), reference: None };
    let page = PageRequest { cursor: None, limit: RUNS };
    server.forget_seen();
    let expected = provider.list_runs(filter(), &page).await.unwrap();
    assert_eq!(expected.items.len(), RUNS as usize, "{plugin}");
    let recording = Recording::of(server);
    let (requests, bytes) = (recording.requests(), recording.bytes());
    let settings = provider_settings(plugin);
    let guest = Guest::new(plugin, &server.url(), &settings, (slot, kind), recording);
    let mut samples = Vec::new();
    for round in 0..=rounds {
        let begun = Instant::now();
        let found = guest.list_runs(filter(), &page).await;
        let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
        assert_eq!(found, expected.items, "{plugin} says the same from memory");
        // The first round only warms up.
        if round > 0 {
            samples.push(milliseconds);
        }
    }
    json!({ "milliseconds": told(spread(samples)), "requests": requests, "bytes_of_answers": bytes })
}

fn provider_settings(plugin: &str) -> String {
    match plugin {
        "github-actions" => json!({ "repositories": ["acme/app"] }).to_string(),
        _ => "{}".into(),
    }
}
