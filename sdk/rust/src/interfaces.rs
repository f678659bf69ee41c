//! One module for each interface that a guest can export: its trait, and the types that belong to it alone.
//!
//! Each has bindings of its own, so that a component exports what it names in [`export!`](crate::export) and nothing
//! else. Must be absent: types that two interfaces share (they are in [`types`](crate::types)), and anything written
//! by hand about one interface.

macro_rules! interfaces {
    ($($(#[$doc:meta])* $module:ident: $name:ident = $world:literal;)*) => {$(
        $(#[$doc])*
        #[expect(missing_docs, reason = "generated; the documentation is in wit/")]
        pub mod $module {
            wit_bindgen::generate!({
                inline: $world,
                path: "../../wit",
                with: { "novacron:cicd/types@0.1.0": crate::types },
                additional_derives: [PartialEq, Eq],
                pub_export_macro: true,
                export_macro_name: "export",
            });
            pub use exports::novacron::cicd::$module::{*, Guest as $name};
        }
        pub use $module::$name;
    )*

        /// The names that [`export!`](crate::export) takes.
        pub const INTERFACES: &[&str] = &[$(stringify!($module)),*];
    };
}

interfaces! {
    /// `plugin`: the core: says what there is on the platform.
    plugin: Plugin = "package novacron:sdk; world plugin { export novacron:cicd/plugin@0.1.0; }";
    /// `runs`: the core: starts runs and reads them.
    runs: Runs = "package novacron:sdk; world runs { export novacron:cicd/runs@0.1.0; }";
    /// `run-search`: finds a run by the token that it was started with.
    run_search: RunSearch = "package novacron:sdk; world run-search { export novacron:cicd/run-search@0.1.0; }";
    /// `run-listing`: lists runs, newest first.
    run_listing: RunListing = "package novacron:sdk; world run-listing { export novacron:cicd/run-listing@0.1.0; }";
    /// `run-changes`: asks once for what changed in many runs.
    run_changes: RunChanges = "package novacron:sdk; world run-changes { export novacron:cicd/run-changes@0.1.0; }";
    /// `run-cancel`: asks for the end of a run.
    run_cancel: RunCancel = "package novacron:sdk; world run-cancel { export novacron:cicd/run-cancel@0.1.0; }";
    /// `run-force-cancel`: ends a run the harder way.
    run_force_cancel: RunForceCancel = "package novacron:sdk; world run-force-cancel { export novacron:cicd/run-force-cancel@0.1.0; }";
    /// `run-retry`: runs again: all of it, what failed, or one job.
    run_retry: RunRetry = "package novacron:sdk; world run-retry { export novacron:cicd/run-retry@0.1.0; }";
    /// `run-play`: starts a manual or delayed job.
    run_play: RunPlay = "package novacron:sdk; world run-play { export novacron:cicd/run-play@0.1.0; }";
    /// `run-gates`: what a run waits for a person to decide.
    run_gates: RunGates = "package novacron:sdk; world run-gates { export novacron:cicd/run-gates@0.1.0; }";
    /// `run-deletion`: removes a run from the platform.
    run_deletion: RunDeletion = "package novacron:sdk; world run-deletion { export novacron:cicd/run-deletion@0.1.0; }";
    /// `logs`: reads logs from where a reader stopped.
    logs: Logs = "package novacron:sdk; world logs { export novacron:cicd/logs@0.1.0; }";
    /// `pipelines`: lists the pipelines that are there, with their parameters.
    pipelines: Pipelines = "package novacron:sdk; world pipelines { export novacron:cicd/pipelines@0.1.0; }";
    /// `pipeline-definitions`: reads, makes, changes and deletes definitions.
    pipeline_definitions: PipelineDefinitions = "package novacron:sdk; world pipeline-definitions { export novacron:cicd/pipeline-definitions@0.1.0; }";
    /// `pipeline-state`: enables and disables a pipeline.
    pipeline_state: PipelineState = "package novacron:sdk; world pipeline-state { export novacron:cicd/pipeline-state@0.1.0; }";
    /// `pipeline-lint`: says whether a definition is valid.
    pipeline_lint: PipelineLint = "package novacron:sdk; world pipeline-lint { export novacron:cicd/pipeline-lint@0.1.0; }";
    /// `pipeline-copies`: copies, renames and moves a pipeline.
    pipeline_copies: PipelineCopies = "package novacron:sdk; world pipeline-copies { export novacron:cicd/pipeline-copies@0.1.0; }";
    /// `pipeline-schedules`: the platform's own schedules.
    pipeline_schedules: PipelineSchedules = "package novacron:sdk; world pipeline-schedules { export novacron:cicd/pipeline-schedules@0.1.0; }";
    /// `pipeline-triggers`: tokens that start a pipeline and nothing else.
    pipeline_triggers: PipelineTriggers = "package novacron:sdk; world pipeline-triggers { export novacron:cicd/pipeline-triggers@0.1.0; }";
    /// `artifacts`: lists artifacts and says how the host gets their bytes.
    artifacts: Artifacts = "package novacron:sdk; world artifacts { export novacron:cicd/artifacts@0.1.0; }";
    /// `artifact-uploads`: says how the host puts bytes there.
    artifact_uploads: ArtifactUploads = "package novacron:sdk; world artifact-uploads { export novacron:cicd/artifact-uploads@0.1.0; }";
    /// `artifact-retention`: keeps and deletes artifacts.
    artifact_retention: ArtifactRetention = "package novacron:sdk; world artifact-retention { export novacron:cicd/artifact-retention@0.1.0; }";
    /// `attestations`: statements that the platform made and signed.
    attestations: Attestations = "package novacron:sdk; world attestations { export novacron:cicd/attestations@0.1.0; }";
    /// `secrets`: the platform's own store of secrets; values are never read.
    secrets: Secrets = "package novacron:sdk; world secrets { export novacron:cicd/secrets@0.1.0; }";
    /// `variables`: the platform's readable variables.
    variables: Variables = "package novacron:sdk; world variables { export novacron:cicd/variables@0.1.0; }";
    /// `runners`: the machines that do the work.
    runners: Runners = "package novacron:sdk; world runners { export novacron:cicd/runners@0.1.0; }";
    /// `runner-deletion`: removes a runner from the platform.
    runner_deletion: RunnerDeletion = "package novacron:sdk; world runner-deletion { export novacron:cicd/runner-deletion@0.1.0; }";
    /// `runner-drain`: lets a runner finish, and gives it no new work.
    runner_drain: RunnerDrain = "package novacron:sdk; world runner-drain { export novacron:cicd/runner-drain@0.1.0; }";
    /// `runner-labels`: sets the labels of a runner.
    runner_labels: RunnerLabels = "package novacron:sdk; world runner-labels { export novacron:cicd/runner-labels@0.1.0; }";
    /// `runner-creation`: makes a runner; what it authenticates with is captured.
    runner_creation: RunnerCreation = "package novacron:sdk; world runner-creation { export novacron:cicd/runner-creation@0.1.0; }";
    /// `runner-assignment`: gives a runner to a project, or takes it away.
    runner_assignment: RunnerAssignment = "package novacron:sdk; world runner-assignment { export novacron:cicd/runner-assignment@0.1.0; }";
    /// `webhooks`: turns a delivery of the platform into observations; pure.
    webhooks: Webhooks = "package novacron:sdk; world webhooks { export novacron:cicd/webhooks@0.1.0; }";
    /// `webhook-registration`: registers webhooks on the platform.
    webhook_registration: WebhookRegistration = "package novacron:sdk; world webhook-registration { export novacron:cicd/webhook-registration@0.1.0; }";
    /// `webhook-recovery`: finds deliveries that the platform could not place.
    webhook_recovery: WebhookRecovery = "package novacron:sdk; world webhook-recovery { export novacron:cicd/webhook-recovery@0.1.0; }";
    /// `credentials`: says how a session or a short-lived token is got.
    credentials: Credentials = "package novacron:sdk; world credentials { export novacron:cicd/credentials@0.1.0; }";
    /// `environments`: the platform's environments.
    environments: Environments = "package novacron:sdk; world environments { export novacron:cicd/environments@0.1.0; }";
    /// `deployments`: starts deployments and reads them.
    deployments: Deployments = "package novacron:sdk; world deployments { export novacron:cicd/deployments@0.1.0; }";
    /// `deployment-cancel`: asks for the end of a deployment.
    deployment_cancel: DeploymentCancel = "package novacron:sdk; world deployment-cancel { export novacron:cicd/deployment-cancel@0.1.0; }";
    /// `deployment-approval`: approves or rejects a deployment.
    deployment_approval: DeploymentApproval = "package novacron:sdk; world deployment-approval { export novacron:cicd/deployment-approval@0.1.0; }";
    /// `deployment-rollback`: the platform's own way back.
    deployment_rollback: DeploymentRollback = "package novacron:sdk; world deployment-rollback { export novacron:cicd/deployment-rollback@0.1.0; }";
    /// `deployment-reconciliation`: compares what is deployed with what should be.
    deployment_reconciliation: DeploymentReconciliation = "package novacron:sdk; world deployment-reconciliation { export novacron:cicd/deployment-reconciliation@0.1.0; }";
    /// `deployment-status`: tells the platform what became of a deployment.
    deployment_status: DeploymentStatus = "package novacron:sdk; world deployment-status { export novacron:cicd/deployment-status@0.1.0; }";
    /// `infrastructure`: machines, networks and volumes that a deployment needs.
    infrastructure: Infrastructure = "package novacron:sdk; world infrastructure { export novacron:cicd/infrastructure@0.1.0; }";
}
