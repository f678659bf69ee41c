//! `/v1/tokens`: who may talk to this API. A token's value is shown once, when it is issued.

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use novacron_cicd_domain::{
    id::TokenId,
    token::{Role, Token},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List, Time,
    auth::Who,
    extract::{Json, Path, Query},
    page::{self, PageQuery},
    providers::located,
    words,
};
use crate::service::{IssuedToken, NewToken};

/// A token without its value.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenView {
    /// Ours.
    #[schema(value_type = String, format = "uuid")]
    pub id: TokenId,
    /// Unique among tokens that are not revoked.
    pub name: String,
    /// What its holder may do.
    #[schema(value_type = words::RoleWord)]
    pub role: Role,
    /// When it was made.
    pub created: Time,
    /// When it ends of its own accord.
    pub expires: Option<Time>,
    /// When somebody ended it.
    pub revoked: Option<Time>,
    /// Roughly when it was last used.
    pub last_used: Option<Time>,
}

/// A token to be created.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenCreate {
    /// Unique among tokens that are not revoked.
    #[schema(example = "novacron-api")]
    pub name: String,
    /// What its holder may do.
    #[schema(value_type = words::RoleWord)]
    pub role: Role,
    /// When it ends of its own accord.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
}

/// A token with its value. Neither Debug nor Clone: the value goes out once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct TokenIssued {
    /// Without its value.
    pub token: TokenView,
    /// Keep it: it is not shown again.
    #[schema(format = Password)]
    pub value: String,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            name: token.name.to_string(),
            role: token.role,
            created: Time(token.created),
            expires: token.expires.map(Time),
            revoked: token.revoked.map(Time),
            last_used: token.last_used.map(Time),
        }
    }
}

impl From<IssuedToken> for TokenIssued {
    fn from(issued: IssuedToken) -> Self {
        Self { value: issued.value.expose_str().unwrap_or_default().to_owned(), token: issued.token.into() }
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke)).routes(routes!(reset))
}

/// List tokens without their values.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens", operation_id = "token_list", params(PageQuery),
    responses((status = 200, body = List<TokenView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let listing = state.services().tokens.list(page::wanted(query.limit, query.cursor)?).await?;
    Ok(page::answer(&uri, listing, TokenView::from))
}

/// Create a token.
///
/// Its value is in the answer and is not shown again. Admin.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", operation_id = "token_create", request_body = TokenCreate,
    responses((status = 201, body = TokenIssued, headers(("Location" = String)))))]
async fn create(
    State(state): State<ApiState>,
    Who(actor): Who,
    Json(body): Json<TokenCreate>,
) -> Result<Response, ApiError> {
    let new = NewToken { name: body.name, role: body.role, expires: body.expires.map(|time| time.0) };
    let issued = state.services().tokens.create(&actor, new).await?;
    let location = format!("/v1/tokens/{}", issued.token.name);
    Ok(located((StatusCode::CREATED, Json(TokenIssued::from(issued))).into_response(), &location))
}

/// End a token.
///
/// Admin.
#[utoipa::path(delete, path = "/v1/tokens/{name}", tag = "tokens", operation_id = "token_revoke",
    params(("name" = String, Path, description = "its name or id")), responses((status = 200, body = TokenView)))]
async fn revoke(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(name): Path<String>,
) -> Result<Json<TokenView>, ApiError> {
    Ok(Json(state.services().tokens.revoke(&actor, &name).await?.into()))
}

/// End a token and issue another with the same name and role.
///
/// Its value is in the answer and is not shown again. Admin.
#[utoipa::path(post, path = "/v1/tokens/{name}/reset", tag = "tokens", operation_id = "token_reset",
    params(("name" = String, Path, description = "its name or id")), responses((status = 200, body = TokenIssued)))]
async fn reset(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(name): Path<String>,
) -> Result<Json<TokenIssued>, ApiError> {
    Ok(Json(state.services().tokens.reset(&actor, &name).await?.into()))
}
