//! Whether the host is ready.

use std::sync::Arc;

use super::host::Host;

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
    /// Whether the engine's tasks run.
    pub engine: bool,
    /// Plugins that can be used, and all that are there.
    pub plugins: (usize, usize),
}

impl Health {
    /// Ready: the store answers and the engine runs.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn readiness(&self) -> Result<Readiness, ServiceError> { todo!() }
}
