use super::*;
use crate::{
    engine::testing::{Step, seen},
    service::ErrorClass,
};
use novacron_cicd_domain::{
    operation::OperationState,
    platform::RetryScope,
    run::{Edges, Graph, Job, SeenRun},
    status::{State, Status, Times},
};

fn over() -> SeenRun {
    let job = Job {
        id: "compile".into(),
        name: "compile".into(),
        stage: None,
        status: Status::ours(State::Failed),
        times: Times::default(),
        needs: Vec::new(),
        parent: None,
        runner: None,
        url: None,
        steps: Vec::new(),
    };
    let graph = Graph { jobs: vec![job], edges: Edges::None, complete: true };
    SeenRun { graph: Some(graph), ..seen("ext-1", State::Failed) }
}

impl House {
    /// A run that has failed.
    async fn failed(&self) -> novacron_cicd_domain::id::RunId {
        self.furnish().await;
        self.platform.scene().interfaces.insert("run-retry");
        self.platform.scene().shows = [over()].into();
        let run = self.run().await.run.id;
        let mut events = self.store.watch_events();
        while !self.services.runs.show(run).await.unwrap().status.state.is_terminal() {
            events.changed().await.unwrap();
        }
        run
    }
}

#[tokio::test]
async fn a_retry_that_makes_no_sense_is_refused_before_anything_is_stored() {
    let house = house_of(Reporting::Poll, RecoveryClass::IdempotentKey, 4).await;
    let run = house.failed().await;
    let runs = &house.services.runs;
    let error = runs.retry(&admin(), run, RetryScope::Job("link".into())).await.unwrap_err();
    assert_eq!((codes(&error), error.class()), (vec!["job.not-found"], ErrorClass::Invalid));
    house.platform.scene().interfaces.remove("run-retry");
    let error = runs.retry(&admin(), run, RetryScope::All).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("provider.unsupported", ErrorClass::Unsupported));
    house.platform.scene().interfaces.insert("run-retry");
    house.platform.scene().shows = [seen("ext-2", State::Running)].into();
    let running = house.run().await.run.id;
    let error = runs.retry(&admin(), running, RetryScope::All).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("run.not-over", ErrorClass::Conflict));
    assert!(runs.retry(&someone(Role::Viewer), run, RetryScope::All).await.is_err());
    assert!(house.platform.scene().retries.is_empty());
}

#[tokio::test]
async fn a_run_that_the_platform_never_knew_has_nothing_to_retry() {
    let house = house_of(Reporting::Poll, RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    house.platform.scene().interfaces.insert("run-retry");
    let run = house.run().await.run.id;
    house.services.runs.cancel(&admin(), run).await.unwrap();
    let error = house.services.runs.retry(&admin(), run, RetryScope::All).await.unwrap_err();
    assert_eq!(error.code(), "run.not-on-platform");
}

#[tokio::test]
async fn runs_that_report_by_themselves_cannot_be_retried() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    house.platform.scene().interfaces.insert("run-retry");
    let run = house.run().await.run.id;
    house.services.runs.cancel(&admin(), run).await.unwrap();
    let error = house.services.runs.retry(&admin(), run, RetryScope::All).await.unwrap_err();
    assert_eq!(error.code(), "provider.unsupported");
}

#[tokio::test]
async fn a_second_retry_is_the_first_one_while_that_is_open() {
    let house = house_of(Reporting::Poll, RecoveryClass::IdempotentKey, 4).await;
    let run = house.failed().await;
    house.platform.scene().steps = [Step::Silent(true)].into();
    let runs = &house.services.runs;
    let first = runs.retry(&admin(), run, RetryScope::Failed).await.unwrap();
    house.platform.arrived(2).await;
    assert_eq!(runs.retry(&admin(), run, RetryScope::Failed).await.unwrap().id, first.id);
    let error = runs.retry(&admin(), run, RetryScope::All).await.unwrap_err();
    assert_eq!(error.code(), "run.retry-open");
    assert_eq!(house.platform.scene().retries.len(), 1);
}

#[tokio::test]
async fn an_operator_says_what_became_of_a_retry_that_nobody_knows_of() {
    let house = house_of(Reporting::Poll, RecoveryClass::None, 4).await;
    let run = house.failed().await;
    let (runs, operations) = (&house.services.runs, &house.services.operations);
    for (adopted, same) in [("ext-7", false), ("ext-1", true)] {
        house.platform.scene().shows = [seen(adopted, State::Failed)].into();
        house.platform.scene().steps = [Step::Silent(true)].into();
        let retry = runs.retry(&admin(), run, RetryScope::All).await.unwrap();
        house.platform.arrived(if same { 3 } else { 2 }).await;
        let ambiguous = operations.cancel(&admin(), retry.id).await.unwrap();
        assert_eq!(ambiguous.state, OperationState::Ambiguous);
        let adopt = crate::service::Resolution::Adopt { external_id: adopted.into() };
        let done = operations.resolve(&admin(), retry.id, adopt).await.unwrap();
        let result = crate::engine::payload::Payload::of(&done).result_run.unwrap();
        let result = runs.show(result).await.unwrap();
        assert_eq!((result.id == run, result.external_id.as_deref()), (same, Some(adopted)));
        assert_eq!(result.attempt, if same { 2 } else { 1 });
    }
}

#[tokio::test]
async fn what_is_another_run_already_is_not_adopted() {
    let house = house_of(Reporting::Poll, RecoveryClass::None, 4).await;
    house.failed().await;
    house.platform.scene().steps = [Step::Silent(true)].into();
    let lost = house.run().await.operation.id;
    house.platform.arrived(2).await;
    let operations = &house.services.operations;
    operations.cancel(&admin(), lost).await.unwrap();
    let adopt = |id: &str| crate::service::Resolution::Adopt { external_id: id.into() };
    let error = operations.resolve(&admin(), lost, adopt("ext-1")).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("run.known", ErrorClass::Conflict));
    assert_eq!(operations.show(lost).await.unwrap().state, OperationState::Ambiguous, "nothing is changed");
    let done = operations.resolve(&admin(), lost, adopt("ext-2")).await.unwrap();
    assert_eq!(done.state, OperationState::Done);
}
