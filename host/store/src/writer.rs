//! Writing: one thread that groups what is waiting into one durable commit.
//!
//! Each closure runs in a savepoint of its own, so that one that fails or panics leaves no trace while its neighbours
//! commit. Nobody is answered before the commit is on disk (`synchronous=FULL`): what was answered survives a kill.
//! Where SQLite itself ends the transaction (no room, a failed write), all that ran in it are told so, and the rest of
//! the group begins anew.

use std::{
    cell::Cell,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use rusqlite::{Connection, Params};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    StoreError,
    lock::Lock,
    reader::{Reader, guarded},
};

/// A transaction: reads as [`Reader`], and the changes of each aggregate as methods in that aggregate's module.
pub struct Tx<'c> {
    reader: Reader<'c>,
    last_event: Cell<Option<i64>>,
}

impl<'c> Deref for Tx<'c> {
    type Target = Reader<'c>;
    fn deref(&self) -> &Reader<'c> {
        &self.reader
    }
}

impl<'c> Tx<'c> {
    pub(crate) const fn new(conn: &'c Connection) -> Self {
        Self { reader: Reader::new(conn), last_event: Cell::new(None) }
    }

    /// Runs a statement that changes something; answers how many rows it changed.
    pub(crate) fn execute(&mut self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        let outcome = self.reader.prepare(sql).and_then(|mut statement| Ok(statement.execute(params)?));
        self.reader.note(outcome)
    }

    /// Remembers the newest event, to tell readers of it after the commit.
    pub(crate) fn appended(&self, seq: i64) {
        self.last_event.set(Some(seq));
    }
}

/// What the writer has done since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Closures that were run.
    pub writes: u64,
    /// Transactions that were committed.
    pub commits: u64,
}

/// What the writer's thread shows to others.
#[derive(Default)]
pub(crate) struct Shared {
    writes: AtomicU64,
    commits: AtomicU64,
    /// The log of changes has grown too long: the writer copies it back itself before it goes on.
    pub(crate) catch_up: AtomicBool,
}

impl Shared {
    pub(crate) fn counters(&self) -> Counters {
        Counters { writes: self.writes.load(Ordering::Relaxed), commits: self.commits.load(Ordering::Relaxed) }
    }
}

/// Work of any type in the queue.
pub(crate) trait Job: Send {
    /// Runs it; says whether its changes are to be kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Tells its caller.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A caller's closure, its outcome and where to send that.
pub(crate) struct Work<F, T, E> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Work<F, T, E> {
    pub(crate) fn new(work: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (answer, outcome) = oneshot::channel();
        (Self { work: Some(work), outcome: None, answer }, outcome)
    }
}

impl<F, T, E> Job for Work<F, T, E>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        if let Some(work) = self.work.take() {
            self.outcome = Some(guarded(|| work(tx)));
        }
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let outcome = match (self.outcome, committed) {
            // Its own error says more than the group's.
            (Some(Err(own)), _) => Err(own),
            (_, Err(lost)) => Err(lost.into()),
            (Some(outcome), Ok(())) => outcome,
            (None, Ok(())) => Err(StoreError::Closed.into()),
        };
        let _ = self.answer.send(outcome);
    }
}

/// Its fields end in their order: the lock is given back after the last commit and the last connection.
pub(crate) struct Writer {
    pub(crate) conn: Connection,
    pub(crate) queue: mpsc::Receiver<Box<dyn Job>>,
    /// The most closures in one commit.
    pub(crate) group: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: watch::Sender<i64>,
    pub(crate) _lock: Option<Lock>,
}

