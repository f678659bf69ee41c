//! `/v1/callbacks/runs/{id}`: what runs say of themselves, with a token that is good for that run alone.
//!
//! Every route is idempotent: a runner may send again whatever was not answered. Also served by the public listener.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use axum::{
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, FromRequest as _, Request, State},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt as _;
use http::{HeaderMap, StatusCode, header};
use novacron_cicd_domain::{
    artifact::ArtifactKind,
    id::RunId,
    run::{Run, Step},
    status::{State as RunState, Status, Times},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, Time,
    artifacts::ArtifactView,
    auth::RunToken,
    digest::digest,
    extract::{self, Json, Path, Query},
    words,
};
use crate::service::{ArtifactUpload, JobReport, StatusReport};

/// The largest piece of a log.
const LARGEST_LOG_PIECE: usize = 8 << 20;

/// What a run may say of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReportedState {
    /// In a queue.
    Pending,
    /// At work.
    Running,
    /// For a person or a timer.
    Waiting,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Ended because somebody asked for it.
    Canceled,
    /// Never begun, on purpose.
    Skipped,
}

/// The state of the run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusBody {
    /// Where it stands.
    pub state: ReportedState,
    /// Open set: `timeout`, `unstable`, `startup`, ...
    #[serde(default)]
    pub reason: Option<String>,
    /// The platform's own word.
    #[serde(default)]
    pub platform: Option<String>,
    /// The platform's id.
    #[serde(default)]
    pub id: Option<String>,
    /// The platform's number.
    #[serde(default)]
    pub number: Option<String>,
    /// Where to look at it.
    #[serde(default)]
    pub url: Option<String>,
    /// The commit that is really built.
    #[serde(default)]
    pub commit: Option<String>,
    /// When it began: RFC 3339, or milliseconds since 1970.
    #[serde(default)]
    pub started: Option<Time>,
    /// When it ended: RFC 3339, or milliseconds since 1970.
    #[serde(default)]
    pub finished: Option<Time>,
}

/// One job of the run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobBody {
    /// What is shown; left out: its id.
    #[serde(default)]
    pub name: Option<String>,
    /// The label of its stage.
    #[serde(default)]
    pub stage: Option<String>,
    /// Where it stands.
    pub state: ReportedState,
    /// Open set.
    #[serde(default)]
    pub reason: Option<String>,
    /// The platform's own word.
    #[serde(default)]
    pub platform: Option<String>,
    /// Ids of jobs that it waits for.
    #[serde(default)]
    pub needs: Vec<String>,
    /// When it was put in the queue.
    #[serde(default)]
    pub created: Option<Time>,
    /// When it began.
    #[serde(default)]
    pub started: Option<Time>,
    /// When it ended.
    #[serde(default)]
    pub finished: Option<Time>,
    /// The machine that does it.
    #[serde(default)]
    pub runner: Option<String>,
    /// Where to look at it.
    #[serde(default)]
    pub url: Option<String>,
    /// In order.
    #[serde(default)]
    pub steps: Vec<StepBody>,
}

/// One step of a job.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepBody {
    /// 1 at first; the order.
    pub number: u32,
    /// What is shown.
    pub name: String,
    /// Where it stands.
    pub state: ReportedState,
    /// Open set.
    #[serde(default)]
    pub reason: Option<String>,
    /// When it began.
    #[serde(default)]
    pub started: Option<Time>,
    /// When it ended.
    #[serde(default)]
    pub finished: Option<Time>,
}

/// The run as we know it: what a runner needs to know.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CallbackRun {
    /// Ours.
    #[schema(value_type = String, format = "uuid")]
    pub id: RunId,
    /// Where it stands with us.
    #[schema(value_type = words::StateWord)]
    pub state: RunState,
    /// Beside the state.
    pub reason: Option<String>,
    /// The current attempt.
    pub attempt: u32,
    /// Whether somebody asked for its end: then end it and say `canceled`.
    pub cancel_requested: bool,
}

/// Where the next piece of a log begins.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct LogOffset {
    /// In bytes.
    pub offset: u64,
}

