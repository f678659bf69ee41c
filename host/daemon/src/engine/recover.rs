//! Settles what an earlier attempt left open, by the recovery class that was fixed when the intent was stored: after a
//! crash, after a lost answer, after an operator cut the call. Never a blind second sending.

use novacron_cicd_domain::{
    Coded,
    operation::{Operation, RecoveryClass},
    platform::{CallError, CallErrorKind, Change, Outcome, RunMatch, RunRef},
    run::{Observation, Run, Standing, reduce},
};
use tokio_util::sync::CancellationToken;

use super::{
    Inner, backoff, is_open,
    payload::Payload,
    ports::{Changed, Job},
    verdict::{Effect, Verdict, Why},
};

/// How often a platform is searched for a run before it counts as never begun: 1 + 2 + 4 + ... seconds, 31 s in all.
/// A platform's index may lag behind its own answer.
const LOOKS: u32 = 6;
/// How far the platform's clock may be behind ours.
pub(super) const SKEW: i64 = 10 * 60 * 1000;

/// What to do with a claimed operation.
pub(super) enum Next {
    /// Send it, for the first time or again.
    Send,
    /// Do not.
    Settle(Verdict),
}

fn lost_answer(operation: &Operation) -> Why {
    match &operation.error {
        Some((code, message)) => Why::new(code, message.clone()),
        None => Why::new("operation.interrupted", "the host stopped after it was sent and before the answer came"),
    }
}

fn given_up() -> Why {
    Why::new("operation.given-up", "it was given up after it was sent, and the platform may have acted")
}

/// For `run.trigger`.
pub(super) async fn trigger(inner: &Inner, job: &Job, run: &Run, cancel: &CancellationToken) -> Next {
    let operation = &job.operation;
    let payload = Payload::of(operation);
    if !is_open(operation) {
        let why = || Why::new("operation.given-up", "it was given up before it was sent");
        return if run.status.state.is_terminal() || payload.cancel_requested {
            Next::Settle(Verdict::Canceled(why()))
        } else {
            Next::Send
        };
    }
    if run.status.state.is_terminal() || run.external_id.is_some() {
        // It was there after all: it was seen, or has told us its end.
        return Next::Settle(Verdict::Done(Effect::Nothing));
    }
    match operation.recovery {
        RecoveryClass::None => Next::Settle(Verdict::Ambiguous(lost_answer(operation))),
        RecoveryClass::IdempotentKey if payload.cancel_requested => Next::Settle(Verdict::Ambiguous(given_up())),
        RecoveryClass::IdempotentKey => Next::Send,
        RecoveryClass::Searchable | RecoveryClass::ByState => search(inner, job, &run.correlation, cancel).await,
    }
}

/// For `run.retry` of a run that the platform knows.
pub(super) async fn retry(inner: &Inner, job: &Job, run: &Run, target: &RunRef, cancel: &CancellationToken) -> Next {
    let operation = &job.operation;
    let payload = Payload::of(operation);
    let seen = target.attempt.unwrap_or(run.attempt);
    if !is_open(operation) {
        return if payload.cancel_requested {
            Next::Settle(Verdict::Canceled(Why::new("operation.given-up", "it was given up before it was sent")))
        } else if run.attempt > seen {
            let message = format!("the run is at attempt {}, and a retry of attempt {seen} was asked for", run.attempt);
            Next::Settle(Verdict::Failed(Why::new("run.attempt-passed", message)))
        } else {
            Next::Send
        };
    }
    if payload.result_run.is_some() {
        // It was seen.
        return Next::Settle(Verdict::Done(Effect::Nothing));
    }
    match operation.recovery {
        RecoveryClass::None => Next::Settle(Verdict::Ambiguous(lost_answer(operation))),
        RecoveryClass::IdempotentKey if payload.cancel_requested => Next::Settle(Verdict::Ambiguous(given_up())),
        RecoveryClass::IdempotentKey => Next::Send,
        RecoveryClass::Searchable => search(inner, job, &operation.id.correlation(), cancel).await,
        RecoveryClass::ByState => compare(inner, job, run, target, cancel).await,
    }
}

