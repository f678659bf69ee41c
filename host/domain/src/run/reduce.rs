//! The one reducer: what is known of a run and what was seen of it, to what is known now.
//!
//! Observations come from polls, webhooks and callbacks, in any order, twice, late or not at all. The end is the same:
//! - A hint changes nothing; it asks for a read.
//! - A truth of an older attempt changes nothing, one of a newer attempt begins that attempt.
//! - Within an attempt a terminal state is final, and it is taken however late it is seen: nothing can have come after it.
//!   Of all other states that of the latest truth counts.
//! - Where the platform counts no attempts, work that begins under a finished run is attempt n + 1.
//! - What an observation does not say stays as it is: unknown is not empty.
//!
//! Of two truths that one is later which is so by the platform's clock (`times.updated`), where the platform told the time with both of
//! them, else by ours. A time of one clock is never compared with one of the other: a platform's clock may be minutes behind, and what it
//! shows then would never be the latest. `Run::times.updated` and `Run::seen` keep the latest of each; nothing else may write them.

mod graph;
#[cfg(test)]
mod properties;

use std::cmp::Ordering;

use super::{Graph, Observation, Run, SeenRun, Standing};
use crate::{
    Timestamp,
    status::{State, Status, Times},
};

/// What became of an observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduced {
    /// The run as it is known now; its `version` is as before.
    pub run: Run,
    /// What to tell, in order. Empty: nothing to write. Then `run` differs at most in when it was last seen, which may
    /// be written with the next change, as long as truths of one run are not applied side by side.
    pub changes: Vec<Change>,
    /// Whether the platform should be read: a hint says something that is not known.
    pub wake: bool,
}

/// One thing that changed; each is told as an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new attempt began; it comes before all changes of that attempt.
    AttemptOpened {
        /// Its number.
        attempt: u32,
    },
    /// The run moved.
    RunState {
        /// From there; across attempts where `AttemptOpened` comes before.
        from: State,
        /// To there.
        to: State,
    },
    /// A job moved, or was seen for the first time.
    JobState {
        /// The platform's id of it.
        job: String,
        /// none: it was not known.
        from: Option<State>,
        /// Where it stands.
        to: State,
    },
    /// A step of a job moved, or was seen for the first time.
    StepState {
        /// The platform's id of its job.
        job: String,
        /// Its place in the job.
        step: u32,
        /// none: it was not known.
        from: Option<State>,
        /// Where it stands.
        to: State,
    },
    /// Something beside the states: times, links, names, edges.
    Details,
}

/// Takes an observation into what is known of a run.
#[must_use]
pub fn reduce(current: &Run, observation: &Observation) -> Reduced {
    let seen = &observation.seen_run;
    let older = seen.attempt.is_some_and(|attempt| attempt < current.attempt);
    if older {
        return Reduced { run: current.clone(), changes: Vec::new(), wake: false };
    }
    if observation.standing == Standing::Hint {
        return Reduced { run: current.clone(), changes: Vec::new(), wake: is_news(current, observation) };
    }
    let opened = opened_attempt(current, observation);
    let (mut run, mut changes) = match opened {
        Some(attempt) => (reopened(current, attempt), vec![Change::AttemptOpened { attempt }]),
        None => (current.clone(), Vec::new()),
    };
    // Of a run that begins anew no truth is known yet, so this one is the latest.
    let fresh = opened.is_some() || !is_stale(current, observation);
    let before = run.clone();

    if let Some(status) = &seen.status {
        let state = run.status.state;
        if state.is_terminal() {
            refine(&mut run.status, status);
        } else if fresh || (status.state.is_terminal() && !is_overtaken(current, observation)) {
            run.status = status.clone();
            note_times(&mut run.times, state, status.state, &seen.times, observation.seen);
        }
    }
    merge_times(&mut run.times, &seen.times, fresh);
    merge_identity(&mut run, seen, fresh);
    if let Some(graph) = &seen.graph {
        let merged = graph::merge(run.graph.take(), graph, observation.seen, fresh);
        changes.extend(graph::changes(before.graph.as_ref(), &merged));
        run.graph = Some(merged);
    }

    if run.status.state != current.status.state || opened.is_some() {
        let at = usize::from(opened.is_some());
        changes.insert(at, Change::RunState { from: current.status.state, to: run.status.state });
    } else if changes.is_empty() && run != before {
        changes.push(Change::Details);
    }
    // Last, and by itself no change: a poll that finds nothing new is nothing to write.
    run.seen = run.seen.max(Some(observation.seen));
    Reduced { run, changes, wake: false }
}

/// Whether a truth comes after or before the latest that is known; none where none is known.
fn order(current: &Run, truth: &Observation) -> Option<Ordering> {
    match (truth.seen_run.times.updated, current.times.updated) {
        (Some(told), Some(known)) => Some(told.cmp(&known)),
        _ => Some(truth.seen.cmp(&current.seen?)),
    }
}

/// Whether a later truth is known already.
fn is_stale(current: &Run, observation: &Observation) -> bool {
    order(current, observation) == Some(Ordering::Less)
}

