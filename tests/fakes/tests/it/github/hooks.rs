//! Deliveries, as real ones are: contradicting their own action, out of order, about what is none of ours.

use novacron_cicd_domain::{
    platform::{Decoded, Delivery, HookObservation},
    status::State,
};
use serde_json::{Value, json};

use super::{REPO, Setup};

fn delivery(event: &str, body: &Value) -> Delivery {
    let headers = [("x-github-event", event), ("x-github-delivery", "72d3162e"), ("content-type", "application/json")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Delivery { headers, body: body.to_string().into_bytes() }
}

async fn decoded(setup: &Setup, event: &str, body: Value) -> Decoded {
    setup.provider.decode_webhook(delivery(event, &body)).await.unwrap()
}

fn run(status: &str, conclusion: Option<&str>) -> Value {
    json!({ "id": 17, "run_attempt": 1, "path": ".github/workflows/ci.yml", "event": "push", "status": status,
        "conclusion": conclusion, "updated_at": "2026-01-01T00:00:00Z", "head_sha": "a", "workflow_id": 1 })
}

#[tokio::test]
async fn a_run_is_as_its_body_says_and_not_as_the_action_does() {
    let setup = Setup::new().await;
    let rows = [
        ("completed", run("queued", None), State::Pending),
        ("requested", run("completed", Some("action_required")), State::Waiting),
        ("in_progress", run("in_progress", None), State::Running),
        ("completed", run("completed", Some("timed_out")), State::Failed),
    ];
    for (action, body, state) in rows {
        let body = json!({ "action": action, "workflow_run": body, "repository": { "full_name": REPO } });
        let decoded = decoded(&setup, "workflow_run", body).await;
        let [HookObservation::Run(found)] = &decoded.observations[..] else { unreachable!("{decoded:?}") };
        assert_eq!(found.run.status.as_ref().unwrap().state, state, "{action}");
        assert_eq!((found.pipeline.as_str(), found.run.graph.is_none()), (super::PIPELINE, true));
    }
    assert!(setup.github.lines().is_empty(), "nothing is asked to read a delivery");
}

#[tokio::test]
async fn a_job_and_a_deployment_are_seen_and_the_rest_is_ignored() {
    let setup = Setup::new().await;
    let job = json!({ "id": 5, "run_id": 17, "run_attempt": 2, "name": "build", "status": "in_progress", "steps": [] });
    let body = json!({ "action": "in_progress", "workflow_job": job, "repository": { "full_name": "ACME/App" } });
    let seen = decoded(&setup, "workflow_job", body).await;
    let [HookObservation::Run(found)] = &seen.observations[..] else { unreachable!("{seen:?}") };
    assert_eq!((found.run.external_id.as_deref(), found.run.attempt), (Some("17"), Some(2)));
    assert!(!found.run.graph.as_ref().unwrap().complete);

    let deployment = json!({ "id": 9, "environment": "prod", "sha": "a", "ref": "main", "payload": {} });
    let body = json!({ "deployment": deployment, "deployment_status": { "state": "success" }, "repository": { "full_name": REPO } });
    let seen = decoded(&setup, "deployment_status", body).await;
    assert!(
        matches!(&seen.observations[..], [HookObservation::Deployment { id, .. }] if id == "acme/app/9"),
        "{seen:?}"
    );

    let rows = [
        ("ping", json!({ "zen": "Speak like a human." })),
        ("push", json!({ "ref": "refs/heads/main" })),
        ("workflow_run", json!({ "workflow_run": run("queued", None), "repository": { "full_name": "eve/app" } })),
    ];
    for (event, body) in rows {
        let seen = decoded(&setup, event, body).await;
        assert!(seen.observations.is_empty() && seen.ignored.is_some(), "{event}: {seen:?}");
    }
    let broken = setup.provider.decode_webhook(Delivery { headers: vec![], body: b"{}".to_vec() }).await;
    assert!(broken.unwrap_err().message.contains("X-GitHub-Event"));
}
