//! `/v1/pipelines`: our records of definitions.

use std::collections::BTreeMap;

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use novacron_cicd_domain::{
    id::{PipelineId, ProviderId},
    parameter::{Parameter, ParameterKind},
    pipeline,
    platform::{self, PlatformPart},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List, Time,
    auth::Who,
    etag::{self, IfMatch},
    extract::{Json, Path, Query, given},
    idempotency::Key,
    names::Names,
    operations::OperationView,
    page,
    providers::located,
    words,
};
use crate::service::{self, ImportPipeline, NewPipeline, PipelineChange};

/// Our record of a definition.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Pipeline)]
pub struct PipelineView {
    /// Ours.
    #[schema(value_type = String, format = "uuid")]
    pub id: PipelineId,
    /// Unique.
    pub name: String,
    /// The name of the connection that runs it.
    pub provider: String,
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub provider_id: ProviderId,
    /// What the platform calls it; null while it has no counterpart there.
    pub external_ref: Option<String>,
    /// Where the source is.
    pub repository: Option<String>,
    /// Branch, tag or commit.
    pub reference: Option<String>,
    /// What a run can be given.
    pub parameters: Vec<ParameterBody>,
    /// Variables that the build finds in its environment.
    pub environment: BTreeMap<String, String>,
    /// Where to tell of its runs.
    pub webhook_url: Option<String>,
    /// The entity tag.
    pub version: i64,
    /// When it was made.
    pub created: Time,
    /// When it was last changed.
    pub updated: Time,
}

/// A parameter that a pipeline declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Parameter)]
pub struct ParameterBody {
    /// `[A-Za-z_][A-Za-z0-9_.-]*`, at most 128 characters.
    pub name: String,
    /// What its values look like.
    #[serde(default)]
    #[schema(value_type = words::ParameterKindWord)]
    pub kind: ParameterKind,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Taken where a run is given none; of a list a JSON array of strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What a choice can be, or each value of a list; a list without them takes any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Whether a run without it is refused, where it has no default.
    #[serde(default)]
    pub required: bool,
}

/// A pipeline that is there on a platform.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = RemotePipeline)]
pub struct RemotePipelineView {
    /// The platform's: what `import` takes.
    pub external_ref: String,
    /// What the platform shows.
    pub name: String,
    /// Where its source is.
    pub repository: Option<String>,
    /// Branch or tag that it runs by default.
    pub reference: Option<String>,
    /// Where to look at it.
    pub url: Option<String>,
    /// Whether it takes new runs.
    pub enabled: bool,
}

/// A pipeline to be created, or adopted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineCreate {
    /// Unique; may be left out where `import` is true: then it is the platform's, made to fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "backend-build")]
    pub name: Option<String>,
    /// The name of the connection that runs it.
    #[schema(example = "ci-prod", required = true)]
    pub provider: String,
    /// What the platform calls it, where it is there already and no counterpart is to be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// Reads the definition at `external_ref` from the platform and adopts it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub import: bool,
    /// Where the source is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Branch, tag or commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What a run can be given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ParameterBody>,
    /// Variables that the build finds in its environment.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Where to tell of its runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// In the platform's own language, verbatim; left out: the plugin writes it from the fields that every platform has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Where it lives on the platform: a path in the repository, a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// When the platform runs it by itself: cron expressions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedules: Option<Vec<String>>,
}

/// What is to be changed; what is left out stays, null empties.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineUpdate {
    /// A new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the source is.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub repository: Option<Option<String>>,
    /// Branch, tag or commit.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub reference: Option<Option<String>>,
    /// Replaces all declarations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<ParameterBody>>,
    /// Replaces all variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<BTreeMap<String, String>>,
    /// Where to tell of its runs.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub webhook_url: Option<Option<String>>,
    /// In the platform's own language, verbatim; left out: the plugin writes it from the fields that every platform has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Where it lives on the platform: a path in the repository, a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// When the platform runs it by itself: cron expressions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedules: Option<Vec<String>>,
}

