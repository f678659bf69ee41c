use super::*;
use crate::engine::{
    payload::Retry,
    testing::{Step, found, seen},
};
use novacron_cicd_domain::{
    platform::{CallErrorKind, FoundRun, RetryScope, RunChanges, Ticket},
    run::SeenRun,
};

/// A run that a push started.
pub(super) fn pushed(id: &str, state: State) -> FoundRun {
    let times = Times { created: Some(Timestamp(START)), ..Times::default() };
    let run = found("theirs".into(), SeenRun { times, ..seen(id, state) });
    FoundRun { origin: "push".into(), reference: Some("main".into()), ..run }
}

fn with_token(run: FoundRun, token: &str) -> FoundRun {
    FoundRun { correlation: Some(token.into()), ..run }
}

pub(super) fn changes(runs: Vec<FoundRun>, position: &str) -> RunChanges {
    RunChanges { runs, position: position.into(), more_now: false }
}

impl Sim {
    pub(super) async fn listing() -> Self {
        let sim = Self::new(Reporting::Poll, RecoveryClass::None).await;
        sim.platform.scene().interfaces.insert("run-listing");
        sim
    }

    pub(super) async fn runs(&self) -> Vec<Run> {
        self.store.read(|state| state.runs(&Page::default(), &RunFilter::default())).await.unwrap().items
    }

    pub(super) async fn by_external_id(&self, id: &'static str) -> Run {
        let provider = self.provider.id;
        self.until(id, move |state| Ok(!state.runs_by_external_id(provider, id)?.is_empty())).await;
        self.store.read(move |state| state.runs_by_external_id(provider, id)).await.unwrap().remove(0)
    }

    /// What is on the platform and what the list shows.
    fn list(&self, runs: &[(&str, State)]) {
        let mut scene = self.platform.scene();
        scene.listed = runs.iter().map(|(id, state)| pushed(id, *state)).collect();
        scene.states = runs.iter().map(|(id, state)| ((*id).to_owned(), *state)).collect();
    }

    /// Until so many more looks were taken.
    pub(super) async fn looks(&self, more: usize) {
        let before = self.platform.scene().asked.len();
        let platform = self.platform.clone();
        self.until("looks", move |_| Ok(platform.scene().asked.len() >= before + more)).await;
    }
}

#[tokio::test]
async fn what_is_over_at_the_first_look_is_history_and_what_comes_then_is_taken_in_even_if_it_is_over() {
    let sim = Sim::listing().await;
    sim.list(&[("b3", State::Running), ("b2", State::Failed), ("b1", State::Succeeded)]);
    let engine = sim.engine();
    let running = sim.by_external_id("b3").await;
    assert_eq!((running.origin.as_str(), running.reference.as_deref()), ("push", Some("main")));
    assert_eq!((running.pipeline, running.retry_of), (sim.pipeline.id, None));
    drop(engine);
    sim.list(&[
        ("b5", State::Running),
        ("b4", State::Failed),
        ("b3", State::Succeeded),
        ("b2", State::Failed),
        ("b1", State::Succeeded),
    ]);
    let _engine = sim.engine();
    let over = sim.by_external_id("b4").await;
    sim.until("b4", move |state| Ok(state.run(over.id)?.status.state == State::Failed)).await;
    sim.until("b3", move |state| Ok(state.run(running.id)?.status.state == State::Succeeded)).await;
    sim.by_external_id("b5").await;
    assert_eq!(sim.runs().await.len(), 3, "history stays history, also over a restart");
    assert_eq!(sim.told(over.id).await, ["run.created", "run.state failed"]);
}

