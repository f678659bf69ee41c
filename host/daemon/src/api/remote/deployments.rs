//! `/v1/providers/{name}/deployments`: deployments as a platform has them.

mod shapes;

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse as _, Response},
};
use novacron_cicd_domain::{Timestamp, platform::Change, status::State as Stands};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub use shapes::{
    ActualView, DeployArtifactBody, DeploymentStarted, RemoteDeploymentApproval, RemoteDeploymentStart,
    RemoteDeploymentStatus, RemoteDeploymentView,
};

use super::{listed, paged, wanted};
use crate::{
    api::{
        ApiError, ApiState, List, Time,
        asked::{Accepted, Asked, Once},
        extract::{Json, Path, Query},
    },
    service::{Remote, ServiceError},
};

/// Which deployments.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeploymentQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Of this environment of the platform only: its name.
    environment: Option<String>,
    /// Those only that carry this token; an operation's is its id without hyphens.
    correlation: Option<String>,
    /// With `correlation`: begun no earlier; left out: within the last day.
    since: Option<Time>,
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, start))
        .routes(routes!(show))
        .routes(routes!(ticket))
        .routes(routes!(cancel))
        .routes(routes!(approve))
        .routes(routes!(rollback))
        .routes(routes!(status))
        .routes(routes!(observe))
}

/// List the deployments of a platform.
#[utoipa::path(get, path = "/v1/providers/{name}/deployments", tag = "remote",
    operation_id = "remote_deployment_list",
    params(("name" = String, Path, description = "the provider's name or id"), DeploymentQuery),
    responses((status = 200, body = List<RemoteDeploymentView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Path(name): Path<String>,
    Query(query): Query<DeploymentQuery>,
) -> Result<Response, ApiError> {
    const DAY: i64 = 24 * 3600 * 1000;
    let remote = &state.services().remote;
    if let Some(correlation) = query.correlation {
        let since: Timestamp = query.since.map_or_else(|| state.now().plus_millis(-DAY), |since| since.0);
        let found = remote.find_deployments(&name, &correlation, since).await?;
        return Ok(Json(listed::<_, RemoteDeploymentView>(found)).into_response());
    }
    let page = wanted(query.limit, query.cursor)?;
    let found = remote.deployments(&name, query.environment.as_deref(), page).await?;
    Ok(paged::<_, RemoteDeploymentView>(&uri, found))
}

/// Show a deployment of a platform.
#[utoipa::path(get, path = "/v1/providers/{name}/deployments/{deployment}", tag = "remote",
    operation_id = "remote_deployment_show",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("deployment" = String, Path, description = "the platform's id of it")),
    responses((status = 200, body = RemoteDeploymentView)))]
async fn show(
    State(state): State<ApiState>,
    Path((name, deployment)): Path<(String, String)>,
) -> Result<Json<RemoteDeploymentView>, ApiError> {
    Ok(Json(state.services().remote.deployment(&name, &deployment).await?.into()))
}

/// Show what became of a deployment's place in the platform's queue.
#[utoipa::path(get, path = "/v1/providers/{name}/deployment-tickets/{ticket}", tag = "remote",
    operation_id = "remote_deployment_ticket",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("ticket" = String, Path, description = "as the operation's result has it")),
    responses((status = 200, body = DeploymentStarted)))]
async fn ticket(
    State(state): State<ApiState>,
    Path((name, ticket)): Path<(String, String)>,
) -> Result<Json<DeploymentStarted>, ApiError> {
    Ok(Json(state.services().remote.deployment_ticket(&name, &ticket).await?.into()))
}

/// Start a deployment of a platform.
///
/// Operator.
#[utoipa::path(post, path = "/v1/providers/{name}/deployments", tag = "remote",
    operation_id = "remote_deployment_start",
    params(("name" = String, Path, description = "the provider's name or id"), Once),
    request_body = RemoteDeploymentStart, responses(Accepted))]
