//! `/v1/runs/{id}/...` and `/v1/artifacts/{id}/...`: what a platform can do with a run beyond starting and canceling it.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use novacron_cicd_domain::{
    id::{ArtifactId, RunId},
    platform::{self, Change, GateDecision},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{given, listed};
use crate::{
    api::{
        ApiError, ApiState, List,
        asked::{Accepted, Asked, Once},
        extract::{Json, Path, Query},
        pipelines::ParameterBody,
        view::view,
    },
    service::{Remote, ServiceError},
};

view! {
    /// What a run waits for a person to decide.
    GateView as Gate from platform::Gate {
        /// The platform's.
        id: String,
        /// `manual`, `input`, `review`, `timer`; an open set.
        kind: String,
        /// The platform's id of the job that waits.
        job: Option<String>,
        /// What is asked.
        message: Option<String>,
        /// Whether our account may decide; null where the platform does not say it.
        can_resolve: Option<bool>,
        /// The plugin's own.
        more: BTreeMap<String, String>,
    } lists {
        /// What has to be given along.
        inputs: ParameterBody,
    }
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GateResolution {
    /// false: the run does not go on.
    pub approve: bool,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What was asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// The same by the names of secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_inputs: BTreeMap<String, String>,
}

/// What a manual job is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JobPlay {
    /// Variables of this job alone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// The same by the names of secrets.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_variables: BTreeMap<String, String>,
}

/// Where something is deleted.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhereQuery {
    /// On the platform; what is known of it here is kept.
    #[serde(default)]
    #[param(required = true)]
    remote: bool,
}

impl WhereQuery {
    fn check(self) -> Result<(), ServiceError> {
        if self.remote {
            return Ok(());
        }
        Err(ServiceError::Invalid {
            at: "/remote".into(),
            code: "delete.remote-only",
            message: "what is known of it here is kept: only the platform's can be deleted".into(),
            hint: Some("say so: `?remote=true`, or `--remote`".into()),
        })
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(gates))
        .routes(routes!(resolve))
        .routes(routes!(play))
        .routes(routes!(force_cancel))
        .routes(routes!(delete))
        .routes(routes!(keep_artifact))
        .routes(routes!(delete_artifact))
}

/// List what a run waits for a person to decide.
#[utoipa::path(get, path = "/v1/runs/{id}/gates", tag = "runs", operation_id = "run_gates",
    params(("id" = String, Path, format = "uuid")),
    responses((status = 200, body = List<GateView>)))]
async fn gates(State(state): State<ApiState>, Path(id): Path<RunId>) -> Result<Json<List<GateView>>, ApiError> {
    Ok(Json(listed(state.services().remote.gates(id).await?)))
}

/// Decide what a run waits for.
///
/// Operator.
#[utoipa::path(post, path = "/v1/runs/{id}/gates/{gate}/resolve", tag = "runs", operation_id = "gate_resolve",
    params(("id" = String, Path, format = "uuid"), ("gate" = String, Path, description = "the platform's id of it"), Once),
    request_body = GateResolution, responses(Accepted))]
async fn resolve(
    asked: Asked,
    Path((id, gate)): Path<(RunId, String)>,
    Json(body): Json<GateResolution>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: GateResolution| {
        let inputs = given(body.inputs, body.secret_inputs);
        let decision = GateDecision { approve: body.approve, comment: body.comment, inputs };
        remote.change_run(&actor, id, |run| Change::GateResolve { run, gate, decision }).await
    };
    asked.change(body, work).await
}

/// Start a manual or delayed job of a run.
///
/// Operator.
#[utoipa::path(post, path = "/v1/runs/{id}/jobs/{job}/play", tag = "runs", operation_id = "run_play",
    params(("id" = String, Path, format = "uuid"), ("job" = String, Path, description = "the platform's id of it"), Once),
    request_body = JobPlay, responses(Accepted))]
async fn play(
    asked: Asked,
    Path((id, job)): Path<(RunId, String)>,
    Json(body): Json<JobPlay>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: JobPlay| {
        let variables = given(body.variables, body.secret_variables);
        remote.change_run(&actor, id, |run| Change::RunPlay { run, job, variables }).await
    };
    asked.change(body, work).await
}

/// End a run the harder way.
///
/// Where asking for its end (`cancel`) does not help. Operator.
#[utoipa::path(post, path = "/v1/runs/{id}/force-cancel", tag = "runs", operation_id = "run_force_cancel",
    params(("id" = String, Path, format = "uuid"), Once), responses(Accepted))]
async fn force_cancel(asked: Asked, Path(id): Path<RunId>) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change_run(&actor, id, |run| Change::RunForceCancel { run }).await
    };
    asked.change((), work).await
}

/// Delete a run on its platform; what is known of it here is kept.
///
/// Operator.
#[utoipa::path(delete, path = "/v1/runs/{id}", tag = "runs", operation_id = "run_delete",
    params(("id" = String, Path, format = "uuid"), WhereQuery, Once), responses(Accepted))]
async fn delete(asked: Asked, Path(id): Path<RunId>, Query(query): Query<WhereQuery>) -> Result<Response, ApiError> {
    query.check()?;
    let work =
        async move |remote: Remote, actor, ()| remote.change_run(&actor, id, |run| Change::RunDelete { run }).await;
    asked.change((), work).await
}

/// Have the platform keep an artifact until somebody deletes it.
///
/// Operator.
#[utoipa::path(post, path = "/v1/artifacts/{id}/keep", tag = "artifacts", operation_id = "artifact_keep",
    params(("id" = String, Path, format = "uuid"), Once), responses(Accepted))]
async fn keep_artifact(asked: Asked, Path(id): Path<ArtifactId>) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, ()| {
        remote.change_artifact(&actor, id, |run, artifact| Change::ArtifactKeep { run, artifact }).await
    };
    asked.change((), work).await
}

/// Delete an artifact on its platform; what is known of it here is kept.
///
/// Operator.
#[utoipa::path(delete, path = "/v1/artifacts/{id}", tag = "artifacts", operation_id = "artifact_delete",
    params(("id" = String, Path, format = "uuid"), WhereQuery, Once), responses(Accepted))]
async fn delete_artifact(
    asked: Asked,
    Path(id): Path<ArtifactId>,
    Query(query): Query<WhereQuery>,
) -> Result<Response, ApiError> {
    query.check()?;
    let work = async move |remote: Remote, actor, ()| {
        remote.change_artifact(&actor, id, |run, artifact| Change::ArtifactDelete { run, artifact }).await
    };
    asked.change((), work).await
}
