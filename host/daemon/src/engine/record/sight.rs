//! What is written of a run that was seen on the platform and that others may have started: nothing twice.
//!
//! It may be known, ours by its token, ours for all that can be said while one of ours is on its way, or new. All of it is
//! decided within the transaction that writes it, so whatever is under way beside it comes before or after.

use std::collections::HashMap;

use novacron_cicd_domain::{
    Timestamp,
    id::{OperationId, ProviderId, RunId},
    operation::{Operation, OperationKind, OperationState},
    pipeline::Pipeline,
    platform::FoundRun,
    run::{Observation, Run, SeenRun, Standing, reduce},
    status::{State, Status, Times},
};
use novacron_cicd_store::{OperationFilter, Page, Reader, StoreError, Tx};
use uuid::Uuid;

use super::{evidence, insert, operations_of, retried, started, taken, trigger_of};
use crate::engine::{is_open, ledger, payload::Payload, recover::SKEW, trigger::names_of, verdict::Effect};

/// What became of one that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It is known, and followed.
    Known,
    /// It is known to be over, and goes on there: to be read.
    GoesOn(Box<Run>),
    /// It was taken in.
    New(Box<Run>),
    /// It may be one of ours that is on its way: to be looked at again.
    Held,
    /// It is of no pipeline of ours.
    Passed,
}

/// Takes in one that was seen. `pipelines`: ours, by what the platform calls them.
pub(crate) fn sight(
    tx: &mut Tx<'_>,
    provider: ProviderId,
    pipelines: &HashMap<String, Pipeline>,
    found: &FoundRun,
    at: Timestamp,
) -> Result<Sight, StoreError> {
    let (Some(external), Some(pipeline)) = (&found.run.external_id, pipelines.get(&found.pipeline)) else {
        return Ok(Sight::Passed);
    };
    if let Some(run) = known(tx, provider, &found.pipeline, external)? {
        return Ok(if goes_on(tx, &run, &found.run, at)? { Sight::GoesOn(Box::new(run)) } else { Sight::Known });
    }
    let token = found.correlation.as_deref();
    if let Some(token) = token
        && is_ours(tx, provider, token, found, at)?
    {
        return Ok(Sight::Known);
    }
    if token.is_none() && may_be_ours(tx, provider, found)? {
        return Ok(Sight::Held);
    }
    let run = foreign(pipeline, found, at);
    insert(tx, &run, &found.pipeline, at)?;
    Ok(Sight::New(Box::new(run)))
}

