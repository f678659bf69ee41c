//! Pipelines: created, adopted, changed, deleted, here and on their platform.

use std::sync::Arc;

use super::host::Host;

/// Definitions.
#[derive(Clone)]
pub struct Pipelines {
    pub(super) host: Arc<Host>,
}

impl Pipelines {
    /// Creates one, and its counterpart where the plugin keeps definitions and no `external_ref` is given. Operator.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn create(&self, actor: &Actor, new: NewPipeline) -> Result<PipelineChanged, ServiceError> { todo!() }
    /// Adopts one that is there. Operator.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn import(&self, actor: &Actor, import: ImportPipeline) -> Result<Pipeline, ServiceError> { todo!() }
    /// By name or id.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn show(&self, name: &str) -> Result<Pipeline, ServiceError> { todo!() }
    /// Newest first; of one provider (name or id) or of all.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn list(&self, provider: Option<&str>, page: Page) -> Result<Listing<Pipeline>, ServiceError> { todo!() }
    /// Changes one. Operator.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn update(&self, actor: &Actor, name: &str, change: PipelineChange, if_match: Option<i64>) -> Result<PipelineChanged, ServiceError> { todo!() }
    /// Deletes ours and keeps its runs; `remote` deletes the platform's too. Operator.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn delete(&self, actor: &Actor, name: &str, remote: bool, if_match: Option<i64>) -> Result<Option<Operation>, ServiceError> { todo!() }
    /// What is there on a provider's platform.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn remote(&self, provider: &str, page: PageRequest) -> Result<RemotePage<RemotePipeline>, ServiceError> { todo!() }
}
