//! What holds of the reducer whatever is seen: also what no platform would say, in orders that no network makes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::{
    id::{PipelineId, ProviderId, RunId},
    name::Name,
    run::{Edges, Job},
};

const HOUR: i64 = 60 * 60 * 1000;

fn run() -> Run {
    Run {
        id: RunId(uuid::Uuid::nil()),
        pipeline: PipelineId(uuid::Uuid::nil()),
        pipeline_name: Name::new("build").unwrap(),
        provider: ProviderId(uuid::Uuid::nil()),
        origin: "us".into(),
        retry_of: None,
        seen: None,
        external_id: None,
        ticket: Some("queue/7".into()),
        number: None,
        attempt: 1,
        correlation: "c".into(),
        status: Status::ours(State::Pending),
        cancel_requested: true,
        times: Times { created: Some(Timestamp(1)), ..Times::default() },
        reference: None,
        commit: None,
        actor: None,
        url: None,
        parameters: BTreeMap::new(),
        environment: BTreeMap::new(),
        graph: None,
        version: 1,
    }
}

fn job(id: &str, state: State) -> Job {
    Job {
        id: id.into(),
        name: id.into(),
        stage: None,
        status: Status::ours(state),
        times: Times::default(),
        needs: Vec::new(),
        parent: None,
        runner: None,
        url: None,
        steps: Vec::new(),
    }
}

fn state() -> impl Strategy<Value = State> {
    select(State::ALL.into_iter().filter(|state| *state != State::Ambiguous).collect::<Vec<_>>())
}

fn graph() -> impl Strategy<Value = Graph> {
    let jobs = proptest::collection::btree_map(select(vec!["a", "b", "c", "d"]), state(), 0..4);
    (jobs, any::<bool>()).prop_map(|(jobs, complete)| {
        let jobs = jobs.into_iter().map(|(id, state)| job(id, state)).collect();
        Graph { jobs, edges: Edges::None, complete }
    })
}

fn at() -> impl Strategy<Value = Timestamp> {
    (10..100_i64).prop_map(Timestamp)
}

prop_compose! {
    fn observation(standing: Standing)(
        seen in at(),
        attempt in option::weighted(0.3, 1..4_u32),
        status in option::weighted(0.8, state()),
        graph in option::weighted(0.6, graph()),
        (updated, started) in (option::of(at()), option::of(at())),
        external_id in option::of(Just("77".to_owned())),
        commit in option::of("[0-9a-f]{4}"),
    ) -> Observation {
        let times = Times { updated, started, ..Times::default() };
        let status = status.map(Status::ours);
        let seen_run = SeenRun { external_id, attempt, status, times, commit, graph, ..SeenRun::default() };
        Observation { standing, seen, seen_run }
    }
}

fn truth() -> impl Strategy<Value = Observation> {
    observation(Standing::Truth)
}

/// A run of which something was seen already.
fn known() -> impl Strategy<Value = Run> {
    vec(truth(), 0..5).prop_map(|truths| truths.iter().fold(run(), |run, truth| reduce(&run, truth).run))
}

fn states(run: &Run) -> BTreeMap<&str, State> {
    run.graph.iter().flat_map(|graph| &graph.jobs).map(|job| (job.id.as_str(), job.status.state)).collect()
}

