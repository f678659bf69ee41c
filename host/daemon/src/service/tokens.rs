//! Tokens of the API: issued, listed, ended, recognised.

use std::sync::Arc;

use super::host::Host;

/// Who may talk to the API.
#[derive(Clone)]
pub struct Tokens {
    pub(super) host: Arc<Host>,
}

/// Offline, on the state directory of a host that is down: ends the token `admin` and writes a new one into `admin.token`.
///
/// # Errors
/// See [`ServiceError`].
pub async fn reset_admin_token(state_dir: &std::path::Path) -> Result<IssuedToken, ServiceError> { todo!() }

impl Tokens {
    /// A new one; its value is shown this once. Admin.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn create(&self, actor: &Actor, new: NewToken) -> Result<IssuedToken, ServiceError> { todo!() }
    /// Without values.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn list(&self, page: Page) -> Result<Listing<Token>, ServiceError> { todo!() }
    /// Ends one, by name or id. Admin.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn revoke(&self, actor: &Actor, name: &str) -> Result<Token, ServiceError> { todo!() }
    /// Ends one and issues another with the same name and role. Admin.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn reset(&self, actor: &Actor, name: &str) -> Result<IssuedToken, ServiceError> { todo!() }
    /// Who holds this bearer token.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn authenticate(&self, bearer: &str) -> Result<Actor, ServiceError> { todo!() }
}
