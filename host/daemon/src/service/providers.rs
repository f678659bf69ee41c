//! Providers: added, looked at, changed, reached, removed.

use std::sync::Arc;

use super::host::Host;

/// Configured connections.
#[derive(Clone)]
pub struct Providers {
    pub(super) host: Arc<Host>,
}

impl Providers {
    /// Adds one. Admin.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn add(&self, actor: &Actor, new: NewProvider) -> Result<Provider, ServiceError> { todo!() }
    /// By name or id.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn show(&self, name: &str) -> Result<Provider, ServiceError> { todo!() }
    /// Newest first.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn list(&self, page: Page) -> Result<Listing<Provider>, ServiceError> { todo!() }
    /// Changes one. Admin.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn update(&self, actor: &Actor, name: &str, change: ProviderChange, if_match: Option<i64>) -> Result<Provider, ServiceError> { todo!() }
    /// Removes one that no pipeline names. Admin.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn remove(&self, actor: &Actor, name: &str, if_match: Option<i64>) -> Result<(), ServiceError> { todo!() }
    /// Reaches it and keeps what was found as its health. Operator.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn check(&self, actor: &Actor, name: &str) -> Result<ProviderCheck, ServiceError> { todo!() }
}
