//! Runs that report by callback must be heard of: one that is silent past its deadline is lost.

use super::{
    Run,
    reduce::{Change, Reduced},
};
use crate::{
    Timestamp,
    status::{State, Status, Times},
};

/// How long a run may be silent where nothing else is set.
pub const DEFAULT_SILENCE_MILLIS: i64 = 15 * 60 * 1000;

/// The reason that a lost run and its jobs get.
pub const LOST: &str = "lost";

/// Until when a run must be heard of again; every callback of it counts, and so does being sent.
#[must_use]
pub const fn deadline(heard: Timestamp, silence_millis: i64) -> Timestamp {
    heard.plus_millis(silence_millis)
}

/// Ends a run that was silent past its deadline as failed, reason `lost`; none where there is nothing to end.
///
/// An ambiguous run is not lost: nobody knows whether there is one to be heard of. What had begun is failed with it,
/// what had not is skipped.
#[must_use]
pub fn end_if_silent(current: &Run, deadline: Timestamp, now: Timestamp) -> Option<Reduced> {
    let state = current.status.state;
    if now <= deadline || state.is_terminal() || state == State::Ambiguous {
        return None;
    }
    let mut run = current.clone();
    let mut changes = vec![Change::RunState { from: state, to: State::Failed }];
    run.status = Status { platform: run.status.platform, ..Status::ours(State::Failed).because(LOST) };
    run.times.finished = Some(now);
    for job in run.graph.iter_mut().flat_map(|graph| &mut graph.jobs) {
        if let Some((from, to)) = lose(&mut job.status, &mut job.times, now) {
            changes.push(Change::JobState { job: job.id.clone(), from: Some(from), to });
        }
        for step in &mut job.steps {
            if let Some((from, to)) = lose(&mut step.status, &mut step.times, now) {
                changes.push(Change::StepState { job: job.id.clone(), step: step.number, from: Some(from), to });
            }
        }
    }
    Some(Reduced { run, changes, wake: false })
}

fn lose(status: &mut Status, times: &mut Times, now: Timestamp) -> Option<(State, State)> {
    let from = status.state;
    let to = match from {
        _ if from.is_terminal() => return None,
        State::Pending => State::Skipped,
        _ => State::Failed,
    };
    *status = Status { platform: std::mem::take(&mut status.platform), ..Status::ours(to).because(LOST) };
    times.finished = Some(now);
    Some((from, to))
}
