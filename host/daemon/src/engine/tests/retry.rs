use super::{crash::TRANSACTIONS, *};
use crate::engine::{
    payload::Retry,
    testing::{Step, Stop, seen},
};
use novacron_cicd_domain::platform::{CallErrorKind, RetryScope, Ticket};

impl Sim {
    /// A run that has failed on the platform as `ext-0`.
    pub(super) async fn failed(&self) -> RunId {
        let run = Run {
            external_id: Some("ext-0".into()),
            status: Status::ours(State::Failed),
            ..super::run(&self.pipeline)
        };
        let id = run.id;
        self.store.write(move |tx| tx.insert_run(&run)).await.unwrap();
        id
    }

    pub(super) async fn retry(&self, run: RunId) -> OperationId {
        let retry = Some(Retry { scope: RetryScope::Failed, attempt: 1 });
        let payload = Payload { retry, ..Payload::default() }.json();
        let operation = Operation { payload, ..self.operation(OperationKind::RunRetry, Some(run)) };
        let id = operation.id;
        self.store.write(move |tx| tx.insert_operation(&operation)).await.unwrap();
        id
    }

    pub(super) async fn result(&self, operation: OperationId) -> Run {
        self.run(Payload::of(&self.show(operation).await).result_run.unwrap()).await
    }

    /// What there is of retries on the platform: runs that were made, or attempts beside the first.
    fn again(&self) -> usize {
        let scene = self.platform.scene();
        scene.attempts.map_or(scene.runs.len(), |attempts| attempts as usize - 1)
    }
}

#[tokio::test]
async fn a_retry_is_a_new_attempt_or_a_new_run_that_says_which_it_does_again() {
    for attempts in [Some(1), None] {
        let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
        sim.platform.scene().attempts = attempts;
        let failed = sim.failed().await;
        let operation = sim.retry(failed).await;
        let _engine = sim.engine();
        sim.until_operation(operation, OperationState::Done).await;
        let result = sim.result(operation).await;
        let (argument, reference, scope, token) = sim.platform.scene().retries[0].clone();
        assert_eq!(
            (argument.id, scope, token.as_str()),
            (operation, RetryScope::Failed, &*operation.0.simple().to_string())
        );
        assert_eq!(
            (reference.pipeline.as_str(), reference.run.as_str(), reference.attempt),
            ("theirs", "ext-0", Some(1))
        );
        match attempts {
            Some(_) => assert_eq!((result.id, result.attempt, result.retry_of), (failed, 2, None)),
            None => {
                assert_eq!((result.attempt, result.retry_of), (1, Some(failed)));
                assert_eq!((result.origin.as_str(), result.correlation), ("retry", token));
                assert_eq!(result.external_id.as_deref(), Some("ext-1"));
                assert_eq!(sim.run(failed).await.status.state, State::Failed, "terminal is final");
                assert_eq!(sim.told(result.id).await[0], "run.created");
            }
        }
        let id = result.id;
        sim.until("it is followed", move |state| Ok(state.run(id)?.status.state == State::Running)).await;
    }
}

