//! How a change of a run or an operation is written: the row and its events, within one transaction of whoever asks.
//!
//! Everything that moves a run goes through here, so that no state changes without an event. Must be absent: when and
//! why, which is the caller's.

mod artifact;
mod change;
mod retry;
mod sight;

pub(crate) use artifact::platform_artifact;
use change::changed_to;
pub(crate) use retry::retried;
pub(crate) use sight::{Sight, known, known_below, sight};

use novacron_cicd_domain::{
    Timestamp,
    event::{self, EventKind},
    id::{PipelineId, RunId},
    operation::{
        InvalidTransition, Operation, OperationEvent, OperationKind, OperationState, RecoveryClass, Resolution,
    },
    platform::Ticket,
    run::{Change, Observation, Run, SeenRun, Standing, heartbeat, reduce},
    status::{State, Status},
};
use novacron_cicd_store::{NewEvent, OperationFilter, Page, Reader, StoreError, Tx};
use serde_json::Value;

use super::{
    payload::Payload,
    trigger::{effect, names_of},
    verdict::{Effect, Verdict, Why},
};

/// An event about a run.
pub(crate) fn run_event(
    tx: &mut Tx<'_>,
    run: &Run,
    kind: EventKind,
    data: Value,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.append_event(&NewEvent {
        at,
        kind: kind.as_str().into(),
        subject: run.id.to_string(),
        run: Some(run.id),
        pipeline: Some(run.pipeline),
        data,
    })?;
    Ok(())
}

fn moved(tx: &mut Tx<'_>, operation: &Operation, from: OperationState, at: Timestamp) -> Result<(), StoreError> {
    let run = operation.run.map(|run| tx.run(run)).transpose()?;
    tx.append_event(&NewEvent {
        at,
        kind: EventKind::OperationState.as_str().into(),
        subject: operation.id.to_string(),
        run: operation.run,
        pipeline: run.map(|run| run.pipeline).or(Payload::of(operation).pipeline),
        data: event::operation_state(operation, from),
    })?;
    Ok(())
}

/// A changed operation, where `before` is what is stored.
pub(crate) fn change(
    tx: &mut Tx<'_>,
    before: &Operation,
    mut after: Operation,
    at: Timestamp,
) -> Result<Operation, StoreError> {
    after.version = tx.update_operation(&after, before.version)?;
    if after.state != before.state {
        moved(tx, &after, before.state, at)?;
    }
    Ok(after)
}

/// Writes a run that the reducer, or we, changed.
fn put(tx: &mut Tx<'_>, before: &Run, mut after: Run, changes: &[Change], at: Timestamp) -> Result<Run, StoreError> {
    if changes.is_empty() {
        return Ok(before.clone());
    }
    after.version = tx.update_run(&after, before.version)?;
    for change in changes {
        let (kind, data) = event::of_change(&after, change);
        run_event(tx, &after, kind, data, at)?;
    }
    Ok(after)
}

/// A run that no trigger of ours started.
fn insert(tx: &mut Tx<'_>, run: &Run, platform_pipeline: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.insert_run(run)?;
    tx.pin_platform_pipeline(run.id, platform_pipeline)?;
    run_event(tx, run, EventKind::RunCreated, event::run_created(run), at)
}

/// Lets an observation into the reducer and writes what it changes.
pub(crate) fn observe(
    tx: &mut Tx<'_>,
    run: &Run,
    seen: SeenRun,
    standing: Standing,
    at: Timestamp,
) -> Result<(Run, bool), StoreError> {
    let reduced = reduce(run, &Observation { standing, seen: at, seen_run: seen });
    let after = put(tx, run, reduced.run, &reduced.changes, at)?;
    Ok((after, reduced.wake))
}

/// Our own word about a run that the platform has none for. A terminal state stays what it is.
pub(crate) fn decide(tx: &mut Tx<'_>, run: &Run, status: Status, at: Timestamp) -> Result<Run, StoreError> {
    let (from, to) = (run.status.state, status.state);
    if from.is_terminal() || from == to {
        return Ok(run.clone());
    }
    let mut after = run.clone();
    after.status = status;
    if to.is_terminal() {
        after.times.finished = after.times.finished.or(Some(at));
    }
    put(tx, run, after, &[Change::RunState { from, to }], at)
}

