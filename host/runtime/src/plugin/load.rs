//! One file, from its bytes to a component that was compared with the contract and tried.

use std::{
    collections::HashMap,
    fs::File,
    io::Read as _,
    path::Path,
    sync::{Arc, Mutex},
};

use novacron_cicd_contract::{PACKAGE, VERSION};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use wasmtime::component::{Component, Linker};

use super::{
    CredentialKind, Indices, Manifest, Plugin, PluginError,
    cache::Cache,
    inspect::{Inspection, Needs, inspect},
    interfaces::{self, INTERFACES},
};
use crate::sandbox::{CallState, Limits, SandboxEngine};

/// Interfaces of the contract that a guest can import.
const IMPORTS: [&str; 8] = ["types", "context", "http", "log", "kv", "clock", "random", "keys"];
/// Packages of WASI that are linked in an inert form.
const INERT: [&str; 4] = ["wasi:io", "wasi:cli", "wasi:clocks", "wasi:random"];
/// Packages of WASI that would be a second way out.
const FORBIDDEN: [&str; 3] = ["wasi:filesystem", "wasi:sockets", "wasi:http"];
/// Interfaces that every provider exports.
const CORE: [&str; 2] = ["plugin", "runs"];

/// What every plugin is loaded with.
pub(crate) struct Loader {
    engine: Arc<SandboxEngine>,
    linker: Linker<CallState>,
    cache: Cache,
    limits: Limits,
}

impl Loader {
    pub(crate) fn new(engine: Arc<SandboxEngine>, linker: Linker<CallState>, cache: Cache, limits: Limits) -> Self {
        Self { engine, linker, cache, limits }
    }

    /// A file's bytes, where they are no more than a plugin may have.
    pub(crate) fn read(&self, path: &Path) -> Result<Vec<u8>, PluginError> {
        let unreadable = |error: std::io::Error| PluginError::Unreadable(error.to_string());
        let limit = self.limits.file;
        let file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        if size > limit {
            return Err(PluginError::TooLarge { size, limit });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        // The file may grow while it is read.
        file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limit {
            return Err(PluginError::TooLarge { size: bytes.len() as u64, limit });
        }
        Ok(bytes)
    }

    /// All checks but the trial. Compiling takes a second per MiB: never on a thread that serves.
    pub(crate) fn prepare(&self, path: &Path, bytes: &[u8]) -> Result<Plugin, PluginError> {
        let Inspection { manifest, imports, exports, needs } = inspect(bytes)?;
        let manifest = Manifest::parse(&manifest)?;
        for import in &imports {
            check_import(import)?;
        }
        let interfaces = exported(&exports)?;
        check_manifest(&manifest, &interfaces)?;
        self.check_size(needs)?;
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let component = self.component(&digest, bytes)?;
        let pre = self.linker.instantiate_pre(&component).map_err(|error| PluginError::Mismatch {
            interface: "an import".into(),
            offered: VERSION,
            detail: format!("{error:#}").replace('\n', ", "),
        })?;
        let indices = Indices::new(&pre, &interfaces)?;
        Ok(Plugin {
            manifest: Arc::new(manifest),
            digest,
            sha256: hex::encode(digest),
            path: path.to_owned(),
            interfaces,
            pre,
            indices,
            places: Semaphore::new(self.limits.calls_per_plugin),
            histograms: Mutex::new(HashMap::new()),
        })
    }

    fn component(&self, digest: &[u8; 32], bytes: &[u8]) -> Result<Component, PluginError> {
        let engine = self.engine.engine();
        if let Some(component) = self.cache.get(engine, digest) {
            return Ok(component);
        }
        let compiled = Component::from_binary(engine, bytes);
        let component = compiled.map_err(|error| PluginError::Compile(format!("{error:#}").replace('\n', ", ")))?;
        self.cache.put(digest, &component);
        Ok(component)
    }

    /// What can be known before a guest is started: better refused here than at its first call.
    fn check_size(&self, needs: Needs) -> Result<(), PluginError> {
        let limits = &self.limits;
        let over = |needs: String, limit: String| Err(PluginError::OverLimit { needs, limit });
        if needs.core_instances > limits.core_instances {
            return over(
                format!("{} instances of core modules", needs.core_instances),
                limits.core_instances.to_string(),
            );
        }
        if needs.memories > limits.memories {
            return over(format!("{} memories", needs.memories), limits.memories.to_string());
        }
        if needs.memory > limits.memory as u64 {
            return over(
                format!("{} MiB of memory at its start", needs.memory >> 20),
                format!("{} MiB", limits.memory >> 20),
            );
        }
        if needs.tables > limits.tables {
            return over(format!("{} tables", needs.tables), limits.tables.to_string());
        }
        if needs.table_elements > limits.table_elements as u64 {
            return over(format!("a table of {} elements", needs.table_elements), limits.table_elements.to_string());
        }
        Ok(())
    }
}

/// `novacron:cicd/runs@0.1.0` as package, interface, version.
fn split(name: &str) -> Option<(&str, &str, &str)> {
    let (package, rest) = name.split_once('/')?;
    let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
    Some((package, interface, version))
}

/// Whether a version of the contract's package is one that this host offers.
fn check_version(version: &str) -> Result<(), PluginError> {
    let fits = semver::Version::parse(version).is_ok_and(|version| super::manifest::fits(&version));
    if fits { Ok(()) } else { Err(PluginError::Contract { wanted: version.to_owned(), offered: VERSION }) }
}

fn check_import(name: &str) -> Result<(), PluginError> {
    let unknown = || PluginError::UnknownImport(name.to_owned());
    let (package, interface, version) = split(name).ok_or_else(unknown)?;
    if package == PACKAGE {
        check_version(version)?;
        return if IMPORTS.contains(&interface) { Ok(()) } else { Err(unknown()) };
    }
    if FORBIDDEN.contains(&package) {
        return Err(PluginError::ForbiddenImport(name.to_owned()));
    }
    if INERT.contains(&package) { Ok(()) } else { Err(unknown()) }
}

/// The interfaces of the contract among the exports. Others are let be: language runtimes export things of their own, and
/// a later 0.1 may have interfaces that this host does not call.
fn exported(exports: &[String]) -> Result<Vec<&'static str>, PluginError> {
    let mut found = Vec::new();
    for name in exports {
        let Some((PACKAGE, interface, version)) = split(name) else { continue };
        check_version(version)?;
        if let Some(known) = INTERFACES.iter().find(|known| known.name == interface) {
            found.push(known.name);
        }
    }
    match CORE.iter().find(|core| !found.contains(*core)) {
        Some(missing) => Err(PluginError::MissingExport(interfaces::qualified(missing))),
        None => Ok(found),
    }
}

