//! Events are read by others: what their documentation says is what they hold.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use novacron_cicd_domain::{
    Timestamp,
    artifact::{Artifact, ArtifactKind},
    event::{self, EventKind},
    id::{ArtifactId, OperationId, PipelineId, ProviderId, RunId},
    name::Name,
    operation::{Operation, OperationKind, OperationState, RecoveryClass},
    pipeline::Pipeline,
    provider::{Grants, Health, Provider},
    run::{Change, Edges, Graph, Job, Run, Step},
    status::{State, Status, Times},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// The table at the top of the module: kind to the keys of its data.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows = include_str!("../src/event.rs").lines().filter_map(|line| line.strip_prefix("//! | `"));
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        let keys: BTreeSet<String> = quoted(cells[2]).into_iter().collect();
        quoted(&format!("`{}", cells[0])).into_iter().map(move |kind| (kind, keys.clone()))
    })
    .collect()
}

fn times() -> Times {
    Times { created: Some(Timestamp(1)), started: Some(Timestamp(2)), finished: Some(Timestamp(3)), updated: None }
}

fn failed() -> Status {
    Status { platform: "FAILURE".into(), ..Status::ours(State::Failed).because("timeout") }
}

fn run() -> Run {
    let step = Step { number: 1, name: "make".into(), status: failed(), times: times() };
    let job = Job {
        id: "17".into(),
        name: "compile".into(),
        stage: Some("build".into()),
        status: failed(),
        times: times(),
        needs: Vec::new(),
        parent: None,
        runner: None,
        url: None,
        steps: vec![step],
    };
    Run {
        id: RunId(Uuid::nil()),
        pipeline: PipelineId(Uuid::nil()),
        pipeline_name: Name::new("backend-build").unwrap(),
        provider: ProviderId(Uuid::nil()),
        origin: "us".into(),
        retry_of: Some(RunId(Uuid::nil())),
        seen: None,
        external_id: None,
        ticket: None,
        number: None,
        attempt: 2,
        correlation: "c".into(),
        status: failed(),
        cancel_requested: false,
        times: times(),
        reference: None,
        commit: Some("abc".into()),
        actor: Some("ci".into()),
        url: Some("https://ci.example/1".into()),
        parameters: BTreeMap::new(),
        environment: BTreeMap::new(),
        graph: Some(Graph { jobs: vec![job], edges: Edges::None, complete: true }),
        version: 1,
    }
}

fn operation() -> Operation {
    Operation {
        id: OperationId(Uuid::nil()),
        kind: OperationKind::RunTrigger,
        provider: ProviderId(Uuid::nil()),
        run: Some(RunId(Uuid::nil())),
        payload: json!({"parameters": {"TOKEN": "a-name"}}),
        recovery: RecoveryClass::None,
        state: OperationState::Queued,
        attempts: 1,
        first_sent: None,
        due: Timestamp(9),
        lease_until: None,
        error: Some(("upstream".into(), "it answered 503".into())),
        actor: "ci".into(),
        created: Timestamp(1),
        updated: Timestamp(1),
        version: 1,
    }
}

fn provider() -> Provider {
    Provider {
        id: ProviderId(Uuid::nil()),
        name: Name::new("jenkins-prod").unwrap(),
        plugin: "jenkins".into(),
        base_url: "https://ci.example/".parse().unwrap(),
        settings: json!({}),
        credentials: BTreeMap::new(),
        grants: Grants::default(),
        health: Health { healthy: Some(false), error: Some("401".into()), ..Health::default() },
        version: 1,
        created: Timestamp(1),
        updated: Timestamp(1),
    }
}

fn pipeline() -> Pipeline {
    Pipeline {
        id: PipelineId(Uuid::nil()),
        name: Name::new("backend-build").unwrap(),
        provider: ProviderId(Uuid::nil()),
        external_ref: None,
        repository: None,
        reference: None,
        parameters: Vec::new(),
        environment: BTreeMap::new(),
        webhook_url: None,
        version: 3,
        created: Timestamp(1),
        updated: Timestamp(1),
    }
}

fn artifact() -> Artifact {
    Artifact {
        id: ArtifactId(Uuid::nil()),
        name: "app".into(),
        version: Some("1".into()),
        kind: ArtifactKind::Binary,
        external_id: None,
        size: Some(5),
        sha256: Some("00".into()),
        media_type: None,
        metadata: BTreeMap::new(),
        run: Some(RunId(Uuid::nil())),
        attempt: Some(1),
        job: Some("17".into()),
        created: Timestamp(1),
    }
}

#[test]
fn every_kind_has_a_word_of_its_own_and_a_row_in_the_documentation() {
    let words: BTreeSet<String> = EventKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
    assert_eq!(words.len(), EventKind::ALL.len());
    assert_eq!(words, documented().into_keys().collect());
    for kind in EventKind::ALL {
        assert_eq!(EventKind::parse(kind.as_str()), Some(*kind));
    }
    assert_eq!(EventKind::parse("run.exploded"), None);
}

#[test]
fn data_that_is_all_known_has_exactly_the_documented_keys() {
    let run = run();
    let (from, to) = (State::Running, State::Failed);
    let job = "17".to_owned();
    let changes = [
        Change::AttemptOpened { attempt: 2 },
        Change::RunState { from, to },
        Change::JobState { job: job.clone(), from: Some(from), to },
        Change::StepState { job, step: 1, from: Some(from), to },
        Change::Details,
    ];
    let mut told: Vec<(EventKind, Value)> = changes.iter().map(|change| event::of_change(&run, change)).collect();
    told.extend([
        (EventKind::RunCreated, event::run_created(&run)),
        (EventKind::RunCancelRequested, event::run_cancel_requested(&run, "ci")),
        (EventKind::OperationState, event::operation_state(&operation(), OperationState::Sent)),
        (EventKind::ProviderCreated, event::provider(&provider())),
        (EventKind::ProviderHealth, event::provider_health(&provider())),
        (EventKind::PipelineCreated, event::pipeline(&pipeline())),
        (EventKind::ArtifactCreated, event::artifact(&artifact())),
        (EventKind::LogComplete, event::log_complete(&run, Some("17"), 12)),
    ]);
    let documented = documented();
    for (kind, data) in told {
        let keys: BTreeSet<String> = data.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, documented[kind.as_str()], "{kind}");
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let run = Run {
        graph: None,
        url: None,
        commit: None,
        times: Times::default(),
        status: Status::ours(State::Pending),
        ..run()
    };
    let (kind, data) = event::of_change(&run, &Change::JobState { job: "18".into(), from: None, to: State::Running });
    assert_eq!(kind, EventKind::JobState);
    let nil = Uuid::nil().to_string();
    assert_eq!(data, json!({"run": nil, "pipeline": nil, "attempt": 2, "job": "18", "to": "running"}));
    let (_, data) = event::of_change(&run, &Change::RunState { from: State::Failed, to: State::Pending });
    assert_eq!(
        data,
        json!({
            "run": nil, "pipeline": nil, "pipeline_name": "backend-build", "attempt": 2, "from": "failed", "to": "pending",
        })
    );
}
