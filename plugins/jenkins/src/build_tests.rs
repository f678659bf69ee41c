#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_sdk::types::State;
use serde_json::json;

use super::*;
use crate::settings::Settings;

fn client() -> Client {
    Client { base_url: "https://ci.example/jenkins/".into(), settings: Settings::default(), slot: None }
}

fn build(value: Value) -> Build {
    serde_json::from_value(value).unwrap()
}

/// As core answers, with the shapes of other plugins' actions between.
fn whole() -> Value {
    json!({
        "_class": "org.jenkinsci.plugins.workflow.job.WorkflowRun",
        "actions": [
            { "_class": "hudson.model.ParametersAction", "parameters": [
                { "_class": "hudson.model.StringParameterValue", "name": "VERSION", "value": "1.4.0" },
                { "_class": "hudson.model.BooleanParameterValue", "name": "DRY", "value": true },
                { "_class": "hudson.model.PasswordParameterValue", "name": "KEY" },
                { "_class": "hudson.model.StringParameterValue", "name": "NOVACRON_CORRELATION", "value": "nc-7" },
            ] },
            { "_class": "hudson.model.CauseAction", "causes": [
                { "_class": "hudson.model.Cause$UserIdCause", "shortDescription": "Started by user martin", "userId": "martin" },
            ] },
            {},
            null,
            { "_class": "org.example.Odd", "parameters": { "name": "no list" }, "causes": 7 },
            { "_class": "jenkins.metrics.impl.TimeInQueueAction", "queuingDurationMillis": 4_000 },
            { "_class": "hudson.plugins.git.util.BuildData", "lastBuiltRevision": {
                "SHA1": "53a1e9f8c0a7", "branch": [{ "SHA1": "53a1e9f8c0a7", "name": "refs/remotes/origin/dev/main" }],
            } },
        ],
        "building": false, "inProgress": false, "result": "UNSTABLE", "number": 17, "queueId": 143,
        "timestamp": 1_524_074_837_000_u64, "duration": 60_000, "displayName": "#17", "builtOn": "",
    })
}

#[test]
fn a_build_is_a_run_with_all_that_jenkins_tells() {
    let run = build(whole()).run(&client(), "a/b");
    assert_eq!((run.identity.pipeline.as_str(), run.identity.run.as_str(), run.identity.attempt), ("a/b", "17", None));
    assert_eq!((run.number.as_deref(), run.name), (Some("17"), None));
    assert_eq!((run.status.state, run.status.reason.as_deref()), (State::Succeeded, Some("unstable")));
    let times = Times {
        created: Some(1_524_074_833_000),
        started: Some(1_524_074_837_000),
        finished: Some(1_524_074_897_000),
        updated: None,
    };
    assert_eq!(run.times, times);
    assert_eq!((run.reference.as_deref(), run.commit.as_deref()), (Some("dev/main"), Some("53a1e9f8c0a7")));
    assert_eq!(
        (run.actor.as_deref(), run.origin.as_str(), run.correlation.as_deref()),
        (Some("martin"), "api", Some("nc-7"))
    );
    assert_eq!(run.url.as_deref(), Some("https://ci.example/jenkins/job/a/job/b/17/"));
    let given = [attribute("VERSION", "1.4.0"), attribute("DRY", "true"), attribute("KEY", "")];
    assert_eq!(run.parameters, given);
    assert_eq!(run.more, [attribute("x-cause", "Started by user martin")]);
    assert_eq!(run.graph, None);
}

#[test]
fn a_build_that_says_nothing_is_still_a_run() {
    let run = build(json!({ "number": 3, "result": null, "timestamp": null, "actions": [] })).run(&client(), "a");
    assert_eq!((run.status.state, run.times, run.origin.as_str()), (State::Failed, Times::default(), "unknown"));
}

#[test]
fn a_repeated_build_is_not_ours_though_it_has_our_parameters() {
    let mut value = whole();
    value["actions"][1]["causes"][0] = json!({ "_class": "org.jenkinsci.plugins.workflow.cps.replay.ReplayCause" });
    let run = build(value).run(&client(), "a");
    assert_eq!((run.correlation, run.origin.as_str()), (None, "retry"));
}

#[test]
fn what_goes_on_has_no_end() {
    let on = |building: bool, in_progress: bool| {
        let mut value = whole();
        value["building"] = building.into();
        value["inProgress"] = in_progress.into();
        let times = build(value).times();
        (times.started.is_some(), times.finished.is_some())
    };
    assert_eq!(on(true, true), (true, false));
    assert_eq!(on(false, true), (true, false));
    assert_eq!(on(false, false), (true, true));
}

