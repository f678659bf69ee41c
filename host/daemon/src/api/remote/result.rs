//! What a change on a platform led to, as an operation shows it.

use std::collections::BTreeMap;

use novacron_cicd_domain::platform::Outcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    artifacts::ArtifactUploaded, deployments::DeploymentStarted, environments::RemoteEnvironmentView, hooks::HookView,
    schedules::ScheduleView, schedules::TriggerTokenView,
};
use crate::api::{Time, pipelines::RemotePipelineView};

/// What a change on a platform led to, in the platform's words.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeResult {
    /// The pipeline as it is now.
    Pipeline(RemotePipelineView),
    /// The schedule as it is now.
    Schedule(ScheduleView),
    /// The token, without its value.
    TriggerToken(TriggerTokenView),
    /// The run that was started, or its place in the platform's queue.
    Run(RunStarted),
    /// The artifact as it is there.
    Artifact(ArtifactUploaded),
    /// The new runner, without what it authenticates with.
    Runner(RunnerMade),
    /// The webhook as it is now.
    Hook(HookView),
    /// The environment as it is now.
    Environment(RemoteEnvironmentView),
    /// The deployment that was started, or its place in the platform's queue.
    Deployment(DeploymentStarted),
}

/// What was started: a run, or a place in the platform's queue; neither where the platform does not say.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RunStarted {
    /// What the platform calls the run.
    pub external_id: Option<String>,
    /// A place in the queue.
    pub ticket: Option<String>,
}

/// A new runner, without what it authenticates with.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RunnerMade {
    /// The platform's id, where there is one already.
    pub id: Option<String>,
    /// When what it authenticates with ends.
    pub expires: Option<Time>,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}

impl ChangeResult {
    /// none where there is nothing to say.
    pub(crate) fn of(outcome: Outcome) -> Option<Self> {
        Some(match outcome {
            Outcome::Nothing => return None,
            Outcome::Pipeline(pipeline) => Self::Pipeline(pipeline.into()),
            Outcome::Schedule(schedule) => Self::Schedule(schedule.into()),
            Outcome::TriggerToken(token) => Self::TriggerToken(token.into()),
            Outcome::Run { run, ticket } => Self::Run(RunStarted { external_id: run, ticket }),
            Outcome::Artifact { id, url, digests, more } => {
                Self::Artifact(ArtifactUploaded { external_id: id, url, digests, more })
            }
            Outcome::Runner { id, expires, more } => Self::Runner(RunnerMade { id, expires: expires.map(Time), more }),
            Outcome::Hook(hook) => Self::Hook(hook.into()),
            Outcome::Environment(environment) => Self::Environment(environment.into()),
            Outcome::Deployment { deployment, ticket } => {
                Self::Deployment(DeploymentStarted { deployment: deployment.map(Into::into), ticket })
            }
        })
    }
}
