#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    id::{ProviderId, RunId},
    pipeline::Pipeline,
    run::{Edges, Graph, Job, Run, Step},
    status::{State, Status, Times},
};
use proptest::{collection::vec, option, prelude::*};

use crate::{
    Page, RunFilter, StoreError,
    plan::Scratch,
    sample::{self, NOW},
};

fn with_pipeline() -> (Scratch, Pipeline) {
    let scratch = Scratch::new();
    let provider = sample::provider(1);
    let pipeline = sample::pipeline(1, &provider);
    let mut tx = scratch.tx();
    tx.insert_provider(&provider).unwrap();
    tx.insert_pipeline(&pipeline).unwrap();
    drop(tx);
    (scratch, pipeline)
}

fn any_times() -> impl Strategy<Value = Times> {
    let time = || option::of(any::<i64>().prop_map(Timestamp));
    (time(), time(), time(), time()).prop_map(|(created, started, finished, updated)| Times {
        created,
        started,
        finished,
        updated,
    })
}

fn any_status(states: &'static [State]) -> impl Strategy<Value = Status> {
    (proptest::sample::select(states), option::of(any::<String>()), any::<String>(), vec(any::<String>(), 0..3))
        .prop_map(|(state, reason, platform, conditions)| Status { state, reason, platform, conditions })
}

/// All but the last, which only runs can have.
fn of_jobs() -> &'static [State] {
    &State::ALL[..7]
}

prop_compose! {
    fn any_job()(
        name in any::<String>(),
        stage in option::of(any::<String>()),
        status in any_status(of_jobs()),
        times in any_times(),
        needs in vec(any::<String>(), 0..3),
        texts in (option::of(any::<String>()), option::of(any::<String>()), option::of(any::<String>())),
        steps in vec((any::<String>(), any_status(of_jobs()), any_times()), 0..3),
    ) -> Job {
        let (parent, runner, url) = texts;
        let steps = (1..).zip(steps).map(|(number, (name, status, times))| Step { number, name, status, times });
        Job { id: String::new(), name, stage, status, times, needs, parent, runner, url, steps: steps.collect() }
    }
}

/// Ids out of a small set, so that two graphs share some and not others, in any order.
fn any_graph() -> impl Strategy<Value = Graph> {
    let ids = proptest::sample::subsequence(vec!["a", "b", "c", "ü", ""], 0..=5).prop_shuffle();
    let edges = proptest::sample::select(vec![Edges::Exact, Edges::Approximate, Edges::None]);
    (ids, vec(any_job(), 5), edges, any::<bool>()).prop_map(|(ids, jobs, edges, complete)| Graph {
        jobs: ids.into_iter().zip(jobs).map(|(id, job)| Job { id: id.into(), ..job }).collect(),
        edges,
        complete,
    })
}

prop_compose! {
    /// What a run was asked for comes from the sample, and what may change is anything.
    fn any_run()(
        texts in vec(option::of(any::<String>()), 6),
        attempt in 1..4_u32,
        status in any_status(&State::ALL),
        cancel_requested in any::<bool>(),
        times in any_times(),
        graph in option::of(any_graph()),
    ) -> Run {
        let mut texts = texts.into_iter();
        let mut text = || texts.next().flatten();
        Run {
            external_id: text(),
            ticket: text(),
            number: text(),
            commit: text(),
            actor: text(),
            url: text(),
            attempt,
            status,
            cancel_requested,
            times,
            graph,
            ..sample::run(1, &sample::pipeline(1, &sample::provider(1)))
        }
    }
}

