//! `/v1/pipelines/{name}/schedules` and `.../trigger-tokens`: what starts a pipeline on its platform.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use novacron_cicd_domain::platform::{self, Change, ScheduleChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{given, listed};
use crate::{
    api::{
        ApiError, ApiState, List,
        asked::{Accepted, Asked, Once},
        extract::{Json, Path},
        view::view,
    },
    service::Remote,
};

view! {
    /// A schedule of a pipeline on its platform.
    ScheduleView as Schedule from platform::Schedule {
        /// The platform's.
        id: String,
        /// As the platform writes it.
        cron: String,
        /// null: the platform's own.
        timezone: Option<String>,
        /// Branch or tag.
        reference: Option<String>,
        /// Whether it starts runs.
        enabled: bool,
        /// For people.
        description: Option<String>,
        /// The plugin's own.
        more: BTreeMap<String, String>,
    } times {
        /// When it starts a run next.
        next_run,
    }
}

view! {
    /// A token that starts a pipeline and nothing else, without its value.
    TriggerTokenView as TriggerToken from platform::TriggerToken {
        /// The platform's.
        id: String,
        /// For people.
        description: Option<String>,
        /// The plugin's own.
        more: BTreeMap<String, String>,
    }
}

/// What a schedule is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SchedulePut {
    /// As the platform writes it.
    #[schema(example = "0 3 * * *")]
    pub cron: String,
    /// Left out: the platform's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Branch or tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether it starts runs.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What its runs are given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// The same by the names of secrets; the platform keeps their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_variables: BTreeMap<String, String>,
}

const fn yes() -> bool {
    true
}

impl From<SchedulePut> for ScheduleChange {
    fn from(body: SchedulePut) -> Self {
        Self {
            cron: body.cron,
            timezone: body.timezone,
            reference: body.reference,
            enabled: body.enabled,
            description: body.description,
            variables: given(body.variables, body.secret_variables),
        }
    }
}

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerTokenCreate {
    /// For people.
    pub description: String,
    /// The name of the secret that it becomes; its value is never shown.
    pub keep_as: String,
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(put, delete))
        .routes(routes!(play))
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(delete_token))
}

/// List the schedules that a pipeline has on its platform.
#[utoipa::path(get, path = "/v1/pipelines/{name}/schedules", tag = "pipelines", operation_id = "schedule_list",
    params(("name" = String, Path, description = "the pipeline's name or id")),
    responses((status = 200, body = List<ScheduleView>)))]
async fn list(State(state): State<ApiState>, Path(name): Path<String>) -> Result<Json<List<ScheduleView>>, ApiError> {
    Ok(Json(listed(state.services().remote.schedules(&name).await?)))
}

/// Make a schedule.
///
/// Operator; admin where secrets are given along, since the platform keeps them.
#[utoipa::path(post, path = "/v1/pipelines/{name}/schedules", tag = "pipelines", operation_id = "schedule_create",
    params(("name" = String, Path, description = "the pipeline's name or id"), Once),
    request_body = SchedulePut, responses(Accepted))]
async fn create(asked: Asked, Path(name): Path<String>, Json(body): Json<SchedulePut>) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: SchedulePut| {
        let change = body.into();
        remote.change_pipeline(&actor, &name, |pipeline| Change::SchedulePut { pipeline, schedule: None, change }).await
    };
    asked.change(body, work).await
}

/// Change a schedule to be so.
///
/// Operator; admin where secrets are given along, since the platform keeps them.
#[utoipa::path(put, path = "/v1/pipelines/{name}/schedules/{schedule}", tag = "pipelines",
    operation_id = "schedule_put",
    params(("name" = String, Path, description = "the pipeline's name or id"),
        ("schedule" = String, Path, description = "the platform's id of it"), Once),
    request_body = SchedulePut, responses(Accepted))]
async fn put(
    asked: Asked,
    Path((name, schedule)): Path<(String, String)>,
    Json(body): Json<SchedulePut>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: SchedulePut| {
        let (schedule, change) = (Some(schedule), body.into());
        remote.change_pipeline(&actor, &name, |pipeline| Change::SchedulePut { pipeline, schedule, change }).await
    };
    asked.change(body, work).await
}

/// Delete a schedule.
///
/// Operator.
#[utoipa::path(delete, path = "/v1/pipelines/{name}/schedules/{schedule}", tag = "pipelines",
    operation_id = "schedule_delete",
    params(("name" = String, Path, description = "the pipeline's name or id"),
        ("schedule" = String, Path, description = "the platform's id of it"), Once),
    responses(Accepted))]
async fn delete(asked: Asked, Path((name, schedule)): Path<(String, String)>) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change_pipeline(&actor, &name, |pipeline| Change::ScheduleDelete { pipeline, schedule }).await
    };
    asked.change((), work).await
}

/// Run a schedule now.
///
/// The run is seen as every run that others start. Operator.
#[utoipa::path(post, path = "/v1/pipelines/{name}/schedules/{schedule}/play", tag = "pipelines",
    operation_id = "schedule_play",
    params(("name" = String, Path, description = "the pipeline's name or id"),
        ("schedule" = String, Path, description = "the platform's id of it"), Once),
    responses(Accepted))]
async fn play(asked: Asked, Path((name, schedule)): Path<(String, String)>) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change_pipeline(&actor, &name, |pipeline| Change::SchedulePlay { pipeline, schedule }).await
    };
    asked.change((), work).await
}

/// List the tokens that start a pipeline and nothing else, without their values.
#[utoipa::path(get, path = "/v1/pipelines/{name}/trigger-tokens", tag = "pipelines",
    operation_id = "trigger_token_list",
    params(("name" = String, Path, description = "the pipeline's name or id")),
    responses((status = 200, body = List<TriggerTokenView>)))]
async fn list_tokens(
    State(state): State<ApiState>,
    Path(name): Path<String>,
) -> Result<Json<List<TriggerTokenView>>, ApiError> {
    Ok(Json(listed(state.services().remote.trigger_tokens(&name).await?)))
}

/// Make a token that starts a pipeline and nothing else.
///
/// Its value becomes a secret of the vault, and is shown to nobody. Admin.
#[utoipa::path(post, path = "/v1/pipelines/{name}/trigger-tokens", tag = "pipelines",
    operation_id = "trigger_token_create",
    params(("name" = String, Path, description = "the pipeline's name or id"), Once),
    request_body = TriggerTokenCreate, responses(Accepted))]
async fn create_token(
    asked: Asked,
    Path(name): Path<String>,
    Json(body): Json<TriggerTokenCreate>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: TriggerTokenCreate| {
        let TriggerTokenCreate { description, keep_as } = body;
        remote
            .change_pipeline(&actor, &name, |pipeline| Change::TriggerTokenCreate { pipeline, description, keep_as })
            .await
    };
    asked.change(body, work).await
}

/// End a token that starts a pipeline; the secret that it became is kept.
///
/// Operator.
#[utoipa::path(delete, path = "/v1/pipelines/{name}/trigger-tokens/{token}", tag = "pipelines",
    operation_id = "trigger_token_delete",
    params(("name" = String, Path, description = "the pipeline's name or id"),
        ("token" = String, Path, description = "the platform's id of it"), Once),
    responses(Accepted))]
async fn delete_token(asked: Asked, Path((name, token)): Path<(String, String)>) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change_pipeline(&actor, &name, |pipeline| Change::TriggerTokenDelete { pipeline, token }).await
    };
    asked.change((), work).await
}
