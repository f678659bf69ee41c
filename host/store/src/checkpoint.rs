//! Copies the log of changes back into the database, beside the writer.
//!
//! SQLite's own checkpoint runs inside of a commit and is what makes slow commits slow; it is off, and this thread
//! does it on a connection of its own, without ever holding up a reader or the writer. Under load that never pauses it
//! can't reach the log's end, so the log would only grow: then it asks the writer to pause for one.

use std::{
    sync::{Arc, atomic::Ordering, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::Connection;

use crate::{StoreError, writer::Shared};

/// 64 MiB of pages: a log this long is copied back by the writer itself.
const LONG: i64 = 16 * 1024;

pub(crate) struct Checkpointer {
    stop: Option<mpsc::SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(crate) fn start(conn: Connection, shared: Arc<Shared>, every: Duration) -> Result<Self, StoreError> {
        let (stop, stopped) = mpsc::sync_channel::<()>(0);
        let thread = crate::spawn("store-checkpoint".into(), move || {
            let mut seen = shared.counters().commits;
            while stopped.recv_timeout(every) == Err(mpsc::RecvTimeoutError::Timeout) {
                let commits = shared.counters().commits;
                if commits == seen {
                    continue;
                }
                // Where it could not be done whole, the next round tries again.
                match passive(&conn) {
                    Some(Progress { log, copied }) if log == copied => seen = commits,
                    Some(Progress { log, .. }) if log > LONG => shared.catch_up.store(true, Ordering::Relaxed),
                    _ => {}
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            crate::join(thread);
        }
    }
}

/// How far a checkpoint came, in pages.
#[derive(Debug)]
pub(crate) struct Progress {
    log: i64,
    copied: i64,
}

/// Copies what can be copied without waiting for anybody. A failure is told and costs nothing but a longer log.
pub(crate) fn passive(conn: &Connection) -> Option<Progress> {
    let copied = conn
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok(Progress { log: row.get(1)?, copied: row.get(2)? }));
    match copied {
        Ok(progress) => Some(progress),
        Err(error) => {
            tracing::warn!(error = %StoreError::from(error), "the log of changes could not be copied back");
            None
        }
    }
}