impl From<ReportedState> for RunState {
    fn from(state: ReportedState) -> Self {
        match state {
            ReportedState::Pending => Self::Pending,
            ReportedState::Running => Self::Running,
            ReportedState::Waiting => Self::Waiting,
            ReportedState::Succeeded => Self::Succeeded,
            ReportedState::Failed => Self::Failed,
            ReportedState::Canceled => Self::Canceled,
            ReportedState::Skipped => Self::Skipped,
        }
    }
}

fn status(state: ReportedState, reason: Option<String>, platform: Option<String>) -> Status {
    Status { state: state.into(), reason, platform: platform.unwrap_or_default(), conditions: Vec::new() }
}

impl From<Run> for CallbackRun {
    fn from(run: Run) -> Self {
        Self {
            id: run.id,
            state: run.status.state,
            reason: run.status.reason,
            attempt: run.attempt,
            cancel_requested: run.cancel_requested,
        }
    }
}

impl From<StepBody> for Step {
    fn from(step: StepBody) -> Self {
        let times = Times {
            started: step.started.map(|time| time.0),
            finished: step.finished.map(|time| time.0),
            ..Times::default()
        };
        Self { number: step.number, name: step.name, status: status(step.state, step.reason, None), times }
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(view))
        .routes(routes!(report_status))
        .routes(routes!(report_job))
        .routes(routes!(heartbeat))
        .merge(OpenApiRouter::new().routes(routes!(append_log)).layer(DefaultBodyLimit::max(LARGEST_LOG_PIECE)))
        .merge(OpenApiRouter::new().routes(routes!(upload)).layer(DefaultBodyLimit::disable()))
}

/// Show the run as the host knows it, so that a runner sees that its end was asked for.
#[utoipa::path(get, path = "/v1/callbacks/runs/{id}", tag = "callbacks", operation_id = "callback_view",
    params(("id" = String, Path, format = "uuid")), responses((status = 200, body = CallbackRun)))]
async fn view(
    State(state): State<ApiState>,
    RunToken(token): RunToken,
    Path(id): Path<RunId>,
) -> Result<Json<CallbackRun>, ApiError> {
    Ok(Json(state.services().callbacks.view(&token, id).await?.into()))
}

/// Report the run's state.
#[utoipa::path(put, path = "/v1/callbacks/runs/{id}/status", tag = "callbacks", operation_id = "callback_status",
    params(("id" = String, Path, format = "uuid")), request_body = StatusBody,
    responses((status = 200, body = CallbackRun)))]
async fn report_status(
    State(state): State<ApiState>,
    RunToken(token): RunToken,
    Path(id): Path<RunId>,
    Json(body): Json<StatusBody>,
) -> Result<Json<CallbackRun>, ApiError> {
    let report = StatusReport {
        status: status(body.state, body.reason, body.platform),
        external_id: body.id,
        number: body.number,
        url: body.url,
        commit: body.commit,
        started: body.started.map(|time| time.0),
        finished: body.finished.map(|time| time.0),
    };
    Ok(Json(state.services().callbacks.status(&token, id, report).await?.into()))
}

/// Report one job's state.
#[utoipa::path(put, path = "/v1/callbacks/runs/{id}/jobs/{job}", tag = "callbacks", operation_id = "callback_job",
    params(("id" = String, Path, format = "uuid"), ("job" = String, Path)), request_body = JobBody,
    responses((status = 200, body = CallbackRun)))]
async fn report_job(
    State(state): State<ApiState>,
    RunToken(token): RunToken,
    Path((id, job)): Path<(RunId, String)>,
    Json(body): Json<JobBody>,
) -> Result<Json<CallbackRun>, ApiError> {
    let report = JobReport {
        name: body.name.unwrap_or_else(|| job.clone()),
        stage: body.stage,
        status: status(body.state, body.reason, body.platform),
        needs: body.needs,
        created: body.created.map(|time| time.0),
        started: body.started.map(|time| time.0),
        finished: body.finished.map(|time| time.0),
        runner: body.runner,
        url: body.url,
        steps: body.steps.into_iter().map(Into::into).collect(),
    };
    Ok(Json(state.services().callbacks.job(&token, id, &job, report).await?.into()))
}

/// Say that the run lives.
#[utoipa::path(post, path = "/v1/callbacks/runs/{id}/heartbeat", tag = "callbacks", operation_id = "callback_heartbeat",
    params(("id" = String, Path, format = "uuid")), responses((status = 200, body = CallbackRun)))]
