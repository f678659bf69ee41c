use std::sync::atomic::AtomicUsize;

use tokio::sync::watch;

use super::*;
use crate::engine::{
    ports::Clock as _,
    testing::{Staged, Step, Stop, Stopping},
};

/// Release, claim, job, mark, settle, and the claim after it.
pub(super) const TRANSACTIONS: usize = 6;

impl Sim {
    /// Runs an engine whose n-th transaction does not come back, and ends it there as a crash would.
    pub(super) async fn crash(&self, nth: usize, stop: Stop, operation: OperationId) {
        let stopped = watch::Sender::new(false);
        let stage = Stopping { nth, stop, count: AtomicUsize::new(0), stopped };
        let ledger = Arc::new(Staged { ledger: self.ledger(), stage });
        let engine = self.engine_with(ledger.clone(), EngineConfig::default());
        let here = ledger.clone();
        self.until("stopped", move |state| {
            Ok(*here.stage.stopped.borrow() || state.operation(operation)?.state.is_settled())
        })
        .await;
        drop(engine);
    }
}

#[tokio::test]
async fn after_a_crash_at_any_transaction_there_is_exactly_one_run() {
    for class in [RecoveryClass::IdempotentKey, RecoveryClass::Searchable] {
        for nth in 1..=TRANSACTIONS {
            for stop in [Stop::Before, Stop::After] {
                let sim = Sim::new(Reporting::Poll, class).await;
                let (run, operation) = sim.trigger().await;
                sim.crash(nth, stop, operation).await;
                let _engine = sim.engine();
                sim.until_operation(operation, OperationState::Done).await;
                let place = format!("{class:?} transaction {nth} {stop:?}");
                assert_eq!(sim.platform.scene().runs.len(), 1, "{place}");
                assert!(sim.platform.scene().triggers.iter().all(|(argument, ..)| argument.id == operation), "{place}");
                assert_eq!(sim.run(run).await.external_id.as_deref(), Some("ext-1"), "{place}");
            }
        }
    }
}

#[tokio::test]
async fn a_state_that_is_full_for_a_moment_puts_an_operation_off_no_longer_than_that() {
    for nth in 1..=TRANSACTIONS {
        let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
        let (_, operation) = sim.trigger().await;
        let stopped = watch::Sender::new(false);
        let stage = Stopping { nth, stop: Stop::Full, count: AtomicUsize::new(0), stopped };
        let ledger = Arc::new(Staged { ledger: sim.ledger(), stage });
        let _engine = sim.engine_with(ledger, EngineConfig::default());
        sim.until_operation(operation, OperationState::Done).await;
        let took = sim.clock.now().since(Timestamp(START));
        assert!(took < 10_000, "transaction {nth}: done after {took} ms");
        assert_eq!(sim.platform.scene().triggers.len(), 1, "transaction {nth}");
    }
}

#[tokio::test]
async fn after_a_crash_while_the_platform_works_there_is_exactly_one_run() {
    for class in [RecoveryClass::IdempotentKey, RecoveryClass::Searchable] {
        for acted in [true, false] {
            let sim = Sim::new(Reporting::Poll, class).await;
            sim.platform.scene().steps = [Step::Silent(acted)].into();
            let (run, operation) = sim.trigger().await;
            let engine = sim.engine();
            sim.platform.arrived(1).await;
            assert_eq!(sim.show(operation).await.state, OperationState::Sent, "marked before the first byte");
            drop(engine);
            let _engine = sim.engine();
            sim.until_operation(operation, OperationState::Done).await;
            assert_eq!(sim.platform.scene().runs.len(), 1, "{class:?} {acted}");
            assert_eq!(sim.run(run).await.external_id.as_deref(), Some("ext-1"));
        }
    }
}

#[tokio::test]
async fn without_a_class_nothing_is_sent_twice_whatever_crashes() {
    for nth in 1..=TRANSACTIONS {
        for stop in [Stop::Before, Stop::After] {
            let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
            let (run, operation) = sim.trigger().await;
            sim.crash(nth, stop, operation).await;
            let marked = sim.show(operation).await.first_sent.is_some();
            let settled = sim.show(operation).await.state.is_settled();
            let _engine = sim.engine();
            let expected = if marked && !settled { OperationState::Ambiguous } else { OperationState::Done };
            sim.until_operation(operation, expected).await;
            assert!(sim.platform.scene().triggers.len() <= 1, "transaction {nth} {stop:?}");
            let state = sim.run(run).await.status.state;
            assert_eq!(state == State::Ambiguous, expected == OperationState::Ambiguous);
        }
    }
}

