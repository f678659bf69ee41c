//! The functions that change something and need nothing but their arguments, by the change that they make.
//!
//! Secrets that a change names are references of this very call under those names; what a platform hands out is taken out
//! of the call and given to the host beside the outcome.

use novacron_cicd_contract::{
    Violation, attributes,
    bindings::{
        exports::novacron::cicd::{secrets, variables, webhook_registration},
        novacron::cicd::types as wit,
    },
    deploy_request, values,
};
use novacron_cicd_domain::platform::{
    CallError, CallErrorKind, Change, ChangeKind, DeployTicket, OperationArg, Outcome, Ticket, TrapCause,
};
use novacron_cicd_vault::Secret;

use super::{Provider, guest};
use crate::sandbox::Meter;

/// What a change led to, and what the platform handed out.
pub struct Changed {
    /// In the platform's words.
    pub outcome: Outcome,
    /// What it handed out, where the change says under what name it is kept.
    pub secret: Option<Secret>,
}

impl From<Outcome> for Changed {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, secret: None }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where conversions stand that can fail")]
fn done((): ()) -> Result<Changed, Violation> {
    Ok(Outcome::Nothing.into())
}

fn pipeline(pipeline: wit::Pipeline) -> Result<Changed, Violation> {
    Ok(Outcome::Pipeline(pipeline.try_into()?).into())
}

fn started(ticket: wit::Ticket) -> Result<Changed, Violation> {
    let (run, ticket) = match Ticket::try_from(ticket)? {
        Ticket::Run(run) => (run.external_id, None),
        Ticket::Queued(ticket) | Ticket::Folded(ticket) | Ticket::Unknown(Some(ticket)) => (None, Some(ticket)),
        Ticket::Unknown(None) | Ticket::Canceled(_) => (None, None),
    };
    Ok(Outcome::Run { run, ticket }.into())
}

fn deployed(ticket: wit::DeployTicket) -> Result<Changed, Violation> {
    let (deployment, ticket) = match DeployTicket::try_from(ticket)? {
        DeployTicket::Deployment(deployment) => (Some(*deployment), None),
        DeployTicket::Queued(ticket) => (None, Some(ticket)),
        DeployTicket::Unknown(ticket) => (None, ticket),
    };
    Ok(Outcome::Deployment { deployment, ticket }.into())
}

