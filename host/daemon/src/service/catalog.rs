//! What the use cases need to know of plugins: a port, so that they are tested without one.

use async_trait::async_trait;
use novacron_cicd_domain::provider::Provider;
use novacron_cicd_runtime::plugin::{Manifest, PluginError, PluginState, PluginSummary};
use novacron_cicd_runtime::{Runtime, RuntimeError};

use super::ServiceError;

/// The plugins that are there.
#[async_trait]
pub(crate) trait Catalog: Send + Sync + 'static {
    /// All of them, broken ones too.
    fn plugins(&self) -> Vec<PluginSummary>;
    /// Shows the manifest of the one that serves under this id; false where none does.
    fn manifest(&self, plugin: &str, look: &mut dyn FnMut(&Manifest)) -> bool;
    /// Acts on files that are new, have changed or are gone.
    async fn look(&self);
    /// Lets a held file serve, if it still has this digest.
    async fn approve(&self, plugin: &str, sha256: &str) -> Result<(), PluginError>;
    /// Whether the provider could be called as it is configured.
    fn check(&self, provider: &Provider) -> Result<(), RuntimeError>;
    /// The provider was changed or removed.
    fn forget(&self, provider: &Provider);
}

#[async_trait]
impl Catalog for Runtime {
    fn plugins(&self) -> Vec<PluginSummary> {
        Self::plugins(self)
    }

    fn manifest(&self, plugin: &str, look: &mut dyn FnMut(&Manifest)) -> bool {
        let Some(plugin) = self.plugin(plugin) else { return false };
        look(plugin.manifest());
        true
    }

    async fn look(&self) {
        Self::look(self).await;
    }

    async fn approve(&self, plugin: &str, sha256: &str) -> Result<(), PluginError> {
        Self::approve(self, plugin, sha256).await.map(drop)
    }

    fn check(&self, provider: &Provider) -> Result<(), RuntimeError> {
        self.check_provider(provider)
    }

    fn forget(&self, provider: &Provider) {
        Self::forget(self, provider.id);
    }
}

/// Looks at the manifest of a plugin that can be used.
pub(crate) fn with_manifest<T>(
    catalog: &dyn Catalog,
    plugin: &str,
    look: impl FnOnce(&Manifest) -> T,
) -> Result<T, ServiceError> {
    let mut look = Some(look);
    let mut seen = None;
    let serves = catalog.manifest(plugin, &mut |manifest| seen = look.take().map(|look| look(manifest)));
    if let (true, Some(seen)) = (serves, seen) {
        return Ok(seen);
    }
    let plugins = catalog.plugins();
    let reason = plugins.iter().find(|found| found.id == plugin).and_then(|found| match &found.state {
        PluginState::Serving => None,
        PluginState::Held(error) | PluginState::Broken(error) => Some(error.to_string()),
    });
    Err(match reason {
        Some(reason) => ServiceError::BrokenPlugin { plugin: plugin.to_owned(), reason },
        None => {
            let mut known: Vec<String> =
                plugins.into_iter().filter(|found| found.state == PluginState::Serving).map(|found| found.id).collect();
            known.sort();
            ServiceError::UnknownPlugin { plugin: plugin.to_owned(), known }
        }
    })
}
