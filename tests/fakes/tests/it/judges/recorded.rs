//! Answers that GitHub really gave, as the tests of PyGithub keep them: the plugin reads of them what they say.
//!
//! Nothing of them is in this tree: PyGithub's sources are fetched for it. An exchange there is ten lines, its fifth the path, its last
//! the answer.

use std::{collections::BTreeMap, path::PathBuf};

use novacron_cicd_fakes::judge::{spoke, tool};
use novacron_cicd_plugin_github_actions::GithubActions;
use novacron_cicd_sdk::{
    ArtifactRetention, Artifacts, DeploymentStatus, Deployments, Environments, Logs, PipelineState, Result, RunCancel,
    RunDeletion, RunRetry, Runners, Runs, Secrets, Variables, WebhookRegistration, attribute,
    http::Response,
    logs::{LogAnswer, LogRequest},
    run_cancel::CancelTarget,
    run_retry::RetryScope,
    runs::TriggerRequest,
    secrets::SecretChange,
    testing::Host,
    types::{Error, ErrorKind, Operation, PageRequest, RunRef, State, Status, Ticket},
    variables::Variable,
};
use serde_json::{Value, json};

/// What was answered to a request: status, headers, body.
type Answer = (u16, Vec<(String, String)>, String);

/// Exchanges by method and path.
#[derive(Clone)]
struct Tape {
    repo: String,
    answers: BTreeMap<(String, String), Answer>,
}

fn sources() -> PathBuf {
    let places = tool("pygithub-source/sources").read_dir().unwrap().map(|entry| entry.unwrap().path());
    places.into_iter().find(|place| place.is_dir()).unwrap()
}

impl Tape {
    /// Of these files. What reads answers as it did at first, what changes something as it did at last.
    fn of(files: &[&str]) -> Self {
        let mut tape = Self { repo: String::new(), answers: BTreeMap::new() };
        for file in files {
            let text = std::fs::read_to_string(sources().join(format!("tests/ReplayData/{file}.txt"))).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            for exchange in lines.chunks(11) {
                let [_, method, _, _, path, _, _, status, headers, rest @ ..] = exchange else { panic!("{file}") };
                let body = rest.first().copied().unwrap_or_default();
                let path = path.split('?').next().unwrap();
                let repo: Vec<&str> = path.trim_start_matches("/repos/").splitn(3, '/').collect();
                if path.starts_with("/repos/") {
                    tape.repo = repo[..2].join("/");
                }
                let link = headers.split_once("('Link', '").and_then(|(_, rest)| rest.split_once("')"));
                let place = headers.split_once("('Location', '").and_then(|(_, rest)| rest.split_once("')"));
                let named = [("link", link), ("location", place)].into_iter();
                let headers = named.filter_map(|(name, found)| Some((name.to_owned(), found?.0.to_owned()))).collect();
                let answer = (status.parse().unwrap(), headers, body.to_owned());
                let key = ((*method).to_owned(), path.to_owned());
                if *method == "GET" {
                    tape.answers.entry(key).or_insert(answer);
                } else {
                    tape.answers.insert(key, answer);
                }
            }
        }
        tape
    }

    /// What was answered, where the body is JSON.
    fn said(&self, line: &str) -> Value {
        let (method, path) = line.split_once(' ').unwrap();
        let (_, _, body) = &self.answers[&(method.to_owned(), format!("/repos/{}{path}", self.repo))];
        serde_json::from_str(body).unwrap()
    }

