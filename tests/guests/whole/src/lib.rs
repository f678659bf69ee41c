//! A provider with every interface that the host serves.
//!
//! Its platform knows one way to ask for anything: a change is a `POST` of its arguments to `/do/FUNCTION`, a read is a
//! `GET` of `/read/FUNCTION` with its arguments in the query; both answer with a document. The tests play it.

mod deployments;
mod pipelines;
mod runs;
mod shapes;
mod stored;

use novacron_cicd_sdk::{
    Plugin, Result,
    http::{Json, Request},
    plugin::CheckReport,
    types::Operation,
};
use serde_json::Value;

const SLOT: &str = "token";

struct Whole;

impl Plugin for Whole {
    fn check() -> Result<CheckReport> {
        ask("plugin.check").send()?.ok()?;
        Ok(CheckReport::default())
    }
}

/// A read.
fn ask(function: &str) -> Request {
    Request::get(["read", function]).credential(SLOT)
}

/// What a read finds.
fn read(function: &str, arguments: &[(&str, &str)]) -> Result<Value> {
    arguments.iter().fold(ask(function), |request, (name, value)| request.query(name, *value)).fetch()
}

/// A change, with the operation that it belongs to.
fn change(operation: &Operation, function: &str, arguments: Json) -> Request {
    Request::post(["do", function])
        .credential(SLOT)
        .header("idempotency-key", operation.id.clone())
        .header("x-attempt", operation.attempt.to_string())
        .json_with_secrets(arguments)
}

/// What a change answers.
fn make(operation: &Operation, function: &str, arguments: Json) -> Result<Value> {
    change(operation, function, arguments).fetch()
}

/// A change that answers nothing of interest.
fn act(operation: &Operation, function: &str, arguments: Json) -> Result<()> {
    change(operation, function, arguments).send()?.ok().map(drop)
}

novacron_cicd_sdk::export!(
    Whole with plugin, runs, run_search, run_listing, run_changes, run_cancel, run_force_cancel, run_retry, run_play, run_gates,
    run_deletion, logs, pipelines, pipeline_definitions, pipeline_state, pipeline_lint, pipeline_copies, pipeline_schedules,
    pipeline_triggers, artifacts, artifact_uploads, artifact_retention, attestations, secrets, variables, runners,
    runner_deletion, runner_drain, runner_labels, runner_creation, runner_assignment, webhook_registration, webhook_recovery,
    environments, deployments, deployment_cancel, deployment_approval, deployment_rollback, deployment_reconciliation,
    deployment_status
);
