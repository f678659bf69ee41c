//! The reducer against histories that a platform can have, delivered as badly as networks deliver.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    id::{PipelineId, ProviderId, RunId},
    name::Name,
    run::{Change, Edges, Graph, Job, Observation, Run, SeenRun, Standing, Step, heartbeat, reduce},
    status::{State, Status, Times},
};
use proptest::prelude::*;

fn run() -> Run {
    Run {
        id: RunId(uuid::Uuid::nil()),
        pipeline: PipelineId(uuid::Uuid::nil()),
        pipeline_name: Name::new("backend-build").unwrap(),
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
        cancel_requested: false,
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
        name: format!("job {id}"),
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

fn step(number: u32, state: State) -> Step {
    Step { number, name: format!("step {number}"), status: Status::ours(state), times: Times::default() }
}

fn all(jobs: &[(&str, State)]) -> Option<Graph> {
    let jobs = jobs.iter().map(|(id, state)| job(id, *state)).collect();
    Some(Graph { jobs, edges: Edges::None, complete: true })
}

fn some(jobs: &[(&str, State)]) -> Option<Graph> {
    all(jobs).map(|graph| Graph { complete: false, ..graph })
}

fn seen(at: i64, state: State) -> Observation {
    let seen_run = SeenRun { status: Some(Status::ours(state)), ..SeenRun::default() };
    Observation { standing: Standing::Truth, seen: Timestamp(at), seen_run }
}

fn with(mut observation: Observation, change: impl FnOnce(&mut SeenRun)) -> Observation {
    change(&mut observation.seen_run);
    observation
}

fn hint(observation: Observation) -> Observation {
    Observation { standing: Standing::Hint, ..observation }
}

/// As the engine does it: what is not a change is not written.
fn after(run: &Run, observations: &[Observation]) -> Run {
    observations.iter().fold(run.clone(), |run, observation| {
        let reduced = reduce(&run, observation);
        if reduced.changes.is_empty() { run } else { reduced.run }
    })
}

fn states(run: &Run) -> Vec<(&str, State)> {
    run.graph.iter().flat_map(|graph| &graph.jobs).map(|job| (job.id.as_str(), job.status.state)).collect()
}

#[test]
fn truth_moves_a_run_to_its_end_and_tells_each_move() {
    use State::{Pending, Running, Succeeded};
    let first = reduce(&run(), &with(seen(10, Running), |run| run.graph = some(&[("a", Running)])));
    assert_eq!(
        first.changes,
        [
            Change::RunState { from: Pending, to: Running },
            Change::JobState { job: "a".into(), from: None, to: Running }
        ]
    );
    assert_eq!(first.run.version, 1);
    let graph = |state| {
        let mut graph = all(&[("a", Succeeded), ("b", state)]).unwrap();
        graph.jobs[1].steps.push(step(1, state));
        Some(graph)
    };
    let second = reduce(&first.run, &with(seen(20, Running), |run| run.graph = graph(Running)));
    assert_eq!(
        second.changes,
        [
            Change::JobState { job: "a".into(), from: Some(Running), to: Succeeded },
            Change::JobState { job: "b".into(), from: None, to: Running },
            Change::StepState { job: "b".into(), step: 1, from: None, to: Running },
        ]
    );
    let third = reduce(&second.run, &with(seen(30, Succeeded), |run| run.graph = graph(Succeeded)));
    assert_eq!(third.changes[0], Change::RunState { from: Running, to: Succeeded });
    assert_eq!(third.changes.len(), 3);
    assert_eq!((third.run.times.started, third.run.times.finished), (Some(Timestamp(10)), Some(Timestamp(30))));
    assert!([first, second, third].iter().all(|reduced| !reduced.wake));
}

#[test]
fn a_forged_terminal_hint_changes_nothing_and_asks_for_a_read() {
    let running = after(&run(), &[seen(10, State::Running)]);
    for state in State::ALL {
        let forged = with(hint(seen(i64::MAX, state)), |run| {
            run.attempt = Some(9);
            run.external_id = Some("forged".into());
            run.graph = all(&[("forged", state)]);
        });
        let reduced = reduce(&running, &forged);
        assert_eq!((&reduced.run, reduced.changes.len(), reduced.wake), (&running, 0, true), "{state}");
    }
}

#[test]
fn a_hint_asks_for_a_read_only_where_it_says_something_new() {
    let done = after(&run(), &[with(seen(10, State::Succeeded), |run| run.graph = all(&[("a", State::Succeeded)]))]);
    let nothing = with(hint(seen(20, State::Succeeded)), |run| run.status = None);
    for (what, hint, wake) in [
        ("only that something happened", nothing, true),
        ("the state that is known", hint(seen(20, State::Succeeded)), false),
        ("another state", hint(seen(20, State::Running)), true),
        ("an older attempt", with(hint(seen(20, State::Failed)), |run| run.attempt = Some(0)), false),
        ("a newer attempt", with(hint(seen(20, State::Succeeded)), |run| run.attempt = Some(2)), true),
        (
            "a job that is not known",
            with(hint(seen(20, State::Succeeded)), |run| run.graph = some(&[("b", State::Failed)])),
            true,
        ),
    ] {
        assert_eq!(reduce(&done, &hint).wake, wake, "{what}");
    }
}

#[test]
fn a_terminal_state_is_final_within_its_attempt() {
    for terminal in State::ALL.into_iter().filter(|state| state.is_terminal()) {
        let done = after(&run(), &[seen(10, terminal)]);
        for later in State::ALL {
            let reduced = reduce(&done, &seen(20, later));
            assert_eq!(reduced.run.status.state, terminal, "{terminal} then {later}");
            assert!(reduced.changes.is_empty(), "{terminal} then {later}: {:?}", reduced.changes);
        }
    }
}

#[test]
fn a_terminal_truth_is_taken_however_late_it_comes() {
    let running = after(&run(), &[seen(50, State::Running)]);
    assert_eq!(after(&running, &[seen(10, State::Failed)]).status.state, State::Failed);
    assert_eq!(after(&running, &[seen(10, State::Waiting)]).status.state, State::Running);
}

#[test]
fn the_platforms_clock_orders_truths_where_it_says_it() {
    let at = |seen_at, updated, state| with(seen(seen_at, state), |run| run.times.updated = Some(Timestamp(updated)));
    // The read that came back last saw the earlier state.
    let run = after(&run(), &[at(100, 40, State::Waiting), at(200, 30, State::Running)]);
    assert_eq!((run.status.state, run.times.updated), (State::Waiting, Some(Timestamp(40))));
}

#[test]
fn an_ambiguous_run_is_settled_by_any_truth() {
    let mut lost = run();
    lost.status = Status::ours(State::Ambiguous);
    for state in [State::Pending, State::Running, State::Failed] {
        let reduced = reduce(&lost, &seen(10, state));
        assert_eq!(reduced.changes, [Change::RunState { from: State::Ambiguous, to: state }]);
    }
}

#[test]
fn a_newer_attempt_begins_anew_and_an_older_one_changes_nothing() {
    let first = with(seen(10, State::Failed), |run| {
        run.attempt = Some(1);
        run.external_id = Some("77".into());
        run.graph = all(&[("a", State::Failed)]);
        run.times.started = Some(Timestamp(5));
    });
    let mut before = after(&run(), std::slice::from_ref(&first));
    before.cancel_requested = true;
    let second = with(seen(5, State::Running), |run| run.attempt = Some(2));
    let reduced = reduce(&before, &second);
    assert_eq!(
        reduced.changes,
        [Change::AttemptOpened { attempt: 2 }, Change::RunState { from: State::Failed, to: State::Running }]
    );
    let now = reduced.run;
    assert_eq!((now.attempt, &now.graph, now.cancel_requested), (2, &None, false));
    assert_eq!((now.times.started, now.times.finished), (Some(Timestamp(5)), None));
    assert_eq!(now.external_id.as_deref(), Some("77"));
    let late = reduce(&now, &Observation { seen: Timestamp(99), ..first });
    assert_eq!((late.run, late.changes, late.wake), (now, Vec::new(), false));
}

#[test]
fn work_under_a_finished_run_opens_an_attempt_where_the_platform_counts_none() {
    use State::{Canceled, Failed, Pending, Running, Skipped, Succeeded, Waiting};
    let finished = with(seen(10, Succeeded), |run| run.graph = all(&[("a", Succeeded), ("gate", Waiting)]));
    let finished = after(&run(), &[finished]);
    let rows: [(&str, i64, State, Option<Graph>, u32); 12] = [
        ("a new job runs", 20, Running, some(&[("b", Running)]), 2),
        ("a new job is queued", 20, Pending, some(&[("b", Pending)]), 2),
        ("the gate was opened", 20, Running, all(&[("a", Succeeded), ("gate", Running)]), 2),
        (
            "a new job ran and ended between two reads",
            20,
            Failed,
            all(&[("a", Succeeded), ("gate", Waiting), ("b", Failed)]),
            2,
        ),
        ("no new job", 20, Running, all(&[("a", Succeeded), ("gate", Waiting)]), 1),
        ("a known job came to life", 20, Running, all(&[("a", Running), ("gate", Waiting)]), 1),
        ("another gate", 20, Succeeded, some(&[("c", Waiting)]), 1),
        ("a job that was skipped", 20, Succeeded, all(&[("a", Succeeded), ("gate", Waiting), ("c", Skipped)]), 1),
        ("nothing is said of jobs", 20, Running, None, 1),
        ("seen before the end", 9, Running, some(&[("b", Running)]), 1),
        ("seen at the end", 10, Running, some(&[("b", Running)]), 1),
        ("a late job of which not all is known", 20, Succeeded, some(&[("b", Canceled)]), 1),
    ];
    for (what, at, state, graph, attempt) in rows {
        let observation = with(seen(at, state), |run| run.graph = graph);
        let reduced = reduce(&finished, &observation);
        assert_eq!(reduced.run.attempt, attempt, "{what}");
        let opened = reduced.changes.first() == Some(&Change::AttemptOpened { attempt: 2 });
        assert_eq!(opened, attempt == 2, "{what}: {:?}", reduced.changes);
        assert_eq!(reduced.run.status.state, if attempt == 2 { state } else { Succeeded }, "{what}");
        assert!(reduce(&reduced.run, &observation).changes.is_empty(), "{what}");
    }
}

#[test]
fn unknown_is_not_empty() {
    let full = with(seen(10, State::Running), |run| {
        let mut graph = all(&[("a", State::Running)]).unwrap();
        graph.edges = Edges::Exact;
        graph.jobs[0].needs = vec!["x".into()];
        graph.jobs[0].runner = Some("r1".into());
        graph.jobs[0].steps = vec![step(1, State::Running), step(2, State::Pending)];
        run.graph = Some(graph);
        run.commit = Some("abc".into());
        run.url = Some("https://ci.example/1".into());
        run.times.started = Some(Timestamp(3));
    });
    let known = after(&run(), &[full]);
    for (what, graph) in [
        ("no graph", None),
        ("a graph without jobs", some(&[])),
        ("a job without steps, runner and needs", all(&[("a", State::Running)])),
    ] {
        let reduced = reduce(&known, &with(seen(20, State::Running), |run| run.graph = graph));
        assert_eq!(reduced.run.graph, known.graph, "{what}");
        assert_eq!((&reduced.run.commit, &reduced.run.url), (&known.commit, &known.url), "{what}");
        assert_eq!(reduced.run.times.started, Some(Timestamp(3)), "{what}");
        assert!(reduced.changes.is_empty(), "{what}: {:?}", reduced.changes);
    }
}

#[test]
fn all_jobs_replace_what_is_known_and_some_are_merged() {
    use State::{Pending, Running, Succeeded};
    let known = after(&run(), &[with(seen(10, Running), |run| run.graph = all(&[("a", Succeeded), ("b", Running)]))]);
    for (what, at, graph, expected, complete) in [
        ("all", 20, all(&[("c", Pending), ("b", Succeeded)]), vec![("c", Pending), ("b", Succeeded)], true),
        ("none at all", 20, all(&[]), vec![], true),
        ("some", 20, some(&[("c", Pending)]), vec![("a", Succeeded), ("b", Running), ("c", Pending)], false),
        ("some, known", 20, some(&[("b", Succeeded)]), vec![("a", Succeeded), ("b", Succeeded)], true),
        (
            "a job back to life",
            20,
            all(&[("a", Running), ("b", Running)]),
            vec![("a", Succeeded), ("b", Running)],
            true,
        ),
        ("all, but earlier", 5, all(&[("z", Running), ("b", Pending)]), vec![("a", Succeeded), ("b", Running)], true),
        ("an end, but earlier", 5, all(&[("b", Succeeded)]), vec![("a", Succeeded), ("b", Succeeded)], true),
        ("one twice", 20, all(&[("b", Running), ("b", Succeeded)]), vec![("b", Succeeded)], true),
    ] {
        let now = reduce(&known, &with(seen(at, Running), |run| run.graph = graph)).run;
        assert_eq!(states(&now), expected, "{what}");
        assert_eq!(now.graph.unwrap().complete, complete, "{what}");
    }
}

#[test]
fn times_only_get_more_precise() {
    let started =
        |at, started: Option<i64>| with(seen(at, State::Running), |run| run.times.started = started.map(Timestamp));
    for (what, observations, expected) in [
        ("ours, where the platform says none", vec![started(12_345, None)], 12_345),
        ("the platform's instead of ours", vec![started(12_345, None), started(20_000, Some(11_900))], 11_900),
        ("none erases nothing", vec![started(12_345, Some(11_900)), started(20_000, None)], 11_900),
        (
            "a coarser one does not replace it",
            vec![started(12_345, Some(11_900)), started(20_000, Some(11_000))],
            11_900,
        ),
        ("a finer one does", vec![started(12_345, Some(11_000)), started(20_000, Some(11_900))], 11_900),
        ("a correction does", vec![started(12_345, Some(11_900)), started(20_000, Some(14_000))], 14_000),
        ("an older one does not", vec![started(20_000, Some(14_000)), started(12_345, Some(11_900))], 14_000),
    ] {
        assert_eq!(after(&run(), &observations).times.started, Some(Timestamp(expected)), "{what}");
    }
}

#[test]
fn a_platform_whose_clock_is_behind_ours_is_believed() {
    let at = |seen_at, updated, state| with(seen(seen_at, state), |run| run.times.updated = Some(Timestamp(updated)));
    // What answers a trigger tells no time, what is read later tells one of an hour ago.
    let story = [seen(5_000, State::Pending), at(5_010, 1_400, State::Running), at(5_020, 1_410, State::Waiting)];
    let waiting = after(&run(), &story);
    assert_eq!(waiting.status.state, State::Waiting);
    assert_eq!((waiting.times.updated, waiting.seen), (Some(Timestamp(1_410)), Some(Timestamp(5_020))));
    // One that tells no time is compared by our clock alone.
    assert_eq!(after(&waiting, &[seen(5_015, State::Running)]).status.state, State::Waiting);
    assert_eq!(after(&waiting, &[seen(5_030, State::Running)]).status.state, State::Running);
}

#[test]
fn a_read_that_finds_nothing_new_is_nothing_to_write() {
    let read = |at| with(seen(at, State::Running), |run| run.graph = all(&[("a", State::Running)]));
    let known = after(&run(), &[read(10)]);
    let reduced = reduce(&known, &read(20));
    assert!(reduced.changes.is_empty());
    // But where the platform says that something changed, that is one.
    let updated = with(read(20), |run| run.times.updated = Some(Timestamp(19)));
    assert_eq!(reduce(&known, &updated).changes, [Change::Details]);
    let linked = with(read(20), |run| run.url = Some("https://ci.example/1".into()));
    assert_eq!(reduce(&known, &linked).changes, [Change::Details]);
}

#[test]
fn a_silent_run_is_lost_and_what_had_begun_of_it_too() {
    use State::{Ambiguous, Failed, Pending, Running, Skipped, Succeeded};
    let known = with(seen(10, Running), |run| {
        let mut graph = all(&[("a", Succeeded), ("b", Running), ("c", Pending)]).unwrap();
        graph.jobs[1].steps = vec![step(1, Succeeded), step(2, Running)];
        run.graph = Some(graph);
    });
    let known = after(&run(), &[known]);
    let deadline = heartbeat::deadline(Timestamp(10), heartbeat::DEFAULT_SILENCE_MILLIS);
    assert_eq!(deadline, Timestamp(900_010));
    assert_eq!(heartbeat::end_if_silent(&known, deadline, Timestamp(900_010)), None);

    let lost = heartbeat::end_if_silent(&known, deadline, Timestamp(900_011)).unwrap();
    assert_eq!(lost.run.status, Status::ours(Failed).because("lost"));
    assert_eq!(lost.run.times.finished, Some(Timestamp(900_011)));
    assert_eq!(states(&lost.run), [("a", Succeeded), ("b", Failed), ("c", Skipped)]);
    assert_eq!(lost.changes.len(), 4);
    // A word that comes after all does not bring it back.
    assert_eq!(after(&lost.run, &[seen(900_020, Succeeded)]).status.state, Failed);

    assert_eq!(heartbeat::end_if_silent(&lost.run, deadline, Timestamp(999_999)), None);
    let ambiguous = Run { status: Status::ours(Ambiguous), ..known };
    assert_eq!(heartbeat::end_if_silent(&ambiguous, deadline, Timestamp(999_999)), None);
}

/// What happened on the platform: attempts, each of some unfinished states and, but for the last, an end.
#[derive(Clone, Debug)]
struct History {
    truths: Vec<Observation>,
}

fn history(counted: bool, clock: bool) -> impl Strategy<Value = History> {
    let unfinished = prop_oneof![Just(State::Pending), Just(State::Running), Just(State::Waiting)];
    let terminal = prop_oneof![Just(State::Succeeded), Just(State::Failed), Just(State::Canceled)];
    let attempt = (proptest::collection::vec(unfinished, 1..4), terminal);
    (proptest::collection::vec(attempt, 1..4), any::<bool>()).prop_map(move |(attempts, ends)| {
        let mut truths = Vec::new();
        let last = attempts.len() - 1;
        let mut earlier: Vec<(String, State)> = Vec::new();
        for (nth, (unfinished, terminal)) in attempts.into_iter().enumerate() {
            let id = format!("j{nth}");
            let states = unfinished.into_iter().chain((nth < last || ends).then_some(terminal));
            for state in states {
                let at = 10 * (i64::try_from(truths.len()).unwrap() + 1);
                // A run that waits has a job that was running: without it, nothing of it would be new.
                let of_job = if state == State::Waiting { State::Running } else { state };
                let jobs: Vec<(&str, State)> =
                    earlier.iter().map(|(id, state)| (id.as_str(), *state)).chain([(id.as_str(), of_job)]).collect();
                truths.push(with(seen(at, state), |run| {
                    run.graph = all(&jobs);
                    run.attempt = counted.then(|| u32::try_from(nth).unwrap() + 1);
                    run.times.updated = clock.then_some(Timestamp(at - 3));
                }));
            }
            earlier.push((id, terminal));
        }
        History { truths }
    })
}

/// What reaches us of it: in any order, some twice, some never, hints in between; but the last truth does.
fn delivered(history: History) -> impl Strategy<Value = (Observation, Vec<Observation>)> {
    let last = history.truths.last().unwrap().clone();
    let count = history.truths.len();
    let picks = proptest::collection::vec((0..count, any::<bool>()), 0..12);
    (picks, Just(history), Just(last)).prop_flat_map(|(picks, history, last)| {
        let mut observations = vec![last.clone()];
        for (place, forged) in picks {
            let truth = history.truths[place].clone();
            observations.push(if forged { hint(seen(99_999, State::Canceled)) } else { truth });
        }
        (Just(last), Just(observations).prop_shuffle())
    })
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// The engine writes what `reduce` calls a change; the platform's clock tells truths apart.
    #[test]
    fn any_delivery_ends_in_the_last_truth_where_attempts_are_counted(
        (last, observations) in history(true, true).prop_flat_map(delivered)
    ) {
        let end = after(&run(), &observations);
        prop_assert_eq!(end.status.state, last.seen_run.status.unwrap().state);
        prop_assert_eq!(Some(end.attempt), last.seen_run.attempt);
        let jobs = last.seen_run.graph.unwrap().jobs;
        prop_assert_eq!(states(&end).len(), jobs.len());
    }

    #[test]
    fn any_delivery_ends_in_the_last_truth_where_no_attempts_are_counted(
        (last, observations) in history(false, true).prop_flat_map(delivered)
    ) {
        let end = after(&run(), &observations);
        prop_assert_eq!(end.status.state, last.seen_run.status.unwrap().state);
    }

    /// Without the platform's clock, ours must be kept: then each result is written, changed or not.
    #[test]
    fn any_delivery_ends_in_the_last_truth_by_our_own_clock(
        (last, observations) in history(true, false).prop_flat_map(delivered)
    ) {
        let end = observations.iter().fold(run(), |run, observation| reduce(&run, observation).run);
        prop_assert_eq!(end.status.state, last.seen_run.status.unwrap().state);
        prop_assert_eq!(Some(end.attempt), last.seen_run.attempt);
    }

    #[test]
    fn twice_is_once_and_nothing_goes_back(
        (_, observations) in (any::<bool>(), any::<bool>())
            .prop_flat_map(|(counted, clock)| history(counted, clock)).prop_flat_map(delivered)
    ) {
        let mut known = run();
        for observation in &observations {
            let once = reduce(&known, observation);
            let twice = reduce(&once.run, observation);
            prop_assert!(twice.changes.is_empty(), "{:?}", twice.changes);
            prop_assert_eq!(&twice.run, &once.run);
            prop_assert!(once.run.attempt >= known.attempt);
            if once.run.attempt == known.attempt && known.status.state.is_terminal() {
                prop_assert_eq!(once.run.status.state, known.status.state);
            }
            if once.changes.is_empty() {
                prop_assert_eq!(&Run { seen: known.seen, ..once.run.clone() }, &known);
            }
            if observation.standing == Standing::Hint {
                prop_assert_eq!(&once.run, &known);
            }
            known = once.run;
        }
    }
}
