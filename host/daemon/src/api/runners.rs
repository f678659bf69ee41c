//! `/v1/providers/{name}/runners`: the machines that do a platform's work.

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use novacron_cicd_domain::platform;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List,
    auth::Who,
    extract::{Json, Path, Query},
    idempotency::Key,
    operations::{self, OperationView},
    page,
};
use crate::engine::payload::Drain;

/// A machine that does a platform's work.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Runner)]
pub struct RunnerView {
    /// The platform's.
    pub id: String,
    /// What the platform shows.
    pub name: String,
    /// `online`, `offline`, `stale`, `never-contacted`; an open set.
    pub state: String,
    /// Whether it works on something; null where the platform does not say it.
    pub busy: Option<bool>,
    /// Whether it takes no new work.
    pub draining: bool,
    /// What work it takes.
    pub labels: Vec<String>,
    /// What the platform calls the runs that it works on.
    pub current: Vec<String>,
}

impl From<platform::RemoteRunner> for RunnerView {
    fn from(found: platform::RemoteRunner) -> Self {
        Self {
            id: found.id,
            name: found.name,
            state: found.state,
            busy: found.busy,
            draining: found.draining,
            labels: found.labels,
            current: found.current.into_iter().map(|run| run.run).collect(),
        }
    }
}

/// Whether a runner gets new work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunnerDrain {
    /// false: it gets work again.
    pub draining: bool,
    /// Why, for those who look at it on the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Default for RunnerDrain {
    fn default() -> Self {
        Self { draining: true, message: None }
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(drain))
}

/// Which page of what is on a platform.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RunnerQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List the runners of a provider's platform, in the platform's order.
#[utoipa::path(get, path = "/v1/providers/{name}/runners", tag = "runners", operation_id = "runner_list",
    params(("name" = String, Path, description = "the provider's name or id"), RunnerQuery),
    responses((status = 200, body = List<RunnerView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Path(name): Path<String>,
    Query(query): Query<RunnerQuery>,
) -> Result<Response, ApiError> {
    let wanted = page::wanted(query.limit, query.cursor)?;
    let request = platform::PageRequest { cursor: wanted.after, limit: wanted.limit };
    let found = state.services().runners.list(&name, request).await?;
    let items = found.items.into_iter().map(RunnerView::from).collect();
    Ok(page::linked(&uri, &List { items, next: found.next }))
}

/// Show a runner of a provider's platform.
#[utoipa::path(get, path = "/v1/providers/{name}/runners/{runner}", tag = "runners", operation_id = "runner_show",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("runner" = String, Path, description = "the platform's id of it")),
    responses((status = 200, body = RunnerView)))]
async fn show(
    State(state): State<ApiState>,
    Path((name, runner)): Path<(String, String)>,
) -> Result<Json<RunnerView>, ApiError> {
    Ok(Json(state.services().runners.show(&name, runner).await?.into()))
}

/// Let a runner finish and give it no new work, or give it work again.
///
/// Operator.
#[utoipa::path(post, path = "/v1/providers/{name}/runners/{runner}/drain", tag = "runners",
    operation_id = "runner_drain",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("runner" = String, Path, description = "the platform's id of it"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key with the same request is done once")),
    request_body = RunnerDrain,
    responses((status = 202, body = OperationView, headers(("Location" = String)))))]
async fn drain(
    State(state): State<ApiState>,
    Who(actor): Who,
    key: Key,
    Path((name, runner)): Path<(String, String)>,
    Json(body): Json<RunnerDrain>,
) -> Result<Response, ApiError> {
    let work = async move |state: ApiState, actor, body: RunnerDrain| {
        let wanted = Drain { runner, draining: body.draining, message: body.message };
        Ok(state.services().runners.drain(&actor, &name, wanted).await?)
    };
    key.once(state, actor, body, work, operations::accepted).await
}
