//! Logs: read from an offset, followed to their end.

use std::sync::Arc;

use super::host::Host;

/// What runs wrote.
#[derive(Clone)]
pub struct Logs {
    pub(super) host: Arc<Host>,
}

impl Logs {
    /// The logs of a run's attempt (none: the current one) and how far they are.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn streams(&self, run: RunId, attempt: Option<u32>) -> Result<Vec<LogStream>, ServiceError> { todo!() }
    /// At most `limit` bytes from `offset`. `job` none: the log of the run itself. LogChunk{bytes, next, complete}
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn read(&self, run: RunId, attempt: Option<u32>, job: Option<&str>, offset: u64, limit: u32) -> Result<LogChunk, ServiceError> { todo!() }
    /// From `offset` to the end, live; ends after the chunk that is `complete`.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn follow(&self, run: RunId, attempt: Option<u32>, job: Option<&str>, offset: u64) -> Result<BoxStream<'static, Result<LogChunk, ServiceError>>, ServiceError> { todo!() }
}
