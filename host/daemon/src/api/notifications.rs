//! `/v1/notifications`: messages to subscribers, and what became of them.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use novacron_cicd_domain::{
    id::{NotificationId, RunId, SubscriberId},
    notification::{Attempt, Notification, NotificationState},
};
use novacron_cicd_store::NotificationFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List, Time,
    auth::Who,
    extract::{Json, Path, Query},
    page,
    providers::located,
    words,
};

/// A message to a subscriber.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Notification)]
pub struct NotificationView {
    /// Ours; the `webhook-id` of every attempt.
    #[schema(value_type = String, format = "uuid")]
    pub id: NotificationId,
    /// The name of the subscriber.
    pub subscriber: String,
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub subscriber_id: SubscriberId,
    /// What it says.
    #[schema(value_type = words::NotificationKindWord)]
    pub kind: String,
    /// The number of the event that it tells; null where it tells none.
    pub event: Option<i64>,
    /// The run that it is about. Messages about one run arrive in their order.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub run: Option<RunId>,
    /// Where it stands; `dead` is a dead letter.
    #[schema(value_type = words::NotificationStateWord)]
    pub state: String,
    /// How often it was tried since it was queued.
    pub attempts: u32,
    /// When it is tried again; null where it is not. One that waits for another of its run is tried after that.
    pub due: Option<Time>,
    /// Why the latest attempt failed.
    pub error: Option<FailureView>,
    /// When it was made.
    pub created: Time,
    /// When something last became of it.
    pub updated: Time,
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Failure)]
pub struct FailureView {
    /// Stable and listed in docs/errors.md.
    pub code: String,
    /// In a sentence.
    pub message: String,
}

impl From<(String, String)> for FailureView {
    fn from((code, message): (String, String)) -> Self {
        Self { code, message }
    }
}

/// One attempt to deliver a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NotificationAttempt)]
pub struct AttemptView {
    /// When it began.
    pub at: Time,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// What the receiver answered; null where no answer came.
    pub status: Option<u16>,
    /// The beginning of the answer's body; values of secrets are masked.
    pub answer: Option<String>,
    /// Why it was not delivered.
    pub error: Option<FailureView>,
}

/// A message with what it says and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationDetail {
    /// The message.
    #[serde(flatten)]
    pub notification: NotificationView,
    /// The latest attempts, oldest first; 20 at most.
    pub records: Vec<AttemptView>,
    /// What is sent beside id, timestamp and signature.
    pub headers: Vec<NotificationHeader>,
    /// As it is signed and sent.
    pub body: String,
}

/// A header of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationHeader {
    /// In lower case.
    pub name: String,
    /// As it is sent.
    pub value: String,
}

impl NotificationView {
    fn of(notification: Notification, subscriber: String) -> Self {
        let waits = notification.state == NotificationState::Queued;
        let error = notification.records.last().and_then(|record| record.error.clone());
        Self {
            id: notification.id,
            subscriber,
            subscriber_id: notification.subscriber,
            kind: notification.kind.as_str().to_owned(),
            event: notification.event,
            run: notification.run,
            state: notification.state.as_str().to_owned(),
            attempts: notification.attempts,
            due: waits.then_some(Time(notification.due)),
            error: error.map(Into::into),
            created: Time(notification.created),
            updated: Time(notification.updated),
        }
    }
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            at: Time(attempt.at),
            millis: attempt.millis,
            status: attempt.status,
            answer: attempt.answer,
            error: attempt.error.map(Into::into),
        }
    }
}

/// The name of a subscriber; its id where it went meanwhile.
async fn name(state: &ApiState, id: SubscriberId) -> String {
    let found = state.services().subscribers.show(&id.to_string()).await;
    found.map_or_else(|_| id.to_string(), |subscriber| subscriber.name.to_string())
}

/// A message that goes on by itself.
pub(crate) async fn accepted(state: &ApiState, notification: Notification) -> Response {
    let (name, location) =
        (name(state, notification.subscriber).await, format!("/v1/notifications/{}", notification.id));
    let body = Json(NotificationView::of(notification, name));
    located((StatusCode::ACCEPTED, body).into_response(), &location)
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(replay))
}

/// Which messages.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NotificationQuery {
    /// To this subscriber only: its name or id.
    subscriber: Option<String>,
    /// About this run only.
    #[param(value_type = Option<String>, format = "uuid")]
    run: Option<RunId>,
    /// In this state only: `queued`, `delivered`, `dead`.
    #[param(value_type = Option<words::NotificationStateWord>)]
    state: Option<String>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List messages to subscribers, newest first.
#[utoipa::path(get, path = "/v1/notifications", tag = "notifications", operation_id = "notification_list",
    params(NotificationQuery), responses((status = 200, body = List<NotificationView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<NotificationQuery>,
) -> Result<Response, ApiError> {
    let subscriber = match &query.subscriber {
        Some(name) => Some(state.services().subscribers.show(name).await?.id),
        None => None,
    };
    let word = |word: String| {
        let reason = format!("state can be queued, delivered or dead, and not {word:?}");
        NotificationState::parse(&word).ok_or(ApiError::Query { reason })
    };
    let filter = NotificationFilter { subscriber, run: query.run, state: query.state.map(word).transpose()? };
    let found = state.services().notifications.list(page::wanted(query.limit, query.cursor)?, filter).await?;
    let mut names = BTreeMap::new();
    for id in found.items.iter().map(|notification| notification.subscriber).collect::<BTreeSet<_>>() {
        names.insert(id, name(&state, id).await);
    }
    let named = |id| names.get(&id).cloned().unwrap_or_default();
    let items = found.items.into_iter().map(|item| (named(item.subscriber), item));
    let items = items.map(|(name, item)| NotificationView::of(item, name)).collect();
    Ok(page::linked(&uri, &List { items, next: found.next }))
}

/// Show a message with what it says and what became of it.
#[utoipa::path(get, path = "/v1/notifications/{id}", tag = "notifications", operation_id = "notification_show",
    params(("id" = String, Path, format = "uuid")), responses((status = 200, body = NotificationDetail)))]
async fn show(
    State(state): State<ApiState>,
    Path(id): Path<NotificationId>,
) -> Result<Json<NotificationDetail>, ApiError> {
    let (notification, message) = state.services().notifications.show(id).await?;
    let name = name(&state, notification.subscriber).await;
    Ok(Json(NotificationDetail {
        records: notification.records.iter().cloned().map(Into::into).collect(),
        notification: NotificationView::of(notification, name),
        headers: message.headers.into_iter().map(|(name, value)| NotificationHeader { name, value }).collect(),
        body: String::from_utf8_lossy(&message.body).into_owned(),
    }))
}

/// Send a message again, under the same id.
///
/// A dead letter after its receiver was mended, or one that was delivered. Operator.
#[utoipa::path(post, path = "/v1/notifications/{id}/replay", tag = "notifications", operation_id = "notification_replay",
    params(("id" = String, Path, format = "uuid")),
    responses((status = 202, body = NotificationView, headers(("Location" = String)))))]
async fn replay(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(id): Path<NotificationId>,
) -> Result<Response, ApiError> {
    let notification = state.services().notifications.replay(&actor, id).await?;
    Ok(accepted(&state, notification).await)
}
