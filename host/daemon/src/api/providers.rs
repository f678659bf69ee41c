//! `/v1/providers`: configured connections.

use std::collections::BTreeMap;

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use novacron_cicd_domain::{id::ProviderId, platform, provider};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List, Time,
    auth::Who,
    etag::{self, IfMatch},
    extract::{Json, Path, Query},
    idempotency::Key,
    page::{self, PageQuery},
    pipelines::RemotePipelineView,
};
use crate::service::{NewProvider, ProviderChange};

/// A configured connection.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Provider)]
pub struct ProviderView {
    /// Ours.
    #[schema(value_type = String, format = "uuid")]
    pub id: ProviderId,
    /// Unique.
    pub name: String,
    /// The plugin's id.
    pub plugin: String,
    /// Where the platform is.
    pub base_url: String,
    /// As the plugin's schema wants them.
    pub settings: serde_json::Value,
    /// Credential slot to the name of the secret that fills it.
    pub credentials: BTreeMap<String, CredentialBody>,
    /// What is allowed beyond the base URL's origin.
    pub grants: GrantsBody,
    /// What the last check or call said of it.
    pub health: HealthView,
    /// The entity tag.
    pub version: i64,
    /// When it was made.
    pub created: Time,
    /// When it was last changed.
    pub updated: Time,
}

/// What fills a credential slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Credential)]
pub struct CredentialBody {
    /// The user name of a basic credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The name of a secret, never its value.
    pub secret: String,
}

/// What is granted beyond the base URL's origin and the public certificate authorities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = Grants)]
pub struct GrantsBody {
    /// Further origins, exact: `https://uploads.example.com`.
    pub origins: Vec<String>,
    /// Suffixes of hosts that a redirect of a download may lead to: `.blob.example.net`.
    pub redirect_hosts: Vec<String>,
    /// Private or loopback networks that may be dialled: `10.0.0.0/8`.
    pub private_networks: Vec<String>,
    /// Certificate authorities in PEM form that are believed beside the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
    /// The proxy that takes all requests of the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyBody>,
    /// Headers that a gate before the platform wants, on each request to the base URL's origin: name to the name of the
    /// secret that is the value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// A forward proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Proxy)]
pub struct ProxyBody {
    /// Scheme, host and port: `http://proxy.example.com:3128`.
    pub url: String,
    /// Who we are to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The name of the secret that is the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What the last check or call said of a provider.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Health)]
pub struct HealthView {
    /// null: never reached yet.
    pub healthy: Option<bool>,
    /// When that was found.
    pub at: Option<Time>,
    /// The last error, where it is not healthy.
    pub error: Option<String>,
    /// Who we are on the platform.
    pub account: Option<String>,
    /// In the platform's words.
    pub platform_version: Option<String>,
}

/// A provider to be added.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderCreate {
    /// Unique.
    #[schema(example = "ci-prod")]
    pub name: String,
    /// The plugin's id.
    #[schema(example = "webhook")]
    pub plugin: String,
    /// Where the platform is.
    #[schema(example = "https://ci.example.com/hooks/novacron")]
    pub base_url: String,
    /// As the plugin's schema wants them.
    #[serde(default = "no_settings")]
    #[schema(value_type = Object)]
    pub settings: serde_json::Value,
    /// Credential slot to the name of the secret that fills it.
    #[serde(default)]
    pub credentials: BTreeMap<String, CredentialBody>,
    /// What is allowed beyond the base URL's origin.
    #[serde(default)]
    pub grants: GrantsBody,
    /// Add it without reaching it first.
    #[serde(default)]
    pub no_check: bool,
}

fn no_settings() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

/// What is to be changed; what is left out stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderUpdate {
    /// Where the platform is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Replaces all settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub settings: Option<serde_json::Value>,
    /// Replaces all slots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<BTreeMap<String, CredentialBody>>,
    /// Replaces all grants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grants: Option<GrantsBody>,
    /// Change it without reaching it first.
    pub no_check: bool,
}

