use super::*;
use crate::engine::testing::{Step, seen};
use novacron_cicd_domain::platform::{CallErrorKind, CancelTarget, RunMatch, RunRef, Ticket};

#[tokio::test]
async fn a_trigger_is_sent_once_and_its_run_is_known_by_the_platforms_name() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    let (run, operation) = sim.trigger().await;
    let _engine = sim.engine();
    let done = sim.until_operation(operation, OperationState::Done).await;
    assert_eq!((done.attempts, done.error), (1, None));
    assert_eq!(sim.run(run).await.external_id.as_deref(), Some("ext-1"));
    let scene = sim.platform.scene();
    assert_eq!(scene.triggers.len(), 1);
    let (argument, request, _) = &scene.triggers[0];
    assert_eq!((argument.id, argument.attempt, argument.first_sent), (operation, 1, None));
    assert_eq!(request.pipeline, "theirs");
    assert_eq!(request.correlation, run.0.simple().to_string());
}

#[tokio::test]
async fn what_was_not_done_is_sent_again_and_no_earlier_than_the_platform_allows() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
    sim.platform.scene().steps =
        [Step::Fail(CallErrorKind::Transient, false), Step::Fail(CallErrorKind::RateLimited(Some(60_000)), false)]
            .into();
    let (run, operation) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until("the rate limit", move |state| {
        let operation = state.operation(operation)?;
        Ok(operation.attempts == 2 && operation.state == OperationState::Queued)
    })
    .await;
    let waiting = sim.show(operation).await;
    assert!(waiting.due.since(waiting.updated) >= 60_000, "{waiting:?}");
    assert_eq!(waiting.error.as_ref().unwrap().0, "call.rate-limited");
    assert_eq!(sim.run(run).await.status.state, State::Pending);
    assert_eq!(sim.until_operation(operation, OperationState::Done).await.attempts, 3);
    assert_eq!(sim.platform.scene().runs.len(), 1);
}

#[tokio::test]
async fn what_never_works_is_given_up_after_its_attempts() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    sim.platform.scene().steps = vec![Step::Fail(CallErrorKind::Transient, false); 20].into();
    let (run, operation) = sim.trigger().await;
    let config = EngineConfig { attempts: 3, ..EngineConfig::default() };
    let _engine = sim.engine_with(Arc::new(sim.ledger()), config);
    assert_eq!(sim.until_operation(operation, OperationState::Failed).await.attempts, 3);
    assert_eq!(sim.run(run).await.status.state, State::Failed);
}

#[tokio::test]
async fn a_refused_trigger_fails_its_run_and_says_why() {
    for kind in [
        CallErrorKind::Unauthorized,
        CallErrorKind::NotFound,
        CallErrorKind::Conflict,
        CallErrorKind::InvalidInput { field: "BRANCH".into(), reason: "no such branch".into() },
        CallErrorKind::Internal,
    ] {
        let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
        sim.platform.scene().steps = [Step::Fail(kind.clone(), false)].into();
        let (run, operation) = sim.trigger().await;
        let _engine = sim.engine();
        let failed = sim.until_operation(operation, OperationState::Failed).await;
        assert_eq!(failed.error.unwrap().0, kind.code());
        let status = sim.run(run).await.status;
        assert_eq!((status.state, status.reason.as_deref()), (State::Failed, Some("startup")));
        assert_eq!(sim.told(run).await, ["operation.state sent", "operation.state failed", "run.state failed"]);
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_settled_by_its_class() {
    // Class, whether the platform did it, what becomes of it, runs that there are then, how often it was sent.
    for (class, acted, expected, runs, sent) in [
        (RecoveryClass::IdempotentKey, true, OperationState::Done, 1, 2),
        (RecoveryClass::IdempotentKey, false, OperationState::Done, 1, 2),
        (RecoveryClass::Searchable, true, OperationState::Done, 1, 1),
        (RecoveryClass::Searchable, false, OperationState::Done, 1, 2),
        (RecoveryClass::None, true, OperationState::Ambiguous, 1, 1),
        (RecoveryClass::None, false, OperationState::Ambiguous, 0, 1),
    ] {
        let sim = Sim::new(Reporting::Poll, class).await;
        sim.platform.scene().steps = [Step::Fail(CallErrorKind::OutcomeUnknown, acted)].into();
        let (run, operation) = sim.trigger().await;
        let _engine = sim.engine();
        sim.until_operation(operation, expected).await;
        {
            let scene = sim.platform.scene();
            assert_eq!((scene.runs.len(), scene.triggers.len()), (runs, sent), "{class:?} {acted}");
            assert!(scene.triggers.iter().all(|(argument, ..)| argument.id == operation));
        }
        let run = sim.run(run).await;
        match expected {
            OperationState::Ambiguous => assert_eq!(run.status.state, State::Ambiguous),
            _ => assert_eq!(run.external_id.as_deref(), Some("ext-1"), "{class:?} {acted}"),
        }
    }
}

#[tokio::test]
async fn a_refusal_after_a_doubt_does_not_settle_the_doubt() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    sim.platform.scene().steps =
        [Step::Fail(CallErrorKind::OutcomeUnknown, true), Step::Fail(CallErrorKind::Unauthorized, false)].into();
    let (run, operation) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until_operation(operation, OperationState::Ambiguous).await;
    assert_eq!(sim.run(run).await.status.state, State::Ambiguous);
}

#[tokio::test]
async fn a_run_that_a_search_does_not_show_yet_is_waited_for() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::Searchable).await;
    sim.platform.scene().steps = [Step::Fail(CallErrorKind::OutcomeUnknown, true)].into();
    sim.platform.scene().search = Some(Ok(RunMatch::None));
    let (_, operation) = sim.trigger().await;
    let _engine = sim.engine();
    let platform = sim.platform.clone();
    sim.until("three searches", move |_| Ok(platform.scene().searches >= 3)).await;
    sim.platform.scene().search = None;
    sim.until_operation(operation, OperationState::Done).await;
    let scene = sim.platform.scene();
    assert_eq!((scene.triggers.len(), scene.runs.len()), (1, 1));
}

