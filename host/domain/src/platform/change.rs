//! Changes on a platform that are made by one call and need nothing of ours but their arguments: every one of them is an
//! operation of the same kind of life, so a further one is a row here.
//!
//! Must be absent: changes that runs or records of ours hang on (start, cancel, retry; definitions), which have a life of
//! their own in the engine; and values of secrets: a change names them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    DeployRequest, EnvironmentChange, GateDecision, Given, RunRef, RunnerRequest, ScheduleChange, UploadRequest, Value,
};
use crate::status::State;

macro_rules! changes {
    ($($(#[$doc:meta])* $name:ident = $word:literal calls $function:literal {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    })+) => {
        /// What is changed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ChangeKind {
            $($(#[$doc])* $name,)+
        }

        impl ChangeKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word that is stored and shown: `runner.drain`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// The function of the contract that it calls: `runner-drain.set-draining`.
            #[must_use]
            pub const fn function(self) -> &'static str {
                match self {
                    $(Self::$name => $function,)+
                }
            }
        }

        /// A change with its arguments.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Change {
            $(
                $(#[$doc])*
                #[serde(rename = $word)]
                $name {
                    $($(#[$field_doc])* $field: $type,)*
                },
            )+
        }

        impl Change {
            /// Of what kind it is.
            #[must_use]
            pub const fn kind(&self) -> ChangeKind {
                match self {
                    $(Self::$name { .. } => ChangeKind::$name,)+
                }
            }
        }
    };
}

changes! {
    /// Ends a run the harder way.
    RunForceCancel = "run.force-cancel" calls "run-force-cancel.force-cancel" {
        /// Which.
        run: RunRef,
    }
    /// Starts a manual or delayed job.
    RunPlay = "run.play" calls "run-play.play" {
        /// Of this run.
        run: RunRef,
        /// The platform's id of the job.
        job: String,
        /// What the job is given.
        variables: BTreeMap<String, Given>,
    }
    /// Decides what a run waits for.
    GateResolve = "gate.resolve" calls "run-gates.resolve-gate" {
        /// Of this run.
        run: RunRef,
        /// The platform's id of the gate.
        gate: String,
        /// Go on or not, and with what.
        decision: GateDecision,
    }
    /// Removes a run from the platform.
    RunDelete = "run.delete" calls "run-deletion.delete-run" {
        /// Which.
        run: RunRef,
    }
    /// Lets a pipeline take new runs, or no new ones.
    PipelineSwitch = "pipeline.switch" calls "pipeline-state.set-enabled" {
        /// The platform's id of it.
        pipeline: String,
        /// Whether it takes new runs.
        enabled: bool,
    }
    /// Makes another pipeline like one that is there.
    PipelineCopy = "pipeline.copy" calls "pipeline-copies.copy" {
        /// The platform's id of the one that is there.
        pipeline: String,
        /// The name of the new one.
        name: String,
        /// Where the new one lives; none: beside the other.
        location: Option<String>,
    }
    /// Renames a pipeline on its platform, moves it, or both.
    PipelineMove = "pipeline.move" calls "pipeline-copies.relocate" {
        /// The platform's id of it.
        pipeline: String,
        /// none: as it is.
        name: Option<String>,
        /// none: where it is.
        location: Option<String>,
    }
    /// Makes a schedule, or changes it to be so.
    SchedulePut = "schedule.put" calls "pipeline-schedules.put-schedule" {
        /// The platform's id of the pipeline.
        pipeline: String,
        /// The platform's id of the schedule; none: a new one.
        schedule: Option<String>,
        /// What it is to be.
        change: ScheduleChange,
    }
    /// Deletes a schedule.
    ScheduleDelete = "schedule.delete" calls "pipeline-schedules.delete-schedule" {
        /// The platform's id of the pipeline.
        pipeline: String,
        /// The platform's id of the schedule.
        schedule: String,
    }
    /// Runs a schedule now.
    SchedulePlay = "schedule.play" calls "pipeline-schedules.play-schedule" {
        /// The platform's id of the pipeline.
        pipeline: String,
        /// The platform's id of the schedule.
        schedule: String,
    }
    /// Makes a token that starts a pipeline and nothing else.
    TriggerTokenCreate = "trigger-token.create" calls "pipeline-triggers.create-token" {
        /// The platform's id of the pipeline.
        pipeline: String,
        /// For people.
        description: String,
        /// The secret of the vault that it becomes.
        keep_as: String,
    }
    /// Ends such a token.
    TriggerTokenDelete = "trigger-token.delete" calls "pipeline-triggers.delete-token" {
        /// The platform's id of the pipeline.
        pipeline: String,
        /// The platform's id of the token.
        token: String,
    }
    /// Puts an artifact of ours on a platform: the plan, the bytes and the end of it are one change, of the plan's class.
    ArtifactUpload = "remote-artifact.upload" calls "artifact-uploads.plan-upload" {
        /// What goes there.
        request: UploadRequest,
    }
    /// Deletes an artifact on its platform.
    ArtifactDelete = "remote-artifact.delete" calls "artifact-retention.delete-artifact" {
        /// none: it belongs to no run.
        run: Option<RunRef>,
        /// The platform's id of it.
        artifact: String,
    }
    /// Has the platform keep an artifact until somebody deletes it.
    ArtifactKeep = "remote-artifact.keep" calls "artifact-retention.keep-artifact" {
        /// none: it belongs to no run.
        run: Option<RunRef>,
        /// The platform's id of it.
        artifact: String,
    }
    /// Puts a secret into the platform's own store.
    SecretPut = "remote-secret.put" calls "secrets.put-secret" {
        /// What the platform calls it.
        name: String,
        /// The platform's own way to say where it holds.
        scope: Option<String>,
        /// `text`, `file`, `username-password`, `ssh-key`; an open set.
        kind: String,
        /// Part (`value`, `username`, `password`) to the name of the secret of the vault.
        parts: BTreeMap<String, String>,
        /// As the plugin documents them.
        options: BTreeMap<String, String>,
    }
    /// Deletes a secret of the platform's own store.
    SecretDelete = "remote-secret.delete" calls "secrets.delete-secret" {
        /// What the platform calls it.
        name: String,
        /// The platform's own way to say where it holds.
        scope: Option<String>,
    }
    /// Sets a plain variable of the platform.
    VariablePut = "remote-variable.put" calls "variables.put-variable" {
        /// What the platform calls it.
        name: String,
        /// The platform's own way to say where it holds.
        scope: Option<String>,
        /// Readable by whoever may look.
        value: String,
        /// As the plugin documents them.
        options: BTreeMap<String, String>,
    }
    /// Deletes a plain variable of the platform.
    VariableDelete = "remote-variable.delete" calls "variables.delete-variable" {
        /// What the platform calls it.
        name: String,
        /// The platform's own way to say where it holds.
        scope: Option<String>,
    }
    /// Lets a runner finish and gives it no new work, or gives it work again.
    RunnerDrain = "runner.drain" calls "runner-drain.set-draining" {
        /// The platform's id of it.
        runner: String,
        /// It gets none.
        draining: bool,
        /// Why, for those who look at it on the platform.
        message: Option<String>,
    }
    /// Removes a runner from the platform.
    RunnerDelete = "runner.delete" calls "runner-deletion.delete-runner" {
        /// The platform's id of it.
        runner: String,
    }
    /// Sets the labels of a runner.
    RunnerLabel = "runner.label" calls "runner-labels.set-labels" {
        /// The platform's id of it.
        runner: String,
        /// All of them, from then on.
        labels: Vec<String>,
    }
    /// Makes a runner, or what one registers with.
    RunnerCreate = "runner.create" calls "runner-creation.create-runner" {
        /// What it is to be.
        request: RunnerRequest,
        /// The secret of the vault that what it authenticates with becomes.
        keep_as: String,
    }
    /// Gives a runner to a project.
    RunnerAssign = "runner.assign" calls "runner-assignment.assign" {
        /// The platform's id of it.
        runner: String,
        /// The platform's id of the project.
        project: String,
    }
    /// Takes a runner from a project.
    RunnerUnassign = "runner.unassign" calls "runner-assignment.unassign" {
        /// The platform's id of it.
        runner: String,
        /// The platform's id of the project.
        project: String,
    }
    /// Registers a webhook on the platform.
    HookRegister = "remote-hook.register" calls "webhook-registration.register" {
        /// Where deliveries go.
        url: String,
        /// In the platform's words; empty: what the plugin can read.
        events: Vec<String>,
        /// The secret of the vault that deliveries are signed with.
        secret: Option<String>,
        /// As the plugin documents them.
        options: BTreeMap<String, String>,
    }
    /// Takes a webhook off the platform.
    HookUnregister = "remote-hook.unregister" calls "webhook-registration.unregister" {
        /// The platform's id of it.
        hook: String,
    }
    /// Has the platform make a delivery again.
    HookRedeliver = "remote-hook.redeliver" calls "webhook-recovery.redeliver" {
        /// The platform's id of the webhook.
        hook: String,
        /// The platform's id of the delivery.
        delivery: String,
    }
    /// Makes an environment of the platform, or changes it to be so.
    EnvironmentPut = "remote-environment.put" calls "environments.put-environment" {
        /// What it is to be.
        change: EnvironmentChange,
    }
    /// Stops an environment of the platform.
    EnvironmentStop = "remote-environment.stop" calls "environments.stop-environment" {
        /// The platform's id of it.
        environment: String,
    }
    /// Deletes an environment of the platform.
    EnvironmentDelete = "remote-environment.delete" calls "environments.delete-environment" {
        /// The platform's id of it.
        environment: String,
    }
    /// Starts a deployment of the platform.
    DeploymentStart = "remote-deployment.start" calls "deployments.start" {
        /// What goes where.
        request: DeployRequest,
    }
    /// Asks for the end of a deployment of the platform.
    DeploymentCancel = "remote-deployment.cancel" calls "deployment-cancel.cancel" {
        /// The platform's id of it.
        deployment: String,
    }
    /// Approves or rejects a deployment of the platform.
    DeploymentApprove = "remote-deployment.approve" calls "deployment-approval.approve" {
        /// The platform's id of it.
        deployment: String,
        /// false: it is rejected.
        approve: bool,
        /// For people.
        comment: Option<String>,
    }
    /// Goes back to a deployment in the platform's own way.
    DeploymentRollback = "remote-deployment.rollback" calls "deployment-rollback.rollback" {
        /// The platform's id of the one to go back to.
        to: String,
    }
    /// Tells the platform what became of a deployment that it only keeps the record of.
    DeploymentStatus = "remote-deployment.set-status" calls "deployment-status.set-status" {
        /// The platform's id of it.
        deployment: String,
        /// Where it stands.
        state: State,
        /// Why, in a word.
        reason: Option<String>,
        /// Where to look at it.
        url: Option<String>,
    }
}

impl ChangeKind {
    /// The interface of the contract that its function belongs to.
    #[must_use]
    pub fn interface(self) -> &'static str {
        self.function().split('.').next().unwrap_or_default()
    }

    /// Whether it starts something that our token lets be found again: that token is made of the operation's id.
    #[must_use]
    pub const fn starts(self) -> bool {
        matches!(self, Self::SchedulePlay | Self::DeploymentStart | Self::DeploymentRollback)
    }
}

impl Change {
    /// The secrets of the vault that it hands over: where in the change, and their names.
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, &str)> {
        match self {
            Self::SecretPut { parts, .. } => {
                parts.iter().map(|(part, secret)| (format!("/parts/{part}"), secret.as_str())).collect()
            }
            Self::HookRegister { secret, .. } => {
                secret.iter().map(|secret| ("/secret".to_owned(), secret.as_str())).collect()
            }
            Self::RunPlay { variables, .. } => named("variables", variables),
            Self::GateResolve { decision, .. } => named("inputs", &decision.inputs),
            Self::SchedulePut { change, .. } => named("variables", &change.variables),
            Self::DeploymentStart { request } => {
                [named("credentials", &request.credentials), named("parameters", &request.parameters)].concat()
            }
            _ => Vec::new(),
        }
    }

    /// The secret of the vault that what the platform hands out becomes.
    #[must_use]
    pub fn keeps_as(&self) -> Option<&str> {
        match self {
            Self::TriggerTokenCreate { keep_as, .. } | Self::RunnerCreate { keep_as, .. } => Some(keep_as),
            _ => None,
        }
    }
}

fn named<'a>(at: &str, values: &'a BTreeMap<String, Given>) -> Vec<(String, &'a str)> {
    let secret = |(name, given): (&String, &'a Given)| match &given.value {
        Value::Secret(secret) => Some((format!("/{at}/{name}"), secret.as_str())),
        Value::Text(_) => None,
    };
    values.iter().filter_map(secret).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn play() -> Change {
        let run = RunRef { pipeline: "app".into(), run: "17".into(), attempt: None };
        let variables = BTreeMap::from([("A".into(), Given::text("1")), ("KEY".into(), Given::secret("deploy-key"))]);
        Change::RunPlay { run, job: "release".into(), variables }
    }

    #[test]
    fn a_change_is_read_as_it_was_stored_under_its_word() {
        let stored = serde_json::to_value(play()).unwrap();
        assert_eq!(stored["run.play"]["variables"]["KEY"]["value"]["secret"], "deploy-key");
        assert_eq!(serde_json::from_value::<Change>(stored).unwrap(), play());
    }

    #[test]
    fn every_secret_that_a_change_hands_over_is_named_with_its_place() {
        let put = Change::SecretPut {
            name: "DEPLOY_KEY".into(),
            scope: None,
            kind: "text".into(),
            parts: BTreeMap::from([("value".into(), "deploy-key".into())]),
            options: BTreeMap::new(),
        };
        let (events, options) = (Vec::new(), BTreeMap::new());
        let hook = Change::HookRegister { url: String::new(), events, secret: Some("hook".into()), options };
        let rows = [
            (play(), vec![("/variables/KEY", "deploy-key")]),
            (put, vec![("/parts/value", "deploy-key")]),
            (hook, vec![("/secret", "hook")]),
            (Change::HookUnregister { hook: "1".into() }, vec![]),
        ];
        for (change, expected) in rows {
            let named = change.secrets();
            let named: Vec<_> = named.iter().map(|(at, name)| (at.as_str(), *name)).collect();
            assert_eq!(named, expected, "{}", change.kind().as_str());
        }
    }

    #[test]
    fn words_and_functions_are_each_of_one_change() {
        for (at, kind) in ChangeKind::ALL.iter().enumerate() {
            let others = || ChangeKind::ALL[..at].iter();
            assert!(others().all(|other| other.as_str() != kind.as_str()), "{}", kind.as_str());
            assert!(others().all(|other| other.function() != kind.function()), "{}", kind.function());
        }
    }
}
