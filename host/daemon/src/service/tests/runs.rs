use super::*;
use crate::{
    engine::{ports::SecretSource, testing::Step},
    service::{ErrorClass, PipelineChange, Resolution},
};
use novacron_cicd_domain::{
    operation::{OperationKind, OperationState},
    platform::PlatformPart,
    status::State,
};
use novacron_cicd_store::{OperationFilter, RunFilter};

#[tokio::test]
async fn parameters_that_do_not_fit_are_refused_before_anything_is_stored() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    for (given, expected) in [
        (input(&[]), vec!["parameter.missing"]),
        (input(&[("BRANCH", "main"), ("COLOR", "red")]), vec!["parameter.unknown"]),
        (input(&[("BRANCH", "main"), ("LEVEL", "high")]), vec!["parameter.ill-typed"]),
        (
            input(&[("LEVEL", "high"), ("COLOR", "red")]),
            vec!["parameter.missing", "parameter.ill-typed", "parameter.unknown"],
        ),
        (input(&[("BRANCH", "main"), ("TOKEN", "nowhere")]), vec!["secret.not-found"]),
        (
            TriggerInput { reference: Some("--upload-pack=x".into()), ..input(&[("BRANCH", "main")]) },
            vec!["field.invalid"],
        ),
    ] {
        let error = house.services.runs.trigger(&admin(), "build", given).await.unwrap_err();
        assert_eq!((codes(&error), error.class()), (expected, ErrorClass::Invalid), "{error}");
    }
    assert!(house.services.runs.list(RunFilter::default(), Page::default()).await.unwrap().items.is_empty());
    let operations = house.services.operations.list(OperationFilter::default(), Page::default()).await.unwrap();
    assert!(operations.items.is_empty());
}

#[tokio::test]
async fn a_run_is_answered_at_once_and_sent_with_what_it_was_given() {
    let house = house(RecoveryClass::IdempotentKey, 4).await;
    house.furnish().await;
    house.services.secrets.set(&admin(), "deploy", Secret::new("deploy-value-1")).await.unwrap();
    let given = TriggerInput {
        environment: BTreeMap::from([("B".into(), "run".into())]),
        ..input(&[("BRANCH", "main"), ("TOKEN", "deploy")])
    };
    let triggered = house.services.runs.trigger(&admin(), "build", given).await.unwrap();
    assert_eq!((triggered.run.status.state, triggered.operation.state), (State::Pending, OperationState::Queued));
    let done = house.services.operations.wait(triggered.operation.id, Duration::from_secs(10)).await.unwrap();
    assert_eq!(done.state, OperationState::Done);
    let (argument, request, secrets) = house.platform.scene().triggers[0].clone();
    assert_eq!(argument.id, triggered.operation.id);
    let environment: Vec<String> =
        request.environment.iter().map(|(name, given)| format!("{name}={:?}", given.value)).collect();
    assert_eq!(environment, [r#"A=Text("pipeline")"#, r#"B=Text("run")"#]);
    assert_eq!(secrets["parameter:TOKEN"], SecretSource::Named("deploy".into()));
    let shown = format!("{:?} {:?}", done.payload, triggered.run);
    assert!(!shown.contains("deploy-value") && !shown.contains("ncr_"), "{shown}");
}

#[tokio::test]
async fn what_was_never_sent_is_canceled_without_the_platform() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    let triggered = house.run().await;
    let canceled = house.services.runs.cancel(&admin(), triggered.run.id).await.unwrap();
    assert_eq!((canceled.kind, canceled.state), (OperationKind::RunCancel, OperationState::Done));
    let run = house.services.runs.show(triggered.run.id).await.unwrap();
    assert_eq!((run.status.state, run.cancel_requested), (State::Canceled, true));
    let trigger = house.services.operations.show(triggered.operation.id).await.unwrap();
    assert_eq!(trigger.state, OperationState::Canceled);
    assert_eq!(house.services.runs.cancel(&admin(), run.id).await.unwrap_err().code(), "run.over");
    let scene = house.platform.scene();
    assert_eq!((scene.triggers.len(), scene.cancels.len()), (0, 0));
}

#[tokio::test]
async fn a_second_cancel_is_the_first_one_while_that_is_open() {
    let house = house(RecoveryClass::IdempotentKey, 4).await;
    house.furnish().await;
    let triggered = house.run().await;
    house.services.operations.wait(triggered.operation.id, Duration::from_secs(10)).await.unwrap();
    house.platform.scene().steps = [Step::Silent(true)].into();
    let first = house.services.runs.cancel(&admin(), triggered.run.id).await.unwrap();
    house.platform.arrived(2).await;
    let second = house.services.runs.cancel(&admin(), triggered.run.id).await.unwrap();
    assert_eq!(first.id, second.id);
    assert_eq!(house.platform.scene().cancels.len(), 1);
}

#[tokio::test]
async fn a_plugin_without_cancel_says_so() {
    let house = house(RecoveryClass::IdempotentKey, 4).await;
    house.furnish().await;
    let triggered = house.run().await;
    house.services.operations.wait(triggered.operation.id, Duration::from_secs(10)).await.unwrap();
    house.platform.scene().interfaces.remove("run-cancel");
    let error = house.services.runs.cancel(&admin(), triggered.run.id).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unsupported);
    assert!(!house.services.runs.show(triggered.run.id).await.unwrap().cancel_requested, "nothing is stored");
}

