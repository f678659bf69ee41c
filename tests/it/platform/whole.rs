//! A platform that has everything, in this process: what the guest `whole` speaks to. It answers reads with what the test has put
//! there, and keeps what it was asked to change.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

/// What every request must carry.
pub(crate) const TOKEN: &str = "whole-token-of-some-length";

/// What the platform hands out.
pub(crate) const HANDED_OUT: &str = "handed-out-by-the-platform";

/// A change that the platform was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) function: String,
    pub(crate) operation: String,
    pub(crate) attempt: u32,
    pub(crate) arguments: Value,
}

#[derive(Default)]
pub(crate) struct Data {
    /// By function: what a read finds. By function and `=` and argument where it depends on one.
    pub(crate) found: BTreeMap<String, Value>,
    /// By function: what a change answers.
    pub(crate) answers: BTreeMap<String, Value>,
    /// Changes, as they came.
    pub(crate) asked: Vec<Asked>,
    /// Reads, with their arguments.
    pub(crate) reads: Vec<(String, BTreeMap<String, String>)>,
    /// The next change of this function is made, and its answer breaks off.
    pub(crate) breaks_off: Option<String>,
    /// Bytes under this name are refused: there are others.
    pub(crate) refuses: Option<String>,
    /// Bytes that come are not read beyond their first piece.
    pub(crate) holds: bool,
    /// Runs that there are.
    pub(crate) runs: Vec<Value>,
}

#[derive(Clone)]
pub(crate) struct Platform {
    data: Arc<Mutex<Data>>,
    held: Arc<Notify>,
    pub(crate) url: String,
}

impl Platform {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let platform = Self { data: Arc::default(), held: Arc::default(), url };
        let router = Router::new()
            .route("/read/{function}", get(read))
            .route("/do/{function}", post(make))
            .route("/bytes/{name}", get(give).put(take))
            .with_state(platform.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        platform
    }

    pub(crate) fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap()
    }

    /// What a read finds from now on.
    pub(crate) fn finds(&self, function: &str, document: Value) {
        self.data().found.insert(function.into(), document);
    }

    /// What a change answers from now on.
    pub(crate) fn answers(&self, function: &str, document: Value) {
        self.data().answers.insert(function.into(), document);
    }

    /// When bytes have begun to come that it holds.
    pub(crate) async fn held(&self) {
        self.held.notified().await;
    }

    /// A run has ended well.
    pub(crate) fn ends(&self, run: &str) {
        let mut data = self.data();
        let run = data.runs.iter_mut().find(|known| known["id"] == run).unwrap();
        run["state"] = json!("passed");
    }

    /// The last change that it was asked for.
    pub(crate) fn last(&self) -> Asked {
        self.data().asked.last().unwrap().clone()
    }

    /// Every change of this function.
    pub(crate) fn asked(&self, function: &str) -> Vec<Asked> {
        self.data().asked.iter().filter(|asked| asked.function == function).cloned().collect()
    }

    /// The arguments of the last read of this function.
    pub(crate) fn read(&self, function: &str) -> BTreeMap<String, String> {
        let reads = &self.data().reads;
        reads
            .iter()
            .rev()
            .find(|(read, _)| read == function)
            .unwrap_or_else(|| panic!("{function} was not read"))
            .1
            .clone()
    }
}

impl Data {
    fn find(&self, function: &str, arguments: &BTreeMap<String, String>) -> Option<Value> {
        let document = match function {
            "plugin.check" => json!({}),
            "pipelines.get" => json!({ "id": arguments["pipeline"] }),
            "pipelines.parameters" => self.found.get(function).cloned().unwrap_or(json!([])),
            "runs.get" => self.runs.iter().find(|run| run["id"] == *arguments["run"]).cloned()?,
            "run-changes.list-changed" => json!({ "runs": self.runs, "position": self.runs.len().to_string() }),
            "run-listing.list-runs" => json!(self.runs),
            _ => self.found.get(function).cloned()?,
        };
        Some(document)
    }

