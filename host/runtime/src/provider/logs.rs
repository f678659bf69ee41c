//! `logs`.

use novacron_cicd_domain::platform::{CallError, LogAnswer, LogRequest};

use super::{Provider, call};

impl Provider {
    /// Some bytes of a log, or how the host gets them.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn read_log(&self, request: &LogRequest) -> Result<LogAnswer, CallError> {
        let request = request.clone().into();
        call!(self, "logs.read", logs, |guest, store| guest.call_read(store, &request), LogAnswer::try_from)
    }
}
