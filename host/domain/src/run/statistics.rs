//! What the runs of a pipeline have in common: how many succeed, how long they take and wait, which jobs can't make up their mind.
//!
//! Pure: run by run into a [`Tally`], [`Statistics`] out of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    run::{Job, Run},
    status::{State, Times},
};

/// How many flaky jobs and slow steps are said.
const MOST: usize = 10;

/// What the runs of a pipeline have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// How many runs were looked at.
    pub runs: u32,
    /// How many of them are in which state, by their current attempt.
    pub states: BTreeMap<&'static str, u32>,
    /// Those that succeeded, as a part of those that succeeded or failed; none where there are none of either.
    pub success_rate: Option<f64>,
    /// How long attempts took that succeeded or failed.
    pub duration: Option<Spread>,
    /// How long attempts waited before they began.
    pub queued: Option<Spread>,
    /// Jobs that failed and succeeded on the same commit, or in attempts of the same run; the flakiest first.
    pub flaky: Vec<FlakyJob>,
    /// By their median, the slowest first; a job whose platform shows no steps is one.
    pub slowest: Vec<SlowStep>,
}

/// The middle of what was measured, and its upper end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// How many were measured.
    pub count: u32,
    /// Milliseconds that half of them do not exceed.
    pub p50: i64,
    /// Milliseconds that 95 of 100 do not exceed.
    pub p95: i64,
}

/// A job that failed and succeeded with the same source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlakyJob {
    /// What the platform shows.
    pub job: String,
    /// How many commits, or runs whose commit is not known, it both failed and succeeded on.
    pub flips: u32,
    /// How many it was done on.
    pub of: u32,
}

/// How long a step takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowStep {
    /// Of this job.
    pub job: String,
    /// none: the job as a whole, where no steps are known.
    pub step: Option<String>,
    /// How long.
    pub took: Spread,
}

/// What was counted so far.
#[derive(Debug, Default)]
pub struct Tally {
    runs: u32,
    states: BTreeMap<&'static str, u32>,
    durations: Vec<i64>,
    queued: Vec<i64>,
    /// Job and source to the ends that it came to.
    ends: BTreeMap<(String, String), BTreeSet<bool>>,
    steps: BTreeMap<(String, Option<String>), Vec<i64>>,
}

impl Tally {
    /// Takes a run in: its attempts with their graphs, the current one first.
    pub fn take(&mut self, attempts: &[Run]) {
        let Some(current) = attempts.first() else { return };
        self.runs += 1;
        *self.states.entry(current.status.state.as_str()).or_default() += 1;
        for attempt in attempts {
            self.queued.extend(attempt.times.queued_millis());
            if let Some(took) = decided(attempt.status.state).and_then(|_| took(&attempt.times)) {
                self.durations.push(took);
            }
            // What nobody knows the commit of is the same only within its run.
            let source = attempt.commit.clone().unwrap_or_else(|| attempt.id.to_string());
            for job in attempt.graph.iter().flat_map(|graph| &graph.jobs) {
                self.take_job(job, &source);
            }
        }
    }

    fn take_job(&mut self, job: &Job, source: &str) {
        if let Some(end) = decided(job.status.state) {
            self.ends.entry((job.name.clone(), source.to_owned())).or_default().insert(end);
        }
        let steps = job.steps.iter().filter_map(|step| Some((Some(step.name.clone()), took(&step.times)?)));
        let whole = job.steps.is_empty().then(|| Some((None, took(&job.times)?))).flatten();
        for (step, took) in steps.chain(whole) {
            self.steps.entry((job.name.clone(), step)).or_default().push(took);
        }
    }

    /// What came of it.
    #[must_use]
    pub fn statistics(self) -> Statistics {
        let count = |state: State| f64::from(self.states.get(state.as_str()).copied().unwrap_or_default());
        let (succeeded, failed) = (count(State::Succeeded), count(State::Failed));
        let mut flaky: BTreeMap<String, FlakyJob> = BTreeMap::new();
        for ((job, _), ends) in self.ends {
            let seen = flaky.entry(job.clone()).or_insert(FlakyJob { job, flips: 0, of: 0 });
            seen.of += 1;
            seen.flips += u32::from(ends.len() > 1);
        }
        let mut flaky: Vec<_> = flaky.into_values().filter(|job| job.flips > 0).collect();
        flaky.sort_by_key(|job| std::cmp::Reverse(job.flips));
        flaky.truncate(MOST);
        let slow = |((job, step), took)| Some(SlowStep { job, step, took: spread(took)? });
        let mut slowest: Vec<_> = self.steps.into_iter().filter_map(slow).collect();
        slowest.sort_by_key(|step| std::cmp::Reverse(step.took.p50));
        slowest.truncate(MOST);
        Statistics {
            runs: self.runs,
            success_rate: (succeeded + failed > 0.0).then(|| succeeded / (succeeded + failed)),
            states: self.states,
            duration: spread(self.durations),
            queued: spread(self.queued),
            flaky,
            slowest,
        }
    }
}

/// Whether it came to a good end; none where it came to none, or to one that says nothing of the source.
const fn decided(state: State) -> Option<bool> {
    match state {
        State::Succeeded => Some(true),
        State::Failed => Some(false),
        _ => None,
    }
}

fn took(times: &Times) -> Option<i64> {
    times.duration_millis(times.finished?)
}