fn check_manifest(manifest: &Manifest, interfaces: &[&'static str]) -> Result<(), PluginError> {
    let exported = |interface: &str| interfaces.contains(&interface);
    let refuse = |what: String| Err(PluginError::NotExported { what, why: "the component does not export" });
    for function in manifest.recovery.keys() {
        let interface = function.split('.').next().unwrap_or_default();
        if !exported(interface) {
            return refuse(format!("the recovery of {function}"));
        }
    }
    if manifest.webhooks.is_some() && !exported("webhooks") {
        return refuse("webhooks".into());
    }
    for credential in &manifest.credentials {
        if matches!(credential.kind, CredentialKind::Exchange | CredentialKind::Session) && !exported("credentials") {
            let (slot, kind) = (&credential.slot, credential.kind.as_str());
            return refuse(format!("the slot {slot} of kind {kind}, for which credentials.describe-login is needed,"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_told_apart_as_ours_inert_forbidden_or_unknown() {
        let forbidden = |name: &str| Err(PluginError::ForbiddenImport(name.into()));
        let unknown = |name: &str| Err(PluginError::UnknownImport(name.into()));
        for (name, expected) in [
            ("novacron:cicd/http@0.1.0", Ok(())),
            ("novacron:cicd/http@0.1.9", Ok(())),
            ("novacron:cicd/http@0.2.0", Err(PluginError::Contract { wanted: "0.2.0".into(), offered: VERSION })),
            ("novacron:cicd/runs@0.1.0", unknown("novacron:cicd/runs@0.1.0")),
            ("wasi:io/streams@0.2.6", Ok(())),
            ("wasi:sockets/tcp@0.2.6", forbidden("wasi:sockets/tcp@0.2.6")),
            ("wasi:filesystem/types@0.2.6", forbidden("wasi:filesystem/types@0.2.6")),
            ("wasi:http/outgoing-handler@0.2.6", forbidden("wasi:http/outgoing-handler@0.2.6")),
            ("acme:secrets/read", unknown("acme:secrets/read")),
            ("run", unknown("run")),
        ] {
            assert_eq!(check_import(name), expected, "{name}");
        }
    }

    #[test]
    fn exports_of_others_are_let_be_and_a_missing_core_is_named() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let whole = names(&["novacron:cicd/plugin@0.1.0", "novacron:cicd/runs@0.1.0", "wasi:cli/run@0.2.6"]);
        assert_eq!(exported(&whole), Ok(vec!["plugin", "runs"]));
        let later = names(&["novacron:cicd/plugin@0.1.3", "novacron:cicd/runs@0.1.3", "novacron:cicd/moods@0.1.3"]);
        assert_eq!(exported(&later), Ok(vec!["plugin", "runs"]));
        let missing = PluginError::MissingExport("novacron:cicd/runs@0.1.0".into());
        assert_eq!(exported(&names(&["novacron:cicd/plugin@0.1.0"])), Err(missing));
        let other = PluginError::Contract { wanted: "0.2.0".into(), offered: VERSION };
        assert_eq!(exported(&names(&["novacron:cicd/plugin@0.2.0"])), Err(other));
    }
}