/// A pipeline, and the operation that carries the change to the platform.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PipelineChanged {
    /// As it is with us now.
    pub pipeline: PipelineView,
    /// null: the platform has no part in this change.
    pub operation: Option<OperationView>,
}

impl PipelineView {
    pub(crate) fn of(pipeline: pipeline::Pipeline, names: &Names) -> Self {
        Self {
            id: pipeline.id,
            name: pipeline.name.to_string(),
            provider: names.get(pipeline.provider),
            provider_id: pipeline.provider,
            external_ref: pipeline.external_ref,
            repository: pipeline.repository,
            reference: pipeline.reference,
            parameters: pipeline.parameters.into_iter().map(Into::into).collect(),
            environment: pipeline.environment,
            webhook_url: pipeline.webhook_url,
            version: pipeline.version,
            created: Time(pipeline.created),
            updated: Time(pipeline.updated),
        }
    }
}

impl From<Parameter> for ParameterBody {
    fn from(parameter: Parameter) -> Self {
        let Parameter { name, kind, description, default, choices, required } = parameter;
        Self { name, kind, description, default, choices, required }
    }
}

impl From<ParameterBody> for Parameter {
    fn from(body: ParameterBody) -> Self {
        let ParameterBody { name, kind, description, default, choices, required } = body;
        Self { name, kind, description, default, choices, required }
    }
}

impl From<platform::RemotePipeline> for RemotePipelineView {
    fn from(found: platform::RemotePipeline) -> Self {
        Self {
            external_ref: found.id,
            name: found.name,
            repository: found.repository,
            reference: found.reference,
            url: found.url,
            enabled: found.enabled,
        }
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, update, delete))
}

/// Which pipelines.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PipelineQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Of this provider only: its name or id.
    provider: Option<String>,
}

/// List pipelines, newest first.
#[utoipa::path(get, path = "/v1/pipelines", tag = "pipelines", operation_id = "pipeline_list", params(PipelineQuery),
    responses((status = 200, body = List<PipelineView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<PipelineQuery>,
) -> Result<Response, ApiError> {
    let wanted = page::wanted(query.limit, query.cursor)?;
    let listing = state.services().pipelines.list(query.provider.as_deref(), wanted).await?;
    let names = Names::of(&state, listing.items.iter().map(|pipeline| pipeline.provider).collect()).await;
    Ok(page::answer(&uri, listing, |pipeline| PipelineView::of(pipeline, &names)))
}

/// Create a pipeline, or adopt one that is there.
///
/// Where the plugin keeps definitions, its counterpart is made on the platform: then the answer is 202 and names the
/// operation. `import` reads what is at `external_ref`. Operator.
#[utoipa::path(post, path = "/v1/pipelines", tag = "pipelines", operation_id = "pipeline_create",
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key with the same request is done once")),
    request_body = PipelineCreate,
    responses((status = 201, body = PipelineChanged, headers(("Location" = String), ("ETag" = String))),
        (status = 202, body = PipelineChanged, headers(("Location" = String), ("ETag" = String)))))]
async fn create(
    State(state): State<ApiState>,
    Who(actor): Who,
    key: Key,
    Json(body): Json<PipelineCreate>,
) -> Result<Response, ApiError> {
    let work = async move |state: ApiState, actor, body: PipelineCreate| {
        let pipelines = &state.services().pipelines;
        if body.import {
            let import = ImportPipeline {
                name: body.name,
                provider: body.provider,
                external_ref: body.external_ref.unwrap_or_default(),
            };
            Ok(pipelines.import(&actor, import).await?)
        } else {
            let new = NewPipeline {
                name: body.name.unwrap_or_default(),
                provider: body.provider,
                external_ref: body.external_ref,
                repository: body.repository,
                reference: body.reference,
                parameters: body.parameters.into_iter().map(Into::into).collect(),
                environment: body.environment,
                webhook_url: body.webhook_url,
                platform: PlatformPart { source: body.source, location: body.location, schedules: body.schedules },
            };
            Ok(pipelines.create(&actor, new).await?)
        }
    };
    key.once(state, actor, body, work, created).await
}

