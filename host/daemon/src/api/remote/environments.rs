//! `/v1/providers/{name}/environments`: environments of a platform.

use std::collections::BTreeMap;

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use novacron_cicd_domain::platform::{self, Change, EnvironmentChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{paged, wanted};
use crate::{
    api::{
        ApiError, ApiState, List,
        asked::{Accepted, Asked, Once},
        extract::{Json, Path, Query},
        page::PageQuery,
        view::view,
    },
    service::Remote,
};

view! {
    /// An environment of the platform.
    RemoteEnvironmentView as RemoteEnvironment from platform::RemoteEnvironment {
        /// The platform's.
        id: String,
        /// What the platform shows.
        name: String,
        /// `development`, `testing`, `staging`, `production`; an open set.
        tier: Option<String>,
        /// Where what is deployed there is.
        url: Option<String>,
        /// `available`, `stopping`, `stopped`; an open set.
        state: Option<String>,
        /// The plugin's own.
        more: BTreeMap<String, String>,
    } times {
        /// When it last changed.
        updated,
    } lists {
        /// What has to hold before something is deployed there.
        protection: ProtectionRuleBody,
    }
}

/// What has to hold before something is deployed to an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProtectionRule)]
pub struct ProtectionRuleBody {
    /// `reviewers`, `wait`, `branches`; an open set.
    pub kind: String,
    /// As the plugin documents it.
    pub value: String,
}

impl From<platform::ProtectionRule> for ProtectionRuleBody {
    fn from(rule: platform::ProtectionRule) -> Self {
        Self { kind: rule.kind, value: rule.value }
    }
}

impl From<ProtectionRuleBody> for platform::ProtectionRule {
    fn from(rule: ProtectionRuleBody) -> Self {
        Self { kind: rule.kind, value: rule.value }
    }
}

/// What an environment is to be; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RemoteEnvironmentPut {
    /// `development`, `testing`, `staging`, `production`; an open set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// Where what is deployed there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Replaces all rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protection: Option<Vec<ProtectionRuleBody>>,
    /// As the plugin documents them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, put, delete)).routes(routes!(stop))
}

/// List the environments of a platform.
#[utoipa::path(get, path = "/v1/providers/{name}/environments", tag = "remote",
    operation_id = "remote_environment_list",
    params(("name" = String, Path, description = "the provider's name or id"), PageQuery),
    responses((status = 200, body = List<RemoteEnvironmentView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let found = state.services().remote.environments(&name, wanted(query.limit, query.cursor)?).await?;
    Ok(paged::<_, RemoteEnvironmentView>(&uri, found))
}

/// Show an environment of a platform.
#[utoipa::path(get, path = "/v1/providers/{name}/environments/{environment}", tag = "remote",
    operation_id = "remote_environment_show",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("environment" = String, Path, description = "the platform's id of it")),
    responses((status = 200, body = RemoteEnvironmentView)))]
async fn show(
    State(state): State<ApiState>,
    Path((name, environment)): Path<(String, String)>,
) -> Result<Json<RemoteEnvironmentView>, ApiError> {
    Ok(Json(state.services().remote.environment(&name, &environment).await?.into()))
}

/// Make an environment of a platform, or change it to be so.
///
/// Operator.
#[utoipa::path(put, path = "/v1/providers/{name}/environments/{environment}", tag = "remote",
    operation_id = "remote_environment_put",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("environment" = String, Path, description = "its name on the platform"), Once),
    request_body = RemoteEnvironmentPut, responses(Accepted))]
async fn put(
    asked: Asked,
    Path((provider, name)): Path<(String, String)>,
    Json(body): Json<RemoteEnvironmentPut>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: RemoteEnvironmentPut| {
        let RemoteEnvironmentPut { tier, url, protection, options } = body;
        let protection = protection.map(|rules| rules.into_iter().map(Into::into).collect());
        let change = EnvironmentChange { name, tier, url, protection, options };
        remote.change(&actor, &provider, Change::EnvironmentPut { change }).await
    };
    asked.change(body, work).await
}

/// Stop an environment of a platform.
///
/// Operator.
#[utoipa::path(post, path = "/v1/providers/{name}/environments/{environment}/stop", tag = "remote",
    operation_id = "remote_environment_stop",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("environment" = String, Path, description = "the platform's id of it"), Once),
    responses(Accepted))]
async fn stop(asked: Asked, Path((name, environment)): Path<(String, String)>) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change(&actor, &name, Change::EnvironmentStop { environment }).await
    };
    asked.change((), work).await
}

/// Delete an environment of a platform.
///
/// Operator.
#[utoipa::path(delete, path = "/v1/providers/{name}/environments/{environment}", tag = "remote",
    operation_id = "remote_environment_delete",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("environment" = String, Path, description = "the platform's id of it"), Once),
    responses(Accepted))]
async fn delete(asked: Asked, Path((name, environment)): Path<(String, String)>) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change(&actor, &name, Change::EnvironmentDelete { environment }).await
    };
    asked.change((), work).await
}