/// The run that a platform calls so, of a pipeline as the platform calls it; of several the newest.
pub(crate) fn known(
    state: &Reader<'_>,
    provider: ProviderId,
    pipeline: &str,
    external: &str,
) -> Result<Option<Run>, StoreError> {
    for run in state.runs_by_external_id(provider, external)? {
        if ledger::platform_pipeline(state, &run)? == pipeline {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

/// As [`known`], of a delivery that does not name the pipeline but where it lies: `acme/app` of `acme/app/ci.yml`. With it comes what
/// the platform calls its pipeline. None where runs of several pipelines there are called so.
pub(crate) fn known_below(
    state: &Reader<'_>,
    provider: ProviderId,
    place: &str,
    external: &str,
) -> Result<Option<(Run, String)>, StoreError> {
    let mut found: Option<(Run, String)> = None;
    for run in state.runs_by_external_id(provider, external)? {
        let pipeline = ledger::platform_pipeline(state, &run)?;
        if !pipeline.strip_prefix(place).is_some_and(|rest| rest.starts_with('/')) {
            continue;
        }
        match &found {
            Some((_, there)) if *there != pipeline => return Ok(None),
            Some(_) => {}
            None => found = Some((run, pipeline)),
        }
    }
    Ok(found)
}

/// Whether a run that is over has begun anew. What ended again since shows later times, or jobs that were not there.
fn goes_on(state: &Reader<'_>, run: &Run, seen: &SeenRun, at: Timestamp) -> Result<bool, StoreError> {
    let over = |status: &Status| status.state.is_terminal();
    if !over(&run.status) {
        return Ok(false);
    }
    let later = |seen: Option<Timestamp>, known| seen.zip(known).is_some_and(|(seen, known)| seen > known);
    let changed = later(seen.times.updated, run.times.updated) || later(seen.times.finished, run.times.finished);
    if changed || seen.status.as_ref().is_some_and(|status| !over(status)) {
        return Ok(true);
    }
    let truth = Observation { standing: Standing::Truth, seen: at, seen_run: seen.clone() };
    Ok(reduce(&state.run(run.id)?, &truth).run.attempt > run.attempt)
}

/// Whether it carries the token of a run or a retry of ours that the platform had no name for yet: then it has one now. A
/// copy of a token that is known to be another's is no token of ours.
fn is_ours(
    tx: &mut Tx<'_>,
    provider: ProviderId,
    token: &str,
    found: &FoundRun,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let Ok(id) = Uuid::try_parse(token) else { return Ok(false) };
    // Where it stands is read in a moment; this says only what it is.
    let names = || Effect::Seen(Box::new(names_of(found.run.clone())));
    match tx.run(RunId(id)) {
        Ok(run) if run.provider == provider && run.correlation == token && run.external_id.is_none() => {
            evidence(tx, run.id, at)?;
            let run = tx.run(run.id)?;
            started(tx, &run, names(), at)?;
            return Ok(true);
        }
        Ok(_) => return Ok(false),
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    match tx.operation(OperationId(id)) {
        Ok(before) if before.kind == OperationKind::RunRetry && before.provider == provider => {
            let mut after = before.clone();
            retried(tx, &mut after, names(), at)?;
            taken(tx, &before, after, at)?;
            Ok(true)
        }
        Ok(_) | Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a run without a token may be one that we asked for and do not know the platform's name of yet.
fn may_be_ours(state: &Reader<'_>, provider: ProviderId, found: &FoundRun) -> Result<bool, StoreError> {
    for run in state.active_runs(provider, ledger::ACTIVE)? {
        if run.external_id.is_some() || ledger::platform_pipeline(state, &run)? != found.pipeline {
            continue;
        }
        let cause = match trigger_of(state, run.id)? {
            None => made_by(state, &run)?,
            trigger => trigger,
        };
        if cause.is_some_and(|cause| may_have_made(&cause, run.ticket.is_some(), found)) {
            return Ok(true);
        }
    }
    // Where the platform knows ours again, one whose outcome is unknown waits to be sent once more.
    for open in [OperationState::Queued, OperationState::Claimed, OperationState::Sent, OperationState::Ambiguous] {
        let filter = OperationFilter { provider: Some(provider), state: Some(open), ..OperationFilter::default() };
        for retry in state.operations(&Page::first(Page::MOST), &filter)?.items {
            let Some(of) = retry.run.filter(|_| retry.kind == OperationKind::RunRetry) else { continue };
            if Payload::of(&retry).result_run.is_none()
                && may_have_made(&retry, false, found)
                && ledger::platform_pipeline(state, &state.run(of)?)? == found.pipeline
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The retry that made a run.
fn made_by(state: &Reader<'_>, run: &Run) -> Result<Option<Operation>, StoreError> {
    let Some(of) = run.retry_of else { return Ok(None) };
    Ok(operations_of(state, of)?.into_iter().find(|operation| operation.id.0 == run.id.0))
}

/// Whether an operation can have led to a run that was made then. One that was never sent made none; a place in a queue
/// may become a run at any time, everything else does so soon.
fn may_have_made(cause: &Operation, queued: bool, found: &FoundRun) -> bool {
    let settled = cause.state == OperationState::Done;
    match cause.state {
        OperationState::Failed | OperationState::Canceled => return false,
        _ if !settled && !is_open(cause) => return false,
        _ => {}
    }
    let Some(created) = found.run.times.created else { return true };
    let begin = cause.first_sent.unwrap_or(cause.created).plus_millis(-SKEW);
    let soon = settled || cause.state == OperationState::Ambiguous;
    created >= begin && (queued || !soon || created <= cause.updated.plus_millis(SKEW))
}

/// What it is; where it stands is read in a moment, as of every run that is followed.
fn foreign(pipeline: &Pipeline, found: &FoundRun, at: Timestamp) -> Run {
    let (id, seen) = (RunId(Uuid::now_v7()), &found.run);
    Run {
        id,
        pipeline: pipeline.id,
        pipeline_name: pipeline.name.clone(),
        provider: pipeline.provider,
        origin: found.origin.clone(),
        retry_of: None,
        seen: None,
        external_id: seen.external_id.clone(),
        ticket: None,
        number: seen.number.clone(),
        attempt: seen.attempt.unwrap_or(1).max(1),
        correlation: id.0.simple().to_string(),
        status: Status::ours(State::Pending),
        cancel_requested: false,
        times: Times { created: seen.times.created.or(Some(at)), ..Times::default() },
        reference: found.reference.clone(),
        commit: seen.commit.clone(),
        actor: seen.actor.clone(),
        url: seen.url.clone(),
        parameters: found.parameters.clone(),
        environment: std::collections::BTreeMap::new(),
        graph: None,
        version: 1,
    }
}
