//! What belongs to a run beside its state: its jobs and what they wait for, other runs, artifacts.

use futures_util::StreamExt as _;
use novacron_cicd_domain::{
    platform::{FoundRun, PageRequest, RunRef},
    run::{Edges, Graph},
    status::State,
};
use novacron_cicd_fakes::gitlab::Project;

use super::{APP, DEFINITION, SMALL, Setup, run};

impl Setup {
    async fn graph(&self, id: u64) -> Graph {
        self.provider.get_run(&run(id)).await.unwrap().run.graph.unwrap()
    }
}

/// `ship<unit 1/2,unit 2/2`, in the order of names.
fn told(graph: &Graph) -> Vec<String> {
    let name = |id: &String| graph.jobs.iter().find(|job| job.id == *id).unwrap().name.clone();
    let line = |job: &novacron_cicd_domain::run::Job| {
        let mut needs: Vec<_> = job.needs.iter().map(name).collect();
        needs.sort();
        format!("{}<{}", job.name, needs.join(","))
    };
    let mut lines: Vec<_> = graph.jobs.iter().map(line).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn edges_are_exact_by_graphql_and_near_without() {
    let setup = Setup::new(DEFINITION).await;
    let id = setup.trigger().await;
    let exact = [
        "build<",
        "later<lint,unit 1/2,unit 2/2",
        "lint<",
        "ship<unit 1/2,unit 2/2",
        "unit 1/2<build",
        "unit 2/2<build",
    ];
    let graph = setup.graph(id).await;
    assert_eq!((told(&graph), graph.edges, graph.complete), (exact.map(str::to_owned).to_vec(), Edges::Exact, true));
    assert!(graph.jobs.iter().any(|job| job.name == "ship" && job.stage.as_deref() == Some("deploy")));
    // The linter knows the definition.
    setup.gitlab.world().graphql = false;
    let graph = setup.graph(id).await;
    assert_eq!((told(&graph), graph.edges), (exact.map(str::to_owned).to_vec(), Edges::Approximate));
    // Without it stages are all that is known.
    setup.gitlab.world().projects[0].files.clear();
    let graph = setup.graph(id).await;
    let stages = "ship<lint,unit 1/2,unit 2/2";
    assert_eq!((told(&graph).contains(&stages.to_owned()), graph.edges), (true, Edges::Approximate));
}

#[tokio::test]
async fn jobs_that_are_not_there_yet_are_not_none() {
    let setup = Setup::new(SMALL).await;
    setup.gitlab.world().lazy_jobs = true;
    let id = setup.trigger().await;
    let graph = setup.graph(id).await;
    assert_eq!((graph.jobs.len(), graph.complete), (0, false));
    setup.gitlab.hatch(id);
    let graph = setup.graph(id).await;
    assert_eq!((graph.jobs.len(), graph.complete), (1, true));
}

#[tokio::test]
async fn every_job_is_seen_however_many_there_are() {
    let setup = Setup::new("test: { parallel: 150, script: [make] }\nlast: { stage: deploy, script: [make] }\n").await;
    for totals in [true, false] {
        setup.gitlab.world().totals = totals;
        let id = setup.trigger().await;
        let graph = setup.graph(id).await;
        let last = graph.jobs.iter().find(|job| job.name == "last").unwrap();
        assert_eq!((graph.jobs.len(), last.needs.len(), graph.edges), (151, 150, Edges::Exact));
    }
}

#[tokio::test]
async fn a_word_is_a_state_and_one_that_is_not_known_is_no_end() {
    let setup = Setup::new(SMALL).await;
    let id = setup.trigger().await;
    for (word, state) in [
        ("waiting_for_resource", State::Pending),
        ("preparing", State::Pending),
        ("manual", State::Waiting),
        ("scheduled", State::Waiting),
        ("canceling", State::Running),
        ("waiting_for_godot", State::Running),
        ("skipped", State::Skipped),
    ] {
        setup.gitlab.pipeline(id, |row| row.word = Some(word.into()));
        let status = setup.provider.get_run(&run(id)).await.unwrap().run.status.unwrap();
        assert_eq!((status.state, status.platform.as_str()), (state, word));
    }
}

#[tokio::test]
async fn what_may_fail_is_a_warning_of_a_run_that_succeeded() {
    let setup = Setup::new(DEFINITION).await;
    let id = setup.trigger().await;
    let lint = setup.gitlab.job_named(id, "lint");
    setup.gitlab.begin(lint);
    setup.gitlab.end(lint, "failed");
    setup.finish("success");
    let found = setup.provider.get_run(&run(id)).await.unwrap();
    let status = found.run.status.unwrap();
    assert_eq!((status.state, status.conditions), (State::Succeeded, vec!["warnings".to_owned()]));
    let job = found.run.graph.unwrap().jobs.into_iter().find(|job| job.name == "lint").unwrap();
    assert_eq!((job.status.state, job.status.conditions), (State::Failed, vec!["allowed-failure".to_owned()]));
}

#[tokio::test]
async fn pipelines_that_a_run_started_are_told_with_it() {
    let definition = "build: { script: [make] }\ncross: { stage: deploy, trigger: g/other }\nchild: { stage: deploy, trigger: { include: child.yml } }\n";
    let setup = Setup::of(vec![Project::new(APP, definition), Project::new("g/other", SMALL)]).await;
    let child = novacron_cicd_fakes::gitlab::File { content: SMALL.into(), ..Default::default() };
    setup.gitlab.world().projects[0].files.insert(("main".into(), "child.yml".into()), child);
    let id = setup.trigger().await;
    let build = setup.gitlab.job_named(id, "build");
    setup.gitlab.begin(build);
    setup.gitlab.end(build, "success");
    let found: FoundRun = setup.provider.get_run(&run(id)).await.unwrap();
    let mut below: Vec<_> = found.downstream.iter().map(|run| run.pipeline.as_str()).collect();
    below.sort_unstable();
    assert_eq!(below, ["g/other", APP]);
    for below in &found.downstream {
        let found = setup.provider.get_run(below).await.unwrap();
        assert_eq!((found.origin.as_str(), found.run.graph.unwrap().jobs.len()), ("upstream", 1));
    }
}

#[tokio::test]
async fn artifacts_are_one_archive_a_job_and_come_from_elsewhere_without_a_credential() {
    let setup = Setup::new(DEFINITION).await;
    let id = setup.trigger().await;
    let build = setup.gitlab.job_named(id, "build");
    setup.gitlab.begin(build);
    setup.gitlab.job(build, |job| job.artifacts = Some(b"PK zip".to_vec()));
    setup.gitlab.end(build, "success");
    let page = setup.provider.list_artifacts(Some(&run(id)), &PageRequest { cursor: None, limit: 100 }).await.unwrap();
    assert_eq!(page.items.len(), 1);
    let artifact = &page.items[0];
    assert_eq!(
        (artifact.name.as_str(), artifact.size, artifact.job.as_deref()),
        ("build", Some(6), Some(build.to_string().as_str()))
    );
    let storage = setup.gitlab.with_storage().await;
    storage.world().0.insert(format!("/artifacts/{build}.zip"), b"PK from elsewhere".to_vec());
    let fetch = async |path: Option<&str>| {
        let plan = setup.provider.plan_download(Some(&run(id)), &artifact.id, path).await.unwrap();
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        let answer = setup.provider.open(&plan.transfer, deadline).await.unwrap();
        let mut bytes = Vec::new();
        let mut body = answer.body;
        while let Some(piece) = body.next().await {
            bytes.extend(piece.unwrap());
        }
        (answer.status, String::from_utf8(bytes).unwrap())
    };
    assert_eq!(fetch(None).await, (200, "PK from elsewhere".into()));
    assert!(storage.seen().iter().all(|seen| seen.header("private-token").is_none()));
    assert_eq!(fetch(Some("out/my app")).await, (200, "out/my app".into()));
    let nobody = RunRef { run: "x".into(), ..run(id) };
    assert!(setup.provider.list_artifacts(Some(&nobody), &PageRequest { cursor: None, limit: 1 }).await.is_err());
}