/// What was found when a provider was reached.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ProviderCheck)]
pub struct CheckView {
    /// With its health as it is now.
    pub provider: ProviderView,
    /// Who we are on the platform.
    pub account: Option<String>,
    /// In the platform's words.
    pub platform_version: Option<String>,
    /// What this server, with this account, can do.
    pub features: Vec<String>,
    /// What the account would need and does not have.
    pub missing_permissions: Vec<String>,
    /// What works but should be looked at.
    pub warnings: Vec<String>,
}

impl From<provider::Provider> for ProviderView {
    fn from(provider: provider::Provider) -> Self {
        Self {
            id: provider.id,
            name: provider.name.to_string(),
            plugin: provider.plugin,
            base_url: provider.base_url.to_string(),
            settings: provider.settings,
            credentials: provider
                .credentials
                .into_iter()
                .map(|(slot, source)| (slot, CredentialBody { username: source.username, secret: source.secret }))
                .collect(),
            grants: GrantsBody {
                origins: provider.grants.origins,
                redirect_hosts: provider.grants.redirect_hosts,
                private_networks: provider.grants.private_networks,
                authorities: provider.grants.authorities,
                proxy: provider.grants.proxy.map(|proxy| ProxyBody {
                    url: proxy.url,
                    username: proxy.username,
                    secret: proxy.secret,
                }),
                headers: provider.grants.headers,
            },
            health: HealthView {
                healthy: provider.health.healthy,
                at: provider.health.at.map(Time),
                error: provider.health.error,
                account: provider.health.account,
                platform_version: provider.health.platform_version,
            },
            version: provider.version,
            created: Time(provider.created),
            updated: Time(provider.updated),
        }
    }
}

impl From<GrantsBody> for provider::Grants {
    fn from(grants: GrantsBody) -> Self {
        Self {
            origins: grants.origins,
            redirect_hosts: grants.redirect_hosts,
            private_networks: grants.private_networks,
            authorities: grants.authorities,
            proxy: grants.proxy.map(|proxy| provider::Proxy {
                url: proxy.url,
                username: proxy.username,
                secret: proxy.secret,
            }),
            headers: grants.headers,
        }
    }
}

fn credentials(given: BTreeMap<String, CredentialBody>) -> BTreeMap<String, provider::CredentialSource> {
    let source = |body: CredentialBody| provider::CredentialSource { username: body.username, secret: body.secret };
    given.into_iter().map(|(slot, body)| (slot, source(body))).collect()
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(show, update, remove))
        .routes(routes!(check))
        .routes(routes!(remote))
}

/// List providers, newest first.
#[utoipa::path(get, path = "/v1/providers", tag = "providers", operation_id = "provider_list", params(PageQuery),
    responses((status = 200, body = List<ProviderView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let listing = state.services().providers.list(page::wanted(query.limit, query.cursor)?).await?;
    Ok(page::answer(&uri, listing, ProviderView::from))
}

/// Add a provider.
///
/// The plugin's schema is checked, then the platform is reached, unless `no_check` says not to. Admin.
#[utoipa::path(post, path = "/v1/providers", tag = "providers", operation_id = "provider_add",
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key with the same request is done once")),
    request_body = ProviderCreate,
    responses((status = 201, body = ProviderView, headers(("Location" = String), ("ETag" = String)))))]
async fn add(
    State(state): State<ApiState>,
    Who(actor): Who,
    key: Key,
    Json(body): Json<ProviderCreate>,
) -> Result<Response, ApiError> {
    let work = async move |state: ApiState, actor, body: ProviderCreate| {
        let new = NewProvider {
            name: body.name,
            plugin: body.plugin,
            base_url: body.base_url,
            settings: body.settings,
            credentials: credentials(body.credentials),
            grants: body.grants.into(),
            no_check: body.no_check,
        };
        Ok(state.services().providers.add(&actor, new).await?)
    };
    key.once(state, actor, body, work, added).await
}

