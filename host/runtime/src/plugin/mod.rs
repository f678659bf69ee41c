//! Plugins: from a file to something that can be called.
//!
//! A file is looked into, its manifest read and compared with what it imports and exports, compiled (or found compiled),
//! tried once, compared with what was approved, and only then published. Must be absent: how a call is made.

mod cache;
mod error;
mod inspect;
pub mod interfaces;
mod load;
mod lock;
pub mod manifest;
mod registry;
mod watch;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use metrics::Histogram;
use tokio::sync::Semaphore;
use wasmtime::component::InstancePre;

pub use error::PluginError;
pub use inspect::{MANIFEST_LIMIT, SECTION};
pub use lock::{LockEntry, asks};
pub use manifest::{CredentialKind, CredentialSlot, Manifest, Reporting, SettingsProblem, WebhookScheme, Webhooks};
pub use registry::{PluginState, PluginSummary};

pub(crate) use cache::Cache;
pub(crate) use interfaces::Indices;
pub(crate) use load::Loader;
pub(crate) use lock::Lock;
pub(crate) use registry::{Registry, RegistryConfig, Trial};

use crate::sandbox::CallState;

/// A plugin that serves: one generation of it. Calls that are under way keep theirs when another is published.
pub struct Plugin {
    manifest: Arc<Manifest>,
    digest: [u8; 32],
    sha256: String,
    path: PathBuf,
    interfaces: Vec<&'static str>,
    pre: InstancePre<CallState>,
    indices: Indices,
    places: Semaphore,
    histograms: Mutex<HashMap<(&'static str, &'static str), Histogram>>,
}

impl Plugin {
    /// Its manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(crate) fn shared_manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// The sha256 digest of its file, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The begin of the digest: enough to tell two files apart in a log.
    #[must_use]
    pub fn digest8(&self) -> &str {
        &self.sha256[..8]
    }

    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Where its file was.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The interfaces that it exports, as the WIT spells them.
    #[must_use]
    pub fn interfaces(&self) -> &[&'static str] {
        &self.interfaces
    }

    /// Whether it exports an interface (`run-cancel`).
    #[must_use]
    pub fn supports(&self, interface: &str) -> bool {
        self.interfaces.contains(&interface)
    }

    pub(crate) fn pre(&self) -> &InstancePre<CallState> {
        &self.pre
    }

    pub(crate) fn indices(&self) -> &Indices {
        &self.indices
    }

    pub(crate) fn places(&self) -> &Semaphore {
        &self.places
    }

    /// Counts a call. The handle is kept: making the labels anew costs more than the call's own bookkeeping.
    pub(crate) fn record(&self, function: &'static str, outcome: &'static str, seconds: f64) {
        let mut histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        let histogram = histograms.entry((function, outcome)).or_insert_with(|| {
            metrics::histogram!(
                "novacron_cicd_plugin_call_duration_seconds",
                "plugin" => self.manifest.id.clone(), "function" => function, "outcome" => outcome,
            )
        });
        histogram.record(seconds);
    }
}
