//! Reading: what every read goes through, and the threads that serve reads outside of the writer.
//!
//! Each `Store::read` is one read transaction on a connection that can't write, so that all its queries see the same
//! moment. Must be absent: any statement that changes something.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use rusqlite::{CachedStatement, Connection, Params, params_from_iter};
use tokio::sync::{mpsc, oneshot};

use crate::{
    StoreError,
    page::{List, Listing, Page, Select},
    row::Columns,
};

/// The state as one moment shows it. Reads of each aggregate are methods in that aggregate's module.
pub struct Reader<'c> {
    conn: &'c Connection,
    trouble: RefCell<Option<StoreError>>,
}

impl<'c> Reader<'c> {
    pub(crate) const fn new(conn: &'c Connection) -> Self {
        Self { conn, trouble: RefCell::new(None) }
    }

    /// The last error of a statement: what the writer tells the others where a statement ended their transaction.
    pub(crate) fn trouble(&self) -> Option<StoreError> {
        self.trouble.borrow().clone()
    }

    /// The one place where statements are made.
    pub(crate) fn prepare(&self, sql: &str) -> Result<CachedStatement<'c>, StoreError> {
        #[cfg(test)]
        crate::plan::check(self.conn, sql);
        Ok(self.conn.prepare_cached(sql)?)
    }

    pub(crate) fn note<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &outcome {
            *self.trouble.borrow_mut() = Some(error.clone());
        }
        outcome
    }

    /// The first row, where there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&mut Columns<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.note((|| {
            let mut statement = self.prepare(sql)?;
            let mut rows = statement.query(params)?;
            rows.next()?.map(|row| read(&mut Columns::new(row))).transpose()
        })())
    }

    /// All rows. For queries that are bounded by their own words.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&mut Columns<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.note((|| {
            let mut statement = self.prepare(sql)?;
            let mut rows = statement.query(params)?;
            let mut items = Vec::new();
            while let Some(row) = rows.next()? {
                items.push(read(&mut Columns::new(row))?);
            }
            Ok(items)
        })())
    }

    /// The rows of a query that was put together.
    pub(crate) fn select<T>(
        &self,
        select: Select,
        read: impl FnMut(&mut Columns<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.all(&select.sql, params_from_iter(select.values), read)
    }

    /// One page. `select` builds the query from the key to begin after and the number of rows; `key` is what the
    /// cursor remembers of the page's last item.
    pub(crate) fn page<T>(
        &self,
        list: List,
        page: &Page,
        select: impl FnOnce(Option<String>, usize) -> Select,
        read: impl FnMut(&mut Columns<'_>) -> Result<T, StoreError>,
        key: impl FnOnce(&T) -> String,
    ) -> Result<Listing<T>, StoreError> {
        let after = page.after.as_deref().map(|cursor| list.key(cursor)).transpose()?;
        let size = page.size();
        let mut items = self.select(select(after, size + 1), read)?;
        let more = items.len() > size;
        items.truncate(size);
        let next = if more { items.last().map(|item| list.cursor(&key(item))) } else { None };
        Ok(Listing { items, next })
    }
}

type Task = Box<dyn FnOnce(&Connection) + Send>;

/// Threads with one read-only connection each, fed from one queue.
pub(crate) struct Pool {
    queue: Option<mpsc::Sender<Task>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    pub(crate) fn start(connections: Vec<Connection>) -> Result<Self, StoreError> {
        let (queue, tasks) = mpsc::channel::<Task>(crate::open::QUEUE);
        let tasks = Arc::new(Mutex::new(tasks));
        let mut threads = Vec::with_capacity(connections.len());
        for (number, conn) in connections.into_iter().enumerate() {
            let tasks = Arc::clone(&tasks);
            threads.push(crate::spawn(format!("store-read-{number}"), move || {
                loop {
                    // Released before the task runs: only waiting is done under the lock.
                    let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
                    let Some(task) = task else { break };
                    task(&conn);
                }
            })?);
        }
        Ok(Self { queue: Some(queue), threads })
    }

    /// Puts a read in the queue and waits for its answer.
    pub(crate) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Reader<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, outcome) = oneshot::channel();
        let task: Task = Box::new(move |conn| {
            // Nobody waits for it any more.
            if answer.is_closed() {
                return;
            }
            let _ = answer.send(in_snapshot(conn, work));
        });
        if let Some(queue) = &self.queue {
            // A queue without threads drops the task, and with it the answer's sender: the caller hears `Closed`.
            let _ = queue.send(task).await;
        }
        outcome.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            crate::join(thread);
        }
    }
}

fn in_snapshot<T, E, F>(conn: &Connection, work: F) -> Result<T, E>
where
    F: FnOnce(&Reader<'_>) -> Result<T, E>,
    E: From<StoreError>,
{
    conn.execute_batch("BEGIN").map_err(StoreError::from)?;
    let outcome = guarded(|| work(&Reader::new(conn)));
    if let Err(error) = conn.execute_batch("ROLLBACK") {
        tracing::warn!(%error, "a read transaction could not be ended");
    }
    outcome
}

/// Runs a caller's closure; its panic becomes an error and the thread lives on.
pub(crate) fn guarded<T, E: From<StoreError>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".into());
        Err(StoreError::Panicked { message }.into())
    })
}
