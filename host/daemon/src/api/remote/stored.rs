//! `/v1/providers/{name}/secrets` and `.../variables`: what a platform stores for builds.

use std::collections::BTreeMap;

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use novacron_cicd_domain::platform::{self, Change};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{paged, wanted};
use crate::{
    api::{
        ApiError, ApiState, List,
        asked::{Accepted, Asked, Once},
        extract::{Json, Path, Query},
        view::view,
    },
    service::Remote,
};

view! {
    /// A secret of the platform's own store; its value is never read.
    RemoteSecretView as RemoteSecret from platform::RemoteSecret {
        /// What the platform calls it.
        name: String,
        /// The platform's own way to say where it holds.
        scope: Option<String>,
        /// `text`, `file`, `username-password`, `ssh-key`; an open set.
        kind: String,
        /// The plugin's own.
        more: BTreeMap<String, String>,
    } times {
        /// When its value last changed.
        updated,
    }
}

view! {
    /// A plain variable of the platform.
    RemoteVariableView as RemoteVariable from platform::RemoteVariable {
        /// What the platform calls it.
        name: String,
        /// The platform's own way to say where it holds.
        scope: Option<String>,
        /// Readable by whoever may look.
        value: String,
        /// The plugin's own.
        more: BTreeMap<String, String>,
    }
}

/// A secret to be placed on the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteSecretPut {
    /// The platform's own way to say where it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// `text`, `file`, `username-password`, `ssh-key`; an open set.
    #[serde(default = "text")]
    pub kind: String,
    /// Part (`value`, `username`, `password`, `passphrase`) to the name of a secret of the vault, never a value.
    pub parts: BTreeMap<String, String>,
    /// As the plugin documents them: `protected`, `masked`, `description`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

fn text() -> String {
    "text".into()
}

/// A variable to be set on the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteVariablePut {
    /// Readable by whoever may look: never a secret.
    pub value: String,
    /// The platform's own way to say where it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// As the plugin documents them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// Which page, and where they hold.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ScopedQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// The platform's own way to say where they hold.
    scope: Option<String>,
}

/// Where it holds.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ScopeQuery {
    /// The platform's own way to say where it holds.
    scope: Option<String>,
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_secrets))
        .routes(routes!(put_secret, delete_secret))
        .routes(routes!(list_variables))
        .routes(routes!(put_variable, delete_variable))
}

/// List the secrets of a platform's own store, never their values.
#[utoipa::path(get, path = "/v1/providers/{name}/secrets", tag = "remote", operation_id = "remote_secret_list",
    params(("name" = String, Path, description = "the provider's name or id"), ScopedQuery),
    responses((status = 200, body = List<RemoteSecretView>)))]
async fn list_secrets(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Path(name): Path<String>,
    Query(query): Query<ScopedQuery>,
) -> Result<Response, ApiError> {
    let page = wanted(query.limit, query.cursor)?;
    let found = state.services().remote.secrets(&name, query.scope.as_deref(), page).await?;
    Ok(paged::<_, RemoteSecretView>(&uri, found))
}

/// Place secrets of the vault in a platform's own store, as one secret there.
///
/// Its plugin is trusted with these values. Admin.
#[utoipa::path(put, path = "/v1/providers/{name}/secrets/{secret}", tag = "remote",
    operation_id = "remote_secret_put",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("secret" = String, Path, description = "what the platform calls it"), Once),
    request_body = RemoteSecretPut, responses(Accepted))]
async fn put_secret(
    asked: Asked,
    Path((provider, name)): Path<(String, String)>,
    Json(body): Json<RemoteSecretPut>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: RemoteSecretPut| {
        let RemoteSecretPut { scope, kind, parts, options } = body;
        remote.change(&actor, &provider, Change::SecretPut { name, scope, kind, parts, options }).await
    };
    asked.change(body, work).await
}

/// Delete a secret of a platform's own store.
///
/// Admin.
#[utoipa::path(delete, path = "/v1/providers/{name}/secrets/{secret}", tag = "remote",
    operation_id = "remote_secret_delete",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("secret" = String, Path, description = "what the platform calls it"), ScopeQuery, Once),
    responses(Accepted))]
async fn delete_secret(
    asked: Asked,
    Path((provider, name)): Path<(String, String)>,
    Query(query): Query<ScopeQuery>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change(&actor, &provider, Change::SecretDelete { name, scope: query.scope }).await
    };
    asked.change((), work).await
}

/// List the plain variables of a platform.
#[utoipa::path(get, path = "/v1/providers/{name}/variables", tag = "remote", operation_id = "remote_variable_list",
    params(("name" = String, Path, description = "the provider's name or id"), ScopedQuery),
    responses((status = 200, body = List<RemoteVariableView>)))]
async fn list_variables(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Path(name): Path<String>,
    Query(query): Query<ScopedQuery>,
) -> Result<Response, ApiError> {
    let page = wanted(query.limit, query.cursor)?;
    let found = state.services().remote.variables(&name, query.scope.as_deref(), page).await?;
    Ok(paged::<_, RemoteVariableView>(&uri, found))
}

/// Set a plain variable of a platform.
///
/// Operator.
#[utoipa::path(put, path = "/v1/providers/{name}/variables/{variable}", tag = "remote",
    operation_id = "remote_variable_put",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("variable" = String, Path, description = "what the platform calls it"), Once),
    request_body = RemoteVariablePut, responses(Accepted))]
async fn put_variable(
    asked: Asked,
    Path((provider, name)): Path<(String, String)>,
    Json(body): Json<RemoteVariablePut>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: RemoteVariablePut| {
        let RemoteVariablePut { value, scope, options } = body;
        remote.change(&actor, &provider, Change::VariablePut { name, scope, value, options }).await
    };
    asked.change(body, work).await
}

/// Delete a plain variable of a platform.
///
/// Operator.
#[utoipa::path(delete, path = "/v1/providers/{name}/variables/{variable}", tag = "remote",
    operation_id = "remote_variable_delete",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("variable" = String, Path, description = "what the platform calls it"), ScopeQuery, Once),
    responses(Accepted))]
async fn delete_variable(
    asked: Asked,
    Path((provider, name)): Path<(String, String)>,
    Query(query): Query<ScopeQuery>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change(&actor, &provider, Change::VariableDelete { name, scope: query.scope }).await
    };
    asked.change((), work).await
}
