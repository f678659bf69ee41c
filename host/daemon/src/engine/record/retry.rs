//! What is written of a retry: a new attempt of its run, or a new run.

use novacron_cicd_domain::{
    Timestamp,
    id::RunId,
    operation::Operation,
    run::{Run, SeenRun, Standing},
    status::{State, Status, Times},
};
use novacron_cicd_store::{StoreError, Tx};

use super::{insert, observe, started};
use crate::engine::{ledger, payload::Payload, trigger::names_of, verdict::Effect};

/// What a retry led to: a new attempt of its run, or a new run that says which one it does again. Writes that into the
/// operation's payload, which is the caller's to store.
pub(crate) fn retried(
    tx: &mut Tx<'_>,
    operation: &mut Operation,
    effect: Effect,
    at: Timestamp,
) -> Result<(), StoreError> {
    let mut payload = Payload::of(operation);
    let (Some(of), Some(asked)) = (operation.run, payload.retry.clone()) else { return Ok(()) };
    let of = tx.run(of)?;
    let result = match effect {
        // It was seen before its answer came.
        Effect::Nothing if payload.result_run.is_some() => return Ok(()),
        Effect::Seen(seen) if seen.external_id.is_none() || seen.external_id == of.external_id => {
            observe(tx, &of, new_attempt(*seen, asked.attempt), Standing::Truth, at)?.0
        }
        effect => {
            let run = made_by(tx, operation, &of, at)?;
            started(tx, &run, effect, at)?
        }
    };
    payload.result_run = Some(result.id);
    operation.payload = payload.json();
    Ok(())
}

/// Where the platform counts no attempts, its answer says that one has begun, and may still show the end before it.
fn new_attempt(seen: SeenRun, before: u32) -> SeenRun {
    match seen.attempt {
        Some(_) => seen,
        None if seen.status.as_ref().is_some_and(|status| status.state.is_terminal()) => {
            SeenRun { attempt: Some(before.saturating_add(1)), ..names_of(seen) }
        }
        None => SeenRun { attempt: Some(before.saturating_add(1)), ..seen },
    }
}

/// The run that a retry made: it has the operation's id, so it is made once.
pub(super) fn made_by(tx: &mut Tx<'_>, operation: &Operation, of: &Run, at: Timestamp) -> Result<Run, StoreError> {
    let id = RunId(operation.id.0);
    match tx.run(id) {
        Err(StoreError::NotFound { .. }) => {}
        found => return found,
    }
    let run = Run {
        id,
        origin: "retry".into(),
        retry_of: Some(of.id),
        seen: None,
        external_id: None,
        ticket: None,
        number: None,
        attempt: 1,
        correlation: id.0.simple().to_string(),
        status: Status::ours(State::Pending),
        cancel_requested: false,
        times: Times { created: Some(at), ..Times::default() },
        commit: None,
        actor: Some(operation.actor.clone()),
        url: None,
        graph: None,
        version: 1,
        ..of.clone()
    };
    insert(tx, &run, &ledger::platform_pipeline(tx, of)?, at)?;
    Ok(run)
}
