//! Who asks: a bearer token becomes an [`Actor`] before any handler of the API proper runs.
//!
//! What an actor may do is each use case's own decision. Tokens of runs are good on the callback routes alone, where
//! the use case checks them against that very run.

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, header, request::Parts};

use super::{ApiError, ApiState};
use crate::service::{Actor, ServiceError};

/// Lets a request pass that shows a good token, and says who that is.
pub(crate) async fn require_token(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let actor = state.services().tokens.authenticate(bearer(request.headers())?).await?;
    tracing::Span::current().record("actor", actor.name.as_str());
    request.extensions_mut().insert(actor);
    Ok(next.run(request).await)
}

/// The token of `Authorization: Bearer ...`.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let refuse = |reason| ApiError::Service(ServiceError::Unauthorized { reason });
    let value = headers.get(header::AUTHORIZATION).ok_or_else(|| refuse("no bearer token was sent"))?;
    let text = value.to_str().map_err(|_| refuse("the authorization header is not text"))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    match token.trim() {
        _ if !scheme.eq_ignore_ascii_case("bearer") => Err(refuse("the authorization header is no bearer token")),
        "" => Err(refuse("the bearer token is empty")),
        token => Ok(token),
    }
}

/// Who asks, for a handler behind [`require_token`].
#[derive(Clone, Debug)]
pub(crate) struct Who(pub(crate) Actor);

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let nobody = || ApiError::Service(ServiceError::Unauthorized { reason: "no bearer token was sent" });
        parts.extensions.get::<Actor>().cloned().map(Self).ok_or_else(nobody)
    }
}

/// The token of a run, for the callback routes.
#[derive(Clone)]
pub(crate) struct RunToken(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for RunToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        bearer(&parts.headers).map(|token| Self(token.to_owned()))
    }
}
