//! The durable event log.

use std::sync::Arc;

use super::host::Host;

/// What happened.
#[derive(Clone)]
pub struct Events {
    pub(super) host: Arc<Host>,
}

impl Events {
    /// Everything after `after` (none: from now on), then live; never skips.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn subscribe(&self, filter: EventFilter, after: Option<i64>) -> Result<BoxStream<'static, Result<Event, ServiceError>>, ServiceError> { todo!() }
    /// At most `limit` after `after`, oldest first.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn list(&self, filter: EventFilter, after: i64, limit: u32) -> Result<Vec<Event>, ServiceError> { todo!() }
    /// The newest event's number; 0 before the first.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn last(&self) -> Result<i64, ServiceError> { todo!() }
}