fn jobs(graph: Option<&Graph>) -> BTreeSet<&str> {
    graph.into_iter().flat_map(|graph| &graph.jobs).map(|job| job.id.as_str()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hint_changes_nothing_whatever_it_says(run in known(), forged in observation(Standing::Hint)) {
        let reduced = reduce(&run, &forged);
        prop_assert_eq!(reduced.run, run);
        prop_assert_eq!(reduced.changes, []);
    }

    #[test]
    fn nothing_goes_back_within_an_attempt_and_no_attempt_comes_back(run in known(), truth in truth()) {
        let after = reduce(&run, &truth).run;
        prop_assert!(after.attempt >= run.attempt);
        if truth.seen_run.attempt.is_some_and(|attempt| attempt < run.attempt) {
            prop_assert_eq!(&after, &run);
        }
        if after.attempt == run.attempt {
            if run.status.state.is_terminal() {
                prop_assert_eq!(after.status.state, run.status.state);
            }
            let now = states(&after);
            for (id, state) in states(&run).into_iter().filter(|(_, state)| state.is_terminal()) {
                prop_assert!(now.get(id).is_none_or(|now| *now == state), "{id} was {state}, is {:?}", now.get(id));
            }
        }
    }

    #[test]
    fn a_new_attempt_is_a_new_execution(run in known(), truth in truth()) {
        let reduced = reduce(&run, &truth);
        let (after, seen) = (&reduced.run, &truth.seen_run);
        let opened = matches!(reduced.changes.first(), Some(Change::AttemptOpened { attempt }) if *attempt == after.attempt);
        prop_assert_eq!(opened, after.attempt > run.attempt);
        if opened {
            prop_assert_eq!(jobs(after.graph.as_ref()), jobs(seen.graph.as_ref()));
            let told = seen.status.as_ref().map_or(State::Pending, |status| status.state);
            prop_assert_eq!(after.status.state, told);
            prop_assert_eq!((after.cancel_requested, &after.ticket), (false, &None));
            let begun = seen.times.started.or((told == State::Running).then_some(truth.seen));
            prop_assert_eq!((after.times.started, after.times.finished), (begun, told.is_terminal().then_some(truth.seen)));
            // Who it is does not change with that.
            let id = run.external_id.as_ref().or(seen.external_id.as_ref());
            prop_assert_eq!((after.id, &after.correlation, after.external_id.as_ref()), (run.id, &run.correlation, id));
        }
    }

    #[test]
    fn what_is_not_said_is_not_forgotten(run in known(), truth in truth()) {
        let after = reduce(&run, &truth).run;
        prop_assert!(run.external_id.is_none() || after.external_id == run.external_id);
        prop_assert!(run.commit.is_none() || after.commit.is_some());
        if after.attempt == run.attempt {
            prop_assert!(run.times.started.is_none() || after.times.started.is_some());
            if truth.seen_run.graph.as_ref().is_none_or(|graph| !graph.complete) {
                prop_assert!(jobs(run.graph.as_ref()).is_subset(&jobs(after.graph.as_ref())));
            }
        }
    }

    #[test]
    fn what_is_told_is_what_changed_and_only_that(run in known(), truth in truth()) {
        let reduced = reduce(&run, &truth);
        let after = &reduced.run;
        let mut told = (Vec::new(), BTreeMap::new());
        for change in &reduced.changes {
            match change {
                Change::RunState { from, to } => told.0.push((*from, *to)),
                Change::JobState { job, from, to } => {
                    prop_assert!(told.1.insert(job.as_str(), (*from, *to)).is_none(), "{job} twice");
                }
                _ => {}
            }
        }
        let opened = after.attempt > run.attempt;
        let moved = opened || after.status.state != run.status.state;
        let expected: Vec<_> = moved.then_some((run.status.state, after.status.state)).into_iter().collect();
        prop_assert_eq!(told.0, expected);
        let before = if opened { BTreeMap::new() } else { states(&run) };
        let moves = states(after).into_iter().map(|(id, to)| (id, (before.get(id).copied(), to)));
        prop_assert_eq!(told.1, moves.filter(|(_, (from, to))| *from != Some(*to)).collect());
        prop_assert_eq!(&reduce(after, &truth).changes, &[]);
    }

    /// A job that somebody plays an hour after the end, where nobody counts attempts.
    #[test]
    fn work_long_after_the_end_is_the_next_attempt_and_ends_like_one(
        run in known(),
        end in select(vec![State::Succeeded, State::Failed, State::Canceled]),
        last in select(vec![State::Succeeded, State::Failed, State::Canceled]),
        hints in vec(observation(Standing::Hint), 0..3),
        is_seen in any::<bool>(),
    ) {
        let told = |at, state, jobs: &[(&str, State)]| Observation {
            standing: Standing::Truth,
            seen: Timestamp(at),
            seen_run: SeenRun {
                status: Some(Status::ours(state)),
                graph: Some(Graph { jobs: jobs.iter().map(|(id, state)| job(id, *state)).collect(), edges: Edges::None, complete: true }),
                ..SeenRun::default()
            },
        };
        // All that was known comes to its end first.
        let over = told(1_000, end, &[("built", end)]);
        let over = reduce(&reduce(&run, &over).run, &Observation { seen: Timestamp(1_001), ..over }).run;
        prop_assert!(over.status.state.is_terminal());
        let mut story = vec![told(HOUR, State::Running, &[("built", end), ("played", State::Running)])];
        if !is_seen {
            story.clear();
        }
        story.extend(hints);
        story.push(told(2 * HOUR, last, &[("built", end), ("played", last)]));
        let after = story.iter().fold(over.clone(), |run, seen| reduce(&run, seen).run);
        prop_assert_eq!((after.attempt, after.status.state), (over.attempt + 1, last));
    }
}
