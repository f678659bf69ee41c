//! GitHub Actions, by GitHub's REST API: the workflows of some repositories, their runs, and what else is kept there.
//! `docs/github-actions-provider.md` says what an operator sees of it.
//!
//! Each module has what belongs to one thing of GitHub's: how it is read, and the calls about it. What maps is pure and tested
//! without a host. Facts are from GitHub's OpenAPI description (versions 2022-11-28 and 2026-03-10) and its documentation.

mod artifacts;
mod changes;
mod check;
pub mod client;
mod definitions;
mod deployment;
mod deployments;
mod dispatch;
mod environments;
mod gates;
mod graph;
mod hooks;
mod lint;
mod login;
mod logs;
mod names;
mod paging;
mod pipelines;
mod reading;
mod registration;
mod releases;
mod run;
mod runners;
mod runs;
mod secrets;
pub mod settings;
mod status;
mod told;
mod workflow;
mod write;

/// What nearly every module needs.
mod prelude {
    pub(crate) use novacron_cicd_sdk::{
        Result, attribute,
        http::{Request, Response},
        lookup,
        time::Time,
        types::{Error, ErrorKind, Operation, PageRequest, Redirects, RunRef, State, Status, Times, Timestamp},
    };
    pub(crate) use serde_json::json;

    pub(crate) use crate::{
        GithubActions,
        client::{self, Client, at},
        names::{Id, Repo},
        paging,
        told::{Known, List, told},
    };
}

/// The provider.
#[derive(Debug)]
pub struct GithubActions;

novacron_cicd_sdk::export!(GithubActions with
    plugin, credentials, pipelines, pipeline_definitions, pipeline_state, pipeline_lint, pipeline_copies, runs, run_search,
    run_listing, run_changes, run_cancel, run_force_cancel, run_retry, run_gates, run_deletion, logs, artifacts, artifact_uploads,
    artifact_retention, attestations, secrets, variables, runners, runner_deletion, runner_labels, runner_creation, environments,
    deployments, deployment_rollback, deployment_reconciliation, deployment_status, webhooks, webhook_registration,
    webhook_recovery,
);
