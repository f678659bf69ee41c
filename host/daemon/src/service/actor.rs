//! Who asks. Every use case that changes something takes an [`Actor`] and says which role it needs.
//!
//! Must be absent: how somebody proves who they are over HTTP.

use novacron_cicd_domain::{id::TokenId, token::Role};

use super::ServiceError;

/// Who asks, as far as it was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The token that was shown; none for the host itself.
    pub token: Option<TokenId>,
    /// What is written into the audit trail.
    pub name: String,
    /// What this actor may do.
    pub role: Role,
    /// The idempotency key that was begun for what is asked, where there is one.
    pub key: Option<String>,
}

impl Actor {
    /// The host itself, acting on nobody's request.
    #[must_use]
    pub fn engine() -> Self {
        Self { token: None, name: "engine".into(), role: Role::Admin, key: None }
    }

    /// Refuses whoever holds less than `needed`.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] names both roles.
    pub fn require(&self, needed: Role) -> Result<(), ServiceError> {
        if self.role >= needed {
            Ok(())
        } else {
            Err(ServiceError::Forbidden { actor: self.name.clone(), has: self.role, needed })
        }
    }
}