#[tokio::test]
async fn after_a_crash_at_any_transaction_a_retry_is_done_once() {
    for (class, attempts) in [
        (RecoveryClass::IdempotentKey, None),
        (RecoveryClass::IdempotentKey, Some(1)),
        (RecoveryClass::Searchable, None),
        (RecoveryClass::ByState, Some(1)),
    ] {
        for nth in 1..=TRANSACTIONS {
            for stop in [Stop::Before, Stop::After] {
                let sim = Sim::new(Reporting::Poll, class).await;
                sim.platform.scene().attempts = attempts;
                let failed = sim.failed().await;
                let operation = sim.retry(failed).await;
                sim.crash(nth, stop, operation).await;
                let _engine = sim.engine();
                sim.until_operation(operation, OperationState::Done).await;
                let place = format!("{class:?} {attempts:?} transaction {nth} {stop:?}");
                assert_eq!(sim.again(), 1, "{place}");
                let runs = sim.store.read(|state| state.runs(&Page::default(), &RunFilter::default())).await.unwrap();
                assert_eq!(runs.items.len(), if attempts.is_some() { 1 } else { 2 }, "{place}");
                assert_eq!(sim.result(operation).await.attempt, attempts.map_or(1, |_| 2), "{place}");
            }
        }
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_retry_is_settled_by_its_class() {
    // Class, whether a retry is an attempt, whether the platform did it, what becomes of it, how often it was sent.
    for (class, attempts, acted, expected, sent) in [
        (RecoveryClass::IdempotentKey, None, true, OperationState::Done, 2),
        (RecoveryClass::Searchable, None, true, OperationState::Done, 1),
        (RecoveryClass::Searchable, None, false, OperationState::Done, 2),
        (RecoveryClass::ByState, Some(1), true, OperationState::Done, 1),
        (RecoveryClass::ByState, Some(1), false, OperationState::Done, 2),
        (RecoveryClass::None, None, true, OperationState::Ambiguous, 1),
        (RecoveryClass::None, None, false, OperationState::Ambiguous, 1),
    ] {
        let sim = Sim::new(Reporting::Poll, class).await;
        sim.platform.scene().attempts = attempts;
        sim.platform.scene().steps = [Step::Fail(CallErrorKind::OutcomeUnknown, acted)].into();
        let failed = sim.failed().await;
        let operation = sim.retry(failed).await;
        let _engine = sim.engine();
        sim.until_operation(operation, expected).await;
        let row = format!("{class:?} {attempts:?} {acted}");
        assert_eq!(sim.platform.scene().retries.len(), sent, "{row}");
        assert_eq!(sim.again(), usize::from(acted || expected == OperationState::Done), "{row}");
    }
}

#[tokio::test]
async fn without_a_class_a_retry_is_never_sent_twice_whatever_crashes() {
    for nth in 1..=TRANSACTIONS {
        for stop in [Stop::Before, Stop::After] {
            let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
            let failed = sim.failed().await;
            let operation = sim.retry(failed).await;
            sim.crash(nth, stop, operation).await;
            let before = sim.show(operation).await;
            let open = before.first_sent.is_some() && !before.state.is_settled();
            let _engine = sim.engine();
            sim.until_operation(operation, if open { OperationState::Ambiguous } else { OperationState::Done }).await;
            assert!(sim.platform.scene().retries.len() <= 1, "transaction {nth} {stop:?}");
        }
    }
}

#[tokio::test]
async fn a_retry_whose_answer_is_a_place_in_the_queue_is_a_run_that_waits_there() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
    sim.platform.scene().steps = [Step::Answer(Ticket::Queued("item-7".into()))].into();
    sim.platform.scene().tickets =
        [Ticket::Queued("item-7".into()), Ticket::Run(Box::new(seen("ext-9", State::Running)))].into();
    let failed = sim.failed().await;
    let operation = sim.retry(failed).await;
    let _engine = sim.engine();
    sim.until_operation(operation, OperationState::Done).await;
    let made = sim.result(operation).await.id;
    sim.until("a run", move |state| Ok(state.run(made)?.external_id.as_deref() == Some("ext-9"))).await;
    assert_eq!(sim.run(made).await.retry_of, Some(failed));
}

#[tokio::test]
async fn what_the_platform_does_not_take_or_name_is_said_and_the_run_stays_as_it_ended() {
    for (step, search, expected, code) in [
        (Step::Answer(Ticket::Canceled(Some("paused".into()))), true, OperationState::Failed, "operation.dropped"),
        (Step::Answer(Ticket::Unknown(None)), false, OperationState::Ambiguous, "operation.no-trace"),
        (Step::Fail(CallErrorKind::Conflict, false), true, OperationState::Failed, "call.conflict"),
        (Step::Fail(CallErrorKind::NotFound, false), true, OperationState::Failed, "call.not-found"),
    ] {
        let sim = Sim::new(Reporting::Poll, RecoveryClass::ByState).await;
        if !search {
            sim.platform.scene().interfaces.remove("run-search");
        }
        sim.platform.scene().steps = [step].into();
        let failed = sim.failed().await;
        let operation = sim.retry(failed).await;
        let _engine = sim.engine();
        let settled = sim.until_operation(operation, expected).await;
        assert_eq!(settled.error.unwrap().0, code);
        let run = sim.run(failed).await;
        assert_eq!((run.status.state, run.attempt), (State::Failed, 1), "{code}");
    }
}

#[tokio::test]
async fn a_run_that_went_on_before_its_retry_was_sent_is_left_alone() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::ByState).await;
    let failed = sim.failed().await;
    let operation = sim.retry(failed).await;
    let begun = novacron_cicd_domain::run::SeenRun { attempt: Some(2), ..seen("ext-0", State::Running) };
    sim.ledger().observe(failed, begun, Vec::new(), Timestamp(START)).await.unwrap();
    let _engine = sim.engine();
    let settled = sim.until_operation(operation, OperationState::Failed).await;
    assert_eq!(settled.error.unwrap().0, "run.attempt-passed");
    assert!(sim.platform.scene().retries.is_empty());
}

#[tokio::test]
async fn a_run_that_a_retry_made_and_nobody_found_yet_is_canceled_once_it_is_found() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
    sim.platform.scene().steps = [Step::Answer(Ticket::Unknown(None))].into();
    let failed = sim.failed().await;
    let operation = sim.retry(failed).await;
    let _engine = sim.engine();
    sim.until_operation(operation, OperationState::Done).await;
    let made = sim.result(operation).await;
    let cancel = sim.cancel(made.id).await;
    sim.until("it waits", move |state| Ok(state.operation(cancel)?.error.is_some())).await;
    sim.platform.scene().runs.push(("late".into(), operation, made.correlation));
    sim.until_operation(cancel, OperationState::Done).await;
    assert_eq!(sim.platform.scene().cancels.len(), 1);
}
