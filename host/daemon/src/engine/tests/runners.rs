use super::{crash::TRANSACTIONS, *};
use crate::engine::{
    payload::Drain,
    testing::{Step, Stop},
};
use novacron_cicd_domain::platform::{CallErrorKind, RemoteRunner};

impl Sim {
    async fn drain(&self) -> OperationId {
        self.platform.scene().runners = vec![RemoteRunner {
            id: "linux-7".into(),
            name: "linux-7".into(),
            state: "online".into(),
            busy: None,
            draining: false,
            labels: Vec::new(),
            current: Vec::new(),
        }];
        let drain = Some(Drain { runner: "linux-7".into(), draining: true, message: None });
        let payload = Payload { drain, ..Payload::default() }.json();
        let operation = Operation { payload, ..self.operation(OperationKind::RunnerDrain, None) };
        let id = operation.id;
        self.store.write(move |tx| tx.insert_operation(&operation)).await.unwrap();
        id
    }

    fn is_drained(&self) -> bool {
        self.platform.scene().runners[0].draining
    }
}

#[tokio::test]
async fn a_drain_survives_a_crash_at_any_transaction() {
    for class in [RecoveryClass::IdempotentKey, RecoveryClass::ByState] {
        for nth in 1..=TRANSACTIONS {
            for stop in [Stop::Before, Stop::After] {
                let sim = Sim::new(Reporting::Poll, class).await;
                let drain = sim.drain().await;
                sim.crash(nth, stop, drain).await;
                let _engine = sim.engine();
                sim.until_operation(drain, OperationState::Done).await;
                assert!(sim.is_drained(), "{class:?} transaction {nth} {stop:?}");
                let drains = sim.platform.scene().drains.clone();
                assert!(drains.iter().all(|(argument, _)| argument.id == drain));
            }
        }
    }
}

#[tokio::test]
async fn a_drain_whose_answer_is_lost_is_settled_by_its_class() {
    // Class, whether the platform did it, what becomes of it, how often it was sent.
    for (class, acted, expected, sent) in [
        (RecoveryClass::IdempotentKey, true, OperationState::Done, 2),
        (RecoveryClass::ByState, true, OperationState::Done, 1),
        (RecoveryClass::ByState, false, OperationState::Done, 2),
        (RecoveryClass::None, true, OperationState::Ambiguous, 1),
    ] {
        let sim = Sim::new(Reporting::Poll, class).await;
        sim.platform.scene().steps = [Step::Fail(CallErrorKind::OutcomeUnknown, acted)].into();
        let drain = sim.drain().await;
        let _engine = sim.engine();
        sim.until_operation(drain, expected).await;
        assert_eq!(sim.platform.scene().drains.len(), sent, "{class:?} {acted}");
    }
}
