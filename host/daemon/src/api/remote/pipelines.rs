//! `/v1/pipelines/{name}/...`: a pipeline as its platform has it.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use novacron_cicd_domain::platform::{self, Change, LintRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::listed;
use crate::{
    api::{
        ApiError, ApiState, List,
        asked::{Accepted, Asked, Once},
        extract::{Json, Path, Query},
        pipelines::ParameterBody,
        view::view,
    },
    service::Remote,
};

/// A definition as the platform has it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Definition)]
pub struct DefinitionView {
    /// What the platform shows.
    pub name: String,
    /// Where its source is.
    pub repository: Option<String>,
    /// Branch or tag that it runs by default.
    pub reference: Option<String>,
    /// Where it lives on the platform: a path in the repository, a folder.
    pub location: Option<String>,
    /// In the platform's own language, where it is text; null where the platform shows none.
    pub source: Option<String>,
    /// What a run can be given.
    pub parameters: Vec<ParameterBody>,
    /// Variables that the build finds in its environment.
    pub environment: BTreeMap<String, String>,
    /// As the platform writes them.
    pub schedules: Vec<String>,
    /// Where the platform tells of its runs.
    pub webhook_url: Option<String>,
}

impl From<platform::Definition> for DefinitionView {
    fn from(found: platform::Definition) -> Self {
        Self {
            name: found.name,
            repository: found.repository,
            reference: found.reference,
            location: found.location,
            source: found.source.map(|source| String::from_utf8_lossy(&source).into_owned()),
            parameters: found.parameters.into_iter().map(Into::into).collect(),
            environment: found.environment,
            schedules: found.schedules,
            webhook_url: found.webhook_url,
        }
    }
}

view! {
    /// What the platform found in a definition.
    FindingView as Finding from platform::Finding {
        /// `error`, `warning`.
        severity: String,
        /// In the platform's words.
        message: String,
        /// From 1.
        line: Option<u32>,
        /// From 1.
        column: Option<u32>,
    }
}

/// A definition that is to be looked at by the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineValidate {
    /// In the platform's own language.
    pub source: String,
    /// Where its source is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Branch or tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// What the platform thinks of a definition.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PipelineValidated {
    /// Whether nothing of severity `error` was found.
    pub valid: bool,
    /// In its order.
    pub findings: Vec<FindingView>,
}

/// A copy to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineCopy {
    /// The name of the new one, here and there.
    pub name: String,
    /// Where the new one lives on the platform; left out: beside the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// Where a pipeline is to be on its platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineMove {
    /// What the platform is to call it; left out: as it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is to live; left out: where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// At which reference.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReferenceQuery {
    /// Branch, tag or commit; left out: the platform's default.
    reference: Option<String>,
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(definition))
        .routes(routes!(parameters))
        .routes(routes!(validate))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(copy))
        .routes(routes!(relocate))
}

/// Show a pipeline's definition as its platform has it.
#[utoipa::path(get, path = "/v1/pipelines/{name}/definition", tag = "pipelines",
    operation_id = "pipeline_definition",
    params(("name" = String, Path, description = "its name or id")),
    responses((status = 200, body = DefinitionView)))]
async fn definition(State(state): State<ApiState>, Path(name): Path<String>) -> Result<Json<DefinitionView>, ApiError> {
    Ok(Json(state.services().remote.definition(&name).await?.into()))
}

/// List the parameters that a run takes now, as the platform declares them.
#[utoipa::path(get, path = "/v1/pipelines/{name}/parameters", tag = "pipelines",
    operation_id = "pipeline_parameters",
    params(("name" = String, Path, description = "its name or id"), ReferenceQuery),
    responses((status = 200, body = List<ParameterBody>)))]
async fn parameters(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Query(query): Query<ReferenceQuery>,
) -> Result<Json<List<ParameterBody>>, ApiError> {
    Ok(Json(listed(state.services().remote.parameters(&name, query.reference.as_deref()).await?)))
}

/// Have a provider's platform look at a definition.
#[utoipa::path(post, path = "/v1/providers/{name}/pipelines/validate", tag = "pipelines",
    operation_id = "pipeline_validate",
    params(("name" = String, Path, description = "the provider's name or id")),
    request_body = PipelineValidate,
    responses((status = 200, body = PipelineValidated)))]
async fn validate(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Json(body): Json<PipelineValidate>,
) -> Result<Json<PipelineValidated>, ApiError> {
    let PipelineValidate { source, repository, reference } = body;
    let request = LintRequest { repository, reference, source: source.into_bytes() };
    let findings = state.services().remote.lint(&name, request).await?;
    let valid = findings.iter().all(|finding| finding.severity != "error");
    Ok(Json(PipelineValidated { valid, findings: findings.into_iter().map(Into::into).collect() }))
}

/// Let a pipeline take new runs on its platform.
///
/// Operator.
#[utoipa::path(post, path = "/v1/pipelines/{name}/enable", tag = "pipelines", operation_id = "pipeline_enable",
    params(("name" = String, Path, description = "its name or id"), Once), responses(Accepted))]
async fn enable(asked: Asked, Path(name): Path<String>) -> Result<Response, ApiError> {
    switch(asked, name, true).await
}

/// Let a pipeline take no new runs on its platform.
///
/// Operator.
#[utoipa::path(post, path = "/v1/pipelines/{name}/disable", tag = "pipelines", operation_id = "pipeline_disable",
    params(("name" = String, Path, description = "its name or id"), Once), responses(Accepted))]
async fn disable(asked: Asked, Path(name): Path<String>) -> Result<Response, ApiError> {
    switch(asked, name, false).await
}

async fn switch(asked: Asked, name: String, enabled: bool) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change_pipeline(&actor, &name, |pipeline| Change::PipelineSwitch { pipeline, enabled }).await
    };
    asked.change((), work).await
}

/// Make another pipeline like one that is there, on its platform and here.
///
/// Operator.
#[utoipa::path(post, path = "/v1/pipelines/{name}/copy", tag = "pipelines", operation_id = "pipeline_copy",
    params(("name" = String, Path, description = "its name or id"), Once),
    request_body = PipelineCopy, responses(Accepted))]
async fn copy(asked: Asked, Path(of): Path<String>, Json(body): Json<PipelineCopy>) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: PipelineCopy| {
        let PipelineCopy { name, location } = body;
        remote.change_pipeline(&actor, &of, |pipeline| Change::PipelineCopy { pipeline, name, location }).await
    };
    asked.change(body, work).await
}

/// Rename a pipeline on its platform, move it there, or both.
///
/// Its name here stays. Operator.
#[utoipa::path(post, path = "/v1/pipelines/{name}/move", tag = "pipelines", operation_id = "pipeline_move",
    params(("name" = String, Path, description = "its name or id"), Once),
    request_body = PipelineMove, responses(Accepted))]
async fn relocate(asked: Asked, Path(of): Path<String>, Json(body): Json<PipelineMove>) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: PipelineMove| {
        let PipelineMove { name, location } = body;
        remote.change_pipeline(&actor, &of, |pipeline| Change::PipelineMove { pipeline, name, location }).await
    };
    asked.change(body, work).await
}
