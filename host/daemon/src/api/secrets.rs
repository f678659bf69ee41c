//! `/v1/secrets`: values that only the vault holds. They come in and never go out.

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use novacron_cicd_store::SecretMeta;
use novacron_cicd_vault::Secret;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List, Time,
    auth::Who,
    extract::{Json, Path, Query},
    page::{self, PageQuery},
    providers::located,
};

/// A secret without its value.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Secret)]
pub struct SecretView {
    /// Unique.
    pub name: String,
    /// One more on every new value.
    pub version: i64,
    /// When it was first set.
    pub created: Time,
    /// When its value last changed.
    pub updated: Time,
}

/// A secret to be set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretCreate {
    /// Unique.
    #[schema(example = "ci-signing-key")]
    name: String,
    /// Never shown again.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, write_only, format = Password)]
    value: Secret,
}

/// A new value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRotate {
    /// Never shown again.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, write_only, format = Password)]
    value: Secret,
}

/// The text goes straight into the one type that a secret's bytes have.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(|text| Secret::new(text.into_bytes()))
}

impl From<SecretMeta> for SecretView {
    fn from(info: SecretMeta) -> Self {
        Self {
            name: info.name.to_string(),
            version: info.version,
            created: Time(info.created),
            updated: Time(info.updated),
        }
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, set)).routes(routes!(rotate, delete))
}

/// List secrets: names and times, never values.
#[utoipa::path(get, path = "/v1/secrets", tag = "secrets", operation_id = "secret_list", params(PageQuery),
    responses((status = 200, body = List<SecretView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let listing = state.services().secrets.list(page::wanted(query.limit, query.cursor)?).await?;
    Ok(page::answer(&uri, listing, SecretView::from))
}

/// Set a new secret.
///
/// Refused where the name is taken: a new value for it is a PUT. Admin.
#[utoipa::path(post, path = "/v1/secrets", tag = "secrets", operation_id = "secret_set", request_body = SecretCreate,
    responses((status = 201, body = SecretView, headers(("Location" = String)))))]
async fn set(
    State(state): State<ApiState>,
    Who(actor): Who,
    Json(body): Json<SecretCreate>,
) -> Result<Response, ApiError> {
    let info = state.services().secrets.set(&actor, &body.name, body.value).await?;
    let location = format!("/v1/secrets/{}", info.name);
    Ok(located((StatusCode::CREATED, Json(SecretView::from(info))).into_response(), &location))
}

/// Give a secret a new value.
///
/// Admin.
#[utoipa::path(put, path = "/v1/secrets/{name}", tag = "secrets", operation_id = "secret_rotate",
    params(("name" = String, Path)), request_body = SecretRotate, responses((status = 200, body = SecretView)))]
async fn rotate(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(name): Path<String>,
    Json(body): Json<SecretRotate>,
) -> Result<Json<SecretView>, ApiError> {
    Ok(Json(state.services().secrets.rotate(&actor, &name, body.value).await?.into()))
}

/// Delete a secret.
///
/// Refused while anything names it. Admin.
#[utoipa::path(delete, path = "/v1/secrets/{name}", tag = "secrets", operation_id = "secret_delete",
    params(("name" = String, Path)), responses((status = 204, description = "deleted")))]
async fn delete(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.services().secrets.delete(&actor, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
