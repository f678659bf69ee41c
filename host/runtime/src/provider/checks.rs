//! `plugin`.

use novacron_cicd_domain::platform::{CallError, CheckReport};

use super::{Provider, guest};

impl Provider {
    /// Reaches the platform and says what was found. Changes nothing.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn check(&self) -> Result<CheckReport, CallError> {
        guest!(self, plugin, "plugin.check" reads, |store, guest| guest.call_check(store), |report| Ok(report.into()))
            .await
    }
}