#[tokio::test]
async fn an_operation_that_is_given_up_in_flight_ends_within_a_second_and_is_recorded() {
    for (class, acted, expected) in [
        (RecoveryClass::IdempotentKey, true, OperationState::Ambiguous),
        (RecoveryClass::None, true, OperationState::Ambiguous),
        (RecoveryClass::Searchable, true, OperationState::Done),
        (RecoveryClass::IdempotentKey, false, OperationState::Canceled),
    ] {
        let house = house(class, 4).await;
        house.furnish().await;
        house.platform.scene().steps = [Step::Silent(acted)].into();
        let triggered = house.run().await;
        house.platform.arrived(1).await;
        let begun = std::time::Instant::now();
        let settled = house.services.operations.cancel(&admin(), triggered.operation.id).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        assert_eq!(settled.state, expected, "{class:?} {acted}");
        let scene = house.platform.scene();
        assert_eq!((scene.at_work, scene.triggers.len()), (0, 1));
    }
}

#[tokio::test]
async fn an_operator_settles_what_nobody_can_know() {
    for (resolution, expected, state, sent) in [
        (Resolution::Adopt { external_id: "their-7".into() }, OperationState::Done, State::Pending, 1),
        (Resolution::Abandon, OperationState::Failed, State::Failed, 1),
        (Resolution::Resend, OperationState::Done, State::Pending, 2),
    ] {
        let house = house(RecoveryClass::None, 4).await;
        house.furnish().await;
        house.platform.scene().steps =
            [Step::Fail(novacron_cicd_domain::platform::CallErrorKind::OutcomeUnknown, false)].into();
        let triggered = house.run().await;
        let operations = &house.services.operations;
        let id = triggered.operation.id;
        let ambiguous = operations.wait(id, Duration::from_secs(10)).await.unwrap();
        assert_eq!(ambiguous.state, OperationState::Ambiguous);
        let run = house.services.runs.show(triggered.run.id).await.unwrap();
        assert_eq!(run.status.state, State::Ambiguous);
        operations.resolve(&admin(), id, resolution.clone()).await.unwrap();
        let settled = operations.wait(id, Duration::from_secs(10)).await.unwrap();
        assert_eq!(settled.state, expected, "{resolution:?}");
        let run = house.services.runs.show(triggered.run.id).await.unwrap();
        assert_eq!(run.status.state, state, "{resolution:?}");
        assert_eq!(house.platform.scene().triggers.len(), sent, "{resolution:?}");
        let again = operations.resolve(&admin(), id, resolution).await.unwrap_err();
        assert_eq!(again.class(), ErrorClass::Conflict);
    }
}

#[tokio::test]
async fn what_of_a_definition_is_the_platforms_alone_is_sent_there_and_stays_when_nothing_is_said_of_it() {
    let house = house(RecoveryClass::IdempotentKey, 4).await;
    house.furnish().await;
    let part = |schedules: &[&str]| PlatformPart {
        source: None,
        location: Some("ci/build.yaml".into()),
        schedules: Some(schedules.iter().map(|cron| (*cron).to_owned()).collect()),
    };
    let new = |name: &str, platform| NewPipeline {
        name: name.into(),
        provider: "ci".into(),
        platform,
        ..NewPipeline::default()
    };
    let pipelines = &house.services.pipelines;
    let refused = pipelines.create(&admin(), new("nightly", part(&["0 3 * * *"]))).await.unwrap_err();
    assert_eq!(refused.code(), "provider.unsupported");
    house.platform.scene().interfaces.insert("pipeline-definitions");
    let wrong = pipelines.create(&admin(), new("nightly", part(&["0 3\n* * *"]))).await.unwrap_err();
    assert_eq!(codes(&wrong), ["field.invalid"]);

    let source = PlatformPart { source: Some("stages: [a]".into()), ..part(&["0 3 * * *"]) };
    let done = async |operation: Option<novacron_cicd_domain::operation::Operation>| {
        let id = operation.unwrap().id;
        let done = house.services.operations.wait(id, Duration::from_secs(10)).await.unwrap();
        assert_eq!(done.state, OperationState::Done, "{done:?}");
        house.platform.scene().definitions.last().cloned().unwrap()
    };
    let made = done(pipelines.create(&admin(), new("nightly", source)).await.unwrap().operation).await;
    assert_eq!((made.source.as_deref(), made.schedules.len()), (Some(&b"stages: [a]"[..]), 1));
    assert_eq!(made.location.as_deref(), Some("ci/build.yaml"));

    let change = PipelineChange { reference: Some(Some("main".into())), ..PipelineChange::default() };
    let changed = done(pipelines.update(&admin(), "nightly", change, None).await.unwrap().operation).await;
    assert_eq!((changed.source, changed.location, changed.schedules), (None, made.location, made.schedules));
    let none = PlatformPart { schedules: Some(Vec::new()), ..PlatformPart::default() };
    let change = PipelineChange { platform: none, ..PipelineChange::default() };
    let changed = done(pipelines.update(&admin(), "nightly", change, None).await.unwrap().operation).await;
    assert_eq!((changed.location.as_deref(), changed.schedules.len()), (Some("ci/build.yaml"), 0));
}
