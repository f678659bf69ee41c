use super::*;
use crate::engine::testing::{Step, seen};
use novacron_cicd_domain::platform::Ticket;

#[tokio::test]
async fn a_polled_run_is_followed_to_its_end() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    sim.platform.scene().shows =
        [seen("ext-1", State::Running), seen("ext-1", State::Running), seen("ext-1", State::Succeeded)].into();
    let (run, _) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until("its end", move |state| Ok(state.run(run)?.status.state == State::Succeeded)).await;
    let told = sim.told(run).await;
    let states: Vec<&String> = told.iter().filter(|kind| kind.starts_with("run.state")).collect();
    assert_eq!(states, ["run.state running", "run.state succeeded"]);
}

#[tokio::test]
async fn a_place_in_the_queue_becomes_a_run() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    sim.platform.scene().steps = [Step::Answer(Ticket::Queued("item-7".into()))].into();
    sim.platform.scene().tickets =
        [Ticket::Queued("item-7".into()), Ticket::Run(Box::new(seen("ext-9", State::Running)))].into();
    let (run, _) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until("a run", move |state| Ok(state.run(run)?.external_id.is_some())).await;
    let run = sim.run(run).await;
    assert_eq!((run.external_id.as_deref(), run.ticket), (Some("ext-9"), None));
}

#[tokio::test]
async fn what_the_queue_let_go_of_is_canceled() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    sim.platform.scene().steps = [Step::Answer(Ticket::Queued("item-7".into()))].into();
    sim.platform.scene().tickets = [Ticket::Canceled(Some("superseded".into()))].into();
    let (run, _) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until("its end", move |state| Ok(state.run(run)?.status.state == State::Canceled)).await;
    assert_eq!(sim.run(run).await.status.reason.as_deref(), Some("superseded"));
}

#[tokio::test]
async fn a_run_without_a_ticket_is_searched_for_until_it_is_found() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::Searchable).await;
    sim.platform.scene().steps = [Step::Answer(Ticket::Unknown(None))].into();
    let (run, operation) = sim.trigger().await;
    let _engine = sim.engine();
    let platform = sim.platform.clone();
    sim.until("searches", move |_| Ok(platform.scene().searches >= 8)).await;
    sim.platform.scene().runs.push(("late".into(), operation, run.0.simple().to_string()));
    sim.until("found", move |state| Ok(state.run(run)?.external_id.as_deref() == Some("late"))).await;
    assert_eq!(sim.platform.scene().triggers.len(), 1);
}

#[tokio::test]
async fn a_run_that_calls_back_and_is_silent_past_its_deadline_is_lost() {
    let sim = Sim::new(Reporting::Callback, RecoveryClass::IdempotentKey).await;
    sim.platform.scene().steps = [Step::Answer(Ticket::Unknown(None))].into();
    let (run, operation) = sim.trigger().await;
    let config = EngineConfig { callbacks: called_back_at("https://host.example.com"), ..EngineConfig::default() };
    let _engine = sim.engine_with(Arc::new(sim.ledger()), config);
    sim.until_operation(operation, OperationState::Done).await;
    let sent = sim.show(operation).await.updated;
    sim.clock.advance(Duration::from_secs(600));
    sim.clock.advance(Duration::from_secs(200));
    sim.until("lost", move |state| Ok(state.run(run)?.status.state.is_terminal())).await;
    let run = sim.run(run).await;
    assert_eq!((run.status.state, run.status.reason.as_deref()), (State::Failed, Some("lost")));
    assert!(run.times.finished.unwrap().since(sent) >= 900_000, "not before its deadline");
    let (_, request, secrets) = sim.platform.scene().triggers[0].clone();
    let callback = request.callback.unwrap();
    assert_eq!(callback.url, format!("https://host.example.com/v1/callbacks/runs/{}", run.id));
    assert!(secrets.contains_key(&callback.token));
}
