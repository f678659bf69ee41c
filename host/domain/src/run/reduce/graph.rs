//! The jobs of a run: merged by id, their steps by number.

use std::collections::HashMap;

use super::{Change, merge_times, note_times, refine, take_text};
use crate::{
    Timestamp,
    run::{Edges, Graph, Job, Step},
    status::{State, Status, Times},
};

/// How a truth stands to what is known: when it was seen, and whether it is the latest.
#[derive(Clone, Copy)]
struct Standpoint {
    at: Timestamp,
    fresh: bool,
}

/// Takes the jobs that were seen into those that are known. All jobs (`complete`) of the latest truth replace them.
pub(super) fn merge(known: Option<Graph>, seen: &Graph, at: Timestamp, fresh: bool) -> Graph {
    let from = Standpoint { at, fresh };
    let replaces = seen.complete && (fresh || known.is_none());
    let known = known.unwrap_or_default();
    let was_complete = known.complete;
    let edges = match (known.edges, seen.edges) {
        (kept, Edges::None) => kept,
        (Edges::None, said) => said,
        (kept, said) => {
            if fresh {
                said
            } else {
                kept
            }
        }
    };
    let mut earlier: HashMap<String, Job> = HashMap::new();
    let mut jobs: Vec<Job> = Vec::with_capacity(known.jobs.len().max(seen.jobs.len()));
    let mut places: HashMap<String, usize> = HashMap::new();
    for job in known.jobs {
        if replaces {
            earlier.insert(job.id.clone(), job);
        } else {
            places.insert(job.id.clone(), jobs.len());
            jobs.push(job);
        }
    }
    let mut grown = false;
    for job in &seen.jobs {
        if let Some(&place) = places.get(&job.id) {
            merge_job(&mut jobs[place], job, from);
            continue;
        }
        // All jobs are known, and by a later truth than this one: this job was taken away since.
        if was_complete && !fresh {
            continue;
        }
        let mut merged = earlier.remove(&job.id).unwrap_or_else(|| unseen(job));
        merge_job(&mut merged, job, from);
        grown = true;
        places.insert(job.id.clone(), jobs.len());
        jobs.push(merged);
    }
    Graph { jobs, edges, complete: replaces || (was_complete && !grown) }
}

/// What is told of the jobs and steps of `now`, in their order.
pub(super) fn changes(before: Option<&Graph>, now: &Graph) -> Vec<Change> {
    let before = before.map_or(&[][..], |graph| &graph.jobs);
    let known: HashMap<&str, &Job> = before.iter().map(|job| (job.id.as_str(), job)).collect();
    let mut changes = Vec::new();
    for job in &now.jobs {
        let earlier = known.get(job.id.as_str());
        let from = earlier.map(|job| job.status.state);
        if from != Some(job.status.state) {
            changes.push(Change::JobState { job: job.id.clone(), from, to: job.status.state });
        }
        for step in &job.steps {
            let earlier = earlier.and_then(|job| job.steps.iter().find(|known| known.number == step.number));
            let from = earlier.map(|step| step.status.state);
            if from != Some(step.status.state) {
                let (job, to) = (job.id.clone(), step.status.state);
                changes.push(Change::StepState { job, step: step.number, from, to });
            }
        }
    }
    changes
}

/// A job of which nothing is known yet but that it is there.
fn unseen(job: &Job) -> Job {
    Job {
        id: job.id.clone(),
        name: job.name.clone(),
        stage: None,
        status: Status::ours(State::Pending),
        times: Times::default(),
        needs: Vec::new(),
        parent: None,
        runner: None,
        url: None,
        steps: Vec::new(),
    }
}

fn merge_job(known: &mut Job, seen: &Job, from: Standpoint) {
    let from = own_standpoint(&known.times, &seen.times, from);
    merge_status(&mut known.status, &mut known.times, (&seen.status, &seen.times), from);
    if from.fresh && !seen.name.is_empty() {
        known.name.clone_from(&seen.name);
    }
    if !seen.needs.is_empty() && (from.fresh || known.needs.is_empty()) {
        known.needs.clone_from(&seen.needs);
    }
    for (known, seen) in [
        (&mut known.stage, &seen.stage),
        (&mut known.parent, &seen.parent),
        (&mut known.runner, &seen.runner),
        (&mut known.url, &seen.url),
    ] {
        take_text(known, seen, from.fresh);
    }
    for step in &seen.steps {
        match known.steps.binary_search_by_key(&step.number, |step| step.number) {
            Ok(place) => merge_step(&mut known.steps[place], step, from),
            Err(place) => {
                let mut merged = Step { status: Status::ours(State::Pending), times: Times::default(), ..step.clone() };
                merge_step(&mut merged, step, from);
                known.steps.insert(place, merged);
            }
        }
    }
}

fn merge_step(known: &mut Step, seen: &Step, from: Standpoint) {
    let from = own_standpoint(&known.times, &seen.times, from);
    merge_status(&mut known.status, &mut known.times, (&seen.status, &seen.times), from);
    if from.fresh && !seen.name.is_empty() {
        known.name.clone_from(&seen.name);
    }
}

/// Where the platform says when a job or step last changed, that counts more than when the run was seen.
fn own_standpoint(known: &Times, seen: &Times, from: Standpoint) -> Standpoint {
    match (known.updated, seen.updated) {
        (Some(known), Some(seen)) => Standpoint { fresh: seen >= known, ..from },
        _ => from,
    }
}

/// The rule of a run's state, for its parts: terminal is final and always taken, else the latest truth counts.
fn merge_status(known: &mut Status, times: &mut Times, (status, said): (&Status, &Times), from: Standpoint) {
    if known.state.is_terminal() {
        refine(known, status);
    } else if status.state.is_terminal() || from.fresh {
        note_times(times, known.state, status.state, said, from.at);
        known.clone_from(status);
    } else if *known == Status::ours(State::Pending) {
        // Only that it is there was known: an older truth says more.
        known.clone_from(status);
    }
    merge_times(times, said, from.fresh);
}
