//! A small platform that has to be asked, in this process: what the guest `polled` speaks to. It keeps count of what it was asked for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post, put},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What every request but those for bytes must carry.
pub(crate) const TOKEN: &str = "polled-token-of-some-length";

#[derive(Default)]
pub(crate) struct Data {
    pub(crate) builds: Vec<Value>,
    /// By build and job.
    pub(crate) logs: BTreeMap<(String, String), String>,
    /// By build: name and bytes.
    pub(crate) files: BTreeMap<String, Vec<(String, Vec<u8>)>>,
    /// By id: whether it takes no new work.
    pub(crate) machines: BTreeMap<String, bool>,
    /// Bytes are others than was said of them.
    pub(crate) damaged: bool,
    /// Builds by the key of the request that made them.
    made: BTreeMap<String, String>,
    /// Paths of requests that carried no token.
    pub(crate) anonymous: Vec<String>,
    /// Requests that changed something, with their keys.
    pub(crate) changes: Vec<(String, String)>,
    /// Requests that read.
    pub(crate) reads: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Platform {
    data: Arc<Mutex<Data>>,
    pub(crate) url: String,
}

type Shared = State<Platform>;

impl Platform {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let platform = Self { data: Arc::default(), url };
        let router = Router::new()
            .route("/projects", get(async || Json(json!([{ "id": "app" }]))))
            .route("/projects/{project}", get(async |Path(id): Path<String>| Json(json!({ "id": id }))))
            .route("/projects/{project}/builds", get(list).post(start))
            .route("/builds/{id}", get(show))
            .route("/builds/{id}/again", post(again))
            .route("/builds/{id}/log/{job}", get(log))
            .route("/builds/{id}/files", get(files))
            .route("/builds/{id}/files/{file}", get(file))
            .route("/bytes/{file}", get(bytes))
            .route("/machines", get(machines))
            .route("/machines/{id}", get(machine))
            .route("/machines/{id}/draining", put(drain))
            .layer(middleware::from_fn_with_state(platform.clone(), watch))
            .with_state(platform.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        platform
    }

    pub(crate) fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap()
    }

    /// A build that somebody else started; its id.
    pub(crate) fn started(&self, origin: &str, state: &str) -> String {
        self.data().add(origin, state, None)
    }

    pub(crate) fn set(&self, id: &str, state: &str) {
        self.data().build(id).unwrap()["state"] = json!(state);
    }
}

impl Data {
    fn add(&mut self, origin: &str, state: &str, correlation: Option<&str>) -> String {
        let id = format!("b{}", self.builds.len() + 1);
        self.builds.push(json!({
            "id": id, "project": "app", "state": state, "origin": origin, "correlation": correlation,
            "created": 1_700_000_000_000_u64, "jobs": ["compile"],
        }));
        id
    }

    fn build(&mut self, id: &str) -> Option<&mut Value> {
        self.builds.iter_mut().find(|build| build["id"] == id)
    }

    /// Once for each key.
    fn make(&mut self, headers: &HeaderMap, what: &str, body: &Value, deduplicates: bool) -> Value {
        let key = headers["idempotency-key"].to_str().unwrap().to_owned();
        self.changes.push((what.to_owned(), key.clone()));
        let known = self.made.get(&key).filter(|_| deduplicates).cloned();
        let id = known.unwrap_or_else(|| self.add("api", "queued", body["correlation"].as_str()));
        self.made.insert(key, id.clone());
        self.build(&id).unwrap().clone()
    }
}

async fn watch(State(platform): Shared, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let authorized = request.headers().get("authorization").is_some_and(|value| value == &format!("Bearer {TOKEN}"));
    if request.method() == "GET" {
        platform.data().reads.push(path.clone());
    }
    if !authorized {
        platform.data().anonymous.push(path.clone());
    }
    if !authorized && !path.starts_with("/bytes/") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    next.run(request).await
}

fn found(value: Option<Value>) -> Response {
    value.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |value| Json(value).into_response())
}

async fn list(State(platform): Shared, Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    let wanted = |build: &&Value| query.get("correlation").is_none_or(|token| build["correlation"] == **token);
    Json(platform.data().builds.iter().rev().filter(wanted).cloned().collect())
}

async fn start(State(platform): Shared, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    Json(platform.data().make(&headers, "start", &body, true))
}

async fn show(State(platform): Shared, Path(id): Path<String>) -> Response {
    found(platform.data().build(&id).cloned())
}

/// Not deduplicated: its new build carries the token that it is searched for by.
async fn again(
    State(platform): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Json<Value> {
    let what = format!("again {id} {}", body["scope"].as_str().unwrap());
    Json(platform.data().make(&headers, &what, &body, false))
}

async fn log(State(platform): Shared, Path(of): Path<(String, String)>) -> String {
    platform.data().logs.get(&of).cloned().unwrap_or_default()
}

fn described(name: &str, bytes: &[u8]) -> Value {
    json!({ "id": name, "name": name, "size": bytes.len(), "sha256": hex::encode(Sha256::digest(bytes)) })
}

async fn files(State(platform): Shared, Path(id): Path<String>) -> Json<Value> {
    let data = platform.data();
    Json(data.files.get(&id).into_iter().flatten().map(|(name, bytes)| described(name, bytes)).collect())
}

async fn file(State(platform): Shared, Path((id, file)): Path<(String, String)>) -> Response {
    let data = platform.data();
    let known = data.files.get(&id).into_iter().flatten().find(|(name, _)| *name == file);
    found(known.map(|(name, bytes)| described(name, bytes)))
}

async fn bytes(State(platform): Shared, Path(file): Path<String>) -> Response {
    let data = platform.data();
    let known = data.files.values().flatten().find(|(name, _)| *name == file);
    let Some((_, bytes)) = known else { return StatusCode::NOT_FOUND.into_response() };
    let damage = u8::from(data.damaged);
    bytes.iter().map(|byte| byte ^ damage).collect::<Vec<u8>>().into_response()
}

fn shown(id: &str, draining: bool) -> Value {
    json!({ "id": id, "state": "online", "draining": draining })
}

async fn machines(State(platform): Shared) -> Json<Value> {
    Json(platform.data().machines.iter().map(|(id, draining)| shown(id, *draining)).collect())
}

async fn machine(State(platform): Shared, Path(id): Path<String>) -> Response {
    let data = platform.data();
    found(data.machines.get(&id).map(|draining| shown(&id, *draining)))
}

async fn drain(State(platform): Shared, Path(id): Path<String>, headers: HeaderMap, Json(body): Json<Value>) {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let mut data = platform.data();
    data.changes.push((format!("drain {id}"), key));
    data.machines.insert(id, body["draining"].as_bool().unwrap());
}
