//! Plugin `jenkins`.

use novacron_cicd_domain::{
    Timestamp,
    platform::{
        CancelTarget, Change, Definition, Delivery, LintRequest, LogRequest, PageRequest, RetryScope, RunFilter, RunRef,
    },
};
use novacron_cicd_fakes::{
    house::operation,
    jenkins::{BUILT_IN, FOLDER, Item, node},
};
use serde_json::json;

use super::{Call, try_all, try_deliveries};
use crate::jenkins::{Setup, request, tracked};

fn run() -> RunRef {
    RunRef { pipeline: "app".into(), run: "1".into(), attempt: None }
}

fn page() -> PageRequest {
    PageRequest { cursor: None, limit: 100 }
}

fn definition() -> Definition {
    Definition {
        name: "new".into(),
        location: Some("team".into()),
        source: Some("node {}".into()),
        ..Definition::default()
    }
}

fn calls() -> Vec<Call> {
    calls! {
        "plugin.check": |it| it.check();
        "pipelines.list-pipelines": |it| it.list_pipelines(&page());
        "pipelines.get": |it| it.get_pipeline("app");
        "pipelines.parameters": |it| it.parameters("app", None);
        "pipeline-definitions.read": |it| it.read_definition("app");
        "pipeline-definitions.create": |it| it.create_pipeline(&operation(), definition());
        "pipeline-definitions.update": |it| it.update_pipeline(&operation(), "app", definition(), None);
        "runs.trigger": |it| it.trigger(&operation(), request("app", &[("VERSION", "2")]));
        "runs.resolve-ticket": |it| it.resolve_ticket("app", "143");
        "runs.get": |it| it.get_run(&run());
        "run-search.find-by-correlation": |it| it.find_by_correlation("app", "nc-7", Timestamp(0));
        "run-listing.list-runs": |it| it.list_runs(RunFilter { pipeline: Some("app".into()), reference: None }, &page());
        "run-changes.list-changed": |it| it.list_changed(&["app".to_owned(), "team/other".to_owned()], Some(r#"{"since":1,"latest":1,"from":0,"open":[["app",1]]}"#));
        "run-cancel.cancel": |it| it.cancel(&operation(), &CancelTarget::Run(run()));
        "run-cancel.cancel, queued": |it| it.cancel(&operation(), &CancelTarget::Queued { pipeline: "app".into(), ticket: "144".into() });
        "run-force-cancel.force-cancel": |it| it.change(&operation(), Change::RunForceCancel { run: run() });
        "run-retry.retry": |it| it.retry(&operation(), &run(), RetryScope::All, "nc-8");
        "logs.read": |it| it.read_log(&LogRequest { run: run(), job: Some("build".into()), cursor: None, limit: 4096 });
        "artifacts.list-artifacts": |it| it.list_artifacts(Some(&run()), &page());
        "runners.list-runners": |it| it.list_runners(&page());
        "runners.get": |it| it.get_runner("agent-1");
        "runner-drain.set-draining": |it| it.change(&operation(), Change::RunnerDrain { runner: "agent-1".into(), draining: true, message: None });
        "run-gates.list-gates": |it| it.list_gates(&run());
        "pipeline-lint.validate": |it| it.lint(LintRequest { repository: None, reference: None, source: b"pipeline {}".to_vec() });
        "pipeline-state.set-enabled": |it| it.change(&operation(), Change::PipelineSwitch { pipeline: "app".into(), enabled: false });
        "pipeline-copies.copy": |it| it.change(&operation(), Change::PipelineCopy { pipeline: "app".into(), name: "b".into(), location: None });
        "secrets.list-secrets": |it| it.list_secrets(Some("team"), &page());
    }
}

#[test]
fn the_plugin_stands_whatever_a_jenkins_answers() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let setup = runtime.block_on(Setup::new(vec![tracked(), Item::folder("team", FOLDER, vec![Item::job("other")])]));
    let jenkins = &setup.jenkins;
    let config = "<flow-definition><definition class=\"o.CpsFlowDefinition\"><script>old</script></definition></flow-definition>";
    jenkins.world().items[0].config = config.into();
    jenkins.world().nodes = vec![node(BUILT_IN, "Built-In Node"), node("hudson.slaves.SlaveComputer", "agent-1")];
    for _ in 0..2 {
        runtime.block_on(setup.provider.trigger(&operation(), request("app", &[("VERSION", "1")]))).unwrap();
        if jenkins.waiting()[0] == 143 {
            jenkins.begin(143);
        }
    }
    let stage =
        json!({ "id": "5", "name": "Build", "status": "IN_PROGRESS", "startTimeMillis": 1, "durationMillis": 1 });
    jenkins.build("app", 1, |build| {
        build.log = Some("one\ntwo\n".into());
        build.artifacts = vec![("out/app.bin".into(), "bytes".into())];
        build.stages = vec![("pipeline-rest-api".into(), json!({ "stages": [stage] }))];
    });
    try_all(&runtime, jenkins, &setup.provider, &calls());
}

#[test]
fn the_plugin_stands_whatever_is_delivered() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let setup = runtime.block_on(Setup::new(vec![]));
    let body = json!({ "name": "app", "display_name": "app", "url": "job/app/", "build": {
        "full_url": "http://ci.example/job/app/1/", "number": 1, "queue_id": 143, "timestamp": 1, "duration": 1, "phase": "FINALIZED",
        "status": "SUCCESS", "url": "job/app/1/", "scm": {}, "parameters": { "VERSION": "1" }, "log": "", "notes": "", "artifacts": {},
    } });
    let delivery =
        Delivery { headers: vec![("content-type".into(), "application/json".into())], body: body.to_string().into() };
    try_deliveries(&runtime, &setup.provider, &[delivery]);
}
