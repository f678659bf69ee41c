//! Plugin `gitlab-ci`.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    platform::{
        CancelTarget, Change, Delivery, LogRequest, PageRequest, RetryScope, RunFilter, RunRef, Ticket, TriggerRequest,
    },
};
use novacron_cicd_fakes::{
    gitlab::{GitLab, Project, USER},
    house::{House, operation},
};
use novacron_cicd_runtime::Provider;
use serde_json::json;

use super::{Call, try_all, try_deliveries};

const APP: &str = "g/sub/app";
const DEFINITION: &str = "\
stages: [build, deploy]
build: { stage: build, script: [make] }
ship: { stage: deploy, when: manual, script: [make ship] }
";

fn run(id: u64) -> RunRef {
    RunRef { pipeline: APP.into(), run: id.to_string(), attempt: None }
}

fn page() -> PageRequest {
    PageRequest { cursor: None, limit: 100 }
}

fn request() -> TriggerRequest {
    TriggerRequest {
        pipeline: APP.into(),
        reference: None,
        parameters: BTreeMap::new(),
        environment: BTreeMap::new(),
        correlation: "0123456789abcdef0123456789abcdef".into(),
        callback: None,
        more: BTreeMap::new(),
    }
}

fn calls(id: u64, job: u64) -> Vec<Call> {
    calls! {
        "plugin.check": |it| it.check();
        "pipelines.list-pipelines": |it| it.list_pipelines(&page());
        "pipelines.get": |it| it.get_pipeline(APP);
        "pipelines.parameters": |it| it.parameters(APP, None);
        "pipeline-definitions.read": |it| it.read_definition(APP);
        "pipeline-schedules.list-schedules": |it| it.list_schedules(APP);
        "pipeline-triggers.list-tokens": |it| it.list_trigger_tokens(APP);
        "runs.trigger": |it| it.trigger(&operation(), request());
        "runs.get": |it| it.get_run(&run(id));
        "run-search.find-by-correlation": |it| it.find_by_correlation(APP, "nc-7", Timestamp(1_790_000_000_000));
        "run-listing.list-runs": |it| it.list_runs(RunFilter { pipeline: Some(APP.into()), reference: None }, &page());
        "run-changes.list-changed": |it| it.list_changed(&[APP.to_owned()], None);
        "run-cancel.cancel": |it| it.cancel(&operation(), &CancelTarget::Run(run(id)));
        "run-force-cancel.force-cancel": |it| it.change(&operation(), Change::RunForceCancel { run: run(id) });
        "run-retry.retry": |it| it.retry(&operation(), &run(id), RetryScope::Failed, "nc-8");
        "run-gates.list-gates": |it| it.list_gates(&run(id));
        "logs.read": |it| it.read_log(&LogRequest { run: run(id), job: Some(job.to_string()), cursor: None, limit: 4096 });
        "artifacts.list-artifacts": |it| it.list_artifacts(Some(&run(id)), &page());
        "secrets.list-secrets": |it| it.list_secrets(Some(APP), &page());
        "variables.list-variables": |it| it.list_variables(Some(APP), &page());
        "runners.list-runners": |it| it.list_runners(&page());
        "environments.list-environments": |it| it.list_environments(&page());
        "deployments.list-deployments": |it| it.list_deployments(None, &page());
        "webhook-registration.list-hooks": |it| it.list_hooks();
    }
}

async fn world() -> (GitLab, Provider, u64, u64) {
    let gitlab = GitLab::start(vec![Project::new(APP, DEFINITION)]).await;
    let provider =
        House::new("gitlab-ci").await.provider(&gitlab.url(), json!({ "project": APP }), Some(("token", USER)));
    let Ticket::Run(run) = provider.trigger(&operation(), request()).await.unwrap() else {
        unreachable!("it is a run")
    };
    let id = run.external_id.unwrap().parse().unwrap();
    let job = gitlab.job_named(id, "build");
    gitlab.begin(job);
    gitlab.write(job, b"made it\n");
    gitlab.end(job, "failed");
    (gitlab, provider, id, job)
}

#[test]
fn the_plugin_stands_whatever_a_gitlab_answers() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (gitlab, provider, id, job) = runtime.block_on(world());
    try_all(&runtime, &gitlab, &provider, &calls(id, job));
}

#[test]
fn the_plugin_stands_whatever_is_delivered_as_gitlabs() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (gitlab, provider, id, job) = runtime.block_on(world());
    let world = gitlab.world();
    let events = [world.pipeline_event(id), world.job_event(job)].map(|event| world.delivery(&event, "a token", 1));
    let deliveries = events.map(|event| Delivery { headers: event.headers, body: event.body });
    drop(world);
    try_deliveries(&runtime, &provider, &deliveries);
}
