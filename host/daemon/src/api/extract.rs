//! What a handler takes from a request, refused as problems: JSON bodies, queries, parts of the path.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header, request::Parts};
use serde::{Deserialize as _, Deserializer, Serialize, de::DeserializeOwned};

use super::{ApiError, ApiState};

/// A JSON body. Unknown fields are refused where the type says `deny_unknown_fields`, which every request type does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// The query, checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// Parts of the path, checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<ApiState> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let given = request
            .headers()
            .get(header::CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if !given.as_deref().is_some_and(is_json) {
            return Err(ApiError::MediaType { given: given.unwrap_or_else(|| "of no stated type".into()) });
        }
        let bytes = body(request, state).await?;
        parse(&bytes).map(Self)
    }
}

/// Tells `null`, which empties, from a field that is left out.
#[expect(clippy::option_option, reason = "left out, null and a value are three things")]
pub(crate) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The whole body, up to the bound.
pub(crate) async fn body(request: Request, state: &ApiState) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| refused(&rejection, state.limits().body_bytes))
}

/// Why bytes were not read.
pub(crate) fn refused(rejection: &BytesRejection, limit: u64) -> ApiError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge { limit },
        _ => ApiError::BrokenOff { reason: rejection.body_text() },
    }
}

fn is_json(given: &str) -> bool {
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// JSON to a value; an unknown field is named.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes).map_err(|error| {
        let reason = error.to_string();
        let Some(rest) = reason.strip_prefix("unknown field `") else { return ApiError::Body { reason } };
        let Some((field, rest)) = rest.split_once('`') else { return ApiError::Body { reason } };
        let expected = rest.strip_prefix(", expected ").map(|fields| {
            let fields = fields.split(" at line ").next().unwrap_or(fields);
            fields.trim_start_matches("one of ").replace('`', "")
        });
        ApiError::UnknownField { field: field.to_owned(), expected }
    })
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|query| Self(query.0)).map_err(|rejection| {
            let reason = rejection.body_text();
            let reason = reason.trim_start_matches("Failed to deserialize query string: ").to_owned();
            ApiError::Query { reason }
        })
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|path| Self(path.0)).map_err(|rejection| {
            let reason = rejection.body_text();
            ApiError::Path { reason: reason.trim_start_matches("Invalid URL: ").to_owned() }
        })
    }
}
