//! Entity tags: the version of a definition, for readers that have it already and writers that must not overwrite.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use serde::Serialize;

use super::ApiError;

/// The version that a writer has read (`If-Match: "3"`); none where it does not say, or says `*`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IfMatch(pub(crate) Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let text = String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
        if text == "*" {
            return Ok(Self(None));
        }
        version(&text).map(|version| Self(Some(version))).ok_or(ApiError::Header {
            name: "if-match",
            value: text,
            reason: "it is no entity tag that this API gave, such as \"3\"",
        })
    }
}

fn version(tag: &str) -> Option<i64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

/// A value with its entity tag, or 304 where the reader has it.
pub(crate) fn tagged<T: Serialize>(version: i64, request: &HeaderMap, value: T) -> Response {
    let tag = format!("\"{version}\"");
    let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let known = known.flat_map(|value| value.split(',')).any(|value| value.trim().trim_start_matches("W/") == tag);
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { axum::Json(value).into_response() };
    with_tag(&mut response, version);
    response
}

/// Puts an entity tag on an answer.
pub(crate) fn with_tag(response: &mut Response, version: i64) {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}
