//! Every interface that a plugin can export, with its functions; and where each stands in a loaded component.
//!
//! One table for all of it, compared with the WIT by a test: a function that is missing here could not be named in a
//! manifest, and an interface that is missing could not be called.

use novacron_cicd_contract::{PACKAGE, VERSION, bindings::exports::novacron::cicd as exports};
use wasmtime::{
    AsContextMut,
    component::{Instance, InstancePre},
};

use super::PluginError;
use crate::sandbox::CallState;

/// An interface that a plugin can export.
#[derive(Debug)]
pub struct Interface {
    /// As the WIT spells it: `run-cancel`.
    pub name: &'static str,
    /// Its functions.
    pub functions: &'static [Function],
}

/// A function that a plugin can export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// With its interface: `run-cancel.cancel`.
    pub name: &'static str,
    /// Whether it changes something on the platform: it takes an operation.
    pub changing: bool,
}

impl Function {
    /// Whether it may do nothing but compute.
    #[must_use]
    pub fn is_pure(self) -> bool {
        matches!(self.name, "webhooks.decode" | "credentials.describe-login")
    }
}

macro_rules! interfaces {
    ($($module:ident = $name:literal reads[$($read:literal),*] changes[$($change:literal),*];)+) => {
        /// All of them, in the order of the WIT's world.
        pub const INTERFACES: &[Interface] = &[$(Interface {
            name: $name,
            functions: &[
                $(Function { name: concat!($name, ".", $read), changing: false },)*
                $(Function { name: concat!($name, ".", $change), changing: true },)*
            ],
        },)+];

        /// Where the exports of one component are; none where it does not have the interface.
        #[derive(Clone, Default)]
        pub(crate) struct Indices {
            $(pub(crate) $module: Option<exports::$module::GuestIndices>,)+
        }

        impl Indices {
            /// Looks up what `exported` names.
            pub(crate) fn new(pre: &InstancePre<CallState>, exported: &[&'static str]) -> Result<Self, PluginError> {
                let mut indices = Self::default();
                for name in exported {
                    match *name {
                        $($name => {
                            let found = exports::$module::GuestIndices::new(pre);
                            indices.$module = Some(found.map_err(|error| mismatch($name, &error))?);
                        })+
                        _ => {}
                    }
                }
                Ok(indices)
            }

            /// Compares the types of every function that is exported with the contract's.
            pub(crate) fn check(&self, mut store: impl AsContextMut, instance: &Instance) -> Result<(), PluginError> {
                $(if let Some(indices) = &self.$module {
                    indices.load(&mut store, instance).map_err(|error| mismatch($name, &error))?;
                })+
                Ok(())
            }
        }
    };
}

interfaces! {
    plugin = "plugin" reads["check"] changes[];
    runs = "runs" reads["resolve-ticket", "get"] changes["trigger"];
    run_search = "run-search" reads["find-by-correlation"] changes[];
    run_listing = "run-listing" reads["list-runs"] changes[];
    run_changes = "run-changes" reads["list-changed"] changes[];
    run_cancel = "run-cancel" reads[] changes["cancel"];
    run_force_cancel = "run-force-cancel" reads[] changes["force-cancel"];
    run_retry = "run-retry" reads[] changes["retry"];
    run_play = "run-play" reads[] changes["play"];
    run_gates = "run-gates" reads["list-gates"] changes["resolve-gate"];
    run_deletion = "run-deletion" reads[] changes["delete-run"];
    logs = "logs" reads["read"] changes[];
    pipelines = "pipelines" reads["list-pipelines", "get", "parameters"] changes[];
    pipeline_definitions = "pipeline-definitions" reads["read"] changes["create", "update", "delete"];
    pipeline_state = "pipeline-state" reads[] changes["set-enabled"];
    pipeline_lint = "pipeline-lint" reads["validate"] changes[];
    pipeline_copies = "pipeline-copies" reads[] changes["copy", "relocate"];
    pipeline_schedules = "pipeline-schedules" reads["list-schedules"] changes["put-schedule", "delete-schedule", "play-schedule"];
    pipeline_triggers = "pipeline-triggers" reads["list-tokens"] changes["create-token", "delete-token"];
    artifacts = "artifacts" reads["list-artifacts", "plan-download"] changes[];
    artifact_uploads = "artifact-uploads" reads[] changes["plan-upload", "finish-upload"];
    artifact_retention = "artifact-retention" reads[] changes["delete-artifact", "keep-artifact"];
    attestations = "attestations" reads["list-attestations"] changes[];
    secrets = "secrets" reads["list-secrets"] changes["put-secret", "delete-secret"];
    variables = "variables" reads["list-variables"] changes["put-variable", "delete-variable"];
    runners = "runners" reads["list-runners", "get"] changes[];
    runner_deletion = "runner-deletion" reads[] changes["delete-runner"];
    runner_drain = "runner-drain" reads[] changes["set-draining"];
    runner_labels = "runner-labels" reads[] changes["set-labels"];
    runner_creation = "runner-creation" reads[] changes["create-runner"];
    runner_assignment = "runner-assignment" reads[] changes["assign", "unassign"];
    webhooks = "webhooks" reads["decode"] changes[];
    webhook_registration = "webhook-registration" reads["list-hooks"] changes["register", "unregister"];
    webhook_recovery = "webhook-recovery" reads["list-missed"] changes["redeliver"];
    credentials = "credentials" reads["describe-login"] changes[];
    environments = "environments" reads["list-environments", "get"] changes["put-environment", "stop-environment", "delete-environment"];
    deployments = "deployments" reads["resolve-ticket", "get", "list-deployments"] changes["start"];
    deployment_cancel = "deployment-cancel" reads[] changes["cancel"];
    deployment_approval = "deployment-approval" reads[] changes["approve"];
    deployment_rollback = "deployment-rollback" reads[] changes["rollback"];
    deployment_reconciliation = "deployment-reconciliation" reads["observe", "find-by-correlation"] changes[];
    deployment_status = "deployment-status" reads[] changes["set-status"];
    infrastructure = "infrastructure" reads["list-entities", "get"] changes["ensure", "act", "remove"];
}

/// The table's entry of `runs.trigger` and the like.
#[must_use]
pub fn function(name: &str) -> Option<Function> {
    let (interface, _) = name.split_once('.')?;
    let interface = INTERFACES.iter().find(|known| known.name == interface)?;
    interface.functions.iter().find(|function| function.name == name).copied()
}

/// The full name of an interface: `novacron:cicd/runs@0.1.0`.
#[must_use]
pub fn qualified(interface: &str) -> String {
    format!("{PACKAGE}/{interface}@{VERSION}")
}

fn mismatch(interface: &str, error: &wasmtime::Error) -> PluginError {
    PluginError::Mismatch {
        interface: format!("the export {interface}"),
        offered: VERSION,
        detail: format!("{error:#}").replace('\n', ", "),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

    use std::path::Path;

    use super::*;

    #[test]
    fn the_table_has_what_the_wit_has() {
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        let mut resolve = wit_parser::Resolve::new();
        let (package, _) = resolve.push_dir(&wit).unwrap();
        let world = resolve.packages[package].worlds["provider"];
        let mut expected = Vec::new();
        for (key, item) in &resolve.worlds[world].exports {
            let wit_parser::WorldItem::Interface { id, .. } = item else { continue };
            let name = resolve.name_world_key(key);
            assert_eq!(name, qualified(resolve.interfaces[*id].name.as_deref().unwrap()));
            for function in resolve.interfaces[*id].functions.values() {
                let changing = function.params.first().is_some_and(|parameter| parameter.name == "operation");
                let interface = resolve.interfaces[*id].name.as_deref().unwrap();
                expected.push((format!("{interface}.{}", function.name), changing));
            }
        }
        let known = INTERFACES.iter().flat_map(|interface| interface.functions);
        let mut known: Vec<_> = known.map(|function| (function.name.to_owned(), function.changing)).collect();
        expected.sort();
        known.sort();
        assert_eq!(known, expected);
    }

    #[test]
    fn every_kind_of_operation_calls_a_changing_function_of_its_own() {
        use novacron_cicd_domain::operation::OperationKind;
        let mut called = std::collections::BTreeSet::new();
        for kind in OperationKind::all() {
            let known =
                function(kind.function()).unwrap_or_else(|| panic!("{} calls {}", kind.as_str(), kind.function()));
            assert!(known.changing && called.insert(known.name), "{} calls {}", kind.as_str(), known.name);
        }
        let all = INTERFACES.iter().flat_map(|interface| interface.functions).filter(|function| function.changing);
        let open: Vec<_> = all.map(|function| function.name).filter(|name| !called.contains(name)).collect();
        let later = [
            // The end of what `artifact-uploads.plan-upload` begins.
            "artifact-uploads.finish-upload",
            "infrastructure.ensure",
            "infrastructure.act",
            "infrastructure.remove",
        ];
        assert_eq!(
            open, later,
            "a changing function that no operation is named by; tests/contract.toml says with what it comes"
        );
    }
}
