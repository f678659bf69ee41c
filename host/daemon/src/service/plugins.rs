//! Plugins as the runtime lists them.

use std::sync::Arc;

pub use novacron_cicd_runtime::plugin::PluginSummary;

use novacron_cicd_domain::token::Role;
use novacron_cicd_runtime::plugin::PluginError;
use serde_json::json;

use super::{
    Actor, ServiceError,
    host::{Host, audit},
};

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

    /// Acts on files of the plugin directories that are new, have changed or are gone; to be called every few seconds.
    pub async fn look(&self) {
        self.host.catalog.look().await;
    }

    /// Lets a file serve that asks for more than was approved. `sha256` is the file that was looked at. Admin.
    ///
    /// # Errors
    /// No such file waits, or it has changed since; or it does not work, and what served before goes on.
    pub async fn approve(&self, actor: &Actor, id: &str, sha256: &str) -> Result<PluginSummary, ServiceError> {
        actor.require(Role::Admin)?;
        self.host.catalog.approve(id, sha256).await.map_err(|error| match error {
            PluginError::NotWaiting { .. } => ServiceError::NotWaiting(error),
            error => ServiceError::BrokenPlugin { plugin: id.to_owned(), reason: error.to_string() },
        })?;
        let (name, subject, detail, now) =
            (actor.name.clone(), id.to_owned(), json!({ "sha256": sha256 }), self.host.now());
        self.host.write(move |tx| Ok(audit(tx, &name, "plugin.approve", subject, detail, now)?)).await?;
        self.show(id).await
    }
}
