//! What the host POSTs to: believe, deduplicate, answer; the work goes on behind the answer.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::{
    Shared, build,
    protocol::{Delivery, Trigger},
    signature,
    tally::{Admission, Cancellation, Manner, Tally},
};

/// No trigger is larger.
const LARGEST_BODY: usize = 1024 * 1024;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/hook", post(hook))
        .route("/tally", get(tally))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(shared)
}

async fn tally(State(shared): State<Arc<Shared>>) -> Json<Tally> {
    Json(shared.book.tally())
}

fn refuse(shared: &Shared, status: StatusCode, why: &str) -> Response {
    shared.book.count(|tally| tally.refused += 1);
    (status, Json(json!({ "error": why }))).into_response()
}

async fn hook(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    shared.book.count(|tally| tally.requests += 1);
    let now = build::now_millis() / 1000;
    let webhook_id = match signature::verify(&shared.config.signing_secret, &headers, &body, now) {
        Ok(id) => id,
        Err(refusal) => return refuse(&shared, StatusCode::UNAUTHORIZED, &refusal.to_string()),
    };
    let delivery: Delivery = match serde_json::from_slice(&body) {
        Ok(delivery) => delivery,
        Err(error) => return refuse(&shared, StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    };
    match shared.book.manner() {
        Manner::Properly => {}
        Manner::Refuse(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return refuse(&shared, status, &format!("told to refuse: {}", String::from_utf8_lossy(&body)));
        }
        Manner::Never => return never_answer(&shared).await,
    }
    match delivery {
        Delivery::Ping => {
            shared.book.count(|tally| {
                tally.requests -= 1;
                tally.pings += 1;
            });
            StatusCode::NO_CONTENT.into_response()
        }
        Delivery::Trigger(trigger) => take(&shared, &webhook_id, *trigger),
        Delivery::Cancel(cancel) => match shared.book.cancel(&webhook_id, &cancel.run) {
            Cancellation::Asked(answer) => (StatusCode::ACCEPTED, Json(answer)).into_response(),
            Cancellation::Unknown => refuse(&shared, StatusCode::NOT_FOUND, "no such run"),
        },
    }
}

fn take(shared: &Arc<Shared>, webhook_id: &str, trigger: Trigger) -> Response {
    match shared.book.admit(webhook_id, &trigger, &shared.own_url) {
        Admission::Full => {
            refuse(shared, StatusCode::TOO_MANY_REQUESTS, "too many runs for one server; start a new one")
        }
        Admission::Again(answer) => (StatusCode::OK, Json(answer)).into_response(),
        Admission::New { run, answer, stop } => {
            let work = build::run(Arc::clone(shared), run, answer.clone(), trigger, stop);
            let mut builds = shared.builds();
            while builds.try_join_next().is_some() {}
            builds.spawn(work);
            (StatusCode::CREATED, Json(answer)).into_response()
        }
    }
}

/// Waits for the other side to hang up: the server drops this future then, and the guard counts it.
async fn never_answer(shared: &Arc<Shared>) -> Response {
    struct Guard<'a>(&'a Shared);
    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            self.0.book.count(|tally| tally.hung_up += 1);
        }
    }
    shared.book.count(|tally| tally.unanswered += 1);
    let _guard = Guard(shared);
    std::future::pending().await
}
