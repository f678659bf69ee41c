//! Operations: listed, ended, settled by an operator.

use std::sync::Arc;

use super::host::Host;

/// Durable intents.
#[derive(Clone)]
pub struct Operations {
    pub(super) host: Arc<Host>,
}

impl Operations {
    /// By id.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn show(&self, id: OperationId) -> Result<Operation, ServiceError> { todo!() }
    /// Newest first.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn list(&self, filter: OperationFilter, page: Page) -> Result<Listing<Operation>, ServiceError> { todo!() }
    /// Gives it up: nothing was sent, then it is canceled; else the call is cut and it is settled by its class. Operator.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn cancel(&self, actor: &Actor, id: OperationId) -> Result<Operation, ServiceError> { todo!() }
    /// Settles an ambiguous one. Operator.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn resolve(&self, actor: &Actor, id: OperationId, resolution: Resolution) -> Result<Operation, ServiceError> { todo!() }
}
