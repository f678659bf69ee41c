//! Plugin `github-actions`.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    platform::{
        CallErrorKind, CancelTarget, Change, Definition, Delivery, DeployArtifact, DeployRequest, EnvironmentChange,
        GateDecision, Given, LintRequest, LogRequest, Outcome, PageRequest, ProtectionRule, RetryScope, RunFilter,
        RunRef, RunnerRequest, Ticket, TriggerRequest,
    },
    status::State,
};
use novacron_cicd_fakes::{
    github::{Delivery as Sent, Github, World},
    house::{House, operation},
    judge::{Prism, spoke},
};
use serde_json::json;

use novacron_cicd_runtime::Provider;

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
async fn story(github: &Github, house: &House, url: &str) -> String {
    let it = &house.provider(url, json!({ "repositories": [REPO] }), Some(("token", "octocat")));
    let (page, operation) = (PageRequest { cursor: None, limit: 100 }, operation());
    let mut asked = Requests::of(github);
    asked.call("plugin.check", "", it.check()).await;
    let app = json!({ "repositories": [REPO], "app": "Iv23li", "installation": 77 });
    let app = house.provider(url, app, Some(("app", "octocat")));
    asked.call("credentials.describe-login", "", app.describe_login("app")).await;
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
    stores(&mut asked, it).await;
    definitions(&mut asked, it).await;
    deployments(&mut asked, it).await;
    asked.change(it, "", Change::ArtifactDelete { run: Some(run.clone()), artifact: kept.items[0].id.clone() }).await;
    asked.without("artifact-retention.keep-artifact", "GitHub keeps nothing longer than was said");
    let attestations = it.list_attestations(("sha256".into(), "ab".into()), None, &page);
    asked.call("attestations.list-attestations", "", attestations).await;
    github.world().wait_for(number, &[(7, "production")]);
    asked.call("run-gates.list-gates", "", it.list_gates(&run)).await;
    let decision = GateDecision { approve: true, comment: Some("fine".into()), inputs: BTreeMap::new() };
    asked.change(it, "", Change::GateResolve { run: run.clone(), gate: "environment:7".into(), decision }).await;
    github.world().end(number, "success");
    asked.change(it, "", Change::RunDelete { run }).await;
    if url == github.url() {
        asked.upload(it, house).await;
    } else {
        let why = "the bytes go to the address that GitHub names, past the judge";
        asked.without("artifact-uploads.plan-upload", why);
        asked.without("artifact-uploads.finish-upload", why);
    }
    asked.whole(it)
}

/// Secrets, variables, runners, webhooks.
async fn stores(asked: &mut Requests<'_, World>, it: &Provider) {
    let page = PageRequest { cursor: None, limit: 100 };
    let scope = || Some(REPO.to_owned());
    let put = Change::SecretPut {
        name: "DEPLOY_KEY".into(),
        scope: scope(),
        kind: "text".into(),
        parts: BTreeMap::from([("value".into(), "parameter".into())]),
        options: BTreeMap::new(),
    };
    asked.change(it, "", put).await;
    asked.call("secrets.list-secrets", "", it.list_secrets(scope().as_deref(), &page)).await;
    asked.change(it, "", Change::SecretDelete { name: "DEPLOY_KEY".into(), scope: scope() }).await;
    for (when, value) in [("that is new", "low"), ("that is there", "high")] {
        let (name, value) = ("LEVEL".into(), value.into());
        asked.change(it, when, Change::VariablePut { name, scope: scope(), value, options: BTreeMap::new() }).await;
    }
    asked.call("variables.list-variables", "", it.list_variables(scope().as_deref(), &page)).await;
    asked.change(it, "", Change::VariableDelete { name: "LEVEL".into(), scope: scope() }).await;
    for kind in ["token", "just-in-time"] {
        let options = BTreeMap::from([("x-owner".to_owned(), REPO.to_owned())]);
        let request = RunnerRequest { name: "new".into(), labels: vec!["x".into()], kind: kind.into(), options };
        asked.change(it, kind, Change::RunnerCreate { request, keep_as: "made".into() }).await;
    }
    let all = asked.call("runners.list-runners", "", it.list_runners(&page)).await.items;
    let runner = all[0].id.clone();
    asked.call("runners.get", "", it.get_runner(&runner)).await;
    asked.change(it, "", Change::RunnerLabel { runner: runner.clone(), labels: vec!["large".into()] }).await;
    asked.change(it, "", Change::RunnerDelete { runner }).await;

    let url = "https://nova.example/hook".to_owned();
    let secret = Some("parameter".to_owned());
    asked.change(it, "", Change::HookRegister { url, events: vec![], secret, options: BTreeMap::new() }).await;
    let hooks = asked.call("webhook-registration.list-hooks", "", it.list_hooks()).await;
    {
        let mut world = asked.server.world();
        let delivery = Sent {
            id: 20_000_000_001,
            guid: "a".into(),
            event: "workflow_run".into(),
            status_code: 502,
            at: 1_800_000_000_000,
            redelivery: false,
        };
        world.repo(REPO).hooks[0].deliveries.push(delivery);
    }
    let missed = asked.call("webhook-recovery.list-missed", "", it.list_missed(Timestamp(0), &page)).await.items;
    let (hook, delivery) = (missed[0].hook.clone(), missed[0].id.clone());
    asked.change(it, "", Change::HookRedeliver { hook, delivery }).await;
    asked.change(it, "", Change::HookUnregister { hook: hooks[0].id.clone() }).await;
}