#[tokio::test]
async fn what_changed_is_asked_from_where_the_last_answer_ended() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
    {
        let mut scene = sim.platform.scene();
        scene.interfaces.insert("run-changes");
        scene.changes = [
            changes(vec![pushed("b1", State::Succeeded), pushed("b2", State::Running)], "p1"),
            RunChanges { more_now: true, ..changes(vec![pushed("b3", State::Running)], "p2") },
            changes(vec![pushed("b4", State::Failed)], "p3"),
        ]
        .into();
        scene.states = [("b4".to_owned(), State::Failed)].into();
    }
    let engine = sim.engine();
    sim.by_external_id("b4").await;
    sim.looks(1).await;
    drop(engine);
    let second = Pipeline { provider: sim.provider.id, external_ref: Some("second".into()), ..pipeline("second") };
    sim.store.write(move |tx| tx.insert_pipeline(&second)).await.unwrap();
    let before = sim.platform.scene().asked.len();
    let _engine = sim.engine();
    sim.looks(2).await;
    let all = sim.platform.scene().asked.clone();
    let theirs = || vec!["theirs".to_owned()];
    let at = |position: &str| Some(position.to_owned());
    assert_eq!(all[..4], [(theirs(), None), (theirs(), at("p1")), (theirs(), at("p2")), (theirs(), at("p3"))]);
    assert_eq!(all[before..][..2], [(vec!["second".to_owned()], None), (theirs(), at("p3"))], "durable");
    let mut ids: Vec<_> = sim.runs().await.into_iter().filter_map(|run| run.external_id).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["b2", "b3", "b4"], "b1 was over at the first look");
}

#[tokio::test]
async fn a_run_of_ours_is_never_doubled_while_its_trigger_is_in_flight() {
    for token in [true, false] {
        for acted in [true, false] {
            let sim = Sim::listing().await;
            sim.platform.scene().interfaces.insert("run-changes");
            sim.platform.scene().steps = [Step::Silent(acted)].into();
            let (run, operation) = sim.trigger().await;
            let engine = sim.engine();
            sim.platform.arrived(1).await;
            let shown = pushed("ext-1", State::Running);
            let shown = if token { with_token(shown, &run.0.simple().to_string()) } else { shown };
            sim.platform.scene().changes.push_back(changes(vec![shown], "p1"));
            sim.looks(3).await;
            assert_eq!(sim.runs().await.len(), 1, "token {token}");
            drop(engine);
            // Its class is none: without the token nobody can know.
            let _engine = sim.engine();
            let end = if token { OperationState::Done } else { OperationState::Ambiguous };
            sim.until_operation(operation, end).await;
            sim.looks(3).await;
            assert_eq!(sim.runs().await.len(), 1, "token {token}");
            assert_eq!(sim.run(run).await.external_id.is_some(), token);
            assert_eq!(sim.platform.scene().triggers.len(), 1);
        }
    }
}

#[tokio::test]
async fn a_run_of_ours_is_never_doubled_while_it_has_a_place_in_the_queue() {
    let sim = Sim::listing().await;
    sim.platform.scene().interfaces.insert("run-changes");
    sim.platform.scene().steps = [Step::Answer(Ticket::Queued("item-7".into()))].into();
    let (run, operation) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until_operation(operation, OperationState::Done).await;
    let late = SeenRun {
        times: Times { created: Some(Timestamp(START + 86_400_000)), ..Times::default() },
        ..seen("b9", State::Running)
    };
    sim.platform.scene().changes.push_back(changes(vec![found("theirs".into(), late)], "p1"));
    sim.looks(3).await;
    assert_eq!(sim.runs().await.len(), 1, "what waits in a queue may begin at any time");
    sim.platform.scene().tickets = [Ticket::Run(Box::new(seen("b9", State::Running)))].into();
    sim.until("found", move |state| Ok(state.run(run)?.external_id.is_some())).await;
    sim.looks(3).await;
    assert_eq!(sim.runs().await.len(), 1);
}

#[tokio::test]
async fn a_lost_trigger_whose_run_is_seen_by_its_token_is_lost_no_more() {
    let sim = Sim::listing().await;
    sim.platform.scene().steps = [Step::Fail(CallErrorKind::OutcomeUnknown, true)].into();
    let (run, operation) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until_operation(operation, OperationState::Ambiguous).await;
    let shown = with_token(pushed("ext-1", State::Running), &run.0.simple().to_string());
    sim.platform.scene().listed = vec![shown];
    sim.until_operation(operation, OperationState::Done).await;
    sim.until("it runs", move |state| Ok(state.run(run)?.status.state == State::Running)).await;
    assert_eq!(sim.runs().await.len(), 1);
    assert_eq!(sim.show(operation).await.error, None);
}

