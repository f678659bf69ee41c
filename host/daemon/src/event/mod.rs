//! Readers of the durable event log: from any number on, then live, without a gap.
//!
//! A reader holds no events but the few that it read last: it goes back to the store for every batch, so a slow one
//! slows nobody and loses nothing. Must be absent: queues, and events that are not in the store.

#[cfg(test)]
mod tests;

use futures_util::{Stream, stream};
use novacron_cicd_store::{Event, EventFilter, Store, StoreError};
use tokio::sync::watch;

/// So many events are read at once.
const BATCH: u32 = 256;

struct Reader {
    store: Store,
    filter: EventFilter,
    newest: watch::Receiver<i64>,
    /// Everything up to this number was read.
    seen: i64,
    batch: std::vec::IntoIter<Event>,
}

/// All events after number `after` that the filter lets through, oldest first, and then those that come; it does not
/// end of its own accord.
pub fn subscribe(
    store: &Store,
    filter: EventFilter,
    after: i64,
) -> impl Stream<Item = Result<Event, StoreError>> + Send + 'static + use<> {
    let newest = store.watch_events();
    let reader = Reader { store: store.clone(), filter, newest, seen: after, batch: Vec::new().into_iter() };
    stream::unfold(Some(reader), |reader| async move {
        let mut reader = reader?;
        match reader.next().await {
            Ok(Some(event)) => Some((Ok(event), Some(reader))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

impl Reader {
    /// None: the store is closed.
    async fn next(&mut self) -> Result<Option<Event>, StoreError> {
        loop {
            if let Some(event) = self.batch.next() {
                return Ok(Some(event));
            }
            // Marked as seen before the read: what becomes durable during it wakes us again.
            let newest = *self.newest.borrow_and_update();
            if newest > self.seen {
                let (seen, filter) = (self.seen, self.filter.clone());
                let events = self.store.read(move |state| state.events_after(seen, BATCH, &filter)).await?;
                match events.last() {
                    // A full batch: there may be more before `newest`.
                    Some(last) if events.len() == BATCH as usize => self.seen = last.seq,
                    Some(last) => self.seen = newest.max(last.seq),
                    None => self.seen = newest,
                }
                self.batch = events.into_iter();
                continue;
            }
            if self.newest.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}
