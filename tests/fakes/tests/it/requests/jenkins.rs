//! Plugin `jenkins`.

use std::collections::BTreeMap;

use novacron_cicd_domain::Timestamp;
use novacron_cicd_domain::platform::{
    CancelTarget, Change, Definition, Delivery, DeployArtifact, DeployRequest, GateDecision, Given, LintRequest,
    LogRequest, Outcome, PageRequest, RetryScope, RunFilter, RunRef, Ticket,
};
use novacron_cicd_fakes::{
    house::operation,
    jenkins::{BUILT_IN, FOLDER, Item, World, node},
};
use serde_json::json;

use super::Requests;
use crate::jenkins::{Setup, request, tracked};

fn run(pipeline: &str, number: u64) -> RunRef {
    RunRef { pipeline: pipeline.into(), run: number.to_string(), attempt: None }
}

/// Of a job that is named by the target.
async fn deployments(setup: &Setup, asked: &mut Requests<'_, World>) {
    let (it, page) = (&setup.provider, PageRequest { cursor: None, limit: 100 });
    let convention = ["NOVACRON_CORRELATION", "NOVACRON_ENVIRONMENT", "NOVACRON_TARGET", "NOVACRON_ARTIFACT_VERSION"];
    let job = Item::job("deploy").with_strings(&convention.map(|name| (name, "")));
    setup.jenkins.world().items.push(job);
    let start = Change::DeploymentStart {
        request: DeployRequest {
            environment: "prod".into(),
            target: "web".into(),
            hosts: vec![],
            configuration: json!({ "job": "deploy" }),
            credentials: BTreeMap::new(),
            artifact: DeployArtifact { name: "app".into(), version: "1.0".into(), ..DeployArtifact::default() },
            reference: None,
            parameters: BTreeMap::new(),
            rollback_of: None,
            more: BTreeMap::new(),
        },
    };
    let outcome = asked.change(it, "", start).await;
    let Outcome::Deployment { ticket: Some(ticket), .. } = outcome else { unreachable!("{outcome:?}") };
    asked.call("deployments.resolve-ticket", "", it.resolve_deploy_ticket(&ticket)).await;
    setup.jenkins.begin(*setup.jenkins.waiting().last().unwrap());
    setup.jenkins.end("deploy", 1, "SUCCESS");
    asked.call("deployments.get", "", it.get_deployment("deploy#1")).await;
    asked.call("deployments.list-deployments", "", it.list_deployments(None, &page)).await;
    asked.call("deployment-reconciliation.observe", "", it.observe_deployment("prod", "web")).await;
    let token = operation().id.correlation();
    let found = it.find_deployments(&token, Timestamp(1_790_000_000_000));
    asked.call("deployment-reconciliation.find-by-correlation", "", found).await;
    asked.change(it, "", Change::DeploymentRollback { to: "deploy#1".into() }).await;
    asked.change(it, "", Change::DeploymentCancel { deployment: "deploy#1".into() }).await;
}