/// By the nearest rank: each is one of what was measured.
fn spread(mut measured: Vec<i64>) -> Option<Spread> {
    measured.sort_unstable();
    let rank = |percent: usize| measured.get((measured.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    Some(Spread { count: u32::try_from(measured.len()).unwrap_or(u32::MAX), p50: rank(50)?, p95: rank(95)? })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{
        Timestamp,
        id::{PipelineId, ProviderId, RunId},
        name::Name,
        run::{Edges, Graph, Step},
        status::Status,
    };

    fn times(created: i64, started: i64, finished: i64) -> Times {
        Times {
            created: Some(Timestamp(created)),
            started: Some(Timestamp(started)),
            finished: Some(Timestamp(finished)),
            updated: None,
        }
    }

    fn job(name: &str, state: State, took: i64, steps: &[(&str, i64)]) -> Job {
        let step = |(name, took): &(&str, i64)| Step {
            number: 1,
            name: (*name).into(),
            status: Status::ours(State::Succeeded),
            times: times(0, 0, *took),
        };
        Job {
            id: name.into(),
            name: name.into(),
            stage: None,
            status: Status::ours(state),
            times: times(0, 0, took),
            needs: vec![],
            parent: None,
            runner: None,
            url: None,
            steps: steps.iter().map(step).collect(),
        }
    }

    fn run(commit: Option<&str>, state: State, times: Times, jobs: Vec<Job>) -> Run {
        Run {
            commit: commit.map(Into::into),
            status: Status::ours(state),
            times,
            graph: Some(Graph { jobs, edges: Edges::None, complete: true }),
            id: RunId(uuid::Uuid::nil()),
            pipeline: PipelineId(uuid::Uuid::nil()),
            pipeline_name: Name::new("build").unwrap(),
            provider: ProviderId(uuid::Uuid::nil()),
            origin: "us".into(),
            retry_of: None,
            seen: None,
            external_id: None,
            ticket: None,
            number: None,
            attempt: 1,
            correlation: "c".into(),
            cancel_requested: false,
            reference: None,
            actor: None,
            url: None,
            parameters: BTreeMap::new(),
            environment: BTreeMap::new(),
            version: 1,
        }
    }

    #[test]
    fn nothing_is_said_of_no_runs() {
        assert_eq!(Tally::default().statistics(), Statistics::default());
    }

    #[test]
    fn what_ended_well_is_a_part_of_what_ended_by_itself() {
        let mut tally = Tally::default();
        for state in
            [State::Succeeded, State::Succeeded, State::Succeeded, State::Failed, State::Canceled, State::Running]
        {
            tally.take(&[run(None, state, Times::default(), vec![])]);
        }
        let found = tally.statistics();
        assert_eq!((found.runs, found.success_rate), (6, Some(0.75)));
        assert_eq!(found.states["canceled"], 1);
    }

    #[test]
    fn times_are_said_by_their_ranks_and_what_was_canceled_took_no_time_that_counts() {
        let mut tally = Tally::default();
        for took in 1..=100 {
            tally.take(&[run(None, State::Succeeded, times(0, took, took + took * 10), vec![])]);
        }
        tally.take(&[run(None, State::Canceled, times(0, 0, 1_000_000), vec![])]);
        let found = tally.statistics();
        assert_eq!(found.duration, Some(Spread { count: 100, p50: 500, p95: 950 }));
        assert_eq!(found.queued, Some(Spread { count: 101, p50: 50, p95: 95 }));
    }

    #[test]
    fn a_job_that_fails_and_succeeds_on_one_commit_is_flaky() {
        let ended = |commit, state| run(commit, state, Times::default(), vec![job("test", state, 5, &[])]);
        let (good, bad) = (State::Succeeded, State::Failed);
        let rows = [
            ("on one commit", vec![vec![ended(Some("a"), good)], vec![ended(Some("a"), bad)]], vec![("test", 1, 1)]),
            ("on two commits", vec![vec![ended(Some("a"), good)], vec![ended(Some("b"), bad)]], vec![]),
            ("in two attempts", vec![vec![ended(None, good), ended(None, bad)]], vec![("test", 1, 1)]),
            ("it was canceled once", vec![vec![ended(Some("a"), good), ended(Some("a"), State::Canceled)]], vec![]),
        ];
        for (how, runs, expected) in rows {
            let mut tally = Tally::default();
            runs.iter().for_each(|attempts| tally.take(attempts));
            let found = tally.statistics().flaky;
            let found: Vec<_> = found.iter().map(|job| (job.job.as_str(), job.flips, job.of)).collect();
            assert_eq!(found, expected, "{how}");
        }
    }

    #[test]
    fn the_slowest_steps_come_first_and_a_job_without_steps_is_one() {
        let mut tally = Tally::default();
        let jobs = vec![
            job("build", State::Succeeded, 90, &[("fetch", 10), ("make", 70)]),
            job("test", State::Failed, 40, &[]),
        ];
        tally.take(&[run(None, State::Failed, Times::default(), jobs)]);
        let found = tally.statistics().slowest;
        let found: Vec<_> = found.iter().map(|step| (step.job.as_str(), step.step.as_deref(), step.took.p50)).collect();
        assert_eq!(found, [("build", Some("make"), 70), ("test", None, 40), ("build", Some("fetch"), 10)]);
        assert_eq!(spread(vec![7]).unwrap(), Spread { count: 1, p50: 7, p95: 7 });
    }
}
