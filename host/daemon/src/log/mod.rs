//! Logs as files: one per run, attempt and job, masked before the first byte is written.
//!
//! Offsets are durable: the bytes are on the disk before the position that counts them is committed, so that a position
//! never promises bytes that a crash can take away, and bytes behind it are cut off again. Readers go by the position,
//! read the file from where they stopped, and wait on the stream's watch; a slow one slows nobody. Must be absent: a
//! whole log in memory, and an unmasked byte in a file.

mod append;
mod copy;
mod file;
mod follow;
mod resume;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use cap_std::fs::Dir;
use novacron_cicd_domain::{Coded, id::RunId};
pub use novacron_cicd_store::LogStream;
use novacron_cicd_store::{LogPosition, Store, StoreError};
use novacron_cicd_vault::{Masker, Vault, VaultError};
use tokio::sync::watch;

pub use append::{Appended, Piece};
pub use follow::Follower;
use resume::Resume;

/// The most bytes that one log can have.
pub const MOST: u64 = 1 << 30;

/// Which log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogKey {
    /// Whose.
    pub run: RunId,
    /// Of which attempt.
    pub attempt: u32,
    /// The platform's id of the job; none: the run's own log.
    pub job: Option<String>,
}

/// Some bytes of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// Masked.
    pub bytes: Vec<u8>,
    /// Where the next chunk begins.
    pub next: u64,
    /// Nothing comes after this.
    pub complete: bool,
}

/// How far a log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Bytes that came in.
    pub received: u64,
    /// Bytes that can be read: masked.
    pub written: u64,
    /// Nothing more will come.
    pub complete: bool,
}

/// Why a log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A piece does not join on.
    #[error("the log has {expected} bytes, and this piece begins at {given}")]
    Gap {
        /// Where it has to begin.
        expected: u64,
        /// Where it begins.
        given: u64,
    },
    /// It was closed.
    #[error("the log is complete, and takes nothing more")]
    Complete,
    /// It has as much as a log can have.
    #[error("the log would be larger than {MOST} bytes")]
    TooLarge,
    /// There is no such place in it.
    #[error("the log has {written} bytes, and {offset} is behind its end")]
    BehindEnd {
        /// What was asked for.
        offset: u64,
        /// What is there.
        written: u64,
    },
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was held back could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The file.
    #[error("the log file {file}: {source}")]
    Io {
        /// Its name below the log directory.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Coded for LogError {
    fn code(&self) -> &'static str {
        match self {
            Self::Gap { .. } => "log.gap",
            Self::Complete => "log.complete",
            Self::TooLarge => "log.too-large",
            Self::BehindEnd { .. } => "log.behind-end",
            Self::Store(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Io { .. } => "log.io",
        }
    }
}

/// All logs.
#[derive(Clone)]
pub struct Logs {
    inner: Arc<Inner>,
}

struct Inner {
    dir: Dir,
    store: Store,
    vault: Arc<Vault>,
    masker: Arc<ArcSwap<Masker>>,
    streams: Mutex<HashMap<LogKey, Arc<Stream>>>,
}

/// One log that somebody writes or waits for.
struct Stream {
    key: LogKey,
    /// Held while a piece is added; none until the first piece since the start.
    writer: tokio::sync::Mutex<Option<Resume>>,
    position: watch::Sender<Position>,
}

/// So many streams are kept open at most before those that nobody uses are let go.
const KEPT: usize = 512;

impl Logs {
    /// Logs in `dir`, whose positions are in `store`.
    #[must_use]
    pub fn new(dir: Dir, store: Store, vault: Arc<Vault>, masker: Arc<ArcSwap<Masker>>) -> Self {
        Self { inner: Arc::new(Inner { dir, store, vault, masker, streams: Mutex::default() }) }
    }

    /// How far a log is; at its beginning where there is none.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn position(&self, key: &LogKey) -> Result<Position, LogError> {
        let found = self.inner.streams().get(key).map(|stream| *stream.position.borrow());
        match found {
            Some(position) => Ok(position),
            None => Ok(of(&self.inner.stored(key).await?)),
        }
    }

    /// The logs that an attempt of a run has.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn streams(&self, run: RunId, attempt: u32) -> Result<Vec<LogStream>, LogError> {
        Ok(self.inner.store.read(move |state| state.log_streams(run, attempt)).await?)
    }
}

fn of(stored: &LogPosition) -> Position {
    Position { received: stored.received, written: stored.written, complete: stored.complete }
}

impl Inner {
    fn streams(&self) -> std::sync::MutexGuard<'_, HashMap<LogKey, Arc<Stream>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn stored(&self, key: &LogKey) -> Result<LogPosition, LogError> {
        let LogKey { run, attempt, job } = key.clone();
        Ok(self.store.read(move |state| state.log_position(run, attempt, job.as_deref())).await?)
    }

    /// The one stream of this log, with its position as the store has it.
    async fn stream(&self, key: &LogKey) -> Result<Arc<Stream>, LogError> {
        if let Some(stream) = self.streams().get(key) {
            return Ok(stream.clone());
        }
        let position = of(&self.stored(key).await?);
        let mut streams = self.streams();
        if streams.len() >= KEPT {
            streams.retain(|_, stream| Arc::strong_count(stream) > 1);
        }
        // Whoever was quicker may have moved on already: theirs counts.
        let stream = streams.entry(key.clone()).or_insert_with(|| {
            Arc::new(Stream {
                key: key.clone(),
                writer: tokio::sync::Mutex::new(None),
                position: watch::Sender::new(position),
            })
        });
        Ok(stream.clone())
    }
}