/// Ends a run that was silent past its deadline, or that the platform has lost; false where there is nothing to end.
pub(crate) fn lose(tx: &mut Tx<'_>, run: RunId, at: Timestamp) -> Result<bool, StoreError> {
    let run = tx.run(run)?;
    // That it is so is the caller's word: of the store, which holds the deadline, or of who looked for it.
    let Some(reduced) = heartbeat::end_if_silent(&run, at.plus_millis(-1), at) else { return Ok(false) };
    put(tx, &run, reduced.run, &reduced.changes, at)?;
    Ok(true)
}

/// A detail of ours.
fn detail(tx: &mut Tx<'_>, run: &Run, change: impl FnOnce(&mut Run), at: Timestamp) -> Result<Run, StoreError> {
    let mut after = run.clone();
    change(&mut after);
    let changes: &[Change] = if after == *run { &[] } else { &[Change::Details] };
    put(tx, run, after, changes, at)
}

/// Somebody asked for its end.
pub(crate) fn cancel_requested(tx: &mut Tx<'_>, run: &Run, by: &str, at: Timestamp) -> Result<Run, StoreError> {
    if run.cancel_requested {
        return Ok(run.clone());
    }
    let mut after = run.clone();
    after.cancel_requested = true;
    after.version = tx.update_run(&after, run.version)?;
    run_event(tx, &after, EventKind::RunCancelRequested, event::run_cancel_requested(&after, by), at)?;
    Ok(after)
}

/// The operations of a run, newest first.
pub(crate) fn operations_of(state: &Reader<'_>, run: RunId) -> Result<Vec<Operation>, StoreError> {
    let filter = OperationFilter { run: Some(run), ..OperationFilter::default() };
    Ok(state.operations(&Page::first(Page::MOST), &filter)?.items)
}

/// The operation that started, or is to start, a run.
pub(crate) fn trigger_of(state: &Reader<'_>, run: RunId) -> Result<Option<Operation>, StoreError> {
    Ok(operations_of(state, run)?.into_iter().find(|operation| operation.kind == OperationKind::RunTrigger))
}

/// The run speaks: so its trigger was taken, whatever was thought of it.
pub(crate) fn evidence(tx: &mut Tx<'_>, run: RunId, at: Timestamp) -> Result<(), StoreError> {
    match trigger_of(tx, run)? {
        Some(trigger) => taken(tx, &trigger, trigger.clone(), at),
        None => Ok(()),
    }
}

/// What an operation made is there: so it was taken. `after` has what that changes of it beside its state.
fn taken(tx: &mut Tx<'_>, before: &Operation, after: Operation, at: Timestamp) -> Result<(), StoreError> {
    let after = match before.state {
        OperationState::Ambiguous => match after.transition(OperationEvent::Resolve(Resolution::Adopt), at) {
            Ok(done) => Operation { error: None, ..done },
            Err(error) => return invalid(before, &error).map(|_| ()),
        },
        // Whoever sent it, or finds it open, settles it.
        _ => after,
    };
    if after != *before {
        change(tx, before, after, at)?;
    }
    Ok(())
}

/// What became of a request to start a run.
pub(crate) fn ticket(tx: &mut Tx<'_>, run: &Run, ticket: Ticket, at: Timestamp) -> Result<Run, StoreError> {
    started(tx, run, effect(ticket), at)
}

fn started(tx: &mut Tx<'_>, run: &Run, effect: Effect, at: Timestamp) -> Result<Run, StoreError> {
    let run = match run.status.state {
        State::Ambiguous => decide(tx, run, Status::ours(State::Pending), at)?,
        _ => run.clone(),
    };
    match effect {
        Effect::Seen(seen) => {
            // What the run said of itself meanwhile is newer than this answer.
            let overtaken = run.status.state != State::Pending;
            let seen = if overtaken { names_of(*seen) } else { *seen };
            let (run, _) = observe(tx, &run, seen, Standing::Truth, at)?;
            detail(tx, &run, |run| run.ticket = None, at)
        }
        // It was seen meanwhile.
        Effect::Queued { .. } if run.external_id.is_some() => Ok(run),
        Effect::Queued { ticket, folded } => detail(
            tx,
            &run,
            |run| {
                run.ticket = Some(ticket);
                if folded && !run.status.conditions.iter().any(|condition| condition == "folded") {
                    run.status.conditions.push("folded".into());
                }
            },
            at,
        ),
        Effect::Dropped(reason) => {
            decide(tx, &run, Status::ours(State::Canceled).because(reason.unwrap_or_else(|| "queue".into())), at)
        }
        Effect::Nothing | Effect::Pipeline(_) | Effect::Changed(_) => Ok(run),
    }
}

