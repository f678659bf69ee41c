//! What went wrong in simulated worlds, each told again in a few lines, so that it stays found when those worlds change.

use super::{
    discover::{changes, pushed},
    *,
};
use crate::engine::testing::{Step, found, seen};
use novacron_cicd_domain::{
    platform::{CallErrorKind, RunMatch, Ticket},
    run::{Edges, Graph, Job, SeenRun},
};

#[tokio::test]
async fn a_run_that_went_on_is_read_until_it_was_read() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
    {
        let mut scene = sim.platform.scene();
        scene.interfaces.insert("run-changes");
        scene.attempts = Some(1);
        scene.states = [("b1".to_owned(), State::Succeeded)].into();
        scene.changes = [changes(vec![pushed("b1", State::Running)], "p1")].into();
    }
    let _engine = sim.engine();
    let run = sim.by_external_id("b1").await.id;
    sim.until("its end", move |state| Ok(state.run(run)?.status.state == State::Succeeded)).await;
    {
        let mut scene = sim.platform.scene();
        scene.attempts = Some(2);
        scene.states = [("b1".to_owned(), State::Failed)].into();
        // Its attempt is over when it is told of, and told of once.
        let again = pushed("b1", State::Failed);
        let again = novacron_cicd_domain::platform::FoundRun {
            run: SeenRun { attempt: Some(2), ..again.run.clone() },
            ..again
        };
        scene.changes = [changes(vec![again], "p2")].into();
        scene.unreadable = Some(CallErrorKind::Transient);
    }
    let (platform, before) = (sim.platform.clone(), sim.platform.scene().read);
    sim.until("a read that fails", move |_| Ok(platform.scene().read > before)).await;
    sim.platform.scene().unreadable = None;
    sim.until("its second end", move |state| {
        let run = state.run(run)?;
        Ok((run.attempt, run.status.state) == (2, State::Failed))
    })
    .await;
}

#[tokio::test]
async fn a_run_that_went_on_and_ended_between_two_looks_has_a_second_attempt_also_where_none_are_counted() {
    let ended = |jobs: &[&str], finished: i64| {
        let job = |id: &&str| Job {
            id: (*id).into(),
            name: (*id).into(),
            stage: None,
            status: Status::ours(State::Failed),
            times: Times::default(),
            needs: Vec::new(),
            parent: None,
            runner: None,
            url: None,
            steps: Vec::new(),
        };
        let graph = Graph { jobs: jobs.iter().map(job).collect(), edges: Edges::None, complete: true };
        let times = Times { created: Some(Timestamp(START)), finished: Some(Timestamp(finished)), ..Times::default() };
        SeenRun { times, graph: Some(graph), ..seen("b1", State::Failed) }
    };
    let sim = Sim::listing().await;
    let show = |run: SeenRun| {
        let mut scene = sim.platform.scene();
        // Lists show no jobs.
        let listed = found("theirs".into(), SeenRun { graph: None, ..run.clone() });
        (scene.listed, scene.shows) = (vec![listed], [run].into());
    };
    show(SeenRun { status: Some(Status::ours(State::Running)), ..ended(&[], START) });
    let _engine = sim.engine();
    let run = sim.by_external_id("b1").await.id;
    show(ended(&["a"], START + 1));
    sim.until("its end", move |state| Ok(state.run(run)?.status.state == State::Failed)).await;
    show(ended(&["a", "b"], START + 2));
    sim.until("a second attempt", move |state| Ok(state.run(run)?.attempt == 2)).await;
    assert_eq!(sim.run(run).await.status.state, State::Failed);
}

#[tokio::test]
async fn what_the_platform_had_taken_and_knows_no_more_is_lost_after_a_while_and_no_earlier() {
    // What the trigger was answered, whether the queue forgot it, whether its end was asked for.
    for (answer, forgot, canceled) in
        [(Ticket::Queued("item-7".into()), true, false), (Ticket::Unknown(None), false, true)]
    {
        let sim = Sim::new(Reporting::Poll, RecoveryClass::Searchable).await;
        {
            let mut scene = sim.platform.scene();
            scene.steps = [Step::Answer(answer.clone())].into();
            (scene.forgot, scene.search) = (forgot, Some(Ok(RunMatch::None)));
        }
        let (run, trigger) = sim.trigger().await;
        let _engine = sim.engine();
        sim.until_operation(trigger, OperationState::Done).await;
        let cancel = if canceled { Some(sim.cancel(run).await) } else { None };
        let (platform, before) = (sim.platform.clone(), sim.platform.scene().searches);
        sim.until("a look", move |_| Ok(platform.scene().searches >= before + 2)).await;
        sim.clock.advance(Duration::from_secs(300));
        sim.until("its end", move |state| Ok(state.run(run)?.status.state.is_terminal())).await;
        let run = sim.run(run).await;
        assert_eq!((run.status.state, run.status.reason.as_deref()), (State::Failed, Some("lost")), "{answer:?}");
        let took = run.times.finished.unwrap().since(Timestamp(START));
        assert!(took >= 600_000, "{answer:?}: lost after {took} ms");
        if let Some(cancel) = cancel {
            sim.until_operation(cancel, OperationState::Done).await;
        }
    }
}

#[tokio::test]
async fn what_a_retry_made_is_not_anothers_while_the_retry_waits_to_be_sent_again() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    {
        let mut scene = sim.platform.scene();
        scene.interfaces.insert("run-changes");
        scene.steps = [
            Step::Fail(CallErrorKind::OutcomeUnknown, true),
            Step::Fail(CallErrorKind::RateLimited(Some(300_000)), false),
        ]
        .into();
    }
    let failed = sim.failed().await;
    let _engine = sim.engine();
    sim.looks(1).await;
    let retry = sim.retry(failed).await;
    let platform = sim.platform.clone();
    sim.until("two sendings", move |_| Ok(platform.scene().retries.len() == 2)).await;
    sim.platform.scene().changes = [changes(vec![pushed("ext-1", State::Running)], "p1")].into();
    sim.looks(3).await;
    assert_eq!(sim.runs().await.len(), 1, "it was taken for another's");
    sim.until_operation(retry, OperationState::Done).await;
    assert_eq!(sim.result(retry).await.external_id.as_deref(), Some("ext-1"));
    sim.looks(3).await;
    assert_eq!(sim.runs().await.len(), 2);
}
