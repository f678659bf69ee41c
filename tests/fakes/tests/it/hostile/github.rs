//! Plugin `github-actions`.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    platform::{
        CancelTarget, Change, Definition, Delivery, LogRequest, PageRequest, RetryScope, RunFilter, RunRef,
        TriggerRequest,
    },
};
use novacron_cicd_fakes::{
    github::Github,
    house::{House, operation},
};
use serde_json::json;

use super::{Call, try_all, try_deliveries};

const REPO: &str = "acme/app";
const PIPELINE: &str = "acme/app/ci.yml";
const CI: &str = "name: CI
run-name: CI ${{ inputs.novacron_correlation }}
on: {workflow_dispatch: {inputs: {novacron_correlation: {}}}}
jobs:
  build: {runs-on: ubuntu-latest, steps: [{run: make}]}
  test: {needs: build, runs-on: ubuntu-latest, steps: [{run: make test}]}
";
/// The first number that the fake gives: the repository's, its workflow's, then the run's.
const RUN: u64 = 17_000_000_003;

fn run() -> RunRef {
    RunRef { pipeline: PIPELINE.into(), run: RUN.to_string(), attempt: None }
}

fn page() -> PageRequest {
    PageRequest { cursor: None, limit: 100 }
}

fn request() -> TriggerRequest {
    TriggerRequest {
        pipeline: PIPELINE.into(),
        reference: None,
        parameters: BTreeMap::new(),
        environment: BTreeMap::new(),
        correlation: "nc-7".into(),
        callback: None,
        more: BTreeMap::new(),
    }
}

fn definition() -> Definition {
    Definition { name: "new".into(), source: Some("on: workflow_dispatch\njobs: {}\n".into()), ..Definition::default() }
}

fn calls() -> Vec<Call> {
    calls! {
        "plugin.check": |it| it.check();
        "pipelines.list-pipelines": |it| it.list_pipelines(&page());
        "pipelines.get": |it| it.get_pipeline(PIPELINE);
        "pipelines.parameters": |it| it.parameters(PIPELINE, None);
        "pipeline-definitions.read": |it| it.read_definition(PIPELINE);
        "pipeline-definitions.create": |it| it.create_pipeline(&operation(), definition());
        "pipeline-state.set-enabled": |it| it.change(&operation(), Change::PipelineSwitch { pipeline: PIPELINE.into(), enabled: false });
        "runs.trigger": |it| it.trigger(&operation(), request());
        "runs.get": |it| it.get_run(&run());
        "run-search.find-by-correlation": |it| it.find_by_correlation(PIPELINE, "nc-7", Timestamp(1_790_000_000_000));
        "run-listing.list-runs": |it| it.list_runs(RunFilter { pipeline: Some(PIPELINE.into()), reference: None }, &page());
        "run-changes.list-changed": |it| it.list_changed(&[PIPELINE.to_owned()], None);
        "run-cancel.cancel": |it| it.cancel(&operation(), &CancelTarget::Run(run()));
        "run-retry.retry": |it| it.retry(&operation(), &run(), RetryScope::All, "nc-8");
        "run-gates.list-gates": |it| it.list_gates(&run());
        "logs.read": |it| it.read_log(&LogRequest { run: run(), job: Some((RUN + 1).to_string()), cursor: None, limit: 4096 });
        "artifacts.list-artifacts": |it| it.list_artifacts(Some(&run()), &page());
        "secrets.list-secrets": |it| it.list_secrets(Some(REPO), &page());
        "variables.list-variables": |it| it.list_variables(Some(REPO), &page());
        "runners.list-runners": |it| it.list_runners(&page());
        "environments.list-environments": |it| it.list_environments(&page());
        "deployments.list-deployments": |it| it.list_deployments(None, &page());
        "webhook-registration.list-hooks": |it| it.list_hooks();
    }
}

#[test]
fn the_plugin_stands_whatever_github_answers() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (github, house) = runtime.block_on(async { (Github::start().await, House::new("github-actions").await) });
    let provider = house.provider(&github.url(), json!({ "repositories": [REPO] }), Some(("token", "octocat")));
    {
        let mut world = github.world();
        world.add_repo(REPO, &[(".github/workflows/ci.yml", CI)]);
        assert_eq!(world.add_run(REPO, "ci.yml", "workflow_dispatch", "main", "CI", BTreeMap::new()), RUN);
        let job = world.begin_job(RUN, "build");
        world.step(job, "Run make", "completed", Some("success"));
        world.end_job(job, "success", Some("made"));
        world.end(RUN, "failure");
        world.keep(RUN, "dist", b"PK");
        let repo = world.repo(REPO);
        repo.secrets.insert((String::new(), "A".into()), vec![1]);
        repo.variables.insert((String::new(), "B".into()), "1".into());
        repo.environments.insert("prod".into(), json!({ "wait_timer": 5 }));
    }
    try_all(&runtime, &github, &provider, &calls());
}

#[test]
fn the_plugin_stands_whatever_is_delivered_as_githubs() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = runtime.block_on(House::new("github-actions"));
    let provider = house.provider("https://api.github.com", json!({ "repositories": [REPO] }), None);
    let repository = json!({ "full_name": REPO });
    let run = json!({ "id": 17, "run_attempt": 2, "path": ".github/workflows/ci.yml", "event": "push", "status": "completed",
                      "conclusion": "success", "head_branch": "main", "head_sha": "ab", "run_started_at": "2026-01-31T12:00:00Z" });
    let job = json!({ "id": 5, "run_id": 17, "run_attempt": 1, "name": "build", "status": "completed", "conclusion": "failure",
                      "steps": [{ "name": "make", "status": "completed", "conclusion": "failure", "number": 1 }] });
    let deployment = json!({ "id": 9, "environment": "prod", "sha": "ab", "ref": "main", "payload": {} });
    let events = [
        ("workflow_run", json!({ "action": "completed", "repository": repository, "workflow_run": run })),
        ("workflow_job", json!({ "action": "completed", "repository": repository, "workflow_job": job })),
        (
            "deployment_status",
            json!({ "repository": repository, "deployment": deployment, "deployment_status": { "state": "success" } }),
        ),
    ];
    let delivery = |(name, body): (&str, serde_json::Value)| Delivery {
        headers: vec![("x-github-event".into(), name.into())],
        body: body.to_string().into(),
    };
    try_deliveries(&runtime, &provider, &events.map(delivery));
}
