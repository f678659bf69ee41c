//! Opening the state: lock, connections with their settings, schema, threads.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, watch};

use crate::{
    Inner, Store, StoreError,
    checkpoint::Checkpointer,
    lock::{self, Lock},
    migration,
    reader::{Pool, Reader},
    writer::{Shared, Writer},
};

/// How the state is kept. The defaults are right for a daemon.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many reads are served at once.
    pub readers: usize,
    /// The most writes that share a commit.
    pub group: usize,
    /// How often the log of changes is copied back into the database.
    pub checkpoint_every: Duration,
    /// The most pages that the database may have: how tests make a disk full.
    #[doc(hidden)]
    pub max_pages: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { readers: cores.clamp(2, 8), group: 256, checkpoint_every: Duration::from_millis(500), max_pages: None }
    }
}

/// What waits beyond this many waits before the queue.
pub(crate) const QUEUE: usize = 1024;
/// A log that was copied back is cut to this size.
const LOG_LIMIT: i64 = 64 * 1024 * 1024;
const STATEMENTS: usize = 128;
const BUSY: Duration = Duration::from_secs(5);

pub(crate) fn file(path: &Path, options: &Options) -> Result<Store, StoreError> {
    let path = settled(path)?;
    let lock = Lock::take(&path)?;
    create(&path)?;
    let mut conn = writer(&path)?;
    migration::migrate(&mut conn, &path)?;
    if let Some(pages) = options.max_pages {
        conn.pragma_update(None, "max_page_count", pages)?;
    }

    let readers = (0..options.readers.max(1)).map(|_| reader(&path)).collect::<Result<_, _>>()?;
    let own = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | FLAGS)?;
    prepare(&own)?;
    let shared = Arc::new(Shared::default());
    let checkpointer = Checkpointer::start(own, Arc::clone(&shared), options.checkpoint_every)?;
    start(conn, options.group, shared, Some(Pool::start(readers)?), Some(checkpointer), Some(lock))
}

pub(crate) fn memory() -> Result<Store, StoreError> {
    let mut conn = Connection::open_in_memory()?;
    prepare(&conn)?;
    migration::migrate(&mut conn, Path::new(":memory:"))?;
    start(conn, Options::default().group, Arc::new(Shared::default()), None, None, None)
}

const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

fn start(
    conn: Connection,
    group: usize,
    shared: Arc<Shared>,
    readers: Option<Pool>,
    checkpointer: Option<Checkpointer>,
    lock: Option<Lock>,
) -> Result<Store, StoreError> {
    let (queue, jobs) = mpsc::channel(QUEUE);
    let (events, watched) = watch::channel(Reader::new(&conn).last_event_seq()?);
    let writer = Writer { conn, queue: jobs, group: group.max(1), shared: Arc::clone(&shared), events, _lock: lock };
    let writer = crate::spawn("store-write".into(), move || writer.run())?;
    let inner = Inner { readers, checkpointer, queue: Some(queue), writer: Some(writer), shared, events: watched };
    Ok(Store { inner: Arc::new(inner) })
}

/// Settings of every connection.
fn prepare(conn: &Connection) -> Result<(), StoreError> {
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    // Overwrites what is deleted where that costs no further write: old sealed values do not linger.
    conn.pragma_update(None, "secure_delete", "FAST")?;
    Ok(())
}

/// Refuses what is not ours before it changes anything.
fn writer(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | FLAGS)?;
    prepare(&conn)?;
    migration::check(&conn, path)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        let reason = format!("its journal mode is {mode}, and WAL is needed");
        return Err(StoreError::Open { path: path.to_owned(), reason });
    }
    // A commit is on disk before it is answered.
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
    conn.pragma_update(None, "cache_size", -16_000)?;
    Ok(conn)
}

fn reader(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | FLAGS)?;
    prepare(&conn)?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

/// The path without links, so that one state has one lock whatever it is called.
///
/// It only resolves names: opening and closing the file here would drop the locks that SQLite holds on it.
fn settled(path: &Path) -> Result<PathBuf, StoreError> {
    let refuse = |error: std::io::Error| StoreError::Open { path: path.to_owned(), reason: error.to_string() };
    match std::fs::canonicalize(path) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let name = path.file_name().ok_or_else(|| refuse(error))?;
            Ok(std::fs::canonicalize(parent).map_err(refuse)?.join(name))
        }
        Err(error) => Err(refuse(error)),
    }
}

/// Makes the file readable by nobody else; SQLite gives the files beside it the same permissions.
fn create(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    lock::private(&mut options);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Err(StoreError::Full),
        Err(error) => Err(StoreError::Open { path: path.to_owned(), reason: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_commit_waits_for_the_disk_and_copies_nothing_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        create(&path).unwrap();
        let conn = writer(&path).unwrap();
        for (pragma, expected) in [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("wal_autocheckpoint", 0),
            ("secure_delete", 2),
            ("trusted_schema", 0),
        ] {
            let found: i64 = conn.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
            assert_eq!(found, expected, "{pragma}");
        }
    }

    #[test]
    fn a_reader_can_not_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        create(&path).unwrap();
        migration::migrate(&mut writer(&path).unwrap(), &path).unwrap();
        let conn = reader(&path).unwrap();
        let error = conn.execute("DELETE FROM events", []).unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
    }
}