prop_compose! {
    fn any_new_run()(
        run in any_run(),
        origin in any::<String>(),
        correlation in any::<String>(),
        reference in option::of(any::<String>()),
        parameters in any::<BTreeMap<String, String>>(),
        environment in any::<BTreeMap<String, String>>(),
        version in 1..i64::MAX,
    ) -> Run {
        Run { origin, correlation, reference, parameters, environment, version, ..run }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_run_comes_back_as_it_was_stored(run in any_new_run()) {
        let (scratch, _) = with_pipeline();
        scratch.tx().insert_run(&run).unwrap();
        prop_assert_eq!(scratch.tx().run(run.id).unwrap(), run);
    }

    #[test]
    fn any_run_can_become_any_other_of_no_lower_attempt(before in any_run(), after in any_run()) {
        let (scratch, _) = with_pipeline();
        scratch.tx().insert_run(&before).unwrap();
        let outcome = scratch.tx().update_run(&after, before.version);
        if after.attempt < before.attempt {
            prop_assert!(matches!(outcome, Err(StoreError::Invalid { .. })), "{:?}", outcome);
            prop_assert_eq!(scratch.tx().run(before.id).unwrap(), before);
            return Ok(());
        }
        let mut expected = Run { version: outcome.unwrap(), ..after };
        if expected.attempt == before.attempt && expected.graph.is_none() {
            expected.graph.clone_from(&before.graph);
        }
        prop_assert_eq!(expected.version, before.version + 1);
        prop_assert_eq!(&scratch.tx().run(before.id).unwrap(), &expected);
        if expected.attempt > before.attempt {
            let aside = Run { version: expected.version, ..before };
            prop_assert_eq!(scratch.tx().run_attempt(aside.id, aside.attempt).unwrap(), aside);
        }
    }
}

type Change = fn(&mut Graph);

#[test]
fn only_the_jobs_and_steps_that_differ_are_written() {
    let same = |_: &mut Graph| {};
    let a_step = |graph: &mut Graph| graph.jobs[0].steps[1].name = "other".into();
    let a_job = |graph: &mut Graph| graph.jobs[1].runner = None;
    let a_job_more = |graph: &mut Graph| graph.jobs.push(sample::job("z", 3));
    let a_step_less = |graph: &mut Graph| graph.jobs[0].steps.truncate(1);
    let a_job_less = |graph: &mut Graph| graph.jobs.truncate(1);
    let another_order = |graph: &mut Graph| graph.jobs.swap(0, 1);
    let rows: [(&str, Change, usize); 7] = [
        ("the order of two jobs", another_order, 2),
        ("nothing", same, 0),
        ("a step", a_step, 1),
        ("a job", a_job, 1),
        ("a job with three steps more", a_job_more, 4),
        ("a step less", a_step_less, 1),
        ("a job less", a_job_less, 1),
    ];
    for (what, change, expected) in rows {
        let (scratch, pipeline) = with_pipeline();
        let run = sample::run(1, &pipeline);
        scratch.tx().insert_run(&run).unwrap();
        let mut graph = run.graph.unwrap();
        change(&mut graph);
        assert_eq!(scratch.tx().save_graph(run.id, 1, &graph, true).unwrap(), expected, "{what}");
        assert_eq!(scratch.tx().run(run.id).unwrap().graph.unwrap().jobs, graph.jobs, "{what}");
    }
}

#[test]
fn a_change_from_an_old_version_is_stale_and_changes_nothing() {
    let (scratch, pipeline) = with_pipeline();
    let run = sample::run(1, &pipeline);
    scratch.tx().insert_run(&run).unwrap();
    scratch.tx().update_run(&run, 1).unwrap();
    let late = Run { attempt: 2, status: Status::ours(State::Failed), graph: Some(Graph::default()), ..run.clone() };
    let error = scratch.tx().update_run(&late, 1).unwrap_err();
    assert_eq!(error, StoreError::Stale { what: "run", key: run.id.to_string(), expected: 1, found: 2 });
    assert_eq!(scratch.tx().run(run.id).unwrap(), Run { version: 2, ..run });
    assert_eq!(scratch.tx().attempts(late.id).unwrap().len(), 1);
}

#[test]
fn a_graph_that_can_not_be_told_apart_is_refused() {
    let twice = |graph: &mut Graph| graph.jobs.push(sample::job("a", 0));
    let two_steps = |graph: &mut Graph| graph.jobs[0].steps[1].number = 1;
    let ambiguous = |graph: &mut Graph| graph.jobs[0].status.state = State::Ambiguous;
    let rows: [(Change, &str); 3] = [
        (twice, "there are two jobs \"a\""),
        (two_steps, "job \"b\" has two steps 1"),
        (ambiguous, "job \"b\" is ambiguous, and only runs can be"),
    ];
    for (change, expected) in rows {
        let (scratch, pipeline) = with_pipeline();
        let mut run = sample::run(1, &pipeline);
        change(run.graph.as_mut().unwrap());
        let error = scratch.tx().insert_run(&run).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn attempts_are_listed_newest_first_without_graphs() {
    let (scratch, pipeline) = with_pipeline();
    let mut run = sample::run(1, &pipeline);
    scratch.tx().insert_run(&run).unwrap();
    for attempt in [2, 5] {
        run.attempt = attempt;
        run.version = scratch.tx().update_run(&run, run.version).unwrap();
    }
    let attempts = scratch.tx().attempts(run.id).unwrap();
    assert_eq!(attempts.iter().map(|run| run.attempt).collect::<Vec<_>>(), [5, 2, 1]);
    assert!(attempts.iter().all(|run| run.graph.is_none()));
    assert_eq!(scratch.tx().run_attempt(run.id, 5).unwrap(), run);
    let error = scratch.tx().run_attempt(run.id, 4).unwrap_err();
    assert_eq!(error, StoreError::not_found("attempt", format!("4 of run {}", run.id)));
}

#[test]
fn a_new_run_needs_a_pipeline_that_is_not_deleted() {
    let (scratch, pipeline) = with_pipeline();
    scratch.tx().delete_pipeline(pipeline.id, NOW).unwrap();
    let error = scratch.tx().insert_run(&sample::run(1, &pipeline)).unwrap_err();
    assert_eq!(error, StoreError::not_found("pipeline", pipeline.id));
}

#[test]
fn lists_are_filtered_and_load_no_jobs() {
    let (scratch, pipeline) = with_pipeline();
    let other = sample::pipeline(2, &sample::provider(1));
    scratch.tx().insert_pipeline(&other).unwrap();
    for n in 1..=6 {
        let mut run = sample::run(n, if n % 2 == 0 { &pipeline } else { &other });
        run.status.state = if n <= 3 { State::Failed } else { State::Running };
        scratch.tx().insert_run(&run).unwrap();
    }
    let of = |filter: RunFilter| {
        let runs = scratch.tx().runs(&Page::default(), &filter).unwrap().items;
        assert!(runs.iter().all(|run| run.graph.is_none()));
        runs.into_iter().map(|run| (1..=6).find(|n| run.id == RunId(sample::uuid(*n))).unwrap()).collect::<Vec<_>>()
    };
    let (pipeline, provider, state) = (Some(pipeline.id), Some(pipeline.provider), Some(State::Failed));
    let none = RunFilter::default();
    assert_eq!(of(none), [6, 5, 4, 3, 2, 1]);
    assert_eq!(of(RunFilter { pipeline, ..none }), [6, 4, 2]);
    assert_eq!(of(RunFilter { state, ..none }), [3, 2, 1]);
    assert_eq!(of(RunFilter { pipeline, state, ..none }), [2]);
    assert_eq!(of(RunFilter { pipeline, provider, state }), [2]);
    let unknown = Some(ProviderId(sample::uuid(9)));
    assert_eq!(of(RunFilter { provider: unknown, ..none }), [0_u64; 0]);
    let active = scratch.tx().active_runs(provider.unwrap(), 2).unwrap();
    assert_eq!(active.iter().map(|run| run.id).collect::<Vec<_>>(), [6, 5].map(|n| RunId(sample::uuid(n))));
}

#[test]
fn runs_are_polled_and_missed_in_the_order_of_their_times() {
    let (scratch, pipeline) = with_pipeline();
    let mut tx = scratch.tx();
    for n in 1..=3 {
        let run = sample::run(n, &pipeline);
        tx.insert_run(&run).unwrap();
        let at = NOW.plus_millis(-(i64::try_from(n).unwrap()));
        tx.set_next_poll(run.id, Some(at)).unwrap();
        tx.set_run_callback(run.id, &format!("hash-{n}"), Some(at)).unwrap();
    }
    let id = |n| RunId(sample::uuid(n));
    let ids = |runs: Vec<Run>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
    assert_eq!(ids(tx.runs_to_poll(NOW, 9).unwrap()), [id(3), id(2), id(1)]);
    assert_eq!(ids(tx.runs_to_poll(NOW, 2).unwrap()), [id(3), id(2)]);
    assert_eq!(ids(tx.silent_runs(NOW.plus_millis(-2), 9).unwrap()), [id(3), id(2)]);
    assert_eq!(tx.next_poll().unwrap(), Some(NOW.plus_millis(-3)));
    assert_eq!(tx.next_heartbeat().unwrap(), Some(NOW.plus_millis(-3)));

    tx.set_next_poll(id(3), None).unwrap();
    assert!(tx.touch_heartbeat(id(3), NOW.plus_millis(9)).unwrap());
    assert_eq!(ids(tx.runs_to_poll(NOW, 9).unwrap()), [id(2), id(1)]);
    assert_eq!(ids(tx.silent_runs(NOW, 9).unwrap()), [id(2), id(1)]);
    let error = tx.touch_heartbeat(id(9), NOW).unwrap_err();
    assert_eq!(error, StoreError::not_found("run", id(9)));
}

#[test]
fn a_run_that_is_over_is_not_silent() {
    let (scratch, pipeline) = with_pipeline();
    let mut tx = scratch.tx();
    let mut run = sample::run(1, &pipeline);
    tx.insert_run(&run).unwrap();
    tx.set_run_callback(run.id, "hash", Some(NOW)).unwrap();
    assert_eq!(tx.run_by_callback_token("hash").unwrap().map(|run| run.id), Some(run.id));
    assert_eq!(tx.run_by_callback_token("other").unwrap(), None);
    run.status = Status::ours(State::Succeeded);
    tx.update_run(&run, 1).unwrap();
    assert_eq!(tx.silent_runs(NOW, 9).unwrap(), []);
    assert_eq!(tx.next_heartbeat().unwrap(), None);
    assert!(!tx.touch_heartbeat(run.id, NOW).unwrap());
    assert_eq!(tx.next_heartbeat().unwrap(), None);
}

#[test]
fn runs_of_an_external_id_are_found_newest_first() {
    let (scratch, pipeline) = with_pipeline();
    for n in 1..=2 {
        let run = Run { external_id: Some("same".into()), ..sample::run(n, &pipeline) };
        scratch.tx().insert_run(&run).unwrap();
    }
    let found = scratch.tx().runs_by_external_id(pipeline.provider, "same").unwrap();
    let ids: Vec<_> = found.into_iter().map(|run| run.id).collect();
    assert_eq!(ids, [2, 1].map(|n| RunId(sample::uuid(n))));
    assert_eq!(scratch.tx().runs_by_external_id(pipeline.provider, "none").unwrap(), []);
}

#[test]
fn a_run_that_does_another_again_outlives_its_pipeline_and_says_so() {
    let (scratch, pipeline) = with_pipeline();
    let mut tx = scratch.tx();
    let first = sample::run(1, &pipeline);
    tx.insert_run(&first).unwrap();
    tx.delete_pipeline(pipeline.id, NOW).unwrap();
    let again = Run { retry_of: Some(first.id), ..sample::run(2, &pipeline) };
    tx.insert_run(&again).unwrap();
    assert_eq!(tx.run(again.id).unwrap(), again);
    assert_eq!(tx.run(first.id).unwrap().retry_of, None);
    assert_eq!(tx.platform_pipeline(again.id).unwrap(), None);
    tx.pin_platform_pipeline(again.id, "theirs").unwrap();
    assert_eq!(tx.platform_pipeline(again.id).unwrap().as_deref(), Some("theirs"));
    let other = sample::run(3, &pipeline);
    assert!(tx.insert_run(&other).is_err(), "all others are of a pipeline that is there");
}
