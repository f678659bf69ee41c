//! Secrets: set, listed, rotated, deleted; never read.

use std::sync::Arc;

use super::host::Host;

/// Values that only the vault holds.
#[derive(Clone)]
pub struct Secrets {
    pub(super) host: Arc<Host>,
}

impl Secrets {
    /// A new one. Admin.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn set(&self, actor: &Actor, name: &str, value: Secret) -> Result<SecretInfo, ServiceError> { todo!() }
    /// A new value for one that is there. Admin.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn rotate(&self, actor: &Actor, name: &str, value: Secret) -> Result<SecretInfo, ServiceError> { todo!() }
    /// Names and times, never values.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn list(&self, page: Page) -> Result<Listing<SecretInfo>, ServiceError> { todo!() }
    /// Deletes one that nothing names. Admin.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn delete(&self, actor: &Actor, name: &str) -> Result<(), ServiceError> { todo!() }
}
