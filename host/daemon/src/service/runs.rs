//! Runs: triggered, looked at, canceled.

use std::sync::Arc;

use super::host::Host;

/// Executions.
#[derive(Clone)]
pub struct Runs {
    pub(super) host: Arc<Host>,
}

impl Runs {
    /// Asks for a run durably; answered before the platform is called. Operator.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn trigger(&self, actor: &Actor, pipeline: &str, input: TriggerInput) -> Result<Triggered, ServiceError> { todo!() }
    /// With its jobs and steps.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn show(&self, id: RunId) -> Result<Run, ServiceError> { todo!() }
    /// Newest first.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn list(&self, filter: RunFilter, page: Page) -> Result<Listing<Run>, ServiceError> { todo!() }
    /// Asks for its end; the same operation again while one is open. Operator.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn cancel(&self, actor: &Actor, id: RunId) -> Result<Operation, ServiceError> { todo!() }
    /// All attempts, the current one last.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn attempts(&self, id: RunId) -> Result<Vec<Run>, ServiceError> { todo!() }
}
