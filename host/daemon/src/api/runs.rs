//! `/v1/runs` and `/v1/pipelines/{name}/runs`: executions.

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use novacron_cicd_domain::{
    id::RunId,
    parameter::Input,
    platform,
    run::{Run, graph},
    status::State as RunState,
};
use novacron_cicd_store::RunFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List,
    auth::Who,
    extract::{Json, Path, Query},
    idempotency::Key,
    names::Names,
    operations::{self, OperationView},
    page,
    providers::located,
    run_view::{GraphView, RunDetail, RunView},
    words,
};
use crate::service::{ServiceError, TriggerInput, Triggered};

/// What a run is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunCreate {
    /// Checked against what the pipeline declares; a secret parameter has the secret's name as its value.
    pub parameters: std::collections::BTreeMap<String, ParameterInput>,
    /// Goes over the pipeline's own variables.
    pub environment: std::collections::BTreeMap<String, String>,
    /// Branch, tag or commit; left out: the pipeline's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// What a run is given for a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ParameterInput {
    /// A value; of a list its only one.
    One(String),
    /// The values of a list.
    Many(Vec<String>),
}

impl From<ParameterInput> for Input {
    fn from(input: ParameterInput) -> Self {
        match input {
            ParameterInput::One(text) => Self::One(text),
            ParameterInput::Many(values) => Self::Many(values),
        }
    }
}

/// A run that is asked for durably.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RunCreated {
    /// Pending.
    pub run: RunDetail,
    /// What asks the platform for it.
    pub operation: OperationView,
}

/// How much of a run is done again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunRetry {
    /// All of it where it is left out.
    pub scope: RetryScope,
    /// With the scope `job`: the id of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

/// How much of a run is done again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RetryScope {
    /// All of it.
    #[default]
    All,
    /// Its jobs that failed, and what waits for them.
    Failed,
    /// One job.
    Job,
}

impl RunRetry {
    fn scope(self) -> Result<platform::RetryScope, ApiError> {
        let wrong = |message: &str| Err(ServiceError::invalid("/job", "field.invalid", message).into());
        match (self.scope, self.job) {
            (RetryScope::All, None) => Ok(platform::RetryScope::All),
            (RetryScope::Failed, None) => Ok(platform::RetryScope::Failed),
            (RetryScope::Job, Some(job)) => Ok(platform::RetryScope::Job(job)),
            (RetryScope::Job, None) => wrong("the scope job needs the id of the job"),
            (_, Some(_)) => wrong("a job goes with the scope job alone"),
        }
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(of_pipeline, trigger))
        .routes(routes!(show))
        .routes(routes!(cancel))
        .routes(routes!(retry))
        .routes(routes!(show_graph))
        .routes(routes!(attempts))
}

/// Which runs.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RunQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Of this pipeline only: its name or id.
    pipeline: Option<String>,
    /// Through this provider only: its name or id.
    provider: Option<String>,
    /// In this state only.
    #[param(value_type = Option<words::StateWord>)]
    state: Option<RunState>,
}

/// List runs, newest first.
#[utoipa::path(get, path = "/v1/runs", tag = "runs", operation_id = "run_list", params(RunQuery),
    responses((status = 200, body = List<RunView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<RunQuery>,
) -> Result<Response, ApiError> {
    let services = state.services();
    let pipeline = match &query.pipeline {
        Some(pipeline) => Some(services.pipelines.show(pipeline).await?.id),
        None => None,
    };
    let provider = match &query.provider {
        Some(provider) => Some(services.providers.show(provider).await?.id),
        None => None,
    };
    let filter = RunFilter { pipeline, provider, state: query.state };
    let listing = services.runs.list(filter, page::wanted(query.limit, query.cursor)?).await?;
    Ok(listed(&state, &uri, listing).await)
}

/// Which runs of one pipeline.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PipelineRunQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// In this state only.
    #[param(value_type = Option<words::StateWord>)]
    state: Option<RunState>,
}

/// List the runs of a pipeline, newest first.
#[utoipa::path(get, path = "/v1/pipelines/{name}/runs", tag = "runs", operation_id = "pipeline_runs",
    params(("name" = String, Path, description = "the pipeline's name or id"), PipelineRunQuery),
    responses((status = 200, body = List<RunView>)))]
async fn of_pipeline(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Path(name): Path<String>,
    Query(query): Query<PipelineRunQuery>,
) -> Result<Response, ApiError> {
    let pipeline = Some(state.services().pipelines.show(&name).await?.id);
    let filter = RunFilter { pipeline, provider: None, state: query.state };
    let listing = state.services().runs.list(filter, page::wanted(query.limit, query.cursor)?).await?;
    Ok(listed(&state, &uri, listing).await)
}

async fn listed(state: &ApiState, uri: &http::Uri, listing: novacron_cicd_store::Listing<Run>) -> Response {
    let names = Names::of(state, listing.items.iter().map(|run| run.provider).collect()).await;
    page::answer(uri, listing, |run| RunView::of(&run, &names, state.now()))
}

/// Trigger a run.
///
/// Answered as soon as the wish is durable, before the platform is called. Operator.
#[utoipa::path(post, path = "/v1/pipelines/{name}/runs", tag = "runs", operation_id = "run_trigger",
    params(("name" = String, Path, description = "the pipeline's name or id"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key with the same request is done once")),
    request_body = RunCreate,
    responses((status = 202, body = RunCreated, headers(("Location" = String)))))]
