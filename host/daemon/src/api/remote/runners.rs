//! `/v1/providers/{name}/runners`: the machines that do a platform's work.

use std::collections::BTreeMap;

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use novacron_cicd_domain::platform::{self, Change, RunnerRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{paged, wanted};
use crate::{
    api::{
        ApiError, ApiState, List,
        asked::{Accepted, Asked, Once},
        extract::{Json, Path, Query},
        page::PageQuery,
    },
    service::Remote,
};

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

/// What work a runner takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunnerLabels {
    /// All of them, from then on.
    pub labels: Vec<String>,
}

/// A runner to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunnerCreate {
    /// What the platform is to show.
    pub name: String,
    /// What work it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// `token` (to register with), `just-in-time`; an open set.
    #[serde(default = "token")]
    pub kind: String,
    /// As the plugin documents them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// The name of the secret that what it authenticates with becomes; its value is never shown.
    pub keep_as: String,
}

fn token() -> String {
    "token".into()
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, delete))
        .routes(routes!(drain))
        .routes(routes!(label))
        .routes(routes!(assign, unassign))
}

/// List the runners of a provider's platform, in the platform's order.
#[utoipa::path(get, path = "/v1/providers/{name}/runners", tag = "runners", operation_id = "runner_list",
    params(("name" = String, Path, description = "the provider's name or id"), PageQuery),
    responses((status = 200, body = List<RunnerView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let found = state.services().remote.runners(&name, wanted(query.limit, query.cursor)?).await?;
    Ok(paged::<_, RunnerView>(&uri, found))
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
    Ok(Json(state.services().remote.runner(&name, &runner).await?.into()))
}

/// Make a runner, or what one registers with.
///
/// What it authenticates with becomes a secret of the vault, and is shown to nobody. Admin.
#[utoipa::path(post, path = "/v1/providers/{name}/runners", tag = "runners", operation_id = "runner_create",
    params(("name" = String, Path, description = "the provider's name or id"), Once),
    request_body = RunnerCreate, responses(Accepted))]
async fn create(
    asked: Asked,
    Path(provider): Path<String>,
    Json(body): Json<RunnerCreate>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: RunnerCreate| {
        let RunnerCreate { name, labels, kind, options, keep_as } = body;
        let request = RunnerRequest { name, labels, kind, options };
        remote.change(&actor, &provider, Change::RunnerCreate { request, keep_as }).await
    };
    asked.change(body, work).await
}

/// Let a runner finish and give it no new work, or give it work again.
///
/// Operator.
#[utoipa::path(post, path = "/v1/providers/{name}/runners/{runner}/drain", tag = "runners",
    operation_id = "runner_drain",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("runner" = String, Path, description = "the platform's id of it"), Once),
    request_body = RunnerDrain, responses(Accepted))]
async fn drain(
    asked: Asked,
    Path((name, runner)): Path<(String, String)>,
    Json(body): Json<RunnerDrain>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: RunnerDrain| {
        let RunnerDrain { draining, message } = body;
        remote.change(&actor, &name, Change::RunnerDrain { runner, draining, message }).await
    };
    asked.change(body, work).await
}

/// Set the labels of a runner.
///
/// Operator.
#[utoipa::path(put, path = "/v1/providers/{name}/runners/{runner}/labels", tag = "runners",
    operation_id = "runner_label",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("runner" = String, Path, description = "the platform's id of it"), Once),
    request_body = RunnerLabels, responses(Accepted))]
async fn label(
    asked: Asked,
    Path((name, runner)): Path<(String, String)>,
    Json(body): Json<RunnerLabels>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: RunnerLabels| {
        remote.change(&actor, &name, Change::RunnerLabel { runner, labels: body.labels }).await
    };
    asked.change(body, work).await
}

/// Remove a runner from its platform.
///
/// Operator.
#[utoipa::path(delete, path = "/v1/providers/{name}/runners/{runner}", tag = "runners",
    operation_id = "runner_delete",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("runner" = String, Path, description = "the platform's id of it"), Once),
    responses(Accepted))]
async fn delete(asked: Asked, Path((name, runner)): Path<(String, String)>) -> Result<Response, ApiError> {
    let work =
        async move |remote: Remote, actor, ()| remote.change(&actor, &name, Change::RunnerDelete { runner }).await;
    asked.change((), work).await
}

/// Give a runner to a project.
///
/// Operator.
#[utoipa::path(put, path = "/v1/providers/{name}/runners/{runner}/projects/{project}", tag = "runners",
    operation_id = "runner_assign",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("runner" = String, Path, description = "the platform's id of it"),
        ("project" = String, Path, description = "the platform's id of the project"), Once),
    responses(Accepted))]
async fn assign(
    asked: Asked,
    Path((name, runner, project)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change(&actor, &name, Change::RunnerAssign { runner, project }).await
    };
    asked.change((), work).await
}

/// Take a runner from a project.
///
/// Operator.
#[utoipa::path(delete, path = "/v1/providers/{name}/runners/{runner}/projects/{project}", tag = "runners",
    operation_id = "runner_unassign",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("runner" = String, Path, description = "the platform's id of it"),
        ("project" = String, Path, description = "the platform's id of the project"), Once),
    responses(Accepted))]
async fn unassign(
    asked: Asked,
    Path((name, runner, project)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change(&actor, &name, Change::RunnerUnassign { runner, project }).await
    };
    asked.change((), work).await
}
