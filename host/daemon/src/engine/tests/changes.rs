use super::{crash::TRANSACTIONS, *};
use crate::engine::{
    ports::{Changed, SecretSource},
    testing::{Step, Stop},
};
use novacron_cicd_domain::{
    name::Name,
    operation::OperationEvent,
    platform::{CallErrorKind, Change, DeployArtifact, DeployRequest, Outcome, RemoteDeployment, RemotePipeline},
    status::{Status as Stands, Times as When},
};

fn drain() -> Change {
    Change::RunnerDrain { runner: "linux-7".into(), draining: true, message: None }
}

fn deployment() -> RemoteDeployment {
    RemoteDeployment {
        id: "d1".into(),
        environment: "staging".into(),
        status: Stands::ours(State::Running),
        times: When::default(),
        run: None,
        version: None,
        url: None,
        more: BTreeMap::new(),
    }
}

fn deploy() -> Change {
    let request = DeployRequest {
        environment: "staging".into(),
        target: "web".into(),
        hosts: Vec::new(),
        configuration: serde_json::json!({}),
        credentials: BTreeMap::new(),
        artifact: DeployArtifact::default(),
        reference: None,
        parameters: BTreeMap::new(),
        rollback_of: None,
        more: BTreeMap::new(),
    };
    Change::DeploymentStart { request }
}

impl Sim {
    async fn change(&self, change: Change) -> OperationId {
        self.change_of(change, None).await
    }

    async fn change_of(&self, change: Change, pipeline: Option<PipelineId>) -> OperationId {
        let kind = OperationKind::Change(change.kind());
        let payload = Payload { change: Some(change), pipeline, ..Payload::default() }.json();
        let operation = Operation { payload, ..self.operation(kind, None) };
        let id = operation.id;
        self.store.write(move |tx| tx.insert_operation(&operation)).await.unwrap();
        id
    }

    async fn outcome(&self, id: OperationId) -> Option<Outcome> {
        let operation = self.store.read(move |state| state.operation(id)).await.unwrap();
        Payload::of(&operation).outcome
    }
}

#[tokio::test]
async fn a_change_survives_a_crash_at_any_transaction() {
    for class in [RecoveryClass::IdempotentKey, RecoveryClass::ByState] {
        for nth in 1..=TRANSACTIONS {
            for stop in [Stop::Before, Stop::After] {
                let sim = Sim::new(Reporting::Poll, class).await;
                let change = sim.change(drain()).await;
                sim.crash(nth, stop, change).await;
                let _engine = sim.engine();
                sim.until_operation(change, OperationState::Done).await;
                assert_eq!(sim.platform.scene().effects, [change], "{class:?} transaction {nth} {stop:?}");
                assert!(sim.platform.scene().made.iter().all(|(argument, ..)| argument.id == change));
            }
        }
    }
}

#[tokio::test]
async fn without_a_class_a_change_is_never_sent_twice_whatever_crashes() {
    for nth in 1..=TRANSACTIONS {
        for stop in [Stop::Before, Stop::After] {
            let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
            let change = sim.change(drain()).await;
            sim.crash(nth, stop, change).await;
            let _engine = sim.engine();
            sim.until("settled", move |state| {
                let operation = state.operation(change)?;
                Ok(operation.state.is_settled() || operation.state == OperationState::Ambiguous)
            })
            .await;
            assert!(sim.platform.scene().made.len() <= 1, "transaction {nth} {stop:?}");
        }
    }
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_settled_by_its_class() {
    // Class, whether the platform did it, what becomes of it, how often it was sent.
    for (class, acted, expected, sent) in [
        (RecoveryClass::IdempotentKey, true, OperationState::Done, 2),
        // The function looks first.
        (RecoveryClass::ByState, true, OperationState::Done, 2),
        (RecoveryClass::ByState, false, OperationState::Done, 2),
        // There is no search for a runner.
        (RecoveryClass::Searchable, true, OperationState::Ambiguous, 1),
        (RecoveryClass::None, true, OperationState::Ambiguous, 1),
    ] {
        let sim = Sim::new(Reporting::Poll, class).await;
        sim.platform.scene().steps = [Step::Fail(CallErrorKind::OutcomeUnknown, acted)].into();
        let change = sim.change(drain()).await;
        let _engine = sim.engine();
        sim.until_operation(change, expected).await;
        assert_eq!(sim.platform.scene().made.len(), sent, "{class:?} {acted}");
    }
}

#[tokio::test]
async fn a_deployment_whose_answer_is_lost_is_searched_for() {
    for found in [0, 1, 2] {
        let sim = Sim::new(Reporting::Poll, RecoveryClass::Searchable).await;
        sim.platform.scene().interfaces.insert("deployment-reconciliation");
        sim.platform.scene().deployments = vec![deployment(); found];
        sim.platform.scene().steps = [Step::Fail(CallErrorKind::OutcomeUnknown, true)].into();
        let change = sim.change(deploy()).await;
        let _engine = sim.engine();
        let expected = if found == 2 { OperationState::Ambiguous } else { OperationState::Done };
        sim.until_operation(change, expected).await;
        // Never begun, as far as anybody can find: it is sent again.
        assert_eq!(sim.platform.scene().made.len(), if found == 0 { 2 } else { 1 }, "{found}");
        let seen = sim.outcome(change).await;
        let one = Outcome::Deployment { deployment: Some(deployment()), ticket: None };
        assert_eq!(seen.as_ref() == Some(&one), found == 1, "{found}: {seen:?}");
        let token = sim.platform.scene().made[0].0.correlation.clone();
        assert_eq!(token, Some(change.correlation()), "it can be found by it");
    }
}

#[tokio::test]
async fn what_is_handed_out_becomes_a_secret_with_the_end_of_its_operation() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
    let keep_as = "build-token".to_owned();
    let change = Change::TriggerTokenCreate { pipeline: "app".into(), description: "x".into(), keep_as };
    let change = sim.change(change).await;
    let _engine = sim.engine();
    sim.until_operation(change, OperationState::Done).await;
    let secret = sim.store.read(|state| state.secret("build-token")).await.unwrap();
    assert_eq!(secret.sealed, b"sealed");
    let filter = EventFilter { kind: Some("secret.set".into()), ..EventFilter::default() };
    let told = sim.store.read(move |state| state.events_after(0, 10, &filter)).await.unwrap();
    assert_eq!(told.len(), 1);
}

