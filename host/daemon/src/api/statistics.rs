//! `/v1/pipelines/{name}/statistics`: what the runs of a pipeline have in common.

use std::collections::BTreeMap;

use axum::extract::State;
use novacron_cicd_domain::run::statistics::{self, Statistics};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState,
    extract::{Json, Path, Query},
    page,
};

/// How many runs are looked at where nobody says it.
const USUAL: u32 = 100;

/// What the newest runs of a pipeline have in common.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Statistics)]
pub struct StatisticsView {
    /// How many runs were looked at.
    pub runs: u32,
    /// How many of them are in which state.
    pub states: BTreeMap<String, u32>,
    /// Those that succeeded, as a part of those that succeeded or failed: 0 to 1; null where there are none of either.
    pub success_rate: Option<f64>,
    /// How long attempts took that succeeded or failed; null where there are none.
    pub duration: Option<SpreadView>,
    /// How long attempts waited before they began; null where no platform says it.
    pub queued: Option<SpreadView>,
    /// Jobs that failed and succeeded on the same commit, or in attempts of the same run; at most ten, the flakiest first.
    pub flaky_jobs: Vec<FlakyJobView>,
    /// At most ten, the slowest first, by their median.
    pub slowest_steps: Vec<SlowStepView>,
}

/// The middle of what was measured, and its upper end.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Spread)]
pub struct SpreadView {
    /// How many were measured.
    pub count: u32,
    /// Milliseconds that half of them do not exceed.
    pub p50_ms: i64,
    /// Milliseconds that 95 of 100 do not exceed.
    pub p95_ms: i64,
}

/// A job that failed and succeeded with the same source.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = FlakyJob)]
pub struct FlakyJobView {
    /// What the platform shows.
    pub job: String,
    /// How many commits (or runs whose commit is not known) it both failed and succeeded on.
    pub flips: u32,
    /// How many it was done on.
    pub of: u32,
}

/// How long a step takes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = SlowStep)]
pub struct SlowStepView {
    /// Of this job.
    pub job: String,
    /// null: the job as a whole, where the platform shows no steps.
    pub step: Option<String>,
    /// How long.
    pub took: SpreadView,
}

impl From<statistics::Spread> for SpreadView {
    fn from(spread: statistics::Spread) -> Self {
        Self { count: spread.count, p50_ms: spread.p50, p95_ms: spread.p95 }
    }
}

impl From<Statistics> for StatisticsView {
    fn from(found: Statistics) -> Self {
        let flaky = |job: statistics::FlakyJob| FlakyJobView { job: job.job, flips: job.flips, of: job.of };
        let slow = |step: statistics::SlowStep| SlowStepView { job: step.job, step: step.step, took: step.took.into() };
        Self {
            runs: found.runs,
            states: found.states.into_iter().map(|(state, count)| (state.to_owned(), count)).collect(),
            success_rate: found.success_rate,
            duration: found.duration.map(SpreadView::from),
            queued: found.queued.map(SpreadView::from),
            flaky_jobs: found.flaky.into_iter().map(flaky).collect(),
            slowest_steps: found.slowest.into_iter().map(slow).collect(),
        }
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Which runs.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Newest {
    /// How many runs to look at, from the newest on.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
}

/// Show what the newest runs of a pipeline have in common.
#[utoipa::path(get, path = "/v1/pipelines/{name}/statistics", tag = "runs", operation_id = "pipeline_statistics",
    params(("name" = String, Path, description = "the pipeline's name or id"), Newest),
    responses((status = 200, body = StatisticsView)))]
async fn show(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Query(newest): Query<Newest>,
) -> Result<Json<StatisticsView>, ApiError> {
    let limit = page::wanted(Some(newest.limit.unwrap_or(USUAL)), None)?.limit;
    Ok(Json(state.services().runs.statistics(&name, limit).await?.into()))
}
