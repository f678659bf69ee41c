//! The server against a host of the test's own, which can be away, forget the middle of a part, and count.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path as UrlPath, Query, State},
    http::StatusCode,
    routing::{post, put},
};
use novacron_cicd_smallci::{Config, Manner, Phase, SmallCi, sign};
use serde_json::{Value, json};

const SECRET: &str = "whsec_c21hbGxjaSB0ZXN0cyBzaWduIHdpdGggdGhpcw==";
const PATIENCE: Duration = Duration::from_secs(30);

/// What the fake host was told.
#[derive(Default)]
struct Told {
    statuses: Vec<Value>,
    jobs: BTreeMap<String, Value>,
    logs: BTreeMap<String, Vec<u8>>,
    closed: Vec<String>,
    artifacts: BTreeMap<String, Vec<u8>>,
    /// So many requests are answered 503 before one is taken.
    away: u32,
    /// Of a part of a log, no more than this is kept.
    keeps: usize,
    conflicts: u32,
}

#[derive(Clone, Default)]
struct Host(Arc<Mutex<Told>>);

impl Host {
    async fn start() -> (Self, String) {
        let host = Self::default();
        host.0.lock().unwrap().keeps = usize::MAX;
        let app = Router::new()
            .route("/run/status", put(status))
            .route("/run/jobs/{id}", put(job))
            .route("/run/logs", post(logs))
            .route("/run/artifacts/{name}", put(artifact))
            .route("/run/heartbeat", post(async || Json(json!({}))))
            .with_state(host.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/run", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (host, url)
    }

    fn told<T>(&self, look: impl FnOnce(&mut Told) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn take<T>(&self, take: impl FnOnce(&mut Told) -> T) -> Result<T, StatusCode> {
        self.told(|told| {
            if told.away > 0 {
                told.away -= 1;
                return Err(StatusCode::SERVICE_UNAVAILABLE);
            }
            Ok(take(told))
        })
    }
}

async fn status(State(host): State<Host>, Json(status): Json<Value>) -> Result<StatusCode, StatusCode> {
    host.take(|told| told.statuses.push(status)).map(|()| StatusCode::NO_CONTENT)
}

async fn job(
    State(host): State<Host>,
    UrlPath(id): UrlPath<String>,
    Json(job): Json<Value>,
) -> Result<StatusCode, StatusCode> {
    host.take(|told| told.jobs.insert(id, job)).map(|_| StatusCode::NO_CONTENT)
}

async fn logs(
    State(host): State<Host>,
    Query(query): Query<BTreeMap<String, String>>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>), StatusCode> {
    host.take(|told| {
        let job = query["job"].clone();
        let offset: usize = query["offset"].parse().unwrap();
        let keeps = told.keeps;
        let log = told.logs.entry(job.clone()).or_default();
        if offset > log.len() {
            told.conflicts += 1;
            return (StatusCode::CONFLICT, Json(json!({ "code": "log.gap", "expected": log.len() })));
        }
        if offset == log.len() {
            log.extend_from_slice(&bytes[..bytes.len().min(keeps)]);
        }
        let length = log.len();
        if query.get("complete").is_some_and(|word| word == "true") {
            told.closed.push(job);
        }
        (StatusCode::OK, Json(json!({ "offset": length })))
    })
}

async fn artifact(
    State(host): State<Host>,
    UrlPath(name): UrlPath<String>,
    bytes: Bytes,
) -> Result<StatusCode, StatusCode> {
    host.take(|told| told.artifacts.insert(name, bytes.to_vec())).map(|_| StatusCode::CREATED)
}

fn repository(directory: &Path, script: &str) -> String {
    std::fs::write(directory.join("build.sh"), script).unwrap();
    let author = ["-c", "user.name=Builder", "-c", "user.email=builder@localhost", "-c", "commit.gpgsign=false"];
    for arguments in [vec!["init", "-q", "-b", "main"], vec!["add", "."], vec!["commit", "-q", "-m", "first"]] {
        let done = Command::new("git").args(author).args(arguments).current_dir(directory).status().unwrap();
        assert!(done.success());
    }
    format!("file://{}", directory.display())
}

fn trigger(callback: &str, repository: &str) -> Value {
    json!({
        "type": "run.trigger",
        "operation": { "id": "op-1", "attempt": 1 },
        "run": { "correlation": "corr-1" },
        "pipeline": { "id": "p-1", "name": "backend" },
        "reference": "main",
        "repository": repository,
        "parameters": { "VERSION": "1.2.3" },
        "environment": { "BUILD_ENV": "production" },
        "callback": { "url": callback, "token": "ncr_test" },
    })
}

async fn deliver(ci: &SmallCi, id: &str, secret: &str, body: &Value) -> reqwest::Response {
    let body = body.to_string();
    let now = now_seconds();
    reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap()
        .post(ci.hook_url())
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", now)
        .header("webhook-signature", sign(secret, id, now, body.as_bytes()))
        .body(body)
        .send()
        .await
        .unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the receiver compares with the real time")]
fn now_seconds() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

async fn over(ci: &SmallCi) -> Phase {
    ci.wait_for("the first run's end", PATIENCE, |tally| {
        let run = tally.runs.first()?;
        run.phase.is_over().then_some(run.phase)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_trigger_clones_builds_uploads_and_tells_of_it() {
    let (host, callback) = Host::start().await;
    let source = tempfile::tempdir().unwrap();
    let script = "echo \"building $VERSION for $BUILD_ENV\"\nmkdir dist\nprintf 'made' > dist/app.bin\n";
    let repository = repository(source.path(), script);
    let ci = SmallCi::start(Config::new(SECRET)).await.unwrap();
    let answer = deliver(&ci, "op-1", SECRET, &trigger(&callback, &repository)).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.json::<Value>().await.unwrap()["id"], "build-1");
    assert_eq!(over(&ci).await, Phase::Succeeded);
    host.told(|told| {
        assert_eq!(told.artifacts["app.bin"], b"made");
        let log = String::from_utf8(told.logs["build"].clone()).unwrap();
        assert!(log.contains("building 1.2.3 for production\n"), "{log}");
        assert_eq!(told.closed, ["build", "publish"]);
        assert_eq!(told.jobs["publish"]["needs"], json!(["build"]));
        assert_eq!(told.jobs["build"]["steps"][1]["state"], "succeeded");
        let states: Vec<_> = told.statuses.iter().map(|status| status["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["running", "succeeded"]);
        assert_eq!(told.statuses[1]["commit"].as_str().unwrap().len(), 40);
    });
    assert_eq!(ci.tally().complaints, Vec::<String>::new());
}

#[tokio::test]
async fn the_same_delivery_twice_is_one_run_and_another_id_is_another() {
    let (_host, callback) = Host::start().await;
    let source = tempfile::tempdir().unwrap();
    let body = trigger(&callback, &repository(source.path(), "true\n"));
    let ci = SmallCi::start(Config::new(SECRET)).await.unwrap();
    let (first, second) = tokio::join!(deliver(&ci, "op-1", SECRET, &body), deliver(&ci, "op-1", SECRET, &body));
    let ids = [first.json::<Value>().await.unwrap(), second.json::<Value>().await.unwrap()];
    assert_eq!(ids[0]["id"], ids[1]["id"]);
    deliver(&ci, "op-2", SECRET, &body).await;
    let tally = ci.tally();
    assert_eq!((tally.runs.len(), tally.duplicates, tally.runs[0].deliveries), (2, 1, 2));
}

#[tokio::test]
async fn what_is_not_signed_with_the_secret_starts_nothing() {
    let ci = SmallCi::start(Config::new(SECRET)).await.unwrap();
    let answer = deliver(&ci, "op-1", "another", &trigger("http://127.0.0.1:9/run", "file:///nowhere")).await;
    assert_eq!(answer.status(), 401);
    let tally = ci.tally();
    assert_eq!((tally.requests, tally.refused, tally.runs.len()), (1, 1, 0));
}

#[tokio::test]
async fn a_host_that_is_away_and_forgets_parts_still_gets_every_byte_once() {
    let (host, callback) = Host::start().await;
    host.told(|told| {
        told.away = 7;
        told.keeps = 1000;
    });
    let source = tempfile::tempdir().unwrap();
    let script = "i=0\nwhile [ $i -lt 2000 ]; do echo \"line $i\"; i=$((i+1)); done\n";
    let repository = repository(source.path(), script);
    let ci = SmallCi::start(Config::new(SECRET)).await.unwrap();
    deliver(&ci, "op-1", SECRET, &trigger(&callback, &repository)).await;
    assert_eq!(over(&ci).await, Phase::Succeeded);
    let log = host.told(|told| String::from_utf8(told.logs["build"].clone()).unwrap());
    let lines: Vec<_> = log.lines().filter(|line| line.starts_with("line ")).collect();
    let wanted: Vec<_> = (0..2000).map(|number| format!("line {number}")).collect();
    assert_eq!(lines, wanted);
    assert!(ci.tally().callback_retries >= 7);
    assert_eq!(ci.tally().complaints, Vec::<String>::new());
}

#[tokio::test]
async fn a_cancel_ends_the_build_and_all_that_it_started() {
    let (host, callback) = Host::start().await;
    let source = tempfile::tempdir().unwrap();
    let repository = repository(source.path(), "sleep 600 &\necho \"child $!\"\nsleep 600\n");
    let ci = SmallCi::start(Config::new(SECRET)).await.unwrap();
    deliver(&ci, "op-1", SECRET, &trigger(&callback, &repository)).await;
    let child = ci
        .wait_for("the child's number", PATIENCE, |_| {
            let log = host.told(|told| told.logs.get("build").cloned())?;
            let log = String::from_utf8(log).unwrap();
            log.lines().find_map(|line| line.strip_prefix("child ")?.parse::<u32>().ok())
        })
        .await
        .unwrap();
    assert!(Path::new(&format!("/proc/{child}")).exists());
    let cancel = json!({ "type": "run.cancel", "operation": { "id": "op-2" }, "run": { "correlation": "corr-1" } });
    for _ in 0..2 {
        assert_eq!(deliver(&ci, "op-2", SECRET, &cancel).await.status(), 202);
    }
    assert_eq!(over(&ci).await, Phase::Canceled);
    // The kernel buries it when its new parent has looked; until then it is a zombie, which does nothing.
    let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
    host.told(|told| {
        assert_eq!(told.statuses.last().unwrap()["state"], "canceled");
        assert_eq!(told.jobs["publish"]["state"], "skipped");
    });
    assert_eq!(ci.tally().runs[0].cancels, 1);
}

#[tokio::test]
async fn a_script_that_fails_makes_the_run_fail() {
    let (host, callback) = Host::start().await;
    let source = tempfile::tempdir().unwrap();
    let repository = repository(source.path(), "exit 3\n");
    let ci = SmallCi::start(Config::new(SECRET)).await.unwrap();
    deliver(&ci, "op-1", SECRET, &trigger(&callback, &repository)).await;
    assert_eq!(over(&ci).await, Phase::Failed);
    host.told(|told| assert_eq!(told.statuses.last().unwrap()["state"], "failed"));
}

#[tokio::test]
async fn an_unanswered_delivery_is_counted_when_the_other_side_hangs_up() {
    let ci = SmallCi::start(Config::new(SECRET)).await.unwrap();
    ci.answer_by(Manner::Never);
    let sent = async { deliver(&ci, "op-1", SECRET, &trigger("http://127.0.0.1:9/run", "file:///nowhere")).await };
    tokio::select! {
        answer = sent => panic!("it was answered with {}", answer.status()),
        seen = ci.wait_for("an unanswered one", PATIENCE, |tally| (tally.unanswered == 1).then_some(())) => seen.unwrap(),
    }
    ci.wait_for("the hanging up", PATIENCE, |tally| (tally.hung_up == 1).then_some(())).await.unwrap();
    assert_eq!(ci.tally().runs.len(), 0);
}