impl Provider {
    /// Makes a change.
    ///
    /// # Errors
    /// [`CallError`]; its `retry` says whether it may be sent again.
    pub async fn change(&self, operation: &OperationArg, change: Change) -> Result<Changed, CallError> {
        let (kind, correlation) = (change.kind(), operation.id.correlation());
        let operation: wit::Operation = operation.into();
        match change {
            Change::RunForceCancel { run } => {
                let run = (&run).into();
                guest!(
                    self, run_force_cancel, "run-force-cancel.force-cancel" changes,
                    |store, guest| guest.call_force_cancel(store, &operation, &run),
                    done
                )
                .await
            }
            Change::RunPlay { run, job, variables } => {
                let (run, variables) = ((&run).into(), values(variables));
                guest!(
                    self, run_play, "run-play.play" changes,
                    |store, guest| guest.call_play(store, &operation, &run, &job, &variables),
                    done
                )
                .await
            }
            Change::GateResolve { run, gate, decision } => {
                let (run, decision) = ((&run).into(), decision.into());
                guest!(
                    self, run_gates, "run-gates.resolve-gate" changes,
                    |store, guest| guest.call_resolve_gate(store, &operation, &run, &gate, &decision),
                    done
                )
                .await
            }
            Change::RunDelete { run } => {
                let run = (&run).into();
                guest!(
                    self, run_deletion, "run-deletion.delete-run" changes,
                    |store, guest| guest.call_delete_run(store, &operation, &run),
                    done
                )
                .await
            }
            Change::PipelineSwitch { pipeline: id, enabled } => {
                guest!(
                    self, pipeline_state, "pipeline-state.set-enabled" changes,
                    |store, guest| guest.call_set_enabled(store, &operation, &id, enabled),
                    pipeline
                )
                .await
            }
            Change::PipelineCopy { pipeline: id, name, location } => {
                guest!(
                    self, pipeline_copies, "pipeline-copies.copy" changes,
                    |store, guest| guest.call_copy(store, &operation, &id, &name, location.as_deref()),
                    pipeline
                )
                .await
            }
            Change::PipelineMove { pipeline: id, name, location } => {
                guest!(
                    self, pipeline_copies, "pipeline-copies.relocate" changes,
                    |store, guest| guest.call_relocate(store, &operation, &id, name.as_deref(), location.as_deref()),
                    pipeline
                )
                .await
            }
            Change::SchedulePut { pipeline: id, schedule, change } => {
                let change = change.into();
                guest!(
                    self, pipeline_schedules, "pipeline-schedules.put-schedule" changes,
                    |store, guest| guest.call_put_schedule(store, &operation, &id, schedule.as_ref(), &change),
                    |answer| Ok(Outcome::Schedule(answer.try_into()?).into())
                )
                .await
            }
            Change::ScheduleDelete { pipeline: id, schedule } => {
                guest!(
                    self, pipeline_schedules, "pipeline-schedules.delete-schedule" changes,
                    |store, guest| guest.call_delete_schedule(store, &operation, &id, &schedule),
                    done
                )
                .await
            }
            Change::SchedulePlay { pipeline: id, schedule } => {
                guest!(
                    self, pipeline_schedules, "pipeline-schedules.play-schedule" changes,
                    |store, guest| guest.call_play_schedule(store, &operation, &id, &schedule, &correlation),
                    started
                )
                .await
            }
            Change::TriggerTokenCreate { pipeline: id, description, keep_as: _ } => {
                let call = guest!(
                    self, pipeline_triggers, "pipeline-triggers.create-token" captures,
                    |store, guest| guest.call_create_token(store, &operation, &id, &description),
                    |mut answer| {
                        let slot = answer.slot.take();
                        Ok((Outcome::TriggerToken(answer.try_into()?), slot))
                    }
                );
                let ((outcome, slot), meter) = call.await?;
                let secret = handed_out(&meter, slot.as_deref()).ok_or_else(|| self.lost(kind, &meter))?;
                Ok(Changed { outcome, secret: Some(secret) })
            }
            Change::TriggerTokenDelete { pipeline: id, token } => {
                guest!(
                    self, pipeline_triggers, "pipeline-triggers.delete-token" changes,
                    |store, guest| guest.call_delete_token(store, &operation, &id, &token),
                    done
                )
                .await
            }
            Change::ArtifactUpload { request } => self.upload(&operation, request).await.map(Changed::from),
            Change::ArtifactDelete { run, artifact } => {
                let run = run.as_ref().map(Into::into);
                guest!(
                    self, artifact_retention, "artifact-retention.delete-artifact" changes,
                    |store, guest| guest.call_delete_artifact(store, &operation, run.as_ref(), &artifact),
                    done
                )
                .await
            }
            Change::ArtifactKeep { run, artifact } => {
                let run = run.as_ref().map(Into::into);
                guest!(
                    self, artifact_retention, "artifact-retention.keep-artifact" changes,
                    |store, guest| guest.call_keep_artifact(store, &operation, run.as_ref(), &artifact),
                    done
                )
                .await
            }
            Change::SecretPut { name, scope, kind, parts, options } => {
                let change =
                    secrets::SecretChange { name, scope, kind, parts: attributes(parts), options: attributes(options) };
                guest!(
                    self, secrets, "secrets.put-secret" changes,
                    |store, guest| guest.call_put_secret(store, &operation, &change),
                    done
                )
                .await
            }
            Change::SecretDelete { name, scope } => {
                guest!(
                    self, secrets, "secrets.delete-secret" changes,
                    |store, guest| guest.call_delete_secret(store, &operation, &name, scope.as_deref()),
                    done
                )
                .await
            }
            Change::VariablePut { name, scope, value, options } => {
                let variable = variables::Variable { name, scope, value, more: attributes(options) };
                guest!(
                    self, variables, "variables.put-variable" changes,
                    |store, guest| guest.call_put_variable(store, &operation, &variable),
                    done
                )
                .await
            }
            Change::VariableDelete { name, scope } => {
                guest!(
                    self, variables, "variables.delete-variable" changes,
                    |store, guest| guest.call_delete_variable(store, &operation, &name, scope.as_deref()),
                    done
                )
                .await
            }
            Change::RunnerDrain { runner, draining, message } => {
                guest!(
                    self, runner_drain, "runner-drain.set-draining" changes,
                    |store, guest| guest.call_set_draining(store, &operation, &runner, draining, message.as_deref()),
                    done
                )
                .await
            }
            Change::RunnerDelete { runner } => {
                guest!(
                    self, runner_deletion, "runner-deletion.delete-runner" changes,
                    |store, guest| guest.call_delete_runner(store, &operation, &runner),
                    done
                )
                .await
            }
            Change::RunnerLabel { runner, labels } => {
                guest!(
                    self, runner_labels, "runner-labels.set-labels" changes,
                    |store, guest| guest.call_set_labels(store, &operation, &runner, &labels),
                    done
                )
                .await
            }
            Change::RunnerCreate { request, keep_as: _ } => {
                let request = request.into();
                let call = guest!(
                    self, runner_creation, "runner-creation.create-runner" captures,
                    |store, guest| guest.call_create_runner(store, &operation, &request),
                    |mut answer| {
                        let slot = std::mem::take(&mut answer.slot);
                        Ok((Outcome::try_from(answer)?, slot))
                    }
                );
                let ((outcome, slot), meter) = call.await?;
                let secret = handed_out(&meter, Some(&slot)).ok_or_else(|| self.lost(kind, &meter))?;
                Ok(Changed { outcome, secret: Some(secret) })
            }
            Change::RunnerAssign { runner, project } => {
                guest!(
                    self, runner_assignment, "runner-assignment.assign" changes,
                    |store, guest| guest.call_assign(store, &operation, &runner, &project),
                    done
                )
                .await
            }
            Change::RunnerUnassign { runner, project } => {
                guest!(
                    self, runner_assignment, "runner-assignment.unassign" changes,
                    |store, guest| guest.call_unassign(store, &operation, &runner, &project),
                    done
                )
                .await
            }
            Change::HookRegister { url, events, secret, options } => {
                let request = webhook_registration::HookRequest { url, events, secret, more: attributes(options) };
                guest!(
                    self, webhook_registration, "webhook-registration.register" changes,
                    |store, guest| guest.call_register(store, &operation, &request),
                    |answer| Ok(Outcome::Hook(answer.try_into()?).into())
                )
                .await
            }
            Change::HookUnregister { hook } => {
                guest!(
                    self, webhook_registration, "webhook-registration.unregister" changes,
                    |store, guest| guest.call_unregister(store, &operation, &hook),
                    done
                )
                .await
            }
            Change::HookRedeliver { hook, delivery } => {
                guest!(
                    self, webhook_recovery, "webhook-recovery.redeliver" changes,
                    |store, guest| guest.call_redeliver(store, &operation, &hook, &delivery),
                    done
                )
                .await
            }
            Change::EnvironmentPut { change } => {
                let change = change.into();
                guest!(
                    self, environments, "environments.put-environment" changes,
                    |store, guest| guest.call_put_environment(store, &operation, &change),
                    |answer| Ok(Outcome::Environment(answer.try_into()?).into())
                )
                .await
            }
            Change::EnvironmentStop { environment } => {
                guest!(
                    self, environments, "environments.stop-environment" changes,
                    |store, guest| guest.call_stop_environment(store, &operation, &environment),
                    done
                )
                .await
            }
            Change::EnvironmentDelete { environment } => {
                guest!(
                    self, environments, "environments.delete-environment" changes,
                    |store, guest| guest.call_delete_environment(store, &operation, &environment),
                    done
                )
                .await
            }
            Change::DeploymentStart { request } => {
                let request = deploy_request(request, correlation);
                guest!(
                    self, deployments, "deployments.start" changes,
                    |store, guest| guest.call_start(store, &operation, &request),
                    deployed
                )
                .await
            }
            Change::DeploymentCancel { deployment } => {
                guest!(
                    self, deployment_cancel, "deployment-cancel.cancel" changes,
                    |store, guest| guest.call_cancel(store, &operation, &deployment),
                    done
                )
                .await
            }
            Change::DeploymentApprove { deployment, approve, comment } => {
                guest!(
                    self, deployment_approval, "deployment-approval.approve" changes,
                    |store, guest| guest.call_approve(store, &operation, &deployment, approve, comment.as_deref()),
                    done
                )
                .await
            }
            Change::DeploymentRollback { to } => {
                guest!(
                    self, deployment_rollback, "deployment-rollback.rollback" changes,
                    |store, guest| guest.call_rollback(store, &operation, &to, &correlation),
                    deployed
                )
                .await
            }
            Change::DeploymentStatus { deployment, state, reason, url } => {
                let status =
                    wit::Status { state: state.into(), reason, platform: String::new(), conditions: Vec::new() };
                guest!(
                    self, deployment_status, "deployment-status.set-status" changes,
                    |store, guest| guest.call_set_status(store, &operation, &deployment, &status, url.as_deref()),
                    done
                )
                .await
            }
        }
    }

    /// The platform acted, and what it handed out is not to be found: the call's outcome counts as unknown.
    fn lost(&self, kind: ChangeKind, meter: &Meter) -> CallError {
        CallError {
            kind: CallErrorKind::Trap { cause: TrapCause::Contract },
            message: "what the platform handed out was captured into no slot that the plugin named".into(),
            hint: None,
            plugin: self.plugin.manifest().id.clone(),
            function: kind.function().to_owned(),
            sent: meter.scope.change_sent(),
        }
    }
}

/// What a call captured into a slot.
fn handed_out(meter: &Meter, slot: Option<&str>) -> Option<Secret> {
    Some(meter.scope.captured(slot?)?.value().duplicate())
}