async fn added(_: ApiState, provider: provider::Provider) -> Response {
    let version = provider.version;
    let location = format!("/v1/providers/{}", provider.name);
    let mut response = (StatusCode::CREATED, Json(ProviderView::from(provider))).into_response();
    etag::with_tag(&mut response, version);
    located(response, &location)
}

/// Show a provider.
#[utoipa::path(get, path = "/v1/providers/{name}", tag = "providers", operation_id = "provider_show",
    params(("name" = String, Path, description = "its name or id")),
    responses((status = 200, body = ProviderView, headers(("ETag" = String))), (status = 304, description = "not changed")))]
async fn show(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let provider = state.services().providers.show(&name).await?;
    Ok(etag::tagged(provider.version, &headers, ProviderView::from(provider)))
}

/// Change a provider.
///
/// What is left out stays. Admin.
#[utoipa::path(patch, path = "/v1/providers/{name}", tag = "providers", operation_id = "provider_update",
    params(("name" = String, Path, description = "its name or id"),
        ("If-Match" = Option<String>, Header, description = "the entity tag that was read")),
    request_body = ProviderUpdate,
    responses((status = 200, body = ProviderView, headers(("ETag" = String)))))]
async fn update(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(name): Path<String>,
    IfMatch(version): IfMatch,
    Json(body): Json<ProviderUpdate>,
) -> Result<Response, ApiError> {
    let change = ProviderChange {
        base_url: body.base_url,
        settings: body.settings,
        credentials: body.credentials.map(credentials),
        grants: body.grants.map(Into::into),
        no_check: body.no_check,
    };
    let provider = state.services().providers.update(&actor, &name, change, version).await?;
    let version = provider.version;
    let mut response = Json(ProviderView::from(provider)).into_response();
    etag::with_tag(&mut response, version);
    Ok(response)
}

/// Remove a provider.
///
/// Refused while a pipeline names it. Admin.
#[utoipa::path(delete, path = "/v1/providers/{name}", tag = "providers", operation_id = "provider_remove",
    params(("name" = String, Path, description = "its name or id"),
        ("If-Match" = Option<String>, Header, description = "the entity tag that was read")),
    responses((status = 204, description = "removed")))]
async fn remove(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(name): Path<String>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode, ApiError> {
    state.services().providers.remove(&actor, &name, version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reach a provider and say what was found.
///
/// What was found is kept as its health. Operator.
#[utoipa::path(post, path = "/v1/providers/{name}/check", tag = "providers", operation_id = "provider_check",
    params(("name" = String, Path, description = "its name or id")),
    responses((status = 200, body = CheckView)))]
async fn check(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(name): Path<String>,
) -> Result<Json<CheckView>, ApiError> {
    let found = state.services().providers.check(&actor, &name).await?;
    let report = found.report;
    Ok(Json(CheckView {
        provider: found.provider.into(),
        account: report.account,
        platform_version: report.platform_version,
        features: report.features,
        missing_permissions: report.missing_permissions,
        warnings: report.warnings,
    }))
}

/// Which page of what is on a platform.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RemoteQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// List the pipelines that are on a provider's platform, in the platform's order.
#[utoipa::path(get, path = "/v1/providers/{name}/pipelines", tag = "providers", operation_id = "provider_pipelines",
    params(("name" = String, Path, description = "its name or id"), RemoteQuery),
    responses((status = 200, body = List<RemotePipelineView>)))]
async fn remote(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Path(name): Path<String>,
    Query(query): Query<RemoteQuery>,
) -> Result<Response, ApiError> {
    let wanted = page::wanted(query.limit, query.cursor)?;
    let request = platform::PageRequest { cursor: wanted.after, limit: wanted.limit };
    let found = state.services().pipelines.remote(&name, request).await?;
    let items = found.items.into_iter().map(RemotePipelineView::from).collect();
    Ok(page::linked(&uri, &List { items, next: found.next }))
}

/// Puts a location on an answer.
pub(crate) fn located(mut response: Response, location: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}