#[test]
fn a_time_limit_is_told_from_a_persons_wish() {
    let interrupted = |causes: Value| {
        let action = json!({ "_class": "jenkins.model.InterruptedBuildAction", "causes": causes });
        build(json!({ "number": 1, "result": "ABORTED", "actions": [action] })).status(&client()).state
    };
    let limit = json!({ "_class": "org.jenkinsci.plugins.workflow.steps.TimeoutStepExecution$ExceededTimeout" });
    let person = json!({ "_class": "jenkins.model.CauseOfInterruption$UserInterruption" });
    assert_eq!(interrupted(json!([limit])), State::Failed);
    assert_eq!(interrupted(json!([person])), State::Canceled);
    assert_eq!(interrupted(json!([limit, person])), State::Canceled);
    assert_eq!(interrupted(json!([])), State::Canceled);
}

#[test]
fn what_started_a_build_is_its_origin() {
    let rows: [(&[&str], &str, bool); 12] = [
        (&["hudson.model.Cause$UserIdCause"], "manual", true),
        (&["hudson.model.Cause$RemoteCause"], "api", true),
        (&["hudson.triggers.TimerTrigger$TimerTriggerCause"], "schedule", false),
        (&["hudson.triggers.SCMTrigger$SCMTriggerCause"], "push", false),
        (&["com.cloudbees.jenkins.GitHubPushCause"], "push", false),
        (&["jenkins.branch.BranchEventCause"], "push", false),
        (&["jenkins.branch.BranchIndexingCause"], "push", false),
        (&["hudson.model.Cause$UpstreamCause"], "upstream", false),
        (&["org.jenkinsci.plugins.workflow.support.steps.build.BuildUpstreamCause"], "upstream", false),
        (&["hudson.model.Cause$UserIdCause", "org.jenkinsci.plugins.workflow.cps.replay.ReplayCause"], "retry", true),
        (&["org.example.Whim"], "unknown", false),
        (&[], "unknown", true),
    ];
    for (classes, origin, asked) in rows {
        let causes: Vec<Value> = classes.iter().map(|class| json!({ "_class": class })).collect();
        let build =
            build(json!({ "number": 1, "actions": [{ "_class": "hudson.model.CauseAction", "causes": causes }] }));
        assert_eq!(build.run(&client(), "a").origin, origin, "{classes:?}");
        assert_eq!(build.was_asked_for(), asked, "{classes:?}");
    }
}

#[test]
fn a_branch_is_named_without_its_remote() {
    let rows = [
        ("refs/remotes/origin/main", Some("main")),
        ("origin/dev/main", Some("dev/main")),
        ("refs/heads/main", Some("main")),
        ("main", Some("main")),
        ("detached", None),
    ];
    for (name, expected) in rows {
        assert_eq!(branch(&json!({ "branch": [{ "name": name }] })).as_deref(), expected);
    }
    assert_eq!(branch(&json!({ "branch": [] })), None);
}

#[test]
fn a_build_without_stages_is_one_job() {
    let mut value = whole();
    value["builtOn"] = "agent-1".into();
    let graph = build(value).graph(&client(), "a/b");
    assert_eq!((graph.jobs.len(), graph.edges.as_str(), graph.complete), (1, "exact", true));
    let job = &graph.jobs[0];
    assert_eq!((job.id.as_str(), job.runner.as_deref(), job.status.state), (WHOLE, Some("agent-1"), State::Succeeded));
    assert_eq!(job.url.as_deref(), Some("https://ci.example/jenkins/job/a/job/b/17/console/"));
}

#[test]
fn the_cells_of_a_matrix_are_jobs_below_the_build() {
    let cell = |name: &str, number: u64, result: &str| json!({ "number": number, "url": format!("http://x/job/m/{name}/{number}/"), "result": result, "builtOn": "agent-1" });
    let mut value = whole();
    value["runs"] =
        json!([cell("label=linux,jdk=2%2B1", 17, "FAILURE"), cell("label=mac", 16, "SUCCESS"), { "number": 17 }]);
    let graph = build(value).graph(&client(), "m");
    assert_eq!(graph.jobs.len(), 2, "a cell of an older build is none of this one");
    let job = &graph.jobs[1];
    assert_eq!((job.id.as_str(), job.name.as_str()), ("cell:label=linux,jdk=2+1", "label=linux,jdk=2+1"));
    assert_eq!(
        (job.parent.as_deref(), job.status.state, job.runner.as_deref()),
        (Some(WHOLE), State::Failed, Some("agent-1"))
    );
    let url = "https://ci.example/jenkins/job/m/label%3Dlinux%2Cjdk%3D2%2B1/17/console/";
    assert_eq!(job.url.as_deref(), Some(url));
}
