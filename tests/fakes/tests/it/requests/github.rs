//! Plugin `github-actions`.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    platform::{
        CallErrorKind, CancelTarget, Change, Delivery, Given, LogRequest, PageRequest, RetryScope, RunFilter, RunRef,
        Ticket, TriggerRequest,
    },
};
use novacron_cicd_fakes::{
    github::Github,
    house::{House, operation},
    judge::{Prism, spoke},
};
use serde_json::json;

use super::Requests;

const REPO: &str = "acme/app";
const PIPELINE: &str = "acme/app/ci.yml";
/// As the host makes them.
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const CI: &str = "name: CI
run-name: CI for ${{ inputs.who }} ${{ inputs.novacron_correlation }}
on:
  push:
  workflow_dispatch:
    inputs:
      who: {description: Whom to greet, default: nobody}
      novacron_correlation: {}
jobs:
  build: {runs-on: ubuntu-latest, steps: [{run: make}]}
  test: {needs: build, runs-on: ubuntu-latest, steps: [{run: make test}]}
";

/// Every call that the host has, in a world with one of each; the provider asks at `url`.
async fn story<'a>(github: &'a Github, house: &House, url: &str) -> String {
    let it = &house.provider(url, json!({ "repositories": [REPO] }), Some(("token", "octocat")));
    let (page, operation) = (PageRequest { cursor: None, limit: 100 }, operation());
    let mut asked = Requests::of(github);
    asked.call("plugin.check", "", it.check()).await;
    asked.without("credentials.describe-login", "it wants an application's key");
    asked.call("pipelines.list-pipelines", "", it.list_pipelines(&page)).await;
    asked.call("pipelines.get", "", it.get_pipeline(PIPELINE)).await;
    asked.call("pipelines.parameters", "", it.parameters(PIPELINE, None)).await;

    let request = TriggerRequest {
        pipeline: PIPELINE.into(),
        reference: Some("main".into()),
        parameters: BTreeMap::from([("who".to_owned(), Given::text("nova & co"))]),
        environment: BTreeMap::new(),
        correlation: TOKEN.into(),
        callback: None,
        more: BTreeMap::new(),
    };
    let ticket = asked.call("runs.trigger", "", it.trigger(&operation, request)).await;
    let Ticket::Run(run) = ticket else { unreachable!("GitHub says which run it is") };
    let number: u64 = run.external_id.unwrap().parse().unwrap();
    let run = RunRef { pipeline: PIPELINE.into(), run: number.to_string(), attempt: None };
    asked.without("runs.resolve-ticket", "a run of GitHub's is a run from the first moment");
    let found = it.find_by_correlation(PIPELINE, TOKEN, Timestamp(1_790_000_000_000));
    asked.call("run-search.find-by-correlation", "", found).await;
    let job = {
        let mut world = github.world();
        world.begin(number);
        let job = world.begin_job(number, "build");
        world.step(job, "Run make", "in_progress", None);
        job
    };
    asked.call("runs.get", "that is at work", it.get_run(&run)).await;
    let filter = RunFilter { pipeline: Some(PIPELINE.into()), reference: None };
    asked.call("run-listing.list-runs", "", it.list_runs(filter, &page)).await;
    asked.call("run-changes.list-changed", "", it.list_changed(&[PIPELINE.into()], None)).await;
    asked.call("run-cancel.cancel", "", it.cancel(&operation, &CancelTarget::Run(run.clone()))).await;
    asked.change(it, "", Change::RunForceCancel { run: run.clone() }).await;
    {
        let mut world = github.world();
        world.step(job, "Run make", "completed", Some("success"));
        world.end_job(job, "success", Some("made"));
        world.end(number, "failure");
        world.keep(number, "dist", b"PK");
    }
    let log = LogRequest { run: run.clone(), job: Some(job.to_string()), cursor: None, limit: 4096 };
    asked.call("logs.read", "of a job that has ended", it.read_log(&log)).await;
    let kept = asked.call("artifacts.list-artifacts", "", it.list_artifacts(Some(&run), &page)).await;
    asked.call("artifacts.plan-download", "", it.plan_download(Some(&run), &kept.items[0].id, None)).await;
    let again = it.retry(&operation, &run, RetryScope::Failed, TOKEN);
    asked.call("run-retry.retry", "of what failed", again).await;
    let body = json!({ "action": "completed", "workflow_run": { "id": number, "path": ".github/workflows/ci.yml", "run_attempt": 1 },
                       "repository": { "full_name": REPO } });
    let headers = vec![("x-github-event".into(), "workflow_run".into())];
    asked.call("webhooks.decode", "", it.decode_webhook(Delivery { headers, body: body.to_string().into() })).await;
    asked.whole(it)
}

async fn world() -> (Github, House) {
    let (github, house) = (Github::start().await, House::new("github-actions").await);
    github.world().add_repo(REPO, &[(".github/workflows/ci.yml", CI), ("README.md", "# App")]);
    (github, house)
}

#[tokio::test]
async fn what_the_plugin_asks_of_github() {
    let (github, house) = world().await;
    insta::assert_snapshot!("github", story(&github, &house, &github.url()).await);
}

#[tokio::test]
async fn all_that_the_plugin_asks_and_the_fake_answers_is_as_github_describes_its_api() {
    let (github, house) = world().await;
    let prism = Prism::before(&github.url()).await;
    story(&github, &house, prism.url()).await;
    // Who sees no fault has to see one where there is one.
    github.distort(|answer| {
        let text = String::from_utf8_lossy(&answer.body).replace("\"run_number\":1", "\"run_number\":\"1\"");
        answer.body = text.into();
    });
    let provider = house.provider(prism.url(), json!({ "repositories": [REPO] }), Some(("token", "octocat")));
    let filter = RunFilter { pipeline: Some(PIPELINE.into()), reference: None };
    let error = provider.list_runs(filter, &PageRequest { cursor: None, limit: 100 }).await.unwrap_err();
    let CallErrorKind::Upstream { status: 500, excerpt } = &error.kind else { unreachable!("{error:?}") };
    assert!(excerpt.contains("VIOLATIONS") && excerpt.contains("run_number"), "{excerpt}");
    spoke("prism", prism.version());
}
