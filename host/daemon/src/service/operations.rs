//! Operations: listed, given up, settled by an operator.

use std::{sync::Arc, time::Duration};

use novacron_cicd_domain::{
    Coded,
    id::OperationId,
    operation::{InvalidTransition, Operation, OperationEvent, OperationKind, OperationState, Resolution as Move},
    platform::ChangeKind,
    run::SeenRun,
    status::{State, Status},
    token::Role,
};
use novacron_cicd_store::{Listing, OperationFilter, Page, Tx};
use serde_json::json;

use super::{
    Actor, Resolution, ServiceError,
    host::{Host, audit},
};
use crate::engine::{ledger, payload::Payload, record, verdict::Effect};

/// Durable intents.
#[derive(Clone)]
pub struct Operations {
    pub(super) host: Arc<Host>,
}

/// So long somebody who gives up an operation waits for its call to end: it is cut at once, and then recorded.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn refused(error: InvalidTransition) -> ServiceError {
    let hint = error.hint().unwrap_or_else(|| "`novacron-cicd operation show` says where it stands".into());
    ServiceError::conflict(error.code(), error.to_string(), hint)
}

impl Operations {
    /// By id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, id: OperationId) -> Result<Operation, ServiceError> {
        self.host.read(move |state| Ok(state.operation(id)?)).await
    }

    /// Newest first.
    ///
    /// # Errors
    /// A cursor that is none of this list.
    pub async fn list(&self, filter: OperationFilter, page: Page) -> Result<Listing<Operation>, ServiceError> {
        self.host.read(move |state| Ok(state.operations(&page, &filter)?)).await
    }

    /// Gives it up. What was never sent is canceled. What is under way is cut, guest and connection, and then settled by
    /// its recovery class: looked for where that can be done, else ambiguous; "nothing was done" is only said where
    /// nothing was sent. Operator.
    ///
    /// # Errors
    /// One that is settled, or that waits for an operator's word already.
    pub async fn cancel(&self, actor: &Actor, id: OperationId) -> Result<Operation, ServiceError> {
        actor.require(Role::Operator)?;
        let now = self.host.now();
        let name = actor.name.clone();
        let mut events = self.host.store.watch_events();
        let operation = self
            .host
            .act(actor, move |tx| {
                let before = tx.operation(id)?;
                audit(tx, &name, "operation.cancel", id, json!({ "state": before.state }), now)?;
                if before.state != OperationState::Sent {
                    let after = before.clone().transition(OperationEvent::Cancel, now).map_err(refused)?;
                    let after = record::change(tx, &before, after, now)?;
                    follow(tx, &after, now)?;
                    return Ok(after);
                }
                let payload = Payload { cancel_requested: true, ..Payload::of(&before) };
                let mut after = Operation { payload: payload.json(), ..before.clone() };
                // Where no call is under way it is to be looked at now, not when its turn comes.
                if after.lease_until.is_none() {
                    after.due = now;
                }
                record::change(tx, &before, after, now).map_err(Into::into)
            })
            .await?;
        // Also of one that was claimed a moment ago and not marked as sent: it finds that it is not its any more.
        self.host.engine.cut(id);
        self.host.engine.wake();
        if operation.state != OperationState::Sent {
            return Ok(operation);
        }
        let settled = async {
            loop {
                events.borrow_and_update();
                let operation = self.show(id).await?;
                if operation.state != OperationState::Sent || events.changed().await.is_err() {
                    return Ok(operation);
                }
            }
        };
        match tokio::time::timeout(PATIENCE, settled).await {
            Ok(operation) => operation,
            Err(_) => self.show(id).await,
        }
    }

    /// Settles an ambiguous one. Operator.
    ///
    /// # Errors
    /// One that is not ambiguous.
    pub async fn resolve(
        &self,
        actor: &Actor,
        id: OperationId,
        resolution: Resolution,
    ) -> Result<Operation, ServiceError> {
        actor.require(Role::Operator)?;
        if let Resolution::Adopt { external_id } = &resolution
            && (external_id.is_empty() || external_id.len() > 512)
        {
            return Err(ServiceError::invalid(
                "/external_id",
                "field.invalid",
                "the platform's id must have 1 to 512 bytes",
            ));
        }
        let now = self.host.now();
        let name = actor.name.clone();
        let operation = self
            .host
            .act(actor, move |tx| {
                let before = tx.operation(id)?;
                let step = match &resolution {
                    Resolution::Adopt { .. } => Move::Adopt,
                    Resolution::Resend => Move::Resend,
                    Resolution::Abandon => Move::Abandon,
                };
                if let Resolution::Adopt { external_id } = &resolution {
                    not_anothers(tx, &before, external_id)?;
                }
                let event = OperationEvent::Resolve(step);
                let word = event.as_str();
                let mut after = before.clone().transition(event, now).map_err(refused)?;
                let mut payload = Payload::of(&before);
                (payload.cancel_requested, payload.looks) = (false, 0);
                after.payload = payload.json();
                if resolution == Resolution::Resend {
                    // Somebody looked: what was sent before did nothing.
                    (after.first_sent, after.attempts) = (None, 0);
                }
                if matches!(resolution, Resolution::Adopt { .. }) {
                    after.error = None;
                }
                if let (OperationKind::RunRetry, Resolution::Adopt { external_id }) = (before.kind, &resolution) {
                    let seen = SeenRun { external_id: Some(external_id.clone()), ..SeenRun::default() };
                    record::retried(tx, &mut after, Effect::Seen(Box::new(seen)), now)?;
                }
                let after = record::change(tx, &before, after, now)?;
                settle(tx, &after, &resolution, now)?;
                audit(tx, &name, "operation.resolve", id, json!({ "resolution": word }), now)?;
                Ok(after)
            })
            .await?;
        self.host.engine.wake();
        self.host.engine.poke(operation.provider);
        Ok(operation)
    }

    /// Waits until an operation is settled or ambiguous, at most `patience`; answers it as it is then.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn wait(&self, id: OperationId, patience: Duration) -> Result<Operation, ServiceError> {
        self.host.settled(id, patience).await
    }
}

