//! What the documents say is done here as it stands there, and what was asked for is compared with what there is.

use std::{collections::BTreeSet, path::PathBuf, process::Stdio, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use novacron_cicd_smallci::sign;
use serde::Deserialize;
use serde_json::json;

use crate::harness::{Home, Host, Repository, SCRIPT, SIGNING, Setup, World, document, run_over, spoke, version_of};

/// The first block of a Markdown document that is marked as `language`.
fn block(text: &str, language: &str) -> String {
    let begin = format!("```{language}\n");
    let start = text.find(&begin).unwrap_or_else(|| panic!("the document has no block of {language}")) + begin.len();
    text[start..start + text[start..].find("\n```").unwrap() + 1].to_owned()
}

/// What stands before the worker of the document: it checks the signature, stores the body, starts the worker, answers.
async fn receiver(work: PathBuf) -> String {
    let take = async move |headers: HeaderMap, body: Bytes| -> StatusCode {
        let header = |name: &str| headers.get(name).unwrap().to_str().unwrap();
        let time: i64 = header("webhook-timestamp").parse().unwrap();
        if header("webhook-signature") != sign(SIGNING, header("webhook-id"), time, &body) {
            return StatusCode::UNAUTHORIZED;
        }
        if body.starts_with(br#"{"type":"ping""#) {
            return StatusCode::NO_CONTENT;
        }
        let file = work.join("trigger.json");
        std::fs::write(&file, &body).unwrap();
        let mut worker = tokio::process::Command::new("sh");
        worker.arg(work.join("worker.sh")).arg(file).stdin(Stdio::null());
        worker.stderr(std::fs::File::create(work.join("worker.log")).unwrap());
        tokio::spawn(async move { worker.status().await });
        StatusCode::ACCEPTED
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(take))).await });
    format!("http://{address}/")
}

#[tokio::test]
async fn the_shell_example_of_the_documentation_is_a_ci() {
    let home = Arc::new(Home::new());
    std::fs::write(home.work().join("worker.sh"), block(&document("docs/webhook-provider.md"), "sh")).unwrap();
    let hook = receiver(home.work()).await;
    let host = Host::start(&home, Setup::default()).await;
    let api = host.api().await;
    api.post("/v1/secrets", &json!({ "name": "ci-signing", "value": SIGNING })).await.expect(201);
    let provider = json!({
        "name": "ci",
        "plugin": "webhook",
        "base_url": hook,
        "credentials": { "signing": { "secret": "ci-signing" } },
        "grants": { "private_networks": ["127.0.0.1/32"] },
    });
    api.post("/v1/providers", &provider).await.expect(201);
    let pipeline = json!({ "name": "backend", "provider": "ci", "parameters": [{ "name": "VERSION" }] });
    api.post("/v1/pipelines", &pipeline).await.expect(201);
    let wish = json!({ "parameters": { "VERSION": "1.2.3" } });
    let accepted = api.post("/v1/pipelines/backend/runs", &wish).await.expect(202);
    let id = accepted.text("/run/id").to_owned();
    let run = run_over(&api, &id).await;
    let worker = std::fs::read_to_string(home.work().join("worker.log")).unwrap();
    assert_eq!((run["state"].as_str(), worker.as_str()), (Some("succeeded"), ""), "{run:#}");
    let log = api.get(&format!("/v1/runs/{id}/logs")).await.expect(200);
    assert_eq!(&log.bytes[..], b"building version 1.2.3\nuploading app.txt\ndone\n");
    let artifacts = api.get(&format!("/v1/runs/{id}/artifacts")).await.expect(200).json;
    assert_eq!(artifacts["items"][0]["name"], "app.txt", "{artifacts:#}");
    let content = api.get(&format!("/v1/artifacts/{}/content", artifacts["items"][0]["id"].as_str().unwrap())).await;
    assert_eq!(&content.expect(200).bytes[..], b"built 1.2.3\n");
    for program in ["curl", "sha256sum"] {
        spoke(program, &version_of(program));
    }
}

