//! Exchange and session credentials: the guest says how to log in, the host does it.
use async_trait::async_trait;
use novacron_cicd_contract::bindings::exports::novacron::cicd::credentials::Login;

use super::scope::Derived;

/// Asks the guest how a slot is filled: a pure call of `credentials.describe-login`.
#[async_trait]
pub trait LoginDescriber: Send + Sync {
    /// The description, and the slots that `keys` made while it was written.
    ///
    /// # Errors
    /// One sentence for the operator.
    async fn describe_login(&self, slot: &str) -> Result<Described, String>;
}

/// How to log in.
pub struct Described {
    /// The guest's words.
    pub login: Login,
    /// What `keys` made in that call ([`super::CallScope::derived`]).
    pub derived: Derived,
}