    fn make(&mut self, asked: &Asked) -> Value {
        let arguments = &asked.arguments;
        match asked.function.as_str() {
            "runs.trigger" if !self.answers.contains_key("runs.trigger") => {
                let id = format!("r{}", self.runs.len() + 1);
                let run = json!({
                    "id": id, "pipeline": arguments["pipeline"], "state": "running",
                    "correlation": arguments["correlation"], "created": 1_700_000_000_000_u64,
                });
                self.runs.push(run.clone());
                run
            }
            "runner-labels.set-labels" => {
                let runner = json!({ "id": arguments["runner"], "labels": arguments["labels"] });
                self.found.insert("runners.get".into(), runner.clone());
                runner
            }
            function => self.answers.get(function).cloned().unwrap_or(json!({})),
        }
    }
}

fn is_ours(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|value| value == &format!("Bearer {TOKEN}"))
}

async fn read(
    State(platform): State<Platform>,
    Path(function): Path<String>,
    Query(arguments): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if !is_ours(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut data = platform.data();
    let found = data.find(&function, &arguments);
    data.reads.push((function, arguments));
    found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |document| Json(document).into_response())
}

async fn make(
    State(platform): State<Platform>,
    Path(function): Path<String>,
    headers: HeaderMap,
    Json(arguments): Json<Value>,
) -> Response {
    if !is_ours(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let attempt = header("x-attempt").parse().unwrap();
    let asked = Asked { function, operation: header("idempotency-key"), attempt, arguments };
    let mut data = platform.data();
    data.asked.push(asked.clone());
    let made = data.make(&asked);
    data.answer(&asked, StatusCode::OK, made)
}

/// Bytes, by what they are called.
async fn give(State(platform): State<Platform>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    if !is_ours(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let found = platform.data().found.get(&format!("bytes={name}")).cloned();
    found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |document| Json(document).into_response())
}

/// Takes bytes in, as a change: what breaks off was never asked for.
async fn take(
    State(platform): State<Platform>,
    Path(name): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !is_ours(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let (mut pieces, mut digest, mut size) = (body.into_data_stream(), Sha256::new(), 0);
    while let Some(piece) = pieces.next().await {
        let Ok(piece) = piece else { return StatusCode::BAD_REQUEST.into_response() };
        digest.update(&piece);
        size += piece.len();
        if platform.data().holds {
            platform.held.notify_one();
            std::future::pending::<()>().await;
        }
    }
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let sha256 = hex::encode(digest.finalize());
    let mut arguments = json!({ "name": name, "type": header("content-type"), "size": size, "sha256": sha256 });
    for (key, value) in query {
        arguments[key] = value.into();
    }
    let (operation, attempt) = (header("idempotency-key"), header("x-attempt").parse().unwrap());
    let asked = Asked { function: "artifact-uploads.plan-upload".into(), operation, attempt, arguments };
    let mut data = platform.data();
    if data.refuses.as_ref() == Some(&name) {
        return (StatusCode::CONFLICT, "there is another file of that name").into_response();
    }
    data.asked.push(asked.clone());
    let (id, url) = (format!("f-{name}"), format!("https://ci.example/f-{name}"));
    data.answer(&asked, StatusCode::CREATED, json!({ "id": id, "url": url, "sha256": sha256 }))
}

impl Data {
    fn answer(&mut self, asked: &Asked, status: StatusCode, document: Value) -> Response {
        if self.breaks_off.take_if(|function| *function == asked.function).is_none() {
            return (status, Json(document)).into_response();
        }
        // Promised, and never sent: the connection ends in the middle of the answer.
        let pieces = futures_util::stream::iter([Ok("{"), Err(std::io::Error::other("cut"))]);
        (status, Body::from_stream(pieces)).into_response()
    }
}
