//! `/v1/plugins`: what is installed, broken files with their error.

use axum::extract::State;
use novacron_cicd_domain::Coded as _;
use novacron_cicd_runtime::plugin::{CredentialSlot, PluginError, PluginState, PluginSummary};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List,
    auth::Who,
    extract::{Json, Path},
    operations::OperationError,
};

/// A plugin.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Plugin)]
pub struct PluginView {
    /// As its manifest says it; the file's name where it has none.
    pub id: String,
    /// As its manifest says it.
    pub version: Option<String>,
    /// `serving`, `held` (its file has changed and asks for more), `broken`.
    pub state: String,
    /// Why it does not serve.
    pub error: Option<OperationError>,
    /// For people.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Of the file, in hexadecimal digits.
    pub sha256: Option<String>,
    /// Where the file is.
    pub path: String,
    /// What of the contract it has.
    pub interfaces: Vec<String>,
    /// What it has to be given to authenticate.
    pub credentials: Vec<SlotView>,
    /// All that it asks for, one line each.
    pub asks: Vec<String>,
    /// Of a held one: what it asks for beyond what was approved.
    pub more: Vec<String>,
    /// JSON Schema of a provider's settings.
    pub settings: Option<serde_json::Value>,
}

/// A credential slot.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = CredentialSlot)]
pub struct SlotView {
    /// Its name.
    pub slot: String,
    /// `bearer`, `basic`, `header`, `hmac`, `key`, `exchange`, `session`.
    pub kind: String,
    /// Whether a provider without it is refused.
    pub required: bool,
    /// For people.
    pub description: Option<String>,
}

impl From<PluginSummary> for PluginView {
    fn from(plugin: PluginSummary) -> Self {
        let more = match &plugin.state {
            PluginState::Held(PluginError::Held { more, .. }) => more.clone(),
            _ => Vec::new(),
        };
        let (state, error) = match plugin.state {
            PluginState::Serving => ("serving", None),
            PluginState::Held(error) => ("held", Some(error)),
            PluginState::Broken(error) => ("broken", Some(error)),
        };
        let slot = |slot: CredentialSlot| SlotView {
            kind: format!("{:?}", slot.kind).to_lowercase(),
            slot: slot.slot,
            required: slot.required,
            description: Some(slot.description).filter(|text| !text.is_empty()),
        };
        Self {
            id: plugin.id,
            version: plugin.version.map(|version| version.to_string()),
            state: state.to_owned(),
            error: error.map(|error| OperationError { code: error.code().to_owned(), message: error.to_string() }),
            title: plugin.title,
            description: plugin.description,
            sha256: plugin.sha256,
            path: plugin.path.display().to_string(),
            interfaces: plugin.interfaces.into_iter().map(str::to_owned).collect(),
            credentials: plugin.credentials.into_iter().map(slot).collect(),
            asks: plugin.asks,
            more,
            settings: plugin.settings,
        }
    }
}

/// What is approved.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginApprove {
    /// The file that was looked at: 64 hexadecimal digits.
    pub sha256: String,
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(approve))
}

/// List plugins.
#[utoipa::path(get, path = "/v1/plugins", tag = "plugins", operation_id = "plugin_list",
    responses((status = 200, body = List<PluginView>)))]
async fn list(State(state): State<ApiState>) -> Result<Json<List<PluginView>>, ApiError> {
    let plugins = state.services().plugins.list().await?;
    Ok(Json(List { items: plugins.into_iter().map(PluginView::from).collect(), next: None }))
}

/// Show a plugin: what it asks for and what it has.
#[utoipa::path(get, path = "/v1/plugins/{id}", tag = "plugins", operation_id = "plugin_show",
    params(("id" = String, Path)), responses((status = 200, body = PluginView)))]
async fn show(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Json<PluginView>, ApiError> {
    Ok(Json(state.services().plugins.show(&id).await?.into()))
}

/// Let a held plugin serve, with all that it asks for.
///
/// The digest names the file that was looked at: one that has changed since is not approved. Admin.
#[utoipa::path(post, path = "/v1/plugins/{id}/approve", tag = "plugins", operation_id = "plugin_approve",
    params(("id" = String, Path)), request_body = PluginApprove, responses((status = 200, body = PluginView)))]
async fn approve(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(id): Path<String>,
    Json(body): Json<PluginApprove>,
) -> Result<Json<PluginView>, ApiError> {
    Ok(Json(state.services().plugins.approve(&actor, &id, &body.sha256).await?.into()))
}