async fn start(
    asked: Asked,
    Path(name): Path<String>,
    Json(body): Json<RemoteDeploymentStart>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: RemoteDeploymentStart| {
        remote.change(&actor, &name, Change::DeploymentStart { request: body.into() }).await
    };
    asked.change(body, work).await
}

/// Ask for the end of a deployment of a platform.
///
/// Operator.
#[utoipa::path(post, path = "/v1/providers/{name}/deployments/{deployment}/cancel", tag = "remote",
    operation_id = "remote_deployment_cancel",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("deployment" = String, Path, description = "the platform's id of it"), Once),
    responses(Accepted))]
async fn cancel(asked: Asked, Path((name, deployment)): Path<(String, String)>) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change(&actor, &name, Change::DeploymentCancel { deployment }).await
    };
    asked.change((), work).await
}

/// Approve or reject a deployment of a platform.
///
/// Operator.
#[utoipa::path(post, path = "/v1/providers/{name}/deployments/{deployment}/approve", tag = "remote",
    operation_id = "remote_deployment_approve",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("deployment" = String, Path, description = "the platform's id of it"), Once),
    request_body = RemoteDeploymentApproval, responses(Accepted))]
async fn approve(
    asked: Asked,
    Path((name, deployment)): Path<(String, String)>,
    Json(body): Json<RemoteDeploymentApproval>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: RemoteDeploymentApproval| {
        let RemoteDeploymentApproval { approve, comment } = body;
        remote.change(&actor, &name, Change::DeploymentApprove { deployment, approve, comment }).await
    };
    asked.change(body, work).await
}

/// Go back to a deployment, in the platform's own way.
///
/// Operator.
#[utoipa::path(post, path = "/v1/providers/{name}/deployments/{deployment}/rollback", tag = "remote",
    operation_id = "remote_deployment_rollback",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("deployment" = String, Path, description = "the platform's id of the one to go back to"), Once),
    responses(Accepted))]
async fn rollback(asked: Asked, Path((name, to)): Path<(String, String)>) -> Result<Response, ApiError> {
    let work =
        async move |remote: Remote, actor, ()| remote.change(&actor, &name, Change::DeploymentRollback { to }).await;
    asked.change((), work).await
}

/// Tell a platform what became of a deployment that it only keeps the record of.
///
/// Operator.
#[utoipa::path(put, path = "/v1/providers/{name}/deployments/{deployment}/status", tag = "remote",
    operation_id = "remote_deployment_set_status",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("deployment" = String, Path, description = "the platform's id of it"), Once),
    request_body = RemoteDeploymentStatus, responses(Accepted))]
async fn status(
    asked: Asked,
    Path((name, deployment)): Path<(String, String)>,
    Json(body): Json<RemoteDeploymentStatus>,
) -> Result<Response, ApiError> {
    if body.state == Stands::Ambiguous {
        let message = "a platform can't be told that nothing is known";
        return Err(ServiceError::invalid("/state", "field.invalid", message).into());
    }
    let work = async move |remote: Remote, actor, body: RemoteDeploymentStatus| {
        let RemoteDeploymentStatus { state, reason, url } = body;
        remote.change(&actor, &name, Change::DeploymentStatus { deployment, state, reason, url }).await
    };
    asked.change(body, work).await
}

/// Show what is really on a target of a platform's environment.
#[utoipa::path(get, path = "/v1/providers/{name}/environments/{environment}/targets/{target}", tag = "remote",
    operation_id = "remote_deployment_observe",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("environment" = String, Path, description = "its name on the platform"),
        ("target" = String, Path, description = "the target's name")),
    responses((status = 200, body = ActualView)))]
async fn observe(
    State(state): State<ApiState>,
    Path((name, environment, target)): Path<(String, String, String)>,
) -> Result<Json<ActualView>, ApiError> {
    Ok(Json(state.services().remote.actual(&name, &environment, &target).await?.into()))
}