/// A retry whose trace is an attempt: it is there, or nothing was done.
async fn compare(inner: &Inner, job: &Job, run: &Run, target: &RunRef, cancel: &CancellationToken) -> Next {
    let operation = &job.operation;
    let seen = target.attempt.unwrap_or(run.attempt);
    let call = inner.call(&job.provider, &operation.actor, cancel);
    match inner.world.providers.run(call, RunRef { attempt: None, ..target.clone() }).await {
        Ok(found) => {
            let truth = Observation { standing: Standing::Truth, seen: inner.now(), seen_run: found.run.clone() };
            let attempt = reduce(run, &truth).run.attempt;
            if attempt > seen {
                let seen = novacron_cicd_domain::run::SeenRun { attempt: Some(attempt), ..found.run };
                return Next::Settle(Verdict::Done(Effect::Seen(Box::new(seen))));
            }
            nothing_found(inner, operation)
        }
        Err(error) => Next::Settle(put_off(inner, operation, &Payload::of(operation), &error)),
    }
}

/// Looked for again a little later, before it counts as never done.
fn nothing_found(inner: &Inner, operation: &Operation) -> Next {
    let payload = Payload::of(operation);
    Next::Settle(if payload.looks + 1 < LOOKS {
        Verdict::Unsettled {
            due: inner.now().plus_millis(1000 << payload.looks),
            why: lost_answer(operation),
            looks: payload.looks + 1,
        }
    } else if payload.cancel_requested {
        Verdict::Ambiguous(given_up())
    } else if operation.attempts >= inner.config.attempts {
        Verdict::Ambiguous(lost_answer(operation))
    } else {
        return Next::Send;
    })
}

async fn search(inner: &Inner, job: &Job, token: &str, cancel: &CancellationToken) -> Next {
    let operation = &job.operation;
    if !inner.world.providers.supports(&job.provider, "run-search") {
        return Next::Settle(Verdict::Ambiguous(lost_answer(operation)));
    }
    let since = operation.first_sent.unwrap_or(operation.created).plus_millis(-SKEW);
    let call = inner.call(&job.provider, &operation.actor, cancel);
    let pipeline = job.platform_pipeline.clone();
    Next::Settle(match inner.world.providers.find(call, pipeline, token.to_owned(), since).await {
        Ok(RunMatch::One(found)) => Verdict::Done(Effect::Seen(Box::new(found.run))),
        Ok(RunMatch::Queued(ticket)) => Verdict::Done(Effect::Queued { ticket, folded: false }),
        Ok(RunMatch::Many(runs)) => Verdict::Ambiguous(Why::new(
            "operation.found-many",
            format!("{} runs on the platform may be this one", runs.len()),
        )),
        Ok(RunMatch::None) => return nothing_found(inner, operation),
        // To look again would find out no more.
        Err(CallError { kind: CallErrorKind::Unsupported(_), .. }) => Verdict::Ambiguous(lost_answer(operation)),
        Err(error) => put_off(inner, operation, &Payload::of(operation), &error),
    })
}

/// What cannot be looked at now is looked at later: an outage settles nothing.
fn put_off(inner: &Inner, operation: &Operation, payload: &Payload, error: &CallError) -> Verdict {
    tracing::warn!(operation = %operation.id, %error, code = error.code(), "an open operation cannot be looked up yet");
    let due = backoff::due(inner, (operation.attempts.max(payload.looks) + 1).min(6), None);
    Verdict::Unsettled { due, why: lost_answer(operation), looks: payload.looks }
}

