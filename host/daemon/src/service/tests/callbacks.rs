use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use novacron_cicd_domain::{
    artifact::ArtifactKind,
    id::RunId,
    operation::OperationState,
    run::Step as JobStep,
    status::{State, Status, Times},
};
use sha2::{Digest, Sha256};

use super::*;
use crate::{
    engine::{payload::callback_context, ports::SecretSource, testing::Step},
    service::{ArtifactUpload, ErrorClass, JobReport, StatusReport},
};

/// A run that was sent, and the token that the platform was given.
async fn calling(house: &House) -> (RunId, String) {
    house.furnish().await;
    let triggered = house.run().await;
    house.services.operations.wait(triggered.operation.id, Duration::from_secs(10)).await.unwrap();
    (triggered.run.id, token(house, triggered.run.id))
}

fn token(house: &House, run: RunId) -> String {
    let (_, request, secrets) = house.platform.scene().triggers.last().cloned().unwrap();
    let SecretSource::Sealed { context, sealed } = &secrets[&request.callback.unwrap().token] else { panic!() };
    assert_eq!(*context, callback_context(run));
    let vault = Vault::open(&KeySource::Bytes(Secret::new(vec![7; 32]))).unwrap();
    vault.unseal(context, sealed).unwrap().expose_str().unwrap().to_owned()
}

fn status(state: State) -> StatusReport {
    StatusReport {
        status: Status::ours(state),
        external_id: None,
        number: None,
        url: None,
        commit: None,
        started: None,
        finished: None,
    }
}

fn job(state: State) -> JobReport {
    let step = |number, state| JobStep {
        number,
        name: format!("step {number}"),
        status: Status::ours(state),
        times: Times::default(),
    };
    JobReport {
        name: "compile".into(),
        stage: None,
        status: Status::ours(state),
        needs: Vec::new(),
        created: None,
        started: None,
        finished: None,
        runner: None,
        url: None,
        steps: vec![step(1, State::Succeeded), step(2, state)],
    }
}

fn body(bytes: &'static [u8]) -> futures_util::stream::BoxStream<'static, std::io::Result<Bytes>> {
    stream::iter([Ok(Bytes::from_static(bytes))]).boxed()
}

#[tokio::test]
async fn only_the_runs_own_token_speaks_for_it() {
    let house = house(RecoveryClass::IdempotentKey, 4).await;
    let (run, _) = calling(&house).await;
    let other = house.run().await;
    house.services.operations.wait(other.operation.id, Duration::from_secs(10)).await.unwrap();
    let others = token(&house, other.run.id);
    for bearer in ["", "ncr_", "ncr_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", others.as_str()] {
        let error = house.services.callbacks.status(bearer, run, status(State::Running)).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unauthorized, "{bearer}");
    }
    house.services.callbacks.view(&others, other.run.id).await.unwrap();
}

#[tokio::test]
async fn what_is_said_twice_is_known_once_and_an_end_is_final() {
    let house = house(RecoveryClass::IdempotentKey, 4).await;
    let (run, token) = calling(&house).await;
    let callbacks = &house.services.callbacks;
    // What is said, where the run stands then, whether that is worth an event.
    for (said, stands, told) in [
        (State::Running, State::Running, true),
        (State::Running, State::Running, false),
        (State::Succeeded, State::Succeeded, true),
        (State::Succeeded, State::Succeeded, false),
        (State::Running, State::Succeeded, false),
        (State::Failed, State::Succeeded, false),
    ] {
        let before = house.services.events.last().await.unwrap();
        let after = callbacks.status(&token, run, status(said)).await.unwrap();
        assert_eq!(after.status.state, stands, "{said}");
        assert_eq!(house.services.events.last().await.unwrap() > before, told, "{said}");
    }
    assert_eq!(
        codes(&callbacks.status(&token, run, status(State::Ambiguous)).await.unwrap_err()),
        ["run.invalid-state"]
    );
}

#[tokio::test]
async fn jobs_merge_by_their_ids() {
    let house = house(RecoveryClass::IdempotentKey, 4).await;
    let (run, token) = calling(&house).await;
    let callbacks = &house.services.callbacks;
    for (id, state) in [
        ("a", State::Running),
        ("b", State::Pending),
        ("a", State::Running),
        ("a", State::Succeeded),
        ("a", State::Running),
    ] {
        callbacks.job(&token, run, id, job(state)).await.unwrap();
    }
    let graph = callbacks.view(&token, run).await.unwrap().graph.unwrap();
    let jobs: Vec<(&str, State, usize)> =
        graph.jobs.iter().map(|job| (job.id.as_str(), job.status.state, job.steps.len())).collect();
    assert_eq!(jobs, [("a", State::Succeeded, 2), ("b", State::Pending, 2)]);
    let twice = JobReport { steps: vec![job(State::Running).steps[0].clone(); 2], ..job(State::Running) };
    assert_eq!(codes(&callbacks.job(&token, run, "c", twice).await.unwrap_err()), ["job.invalid"]);
    assert_eq!(codes(&callbacks.job(&token, run, "", job(State::Running)).await.unwrap_err()), ["job.invalid-id"]);
}

