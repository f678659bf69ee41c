//! `/v1/operations`: durable intents to change something outside.

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use novacron_cicd_domain::{
    id::{OperationId, ProviderId, RunId},
    operation::{Operation, OperationKind, OperationState, RecoveryClass},
};
use novacron_cicd_store::OperationFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List, Time,
    auth::Who,
    extract::{Json, Path, Query},
    idempotency::Key,
    names::Names,
    page,
    providers::located,
    remote::result::ChangeResult,
    words,
};
use crate::{
    engine::payload::Payload,
    service::{Resolution, ServiceError},
};

/// A durable intent to change something outside, and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Operation)]
pub struct OperationView {
    /// Ours; also the idempotency key where the platform takes one.
    #[schema(value_type = String, format = "uuid")]
    pub id: OperationId,
    /// What is to be done.
    #[schema(value_type = words::OperationKindWord)]
    pub kind: OperationKind,
    /// The name of the connection.
    pub provider: String,
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub provider_id: ProviderId,
    /// The run that it is about, where it is about one.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub run: Option<RunId>,
    /// Of a retry that is done: the run to look at, `run` itself at a new attempt or a new run.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub result_run: Option<RunId>,
    /// Of a change that only the platform knows, and that is done: what it led to; null where there is nothing to say.
    pub result: Option<ChangeResult>,
    /// How an unknown outcome is settled.
    #[schema(value_type = words::RecoveryWord)]
    pub recovery: RecoveryClass,
    /// Where it stands.
    #[schema(value_type = words::OperationStateWord)]
    pub state: OperationState,
    /// How often it was sent, or may have been.
    pub attempts: u32,
    /// Before the first byte of the first attempt.
    pub first_sent: Option<Time>,
    /// Not before this time.
    pub due: Time,
    /// The last error.
    pub error: Option<OperationError>,
    /// Who asked for it.
    pub actor: String,
    /// When it was stored.
    pub created: Time,
    /// When it last changed.
    pub updated: Time,
}

/// Why an operation did not go well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperationError {
    /// Stable and listed in docs/errors.md.
    pub code: String,
    /// In a sentence.
    pub message: String,
}

/// How an ambiguous operation is settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Resolution)]
pub struct ResolutionBody {
    /// What happened, or what is to happen.
    pub action: ResolutionAction,
    /// With `adopt`: what the platform calls what it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// What happened, or what is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResolutionAction {
    /// The platform did it.
    Adopt,
    /// The platform did not do it: do it again.
    Resend,
    /// It is not to be done any more.
    Abandon,
}

impl ResolutionBody {
    fn resolution(self) -> Result<Resolution, ApiError> {
        let wrong = |message: &str| Err(ServiceError::invalid("/external_id", "field.invalid", message).into());
        match (self.action, self.external_id) {
            (ResolutionAction::Adopt, Some(external_id)) => Ok(Resolution::Adopt { external_id }),
            (ResolutionAction::Adopt, None) => wrong("to adopt needs external_id: what the platform calls it"),
            (_, Some(_)) => wrong("external_id goes with adopt alone"),
            (ResolutionAction::Resend, None) => Ok(Resolution::Resend),
            (ResolutionAction::Abandon, None) => Ok(Resolution::Abandon),
        }
    }
}

impl OperationView {
    pub(crate) fn of(operation: Operation, names: &Names) -> Self {
        let payload = Payload::of(&operation);
        Self {
            id: operation.id,
            kind: operation.kind,
            provider: names.get(operation.provider),
            provider_id: operation.provider,
            run: operation.run,
            result_run: payload.result_run,
            result: payload.outcome.and_then(ChangeResult::of),
            recovery: operation.recovery,
            state: operation.state,
            attempts: operation.attempts,
            first_sent: operation.first_sent.map(Time),
            due: Time(operation.due),
            error: operation.error.map(|(code, message)| OperationError { code, message }),
            actor: operation.actor,
            created: Time(operation.created),
            updated: Time(operation.updated),
        }
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(cancel)).routes(routes!(resolve))
}

/// Which operations.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OperationQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// In this state only.
    #[param(value_type = Option<words::OperationStateWord>)]
    state: Option<OperationState>,
    /// About this run only.
    #[param(value_type = Option<String>, format = "uuid")]
    run: Option<RunId>,
    /// Through this provider only: its name or id.
    provider: Option<String>,
}

/// List operations, newest first.
#[utoipa::path(get, path = "/v1/operations", tag = "operations", operation_id = "operation_list", params(OperationQuery),
    responses((status = 200, body = List<OperationView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<OperationQuery>,
) -> Result<Response, ApiError> {
    let provider = match &query.provider {
        Some(provider) => Some(state.services().providers.show(provider).await?.id),
        None => None,
    };
    let filter = OperationFilter { provider, run: query.run, state: query.state };
    let listing = state.services().operations.list(filter, page::wanted(query.limit, query.cursor)?).await?;
    let names = Names::of(&state, listing.items.iter().map(|operation| operation.provider).collect()).await;
    Ok(page::answer(&uri, listing, |operation| OperationView::of(operation, &names)))
}

/// Show an operation.
#[utoipa::path(get, path = "/v1/operations/{id}", tag = "operations", operation_id = "operation_show",
    params(("id" = String, Path, format = "uuid")),
    responses((status = 200, body = OperationView)))]
async fn show(State(state): State<ApiState>, Path(id): Path<OperationId>) -> Result<Json<OperationView>, ApiError> {
    let operation = state.services().operations.show(id).await?;
    let names = Names::one(&state, operation.provider).await;
    Ok(Json(OperationView::of(operation, &names)))
}

/// Give an operation up.
///
/// Where nothing was sent it is canceled; else the call is cut, and it is settled by its recovery class. Operator.
#[utoipa::path(post, path = "/v1/operations/{id}/cancel", tag = "operations", operation_id = "operation_cancel",
    params(("id" = String, Path, format = "uuid"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key with the same request is done once")),
    responses((status = 202, body = OperationView, headers(("Location" = String)))))]
async fn cancel(
    State(state): State<ApiState>,
    Who(actor): Who,
    key: Key,
    Path(id): Path<OperationId>,
) -> Result<Response, ApiError> {
    let work = async move |state: ApiState, actor, ()| Ok(state.services().operations.cancel(&actor, id).await?);
    key.once(state, actor, (), work, accepted).await
}

/// Settle an ambiguous operation.
///
/// Operator.
#[utoipa::path(post, path = "/v1/operations/{id}/resolve", tag = "operations", operation_id = "operation_resolve",
    params(("id" = String, Path, format = "uuid"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key with the same request is done once")),
    request_body = ResolutionBody,
    responses((status = 202, body = OperationView, headers(("Location" = String)))))]
async fn resolve(
    State(state): State<ApiState>,
    Who(actor): Who,
    key: Key,
    Path(id): Path<OperationId>,
    Json(body): Json<ResolutionBody>,
) -> Result<Response, ApiError> {
    let work = async move |state: ApiState, actor, body: ResolutionBody| {
        Ok(state.services().operations.resolve(&actor, id, body.resolution()?).await?)
    };
    key.once(state, actor, body, work, accepted).await
}

/// An operation that goes on by itself.
pub(crate) async fn accepted(state: ApiState, operation: Operation) -> Response {
    let names = Names::one(&state, operation.provider).await;
    let location = format!("/v1/operations/{}", operation.id);
    located((StatusCode::ACCEPTED, Json(OperationView::of(operation, &names))).into_response(), &location)
}