/// For a change that only the platform knows. Where its class is by-state, the function that makes it reads first what is
/// there, so that it is called again.
pub(super) async fn change(inner: &Inner, job: &Job, change: &Change, cancel: &CancellationToken) -> Next {
    let operation = &job.operation;
    let given_up_on = Payload::of(operation).cancel_requested;
    if !is_open(operation) {
        return if given_up_on {
            Next::Settle(Verdict::Canceled(Why::new("operation.given-up", "it was given up before it was sent")))
        } else {
            Next::Send
        };
    }
    match (operation.recovery, change) {
        (RecoveryClass::IdempotentKey | RecoveryClass::ByState, _) if given_up_on => {
            Next::Settle(Verdict::Ambiguous(given_up()))
        }
        (RecoveryClass::IdempotentKey | RecoveryClass::ByState, _) => Next::Send,
        (RecoveryClass::Searchable, Change::SchedulePlay { .. }) => {
            started(search(inner, job, &operation.id.correlation(), cancel).await)
        }
        (RecoveryClass::Searchable, Change::DeploymentStart { .. } | Change::DeploymentRollback { .. }) => {
            deployed(inner, job, cancel).await
        }
        (RecoveryClass::Searchable | RecoveryClass::None, _) => {
            Next::Settle(Verdict::Ambiguous(lost_answer(operation)))
        }
    }
}

fn found(outcome: Outcome) -> Next {
    Next::Settle(Verdict::Done(Effect::Changed(Box::new(Changed { outcome, kept: None }))))
}

/// A run that was found is what the change led to; nothing of it is ours before it is seen as a run of others is.
fn started(next: Next) -> Next {
    match next {
        Next::Settle(Verdict::Done(Effect::Seen(run))) => found(Outcome::Run { run: run.external_id, ticket: None }),
        Next::Settle(Verdict::Done(Effect::Queued { ticket, .. })) => {
            found(Outcome::Run { run: None, ticket: Some(ticket) })
        }
        next => next,
    }
}

async fn deployed(inner: &Inner, job: &Job, cancel: &CancellationToken) -> Next {
    let operation = &job.operation;
    if !inner.world.providers.supports(&job.provider, "deployment-reconciliation") {
        return Next::Settle(Verdict::Ambiguous(lost_answer(operation)));
    }
    let since = operation.first_sent.unwrap_or(operation.created).plus_millis(-SKEW);
    let call = inner.call(&job.provider, &operation.actor, cancel);
    match inner.world.providers.find_deployments(call, operation.id.correlation(), since).await {
        Ok(mut some) if some.len() == 1 => found(Outcome::Deployment { deployment: some.pop(), ticket: None }),
        Ok(none) if none.is_empty() => nothing_found(inner, operation),
        Ok(many) => Next::Settle(Verdict::Ambiguous(Why::new(
            "operation.found-many",
            format!("{} deployments on the platform may be this one", many.len()),
        ))),
        Err(error) => Next::Settle(put_off(inner, operation, &Payload::of(operation), &error)),
    }
}

/// For `run.cancel` of a run that the platform knows.
pub(super) async fn cancel(inner: &Inner, job: &Job, target: Option<&RunRef>, cancel: &CancellationToken) -> Next {
    let operation = &job.operation;
    let payload = Payload::of(operation);
    if !is_open(operation) {
        return if payload.cancel_requested {
            Next::Settle(Verdict::Canceled(Why::new("operation.given-up", "it was given up before it was sent")))
        } else {
            Next::Send
        };
    }
    match (operation.recovery, target) {
        (RecoveryClass::IdempotentKey, _) if !payload.cancel_requested => Next::Send,
        (RecoveryClass::Searchable | RecoveryClass::ByState, Some(target)) => {
            let call = inner.call(&job.provider, &operation.actor, cancel);
            match inner.world.providers.run(call, target.clone()).await {
                Ok(found) if found.run.status.as_ref().is_some_and(is_ending) => {
                    Next::Settle(Verdict::Done(Effect::Seen(Box::new(found.run))))
                }
                Ok(_) if payload.cancel_requested => Next::Settle(Verdict::Ambiguous(given_up())),
                // It goes on there: asked again, it can only end.
                Ok(_) => Next::Send,
                Err(error) => Next::Settle(put_off(inner, operation, &payload, &error)),
            }
        }
        _ => Next::Settle(Verdict::Ambiguous(lost_answer(operation))),
    }
}

fn is_ending(status: &novacron_cicd_domain::status::Status) -> bool {
    status.state.is_terminal() || status.conditions.iter().any(|condition| condition == "cancel-requested")
}
