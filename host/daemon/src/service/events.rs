//! The durable event log.

use std::sync::Arc;

use futures_util::{StreamExt, stream::BoxStream};
use novacron_cicd_store::{Event, EventFilter};

use super::{ServiceError, host::Host};

/// What happened.
#[derive(Clone)]
pub struct Events {
    pub(super) host: Arc<Host>,
}

/// The most events of one answer.
const MOST: u32 = 1000;

impl Events {
    /// Everything after `after` (none: from now on), then live; never skips.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub async fn subscribe(
        &self,
        filter: EventFilter,
        after: Option<i64>,
    ) -> Result<BoxStream<'static, Result<Event, ServiceError>>, ServiceError> {
        let after = match after {
            Some(after) => after,
            None => self.last().await?,
        };
        Ok(crate::event::subscribe(&self.host.store, filter, after).map(|event| Ok(event?)).boxed())
    }

    /// At most `limit` after `after`, oldest first.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub async fn list(&self, filter: EventFilter, after: i64, limit: u32) -> Result<Vec<Event>, ServiceError> {
        let limit = limit.clamp(1, MOST);
        self.host.read(move |state| Ok(state.events_after(after, limit, &filter)?)).await
    }

    /// The newest event's number; 0 before the first.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub async fn last(&self) -> Result<i64, ServiceError> {
        self.host.read(|state| Ok(state.last_event_seq()?)).await
    }
}