/// A move that the domain refuses is a fault of ours: nothing is written, and the lease's end brings it back.
fn invalid(operation: &Operation, error: &InvalidTransition) -> Result<bool, StoreError> {
    tracing::error!(operation = %operation.id, %error, "an operation cannot move as it was to");
    Ok(false)
}

/// The operation after a verdict, by the domain's moves.
fn after(operation: Operation, verdict: &Verdict, at: Timestamp) -> Result<Operation, InvalidTransition> {
    let lose = |why: &Why, due| OperationEvent::Lose { due, code: why.code.clone(), message: why.message.clone() };
    let retry = |why: &Why, due| OperationEvent::Retry { due, code: why.code.clone(), message: why.message.clone() };
    let named = |operation: Operation, why: &Why| Operation {
        error: Some((why.code.clone(), why.message.clone())),
        ..operation
    };
    let sent = operation.state == OperationState::Sent;
    match verdict {
        Verdict::Done(_) if sent => operation.transition(OperationEvent::Finish, at),
        // There is nothing left to ask for: what it was about has come to its end without it.
        Verdict::Done(_) => {
            Ok(Operation { state: OperationState::Done, lease_until: None, error: None, updated: at, ..operation })
        }
        Verdict::Retry { due, why } => operation.transition(retry(why, *due), at),
        Verdict::Unsettled { due, why, .. } if sent => operation.transition(lose(why, *due), at),
        Verdict::Unsettled { due, why, .. } => operation.transition(retry(why, *due), at),
        Verdict::Failed(why) => {
            let refuse = OperationEvent::Refuse { code: why.code.clone(), message: why.message.clone() };
            operation.transition(refuse, at)
        }
        // Lost for good: what is given up after it was sent is ambiguous.
        Verdict::Ambiguous(why) if sent => {
            let lost = match operation.recovery {
                RecoveryClass::None => return operation.transition(lose(why, at), at),
                RecoveryClass::IdempotentKey => operation.transition(lose(why, at), at)?,
                RecoveryClass::Searchable | RecoveryClass::ByState => {
                    operation.transition(OperationEvent::NotFound { due: at }, at)?
                }
            };
            Ok(named(lost.transition(OperationEvent::Cancel, at)?, why))
        }
        Verdict::Canceled(why) if sent => {
            let undone = operation.transition(retry(why, at), at)?;
            Ok(named(undone.transition(OperationEvent::Cancel, at)?, why))
        }
        Verdict::Ambiguous(why) | Verdict::Canceled(why) => {
            Ok(named(operation.transition(OperationEvent::Cancel, at)?, why))
        }
    }
}

/// The operation as it is marked before its first byte goes out: of one that was sent before, its recovery is over.
pub(crate) fn sent(operation: Operation, at: Timestamp) -> Result<Operation, InvalidTransition> {
    let until = operation.lease_until.unwrap_or(at);
    let operation = match (operation.state, operation.recovery) {
        (OperationState::Sent, RecoveryClass::Searchable | RecoveryClass::ByState) => operation
            .transition(OperationEvent::NotFound { due: at }, at)?
            .transition(OperationEvent::Claim { until }, at)?,
        (OperationState::Sent, _) => {
            operation.transition(OperationEvent::Recover, at)?.transition(OperationEvent::Claim { until }, at)?
        }
        _ => operation,
    };
    operation.transition(OperationEvent::Send, at)
}