/// Workflows, as files.
async fn definitions(asked: &mut Requests<'_, World>, it: &Provider) {
    let operation = operation();
    let definition = |source: &str| Definition {
        name: "new".into(),
        location: Some(".github/workflows/new.yml".into()),
        source: Some(source.as_bytes().into()),
        ..Definition::default()
    };
    let made = it
        .create_pipeline(&operation, definition("on: workflow_dispatch\njobs: {a: {runs-on: x, steps: [{run: a}]}}\n"));
    let made = asked.call("pipeline-definitions.create", "", made).await;
    asked.call("pipeline-definitions.read", "", it.read_definition(&made.id)).await;
    let changed = definition("on: workflow_dispatch\njobs: {b: {runs-on: x, steps: [{run: b}]}}\n");
    let update = it.update_pipeline(&operation, &made.id, changed, made.revision.as_deref());
    let made = asked.call("pipeline-definitions.update", "", update).await;
    asked.change(it, "", Change::PipelineSwitch { pipeline: made.id.clone(), enabled: false }).await;
    let copy = Change::PipelineCopy { pipeline: made.id.clone(), name: "Twin".into(), location: None };
    let Outcome::Pipeline(twin) = asked.change(it, "", copy).await else { unreachable!("a copy is a pipeline") };
    asked.change(it, "", Change::PipelineMove { pipeline: twin.id, name: Some("Moved".into()), location: None }).await;
    asked.call("pipeline-definitions.delete", "", it.delete_pipeline(&operation, &made.id, None)).await;
    let source = b"on: push".to_vec();
    asked.call("pipeline-lint.validate", "", it.lint(LintRequest { repository: None, reference: None, source })).await;
}

/// Environments and what is deployed to them.
async fn deployments(asked: &mut Requests<'_, World>, it: &Provider) {
    let page = PageRequest { cursor: None, limit: 100 };
    let environment = "acme/app/prod".to_owned();
    let rule = |kind: &str, value: &str| ProtectionRule { kind: kind.into(), value: value.into() };
    let protection = Some(vec![rule("wait", "5"), rule("reviewers", "User:583231"), rule("branches", "protected")]);
    let change =
        EnvironmentChange { name: environment.clone(), tier: None, url: None, protection, options: BTreeMap::new() };
    asked.change(it, "", Change::EnvironmentPut { change }).await;
    asked.call("environments.list-environments", "", it.list_environments(&page)).await;
    asked.call("environments.get", "", it.get_environment(&environment)).await;

    let request = |version: &str| DeployRequest {
        environment: "prod".into(),
        target: "web".into(),
        hosts: vec![],
        configuration: json!({ "repository": REPO }),
        credentials: BTreeMap::new(),
        artifact: DeployArtifact {
            name: "app".into(),
            version: version.into(),
            sha256: None,
            size: None,
            media_type: None,
            url: None,
        },
        reference: None,
        parameters: BTreeMap::new(),
        rollback_of: None,
        more: BTreeMap::new(),
    };
    let started = asked.change(it, "", Change::DeploymentStart { request: request("1.0") }).await;
    let Outcome::Deployment { deployment: Some(made), .. } = started else { unreachable!("{started:?}") };
    asked.without("deployments.resolve-ticket", "a deployment of GitHub's is one from the first moment");
    asked.call("deployments.get", "", it.get_deployment(&made.id)).await;
    asked.call("deployments.list-deployments", "", it.list_deployments(Some("prod"), &page)).await;
    let status = |state| Change::DeploymentStatus {
        deployment: made.id.clone(),
        state,
        reason: None,
        url: Some("https://log.example".into()),
    };
    asked.change(it, "", status(State::Succeeded)).await;
    asked.call("deployment-reconciliation.observe", "", it.observe_deployment("prod", "web")).await;
    let token = operation().id.correlation();
    let found = it.find_deployments(&token, Timestamp(0));
    asked.call("deployment-reconciliation.find-by-correlation", "", found).await;
    asked.change(it, "", Change::DeploymentRollback { to: made.id.clone() }).await;
    asked.without("environments.stop-environment", "GitHub's environments are not stopped");
    asked.change(it, "", Change::EnvironmentDelete { environment }).await;
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
        let text = String::from_utf8_lossy(&answer.body).replace("\"state\":\"active\"", "\"state\":1");
        answer.body = text.into();
    });
    let provider = house.provider(prism.url(), json!({ "repositories": [REPO] }), Some(("token", "octocat")));
    let error = provider.list_pipelines(&PageRequest { cursor: None, limit: 100 }).await.unwrap_err();
    let CallErrorKind::Upstream { status: 500, excerpt } = &error.kind else { unreachable!("{error:?}") };
    assert!(excerpt.contains("VIOLATIONS") && excerpt.contains("state"), "{excerpt}");
    spoke("prism", prism.version());
}
