//! HTTP in: routes, the shapes of requests and answers, authentication, problems, streams.
//!
//! One file per noun, each with its routes and its shapes. A handler takes apart, asks a use case, and puts together.
//! Must be absent: decisions, SQL, and answers that hold a secret other than a token at its issue.

pub mod artifacts;
mod asked;
pub mod audit;
mod auth;
pub mod callbacks;
mod digest;
pub mod document;
mod error;
mod etag;
pub mod events;
mod extract;
pub mod health;
mod idempotency;
pub mod logs;
mod names;
pub mod notifications;
pub mod operations;
mod page;
pub mod pipelines;
pub mod plugins;
mod problem;
pub mod providers;
pub mod remote;
pub mod request;
pub mod run_view;
pub mod runs;
pub mod secrets;
mod sse;
mod state;
pub mod statistics;
pub mod subscribers;
#[cfg(test)]
mod tests;
mod time;
pub mod tokens;
mod view;
pub mod webhooks;
pub mod words;

use axum::{Router, extract::DefaultBodyLimit, middleware, response::IntoResponse as _};
pub use error::ApiError;
pub use page::List;
pub use problem::{MEDIA_TYPE, Problem, ProblemItem};
pub use state::ApiState;
pub use time::Time;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// Everything, for the listener of operators and of NovaCron.
pub fn router(state: ApiState) -> Router {
    let needs_token = middleware::from_fn_with_state(state.clone(), auth::require_token);
    let all = nouns().route_layer(needs_token).merge(health::routes()).merge(outside());
    wrap(all, state)
}

/// What the whole world may reach: callbacks of runs, webhooks of platforms, and whether we live.
pub fn public_router(state: ApiState) -> Router {
    let live = OpenApiRouter::new().route("/healthz", axum::routing::get(health::healthz));
    wrap(outside().merge(live), state)
}

/// The document that describes [`router`], from the handlers themselves.
pub fn openapi() -> OpenApi {
    let mut document = nouns().merge(health::routes()).merge(outside()).into_openapi();
    document::finish(&mut document);
    document
}

/// Who proves itself by something else than a token of ours.
fn outside() -> OpenApiRouter<ApiState> {
    callbacks::routes().merge(webhooks::hooks())
}

fn nouns() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(providers::routes())
        .merge(pipelines::routes())
        .merge(runs::routes())
        .merge(statistics::routes())
        .merge(remote::routes())
        .merge(logs::routes())
        .merge(artifacts::routes())
        .merge(operations::routes())
        .merge(secrets::routes())
        .merge(tokens::routes())
        .merge(plugins::routes())
        .merge(webhooks::routes())
        .merge(subscribers::routes())
        .merge(notifications::routes())
        .merge(events::routes())
        .merge(audit::routes())
}

fn wrap(routes: OpenApiRouter<ApiState>, state: ApiState) -> Router {
    let body_limit = usize::try_from(state.limits().body_bytes).unwrap_or(usize::MAX);
    let (router, _) = routes.split_for_parts();
    router
        .fallback(request::no_route)
        .method_not_allowed_fallback(request::no_method)
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(CatchPanicLayer::custom(|_| ApiError::Panic.into_response()))
        .layer(middleware::from_fn(request::only_problems))
        .layer(middleware::from_fn(request::follow))
        .with_state(state)
}