#[tokio::test]
async fn a_call_is_given_the_secrets_that_its_change_names_and_no_other() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
    let change = sim
        .change(Change::SecretPut {
            name: "DEPLOY_KEY".into(),
            scope: None,
            kind: "text".into(),
            parts: BTreeMap::from([("value".into(), "deploy-key".into())]),
            options: BTreeMap::new(),
        })
        .await;
    let _engine = sim.engine();
    sim.until_operation(change, OperationState::Done).await;
    let secrets = sim.platform.scene().made[0].2.clone();
    assert_eq!(secrets, BTreeMap::from([("deploy-key".into(), SecretSource::Named("deploy-key".into()))]));
}

#[tokio::test]
async fn a_pipeline_that_moved_keeps_its_record_and_a_copy_gets_one() {
    let moved = |id: &str| {
        let (repository, reference, url, revision) = (None, None, None, None);
        let pipeline =
            RemotePipeline { id: id.into(), name: id.into(), repository, reference, url, enabled: true, revision };
        Changed { outcome: Outcome::Pipeline(pipeline), kept: None }
    };
    let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
    sim.platform.scene().outcomes = [moved("team/build"), moved("team/other")].into();
    let _engine = sim.engine();
    let id = sim.pipeline.id;
    let change = Change::PipelineMove { pipeline: "build".into(), name: None, location: Some("team".into()) };
    let change = sim.change_of(change, Some(id)).await;
    sim.until_operation(change, OperationState::Done).await;
    let pipeline = sim.store.read(move |state| state.pipeline(id)).await.unwrap();
    assert_eq!(pipeline.external_ref.as_deref(), Some("team/build"));

    let change = Change::PipelineCopy { pipeline: "team/build".into(), name: "other".into(), location: None };
    let change = sim.change_of(change, Some(id)).await;
    sim.until_operation(change, OperationState::Done).await;
    let copy = sim.store.read(|state| state.pipeline_by_name("other")).await.unwrap();
    assert_eq!((copy.external_ref.as_deref(), copy.id.0), (Some("team/other"), change.0));
    assert_eq!((copy.name, copy.repository), (Name::new("other").unwrap(), pipeline.repository));
}

#[tokio::test]
async fn a_change_that_is_given_up_after_it_was_sent_is_not_sent_again() {
    for class in [RecoveryClass::IdempotentKey, RecoveryClass::ByState] {
        let sim = Sim::new(Reporting::Poll, class).await;
        let change = sim.change(drain()).await;
        sim.store
            .write(move |tx| {
                let queued = tx.operation(change)?;
                let at = Timestamp(START);
                let claimed = queued.clone().transition(OperationEvent::Claim { until: at }, at).unwrap();
                let mut sent = claimed.transition(OperationEvent::Send, at).unwrap();
                sent.payload = Payload { cancel_requested: true, ..Payload::of(&sent) }.json();
                (sent.lease_until, sent.due) = (None, at);
                tx.update_operation(&sent, queued.version).map(drop)
            })
            .await
            .unwrap();
        let _engine = sim.engine();
        sim.until_operation(change, OperationState::Ambiguous).await;
        assert!(sim.platform.scene().made.is_empty(), "{class:?}");
    }
}
