//! Idempotency keys: done once, answered as often as it is asked, also where the client hangs up.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
    routing,
};
use http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;
use utoipa_axum::router::OpenApiRouter;

use super::host::{Answer, Host, soon};
use crate::{
    api::{self, ApiError, ApiState, auth::Who, extract::Json, idempotency::Key},
    service::{Deed, Done, ServiceError, Services},
};

/// What the handler of this test did, and leave to go on.
#[derive(Clone)]
struct Work {
    done: Arc<AtomicUsize>,
    begun: Arc<Semaphore>,
    leave: Arc<Semaphore>,
}

async fn act(
    State(state): State<ApiState>,
    Extension(work): Extension<Work>,
    Who(actor): Who,
    key: Key,
    Json(body): Json<Value>,
) -> Result<Response, ApiError> {
    let work = async move |_, _, body: Value| {
        work.begun.add_permits(1);
        work.leave.acquire().await.map_err(|_| ApiError::Stopping)?.forget();
        let count = work.done.fetch_add(1, Ordering::SeqCst) + 1;
        match body["fail"].as_str() {
            Some("later") => Err(ApiError::Stopping),
            Some(_) => Err(ServiceError::NameTaken { what: "provider", name: "x".into() }.into()),
            None => Ok(Count(count)),
        }
    };
    key.once(state, actor, body, work, counted).await
}

/// How often it was done; nothing of it is in the state.
struct Count(usize);

impl Done for Count {
    fn deed(&self) -> Deed {
        Deed::default()
    }

    async fn find(_: &Services, _: Deed) -> Result<Self, ServiceError> {
        Err(ServiceError::Stopping)
    }
}

async fn counted(_: ApiState, Count(count): Count) -> Response {
    let location = [(header::LOCATION, "/v1/things/1")];
    (StatusCode::ACCEPTED, location, axum::Json(json!({"count": count}))).into_response()
}

struct Place {
    host: Host,
    router: axum::Router,
    work: Work,
}

impl Place {
    async fn new(leave: usize) -> Self {
        let host = Host::start().await;
        let work =
            Work { done: Arc::default(), begun: Arc::new(Semaphore::new(0)), leave: Arc::new(Semaphore::new(leave)) };
        let needs_token = axum::middleware::from_fn_with_state(host.state.clone(), api::auth::require_token);
        let routes = OpenApiRouter::new().route("/act", routing::post(act)).route_layer(needs_token);
        let router = api::wrap(routes.layer(Extension(work.clone())), host.state.clone());
        Self { host, router, work }
    }

    fn request(&self, key: Option<&str>, body: &Value) -> Request<Body> {
        let mut request =
            self.host.request(http::Method::POST, "/act").header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.body(Body::from(body.to_string())).unwrap()
    }

    async fn send(&self, key: Option<&str>, body: &Value) -> Answer {
        Answer::read(self.router.clone().oneshot(self.request(key, body)).await.unwrap()).await
    }

    fn done(&self) -> usize {
        self.work.done.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn the_same_request_again_is_answered_and_not_done_again() {
    let place = Place::new(100).await;
    let first = place.send(Some("k"), &json!({"a": 1})).await;
    let again = place.send(Some("k"), &json!({"a": 1})).await;
    assert_eq!((first.status, first.header("location"), first.json()), (202, "/v1/things/1", json!({"count": 1})));
    assert_eq!((again.status, again.header("location"), again.json()), (202, "/v1/things/1", json!({"count": 1})));
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!((again.header("content-type"), again.header("idempotency-key")), ("application/json", "k"));
    let other = place.send(Some("k"), &json!({"a": 2})).await;
    assert_eq!((other.status, other.json()["code"].clone()), (422, json!("idempotency.mismatch")));
    assert_eq!(place.done(), 1);
    place.host.stop().await;
}

#[tokio::test]
async fn without_a_key_the_host_makes_one_and_says_it() {
    let place = Place::new(100).await;
    let first = place.send(None, &json!({})).await;
    let second = place.send(None, &json!({})).await;
    assert_eq!(place.done(), 2);
    assert_ne!(first.header("idempotency-key"), second.header("idempotency-key"));
    let again = place.send(Some(first.header("idempotency-key")), &json!({})).await;
    assert_eq!((again.json(), place.done()), (json!({"count": 1}), 2));
    place.host.stop().await;
}

#[tokio::test]
async fn what_was_refused_stays_refused_and_what_failed_can_be_tried_again() {
    let place = Place::new(100).await;
    for _ in 0..2 {
        let refused = place.send(Some("refused"), &json!({"fail": "now"})).await;
        assert_eq!((refused.status, refused.json()["code"].clone()), (409, json!("provider.name-taken")));
        assert_eq!(refused.json()["request_id"], refused.header("x-request-id"));
    }
    assert_eq!(place.done(), 1, "a refusal is an answer like any other");
    for _ in 0..2 {
        let failed = place.send(Some("failed"), &json!({"fail": "later"})).await;
        assert_eq!(failed.status, 503);
    }
    assert_eq!(place.done(), 3, "a failure is no answer to be kept");
    place.host.stop().await;
}

#[tokio::test]
async fn while_the_first_is_under_way_the_second_is_told_to_wait() {
    let place = Place::new(0).await;
    let first = tokio::spawn(place.router.clone().oneshot(place.request(Some("k"), &json!({}))));
    soon(place.work.begun.acquire()).await.unwrap().forget();
    let second = place.send(Some("k"), &json!({})).await;
    assert_eq!((second.status, second.json()["code"].clone()), (409, json!("idempotency.in-flight")));
    assert_eq!((second.json()["retryable"].clone(), second.header("retry-after")), (json!(true), "1"));
    place.work.leave.add_permits(1);
    assert_eq!(Answer::read(first.await.unwrap().unwrap()).await.json(), json!({"count": 1}));
    place.host.stop().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_takes_nothing_back() {
    let place = Place::new(0).await;
    let first = tokio::spawn(place.router.clone().oneshot(place.request(Some("k"), &json!({}))));
    soon(place.work.begun.acquire()).await.unwrap().forget();
    first.abort();
    assert!(first.await.is_err_and(|error| error.is_cancelled()));
    place.work.leave.add_permits(1);
    // Until its answer is kept the request is under way.
    let answer = soon(async {
        loop {
            let answer = place.send(Some("k"), &json!({})).await;
            if answer.status != 409 {
                break answer;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(
        (answer.status, answer.json(), answer.header("idempotent-replayed")),
        (202, json!({"count": 1}), "true")
    );
    assert_eq!(place.done(), 1);
    place.host.stop().await;
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let place = Place::new(100).await;
    for key in ["", "   ", &"x".repeat(256)] {
        let answer = place.send(Some(key), &json!({})).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("request.invalid-header")), "{key:?}");
    }
    assert_eq!(place.done(), 0);
    place.host.stop().await;
}
