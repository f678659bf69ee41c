//! Plugin `gitlab-ci`.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    platform::{
        CancelTarget, Change, Definition, Delivery, DeployArtifact, DeployRequest, DeployTicket, EnvironmentChange,
        GateDecision, Given, LintRequest, LogRequest, Outcome, PageRequest, ProtectionRule, RetryScope, RunFilter,
        RunRef, RunnerRequest, ScheduleChange, Ticket, TriggerRequest,
    },
    status::State,
};
use novacron_cicd_fakes::{
    gitlab::{GitLab, Project, USER, World},
    house::{House, operation},
};
use novacron_cicd_runtime::Provider;
use serde_json::json;

use super::Requests;

const APP: &str = "g/sub/app";
/// As the host makes them.
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const DEFINITION: &str = "\
spec:
  inputs:
    replicas: { type: number, default: 1 }
---
stages: [build, deploy]
include: [{ local: more.yml }]
variables:
  WHO: { value: world, description: Whom to greet }
build: { stage: build, script: [make] }
ask: { stage: build, when: manual, script: [make ask] }
ship: { stage: deploy, script: [make ship], environment: production }
";

fn page() -> PageRequest {
    PageRequest { cursor: None, limit: 100 }
}

fn file(source: Option<&str>) -> Definition {
    Definition {
        name: "new".into(),
        repository: Some("g/new".into()),
        location: Some("ci/app & more.yml".into()),
        source: source.map(|text| text.as_bytes().into()),
        environment: BTreeMap::from([("STAGE".to_owned(), "test".to_owned())]),
        ..Definition::default()
    }
}

/// Ends every job that can begin.
fn finish(gitlab: &GitLab, status: &str) {
    while let Some(job) = gitlab.pending().first().copied() {
        gitlab.begin(job);
        gitlab.end(job, status);
    }
}

