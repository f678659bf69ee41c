//! act, an engine of another make, behind the fake GitHub: it executes the workflow files, and what it makes of them is what the
//! plugin reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use futures_util::StreamExt as _;
use novacron_cicd_domain::{
    platform::{Given, LogAnswer, LogRequest, PageRequest, RunRef, Ticket, Transfer, TriggerRequest},
    run::{Edges, Graph},
    status::State,
};
use novacron_cicd_fakes::{
    github::{Github, Work},
    house::{House, operation, secret},
    judge::{spoke, tool},
};
use novacron_cicd_runtime::Provider;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::Instant,
};

use super::archive;

const REPO: &str = "acme/app";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Needs, a matrix, an output, a secret, a variable of the environment, what is kept (as the action that keeps artifacts does it), a job that fails, and one that therefore is not begun.
const CI: &str = "name: CI
on:
  workflow_dispatch:
    inputs:
      who: {description: Whom to greet, default: nobody}
      novacron_environment: {default: ''}
jobs:
  build:
    runs-on: ubuntu-latest
    outputs: {version: '${{ steps.made.outputs.version }}'}
    steps:
      - id: made
        name: Make
        run: echo \"version=1.2-${{ inputs.who }}\" >> \"$GITHUB_OUTPUT\"
      - name: Greet
        run: echo \"hello ${{ inputs.who }} $KEY\"
        env: {KEY: '${{ secrets.DEPLOY_KEY }}'}
      - name: Place
        run: echo \"in $REGION\"
        env: {REGION: '${{ fromJSON(inputs.novacron_environment).REGION }}'}
      - name: Keep
        run: |
          made=$(curl -sS -d '{\"type\":\"actions_storage\",\"name\":\"app\"}' \"${ACTIONS_RUNTIME_URL}_apis/pipelines/workflows/$GITHUB_RUN_ID/artifacts?api-version=6.0-preview\")
          place=$(echo \"$made\" | sed 's/.*\"fileContainerResourceUrl\":\"\\([^\"]*\\)\".*/\\1/')
          echo \"for ${{ inputs.who }}\" > app.bin
          curl -sS -o /dev/null -X PUT -H 'content-type: application/octet-stream' --data-binary @app.bin \"$place?itemPath=app/bin/app.bin\"
  test:
    needs: build
    runs-on: ubuntu-latest
    strategy: {matrix: {os: [linux, bsd], n: [1, 2]}}
    steps:
      - {name: Test, run: 'echo \"tested ${{ needs.build.outputs.version }} on ${{ matrix.os }} ${{ matrix.n }}\"'}
  lint:
    name: Lint all
    runs-on: ubuntu-latest
    steps: [{name: Look, run: echo looking}, {name: Judge, run: exit 3}, {name: Praise, run: echo fine}]
  deploy: {needs: [test, lint], runs-on: ubuntu-latest, steps: [{name: Deploy, run: echo deployed}]}
";
/// A chain and a diamond; one job goes on when another has failed, one only then, and a step that is not needed.
const NIGHTLY: &str = "name: Nightly
on: workflow_dispatch
jobs:
  fetch: {runs-on: ubuntu-latest, steps: [{name: Fetch, run: echo fetched}]}
  left: {needs: fetch, runs-on: ubuntu-latest, steps: [{name: Left, run: echo left}, {name: Never, if: false, run: echo never}]}
  right: {needs: [fetch], runs-on: ubuntu-latest, steps: [{name: Try, continue-on-error: true, run: exit 1}, {name: Right, run: echo right}]}
  join: {needs: [left, right], runs-on: ubuntu-latest, steps: [{name: Join, run: echo joined}]}
";

/// What act said of one job of its run.
#[derive(Debug, Default)]
struct Told {
    id: String,
    /// In the order of the file.
    matrix: Vec<String>,
    result: Option<String>,
    /// Name and result of each step.
    steps: Vec<(String, String)>,
    log: String,
    /// The job's number on the fake.
    number: u64,
}

/// act, with a place of its own.
struct Engine {
    place: tempfile::TempDir,
    file: String,
}

impl Engine {
    /// A repository with the files of a run.
    async fn of(work: &Work) -> Self {
        let place = tempfile::tempdir().unwrap();
        let it = Self { place, file: work.path.clone() };
        for (path, text) in &work.files {
            let path = it.repository().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        for arguments in [
            &["init", "--quiet", "--initial-branch=main", "."][..],
            &["add", "--all"],
            &["-c", "user.name=ci", "-c", "user.email=ci@acme.example", "commit", "--quiet", "--message=all"],
        ] {
            let git = Command::new("git").args(arguments).current_dir(it.repository()).status().await.unwrap();
            assert!(git.success(), "{arguments:?}");
        }
        it
    }

    fn repository(&self) -> std::path::PathBuf {
        self.place.path().join("repository")
    }

    /// What its server of artifacts is given.
    fn kept(&self) -> PathBuf {
        self.place.path().join("kept")
    }

    /// The files of each artifact of its only run.
    fn artifacts(&self) -> BTreeMap<String, BTreeMap<PathBuf, Vec<u8>>> {
        let mut found: BTreeMap<String, BTreeMap<PathBuf, Vec<u8>>> = BTreeMap::new();
        for (path, bytes) in archive::files(&self.kept().join("1")) {
            let name = path.iter().next().unwrap().to_str().unwrap().to_owned();
            let within = path.strip_prefix(&name).unwrap().to_owned();
            found.entry(name).or_default().insert(within, bytes);
        }
        found
    }

    fn command(&self, event: &str) -> Command {
        let home = self.place.path();
        let mut command = Command::new(tool("judges-python/bin/act"));
        command.arg(event).args(["--workflows", &self.file, "--platform", "ubuntu-latest=-self-hosted"]);
        command.current_dir(self.repository()).env("HOME", home).env("XDG_CACHE_HOME", home.join("cache"));
        command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Stage, id and name of each job, as act itself lists them.
    async fn list(&self, event: &str) -> Vec<(usize, String, String)> {
        let listed = self.command(event).arg("--list").output().await.unwrap();
        let text = String::from_utf8(listed.stdout).unwrap();
        let mut lines = text.lines();
        let head = lines.next().unwrap();
        let columns = ["Stage", "Job ID", "Job name", "Workflow name"].map(|name| head.find(name).unwrap());
        let row = |line: &str| {
            let column = |at: usize| line[columns[at]..columns[at + 1]].trim().to_owned();
            (column(0).parse().unwrap(), column(1), column(2))
        };
        lines.map(row).collect()
    }

    /// Executes a run: the fake is told what becomes of it as it happens. What act said is answered, job by job.
    async fn execute(&self, github: &Github, work: &Work, orders: &BTreeMap<String, Vec<String>>) -> Vec<Told> {
        let listed = self.list(&work.event).await;
        let mut command = self.command(&work.event);
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        command.arg("--artifact-server-path").arg(self.kept());
        command.args(["--artifact-server-addr", "127.0.0.1", "--artifact-server-port", &port]);
        command.args(["--json", "--secret", &format!("DEPLOY_KEY={}", secret("deploy"))]).stdout(Stdio::piped());
        for (name, value) in &work.inputs {
            command.args(["--input", &format!("{name}={value}")]);
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        github.world().begin(work.run);
        let mut all: BTreeMap<String, Told> = BTreeMap::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            let said: Value = serde_json::from_str(&line).unwrap();
            let (Some(key), Some(id)) = (said["job"].as_str(), said["jobID"].as_str()) else { continue };
            let mut world = github.world();
            let job = all.entry(key.to_owned()).or_insert_with(|| {
                let none = Vec::new();
                let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let matrix: Vec<String> =
                    orders.get(id).unwrap_or(&none).iter().map(|name| plain(&said["matrix"][name])).collect();
                let (_, _, name) = listed.iter().find(|(_, listed, _)| listed == id).unwrap();
                // As GitHub shows it.
                let shown = if matrix.is_empty() { name.clone() } else { format!("{name} ({})", matrix.join(", ")) };
                Told { id: id.to_owned(), matrix, number: world.begin_job(work.run, &shown), ..Told::default() }
            });
            let text = said["msg"].as_str().unwrap_or_default();
            if said["raw_output"] == true {
                job.log.push_str(text);
            }
            if let Some(step) = said["step"].as_str() {
                let step = step.trim();
                match said["stepResult"].as_str() {
                    Some(result) => {
                        world.step(job.number, step, "completed", Some(result));
                        job.steps.push((step.to_owned(), result.to_owned()));
                    }
                    None if !job.steps.iter().any(|(there, _)| there == step) => {
                        world.step(job.number, step, "in_progress", None);
                    }
                    None => {}
                }
            }
            if let Some(result) = said["jobResult"].as_str() {
                world.end_job(job.number, result, Some(&job.log));
                job.result = Some(result.to_owned());
            }
        }
        for (name, files) in self.artifacts() {
            let zip = archive::zip(&self.place.path().join(&name), &files).await;
            github.world().keep(work.run, &name, &zip);
        }
        let went = child.wait().await.unwrap().success();
        let mut world = github.world();
        for (_, id, name) in &listed {
            if !all.values().any(|job| job.id == *id) {
                let number = world.add_job(work.run, name);
                world.end_job(number, "skipped", None);
            }
        }
        world.end(work.run, if went { "success" } else { "failure" });
        all.into_values().collect()
    }
}

fn state(result: &str) -> State {
    match result {
        "success" => State::Succeeded,
        "failure" => State::Failed,
        "skipped" => State::Skipped,
        other => panic!("act says {other}"),
    }
}

/// The log of a job as the plugin has it fetched, without the times that GitHub writes.
async fn log(it: &Provider, run: &RunRef, job: &str) -> String {
    let request = LogRequest { run: run.clone(), job: Some(job.to_owned()), cursor: None, limit: 65_536 };
    let LogAnswer::Plan(plan) = it.read_log(&request).await.unwrap() else { panic!("a log that is there is a plan") };
    let text = String::from_utf8(fetched(it, &plan.transfer).await).unwrap();
    let line = |line: &str| format!("{}\n", line.split_once(' ').unwrap().1);
    text.trim_start_matches('\u{feff}').lines().map(line).collect()
}

async fn fetched(it: &Provider, transfer: &Transfer) -> Vec<u8> {
    let answer = it.open(transfer, Instant::now() + Duration::from_secs(30)).await.unwrap();
    answer.body.map(|piece| piece.unwrap().to_vec()).concat().await
}

/// The stage of each job of the file that follows from what the plugin says it needs.
fn stages(graph: &Graph) -> BTreeMap<String, usize> {
    let mut stages: BTreeMap<String, usize> = BTreeMap::new();
    let of = |id: &str| graph.jobs.iter().find(|job| job.id == id).unwrap().stage.clone().unwrap();
    while stages.len() < graph.jobs.iter().filter_map(|job| job.stage.as_ref()).collect::<BTreeSet<_>>().len() {
        for job in &graph.jobs {
            let needs: Option<Vec<usize>> = job.needs.iter().map(|id| stages.get(&of(id)).copied()).collect();
            if let Some(needs) = needs {
                stages.insert(job.stage.clone().unwrap(), needs.into_iter().max().map_or(0, |stage| stage + 1));
            }
        }
    }
    stages
}

#[tokio::test]
async fn act_executes_the_workflows_and_what_it_makes_of_them_is_what_the_plugin_reads() {
    let (github, house) = (Github::start().await, House::new("github-actions").await);
    github.world().add_repo(REPO, &[(".github/workflows/ci.yml", CI), (".github/workflows/nightly.yml", NIGHTLY)]);
    let it = house.provider(&github.url(), json!({ "repositories": [REPO] }), Some(("token", "octocat")));
    let rows = [
        ("ci.yml", vec![("who", "nova")], vec![("REGION", "eu west")], State::Failed),
        ("nightly.yml", vec![], vec![], State::Succeeded),
    ];
    let mut lines = BTreeSet::new();
    for (file, inputs, variables, expected) in rows {
        let request = TriggerRequest {
            pipeline: format!("{REPO}/{file}"),
            reference: None,
            parameters: inputs.iter().map(|(name, value)| ((*name).to_owned(), Given::text(*value))).collect(),
            environment: variables.iter().map(|(name, value)| ((*name).to_owned(), Given::text(*value))).collect(),
            correlation: TOKEN.into(),
            callback: None,
            more: BTreeMap::new(),
        };
        let Ticket::Run(begun) = it.trigger(&operation(), request).await.unwrap() else { panic!("it is not known") };
        let run = RunRef { pipeline: format!("{REPO}/{file}"), run: begun.external_id.unwrap(), attempt: Some(1) };
        let work = github.world().pending().remove(0);
        let engine = Engine::of(&work).await;
        let orders = BTreeMap::from([("test".to_owned(), vec!["os".to_owned(), "n".to_owned()])]);
        let told = engine.execute(&github, &work, &orders).await;

        let found = it.get_run(&run).await.unwrap().run;
        assert_eq!(found.status.unwrap().state, expected, "{file}");
        let graph = found.graph.unwrap();
        assert_eq!(graph.edges, Edges::Exact);
        let listed = engine.list(&work.event).await;
        let theirs = listed.iter().map(|(stage, id, _)| (id.clone(), *stage)).collect();
        assert_eq!(stages(&graph), theirs, "{file}: what waits for what");
        for job in &graph.jobs {
            let Some(said) = told.iter().find(|said| said.number.to_string() == job.id) else {
                assert_eq!(job.status.state, State::Skipped, "{}", job.name);
                continue;
            };
            assert_eq!(job.stage.as_ref(), Some(&said.id), "{}", job.name);
            assert!(said.matrix.iter().all(|value| job.name.contains(value)), "{}", job.name);
            assert_eq!(job.status.state, state(said.result.as_ref().unwrap()), "{}", job.name);
            let steps: Vec<_> = job.steps.iter().map(|step| (step.name.clone(), step.status.state)).collect();
            let theirs: Vec<_> = said.steps.iter().map(|(name, result)| (name.clone(), state(result))).collect();
            assert_eq!(steps, theirs, "{}", job.name);
            let text = log(&it, &run, &job.id).await;
            assert_eq!(text, said.log, "{}", job.name);
            assert!(!text.contains(&secret("deploy")), "{}", job.name);
            lines.extend(text.lines().map(str::to_owned));
        }
        let kept = it.list_artifacts(Some(&run), &PageRequest { cursor: None, limit: 100 }).await.unwrap().items;
        let mut got = BTreeMap::new();
        for artifact in kept {
            let plan = it.plan_download(Some(&run), &artifact.id, None).await.unwrap();
            let place = tempfile::tempdir().unwrap();
            got.insert(artifact.name, archive::unzip(place.path(), &fetched(&it, &plan.transfer).await).await);
        }
        assert_eq!(got, engine.artifacts(), "{file}");
        assert_eq!(got.is_empty(), variables.is_empty(), "{file}: one of them keeps something");
        assert_eq!(
            told.len() + graph.jobs.iter().filter(|job| job.status.state == State::Skipped).count(),
            graph.jobs.len()
        );
    }
    // An input, an output, a matrix, a secret and the environment really went through the engine.
    for line in [
        "hello nova ***",
        "in eu west",
        "tested 1.2-nova on linux 1",
        "tested 1.2-nova on bsd 2",
        "looking",
        "joined",
        "right",
    ] {
        assert!(lines.contains(line), "{line}: {lines:?}");
    }
    assert!(!lines.contains("deployed") && !lines.contains("fine") && !lines.contains("never"), "{lines:?}");
    spoke("act", &version(&tool("judges-python/bin/act")).await);
}

async fn version(act: &Path) -> String {
    let said = Command::new(act).arg("--version").output().await.unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}