async fn trigger(
    State(state): State<ApiState>,
    Who(actor): Who,
    key: Key,
    Path(name): Path<String>,
    Json(body): Json<RunCreate>,
) -> Result<Response, ApiError> {
    let work = async move |state: ApiState, actor, body: RunCreate| {
        let parameters = body.parameters.into_iter().map(|(name, input)| (name, input.into())).collect();
        let input = TriggerInput { parameters, environment: body.environment, reference: body.reference };
        Ok(state.services().runs.trigger(&actor, &name, input).await?)
    };
    key.once(state, actor, body, work, triggered).await
}

async fn triggered(state: ApiState, Triggered { run, operation }: Triggered) -> Response {
    let names = Names::one(&state, run.provider).await;
    let location = format!("/v1/runs/{}", run.id);
    let body =
        RunCreated { run: RunDetail::of(run, &names, state.now()), operation: OperationView::of(operation, &names) };
    located((StatusCode::ACCEPTED, Json(body)).into_response(), &location)
}

/// Show a run with its jobs and steps.
#[utoipa::path(get, path = "/v1/runs/{id}", tag = "runs", operation_id = "run_show",
    params(("id" = String, Path, format = "uuid")),
    responses((status = 200, body = RunDetail)))]
async fn show(State(state): State<ApiState>, Path(id): Path<RunId>) -> Result<Json<RunDetail>, ApiError> {
    let run = state.services().runs.show(id).await?;
    let names = Names::one(&state, run.provider).await;
    Ok(Json(RunDetail::of(run, &names, state.now())))
}

/// Ask for the end of a run.
///
/// The same operation again while one is open. Operator.
#[utoipa::path(post, path = "/v1/runs/{id}/cancel", tag = "runs", operation_id = "run_cancel",
    params(("id" = String, Path, format = "uuid"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key with the same request is done once")),
    responses((status = 202, body = OperationView, headers(("Location" = String)))))]
async fn cancel(
    State(state): State<ApiState>,
    Who(actor): Who,
    key: Key,
    Path(id): Path<RunId>,
) -> Result<Response, ApiError> {
    let work = async move |state: ApiState, actor, ()| Ok(state.services().runs.cancel(&actor, id).await?);
    key.once(state, actor, (), work, operations::accepted).await
}

/// Ask for a run, or a part of it, again.
///
/// What the platform makes of it, a new attempt of this run or a new run, stands in the operation's `result_run` when it
/// is done. The same operation again while one with the same scope is open. Operator.
#[utoipa::path(post, path = "/v1/runs/{id}/retry", tag = "runs", operation_id = "run_retry",
    params(("id" = String, Path, format = "uuid"),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key with the same request is done once")),
    request_body = RunRetry,
    responses((status = 202, body = OperationView, headers(("Location" = String)))))]
async fn retry(
    State(state): State<ApiState>,
    Who(actor): Who,
    key: Key,
    Path(id): Path<RunId>,
    Json(body): Json<RunRetry>,
) -> Result<Response, ApiError> {
    let work = async move |state: ApiState, actor, body: RunRetry| {
        Ok(state.services().runs.retry(&actor, id, body.scope()?).await?)
    };
    key.once(state, actor, body, work, operations::accepted).await
}

/// In which form a graph is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum GraphFormat {
    /// Jobs and steps.
    #[default]
    Json,
    /// For Markdown.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// For a terminal.
    Tree,
}

/// In which form a graph is wanted.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct GraphQuery {
    /// JSON where it is left out.
    #[serde(default)]
    #[param(inline)]
    format: GraphFormat,
}

/// Show how the jobs of a run wait for each other.
#[utoipa::path(get, path = "/v1/runs/{id}/graph", tag = "runs", operation_id = "run_graph",
    params(("id" = String, Path, format = "uuid"), GraphQuery),
    responses((status = 200, content((GraphView = "application/json"), (String = "text/plain"),
        (String = "text/vnd.mermaid"), (String = "text/vnd.graphviz")))))]
async fn show_graph(
    State(state): State<ApiState>,
    Path(id): Path<RunId>,
    Query(query): Query<GraphQuery>,
) -> Result<Response, ApiError> {
    let run = state.services().runs.show(id).await?;
    let now = state.now();
    let text = |media_type: &'static str, text: String| {
        ([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], text).into_response()
    };
    Ok(match query.format {
        GraphFormat::Json => Json(GraphView::of(run.graph.unwrap_or_default(), now)).into_response(),
        GraphFormat::Mermaid => text("text/vnd.mermaid; charset=utf-8", graph::mermaid(&run, now)),
        GraphFormat::Dot => text("text/vnd.graphviz; charset=utf-8", graph::dot(&run, now)),
        GraphFormat::Tree => text("text/plain; charset=utf-8", graph::tree(&run, now)),
    })
}

/// List the attempts of a run, the current one last.
#[utoipa::path(get, path = "/v1/runs/{id}/attempts", tag = "runs", operation_id = "run_attempts",
    params(("id" = String, Path, format = "uuid")),
    responses((status = 200, body = List<RunDetail>)))]
async fn attempts(State(state): State<ApiState>, Path(id): Path<RunId>) -> Result<Json<List<RunDetail>>, ApiError> {
    let attempts = state.services().runs.attempts(id).await?;
    let names = Names::of(&state, attempts.iter().map(|run| run.provider).collect()).await;
    let items = attempts.into_iter().map(|run| RunDetail::of(run, &names, state.now())).collect();
    Ok(Json(List { items, next: None }))
}