async fn heartbeat(
    State(state): State<ApiState>,
    RunToken(token): RunToken,
    Path(id): Path<RunId>,
) -> Result<Json<CallbackRun>, ApiError> {
    Ok(Json(state.services().callbacks.heartbeat(&token, id).await?.into()))
}

/// Where a piece of a log belongs.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// The byte at which this piece begins.
    offset: u64,
    /// The job that wrote it; left out: the run itself.
    job: Option<String>,
    /// Whether the log ends with this piece.
    #[serde(default)]
    complete: bool,
}

/// Append a piece of a log.
///
/// A piece that was had already changes nothing. A gap is a 409 whose `expected` says where to go on.
#[utoipa::path(post, path = "/v1/callbacks/runs/{id}/logs", tag = "callbacks", operation_id = "callback_log",
    params(("id" = String, Path, format = "uuid"), LogQuery),
    request_body(content = String, content_type = "text/plain"), responses((status = 200, body = LogOffset)))]
async fn append_log(
    State(state): State<ApiState>,
    RunToken(token): RunToken,
    Path(id): Path<RunId>,
    Query(query): Query<LogQuery>,
    request: Request,
) -> Result<Json<LogOffset>, ApiError> {
    let bytes = Bytes::from_request(request, &state).await;
    let bytes = bytes.map_err(|rejection| extract::refused(&rejection, LARGEST_LOG_PIECE as u64))?;
    let callbacks = &state.services().callbacks;
    let offset = callbacks.log(&token, id, query.job.as_deref(), query.offset, bytes, query.complete).await?;
    Ok(Json(LogOffset { offset }))
}

/// What an upload is.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UploadQuery {
    /// As the producer says it.
    version: Option<String>,
    /// What it is.
    #[serde(default)]
    #[param(value_type = Option<words::ArtifactKindWord>)]
    kind: ArtifactKind,
    /// The job that made it.
    job: Option<String>,
}

/// Upload an artifact.
///
/// The same bytes again are the same artifact; other bytes under the same name are refused. `x-sha256` or
/// `content-digest` is checked where it is sent.
#[utoipa::path(put, path = "/v1/callbacks/runs/{id}/artifacts/{name}", tag = "callbacks",
    operation_id = "callback_artifact",
    params(("id" = String, Path, format = "uuid"), ("name" = String, Path), UploadQuery,
        ("x-sha256" = Option<String>, Header, description = "64 hexadecimal digits"),
        ("content-digest" = Option<String>, Header, description = "RFC 9530: sha-256=:...:")),
    request_body(content = words::Binary, content_type = "application/octet-stream"),
    responses((status = 201, body = ArtifactView), (status = 200, body = ArtifactView)))]
async fn upload(
    State(state): State<ApiState>,
    RunToken(token): RunToken,
    Path((id, name)): Path<(RunId, String)>,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let limit = state.limits().artifact_bytes;
    let size = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if size.is_some_and(|size: u64| size > limit) {
        return Err(ApiError::TooLarge { limit });
    }
    let text = |name: header::HeaderName| Some(headers.get(name)?.to_str().ok()?.trim().to_owned());
    let upload = ArtifactUpload {
        version: query.version,
        kind: query.kind,
        job: query.job,
        media_type: text(header::CONTENT_TYPE),
        sha256: digest(&headers)?,
        size,
        metadata: std::collections::BTreeMap::new(),
    };
    let too_large = Arc::new(AtomicBool::new(false));
    let (seen, flag) = (AtomicU64::new(0), Arc::clone(&too_large));
    let stream = body.into_data_stream().map(move |chunk| {
        let chunk = chunk.map_err(std::io::Error::other)?;
        let length = chunk.len() as u64;
        if seen.fetch_add(length, Ordering::Relaxed).saturating_add(length) > limit {
            flag.store(true, Ordering::Relaxed);
            return Err(std::io::Error::from(std::io::ErrorKind::FileTooLarge));
        }
        Ok(chunk)
    });
    let stored = state.services().callbacks.artifact(&token, id, &name, upload, stream.boxed()).await;
    if too_large.load(Ordering::Relaxed) {
        return Err(ApiError::TooLarge { limit });
    }
    let stored = stored?;
    let status = if stored.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(ArtifactView::from(stored.artifact))).into_response())
}
