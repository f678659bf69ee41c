//! All state, in SQLite.
//!
//! One writer groups what is waiting into durable commits ([`Store::write`]); a pool of readers serves the rest
//! ([`Store::read`]). Each aggregate has a file that holds its SQL and its methods on [`Reader`] and [`Tx`]; domain
//! types go in and come out. SQL stays in what PostgreSQL also takes: numbered parameters, `ON CONFLICT`, `RETURNING`,
//! keyset paging. Must be absent: `OFFSET`, counts on request paths, time and randomness (they come in as arguments),
//! and secrets that are not sealed.
//!
//! ```no_run
//! # async fn example(run: novacron_cicd_domain::run::Run) -> Result<(), novacron_cicd_store::StoreError> {
//! use novacron_cicd_store::{Options, Store, StoreError};
//!
//! let store = Store::open("novacron-cicd.db", &Options::default())?;
//! let id = run.id;
//! store.write(move |tx| tx.insert_run(&run)).await?;
//! let run = store.read(move |state| state.run(id)).await?;
//! # Ok::<(), StoreError>(())
//! # }
//! ```

mod artifact;
mod audit;
mod checkpoint;
mod delivery;
mod error;
mod event;
mod idempotency;
mod kv;
mod lock;
mod log;
mod migration;
mod notification;
mod open;
mod operation;
mod page;
mod pipeline;
#[cfg(test)]
mod plan;
mod provider;
mod reader;
mod row;
mod run;
#[cfg(test)]
mod sample;
mod secret;
mod session;
mod sighting;
mod subscriber;
mod token;
mod writer;

pub use artifact::ArtifactFilter;
pub use audit::{AuditEntry, AuditVerdict, NewAudit};
pub use delivery::{DeliveryContent, DeliveryFilter, Hint};
pub use error::StoreError;
pub use event::{Event, EventFilter, NewEvent};
pub use idempotency::{Begun, StoredAnswer};
pub use kv::{KV_QUOTA, KvEntry};
pub use log::{LogPosition, LogStream};
pub use notification::NotificationFilter;
pub use open::Options;
pub use operation::{Claim, OperationFilter};
pub use page::{Listing, Page};
pub use reader::Reader;
pub use run::RunFilter;
pub use secret::{SecretMeta, StoredSecret};
pub use session::StoredSession;
pub use token::RoleBinding;
pub use writer::{Counters, Tx};

use std::{path::Path, sync::Arc, thread::JoinHandle};

use tokio::sync::{mpsc, watch};

use crate::{
    checkpoint::Checkpointer,
    reader::Pool,
    writer::{Job, Shared, Work},
};

/// All state. Clones share it; the last one to go closes it, after all that was asked for is written.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    /// In the order in which they end: readers first, so that the writer's connection is the last to close and takes
    /// the log with it. The lock is the writer's.
    readers: Option<Pool>,
    checkpointer: Option<Checkpointer>,
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    writer: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    events: watch::Receiver<i64>,
}

impl Store {
    /// Opens the state at `path`; makes it where there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another host has it, [`StoreError::Newer`] where a newer program wrote it.
    pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Self, StoreError> {
        open::file(path.as_ref(), options)
    }

    /// State that ends with the last clone; for tests and simulations. Its reads go through the writer's queue.
    ///
    /// # Errors
    /// Where memory or threads are lacking.
    pub fn in_memory() -> Result<Self, StoreError> {
        open::memory()
    }

    /// Runs `work` in a transaction and answers when that is durable. Where it answers with an error or panics,
    /// nothing of it is stored.
    ///
    /// Once it is in the queue it is done, also when the caller no longer waits for the answer.
    ///
    /// # Errors
    /// What `work` answers with; [`StoreError::Full`] and others where the commit fails.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (work, outcome) = Work::new(work);
        let Some(queue) = &self.inner.queue else { return Err(StoreError::Closed.into()) };
        if queue.send(Box::new(work)).await.is_err() {
            return Err(StoreError::Closed.into());
        }
        outcome.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Runs `work` on one moment of the state.
    ///
    /// # Errors
    /// What `work` answers with.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Reader<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.inner.readers {
            Some(pool) => pool.run(work).await,
            None => self.write(move |tx| work(tx)).await,
        }
    }

    /// The newest durable event's number, as it grows: what readers of events wait on.
    #[must_use]
    pub fn watch_events(&self) -> watch::Receiver<i64> {
        self.inner.events.clone()
    }

    /// What the writer has done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.inner.shared.counters()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("counters", &self.counters()).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.readers = None;
        self.checkpointer = None;
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            join(writer);
        }
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name(name)
        .spawn(run)
        .map_err(|error| StoreError::Sqlite { code: 0, message: format!("no thread for the store: {error}") })
}

/// Waits for a thread's end, unless that thread is this one: a closure may hold the last clone of the store.
fn join(thread: JoinHandle<()>) {
    if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
        tracing::error!("a thread of the store panicked");
    }
}
