//! `logs`.

use novacron_cicd_domain::platform::{CallError, LogAnswer, LogRequest};

use super::{Provider, guest};

impl Provider {
    /// Some of a log, or how the host gets it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn read_log(&self, request: &LogRequest) -> Result<LogAnswer, CallError> {
        let request = request.clone().into();
        guest!(self, logs, "logs.read" reads, |store, guest| guest.call_read(store, &request), TryInto::try_into).await
    }
}
