//! `/v1/subscribers`: who is told of what happens.

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use novacron_cicd_domain::{
    id::{PipelineId, SubscriberId},
    notification::{Format, NotificationKind, Subscriber},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List, Time,
    auth::Who,
    etag::{self, IfMatch},
    extract::{Json, Path, Query, given},
    idempotency::Key,
    notifications::{FailureView, NotificationView, accepted},
    page::{self, PageQuery},
    providers::located,
    words,
};
use crate::service::{NewSubscriber, SubscriberChange};

/// Somebody who is told of what happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Subscriber)]
pub struct SubscriberView {
    /// Ours.
    #[schema(value_type = String, format = "uuid")]
    pub id: SubscriberId,
    /// Unique.
    pub name: String,
    /// Where messages go.
    pub url: String,
    /// What they look like.
    #[schema(value_type = words::FormatWord)]
    pub format: Format,
    /// What is told; all kinds where it is empty.
    #[schema(value_type = Vec<words::NotificationKindWord>)]
    pub kinds: Vec<NotificationKind>,
    /// Of this pipeline alone.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub pipeline_id: Option<PipelineId>,
    /// Whether it is there because that pipeline has a webhook URL.
    pub of_pipeline: bool,
    /// The name of the secret that signs; null: messages are not signed.
    pub secret: Option<String>,
    /// The name of the secret that signs beside it while receivers get to know the other.
    pub earlier_secret: Option<String>,
    /// Private or loopback networks that may be dialled for it.
    pub private_networks: Vec<String>,
    /// Whether it is told anything.
    pub enabled: bool,
    /// Why it is not, where nobody asked for that.
    pub disabled_by: Option<FailureView>,
    /// The entity tag.
    pub version: i64,
    /// When it was made.
    pub created: Time,
    /// When it was last changed.
    pub updated: Time,
}

/// A subscriber to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriberCreate {
    /// Unique.
    #[schema(example = "chat")]
    pub name: String,
    /// Where messages go.
    #[schema(example = "https://tell.example.com/hooks/ci")]
    pub url: String,
    /// What they look like.
    #[serde(default = "usual")]
    #[schema(value_type = words::FormatWord)]
    pub format: Format,
    /// What is told; all kinds where it is empty.
    #[serde(default)]
    #[schema(value_type = Vec<words::NotificationKindWord>)]
    pub kinds: Vec<NotificationKind>,
    /// Of this pipeline alone: its name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// The name of the secret that signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Private or loopback networks that may be dialled for it: `10.0.0.0/8`.
    #[serde(default)]
    pub private_networks: Vec<String>,
}

const fn usual() -> Format {
    Format::StandardWebhooks
}

/// What is to be changed; what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SubscriberUpdate {
    /// Where messages go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What they look like.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::FormatWord>)]
    pub format: Option<Format>,
    /// Replaces all kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<words::NotificationKindWord>>)]
    pub kinds: Option<Vec<NotificationKind>>,
    /// The name of the secret that signs.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub secret: Option<Option<String>>,
    /// The name of the secret that signs beside it while receivers get to know the other.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub earlier_secret: Option<Option<String>>,
    /// Replaces all networks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_networks: Option<Vec<String>>,
    /// Whether it is told anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

impl From<Subscriber> for SubscriberView {
    fn from(subscriber: Subscriber) -> Self {
        Self {
            id: subscriber.id,
            name: subscriber.name.to_string(),
            url: subscriber.url,
            format: subscriber.format,
            kinds: subscriber.kinds,
            pipeline_id: subscriber.pipeline,
            of_pipeline: subscriber.of_pipeline,
            secret: subscriber.secret,
            earlier_secret: subscriber.earlier_secret,
            private_networks: subscriber.private_networks,
            enabled: subscriber.enabled,
            disabled_by: subscriber.disabled_by.map(Into::into),
            version: subscriber.version,
            created: Time(subscriber.created),
            updated: Time(subscriber.updated),
        }
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, update, delete)).routes(routes!(test))
}

