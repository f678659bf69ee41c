//! Errors on the wire: RFC 9457 `application/problem+json`.
//!
//! The only place that turns a class of error into an HTTP status. Must be absent: the words of an error, which are
//! the error's own.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use novacron_cicd_domain::{Coded, Retry};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ApiError;
use crate::service::{ErrorClass, ServiceError};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong, and what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The code as a URI.
    #[schema(example = "urn:novacron:cicd:error:provider.name-taken")]
    pub r#type: String,
    /// What kind of problem it is, the same for every problem of this code.
    #[schema(example = "provider: name taken")]
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// This very problem, in a sentence.
    pub detail: String,
    /// The path that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Stable and listed in docs/errors.md.
    #[schema(example = "provider.name-taken")]
    pub code: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether the same request may succeed later; with the same idempotency key it is never done twice.
    pub retryable: bool,
    /// The request's id, to be found in the daemon's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The single things that are wrong, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemItem>,
    /// On a gap in a log: the offset at which the next piece has to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// Milliseconds to wait, also in the retry-after header.
    #[serde(skip)]
    #[schema(ignore)]
    pub retry_after: Option<u64>,
}

/// One of several things that are wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemItem {
    /// A JSON pointer into what was sent.
    pub pointer: String,
    /// Stable and listed in docs/errors.md.
    pub code: String,
    /// In a sentence.
    pub detail: String,
}

impl Problem {
    /// The problem that an error is.
    #[must_use]
    pub fn of(error: &ApiError) -> Self {
        let code = error.code();
        let (status, retryable, retry_after) = answer(error);
        let service = if let ApiError::Service(error) = error { Some(error) } else { None };
        Self {
            r#type: format!("urn:novacron:cicd:error:{code}"),
            title: title(code),
            status: status.as_u16(),
            detail: error.to_string(),
            instance: None,
            code: code.to_owned(),
            hint: error.hint(),
            retryable,
            request_id: None,
            errors: service.map_or_else(Vec::new, items),
            expected: match service {
                Some(ServiceError::LogGap { expected, .. }) => Some(*expected),
                _ => None,
            },
            retry_after,
        }
    }
}

fn items(error: &ServiceError) -> Vec<ProblemItem> {
    let item = |problem: crate::service::Problem| ProblemItem {
        pointer: problem.at,
        code: problem.code.to_owned(),
        detail: problem.message,
    };
    error.problems().into_iter().map(item).collect()
}

/// `provider.name-taken` becomes `provider: name taken`.
fn title(code: &str) -> String {
    code.split('.').map(|part| part.replace('-', " ")).collect::<Vec<_>>().join(": ")
}

/// Status, whether the same request may succeed later, and how many milliseconds to wait.
fn answer(error: &ApiError) -> (StatusCode, bool, Option<u64>) {
    let never = |status| (status, false, None);
    match error {
        ApiError::Service(error) => service_answer(error),
        ApiError::NoRoute { .. } => never(StatusCode::NOT_FOUND),
        ApiError::Method { .. } => never(StatusCode::METHOD_NOT_ALLOWED),
        ApiError::MediaType { .. } => never(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ApiError::TooLarge { .. } => never(StatusCode::PAYLOAD_TOO_LARGE),
        ApiError::BrokenOff { .. } => (StatusCode::BAD_REQUEST, true, None),
        ApiError::Body { .. }
        | ApiError::UnknownField { .. }
        | ApiError::Query { .. }
        | ApiError::Path { .. }
        | ApiError::Header { .. } => never(StatusCode::BAD_REQUEST),
        ApiError::KeyMismatch { .. } => never(StatusCode::UNPROCESSABLE_ENTITY),
        ApiError::KeyInFlight { .. } => (StatusCode::CONFLICT, true, Some(1000)),
        ApiError::Range { .. } => never(StatusCode::RANGE_NOT_SATISFIABLE),
        ApiError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, true, Some(1000)),
        ApiError::Panic => never(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn service_answer(error: &ServiceError) -> (StatusCode, bool, Option<u64>) {
    let safe = match error {
        ServiceError::Call { source, .. } | ServiceError::Unreachable { source, .. } => {
            matches!(source.retry(), Retry::Safe(_))
        }
        _ => false,
    };
    match error.class() {
        ErrorClass::Invalid if matches!(error, ServiceError::TooLarge { .. }) => {
            (StatusCode::PAYLOAD_TOO_LARGE, false, None)
        }
        ErrorClass::Invalid | ErrorClass::Unsupported => (StatusCode::UNPROCESSABLE_ENTITY, false, None),
        ErrorClass::Unauthorized => (StatusCode::UNAUTHORIZED, false, None),
        ErrorClass::Forbidden => (StatusCode::FORBIDDEN, false, None),
        ErrorClass::NotFound => (StatusCode::NOT_FOUND, false, None),
        ErrorClass::Conflict => (StatusCode::CONFLICT, false, None),
        ErrorClass::Stale => (StatusCode::PRECONDITION_FAILED, false, None),
        ErrorClass::RateLimited { retry_after } => (StatusCode::TOO_MANY_REQUESTS, true, retry_after),
        ErrorClass::Upstream => (StatusCode::BAD_GATEWAY, safe, None),
        ErrorClass::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, true, matches!(error, ServiceError::Busy { .. }).then_some(5000))
        }
        ErrorClass::Full => (StatusCode::INSUFFICIENT_STORAGE, true, None),
        ErrorClass::Internal => (StatusCode::INTERNAL_SERVER_ERROR, false, None),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, serde_json::to_vec(&self).unwrap_or_default()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(millis) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(millis.div_ceil(1000).max(1)));
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"novacron-cicd\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = Problem::of(&self);
        if problem.status >= 500 {
            tracing::error!(code = problem.code, error = %self, "a request failed");
        }
        problem.into_response()
    }
}
