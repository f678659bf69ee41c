//! Values for tests: every field is filled, and the n-th is newer than the one before it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each of the two test binaries takes what it needs")]

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    artifact::{Artifact, ArtifactKind},
    id::{ArtifactId, OperationId, PipelineId, ProviderId, RunId, SubscriberId, TokenId},
    name::Name,
    notification::{Format, Subscriber},
    operation::{Operation, OperationKind, OperationState, RecoveryClass},
    parameter::{Parameter, ParameterKind},
    pipeline::Pipeline,
    provider::{CredentialSource, Grants, Health, Provider, Proxy},
    run::{Edges, Graph, Job, Run, Step},
    status::{State, Status, Times},
    token::{Role, Token},
};
use serde_json::json;
use uuid::Uuid;

pub(crate) const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// UUIDs of version 7 that sort by `n`.
pub(crate) fn uuid(n: u64) -> Uuid {
    Uuid::from_u128((u128::from(n) << 80) | (7 << 76) | (2 << 62) | u128::from(n))
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn provider(n: u64) -> Provider {
    Provider {
        id: ProviderId(uuid(n)),
        name: name(&format!("provider-{n}")),
        plugin: "webhook".into(),
        base_url: "https://ci.example.net:8443/base/?x=1".parse().unwrap(),
        settings: json!({"folder": "a/b", "depth": 3, "ratio": 0.1}),
        credentials: [(
            "signing".to_owned(),
            CredentialSource { username: Some("bot".into()), secret: "ci-key".into() },
        )]
        .into(),
        grants: Grants {
            origins: vec!["https://uploads.example.net".into()],
            redirect_hosts: vec![".blob.example.net".into()],
            private_networks: vec!["10.0.0.0/8".into()],
            authorities: Some("in PEM form".into()),
            proxy: Some(Proxy {
                url: "http://proxy.example.com:3128".into(),
                username: Some("nova".into()),
                secret: Some("proxy".into()),
            }),
            headers: [("X-Gate".into(), "gate".into())].into(),
        },
        health: Health {
            healthy: Some(false),
            at: Some(NOW),
            error: Some("it does not answer".into()),
            account: Some("bot".into()),
            platform_version: Some("2.5".into()),
        },
        version: 1,
        created: NOW,
        updated: NOW.plus_millis(1),
    }
}

pub(crate) fn pipeline(n: u64, provider: &Provider) -> Pipeline {
    Pipeline {
        id: PipelineId(uuid(n)),
        name: name(&format!("pipeline-{n}")),
        provider: provider.id,
        external_ref: Some("group/project".into()),
        repository: Some("https://git.example.net/a.git".into()),
        reference: Some("main".into()),
        parameters: vec![Parameter {
            name: "target".into(),
            kind: ParameterKind::Choice,
            description: Some("where to".into()),
            default: Some("a".into()),
            choices: vec!["a".into(), "b".into()],
            required: true,
        }],
        environment: map(&[("CI_COLOUR", "blue")]),
        webhook_url: Some("https://tell.example.net/".into()),
        version: 1,
        created: NOW,
        updated: NOW.plus_millis(1),
    }
}

pub(crate) fn subscriber(n: u64) -> Subscriber {
    Subscriber {
        id: SubscriberId(uuid(n)),
        name: name(&format!("subscriber-{n}")),
        url: "https://tell.example.net/".into(),
        format: Format::CdEvents,
        kinds: Vec::new(),
        pipeline: None,
        of_pipeline: false,
        secret: Some("key".into()),
        earlier_secret: None,
        private_networks: Vec::new(),
        enabled: true,
        disabled_by: None,
        version: 1,
        created: NOW,
        updated: NOW.plus_millis(1),
    }
}

pub(crate) fn status(state: State) -> Status {
    Status {
        state,
        reason: Some("unstable".into()),
        platform: "UNSTABLE \"ü\"".into(),
        conditions: vec!["warnings".into(), "neutral".into()],
    }
}

pub(crate) fn times() -> Times {
    Times {
        created: Some(NOW),
        started: Some(NOW.plus_millis(10)),
        finished: Some(NOW.plus_millis(20)),
        updated: Some(NOW.plus_millis(30)),
    }
}

pub(crate) fn job(id: &str, steps: u32) -> Job {
    let step = |number| Step { number, name: format!("step {number}"), status: status(State::Running), times: times() };
    Job {
        id: id.into(),
        name: format!("job {id}"),
        stage: Some("build".into()),
        status: status(State::Running),
        times: times(),
        needs: vec!["checkout".into()],
        parent: Some("matrix".into()),
        runner: Some("runner-7".into()),
        url: Some("https://ci.example.net/job".into()),
        steps: (1..=steps).map(step).collect(),
    }
}

pub(crate) fn run(n: u64, pipeline: &Pipeline) -> Run {
    Run {
        id: RunId(uuid(n)),
        pipeline: pipeline.id,
        pipeline_name: pipeline.name.clone(),
        provider: pipeline.provider,
        origin: "us".into(),
        retry_of: None,
        seen: None,
        external_id: Some(format!("external-{n}")),
        ticket: Some("queue/7".into()),
        number: Some("#7".into()),
        attempt: 1,
        correlation: format!("ncc-{n}"),
        status: status(State::Running),
        cancel_requested: true,
        times: times(),
        reference: Some("main".into()),
        commit: Some("c0ffee".into()),
        actor: Some("admin".into()),
        url: Some("https://ci.example.net/run".into()),
        parameters: map(&[("target", "a")]),
        environment: map(&[("CI_COLOUR", "blue")]),
        graph: Some(Graph { jobs: vec![job("b", 2), job("a", 0)], edges: Edges::Approximate, complete: true }),
        version: 1,
    }
}

pub(crate) fn operation(n: u64, provider: &Provider, run: Option<RunId>) -> Operation {
    Operation {
        id: OperationId(uuid(n)),
        kind: OperationKind::RunTrigger,
        provider: provider.id,
        run,
        payload: json!({"parameters": {"target": "a"}}),
        recovery: RecoveryClass::Searchable,
        state: OperationState::Queued,
        attempts: 2,
        first_sent: Some(NOW),
        due: NOW,
        lease_until: None,
        error: Some(("upstream.500".into(), "it said 500".into())),
        actor: "admin".into(),
        created: NOW,
        updated: NOW.plus_millis(1),
        version: 1,
    }
}

pub(crate) fn token(n: u64, role: Role) -> Token {
    Token {
        id: TokenId(uuid(n)),
        name: name(&format!("token-{n}")),
        role,
        created: NOW,
        expires: Some(NOW.plus_millis(1000)),
        revoked: None,
        last_used: Some(NOW.plus_millis(5)),
    }
}

pub(crate) fn artifact(n: u64, run: Option<RunId>) -> Artifact {
    Artifact {
        id: ArtifactId(uuid(n)),
        name: format!("artifact-{n}.tar"),
        version: Some("1.2.3".into()),
        kind: ArtifactKind::Archive,
        external_id: None,
        size: Some(1 << 40),
        sha256: Some(format!("{n:064x}")),
        media_type: Some("application/x-tar".into()),
        metadata: map(&[("arch", "x86-64")]),
        run,
        attempt: run.map(|_| 1),
        job: Some("build".into()),
        created: NOW,
    }
}
