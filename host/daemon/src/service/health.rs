//! Whether the host is ready.

use std::sync::Arc;

use novacron_cicd_runtime::plugin::PluginState;

use super::{ServiceError, host::Host};

/// Whether the host can work.
#[derive(Clone)]
pub struct Health {
    pub(super) host: Arc<Host>,
}

/// What `/readyz` shows.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// Whether all below is well.
    pub ready: bool,
    /// Whether the store answers.
    pub store: bool,
    /// Whether the engine takes work.
    pub engine: bool,
    /// Plugins that can be used, and all that are there.
    pub plugins: (usize, usize),
}

impl Health {
    /// Ready: the store answers and the engine takes work. A broken plugin is shown and keeps nobody from working.
    ///
    /// # Errors
    /// None as yet: what does not answer is said in the answer.
    pub async fn readiness(&self) -> Result<Readiness, ServiceError> {
        let store = self.host.store.read(|state| state.last_event_seq()).await.is_ok();
        let engine = self.host.engine.is_running();
        let plugins = self.host.catalog.plugins();
        let serving = plugins.iter().filter(|plugin| plugin.state == PluginState::Serving).count();
        Ok(Readiness { ready: store && engine, store, engine, plugins: (serving, plugins.len()) })
    }
}