/// Whether an end that was seen late is that of an earlier attempt which the platform did not count: jobs are known that
/// were not there yet. Both clocks must agree that it is late, since a run whose end is passed over never ends.
fn is_overtaken(current: &Run, truth: &Observation) -> bool {
    let (Some(known), Some(seen)) = (&current.graph, &truth.seen_run.graph) else { return false };
    truth.seen_run.attempt.is_none()
        && seen.complete
        && is_stale(current, truth)
        && current.seen.is_some_and(|known| truth.seen < known)
        && known.jobs.iter().any(|known| seen.jobs.iter().all(|job| job.id != known.id))
}

/// Whether a hint says anything that is not known: only then is it worth a read.
fn is_news(current: &Run, hint: &Observation) -> bool {
    let said = |status: &Status| status.state == current.status.state;
    let repeats = hint.seen_run.status.as_ref().is_some_and(said);
    if !repeats {
        return true;
    }
    let as_truth = Observation { standing: Standing::Truth, ..hint.clone() };
    !reduce(current, &as_truth).changes.is_empty()
}

/// The attempt that a truth begins; none: it is about the current one.
fn opened_attempt(current: &Run, truth: &Observation) -> Option<u32> {
    if let Some(attempt) = truth.seen_run.attempt {
        return (attempt > current.attempt).then_some(attempt);
    }
    // Strictly later than the end that we know: a late read of the running attempt is no new one.
    let later = order(current, truth) == Some(Ordering::Greater);
    let (Some(status), Some(graph)) = (&truth.seen_run.status, &truth.seen_run.graph) else { return None };
    if !current.status.state.is_terminal() || !later {
        return None;
    }
    let began = if status.state.is_terminal() {
        ran_meanwhile(current.graph.as_ref(), graph)
    } else {
        // A finished run may keep jobs that wait for a person; it goes on when one of them begins.
        graph.jobs.iter().any(|job| {
            let known = current.graph.as_ref().and_then(|graph| graph.jobs.iter().find(|known| known.id == job.id));
            let rested = known.is_none_or(|known| known.status.state == State::Waiting);
            rested && matches!(job.status.state, State::Pending | State::Running)
        })
    };
    began.then(|| current.attempt.saturating_add(1))
}

/// Whether jobs ran that were not there at the end: an attempt that began and ended between two reads.
fn ran_meanwhile(known: Option<&Graph>, seen: &Graph) -> bool {
    let Some(known) = known.filter(|known| known.complete && seen.complete) else { return false };
    let is_new = |id: &str| known.jobs.iter().all(|job| job.id != id);
    seen.jobs
        .iter()
        .any(|job| matches!(job.status.state, State::Succeeded | State::Failed | State::Canceled) && is_new(&job.id))
}

/// The run at the begin of an attempt: who and what it is stays, what became of it is open.
fn reopened(current: &Run, attempt: u32) -> Run {
    Run {
        attempt,
        status: Status::ours(State::Pending),
        times: Times::default(),
        graph: None,
        ticket: None,
        cancel_requested: false,
        ..current.clone()
    }
}

/// Says more of a state that stays: only what was not said before.
fn refine(known: &mut Status, seen: &Status) {
    if known.state != seen.state {
        return;
    }
    if known.reason.is_none() {
        known.reason.clone_from(&seen.reason);
    }
    if known.platform.is_empty() {
        known.platform.clone_from(&seen.platform);
    }
    for condition in &seen.conditions {
        if !known.conditions.contains(condition) {
            known.conditions.push(condition.clone());
        }
    }
}

/// Where the platform says no times, ours of the moment when a move was seen are near enough.
fn note_times(times: &mut Times, from: State, to: State, said: &Times, seen: Timestamp) {
    if from == to {
        return;
    }
    if to == State::Running && times.started.is_none() && said.started.is_none() {
        times.started = Some(seen);
    }
    if to.is_terminal() && times.finished.is_none() && said.finished.is_none() {
        times.finished = Some(seen);
    }
}

/// Times only get more precise: none erases nothing, and a coarser time does not replace a finer one.
fn merge_times(known: &mut Times, seen: &Times, fresh: bool) {
    // The first one stays: whoever asked counts from there.
    known.created = known.created.or(seen.created);
    for (known, seen) in [(&mut known.started, seen.started), (&mut known.finished, seen.finished)] {
        match (*known, seen) {
            (None, Some(_)) => *known = seen,
            (Some(old), Some(new)) if fresh && !is_coarser(new, old) => *known = seen,
            _ => {}
        }
    }
    if fresh {
        known.updated = known.updated.max(seen.updated);
    }
}

/// Whether `one` is `other` in whole seconds.
fn is_coarser(one: Timestamp, other: Timestamp) -> bool {
    one.0.rem_euclid(1000) == 0 && one.0.div_euclid(1000) == other.0.div_euclid(1000)
}

fn merge_identity(run: &mut Run, seen: &SeenRun, fresh: bool) {
    // The platform's id is what all else is looked up by: once known it stays.
    run.external_id = run.external_id.take().or_else(|| seen.external_id.clone());
    if run.external_id.is_some() {
        run.ticket = None;
    }
    for (known, seen) in [
        (&mut run.number, &seen.number),
        (&mut run.commit, &seen.commit),
        (&mut run.actor, &seen.actor),
        (&mut run.url, &seen.url),
    ] {
        take_text(known, seen, fresh);
    }
}

/// A later word replaces an earlier one, an older one only fills a gap, and none is no word.
fn take_text(known: &mut Option<String>, seen: &Option<String>, fresh: bool) {
    if seen.is_some() && (fresh || known.is_none()) {
        known.clone_from(seen);
    }
}