    /// As recorded; else as what was recorded says it: PyGithub goes by numbers of workflows, and asks for the jobs of the newest
    /// attempt. The file of a workflow, which it never reads, is one that can be dispatched with whatever it takes.
    fn answer(&self, method: &str, path: &str) -> Answer {
        let recorded = |path: &str| self.answers.get(&(method.to_owned(), path.to_owned())).cloned();
        let json = |value: &Value| (200, Vec::new(), value.to_string());
        let own = path.strip_prefix(&format!("/repos/{}", self.repo)).unwrap_or(path);
        let parts: Vec<&str> = own.split('/').skip(1).collect();
        let other = match (method, &parts[..]) {
            (_, ["actions", "workflows", file, rest @ ..]) if !rest.is_empty() => {
                let number = self.said(&format!("GET /actions/workflows/{file}"))["id"].to_string();
                recorded(&path.replace(file, &number))
            }
            ("GET", ["actions", "runs", run, "attempts", _, rest @ ..]) => {
                let rest = rest.iter().map(|part| format!("/{part}")).collect::<String>();
                recorded(&format!("/repos/{}/actions/runs/{run}{rest}", self.repo))
            }
            ("GET", ["actions", "jobs", job]) => {
                let lists = self.answers.iter().filter(|((_, path), _)| path.ends_with("/jobs"));
                let jobs = lists.flat_map(|(_, (_, _, body))| {
                    serde_json::from_str::<Value>(body).unwrap()["jobs"].as_array().cloned().unwrap_or_default()
                });
                jobs.into_iter().find(|it| it["id"].as_u64() == job.parse().ok()).map(|job| json(&job))
            }
            ("GET", ["hooks"]) => {
                let is_hook = |(_, path): &&(String, String)| path.contains("/hooks/");
                let hook = self.answers.keys().find(is_hook).and_then(|(_, path)| recorded(path));
                hook.map(|(_, _, hook)| (200, Vec::new(), format!("[{hook}]")))
            }
            ("GET", ["contents", ..]) => {
                let text = "on: {workflow_dispatch: {inputs: {mandatory-parameter: {}}}}\njobs: {}\n";
                let content = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
                Some(json(&json!({ "sha": "a", "encoding": "base64", "content": content })))
            }
            _ => None,
        };
        recorded(path).or(other).unwrap_or_else(|| (404, Vec::new(), r#"{"message":"Not Found"}"#.to_owned()))
    }

    /// Makes a call; answers what it answers, and what it changed, a line each.
    fn play<T>(&self, call: impl FnOnce() -> T) -> (T, Vec<String>) {
        let tape = self.clone();
        let host = Host::new("https://api.github.com", move |request| {
            let path = request.url.split('?').next().unwrap();
            let (status, headers, body) = tape.answer(&request.method, path);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            Ok(Response::fake(status, &headers, body.as_bytes(), request.method == "GET"))
        });
        let settings = json!({ "repositories": [self.repo] });
        let (answer, sent) = host.settings(settings).credential("token", "bearer").run(call);
        let changes = sent.into_iter().filter(|request| request.method != "GET");
        (answer, changes.map(|request| format!("{} {}", request.method, request.url)).collect())
    }
}

fn operation() -> Operation {
    Operation { id: "op".into(), attempt: 1, first_sent: None, more: vec![] }
}

fn page() -> PageRequest {
    PageRequest { cursor: None, limit: 100 }
}

/// A recorded run, as it is named here.
fn run(tape: &Tape, number: u64, attempt: Option<u32>) -> RunRef {
    let said = tape.said(&format!("GET /actions/runs/{number}"));
    let file = said["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    RunRef { pipeline: format!("{}/{file}", tape.repo), run: number.to_string(), attempt }
}

fn words(value: &Value) -> String {
    format!("{}/{}", value["status"].as_str().unwrap(), value["conclusion"].as_str().unwrap_or_default())
}

fn message<T: std::fmt::Debug>(answer: Result<T>) -> (ErrorKind, String) {
    let Error { kind, message, .. } = answer.unwrap_err();
    (kind, message)
}

fn dispatches() {
    let dispatch = |file: &str, workflow: &str, inputs: &[&str]| {
        let tape = Tape::of(&[file]);
        let value = |name: &&str| novacron_cicd_sdk::types::ParameterValue {
            name: (*name).to_owned(),
            kind: "string".into(),
            value: novacron_cicd_sdk::types::Value::Text("1".into()),
        };
        let request = TriggerRequest {
            pipeline: format!("{}/{workflow}", tape.repo),
            reference: Some("main".into()),
            parameters: inputs.iter().map(value).collect(),
            environment: vec![],
            correlation: "c0ffee".into(),
            callback: None,
            more: vec![],
        };
        let (answer, changes) = tape.play(|| GithubActions::trigger(operation(), request));
        assert_eq!(changes.len(), 1, "{changes:?}");
        (tape, answer)
    };
    let number = "/actions/workflows/2001227/dispatches";
    let (tape, answer) = dispatch("Workflow.testCreateDispatchWithReturnRunDetails", "manual_dispatch.yml", &[]);
    let (said, Ok(Ticket::Run(begun))) = (tape.said(&format!("POST {number}")), answer) else { panic!("no run") };
    assert_eq!(
        (begun.identity.run, begun.url.as_deref()),
        (said["workflow_run_id"].to_string(), said["html_url"].as_str())
    );
    let (_, answer) = dispatch("Workflow.testCreateDispatchWithString", "manual_dispatch.yml", &[]);
    assert_eq!(answer, Ok(Ticket::Unknown(None)), "an older server says nothing");
    for (file, workflow, number) in [
        ("Workflow.testCreateDispatchException", "workflow-with-params.yaml", "96985305"),
        ("Workflow.testCreateDispatchForNonTriggerEnabled", "check.yml", "2001229"),
    ] {
        let (tape, answer) = dispatch(file, workflow, &["mandatory-parameter"]);
        let said = tape.said(&format!("POST /actions/workflows/{number}/dispatches"));
        let (kind, told) = message(answer);
        assert!(matches!(kind, ErrorKind::InvalidInput(_)), "{file}: {kind:?}");
        assert!(told.contains(said["message"].as_str().unwrap()), "{file}: {told}");
    }
}

fn switches() {
    let switch = |files: &[&str], on: bool| {
        let tape = Tape::of(files);
        tape.play(|| GithubActions::set_enabled(operation(), format!("{}/ci.yml", tape.repo), on))
    };
    let (on, off) = ("Workflow.testEnable", "Workflow.testDisable");
    for (file, wanted) in [(on, true), (off, false)] {
        let (answer, changes) = switch(&[file], wanted);
        assert_eq!((answer.unwrap().enabled, changes.len()), (wanted, 1), "{file}");
    }
    let already = "Workflow.testDisabledWhenAlreadyDisabled";
    let (answer, changes) = switch(&[already], false);
    assert_eq!((answer.unwrap().enabled, changes.len()), (false, 0), "it is so already, and GitHub would refuse it");
    // Somebody is quicker.
    let (answer, _) = switch(&[off, already], false);
    let (kind, told) = message(answer);
    assert!(matches!(kind, ErrorKind::Forbidden(_)) && told.contains("not active"), "{kind:?} {told}");
}

fn runs() {
    let tape = Tape::of(&["WorkflowRun.setUp", "WorkflowRun.test_jobs"]);
    let reference = run(&tape, 3_881_497_935, None);
    let (found, _) = tape.play(|| <GithubActions as Runs>::get(reference));
    let (found, said) = (found.unwrap(), tape.said("GET /actions/runs/3881497935"));
    assert_eq!((found.status.platform, found.status.state), (words(&said), State::Succeeded));
    assert_eq!(
        (found.number, found.commit.as_deref()),
        (Some(said["run_number"].to_string()), said["head_sha"].as_str())
    );
    assert_eq!(found.identity.attempt, said["run_attempt"].as_u64().map(|it| u32::try_from(it).unwrap()));
    let told: Vec<_> =
        found.graph.unwrap().jobs.into_iter().map(|it| (it.name, it.status.platform, it.steps.len())).collect();
    let jobs = tape.said("GET /actions/runs/3881497935/jobs");
    let job = |it: &Value| (it["name"].as_str().unwrap().to_owned(), words(it), it["steps"].as_array().unwrap().len());
    assert!(told.len() == 5, "{told:?}");
    assert_eq!(told, jobs["jobs"].as_array().unwrap().iter().map(job).collect::<Vec<_>>());

    let tape = Tape::of(&["WorkflowJob.setUp", "WorkflowJob.testAttributes"]);
    let request =
        LogRequest { run: run(&tape, 4_205_440_316, None), job: Some("11421878319".into()), cursor: None, limit: 100 };
    let (answer, _) = tape.play(|| GithubActions::read(request));
    assert!(matches!(answer, Ok(LogAnswer::Plan(_))), "{answer:?}");

    type Change = fn(RunRef) -> Result<Option<u32>>;
    let rows: [(&str, u64, &str, Change, Option<u32>); 5] = [
        (
            "WorkflowRun.test_cancel",
            3_911_660_493,
            "POST /actions/runs/3911660493/cancel",
            |run| GithubActions::cancel(operation(), CancelTarget::Run(run)).map(|()| None),
            None,
        ),
        (
            "WorkflowRun.test_delete",
            3_881_497_935,
            "DELETE /actions/runs/3881497935",
            |run| GithubActions::delete_run(operation(), run).map(|()| None),
            None,
        ),
        (
            "WorkflowRun.test_rerun",
            3_910_280_793,
            "POST /actions/runs/3910280793/rerun",
            |run| retried(run, RetryScope::All),
            None,
        ),
        (
            "WorkflowRun.test_rerun_with_successful_run",
            3_881_497_935,
            "POST /actions/runs/3881497935/rerun",
            |run| retried(run, RetryScope::All),
            None,
        ),
        (
            "WorkflowRun.test_rerun_failed_jobs",
            3_881_497_935,
            "POST /actions/runs/3881497935/rerun-failed-jobs",
            |run| retried(run, RetryScope::Failed),
            Some(3),
        ),
    ];
    for (file, number, line, change, attempt) in rows {
        let tape = Tape::of(&[file]);
        let seen = tape.said(&format!("GET /actions/runs/{number}"))["run_attempt"].as_u64().unwrap();
        let reference = run(&tape, number, Some(u32::try_from(seen).unwrap()));
        let (answer, changes) = tape.play(|| change(reference));
        assert_eq!(changes, [line.replace(' ', &format!(" /repos/{}", tape.repo))], "{file}");
        match attempt {
            Some(_) => assert_eq!(answer, Ok(attempt), "{file}"),
            None => {
                let (kind, told) = message(answer);
                let said = tape.said(line)["message"].as_str().unwrap().to_owned();
                assert!(matches!(kind, ErrorKind::Forbidden(_)) && told.contains(&said), "{file}: {kind:?} {told}");
            }
        }
    }
}

fn retried(run: RunRef, scope: RetryScope) -> Result<Option<u32>> {
    match GithubActions::retry(operation(), run, scope, "c".into())? {
        Ticket::Run(run) => Ok(run.identity.attempt),
        other => panic!("{other:?}"),
    }
}

fn artifacts() {
    let tape = Tape::of(&["Artifact.testGetArtifactsFromWorkflow"]);
    let reference = run(&tape, 5_138_169_628, None);
    let (found, _) = tape.play(|| GithubActions::list_artifacts(Some(reference.clone()), page()));
    let told: Vec<_> = found.unwrap().items.into_iter().map(|it| (it.id, it.name, it.size, it.expired)).collect();
    let said = tape.said("GET /actions/runs/5138169628/artifacts");
    let one = |it: &Value| {
        (
            it["id"].to_string(),
            it["name"].as_str().unwrap().to_owned(),
            it["size_in_bytes"].as_u64(),
            it["expired"] == true,
        )
    };
    let all: Vec<_> = said["artifacts"].as_array().unwrap().iter().map(one).collect();
    assert!(!all.is_empty());
    assert_eq!(told, all);
    let tape = Tape::of(&["Artifact.testGetSingleArtifactFromRepo"]);
    let place = RunRef { pipeline: format!("{}/ci.yml", tape.repo), run: "1".into(), attempt: None };
    let (plan, _) = tape.play(|| GithubActions::plan_download(Some(place), "719509139".into(), None));
    assert_eq!(plan.unwrap().size, tape.said("GET /actions/artifacts/719509139")["size_in_bytes"].as_u64());
    let tape = Tape::of(&["Artifact.testGetNonexistentArtifact", "Artifact.testDelete"]);
    let place = RunRef { pipeline: format!("{}/ci.yml", tape.repo), run: "1".into(), attempt: None };
    let (none, _) = tape.play(|| GithubActions::plan_download(Some(place.clone()), "396724437".into(), None));
    assert_eq!(message(none).0, ErrorKind::NotFound);
    let (gone, changes) = tape.play(|| GithubActions::delete_artifact(operation(), Some(place), "396724439".into()));
    assert_eq!((gone, changes.len()), (Ok(()), 1));
}

fn environments() {
    let tape = Tape::of(&["Environment.testGetEnvironments", "Environment.testDeleteEnvironment", "Environment.setUp"]);
    let listed = Tape::of(&["Environment.testGetEnvironments"]);
    let (found, _) = listed.play(|| GithubActions::list_environments(page()));
    let told: Vec<_> = found.unwrap().items.into_iter().map(|it| it.name).collect();
    assert!(told.contains(&"dev".to_owned()), "{told:?}");
    let (dev, _) = tape.play(|| <GithubActions as Environments>::get(format!("{}/dev", tape.repo)));
    let said = tape.said("GET /environments/dev");
    let rules = said["protection_rules"].as_array().unwrap();
    let reviewers = rules.iter().find(|rule| rule["type"] == "required_reviewers").unwrap();
    let who: Vec<_> = reviewers["reviewers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{}:{}", it["type"].as_str().unwrap(), it["reviewer"]["id"]))
        .collect();
    let dev = dev.unwrap();
    let told = dev.protection.iter().find(|rule| rule.kind == "reviewers").unwrap();
    assert!(!who.is_empty() && who.iter().all(|it| told.value.contains(it.as_str())), "{told:?}");
    let (gone, _) = tape.play(|| GithubActions::delete_environment(operation(), format!("{}/test", tape.repo)));
    assert_eq!(gone, Ok(()));
}

fn stores() {
    let tape = Tape::of(&["Environment.testEnvironmentSecrets", "Environment.testEnvironmentVariables"]);
    let scope = || Some(format!("{}/test", tape.repo));
    let change = SecretChange {
        name: "secret_name_one".into(),
        scope: scope(),
        kind: "text".into(),
        parts: vec![attribute("value", "secret-1")],
        options: vec![],
    };
    let (put, changes) = tape.play(|| GithubActions::put_secret(operation(), change));
    assert_eq!((put, changes.len()), (Ok(()), 1), "{changes:?}");
    let names = |said: Value, kind: &str| -> Vec<String> {
        said[kind].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    let (secrets, _) = tape.play(|| GithubActions::list_secrets(scope(), page()));
    let told: Vec<_> = secrets.unwrap().items.into_iter().map(|it| it.name).collect();
    assert_eq!(told, names(tape.said("GET /environments/test/secrets"), "secrets"));
    let (gone, _) = tape.play(|| GithubActions::delete_secret(operation(), "SECRET_NAME_ONE".into(), scope()));
    assert_eq!(gone, Ok(()));
    let variable = Variable { name: "other".into(), scope: scope(), value: "1".into(), more: vec![] };
    let (put, changes) = tape.play(|| GithubActions::put_variable(operation(), variable));
    assert_eq!((put, changes.len()), (Ok(()), 2), "it is not there, and made: {changes:?}");
    let (variables, _) = tape.play(|| GithubActions::list_variables(scope(), page()));
    let told: Vec<_> = variables.unwrap().items.into_iter().map(|it| it.name).collect();
    assert_eq!(told, names(tape.said("GET /environments/test/variables"), "variables"));
}

fn deployments() {
    let tape = Tape::of(&["DeploymentStatus.setUp", "DeploymentStatus.testGetStatuses", "DeploymentStatus.testCreate"]);
    let id = || format!("{}/263877258", tape.repo);
    let (found, _) = tape.play(|| <GithubActions as Deployments>::get(id()));
    let (found, said) = (found.unwrap(), tape.said("GET /deployments/263877258"));
    let newest = &tape.said("GET /deployments/263877258/statuses")[0]["state"];
    assert_eq!(
        (found.environment.as_str(), found.status.platform.as_str()),
        (said["environment"].as_str().unwrap(), newest.as_str().unwrap())
    );
    let (set, changes) =
        tape.play(|| GithubActions::set_status(operation(), id(), Status::of(State::Running, "x"), None));
    assert_eq!((set, changes.len()), (Ok(()), 1), "{changes:?}");
}

fn hooks_and_runners() {
    let tape = Tape::of(&["Hook.setUp", "Hook.testDelete"]);
    let (hooks, _) = tape.play(GithubActions::list_hooks);
    let (hook, said) = (hooks.unwrap().remove(0), tape.said("GET /hooks/257993"));
    assert_eq!(
        (Some(hook.url.as_str()), Some(hook.active)),
        (said["config"]["url"].as_str(), said["active"].as_bool())
    );
    let (gone, changes) = tape.play(|| GithubActions::unregister(operation(), hook.id));
    assert_eq!((gone, changes), (Ok(()), vec![format!("DELETE /repos/{}/hooks/257993", tape.repo)]));

    let tape = Tape::of(&["SelfHostedActionsRunner.testAttributes"]);
    let (found, _) = tape.play(|| <GithubActions as Runners>::get(format!("{}/2217", tape.repo)));
    let (found, said) = (found.unwrap(), tape.said("GET /actions/runners/2217"));
    let labels: Vec<_> = said["labels"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(
        (Some(found.name.as_str()), found.busy, found.labels),
        (said["name"].as_str(), said["busy"].as_bool(), labels.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
    );
    assert_eq!(Some(found.state.as_str()), said["status"].as_str());
}

#[test]
fn what_github_really_answered_is_read_as_what_it_says() {
    dispatches();
    switches();
    runs();
    artifacts();
    environments();
    stores();
    deployments();
    hooks_and_runners();
    let place = sources();
    spoke("pygithub-recorded", place.file_name().unwrap().to_str().unwrap());
}