/// The commands of the README's main job, each on one line, without the program's name.
/// The commands of one section of the README.
pub(crate) fn readme_commands(section: &str) -> Vec<String> {
    let text = document("README.md").replace("\\\n", " ");
    let after = text.split_once(&format!("## {section}\n")).unwrap_or_else(|| panic!("no section {section}")).1;
    let section = after.split("\n## ").next().unwrap_or_default();
    section.lines().filter_map(|line| line.strip_prefix("$ novacron-cicd ")).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_main_job_of_the_readme_is_done_by_its_own_lines() {
    let world = World::new().await;
    let repository = Repository::new(SCRIPT);
    std::fs::write(world.home().work().join("signing.key"), SIGNING).unwrap();
    let mut run = String::new();
    let mut done = 0;
    for command in readme_commands("The main job by hand") {
        // What the README leaves to its reader: the daemon, the CI system, the repository, the id of the run.
        let command = command
            .replace("http://127.0.0.1:9000/hook", &world.ci.hook_url())
            .replace("https://git.example.com/backend", &repository.url())
            .replace("RUN", &run);
        let words: Vec<_> = command.split_whitespace().collect();
        if words[0] == "serve" {
            continue;
        }
        world.cli.run(&words).await.expect_code(0);
        done += 1;
        if words[..2] == ["pipeline", "run"] {
            run = world.cli.json(&["run", "list"]).await[0]["id"].as_str().unwrap().to_owned();
        }
    }
    assert!(done >= 8, "{done}");
    let made = std::fs::read(world.home().work().join("downloads/app.bin")).unwrap();
    assert_eq!(made, b"program 1.2.3\n");
}

/// `tests/requirements.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirements {
    requirement: Vec<Requirement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "status", rename_all = "lowercase")]
enum Requirement {
    Served { section: String, text: String, operation: String, cli: String, test: String },
    Planned { section: String, text: String, theme: String },
}

/// The tests of this very program that are run, by their last names.
pub(crate) fn tests() -> BTreeSet<String> {
    let list = |more: &[&str]| {
        let program = std::env::current_exe().unwrap();
        let output =
            std::process::Command::new(program).args(["--list", "--format", "terse"]).args(more).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
        names.map(|name| name.rsplit("::").next().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    &list(&[]) - &list(&["--ignored"])
}

#[tokio::test]
async fn every_requirement_is_served_and_tested_or_says_with_what_it_comes() {
    let requirements: Requirements = toml::from_str(&document("tests/requirements.toml")).unwrap();
    let host = Host::start(&Arc::new(Home::new()), Setup::default()).await;
    let operations = host.api().await.contract().operations();
    let cli = host.cli();
    let tests = tests();
    let mut texts = BTreeSet::new();
    let (mut served, mut faults) = (0, Vec::new());
    for requirement in &requirements.requirement {
        let (section, text) = match requirement {
            Requirement::Served { section, text, operation, cli: verb, test } => {
                served += 1;
                if !operations.contains(operation) {
                    faults.push(format!("{text}: the document has no operation {operation}"));
                }
                if !tests.contains(test) {
                    faults.push(format!("{text}: no test is called {test}"));
                }
                let words: Vec<_> = verb.split(' ').chain(["--help"]).collect();
                let help = cli.run(&words).await;
                if help.code != 0 || !help.stdout.contains(&format!("novacron-cicd {verb}")) {
                    faults.push(format!("{text}: the command line has no {verb}"));
                }
                (section, text)
            }
            Requirement::Planned { section, text, theme } => {
                if theme.trim().is_empty() {
                    faults.push(format!("{text}: it does not say with what it comes"));
                }
                (section, text)
            }
        };
        if !texts.insert((section, text)) {
            faults.push(format!("{text}: it is there twice"));
        }
    }
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!((served, texts.len()), (22, 54), "served, and all: who changes the table says so here");
}
