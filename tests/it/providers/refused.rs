//! How a function is asked for that does not work with a provider, and what the answer is then.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::package;
use crate::harness::{component, component_functions};

/// What becomes of a function with a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Has {
    /// It works.
    Works,
    /// The plugin does not have it, and is not asked: the host says that it is unsupported.
    Not,
    /// The plugin has it because its interface does, and says itself that it is unsupported.
    Declines,
    /// The host has no need of it, with that plugin or where no plugin has it: its verb answers, and it is not called.
    DoneWithout,
}

/// What plugins have only because an interface has all of its functions.
const DECLINED: [(&str, &str); 3] = [
    ("github-actions", "artifact-retention.keep-artifact"),
    ("github-actions", "deployments.resolve-ticket"),
    ("github-actions", "environments.stop-environment"),
];

impl Has {
    /// By what the plugin exports.
    pub(super) fn of(plugin: &str, exported: &BTreeSet<String>, function: &str) -> Self {
        let (has, changes) = (exported.contains(function), exported.contains("run-changes.list-changed"));
        match (function, has) {
            _ if DECLINED.contains(&(plugin, function)) => Self::Declines,
            // What others start is seen by what changed, or else in lists.
            ("run-listing.list-runs", _) if changes => Self::DoneWithout,
            // A plugin that has no slot for a login has none to describe.
            ("credentials.describe-login", false) => Self::DoneWithout,
            // Their runs are runs from the first moment.
            ("runs.resolve-ticket", true) if ["github-actions", "gitlab-ci"].contains(&plugin) => Self::DoneWithout,
            (_, true) => Self::Works,
            (_, false) => Self::Not,
        }
    }
}

