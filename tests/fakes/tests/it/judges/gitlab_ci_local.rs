//! gitlab-ci-local does the jobs behind the fake GitLab: what it reads of a definition and what it does are its own, and what the
//! plugin tells of the run has to agree with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use futures_util::StreamExt as _;
use novacron_cicd_domain::{
    platform::{
        Change, GateDecision, Given, LogAnswer, LogRequest, PageRequest, RunRef, Ticket, Transfer, TriggerRequest,
    },
    run::{Edges, Graph},
    status::State,
};
use novacron_cicd_fakes::{
    gitlab::{GitLab, Project, USER},
    house::{House, operation},
    judge::{spoke, tool},
};
use novacron_cicd_runtime::Provider;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::archive;

const APP: &str = "g/sub/app";
const DEFINITION: &str = "\
stages: [build, test, deploy]
variables:
  WHO: { value: world, description: Whom to greet }
build:
  stage: build
  script: ['echo \"hello $WHO\"', 'echo \"in $REGION\"', 'mkdir -p out', 'echo \"bytes for $WHO\" > out/app']
  artifacts: { paths: [out/] }
unit:
  stage: test
  parallel: { matrix: [{ OS: [linux, bsd] }] }
  needs: [build]
  script: ['test -f out/app', 'echo \"on $OS\"']
lint: { stage: test, needs: [], allow_failure: true, script: ['echo no good', 'exit 3'] }
report: { stage: deploy, needs: [unit], script: ['cat out/app'] }
notes: { stage: deploy, script: ['echo noted'] }
ship: { stage: deploy, when: manual, script: ['echo \"shipped $(cat out/app)\"'], environment: production }
";

/// The engine, in a repository of its own.
struct Engine {
    home: TempDir,
}

/// What became of a job: in the engine's word, what it wrote, and the files that it kept.
struct Done {
    word: String,
    log: String,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

async fn output(command: &mut Command) -> String {
    let output = command.output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}

impl Engine {
    async fn of(definition: &str) -> Self {
        let engine = Self { home: tempfile::tempdir().unwrap() };
        std::fs::create_dir(engine.repository()).unwrap();
        std::fs::write(engine.repository().join(".gitlab-ci.yml"), definition).unwrap();
        let author = ["-c", "user.name=CI", "-c", "user.email=ci@gitlab.example"];
        let remote = format!("git@gitlab.example:{APP}.git");
        let steps: [&[&str]; 4] = [
            &["init", "--quiet", "--initial-branch=main"],
            &["add", "."],
            &["commit", "--quiet", "--message=A change"],
            &["remote", "add", "origin", &remote],
        ];
        for step in steps {
            output(engine.clean(Command::new("git")).args(author).args(step)).await;
        }
        engine
    }

    fn repository(&self) -> PathBuf {
        self.home.path().join("app")
    }

    /// Nothing of ours is shown to it, and nothing of it is left behind.
    fn clean(&self, mut command: Command) -> Command {
        let mut path = std::env::var_os("PATH").unwrap();
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(self.repository());
        // Where the machine has no rsync, `cargo xtask peers` unpacked one with what it is linked to.
        let rsync = tool("judges-node").parent().unwrap().join("rsync/usr");
        if rsync.is_dir() {
            path = std::env::join_paths([rsync.join("bin")].into_iter().chain(std::env::split_paths(&path))).unwrap();
            let folders = rsync.join("lib").read_dir().unwrap().map(|entry| entry.unwrap().path());
            command.env("LD_LIBRARY_PATH", std::env::join_paths(folders).unwrap());
        }
        command.env("PATH", path);
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.clean(Command::new(tool("judges-node/node/bin/node")));
        command.arg(tool("judges-node/node_modules/gitlab-ci-local/dist/index.js")).args(arguments);
        command
    }

    /// The jobs of the definition, as it reads them.
    async fn list(&self) -> Vec<Value> {
        serde_json::from_str(&output(&mut self.command(&["--list-json"])).await).unwrap()
    }

    async fn version(&self) -> String {
        output(&mut self.command(&["--version"])).await.trim().to_owned()
    }