impl Writer {
    /// Until the store is dropped and the queue is empty.
    pub(crate) fn run(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            let mut group = vec![first];
            while group.len() < self.group {
                let Ok(job) = self.queue.try_recv() else { break };
                group.push(job);
            }
            let mut waiting = group.into_iter();
            while waiting.len() > 0 {
                self.transaction(&mut waiting);
            }
            if self.shared.catch_up.swap(false, Ordering::Relaxed) {
                crate::checkpoint::passive(&self.conn);
            }
        }
    }

    /// Takes from `waiting` all that one transaction bears: all of it, unless SQLite ends the transaction early.
    fn transaction(&self, waiting: &mut std::vec::IntoIter<Box<dyn Job>>) {
        if let Err(error) = self.command("BEGIN IMMEDIATE") {
            return waiting.for_each(|job| job.answer(Err(error.clone())));
        }
        let mut done = Vec::with_capacity(waiting.len());
        let mut kept = false;
        let mut newest = None;
        let mut outcome = Ok(());
        for mut job in waiting.by_ref() {
            self.shared.writes.fetch_add(1, Ordering::Relaxed);
            let result = self.savepoint(job.as_mut());
            done.push(job);
            match result {
                Ok(Some(last_event)) => {
                    kept = true;
                    newest = last_event.or(newest);
                }
                Ok(None) => {}
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        if outcome.is_ok() {
            outcome = self.command(if kept { "COMMIT" } else { "ROLLBACK" });
        }
        if let Err(error) = &outcome {
            tracing::warn!(%error, writes = done.len(), "a transaction was not committed");
            if !self.conn.is_autocommit() {
                let _ = self.command("ROLLBACK");
            }
        } else if kept {
            self.shared.commits.fetch_add(1, Ordering::Relaxed);
        }
        // Readers of events are woken only by what is durable, and before the writer's own caller goes on.
        if let (Ok(()), Some(seq)) = (&outcome, newest) {
            self.events.send_replace(seq);
        }
        for job in done {
            job.answer(outcome.clone());
        }
    }

    /// Runs one job. `Some` where it is kept, with its newest event; an error where the whole transaction is gone.
    fn savepoint(&self, job: &mut dyn Job) -> Result<Option<Option<i64>>, StoreError> {
        self.command("SAVEPOINT job")?;
        let mut tx = Tx::new(&self.conn);
        let keep = job.run(&mut tx);
        if self.conn.is_autocommit() {
            return Err(tx.trouble().unwrap_or(StoreError::Full));
        }
        if !keep {
            self.command("ROLLBACK TO job")?;
        }
        self.command("RELEASE job")?;
        Ok(keep.then(|| tx.last_event.get()))
    }

    fn command(&self, sql: &str) -> Result<(), StoreError> {
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::{plan::Scratch, sample};

    type Answer = oneshot::Receiver<Result<(), StoreError>>;

    fn job(work: impl FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static) -> (Box<dyn Job>, Answer) {
        let (work, answer) = Work::new(work);
        (Box::new(work), answer)
    }

    #[test]
    fn who_ran_in_a_transaction_that_sqlite_ended_is_told_so_and_the_rest_is_committed() {
        let insert = |n| job(move |tx| tx.insert_provider(&sample::provider(n)));
        // What SQLite does of its own accord where a write fails badly.
        let (ends, ended) = job(|tx| tx.execute("ROLLBACK", []).map(|_| ()));
        let ((before, lost), (after, kept)) = (insert(1), insert(2));
        let (jobs, queue) = mpsc::channel(8);
        for job in [before, ends, after] {
            assert!(jobs.try_send(job).is_ok());
        }
        drop(jobs);
        let shared = Arc::new(Shared::default());
        let conn = Scratch::new().into_conn();
        let (events, _) = watch::channel(0);
        Writer { conn, queue, group: 8, shared: Arc::clone(&shared), events, _lock: None }.run();
        assert_eq!(lost.blocking_recv().unwrap(), Err(StoreError::Full));
        assert_eq!(ended.blocking_recv().unwrap(), Err(StoreError::Full));
        assert_eq!(kept.blocking_recv().unwrap(), Ok(()));
        assert_eq!(shared.counters(), Counters { writes: 3, commits: 1 });
    }
}
