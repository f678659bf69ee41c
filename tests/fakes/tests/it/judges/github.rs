//! GitHub's own clients, and one of another make, at the fake GitHub.

use novacron_cicd_domain::platform::{PageRequest, RunRef};
use novacron_cicd_fakes::{
    github::Github,
    house::{House, secret},
    judge::{Judge, spoke},
};
use serde_json::json;

const REPO: &str = "acme/app";
const PIPELINE: &str = "acme/app/ci.yml";
const CI: &str = "name: CI
run-name: CI for ${{ inputs.who }}
on:
  workflow_dispatch:
    inputs:
      who: {description: Whom to greet, default: nobody}
jobs:
  build: {runs-on: ubuntu-latest, steps: [{run: make}]}
";
const OTHER: &str = "name: Other\non: push\njobs: {build: {runs-on: ubuntu-latest, steps: [{run: make}]}}\n";

/// All that a client does with a repository, and what it then has in common with the plugin.
async fn story(peer: &str, file: &str, seals: bool) {
    let (github, house) = (Github::start().await, House::new("github-actions").await);
    let files = [
        (".github/workflows/ci.yml", CI),
        (".github/workflows/other.yml", OTHER),
        (".github/workflows/third.yml", OTHER),
    ];
    github.world().add_repo(REPO, &files);
    let it = house.provider(&github.url(), json!({ "repositories": [REPO] }), Some(("token", "octocat")));
    let mut judge = Judge::begin(file, &[&github.url(), &secret("token"), REPO]);
    let version = judge.ask("version", json!({})).await;

    let page = PageRequest { cursor: None, limit: 100 };
    let listed = judge.ask("workflows", json!({})).await;
    let ours = it.list_pipelines(&page).await.unwrap().items;
    let paths: Vec<_> =
        listed.as_array().unwrap().iter().map(|path| path.as_str().unwrap().rsplit('/').next().unwrap()).collect();
    let ids: Vec<_> = ours.iter().map(|it| it.id.rsplit('/').next().unwrap()).collect();
    assert_eq!((paths.len(), &paths), (3, &ids));

    for who in ["nova & co", "second", "third"] {
        judge.ask("dispatch", json!({ "workflow": "ci.yml", "ref": "main", "inputs": { "who": who } })).await;
    }
    let refused =
        judge.try_ask("dispatch", json!({ "workflow": "ci.yml", "ref": "main", "inputs": { "whom": "x" } })).await;
    assert!(refused.is_err(), "there is no such input");
    let runs = judge.ask("runs", json!({})).await;
    let titles: Vec<_> = runs.as_array().unwrap().iter().map(|run| run["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["CI for third", "CI for second", "CI for nova & co"]);
    let id = runs[2]["id"].as_u64().unwrap();
    let work = github.world().pending();
    assert_eq!((work[0].run, work[0].inputs["who"].as_str()), (id, "nova & co"));
    {
        let mut world = github.world();
        world.begin(id);
        let job = world.begin_job(id, "build");
        world.step(job, "Run make", "completed", Some("success"));
        world.end_job(job, "success", Some("made"));
        world.end(id, "success");
        world.keep(id, "dist", b"PK");
    }
    let run = judge.ask("run", json!({ "id": id })).await;
    assert_eq!(
        (&run["status"], &run["conclusion"], &run["event"]),
        (&json!("completed"), &json!("success"), &json!("workflow_dispatch"))
    );
    let found = it.get_run(&RunRef { pipeline: PIPELINE.into(), run: id.to_string(), attempt: None }).await.unwrap();
    assert_eq!(found.run.status.unwrap().platform, "completed/success");
    let jobs = judge.ask("jobs", json!({ "id": id })).await;
    assert_eq!(jobs, json!([{ "name": "build", "conclusion": "success", "steps": ["Run make"] }]));
    assert_eq!(found.run.graph.unwrap().jobs[0].name, "build");
    assert_eq!(judge.ask("artifacts", json!({ "id": id })).await, json!(["dist"]));
    assert!(judge.try_ask("cancel", json!({ "id": id })).await.is_err(), "it has ended");
    let last = runs[0]["id"].as_u64().unwrap();
    judge.ask("cancel", json!({ "id": last })).await;
    assert_eq!(github.world().asked(last), ["cancel"]);

    if seals {
        judge.ask("put_secret", json!({ "name": "DEPLOY_KEY", "value": "kept & sealed" })).await;
        assert_eq!(judge.ask("secrets", json!({})).await, json!(["DEPLOY_KEY"]));
        let kept = github.world().repo(REPO).secrets[&(String::new(), "DEPLOY_KEY".to_owned())].clone();
        assert_eq!(kept, b"kept & sealed");
    }
    spoke(peer, version.as_str().unwrap());
}

#[tokio::test]
async fn gh_takes_the_fake_for_github_and_reads_what_the_plugin_reads() {
    story("gh", "github_by_gh.py", true).await;
}

#[tokio::test]
async fn pygithub_takes_the_fake_for_github_and_reads_what_the_plugin_reads() {
    story("pygithub", "github_by_pygithub.py", true).await;
}

#[tokio::test]
async fn octokit_takes_the_fake_for_github_and_reads_what_the_plugin_reads() {
    story("octokit", "github_by_octokit.cjs", false).await;
}