/// List subscribers, newest first.
#[utoipa::path(get, path = "/v1/subscribers", tag = "notifications", operation_id = "subscriber_list", params(PageQuery),
    responses((status = 200, body = List<SubscriberView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let listing = state.services().subscribers.list(page::wanted(query.limit, query.cursor)?).await?;
    Ok(page::answer(&uri, listing, SubscriberView::from))
}

/// Tell somebody of what happens from now on.
///
/// Admin.
#[utoipa::path(post, path = "/v1/subscribers", tag = "notifications", operation_id = "subscriber_create",
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key with the same request is done once")),
    request_body = SubscriberCreate,
    responses((status = 201, body = SubscriberView, headers(("Location" = String), ("ETag" = String)))))]
async fn create(
    State(state): State<ApiState>,
    Who(actor): Who,
    key: Key,
    Json(body): Json<SubscriberCreate>,
) -> Result<Response, ApiError> {
    let work = async move |state: ApiState, actor, body: SubscriberCreate| {
        let new = NewSubscriber {
            name: body.name,
            url: body.url,
            format: body.format,
            kinds: body.kinds,
            pipeline: body.pipeline,
            secret: body.secret,
            private_networks: body.private_networks,
        };
        Ok(state.services().subscribers.create(&actor, new).await?)
    };
    key.once(state, actor, body, work, created).await
}

async fn created(_: ApiState, subscriber: Subscriber) -> Response {
    let (version, location) = (subscriber.version, format!("/v1/subscribers/{}", subscriber.name));
    let mut response = (StatusCode::CREATED, Json(SubscriberView::from(subscriber))).into_response();
    etag::with_tag(&mut response, version);
    located(response, &location)
}

/// Show a subscriber.
#[utoipa::path(get, path = "/v1/subscribers/{name}", tag = "notifications", operation_id = "subscriber_show",
    params(("name" = String, Path, description = "its name or id")),
    responses((status = 200, body = SubscriberView, headers(("ETag" = String))), (status = 304, description = "not changed")))]
async fn show(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let subscriber = state.services().subscribers.show(&name).await?;
    Ok(etag::tagged(subscriber.version, &headers, SubscriberView::from(subscriber)))
}

/// Change a subscriber.
///
/// What is left out stays, null empties; what waits for it is sent at once. One that is enabled is told of what happens from
/// then on. Admin.
#[utoipa::path(patch, path = "/v1/subscribers/{name}", tag = "notifications", operation_id = "subscriber_update",
    params(("name" = String, Path, description = "its name or id"),
        ("If-Match" = Option<String>, Header, description = "the entity tag that was read")),
    request_body = SubscriberUpdate,
    responses((status = 200, body = SubscriberView, headers(("ETag" = String)))))]
async fn update(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(name): Path<String>,
    IfMatch(version): IfMatch,
    Json(body): Json<SubscriberUpdate>,
) -> Result<Response, ApiError> {
    let change = SubscriberChange {
        url: body.url,
        format: body.format,
        kinds: body.kinds,
        secret: body.secret,
        earlier_secret: body.earlier_secret,
        private_networks: body.private_networks,
        enabled: body.enabled,
    };
    let subscriber = state.services().subscribers.update(&actor, &name, change, version).await?;
    let version = subscriber.version;
    let mut response = Json(SubscriberView::from(subscriber)).into_response();
    etag::with_tag(&mut response, version);
    Ok(response)
}

/// Remove a subscriber, with its messages.
///
/// Admin.
#[utoipa::path(delete, path = "/v1/subscribers/{name}", tag = "notifications", operation_id = "subscriber_delete",
    params(("name" = String, Path, description = "its name or id"),
        ("If-Match" = Option<String>, Header, description = "the entity tag that was read")),
    responses((status = 204, description = "removed")))]
async fn delete(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(name): Path<String>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, ApiError> {
    state.services().subscribers.delete(&actor, &name, version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a subscriber a message that tells nothing.
///
/// To see whether messages arrive: the notification says what came of it. Operator.
#[utoipa::path(post, path = "/v1/subscribers/{name}/test", tag = "notifications", operation_id = "subscriber_test",
    params(("name" = String, Path, description = "its name or id")),
    responses((status = 202, body = NotificationView, headers(("Location" = String)))))]
async fn test(State(state): State<ApiState>, Who(actor): Who, Path(name): Path<String>) -> Result<Response, ApiError> {
    let notification = state.services().subscribers.test(&actor, &name).await?;
    Ok(accepted(&state, notification).await)
}
