//! `plugin`: who we are on the platform.

use novacron_cicd_contract::Violation;
use novacron_cicd_domain::platform::{CallError, CheckReport};

use super::{Provider, call};

impl Provider {
    /// Reaches the platform with the configured credentials. Changes nothing.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn check(&self) -> Result<CheckReport, CallError> {
        call!(self, "plugin.check", plugin, |guest, store| guest.call_check(store), |report| {
            Ok::<_, Violation>(report.into())
        })
    }
}
