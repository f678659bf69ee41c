//! `/v1/hooks`: what platforms send of their own accord, and `/v1/webhooks`: what became of it.
//!
//! The first is also served by the public listener and needs no token of ours: a sender proves itself by the scheme of the
//! provider's plugin. It is answered as soon as the delivery is durable.

use std::time::Duration;

use axum::{
    extract::{OriginalUri, Request, State},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::StreamExt as _;
use http::{HeaderMap, StatusCode, header};
use novacron_cicd_domain::{
    id::{DeliveryId, ProviderId},
    webhook::{DeliveryState, WebhookDelivery},
};
use novacron_cicd_store::DeliveryFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List, Time,
    auth::Who,
    extract::{Json, Path, Query},
    names::Names,
    page,
    providers::located,
    words,
};
use crate::service::{Came, LARGEST_WEBHOOK};

/// How long a sender may take for its body.
const PATIENCE: Duration = Duration::from_secs(30);
/// So much of a body is shown.
const SHOWN: usize = 256 * 1024;

/// What a sender is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookTaken {
    /// Ours of the delivery.
    #[schema(value_type = String, format = "uuid")]
    pub delivery: DeliveryId,
    /// Whether it was kept before: then nothing comes of it a second time.
    pub duplicate: bool,
}

/// A delivery of a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookView {
    /// Ours.
    #[schema(value_type = String, format = "uuid")]
    pub id: DeliveryId,
    /// The name of the connection.
    pub provider: String,
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub provider_id: ProviderId,
    /// The sender's id of it, or `sha256:` and the digest of its body.
    pub key: String,
    /// Where it stands; `dead` is a dead letter.
    #[schema(value_type = words::DeliveryStateWord)]
    pub state: String,
    /// When it came.
    pub received: Time,
    /// Bytes of its body.
    pub bytes: u64,
    /// How often it was tried to be read.
    pub attempts: u32,
    /// When it is tried again; null where it is not.
    pub due: Option<Time>,
    /// How many runs it hints at.
    pub hints: u32,
    /// Why it is a dead letter or was put off, or why it says nothing to us.
    pub note: Option<WebhookNote>,
}

/// What is said of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookNote {
    /// Stable and listed in docs/errors.md.
    pub code: String,
    /// In a sentence.
    pub message: String,
}

/// A delivery with what came; values of secrets are masked, and what proves who sent it is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDetail {
    /// The delivery.
    #[serde(flatten)]
    pub webhook: WebhookView,
    /// In their order; names in lower case.
    pub headers: Vec<WebhookHeader>,
    /// At most 256 KiB of it; null where it is no text.
    pub text: Option<String>,
    /// The same in base64, where it is no text.
    pub base64: Option<String>,
}

/// A header of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookHeader {
    /// In lower case.
    pub name: String,
    /// As it came.
    pub value: String,
}

impl WebhookView {
    fn of(delivery: WebhookDelivery, names: &Names) -> Self {
        let waits = delivery.state == DeliveryState::Stored;
        Self {
            id: delivery.id,
            provider: names.get(delivery.provider),
            provider_id: delivery.provider,
            key: delivery.key,
            state: delivery.state.as_str().to_owned(),
            received: Time(delivery.received),
            bytes: delivery.size,
            attempts: delivery.attempts,
            due: waits.then_some(Time(delivery.due)),
            hints: delivery.hints,
            note: delivery.note.map(|(code, message)| WebhookNote { code, message }),
        }
    }
}

/// Routes for operators.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(replay))
}

/// Routes for platforms.
pub(crate) fn hooks() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(receive)).routes(routes!(receive_at))
}

/// Take a delivery of a platform.
///
/// Checked by the scheme of the provider's plugin (a signature or a token), kept once, and answered; it is read afterwards.
/// A body has at most 25 MB. 503 with `retry-after`: more comes in than is read, send it again.
#[utoipa::path(post, path = "/v1/hooks/{provider}", tag = "webhooks", operation_id = "webhook_receive",
    params(("provider" = String, Path, description = "the provider's name or id")),
    request_body(content((Vec<u8> = "application/json"), (Vec<u8> = "application/x-www-form-urlencoded"))),
    responses((status = 202, body = WebhookTaken)))]
async fn receive(
    State(state): State<ApiState>,
    Path(provider): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    take(&state, &provider, None, request).await
}

/// Take a delivery of a platform that neither signs nor sets a header: the token is the end of the address.
#[utoipa::path(post, path = "/v1/hooks/{provider}/{token}", tag = "webhooks", operation_id = "webhook_receive_at",
    params(("provider" = String, Path, description = "the provider's name or id"),
        ("token" = String, Path, description = "the value of the secret in the hook's slot")),
    request_body(content((Vec<u8> = "application/json"), (Vec<u8> = "application/x-www-form-urlencoded"))),
    responses((status = 202, body = WebhookTaken)))]