#[tokio::test]
async fn a_search_that_finds_the_platforms_queue_settles_a_lost_answer() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::Searchable).await;
    sim.platform.scene().steps = [Step::Fail(CallErrorKind::OutcomeUnknown, true)].into();
    sim.platform.scene().search = Some(Ok(RunMatch::Queued("item-7".into())));
    let (run, operation) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until_operation(operation, OperationState::Done).await;
    assert_eq!(sim.run(run).await.ticket.as_deref(), Some("item-7"));
    assert_eq!(sim.platform.scene().triggers.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_an_operators_and_is_not_looked_for_again() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::Searchable).await;
    sim.platform.scene().steps = [Step::Fail(CallErrorKind::OutcomeUnknown, true)].into();
    sim.platform.scene().search = Some(Err(CallErrorKind::Unsupported("search".into())));
    let (_, operation) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until_operation(operation, OperationState::Ambiguous).await;
    let scene = sim.platform.scene();
    assert_eq!((scene.triggers.len(), scene.searches), (1, 1));
}

#[tokio::test]
async fn two_runs_with_one_token_are_for_an_operator_to_look_at() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::Searchable).await;
    sim.platform.scene().steps = [Step::Fail(CallErrorKind::OutcomeUnknown, true)].into();
    let (run, operation) = sim.trigger().await;
    let twin = ("ext-twin".to_owned(), operation, run.0.simple().to_string());
    sim.platform.scene().runs.push(twin);
    let _engine = sim.engine();
    let ambiguous = sim.until_operation(operation, OperationState::Ambiguous).await;
    assert_eq!(ambiguous.error.unwrap().0, "operation.found-many");
}

#[tokio::test]
async fn a_running_run_is_canceled_by_the_platforms_name() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    let (run, trigger) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until_operation(trigger, OperationState::Done).await;
    let cancel = sim.cancel(run).await;
    sim.until_operation(cancel, OperationState::Done).await;
    let expected = RunRef { pipeline: "theirs".into(), run: "ext-1".into(), attempt: None };
    let (argument, target) = sim.platform.scene().cancels[0].clone();
    assert_eq!(target, CancelTarget::Run(expected));
    assert_eq!(
        argument.correlation,
        Some(sim.run(run).await.correlation),
        "a platform that never named it knows it by this"
    );
    assert!(!sim.run(run).await.status.state.is_terminal(), "only the platform says that it ended");
}

#[tokio::test]
async fn what_is_in_the_platforms_queue_is_canceled_by_its_ticket() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    sim.platform.scene().steps = [Step::Answer(Ticket::Queued("item-7".into()))].into();
    let (run, trigger) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until_operation(trigger, OperationState::Done).await;
    let cancel = sim.cancel(run).await;
    sim.until_operation(cancel, OperationState::Done).await;
    let expected = CancelTarget::Queued { pipeline: "theirs".into(), ticket: "item-7".into() };
    assert_eq!(sim.platform.scene().cancels[0].1, expected);
}