/// One run of the platform is one of ours.
fn not_anothers(tx: &Tx<'_>, operation: &Operation, external_id: &str) -> Result<(), ServiceError> {
    let Some(run) = operation.run else { return Ok(()) };
    let pipeline = ledger::platform_pipeline(tx, &tx.run(run)?)?;
    match record::known(tx, operation.provider, &pipeline, external_id)? {
        Some(other) if other.id != run => Err(ServiceError::conflict(
            "run.known",
            format!("what the platform calls {external_id:?} is the run {} already", other.id),
            "look at that run, then abandon this operation: `novacron-cicd operation resolve ID --abandon`",
        )),
        _ => Ok(()),
    }
}

/// What giving up a trigger means for its run.
fn follow(tx: &mut Tx<'_>, operation: &Operation, now: novacron_cicd_domain::Timestamp) -> Result<(), ServiceError> {
    let (OperationKind::RunTrigger, Some(run)) = (operation.kind, operation.run) else { return Ok(()) };
    let run = tx.run(run)?;
    let status = match operation.state {
        OperationState::Canceled => Status::ours(State::Canceled),
        OperationState::Ambiguous => Status::ours(State::Ambiguous),
        _ => return Ok(()),
    };
    if matches!(run.status.state, State::Pending | State::Ambiguous) {
        record::decide(tx, &run, status, now)?;
    }
    Ok(())
}

fn settle(
    tx: &mut Tx<'_>,
    operation: &Operation,
    resolution: &Resolution,
    now: novacron_cicd_domain::Timestamp,
) -> Result<(), ServiceError> {
    match (operation.kind, resolution) {
        (OperationKind::RunTrigger, resolution) => {
            let Some(run) = operation.run else { return Ok(()) };
            let run = tx.run(run)?;
            match resolution {
                Resolution::Adopt { external_id } => {
                    let seen = SeenRun { external_id: Some(external_id.clone()), ..SeenRun::default() };
                    record::ticket(tx, &run, novacron_cicd_domain::platform::Ticket::Run(Box::new(seen)), now)?;
                }
                Resolution::Resend if run.status.state == State::Ambiguous => {
                    record::decide(tx, &run, Status::ours(State::Pending), now)?;
                }
                Resolution::Resend => {}
                Resolution::Abandon if matches!(run.status.state, State::Ambiguous | State::Pending) => {
                    record::decide(tx, &run, Status::ours(State::Failed).because("abandoned"), now)?;
                }
                Resolution::Abandon => {}
            }
        }
        (
            OperationKind::PipelineCreate
            | OperationKind::PipelineUpdate
            | OperationKind::Change(ChangeKind::PipelineMove),
            Resolution::Adopt { external_id },
        ) => {
            if let Some(pipeline) = Payload::of(operation).pipeline {
                record::adopt(tx, pipeline, external_id.clone(), now)?;
            }
        }
        _ => {}
    }
    Ok(())
}
