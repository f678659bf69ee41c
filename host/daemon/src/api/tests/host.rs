//! A host in this very process: real services on a state directory of its own, asked without a network.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{Router, body::Body, response::Response};
use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use novacron_cicd_domain::Timestamp;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{
    api::{self, ApiState},
    config::{Config, Given},
    service::{Services, ServicesConfig},
};

/// What has to happen soon: a test that waits in vain fails instead of standing still.
pub(super) async fn soon<T>(happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(60), happens).await.unwrap()
}

/// A host in this process. What it keeps goes with it.
pub(super) struct Host {
    pub(super) router: Router,
    pub(super) public: Router,
    pub(super) state: ApiState,
    pub(super) admin: String,
    pub(super) stopping: CancellationToken,
    services: Services,
    _directory: tempfile::TempDir,
}

impl Host {
    pub(super) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = ServicesConfig { pooling: false, ..ServicesConfig::new(directory.path().join("state")) };
        let (services, first) = Services::start(config).await.unwrap();
        let admin = first.unwrap().value.expose_str().unwrap().to_owned();
        let limits = Config::load(&Given::default(), &|_| None).unwrap().limits;
        let stopping = CancellationToken::new();
        let metrics = || "# nothing\n".to_owned();
        let clock = || Timestamp(1_769_860_800_000);
        let state = ApiState::new(services.clone(), limits, stopping.clone(), metrics, clock);
        let (router, public) = (api::router(state.clone()), api::public_router(state.clone()));
        Self { router, public, state, admin, stopping, services, _directory: directory }
    }

    /// A request with the first admin token.
    pub(super) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let bearer = format!("Bearer {}", self.admin);
        Request::builder().method(method).uri(path).header(header::AUTHORIZATION, bearer)
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        Answer::read(self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        Answer::read(self.send(request.body(Body::from(body.to_string())).unwrap()).await).await
    }

    pub(super) async fn stop(self) {
        self.stopping.cancel();
        self.services.stop(std::time::Duration::ZERO).await;
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: http::HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Self { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
