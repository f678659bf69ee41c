//! `/healthz`, `/readyz`, `/metrics`, `/v1/version` and `/v1/openapi.json`: what machines ask before they have a token.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiError, ApiState, document, extract::Json};

/// Whether the host can work.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Readiness)]
pub struct ReadinessView {
    /// Whether all below is well.
    pub ready: bool,
    /// Whether the store answers.
    pub store: bool,
    /// Whether the engine runs.
    pub engine: bool,
    /// How many plugins can be used.
    pub plugins: usize,
    /// How many can't.
    pub broken_plugins: usize,
}

/// What is running.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Version)]
pub struct VersionView {
    /// Of this daemon.
    pub version: String,
}

/// Routes that need no token.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(version))
        .routes(routes!(openapi))
}

/// Say that the process lives.
#[utoipa::path(get, path = "/healthz", tag = "health", operation_id = "healthz",
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Say whether the host can work.
#[utoipa::path(get, path = "/readyz", tag = "health", operation_id = "readyz",
    responses((status = 200, body = ReadinessView), (status = 503, body = ReadinessView)))]
async fn readyz(State(state): State<ApiState>) -> Result<Response, ApiError> {
    if state.stopping().is_cancelled() {
        return Err(ApiError::Stopping);
    }
    let readiness = state.services().health.readiness().await?;
    let (usable, all) = readiness.plugins;
    let body = ReadinessView {
        ready: readiness.ready,
        store: readiness.store,
        engine: readiness.engine,
        plugins: usable,
        broken_plugins: all.saturating_sub(usable),
    };
    let status = if body.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(body)).into_response())
}

/// Show metrics for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses((status = 200, content_type = "text/plain", body = String)))]
async fn metrics(State(state): State<ApiState>) -> Response {
    let media_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, media_type)], state.metrics()).into_response()
}

/// Say which version runs.
#[utoipa::path(get, path = "/v1/version", tag = "health", operation_id = "version",
    responses((status = 200, body = VersionView)))]
async fn version() -> Json<VersionView> {
    Json(VersionView { version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// Describe this API.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "health", operation_id = "openapi",
    responses((status = 200, body = Object, description = "OpenAPI 3.1")))]
async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], document::text()).into_response()
}