fn number(ticket: Ticket) -> u64 {
    let Ticket::Run(run) = ticket else { unreachable!("GitLab says which run it is") };
    run.external_id.unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_the_plugin_asks_of_a_gitlab() {
    let projects = vec![Project::new(APP, DEFINITION), Project::new("g/new", "build: { script: [make] }\n")];
    let (gitlab, house) = (GitLab::start(projects).await, House::new("gitlab-ci").await);
    let settings = json!({ "project": APP, "projects": [APP] });
    let it = &house.provider(&gitlab.url(), settings, Some(("token", USER)));
    let all = house.provider(&gitlab.url(), json!({}), Some(("oauth", USER)));
    let group = house.provider(&gitlab.url(), json!({ "group": "g" }), Some(("token", USER)));
    let mut asked = Requests::of(&gitlab);

    asked.call("plugin.check", "", it.check()).await;
    asked.call("pipelines.list-pipelines", "by name", it.list_pipelines(&page())).await;
    asked.call("pipelines.list-pipelines", "of a group", group.list_pipelines(&page())).await;
    gitlab.world().token = novacron_cicd_fakes::house::secret("oauth");
    asked.call("pipelines.list-pipelines", "of an OAuth account", all.list_pipelines(&page())).await;
    gitlab.world().token = novacron_cicd_fakes::house::secret("token");
    asked.call("pipelines.get", "", it.get_pipeline(APP)).await;
    asked.call("pipelines.parameters", "", it.parameters(APP, None)).await;
    runs(&mut asked, it, &gitlab).await;
    definitions(&mut asked, it).await;
    stores(&mut asked, it).await;
    deployments(&mut asked, it, &gitlab).await;
    asked.upload(it, &house).await;
    insta::assert_snapshot!("gitlab", asked.whole(it));
}

/// From the start of a run to its deletion.
async fn runs(asked: &mut Requests<'_, World>, it: &Provider, gitlab: &GitLab) {
    let operation = operation();
    let request = TriggerRequest {
        pipeline: APP.into(),
        reference: Some("main".into()),
        parameters: BTreeMap::from([
            ("replicas".to_owned(), Given::text("3")),
            ("WHO".to_owned(), Given::text("nova & co")),
            ("KEY".to_owned(), Given::secret("parameter")),
        ]),
        environment: BTreeMap::from([("LEVEL".to_owned(), Given::text("2"))]),
        correlation: TOKEN.into(),
        callback: None,
        more: BTreeMap::new(),
    };
    let id = number(asked.call("runs.trigger", "", it.trigger(&operation, request)).await);
    let run = RunRef { pipeline: APP.into(), run: id.to_string(), attempt: None };
    let found = it.find_by_correlation(APP, TOKEN, Timestamp(1_790_000_000_000));
    asked.call("run-search.find-by-correlation", "", found).await;
    let job = gitlab.job_named(id, "build");
    gitlab.begin(job);
    gitlab.write(job, b"made it\n");
    asked.call("runs.get", "", it.get_run(&run)).await;
    gitlab.world().graphql = false;
    asked.call("runs.get", "without GraphQL", it.get_run(&run)).await;
    gitlab.world().graphql = true;
    let filter = || RunFilter { pipeline: Some(APP.into()), reference: Some("main".into()) };
    asked.call("run-listing.list-runs", "", it.list_runs(filter(), &page())).await;
    let all = [APP.to_owned()];
    let changes = asked.call("run-changes.list-changed", "at first", it.list_changed(&all, None)).await;
    let since = it.list_changed(&all, Some(&changes.position));
    asked.call("run-changes.list-changed", "since then", since).await;
    let log = || LogRequest { run: run.clone(), job: Some(job.to_string()), cursor: Some("4".into()), limit: 4096 };
    asked.call("logs.read", "that grows", it.read_log(&log())).await;
    gitlab.job(job, |job| job.artifacts = Some(b"PK".to_vec()));
    gitlab.end(job, "failed");
    let whole = LogRequest { cursor: None, ..log() };
    asked.call("logs.read", "that may be on its way to the archive", it.read_log(&whole)).await;
    let kept = asked.call("artifacts.list-artifacts", "", it.list_artifacts(Some(&run), &page())).await;
    let archive = kept.items[0].id.clone();
    asked.call("artifacts.plan-download", "", it.plan_download(Some(&run), &archive, None)).await;
    let change = |artifact: String| Change::ArtifactKeep { run: Some(run.clone()), artifact };
    asked.change(it, "", change(archive.clone())).await;
    asked.change(it, "", Change::ArtifactDelete { run: Some(run.clone()), artifact: archive }).await;
    asked.call("artifacts.list-artifacts", "of no run", it.list_artifacts(None, &page())).await;

    let again = it.retry(&operation, &run, RetryScope::Failed, TOKEN);
    asked.call("run-retry.retry", "of what failed", again).await;
    finish(gitlab, "failed");
    let job = gitlab.job_named(id, "build");
    let again = it.retry(&operation, &run, RetryScope::Job(job.to_string()), TOKEN);
    asked.call("run-retry.retry", "of a job", again).await;
    asked.call("run-gates.list-gates", "", it.list_gates(&run)).await;
    let gate = gitlab.job_named(id, "ask").to_string();
    let inputs = BTreeMap::from([("WHO".to_owned(), Given::text("me"))]);
    let decision = GateDecision { approve: true, comment: None, inputs: inputs.clone() };
    asked.change(it, "", Change::GateResolve { run: run.clone(), gate: gate.clone(), decision }).await;
    gitlab.job(gate.parse().unwrap(), |job| job.status = "manual".into());
    asked.change(it, "", Change::RunPlay { run: run.clone(), job: gate.clone(), variables: inputs }).await;
    gitlab.job(gate.parse().unwrap(), |job| job.status = "manual".into());
    let decision = GateDecision { approve: false, comment: None, inputs: BTreeMap::new() };
    asked.change(it, "that is turned down", Change::GateResolve { run: run.clone(), gate, decision }).await;
    gitlab.begin(gitlab.job_named(id, "build"));
    asked.call("run-cancel.cancel", "", it.cancel(&operation, &CancelTarget::Run(run.clone()))).await;
    asked.change(it, "", Change::RunForceCancel { run: run.clone() }).await;
    let event = gitlab.world().pipeline_event(id);
    let event = gitlab.world().delivery(&event, "a token", 1);
    let delivery = Delivery { headers: event.headers, body: event.body };
    asked.call("webhooks.decode", "", it.decode_webhook(delivery)).await;
    asked.change(it, "", Change::RunDelete { run }).await;
}

/// The file, its schedules, its trigger tokens.
async fn definitions(asked: &mut Requests<'_, World>, it: &Provider) {
    let operation = operation();
    let made = it.create_pipeline(&operation, file(Some("build: { script: [a] }\n")));
    let made = asked.call("pipeline-definitions.create", "", made).await;
    asked.call("pipeline-definitions.read", "", it.read_definition(&made.id)).await;
    let update = it.update_pipeline(&operation, &made.id, file(None), made.revision.as_deref());
    asked.call("pipeline-definitions.update", "", update).await;
    asked.call("pipeline-definitions.delete", "", it.delete_pipeline(&operation, &made.id, None)).await;
    asked.change(it, "", Change::PipelineSwitch { pipeline: made.id, enabled: false }).await;
    let lint = |reference: Option<&str>| LintRequest {
        repository: None,
        reference: reference.map(str::to_owned),
        source: b"build: { script: [a] }".to_vec(),
    };
    asked.call("pipeline-lint.validate", "", it.lint(lint(None))).await;
    asked.call("pipeline-lint.validate", "as if it ran", it.lint(lint(Some("main")))).await;

    let change = |cron: &str, variable: &str| ScheduleChange {
        cron: cron.into(),
        timezone: None,
        reference: None,
        enabled: true,
        description: Some("nightly".into()),
        variables: BTreeMap::from([(variable.to_owned(), Given::text("1 & 2"))]),
    };
    let put = |schedule: Option<String>, change| Change::SchedulePut { pipeline: APP.into(), schedule, change };
    let made = asked.change(it, "that is new", put(None, change("0 1 * * *", "A"))).await;
    let Outcome::Schedule(made) = made else { unreachable!("{made:?}") };
    asked.change(it, "that is there", put(Some(made.id.clone()), change("0 2 * * *", "B"))).await;
    asked.call("pipeline-schedules.list-schedules", "", it.list_schedules(APP)).await;
    let played = asked.change(it, "", Change::SchedulePlay { pipeline: APP.into(), schedule: made.id.clone() }).await;
    let Outcome::Run { ticket: Some(ticket), .. } = played else { unreachable!("{played:?}") };
    asked.call("runs.resolve-ticket", "of a schedule that was played", it.resolve_ticket(APP, &ticket)).await;
    asked.change(it, "", Change::ScheduleDelete { pipeline: APP.into(), schedule: made.id }).await;

    let create =
        Change::TriggerTokenCreate { pipeline: APP.into(), description: "for the shop".into(), keep_as: "made".into() };
    let made = asked.change(it, "", create).await;
    let Outcome::TriggerToken(made) = made else { unreachable!("{made:?}") };
    asked.call("pipeline-triggers.list-tokens", "", it.list_trigger_tokens(APP)).await;
    asked.change(it, "", Change::TriggerTokenDelete { pipeline: APP.into(), token: made.id }).await;
}

/// Secrets, variables, runners, webhooks.
async fn stores(asked: &mut Requests<'_, World>, it: &Provider) {
    let scope = || Some(format!("{APP}@prod"));
    let put = || Change::SecretPut {
        name: "DEPLOY_KEY".into(),
        scope: scope(),
        kind: "text".into(),
        parts: BTreeMap::from([("value".into(), "parameter".into())]),
        options: BTreeMap::from([("hidden".to_owned(), "true".to_owned())]),
    };
    asked.change(it, "that is new", put()).await;
    asked.change(it, "that is there", put()).await;
    asked.call("secrets.list-secrets", "", it.list_secrets(scope().as_deref(), &page())).await;
    asked.change(it, "", Change::SecretDelete { name: "DEPLOY_KEY".into(), scope: scope() }).await;
    let variable = |value: &str| Change::VariablePut {
        name: "LEVEL".into(),
        scope: None,
        value: value.into(),
        options: BTreeMap::from([("description".to_owned(), "how much".to_owned())]),
    };
    asked.change(it, "that is new", variable("low")).await;
    asked.change(it, "that is there", variable("high")).await;
    asked.call("variables.list-variables", "", it.list_variables(None, &page())).await;
    asked.change(it, "", Change::VariableDelete { name: "LEVEL".into(), scope: None }).await;

    let request = RunnerRequest {
        name: "vm-7".into(),
        labels: vec!["linux".into()],
        kind: "token".into(),
        options: BTreeMap::new(),
    };
    let made = asked.change(it, "", Change::RunnerCreate { request, keep_as: "made".into() }).await;
    let Outcome::Runner { id: Some(runner), .. } = made else { unreachable!("{made:?}") };
    asked.call("runners.list-runners", "", it.list_runners(&page())).await;
    asked.call("runners.get", "", it.get_runner(&runner)).await;
    let message = Some("a disk".to_owned());
    asked.change(it, "", Change::RunnerDrain { runner: runner.clone(), draining: true, message }).await;
    asked.change(it, "", Change::RunnerLabel { runner: runner.clone(), labels: vec![] }).await;
    let project = || "g/new".to_owned();
    asked.change(it, "", Change::RunnerAssign { runner: runner.clone(), project: project() }).await;
    asked.change(it, "", Change::RunnerUnassign { runner: runner.clone(), project: project() }).await;
    asked.change(it, "", Change::RunnerDelete { runner }).await;

    let register = || Change::HookRegister {
        url: "https://nova.example/hook".into(),
        events: vec![],
        secret: Some("parameter".into()),
        options: BTreeMap::new(),
    };
    asked.change(it, "that is new", register()).await;
    asked.change(it, "that is there", register()).await;
    let hooks = asked.call("webhook-registration.list-hooks", "", it.list_hooks()).await;
    let event = json!({ "id": 7, "trigger": "pipeline_hooks", "response_status": "503", "response_headers": {} });
    asked.server.world().projects[0].hook_events = vec![event];
    let missed = asked.call("webhook-recovery.list-missed", "", it.list_missed(Timestamp(0), &page())).await.items;
    let (hook, delivery) = (missed[0].hook.clone(), missed[0].id.clone());
    asked.change(it, "", Change::HookRedeliver { hook, delivery }).await;
    asked.change(it, "", Change::HookUnregister { hook: hooks[0].id.clone() }).await;
}

/// Environments and what is deployed to them.
async fn deployments(asked: &mut Requests<'_, World>, it: &Provider, gitlab: &GitLab) {
    let rule = |kind: &str, value: &str| ProtectionRule { kind: kind.into(), value: value.into() };
    let put = |protection: Option<Vec<ProtectionRule>>| Change::EnvironmentPut {
        change: EnvironmentChange {
            name: "staging".into(),
            tier: Some("staging".into()),
            url: Some("https://staging.example".into()),
            protection,
            options: BTreeMap::new(),
        },
    };
    let rules = vec![rule("deployers", "40"), rule("reviewers", "2")];
    let made = asked.change(it, "that is new", put(Some(rules))).await;
    let Outcome::Environment(made) = made else { unreachable!("{made:?}") };
    asked.change(it, "that is there", put(None)).await;
    asked.call("environments.list-environments", "", it.list_environments(&page())).await;
    asked.call("environments.get", "", it.get_environment(&made.id)).await;
    asked.change(it, "", Change::EnvironmentStop { environment: made.id.clone() }).await;
    asked.change(it, "", Change::EnvironmentDelete { environment: made.id }).await;

    let start = || Change::DeploymentStart {
        request: DeployRequest {
            environment: "production".into(),
            target: "web".into(),
            hosts: vec!["a".into(), "b".into()],
            configuration: json!({}),
            credentials: BTreeMap::from([("ssh key".to_owned(), Given::secret("parameter"))]),
            artifact: DeployArtifact {
                name: "app".into(),
                version: "1.0".into(),
                sha256: Some("ab".repeat(32)),
                size: None,
                media_type: None,
                url: None,
            },
            reference: None,
            parameters: BTreeMap::new(),
            rollback_of: None,
            more: BTreeMap::new(),
        },
    };
    let ticket = |started: Outcome| match started {
        Outcome::Deployment { ticket: Some(ticket), .. } => ticket,
        other => unreachable!("{other:?}"),
    };
    let queued = ticket(asked.change(it, "", start()).await);
    let found = asked.call("deployments.resolve-ticket", "", it.resolve_deploy_ticket(&queued)).await;
    let DeployTicket::Deployment(first) = found else { unreachable!("{found:?}") };
    finish(gitlab, "success");
    asked.call("deployments.get", "", it.get_deployment(&first.id)).await;
    asked.call("deployments.list-deployments", "", it.list_deployments(Some("production"), &page())).await;
    asked.call("deployment-reconciliation.observe", "", it.observe_deployment("production", "web")).await;
    let token = operation().id.correlation();
    let found = it.find_deployments(&token, Timestamp(1_790_000_000_000));
    asked.call("deployment-reconciliation.find-by-correlation", "", found).await;
    let back = ticket(asked.change(it, "", Change::DeploymentRollback { to: first.id.clone() }).await);
    let found = it.resolve_deploy_ticket(&back);
    let DeployTicket::Deployment(back) = asked.call("deployments.resolve-ticket", "of a rollback", found).await else {
        unreachable!("it has begun")
    };
    asked.change(it, "", Change::DeploymentCancel { deployment: back.id }).await;
    for row in &mut gitlab.world().projects[0].deployments {
        if row["id"].as_u64() == first.id.parse().ok() {
            row["status"] = json!("blocked");
        }
    }
    let approve = Change::DeploymentApprove { deployment: first.id, approve: true, comment: Some("fine".into()) };
    asked.change(it, "", approve).await;
    let external =
        json!({ "id": 900, "iid": 9, "ref": "main", "sha": "a", "status": "running", "environment": { "id": 0 } });
    gitlab.world().projects[0].deployments.push(external);
    let status = |state| Change::DeploymentStatus { deployment: "900".into(), state, reason: None, url: None };
    asked.change(it, "", status(State::Succeeded)).await;
}
