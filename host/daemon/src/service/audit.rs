//! The audit trail: who did what, chained so that nothing can be taken out unseen.

use std::sync::Arc;

use novacron_cicd_domain::token::Role;
use novacron_cicd_store::{AuditEntry, AuditVerdict, Listing, Page};

use super::{Actor, ServiceError, host::Host};

/// Who did what.
#[derive(Clone)]
pub struct Audit {
    pub(super) host: Arc<Host>,
}

impl Audit {
    /// Newest first. Admin.
    ///
    /// # Errors
    /// A cursor that is none of this list.
    pub async fn list(&self, actor: &Actor, page: Page) -> Result<Listing<AuditEntry>, ServiceError> {
        actor.require(Role::Admin)?;
        self.host.read(move |state| Ok(state.audit(&page)?)).await
    }

    /// Goes through the whole chain. Admin.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub async fn verify(&self, actor: &Actor) -> Result<AuditVerdict, ServiceError> {
        actor.require(Role::Admin)?;
        self.host.read(|state| Ok(state.verify_audit()?)).await
    }
}