/// Records what became of an attempt: the operation, what it is about, and the events. false: that attempt is not the
/// current one any more, and nothing was changed.
pub(crate) fn settle(
    tx: &mut Tx<'_>,
    attempt: &Operation,
    verdict: Verdict,
    heartbeat_until: Timestamp,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let current = tx.operation(attempt.id)?;
    let ours = matches!(current.state, OperationState::Claimed | OperationState::Sent);
    if !ours || current.attempts != attempt.attempts {
        return Ok(false);
    }
    let mut payload = Payload::of(&current);
    let verdict = match verdict {
        // Nothing was done, and nobody wants it any more.
        Verdict::Retry { why, .. } if payload.cancel_requested => Verdict::Canceled(why),
        other => other,
    };
    let mut next = match after(current.clone(), &verdict, at) {
        Ok(next) => next,
        Err(error) => return invalid(&current, &error),
    };
    if let Verdict::Unsettled { looks, .. } = &verdict {
        payload.looks = *looks;
        next.payload = payload.json();
    }
    if let (OperationKind::RunRetry, Verdict::Done(effect)) = (current.kind, &verdict) {
        retried(tx, &mut next, effect.clone(), at)?;
    }
    if let Verdict::Done(Effect::Changed(changed)) = &verdict {
        payload.outcome = Some(changed.outcome.clone());
        next.payload = payload.json();
    }
    let operation = change(tx, &current, next, at)?;
    match operation.kind {
        OperationKind::RunTrigger => settle_trigger(tx, &operation, verdict, heartbeat_until, at)?,
        OperationKind::RunCancel => {
            if let (Verdict::Done(Effect::Seen(seen)), Some(run)) = (verdict, operation.run) {
                let run = tx.run(run)?;
                observe(tx, &run, *seen, Standing::Truth, at)?;
            }
        }
        // What it led to is written.
        OperationKind::RunRetry => {}
        OperationKind::Change(kind) => {
            if let Verdict::Done(Effect::Changed(changed)) = verdict {
                changed_to(tx, &operation, kind, *changed, at)?;
            }
        }
        OperationKind::PipelineCreate | OperationKind::PipelineUpdate | OperationKind::PipelineDelete => {
            if let (Verdict::Done(Effect::Pipeline(Some(external))), Some(pipeline)) = (verdict, payload.pipeline) {
                adopt(tx, pipeline, external, at)?;
            }
        }
    }
    Ok(true)
}

fn settle_trigger(
    tx: &mut Tx<'_>,
    operation: &Operation,
    verdict: Verdict,
    heartbeat_until: Timestamp,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(run) = operation.run else { return Ok(()) };
    let run = tx.run(run)?;
    if let Verdict::Done(effect) = verdict {
        let run = started(tx, &run, effect, at)?;
        if Payload::of(operation).callback.is_some() && !run.status.state.is_terminal() {
            tx.touch_heartbeat(run.id, heartbeat_until)?;
        }
        return Ok(());
    }
    // What has begun speaks for itself.
    if !matches!(run.status.state, State::Pending | State::Ambiguous) {
        return Ok(());
    }
    let status = match operation.state {
        OperationState::Failed => Status::ours(State::Failed).because("startup"),
        OperationState::Ambiguous => Status::ours(State::Ambiguous),
        OperationState::Canceled => Status::ours(State::Canceled),
        _ => return Ok(()),
    };
    decide(tx, &run, status, at)?;
    Ok(())
}

/// What the platform calls a pipeline of ours.
pub(crate) fn adopt(tx: &mut Tx<'_>, pipeline: PipelineId, external: String, at: Timestamp) -> Result<(), StoreError> {
    let before = match tx.pipeline(pipeline) {
        Ok(pipeline) => pipeline,
        // Deleted meanwhile.
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    if before.external_ref.as_deref() == Some(&external) {
        return Ok(());
    }
    let mut after = before.clone();
    after.external_ref = Some(external);
    after.updated = at;
    after.version = tx.update_pipeline(&after, before.version)?;
    tx.append_event(&NewEvent {
        at,
        kind: EventKind::PipelineUpdated.as_str().into(),
        subject: after.id.to_string(),
        run: None,
        pipeline: Some(after.id),
        data: event::pipeline(&after),
    })?;
    Ok(())
}