#[tokio::test]
async fn after_a_crash_a_trigger_is_not_sent_again_with_another_callback_address() {
    const HERE: &str = "http://127.0.0.1:8094";
    for (before, after, expected, sent) in
        [(HERE, HERE, OperationState::Done, 2), (HERE, "http://127.0.0.1:8095", OperationState::Ambiguous, 1)]
    {
        let sim = Sim::new(Reporting::Callback, RecoveryClass::IdempotentKey).await;
        sim.platform.scene().steps = [Step::Silent(true)].into();
        let (run, operation) = sim.trigger().await;
        let at = |base| EngineConfig { callbacks: called_back_at(base), ..EngineConfig::default() };
        let engine = sim.engine_with(Arc::new(sim.ledger()), at(before));
        sim.platform.arrived(1).await;
        drop(engine);
        let _engine = sim.engine_with(Arc::new(sim.ledger()), at(after));
        sim.until_operation(operation, expected).await;
        let urls: Vec<_> =
            sim.platform.scene().triggers.iter().map(|(_, request, _)| request.callback.clone().unwrap().url).collect();
        assert_eq!(urls, vec![format!("{before}/v1/callbacks/runs/{run}"); sent], "{after}");
        if expected == OperationState::Ambiguous {
            assert_eq!(sim.show(operation).await.error.unwrap().0, "host.callback-moved");
        }
    }
}

#[tokio::test]
async fn what_was_never_sent_is_sent_with_the_callback_address_of_now() {
    let sim = Sim::new(Reporting::Callback, RecoveryClass::IdempotentKey).await;
    let (_, operation) = sim.trigger().await;
    let config =
        EngineConfig { callbacks: called_back_at("http://127.0.0.1:1"), workers: 0, ..EngineConfig::default() };
    drop(sim.engine_with(Arc::new(sim.ledger()), config));
    let config = EngineConfig { callbacks: called_back_at("http://127.0.0.1:2"), ..EngineConfig::default() };
    let _engine = sim.engine_with(Arc::new(sim.ledger()), config);
    sim.until_operation(operation, OperationState::Done).await;
    let url = sim.platform.scene().triggers[0].1.callback.clone().unwrap().url;
    assert!(url.starts_with("http://127.0.0.1:2/"), "{url}");
}

#[tokio::test]
async fn a_cancel_survives_a_crash_at_any_transaction() {
    for nth in 1..=TRANSACTIONS {
        for stop in [Stop::Before, Stop::After] {
            let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
            let (run, trigger) = sim.trigger().await;
            let engine = sim.engine();
            sim.until_operation(trigger, OperationState::Done).await;
            drop(engine);
            let cancel = sim.cancel(run).await;
            sim.crash(nth, stop, cancel).await;
            let _engine = sim.engine();
            sim.until_operation(cancel, OperationState::Done).await;
            let cancels = sim.platform.scene().cancels.clone();
            assert!((1..=2).contains(&cancels.len()), "transaction {nth} {stop:?}");
            assert!(cancels.iter().all(|(argument, _)| argument.id == cancel));
        }
    }
}

#[tokio::test]
async fn what_an_operator_gave_up_before_a_crash_is_not_sent_after_it() {
    for (class, acted, expected) in [
        (RecoveryClass::IdempotentKey, true, OperationState::Ambiguous),
        (RecoveryClass::Searchable, true, OperationState::Done),
        (RecoveryClass::Searchable, false, OperationState::Ambiguous),
    ] {
        let sim = Sim::new(Reporting::Poll, class).await;
        sim.platform.scene().steps = [Step::Silent(acted)].into();
        let (_, operation) = sim.trigger().await;
        let engine = sim.engine();
        sim.platform.arrived(1).await;
        drop(engine);
        sim.store
            .write(move |tx| {
                let before = tx.operation(operation)?;
                let payload = Payload { cancel_requested: true, ..Payload::of(&before) };
                let after = Operation { payload: payload.json(), ..before.clone() };
                tx.update_operation(&after, before.version)
            })
            .await
            .unwrap();
        let _engine = sim.engine();
        sim.until_operation(operation, expected).await;
        assert_eq!(sim.platform.scene().triggers.len(), 1, "{class:?} {acted}");
    }
}
