//! Two clients of GitLab at the fake GitLab.

use std::collections::BTreeSet;

use novacron_cicd_domain::platform::{LogAnswer, LogRequest, PageRequest, RunRef};
use novacron_cicd_fakes::{
    gitlab::{GitLab, Project, USER},
    house::{House, secret},
    judge::{Judge, spoke},
};
use serde_json::{Value, json};

const APP: &str = "g/sub/app";
const DEFINITION: &str = "\
stages: [build, deploy]
build: { stage: build, script: [make] }
ship: { stage: deploy, when: manual, script: [make ship] }
";

/// All that a client does with a project, and what it then has in common with the plugin.
async fn story(peer: &str, file: &str) {
    let projects = vec![Project::new(APP, DEFINITION), Project::new("g/other", "build: { script: [make] }\n")];
    let (gitlab, house) = (GitLab::start(projects).await, House::new("gitlab-ci").await);
    let it = house.provider(&gitlab.url(), json!({}), Some(("token", USER)));
    let mut judge = Judge::begin(file, &[&gitlab.url(), &secret("token"), APP]);
    let version = judge.ask("version", json!({})).await;

    // What there is.
    let ours = it.list_pipelines(&PageRequest { cursor: None, limit: 100 }).await.unwrap().items;
    let ours: BTreeSet<_> = ours.into_iter().map(|it| json!(it.id).to_string()).collect();
    let listed = judge.ask("projects", json!({})).await;
    let listed: BTreeSet<_> = listed.as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!((listed.len(), &listed), (2, &ours));
    assert_eq!(judge.ask("file", json!({ "path": ".gitlab-ci.yml" })).await, DEFINITION);

    // A pipeline from its beginning to its end.
    let ids = [
        judge.ask("trigger", json!({ "ref": "main", "variables": { "VERSION": "2 & more" } })).await,
        judge.ask("trigger", json!({ "ref": "main", "variables": {} })).await,
    ];
    assert!(
        judge.try_ask("trigger", json!({ "ref": "gone", "variables": {} })).await.is_err(),
        "there is no such branch"
    );
    let id = ids[0].as_u64().unwrap();
    assert_eq!(judge.ask("given", json!({ "id": id })).await["VERSION"], "2 & more");
    let listed = judge.ask("pipelines", json!({})).await;
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(listed, [ids[1].clone(), ids[0].clone()], "newest first, page by page");
    let job = gitlab.job_named(id, "build");
    gitlab.begin(job);
    assert_eq!(judge.ask("pipeline", json!({ "id": id })).await["status"], "running");
    gitlab.write(job, "made it: \u{e4}\n".as_bytes());
    gitlab.end(job, "success");
    let run = RunRef { pipeline: APP.into(), run: id.to_string(), attempt: None };
    let log = judge.ask("log", json!({ "job": job })).await;
    let request = LogRequest { run: run.clone(), job: Some(job.to_string()), cursor: None, limit: 4096 };
    let LogAnswer::Chunk(chunk) = it.read_log(&request).await.unwrap() else { unreachable!("it is short") };
    assert_eq!(
        (log.as_str().unwrap().as_bytes(), chunk.bytes.as_slice()),
        ("made it: \u{e4}\n".as_bytes(), "made it: \u{e4}\n".as_bytes())
    );
    let jobs = judge.ask("jobs", json!({ "id": id })).await;
    let stands: BTreeSet<_> = jobs
        .as_array()
        .unwrap()
        .iter()
        .map(|job| format!("{} {} {}", job["name"], job["stage"], job["status"]))
        .collect();
    assert_eq!(
        stands,
        BTreeSet::from(["\"build\" \"build\" \"success\"".into(), "\"ship\" \"deploy\" \"manual\"".to_owned()])
    );
    let found = it.get_run(&run).await.unwrap();
    let theirs = judge.ask("pipeline", json!({ "id": id })).await;
    assert_eq!(theirs["status"], found.run.status.as_ref().unwrap().platform);
    let graph: BTreeSet<_> = found.run.graph.unwrap().jobs.into_iter().map(|job| job.name).collect();
    assert_eq!(graph, BTreeSet::from(["build".into(), "ship".to_owned()]));
    let ship = gitlab.job_named(id, "ship");
    judge.ask("play", json!({ "job": ship })).await;
    assert!(gitlab.pending().contains(&ship));
    judge.ask("cancel", json!({ "id": ids[1] })).await;
    assert_eq!(judge.ask("pipeline", json!({ "id": ids[1] })).await["status"], "canceled");

    // A variable.
    judge.ask("put_variable", json!({ "key": "DEPLOY_KEY", "value": "masked-value-1" })).await;
    assert_eq!(judge.ask("variables", json!({})).await, json!({ "DEPLOY_KEY": true }));
    judge.ask("delete_variable", json!({ "key": "DEPLOY_KEY" })).await;
    assert_eq!(judge.ask("variables", json!({})).await, json!({}));
    spoke(peer, version.as_str().unwrap());
}

#[tokio::test]
async fn python_gitlab_takes_the_fake_for_a_gitlab_and_reads_what_the_plugin_reads() {
    story("python-gitlab", "gitlab_by_python_gitlab.py").await;
}

#[tokio::test]
async fn gitbeaker_takes_the_fake_for_a_gitlab_and_reads_what_the_plugin_reads() {
    story("gitbeaker", "gitlab_by_gitbeaker.cjs").await;
}
