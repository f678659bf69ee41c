//! Plugins as the runtime lists them.

use std::sync::Arc;

use super::host::Host;

/// What is installed.
#[derive(Clone)]
pub struct Plugins {
    pub(super) host: Arc<Host>,
}

impl Plugins {
    /// All, broken ones with their error.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn list(&self) -> Result<Vec<PluginSummary>, ServiceError> { todo!() }
    /// By id.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn show(&self, id: &str) -> Result<PluginSummary, ServiceError> { todo!() }
}