#[tokio::test]
async fn a_cancel_waits_unsent_until_the_trigger_is_settled() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    sim.platform.scene().steps = [Step::Silent(true)].into();
    let (run, trigger) = sim.trigger().await;
    let engine = sim.engine();
    sim.platform.arrived(1).await;
    let cancel = sim.cancel(run).await;
    engine.handle().wake();
    sim.until("it waits", move |state| Ok(state.operation(cancel)?.error.is_some())).await;
    assert_eq!((sim.show(cancel).await.attempts, sim.platform.scene().cancels.len()), (0, 0));
    // The answer is lost with the host; what is sent again finds the same run.
    drop(engine);
    let _engine = sim.engine();
    sim.until_operation(trigger, OperationState::Done).await;
    sim.until_operation(cancel, OperationState::Done).await;
    let scene = sim.platform.scene();
    assert_eq!((scene.cancels.len(), scene.runs.len()), (1, 1));
}

#[tokio::test]
async fn a_call_that_an_operator_cuts_ends_at_once_and_is_recorded_by_its_class() {
    for (class, acted, expected, state) in [
        (RecoveryClass::IdempotentKey, true, OperationState::Ambiguous, State::Ambiguous),
        (RecoveryClass::Searchable, true, OperationState::Done, State::Running),
        (RecoveryClass::None, true, OperationState::Ambiguous, State::Ambiguous),
        (RecoveryClass::IdempotentKey, false, OperationState::Canceled, State::Canceled),
        (RecoveryClass::None, false, OperationState::Canceled, State::Canceled),
    ] {
        let sim = Sim::new(Reporting::Poll, class).await;
        sim.platform.scene().steps = [Step::Silent(acted)].into();
        let (run, operation) = sim.trigger().await;
        let engine = sim.engine();
        sim.platform.arrived(1).await;
        assert!(engine.handle().cut(operation));
        let settled = sim.until_operation(operation, expected).await;
        assert_eq!(sim.platform.scene().at_work, 0, "the call goes on");
        assert_eq!(settled.attempts, 1, "{class:?} {acted}: sent again");
        assert_eq!(sim.run(run).await.status.state, state, "{class:?} {acted}");
    }
}

#[tokio::test]
async fn one_provider_that_hangs_leaves_room_for_another() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    let other = provider("other");
    let quick = Pipeline { provider: other.id, ..pipeline("quick") };
    let (one, two) = (other.clone(), quick.clone());
    sim.store
        .write(move |tx| {
            tx.insert_provider(&one)?;
            tx.insert_pipeline(&two)
        })
        .await
        .unwrap();
    sim.platform.scene().steps = vec![Step::Silent(true); 2].into();
    for _ in 0..5 {
        sim.trigger().await;
    }
    let config = EngineConfig { workers: 4, per_provider: 2, ..EngineConfig::default() };
    let _engine = sim.engine_with(Arc::new(sim.ledger()), config);
    sim.platform.arrived(2).await;
    let run = run(&quick);
    let operation = Operation { provider: other.id, ..sim.operation(OperationKind::RunTrigger, Some(run.id)) };
    let id = operation.id;
    sim.store
        .write(move |tx| {
            tx.insert_run(&run)?;
            tx.insert_operation(&operation)
        })
        .await
        .unwrap();
    sim.until_operation(id, OperationState::Done).await;
    assert_eq!(sim.platform.scene().at_work, 2, "the limit of the provider that hangs");
}

#[tokio::test]
async fn an_end_that_a_run_told_itself_is_not_taken_back_by_the_triggers_late_answer() {
    let sim = Sim::new(Reporting::Callback, RecoveryClass::IdempotentKey).await;
    let (run, operation) = sim.trigger().await;
    sim.store
        .write(move |tx| {
            let run = tx.run(run)?;
            let status = seen("r-1", State::Succeeded);
            let standing = novacron_cicd_domain::run::Standing::Truth;
            crate::engine::record::observe(tx, &run, status, standing, Timestamp(START + 5)).map(drop)
        })
        .await
        .unwrap();
    sim.platform.scene().steps = [Step::Answer(Ticket::Run(Box::new(seen("r-1", State::Pending))))].into();
    let config = EngineConfig { callbacks: called_back_at("https://host.example.com"), ..EngineConfig::default() };
    let _engine = sim.engine_with(Arc::new(sim.ledger()), config);
    sim.until("settled", move |state| Ok(state.operation(operation)?.state.is_settled())).await;
    assert_eq!(sim.run(run).await.status.state, State::Succeeded);
}