async fn receive_at(
    State(state): State<ApiState>,
    Path((provider, token)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    take(&state, &provider, Some(&token), request).await
}

async fn take(state: &ApiState, provider: &str, token: Option<&str>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let headers = texts(&parts.headers);
    let came = Came { headers: &headers, token };
    let webhooks = &state.services().webhooks;
    let sender = webhooks.sender(provider, came).await?;
    let too_large = || ApiError::TooLarge { limit: LARGEST_WEBHOOK as u64 };
    let said = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if said.is_some_and(|said| said > LARGEST_WEBHOOK) {
        return Err(too_large());
    }
    let room = webhooks.room(said.unwrap_or(LARGEST_WEBHOOK))?;
    let read = async {
        let (mut bytes, mut pieces) = (Vec::new(), body.into_data_stream());
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| ApiError::BrokenOff { reason: error.to_string() })?;
            if bytes.len() + piece.len() > LARGEST_WEBHOOK {
                return Err(too_large());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    };
    let slow = |_| ApiError::BrokenOff { reason: format!("it did not come within {} s", PATIENCE.as_secs()) };
    let body = tokio::time::timeout(PATIENCE, read).await.map_err(slow)??;
    let (delivery, new) = webhooks.take(sender, came, body, room).await?;
    Ok((StatusCode::ACCEPTED, Json(WebhookTaken { delivery: delivery.id, duplicate: !new })).into_response())
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    headers.iter().map(text).collect()
}

/// Which deliveries.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WebhookQuery {
    /// Of this provider only: its name or id.
    provider: Option<String>,
    /// In this state only: `stored`, `decoded`, `dead`.
    #[param(value_type = Option<words::DeliveryStateWord>)]
    state: Option<String>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List deliveries, newest first.
#[utoipa::path(get, path = "/v1/webhooks", tag = "webhooks", operation_id = "webhook_list", params(WebhookQuery),
    responses((status = 200, body = List<WebhookView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<WebhookQuery>,
) -> Result<Response, ApiError> {
    let provider = match &query.provider {
        Some(name) => Some(state.services().providers.show(name).await?.id),
        None => None,
    };
    let word = |word: String| {
        let reason = format!("state can be stored, decoded or dead, and not {word:?}");
        DeliveryState::parse(&word).ok_or(ApiError::Query { reason })
    };
    let filter = DeliveryFilter { provider, state: query.state.map(word).transpose()? };
    let page = page::wanted(query.limit, query.cursor)?;
    let found = state.services().webhooks.list(page, filter).await?;
    let names = Names::of(&state, found.items.iter().map(|delivery| delivery.provider).collect()).await;
    let items = found.items.into_iter().map(|delivery| WebhookView::of(delivery, &names)).collect();
    Ok(page::linked(&uri, &List { items, next: found.next }))
}

/// Show a delivery with what came.
#[utoipa::path(get, path = "/v1/webhooks/{id}", tag = "webhooks", operation_id = "webhook_show",
    params(("id" = String, Path, format = "uuid")),
    responses((status = 200, body = WebhookDetail)))]
async fn show(State(state): State<ApiState>, Path(id): Path<DeliveryId>) -> Result<Json<WebhookDetail>, ApiError> {
    let (delivery, (headers, mut body)) = state.services().webhooks.show(id).await?;
    let names = Names::one(&state, delivery.provider).await;
    body.truncate(SHOWN);
    let cut = body.len() == SHOWN;
    let (text, base64) = match std::str::from_utf8(&body) {
        Ok(text) => (Some(text.to_owned()), None),
        // Cut within a character.
        Err(error) if cut && error.error_len().is_none() => {
            (Some(String::from_utf8_lossy(&body[..error.valid_up_to()]).into_owned()), None)
        }
        Err(_) => (None, Some(STANDARD.encode(&body))),
    };
    let headers = headers.into_iter().map(|(name, value)| WebhookHeader { name, value }).collect();
    Ok(Json(WebhookDetail { webhook: WebhookView::of(delivery, &names), headers, text, base64 }))
}

/// Read a delivery once more.
///
/// A dead letter after its plugin was upgraded, or one that was read. Operator.
#[utoipa::path(post, path = "/v1/webhooks/{id}/replay", tag = "webhooks", operation_id = "webhook_replay",
    params(("id" = String, Path, format = "uuid")),
    responses((status = 202, body = WebhookView, headers(("Location" = String)))))]
async fn replay(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(id): Path<DeliveryId>,
) -> Result<Response, ApiError> {
    let delivery = state.services().webhooks.replay(&actor, id).await?;
    let names = Names::one(&state, delivery.provider).await;
    let location = format!("/v1/webhooks/{}", delivery.id);
    Ok(located((StatusCode::ACCEPTED, Json(WebhookView::of(delivery, &names))).into_response(), &location))
}