#[tokio::test]
async fn what_the_plugin_asks_of_a_jenkins() {
    let branch = Item::job("dev%2Fmain").with_strings(&[("VERSION", "1.0")]);
    let setup = Setup::new(vec![tracked(), Item::folder("a team", FOLDER, vec![branch])]).await;
    setup.jenkins.world().nodes = vec![node(BUILT_IN, "Built-In Node"), node("hudson.slaves.SlaveComputer", "agent 1")];
    let (it, page, operation) = (&setup.provider, PageRequest { cursor: None, limit: 100 }, operation());
    let mut asked = Requests::of(&setup.jenkins);

    asked.call_beside("plugin.check", "", it.check()).await;
    let login = setup.by_password();
    asked.call("credentials.describe-login", "", login.describe_login("password")).await;
    asked.call_beside("plugin.check", "by a password", login.check()).await;
    asked.call("pipelines.list-pipelines", "", it.list_pipelines(&page)).await;
    asked.call("pipelines.get", "in a folder", it.get_pipeline("a team/dev%2Fmain")).await;
    asked.call("pipelines.parameters", "", it.parameters("app", None)).await;

    let wanted = Definition {
        name: "new & odd".into(),
        location: Some("a team/sub".into()),
        repository: Some("https://git.example/app".into()),
        reference: Some("main".into()),
        environment: std::iter::once(("STAGE".to_owned(), "test".to_owned())).collect(),
        ..Definition::default()
    };
    let made = asked.call("pipeline-definitions.create", "", it.create_pipeline(&operation, wanted)).await;
    asked.call("pipeline-definitions.read", "", it.read_definition(&made.id)).await;
    let text = Definition { name: "new & odd".into(), source: Some("node {}".into()), ..Definition::default() };
    let update = it.update_pipeline(&operation, &made.id, text, made.revision.as_deref());
    asked.call("pipeline-definitions.update", "", update).await;
    asked.call("pipeline-definitions.delete", "", it.delete_pipeline(&operation, &made.id, None)).await;

    let first = run("app", 1);
    let given = request("app", &[("VERSION", "2 & \u{e4}")]);
    let ticket = asked.call("runs.trigger", "with parameters", it.trigger(&operation, given)).await;
    let Ticket::Queued(ticket) = ticket else { unreachable!("Jenkins queues") };
    asked.call("runs.resolve-ticket", "that waits", it.resolve_ticket("app", &ticket)).await;
    setup.jenkins.begin(setup.jenkins.waiting()[0]);
    asked.call("runs.resolve-ticket", "that began", it.resolve_ticket("app", &ticket)).await;
    setup.jenkins.forget_left();
    asked.call("runs.resolve-ticket", "that is forgotten", it.resolve_ticket("app", &ticket)).await;
    asked.call("runs.get", "whose stages nobody asked for yet", it.get_run(&first)).await;
    asked.call("runs.get", "once more", it.get_run(&first)).await;
    let found = it.find_by_correlation("app", "nc-7", Timestamp(1_790_000_000_000));
    asked.call("run-search.find-by-correlation", "", found).await;
    let filter = RunFilter { pipeline: Some("app".into()), reference: None };
    asked.call("run-listing.list-runs", "", it.list_runs(filter, &page)).await;
    let watched = ["app".to_owned(), "a team/dev%2Fmain".to_owned()];
    asked.call("run-changes.list-changed", "of many jobs", it.list_changed(&watched, None)).await;
    asked.call("run-changes.list-changed", "of one", it.list_changed(&watched[..1], None)).await;
    setup.jenkins.build("app", 1, |build| build.log = Some("one\n".into()));
    let log = LogRequest { run: first.clone(), job: Some("build".into()), cursor: None, limit: 4096 };
    asked.call("logs.read", "", it.read_log(&log)).await;
    setup.jenkins.build("app", 1, |build| build.artifacts = vec![("out dir/app#1.bin".into(), "bytes".into())]);
    let kept = asked.call("artifacts.list-artifacts", "", it.list_artifacts(Some(&first), &page)).await;
    let plan = it.plan_download(Some(&first), &kept.items[0].id, None);
    asked.call("artifacts.plan-download", "", plan).await;
    asked.call("run-cancel.cancel", "of a build", it.cancel(&operation, &CancelTarget::Run(first.clone()))).await;
    for when in ["", "again"] {
        asked.change(it, when, Change::RunForceCancel { run: first.clone() }).await;
    }
    setup.jenkins.build("app", 1, |build| build.inputs = vec!["Gate".into()]);
    asked.call("run-gates.list-gates", "", it.list_gates(&first)).await;
    let decision =
        GateDecision { approve: true, comment: None, inputs: BTreeMap::from([("WHO".into(), Given::text("me"))]) };
    asked.change(it, "", Change::GateResolve { run: first.clone(), gate: "Gate".into(), decision }).await;
    setup.jenkins.end("app", 1, "ABORTED");
    let again = it.retry(&operation, &first, RetryScope::All, "nc-8");
    let Ticket::Queued(ticket) = asked.call("run-retry.retry", "", again).await else { unreachable!("it queues") };
    let waiting = CancelTarget::Queued { pipeline: "app".into(), ticket };
    asked.call("run-cancel.cancel", "of what waits", it.cancel(&operation, &waiting)).await;

    asked.change(it, "", Change::RunDelete { run: first }).await;

    asked.call("runners.list-runners", "", it.list_runners(&page)).await;
    asked.call("runners.get", "", it.get_runner("(built-in)")).await;
    let message = Some("a disk & more".into());
    asked.change(it, "", Change::RunnerDrain { runner: "agent 1".into(), draining: true, message }).await;
    asked.change(it, "", Change::RunnerDelete { runner: "agent 1".into() }).await;

    let source = b"pipeline { agent any }".to_vec();
    let lint = LintRequest { repository: None, reference: None, source };
    asked.call("pipeline-lint.validate", "", it.lint(lint)).await;
    asked.change(it, "", Change::PipelineSwitch { pipeline: "app".into(), enabled: false }).await;
    let folder = Some("a team".to_owned());
    asked
        .change(it, "", Change::PipelineCopy { pipeline: "app".into(), name: "twin".into(), location: folder.clone() })
        .await;
    let moved = Change::PipelineMove { pipeline: "app".into(), name: Some("a & b".into()), location: folder.clone() };
    asked.change(it, "", moved).await;
    let put = |kind: &str, parts: &[&str]| Change::SecretPut {
        name: format!("{kind}-1"),
        scope: folder.clone(),
        kind: kind.into(),
        parts: parts.iter().map(|part| ((*part).to_owned(), "parameter".to_owned())).collect(),
        options: BTreeMap::from([("description".to_owned(), "of a < b".to_owned())]),
    };
    asked.change(it, "", put("text", &["value"])).await;
    asked.change(it, "that is there", put("text", &["value"])).await;
    asked.change(it, "of a pair", put("username-password", &["username", "password"])).await;
    asked.call("secrets.list-secrets", "", it.list_secrets(folder.as_deref(), &page)).await;
    asked.change(it, "", Change::SecretDelete { name: "text-1".into(), scope: folder.clone() }).await;
    deployments(&setup, &mut asked).await;
    let body = json!({ "name": "app", "build": { "phase": "COMPLETED", "number": 1, "url": "job/app/1/" } });
    let delivery = Delivery { headers: vec![], body: body.to_string().into() };
    asked.call("webhooks.decode", "", it.decode_webhook(delivery)).await;

    insta::assert_snapshot!("jenkins", asked.whole(it));
}
