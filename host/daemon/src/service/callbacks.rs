//! Callbacks of a run, each proved by that run's own token, each idempotent.

use std::sync::Arc;

use super::host::Host;

/// What runs say of themselves.
#[derive(Clone)]
pub struct Callbacks {
    pub(super) host: Arc<Host>,
}

impl Callbacks {
    /// The run's state.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn status(&self, bearer: &str, run: RunId, report: StatusReport) -> Result<Run, ServiceError> { todo!() }
    /// One job's state.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn job(&self, bearer: &str, run: RunId, job: &str, report: JobReport) -> Result<Run, ServiceError> { todo!() }
    /// A piece of a log at `offset`; answers where the next one begins. [`ServiceError::LogGap`] where one is missing.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn log(&self, bearer: &str, run: RunId, job: Option<&str>, offset: u64, bytes: Bytes, complete: bool) -> Result<u64, ServiceError> { todo!() }
    /// Bytes. Same name and bytes: the same artifact; other bytes: a conflict.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn artifact(&self, bearer: &str, run: RunId, name: &str, upload: ArtifactUpload, body: BoxStream<'static, std::io::Result<Bytes>>) -> Result<ArtifactStored, ServiceError> { todo!() }
    /// It lives.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn heartbeat(&self, bearer: &str, run: RunId) -> Result<Run, ServiceError> { todo!() }
    /// What we know of it: its state, whether a cancel was asked for.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn view(&self, bearer: &str, run: RunId) -> Result<Run, ServiceError> { todo!() }
}
