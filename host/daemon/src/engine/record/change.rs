//! What is written of a change that only the platform knows: a secret that it handed out, a pipeline of ours that it moved
//! or copied.

use novacron_cicd_domain::{
    Timestamp,
    event::{self, EventKind},
    id::PipelineId,
    name::Name,
    operation::Operation,
    pipeline::Pipeline,
    platform::{Change, ChangeKind, Outcome, RemotePipeline},
};
use novacron_cicd_store::{NewAudit, NewEvent, StoreError, Tx};
use serde_json::json;

use super::adopt;
use crate::engine::{
    payload::Payload,
    ports::{Changed, Kept},
};

/// Writes what a change led to beyond its operation.
pub(super) fn changed_to(
    tx: &mut Tx<'_>,
    operation: &Operation,
    kind: ChangeKind,
    changed: Changed,
    at: Timestamp,
) -> Result<(), StoreError> {
    if let Some(kept) = &changed.kept {
        keep(tx, operation, kept, at)?;
    }
    let payload = Payload::of(operation);
    match (kind, changed.outcome, payload.pipeline, payload.change) {
        (ChangeKind::PipelineMove, Outcome::Pipeline(moved), Some(ours), _) => adopt(tx, ours, moved.id, at),
        (ChangeKind::PipelineCopy, Outcome::Pipeline(made), Some(of), Some(Change::PipelineCopy { name, .. })) => {
            copy(tx, operation, of, &name, made, at)
        }
        _ => Ok(()),
    }
}

/// What the platform handed out becomes a secret in the same transaction that says that it was made.
fn keep(tx: &mut Tx<'_>, operation: &Operation, kept: &Kept, at: Timestamp) -> Result<(), StoreError> {
    let version = tx.put_secret(&kept.name, &kept.sealed, at)?;
    let name = kept.name.to_string();
    tx.append_event(&NewEvent {
        at,
        kind: EventKind::SecretSet.as_str().into(),
        subject: name.clone(),
        run: operation.run,
        pipeline: None,
        data: json!({ "name": name }),
    })?;
    tx.append_audit(&NewAudit {
        at,
        actor: operation.actor.clone(),
        action: "secret.set".into(),
        subject: name,
        detail: json!({ "version": version, "operation": operation.id }),
    })?;
    Ok(())
}

/// Our record of the copy: it has the operation's id, so it is made once. Where its name was taken meanwhile, or the
/// pipeline that it is like is gone, there is none; it can be imported.
fn copy(
    tx: &mut Tx<'_>,
    operation: &Operation,
    of: PipelineId,
    name: &str,
    made: RemotePipeline,
    at: Timestamp,
) -> Result<(), StoreError> {
    let (Ok(name), Ok(of)) = (Name::new(name), tx.pipeline(of)) else { return Ok(()) };
    if tx.pipeline_by_name(name.as_str()).is_ok() {
        return Ok(());
    }
    let pipeline = Pipeline {
        id: PipelineId(operation.id.0),
        name,
        external_ref: Some(made.id),
        version: 1,
        created: at,
        updated: at,
        ..of
    };
    tx.insert_pipeline(&pipeline)?;
    tx.append_event(&NewEvent {
        at,
        kind: EventKind::PipelineCreated.as_str().into(),
        subject: pipeline.id.to_string(),
        run: None,
        pipeline: Some(pipeline.id),
        data: event::pipeline(&pipeline),
    })?;
    Ok(())
}
