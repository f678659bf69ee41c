//! What happens to every request: an id, a span, a line in the log, a number in the metrics, and problems that know
//! where they happened.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, Method};
use tracing::Instrument as _;

use super::{ApiError, Problem};

/// The request's id: the client's, where it gave one that can be written down.
pub const ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps every request.
pub(crate) async fn follow(mut request: Request, next: Next) -> Response {
    let id = id(&request);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    if let Ok(value) = HeaderValue::from_str(&id) {
        request.headers_mut().insert(ID, value);
    }
    let span = tracing::info_span!("request", request_id = id, method = %method, route, actor = tracing::field::Empty);
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        problem.instance = Some(path.clone());
        problem.request_id = Some(id.clone());
        let headers = std::mem::take(response.headers_mut());
        response = problem.into_response();
        // What others put beside the problem (allow, content-range) stays.
        for (name, value) in &headers {
            if !response.headers().contains_key(name) && name != http::header::CONTENT_LENGTH {
                response.headers_mut().append(name, value.clone());
            }
        }
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(ID, value);
    }
    let _in_span = span.enter();
    record(&method, &route, &response, begun);
    response
}

fn record(method: &Method, route: &str, response: &Response, begun: Instant) {
    let status = response.status().as_u16();
    let elapsed = begun.elapsed();
    let labels = [
        ("http_request_method", method.as_str().to_owned()),
        ("http_route", route.to_owned()),
        ("http_response_status_code", status.to_string()),
    ];
    metrics::histogram!("http_server_request_duration_seconds", &labels).record(elapsed.as_secs_f64());
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    if method.is_safe() {
        tracing::debug!(status, millis, "answered");
    } else {
        tracing::info!(status, millis, "answered");
    }
}

fn id(request: &Request) -> String {
    let given = request.headers().get(&ID).and_then(|value| value.to_str().ok());
    match given {
        Some(id) if (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) => id.to_owned(),
        _ => uuid::Uuid::now_v7().to_string(),
    }
}

/// Nothing is there.
pub(crate) async fn no_route(request: Request) -> ApiError {
    ApiError::NoRoute { path: request.uri().path().to_owned() }
}

/// Something is there, and does not take this method.
pub(crate) async fn no_method(request: Request) -> ApiError {
    ApiError::Method { method: request.method().to_string(), path: request.uri().path().to_owned() }
}

/// Whatever a layer refuses in its own words becomes a problem.
pub(crate) async fn only_problems(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || response.extensions().get::<Problem>().is_some() {
        return response;
    }
    // An answer with a body of its own shape is meant: /readyz.
    let typed = response.headers().get(http::header::CONTENT_TYPE).is_some_and(|value| value == "application/json");
    if typed {
        return response;
    }
    let mut problem = Problem::of(&match status {
        http::StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge { limit: 0 },
        _ if status.is_server_error() => ApiError::Panic,
        _ => ApiError::Body { reason: status.canonical_reason().unwrap_or("it was refused").to_lowercase() },
    });
    problem.status = status.as_u16();
    problem.into_response()
}