    /// Has it do a job, with these variables of the pipeline.
    async fn run(&self, job: &str, variables: &[Value]) -> Done {
        let given: Vec<String> = variables
            .iter()
            .flat_map(|it| ["--variable".into(), format!("{}={}", text(&it["key"]), text(&it["value"]))])
            .collect();
        let mut command = self.command(&["--force-shell-executor", "--no-color"]);
        let told = command.args(given).arg(job).output().await.unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        // ` PASS  unit: [linux]`
        let word = told.lines().find_map(|line| {
            let (word, name) = line.trim().split_once("  ")?;
            (name.trim_start().starts_with(job) && word.chars().all(char::is_uppercase)).then(|| word.to_owned())
        });
        let state = self.repository().join(".gitlab-ci-local");
        // A name that is no file's is encoded, by the engine's own rule; the newest file is the one.
        let logs = state.join("output").read_dir().unwrap().map(|entry| entry.unwrap().path());
        let newest = logs.max_by_key(|path| path.metadata().unwrap().modified().unwrap()).unwrap();
        Done {
            word: word.unwrap_or_else(|| panic!("{job}: {told}")),
            log: std::fs::read_to_string(newest).unwrap(),
            files: archive::files(&state.join("artifacts").join(job)),
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// `ship of deploy < build, lint`: what waits for what, of the engine's list. A job without `needs` waits for the stages before.
fn listed(list: &[Value]) -> BTreeSet<String> {
    let stages: Vec<&str> = vec!["build", "test", "deploy"];
    let place = |job: &Value| stages.iter().position(|stage| *stage == job["stage"]).unwrap();
    let of = |name: &str| {
        let made =
            move |job: &&Value| text(&job["name"]) == name || text(&job["name"]).starts_with(&format!("{name}: ["));
        list.iter().filter(made).collect::<Vec<_>>()
    };
    let line = |job: &Value| {
        let needs: Vec<&Value> = match job["needs"].as_array() {
            Some(needs) => needs.iter().flat_map(|need| of(text(&need["job"]))).collect(),
            None => list.iter().filter(|other| place(other) + 1 == place(job)).collect(),
        };
        told(text(&job["name"]), text(&job["stage"]), needs.into_iter().map(|need| text(&need["name"]).to_owned()))
    };
    list.iter().map(line).collect()
}

/// The same of what the plugin tells.
fn seen(graph: &Graph) -> BTreeSet<String> {
    let name = |id: &String| graph.jobs.iter().find(|job| job.id == *id).unwrap().name.clone();
    let line = |job: &novacron_cicd_domain::run::Job| {
        told(&job.name, job.stage.as_deref().unwrap(), job.needs.iter().map(name))
    };
    graph.jobs.iter().map(line).collect()
}

fn told(name: &str, stage: &str, needs: impl Iterator<Item = String>) -> String {
    let needs: BTreeSet<String> = needs.collect();
    format!("{name} of {stage} < {}", needs.into_iter().collect::<Vec<_>>().join(", "))
}

async fn log(it: &Provider, run: &RunRef, job: u64) -> String {
    let request = LogRequest { run: run.clone(), job: Some(job.to_string()), cursor: None, limit: 65_536 };
    let LogAnswer::Plan(plan) = it.read_log(&request).await.unwrap() else { unreachable!("it has one") };
    fetched(it, &plan.transfer).await.into_iter().map(char::from).collect()
}

async fn fetched(it: &Provider, transfer: &Transfer) -> Vec<u8> {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    let pieces: Vec<_> = it.open(transfer, deadline).await.unwrap().body.collect().await;
    pieces.into_iter().flat_map(|piece| piece.unwrap()).collect()
}

/// Lets the engine do whatever a runner would take; what it did, by the job's name.
async fn work(gitlab: &GitLab, engine: &Engine, run: u64) -> BTreeMap<String, Done> {
    let mut all = BTreeMap::new();
    while let Some(job) = gitlab.pending().first().copied() {
        gitlab.begin(job);
        let (name, variables) = gitlab.pipeline(run, |row| {
            let found = row.jobs.iter().find(|there| there.id == job).unwrap();
            (found.name.clone(), row.variables.clone())
        });
        let done = engine.run(&name, &variables).await;
        gitlab.write(job, done.log.as_bytes());
        if !done.files.is_empty() {
            let archive = archive::zip(engine.home.path(), &done.files).await;
            gitlab.job(job, |job| job.artifacts = Some(archive));
        }
        // What may fail is a warning to it.
        gitlab.end(job, if done.word == "PASS" { "success" } else { "failed" });
        all.insert(name, done);
    }
    all
}

#[tokio::test]
async fn what_the_plugin_tells_of_a_run_is_what_gitlab_ci_local_did() {
    let engine = Engine::of(DEFINITION).await;
    let gitlab = GitLab::start(vec![Project::new(APP, DEFINITION)]).await;
    // Long ago, so that no log may still be on its way to the archive.
    gitlab.world().now = 1_790_000_000_000;
    let house = House::new("gitlab-ci").await;
    let it = house.provider(&gitlab.url(), json!({}), Some(("token", USER)));
    let request = TriggerRequest {
        pipeline: APP.into(),
        reference: None,
        parameters: BTreeMap::from([("WHO".to_owned(), Given::text("nova & co"))]),
        environment: BTreeMap::from([("REGION".to_owned(), Given::text("eu west"))]),
        correlation: "0123456789abcdef0123456789abcdef".into(),
        callback: None,
        more: BTreeMap::new(),
    };
    let Ticket::Run(begun) = it.trigger(&operation(), request).await.unwrap() else { unreachable!("it is a run") };
    let id: u64 = begun.external_id.unwrap().parse().unwrap();
    let run = RunRef { pipeline: APP.into(), run: id.to_string(), attempt: None };

    // What waits for what: of the pipeline, and of its definition where there is no GraphQL.
    let list = engine.list().await;
    for (graphql, edges) in [(true, Edges::Exact), (false, Edges::Approximate)] {
        gitlab.world().graphql = graphql;
        let graph = it.get_run(&run).await.unwrap().run.graph.unwrap();
        assert_eq!((seen(&graph), graph.edges), (listed(&list), edges));
    }
    gitlab.world().graphql = true;

    // The engine does the jobs that begin by themselves.
    let mut did = work(&gitlab, &engine, id).await;
    let manual: Vec<&str> = list.iter().filter(|job| job["when"] == "manual").map(|job| text(&job["name"])).collect();
    let all: BTreeSet<&str> = list.iter().map(|job| text(&job["name"])).collect();
    assert_eq!(did.keys().map(String::as_str).chain(manual.iter().copied()).collect::<BTreeSet<_>>(), all);
    let found = it.get_run(&run).await.unwrap().run;
    let status = found.status.unwrap();
    let warned = did.values().any(|done| done.word == "WARN");
    assert_eq!((status.state, status.conditions.contains(&"warnings".to_owned())), (State::Succeeded, warned));

    // What waits for a person is what the engine left alone; it is played by the gate.
    let gates = it.list_gates(&run).await.unwrap();
    assert_eq!(gates.iter().map(|gate| gate.message.as_deref().unwrap()).collect::<Vec<_>>(), manual);
    let decision = GateDecision { approve: true, comment: None, inputs: BTreeMap::new() };
    let play = Change::GateResolve { run: run.clone(), gate: gates[0].id.clone(), decision };
    it.change(&operation(), play).await.map(drop).unwrap();
    did.extend(work(&gitlab, &engine, id).await);

    let graph = it.get_run(&run).await.unwrap().run.graph.unwrap();
    for job in &graph.jobs {
        let done = &did[&job.name];
        let state = if done.word == "PASS" { State::Succeeded } else { State::Failed };
        let may_fail = job.status.conditions.contains(&"allowed-failure".to_owned());
        assert_eq!((job.status.state, may_fail), (state, done.word == "WARN"), "{}", job.name);
        assert_eq!(log(&it, &run, job.id.parse().unwrap()).await, done.log, "{}", job.name);
    }
    assert!(did["build"].log.contains("hello nova & co"), "the parameter reached the build: {}", did["build"].log);
    assert!(did["build"].log.contains("in eu west"), "so did the environment: {}", did["build"].log);
    assert!(did["ship"].log.contains("shipped bytes for nova & co"), "{}", did["ship"].log);

    let kept = it.list_artifacts(Some(&run), &PageRequest { cursor: None, limit: 100 }).await.unwrap().items;
    let names: BTreeSet<&str> = kept.iter().map(|artifact| artifact.name.as_str()).collect();
    let keepers = did.iter().filter(|(_, done)| !done.files.is_empty()).map(|(name, _)| name.as_str());
    assert_eq!(names, keepers.collect());
    let plan = it.plan_download(Some(&run), &kept[0].id, None).await.unwrap();
    assert_eq!(archive::unzip(engine.home.path(), &fetched(&it, &plan.transfer).await).await, did["build"].files);
    spoke("gitlab-ci-local", &format!("gitlab-ci-local {}", engine.version().await));
}