#[tokio::test]
async fn a_lost_trigger_holds_only_runs_that_can_be_its_own() {
    let sim = Sim::listing().await;
    sim.platform.scene().steps = [Step::Fail(CallErrorKind::OutcomeUnknown, false)].into();
    let (_, operation) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until_operation(operation, OperationState::Ambiguous).await;
    let hour = 3_600_000;
    let at = |id: &str, millis: i64| {
        let times = Times { created: Some(Timestamp(millis)), ..Times::default() };
        found("theirs".into(), SeenRun { times, ..seen(id, State::Running) })
    };
    let now = sim.show(operation).await.updated.0;
    sim.platform.scene().listed = vec![at("later", now + hour), at("then", now), at("before", START - hour)];
    sim.by_external_id("later").await;
    sim.by_external_id("before").await;
    assert_eq!(sim.runs().await.len(), 3);
    let abandon = sim.store.write(move |tx| {
        let before = tx.operation(operation)?;
        let after = Operation { state: OperationState::Failed, ..before.clone() };
        crate::engine::record::change(tx, &before, after, Timestamp(now)).map(|_| ())
    });
    abandon.await.unwrap();
    sim.by_external_id("then").await;
}

#[tokio::test]
async fn a_copied_token_makes_no_run_ours() {
    let sim = Sim::listing().await;
    let (run, operation) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until_operation(operation, OperationState::Done).await;
    let token = run.0.simple().to_string();
    sim.platform.scene().listed = vec![
        with_token(pushed("copy", State::Running), &token),
        with_token(pushed("ext-1", State::Running), &token),
        with_token(pushed("strange", State::Running), "no-uuid"),
    ];
    for id in ["copy", "strange"] {
        assert_ne!(sim.by_external_id(id).await.id, run);
    }
    assert_eq!(sim.runs().await.len(), 3);
}

#[tokio::test]
async fn a_retry_whose_run_is_seen_before_its_answer_is_one_run() {
    for crash in [false, true] {
        let sim = Sim::listing().await;
        let failed =
            Run { external_id: Some("ext-0".into()), status: Status::ours(State::Failed), ..super::run(&sim.pipeline) };
        let retry = Some(Retry { scope: RetryScope::All, attempt: 1 });
        let payload = Payload { retry, ..Payload::default() }.json();
        let operation = Operation { payload, ..sim.operation(OperationKind::RunRetry, Some(failed.id)) };
        let (of, id) = (failed.id, operation.id);
        sim.store
            .write(move |tx| {
                tx.insert_run(&failed)?;
                tx.insert_operation(&operation)
            })
            .await
            .unwrap();
        sim.platform.scene().steps = [Step::Silent(true)].into();
        let engine = sim.engine();
        sim.platform.arrived(1).await;
        let token = id.0.simple().to_string();
        sim.platform.scene().listed = vec![with_token(pushed("ext-1", State::Running), &token)];
        let made = sim.by_external_id("ext-1").await;
        assert_eq!((made.retry_of, made.correlation), (Some(of), token));
        if crash {
            drop(engine);
            let _engine = sim.engine();
            sim.until_operation(id, OperationState::Done).await;
        }
        assert_eq!(sim.runs().await.len(), 2);
        assert_eq!(sim.platform.scene().retries.len(), 1);
    }
}

#[tokio::test]
async fn a_run_that_is_over_and_goes_on_there_is_read_again() {
    let sim = Sim::listing().await;
    sim.list(&[("b1", State::Running)]);
    let _engine = sim.engine();
    let run = sim.by_external_id("b1").await.id;
    sim.list(&[("b1", State::Failed)]);
    sim.until("its end", move |state| Ok(state.run(run)?.status.state == State::Failed)).await;
    let again = SeenRun { attempt: Some(2), ..seen("b1", State::Running) };
    {
        let mut scene = sim.platform.scene();
        scene.states.clear();
        scene.listed = vec![found("theirs".into(), again.clone())];
        scene.shows = [again].into();
    }
    sim.until("the second attempt", move |state| {
        let run = state.run(run)?;
        Ok((run.attempt, run.status.state) == (2, State::Running))
    })
    .await;
    assert_eq!(sim.runs().await.len(), 1);
}
