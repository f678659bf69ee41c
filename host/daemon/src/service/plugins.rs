//! Plugins as the runtime lists them.

use std::sync::Arc;

pub use novacron_cicd_runtime::plugin::PluginSummary;

use super::{ServiceError, host::Host};

/// What is installed.
#[derive(Clone)]
pub struct Plugins {
    pub(super) host: Arc<Host>,
}

impl Plugins {
    /// All, broken ones with their error.
    ///
    /// # Errors
    /// None as yet; a list from elsewhere may have some.
    pub async fn list(&self) -> Result<Vec<PluginSummary>, ServiceError> {
        Ok(self.host.catalog.plugins())
    }

    /// By id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, id: &str) -> Result<PluginSummary, ServiceError> {
        let found = self.host.catalog.plugins().into_iter().find(|plugin| plugin.id == id);
        found.ok_or_else(|| ServiceError::not_found("plugin", id))
    }
}