#[tokio::test]
async fn a_log_goes_on_where_it_stopped_and_a_follower_ends_with_its_run() {
    let house = house(RecoveryClass::IdempotentKey, 4).await;
    let (run, token) = calling(&house).await;
    let callbacks = &house.services.callbacks;
    callbacks.status(&token, run, status(State::Running)).await.unwrap();
    let follower = house.services.logs.follow(run, None, None, 0).await.unwrap();
    let follower = tokio::spawn(follower.try_collect::<Vec<_>>());
    let line = format!("key a-signing-key-of-some-length token {token}\n");
    let next = callbacks.log(&token, run, None, 0, line.clone().into(), false).await.unwrap();
    assert_eq!(next, line.len() as u64);
    assert_eq!(callbacks.log(&token, run, None, 0, line.into(), false).await.unwrap(), next);
    let gap = callbacks.log(&token, run, None, next + 1, Bytes::from_static(b"x"), false).await.unwrap_err();
    assert!(matches!(gap, ServiceError::LogGap { expected, .. } if expected == next), "{gap}");
    callbacks.status(&token, run, status(State::Succeeded)).await.unwrap();
    let chunks = tokio::time::timeout(Duration::from_secs(10), follower).await.unwrap().unwrap().unwrap();
    let text: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.clone()).collect();
    assert_eq!(String::from_utf8(text).unwrap(), "key *** token ***\n");
    assert!(chunks.last().unwrap().complete);
}

#[tokio::test]
async fn an_artifact_is_kept_once_and_never_changes() {
    let house = house(RecoveryClass::IdempotentKey, 4).await;
    let (run, token) = calling(&house).await;
    let callbacks = &house.services.callbacks;
    let digest = hex::encode(Sha256::digest(b"bytes"));
    let upload =
        || ArtifactUpload { kind: ArtifactKind::Archive, sha256: Some(digest.clone()), ..ArtifactUpload::default() };
    let first = callbacks.artifact(&token, run, "app.tar.gz", upload(), body(b"bytes")).await.unwrap();
    assert!(first.new);
    let again = callbacks.artifact(&token, run, "app.tar.gz", upload(), body(b"bytes")).await.unwrap();
    assert_eq!((again.new, again.artifact), (false, first.artifact.clone()));
    let plain = ArtifactUpload::default;
    for (name, upload, bytes, code) in [
        ("app.tar.gz", plain(), b"other".as_slice(), "artifact.other-bytes"),
        ("more.txt", upload(), b"other".as_slice(), "artifact.mismatch"),
        ("../etc/passwd", plain(), b"bytes".as_slice(), "artifact.invalid-name"),
        (
            "a.txt",
            ArtifactUpload { sha256: Some("12".into()), ..plain() },
            b"bytes".as_slice(),
            "artifact.invalid-digest",
        ),
    ] {
        let error = callbacks.artifact(&token, run, name, upload, body(bytes)).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    let (artifact, blob) = house.services.artifacts.open(&admin(), first.artifact.id).await.unwrap();
    let bytes: Vec<Bytes> = blob.into_stream().try_collect().await.unwrap();
    assert_eq!((bytes.concat().as_slice(), artifact.sha256), (b"bytes".as_slice(), Some(digest)));
    let listed = house.services.artifacts.list(Default::default(), Page::default()).await.unwrap();
    assert_eq!(listed.items.len(), 1);
}

#[tokio::test]
async fn a_run_that_speaks_settles_what_was_thought_of_its_trigger() {
    let house = house(RecoveryClass::None, 4).await;
    house.furnish().await;
    house.platform.scene().steps =
        [Step::Fail(novacron_cicd_domain::platform::CallErrorKind::OutcomeUnknown, true)].into();
    let triggered = house.run().await;
    let ambiguous = house.services.operations.wait(triggered.operation.id, Duration::from_secs(10)).await.unwrap();
    assert_eq!(ambiguous.state, OperationState::Ambiguous);
    let token = token(&house, triggered.run.id);
    let run = house.services.callbacks.status(&token, triggered.run.id, status(State::Running)).await.unwrap();
    assert_eq!(run.status.state, State::Running);
    assert_eq!(house.services.operations.show(ambiguous.id).await.unwrap().state, OperationState::Done);
}

#[tokio::test]
async fn a_callback_moves_the_deadline_of_silence() {
    let house = house(RecoveryClass::IdempotentKey, 4).await;
    let (run, token) = calling(&house).await;
    let deadline = |house: &House| {
        let store = house.store.clone();
        async move { store.read(|state| state.next_heartbeat()).await.unwrap().unwrap() }
    };
    let before = deadline(&house).await;
    let mut later = before;
    while later <= before {
        house.services.callbacks.heartbeat(&token, run).await.unwrap();
        later = deadline(&house).await;
    }
    assert!(later.since(before) < 60_000 && house.home.path().exists());
}