async fn created(state: ApiState, made: service::PipelineChanged) -> Response {
    let location = format!("/v1/pipelines/{}", made.pipeline.name);
    located(changed(&state, StatusCode::CREATED, made).await, &location)
}

/// `status`, or 202 where the platform is still to hear of it.
async fn changed(state: &ApiState, status: StatusCode, changed: service::PipelineChanged) -> Response {
    let service::PipelineChanged { pipeline, operation } = changed;
    let status = if operation.is_some() { StatusCode::ACCEPTED } else { status };
    let names = Names::one(state, pipeline.provider).await;
    let version = pipeline.version;
    let body = PipelineChanged {
        pipeline: PipelineView::of(pipeline, &names),
        operation: operation.map(|operation| OperationView::of(operation, &names)),
    };
    let mut response = (status, Json(body)).into_response();
    etag::with_tag(&mut response, version);
    response
}

/// Show a pipeline.
#[utoipa::path(get, path = "/v1/pipelines/{name}", tag = "pipelines", operation_id = "pipeline_show",
    params(("name" = String, Path, description = "its name or id")),
    responses((status = 200, body = PipelineView, headers(("ETag" = String))), (status = 304, description = "not changed")))]
async fn show(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let pipeline = state.services().pipelines.show(&name).await?;
    let names = Names::one(&state, pipeline.provider).await;
    Ok(etag::tagged(pipeline.version, &headers, PipelineView::of(pipeline, &names)))
}

/// Change a pipeline.
///
/// What is left out stays, null empties. Operator.
#[utoipa::path(patch, path = "/v1/pipelines/{name}", tag = "pipelines", operation_id = "pipeline_update",
    params(("name" = String, Path, description = "its name or id"),
        ("If-Match" = Option<String>, Header, description = "the entity tag that was read")),
    request_body = PipelineUpdate,
    responses((status = 200, body = PipelineChanged, headers(("ETag" = String))),
        (status = 202, body = PipelineChanged, headers(("ETag" = String)))))]
async fn update(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(name): Path<String>,
    IfMatch(version): IfMatch,
    Json(body): Json<PipelineUpdate>,
) -> Result<Response, ApiError> {
    let change = PipelineChange {
        name: body.name,
        repository: body.repository,
        reference: body.reference,
        parameters: body.parameters.map(|parameters| parameters.into_iter().map(Into::into).collect()),
        environment: body.environment,
        webhook_url: body.webhook_url,
        platform: PlatformPart { source: body.source, location: body.location, schedules: body.schedules },
    };
    let done = state.services().pipelines.update(&actor, &name, change, version).await?;
    Ok(changed(&state, StatusCode::OK, done).await)
}

/// Whether the platform's counterpart goes too.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeleteQuery {
    /// Delete it on the platform too.
    #[serde(default)]
    remote: bool,
}

/// Delete a pipeline and keep its runs.
///
/// With `remote` the platform's counterpart is deleted too: then the answer is 202 and names the operation. Operator.
#[utoipa::path(delete, path = "/v1/pipelines/{name}", tag = "pipelines", operation_id = "pipeline_delete",
    params(("name" = String, Path, description = "its name or id"), DeleteQuery,
        ("If-Match" = Option<String>, Header, description = "the entity tag that was read")),
    responses((status = 204, description = "deleted"),
        (status = 202, body = OperationView, headers(("Location" = String)))))]
async fn delete(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(name): Path<String>,
    Query(query): Query<DeleteQuery>,
    IfMatch(version): IfMatch,
) -> Result<Response, ApiError> {
    let operation = state.services().pipelines.delete(&actor, &name, query.remote, version).await?;
    let Some(operation) = operation else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let names = Names::one(&state, operation.provider).await;
    let location = format!("/v1/operations/{}", operation.id);
    let response = (StatusCode::ACCEPTED, Json(OperationView::of(operation, &names))).into_response();
    Ok(located(response, &location))
}
