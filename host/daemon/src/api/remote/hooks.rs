//! `/v1/providers/{name}/hooks`: the webhooks that a platform has, and what it could not deliver.

use std::collections::BTreeMap;

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use novacron_cicd_domain::{
    Timestamp,
    platform::{self, Change},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{listed, paged, wanted};
use crate::{
    api::{
        ApiError, ApiState, List, Time,
        asked::{Accepted, Asked, Once},
        extract::{Json, Path, Query},
        view::view,
    },
    service::Remote,
};

view! {
    /// A webhook that the platform has.
    HookView as RemoteHook from platform::Hook {
        /// The platform's.
        id: String,
        /// Where deliveries go.
        url: String,
        /// Whether it makes deliveries.
        active: bool,
        /// In the platform's words.
        events: Vec<String>,
        /// The plugin's own.
        more: BTreeMap<String, String>,
    }
}

/// A delivery that the platform could not place.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = MissedDelivery)]
pub struct MissedView {
    /// The platform's.
    pub id: String,
    /// The platform's id of the webhook.
    pub hook: String,
    /// When it was tried.
    pub at: Time,
    /// In the platform's words.
    pub event: String,
}

impl From<platform::MissedDelivery> for MissedView {
    fn from(found: platform::MissedDelivery) -> Self {
        Self { id: found.id, hook: found.hook, at: Time(found.at), event: found.event }
    }
}

/// A webhook to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HookRegister {
    /// Where deliveries go.
    pub url: String,
    /// In the platform's words; left out: what the plugin can read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The name of the secret that deliveries are signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// As the plugin documents them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// Which deliveries.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MissedQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Since then; left out: within the last day.
    since: Option<Time>,
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, register))
        .routes(routes!(missed))
        .routes(routes!(unregister))
        .routes(routes!(redeliver))
}

/// List the webhooks that a platform has.
#[utoipa::path(get, path = "/v1/providers/{name}/hooks", tag = "remote", operation_id = "remote_hook_list",
    params(("name" = String, Path, description = "the provider's name or id")),
    responses((status = 200, body = List<HookView>)))]
async fn list(State(state): State<ApiState>, Path(name): Path<String>) -> Result<Json<List<HookView>>, ApiError> {
    Ok(Json(listed(state.services().remote.hooks(&name).await?)))
}

/// Register a webhook on a platform.
///
/// Operator; admin where a secret is given along, since the platform keeps it.
#[utoipa::path(post, path = "/v1/providers/{name}/hooks", tag = "remote", operation_id = "remote_hook_register",
    params(("name" = String, Path, description = "the provider's name or id"), Once),
    request_body = HookRegister, responses(Accepted))]
async fn register(
    asked: Asked,
    Path(name): Path<String>,
    Json(body): Json<HookRegister>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: HookRegister| {
        let HookRegister { url, events, secret, options } = body;
        remote.change(&actor, &name, Change::HookRegister { url, events, secret, options }).await
    };
    asked.change(body, work).await
}

/// Take a webhook off a platform.
///
/// Operator.
#[utoipa::path(delete, path = "/v1/providers/{name}/hooks/{hook}", tag = "remote",
    operation_id = "remote_hook_unregister",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("hook" = String, Path, description = "the platform's id of it"), Once),
    responses(Accepted))]
async fn unregister(asked: Asked, Path((name, hook)): Path<(String, String)>) -> Result<Response, ApiError> {
    let work =
        async move |remote: Remote, actor, ()| remote.change(&actor, &name, Change::HookUnregister { hook }).await;
    asked.change((), work).await
}

/// List deliveries that a platform could not place.
#[utoipa::path(get, path = "/v1/providers/{name}/missed-deliveries", tag = "remote",
    operation_id = "remote_hook_missed",
    params(("name" = String, Path, description = "the provider's name or id"), MissedQuery),
    responses((status = 200, body = List<MissedView>)))]
async fn missed(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Path(name): Path<String>,
    Query(query): Query<MissedQuery>,
) -> Result<Response, ApiError> {
    const DAY: i64 = 24 * 3600 * 1000;
    let since: Timestamp = query.since.map_or_else(|| state.now().plus_millis(-DAY), |since| since.0);
    let found = state.services().remote.missed(&name, since, wanted(query.limit, query.cursor)?).await?;
    Ok(paged::<_, MissedView>(&uri, found))
}

/// Have a platform make a delivery again.
///
/// Operator.
#[utoipa::path(post, path = "/v1/providers/{name}/hooks/{hook}/deliveries/{delivery}/redeliver", tag = "remote",
    operation_id = "remote_hook_redeliver",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("hook" = String, Path, description = "the platform's id of the webhook"),
        ("delivery" = String, Path, description = "the platform's id of the delivery"), Once),
    responses(Accepted))]
async fn redeliver(
    asked: Asked,
    Path((name, hook, delivery)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change(&actor, &name, Change::HookRedeliver { hook, delivery }).await
    };
    asked.change((), work).await
}