/// `{app}`, `{run}` and `{artifact}` are there on the platform, nothing else is.
pub(super) struct Refused {
    pub(super) function: &'static str,
    pub(super) api: (&'static str, Value),
    pub(super) cli: &'static str,
}

pub(super) fn refused() -> Vec<Refused> {
    let row = |function, api, cli| Refused { function, api: (api, Value::Null), cli };
    let with = |function, api, body, cli| Refused { function, api: (api, body), cli };
    vec![
        row("runs.resolve-ticket", "GET /v1/runs/{run}", "run show {run}"),
        row("run-listing.list-runs", "GET /v1/runs", "run list"),
        with("credentials.describe-login", "POST /v1/providers/ci/check", json!({}), "provider check ci"),
        with("run-play.play", "POST /v1/runs/{run}/jobs/j/play", json!({}), "run play {run} j"),
        with(
            "pipeline-copies.copy",
            "POST /v1/pipelines/{app}/copy",
            json!({ "name": "elsewhere" }),
            "pipeline copy {app} elsewhere",
        ),
        with(
            "pipeline-copies.relocate",
            "POST /v1/pipelines/{app}/move",
            json!({ "name": "elsewhere" }),
            "pipeline move {app} --rename elsewhere",
        ),
        row("pipeline-schedules.list-schedules", "GET /v1/pipelines/{app}/schedules", "pipeline schedule list {app}"),
        with(
            "pipeline-schedules.put-schedule",
            "POST /v1/pipelines/{app}/schedules",
            json!({ "cron": "0 3 * * *" }),
            "pipeline schedule put {app} '0 3 * * *'",
        ),
        row(
            "pipeline-schedules.delete-schedule",
            "DELETE /v1/pipelines/{app}/schedules/s",
            "pipeline schedule delete {app} s",
        ),
        row(
            "pipeline-schedules.play-schedule",
            "POST /v1/pipelines/{app}/schedules/s/play",
            "pipeline schedule play {app} s",
        ),
        row(
            "pipeline-triggers.list-tokens",
            "GET /v1/pipelines/{app}/trigger-tokens",
            "pipeline trigger-token list {app}",
        ),
        with(
            "pipeline-triggers.create-token",
            "POST /v1/pipelines/{app}/trigger-tokens",
            json!({ "description": "a bot", "keep_as": "bot" }),
            "pipeline trigger-token create {app} bot --keep-as bot",
        ),
        row(
            "pipeline-triggers.delete-token",
            "DELETE /v1/pipelines/{app}/trigger-tokens/t",
            "pipeline trigger-token delete {app} t",
        ),
        with(
            "artifact-uploads.plan-upload",
            "POST /v1/artifacts/{artifact}/upload",
            json!({ "provider": "ci" }),
            "artifact upload {artifact} --provider ci",
        ),
        with(
            "artifact-uploads.finish-upload",
            "POST /v1/artifacts/{artifact}/upload",
            json!({ "provider": "ci" }),
            "artifact upload {artifact} --provider ci",
        ),
        row(
            "artifact-retention.delete-artifact",
            "DELETE /v1/artifacts/{artifact}?remote=true",
            "artifact delete {artifact} --remote",
        ),
        row("artifact-retention.keep-artifact", "POST /v1/artifacts/{artifact}/keep", "artifact keep {artifact}"),
        row(
            "attestations.list-attestations",
            "GET /v1/providers/ci/attestations?digest=sha256:ab",
            "remote attestation list sha256:ab --provider ci",
        ),
        row("variables.list-variables", "GET /v1/providers/ci/variables", "remote variable list --provider ci"),
        with(
            "variables.put-variable",
            "PUT /v1/providers/ci/variables/V",
            json!({ "value": "1" }),
            "remote variable put V 1 --provider ci",
        ),
        row(
            "variables.delete-variable",
            "DELETE /v1/providers/ci/variables/V",
            "remote variable delete V --provider ci",
        ),
        with(
            "runner-drain.set-draining",
            "POST /v1/providers/ci/runners/r/drain",
            json!({}),
            "runner drain r --provider ci",
        ),
        with(
            "runner-labels.set-labels",
            "PUT /v1/providers/ci/runners/r/labels",
            json!({ "labels": ["gpu"] }),
            "runner label r --label gpu --provider ci",
        ),
        with(
            "runner-creation.create-runner",
            "POST /v1/providers/ci/runners",
            json!({ "name": "r", "keep_as": "runner" }),
            "runner create r --keep-as runner --provider ci",
        ),
        row(
            "runner-assignment.assign",
            "PUT /v1/providers/ci/runners/r/projects/p",
            "runner assign r --project p --provider ci",
        ),
        row(
            "runner-assignment.unassign",
            "DELETE /v1/providers/ci/runners/r/projects/p",
            "runner unassign r --project p --provider ci",
        ),
        row("webhook-registration.list-hooks", "GET /v1/providers/ci/hooks", "remote hook list --provider ci"),
        with(
            "webhook-registration.register",
            "POST /v1/providers/ci/hooks",
            json!({ "url": "https://cicd.example.com/hook" }),
            "remote hook register https://cicd.example.com/hook --provider ci",
        ),
        row(
            "webhook-registration.unregister",
            "DELETE /v1/providers/ci/hooks/h",
            "remote hook unregister h --provider ci",
        ),
        row(
            "webhook-recovery.list-missed",
            "GET /v1/providers/ci/missed-deliveries",
            "remote hook missed --provider ci",
        ),
        row(
            "webhook-recovery.redeliver",
            "POST /v1/providers/ci/hooks/h/deliveries/d/redeliver",
            "remote hook redeliver h d --provider ci",
        ),
        row(
            "environments.list-environments",
            "GET /v1/providers/ci/environments",
            "remote environment list --provider ci",
        ),
        row("environments.get", "GET /v1/providers/ci/environments/e", "remote environment show e --provider ci"),
        with(
            "environments.put-environment",
            "PUT /v1/providers/ci/environments/e",
            json!({}),
            "remote environment put e --provider ci",
        ),
        row(
            "environments.stop-environment",
            "POST /v1/providers/ci/environments/e/stop",
            "remote environment stop e --provider ci",
        ),
        row(
            "environments.delete-environment",
            "DELETE /v1/providers/ci/environments/e",
            "remote environment delete e --provider ci",
        ),
        row(
            "deployments.resolve-ticket",
            "GET /v1/providers/ci/deployment-tickets/t",
            "remote deployment ticket t --provider ci",
        ),
        row(
            "deployment-cancel.cancel",
            "POST /v1/providers/ci/deployments/d/cancel",
            "remote deployment cancel d --provider ci",
        ),
        with(
            "deployment-approval.approve",
            "POST /v1/providers/ci/deployments/d/approve",
            json!({ "approve": true }),
            "remote deployment approve d --provider ci",
        ),
        with(
            "deployment-status.set-status",
            "PUT /v1/providers/ci/deployments/d/status",
            json!({ "state": "succeeded" }),
            "remote deployment set-status d succeeded --provider ci",
        ),
    ]
}

#[test]
fn there_is_a_plugin_for_every_way_to_ask_in_vain() {
    let plugins = ["jenkins", "github-actions", "gitlab-ci"];
    let exports = plugins.map(|plugin| (plugin, component_functions(&component(&package(plugin)))));
    for Refused { function, .. } in refused() {
        let vain = |(plugin, exported): &(&str, BTreeSet<String>)| Has::of(plugin, exported, function) != Has::Works;
        assert!(exports.iter().any(vain), "{function} works everywhere");
    }
}
