//! What can go wrong with the state, each case told apart as far as a caller acts on it.
//!
//! Errors are cloneable texts and codes: one failed commit is told to every writer that shared it. No secret and no
//! token hash is ever named in one.

use std::path::PathBuf;

use novacron_cicd_domain::Coded;
use rusqlite::{ErrorCode, ffi};

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing, or it was deleted.
    #[error("there is no {what} {key}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its name or id.
        key: String,
    },
    /// The name, or another thing that must be unique, is taken.
    #[error("{what} {key} exists already")]
    Conflict {
        /// What kind of thing.
        what: &'static str,
        /// The name that is taken.
        key: String,
    },
    /// Compare-and-set lost: somebody changed it in between.
    #[error("{what} {key} was changed by somebody else: expected version {expected}, found {found}")]
    Stale {
        /// What kind of thing.
        what: &'static str,
        /// Its name or id.
        key: String,
        /// The version that the change was made from.
        expected: i64,
        /// The version that is stored; 0 where nothing is.
        found: i64,
    },
    /// It can't be deleted while something uses it.
    #[error("{what} {key} is used by {by}")]
    InUse {
        /// What kind of thing.
        what: &'static str,
        /// Its name or id.
        key: String,
        /// Who uses it.
        by: String,
    },
    /// A value that can't be stored as it is.
    #[error("{what} {key} can't be stored: {reason}")]
    Invalid {
        /// What kind of thing.
        what: &'static str,
        /// Its name or id.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A page cursor that this list did not give out.
    #[error("the page cursor {cursor:?} is not valid here: {reason}")]
    Cursor {
        /// The cursor, cut at 40 characters.
        cursor: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A quota is used up.
    #[error("{what} {key} would hold {wanted} bytes, and {limit} are allowed")]
    Quota {
        /// Whose quota.
        what: &'static str,
        /// Its name or id.
        key: String,
        /// The size that was asked for.
        wanted: u64,
        /// The size that is allowed.
        limit: u64,
    },
    /// No room is left where the state is. Nothing of the change was stored.
    #[error("the disk that holds the state is full")]
    Full,
    /// Another host has this state open.
    #[error("the state {path} is in use by another host{}", .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Locked {
        /// The database.
        path: PathBuf,
        /// The other host's process, where it is known.
        pid: Option<u32>,
    },
    /// Another connection held the database for too long.
    #[error("the database is busy")]
    Busy,
    /// The database was written by a newer version of this program.
    #[error("the state {path} has schema {found}, and this program knows schemas up to {known}")]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that is known.
        known: i64,
    },
    /// What is stored can't be right.
    #[error("the state is damaged: {what}")]
    Corrupt {
        /// What was found.
        what: String,
    },
    /// The state's file can't be opened or made.
    #[error("the state {path} can't be opened: {reason}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The work in a transaction panicked; nothing of it was stored.
    #[error("the work in a transaction panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// Anything else that SQLite says.
    #[error("the database refused: {message} (SQLite {code})")]
    Sqlite {
        /// SQLite's extended result code; 0 where the error is the binding's own.
        code: i32,
        /// SQLite's sentence.
        message: String,
    },
}

impl Coded for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "store.not-found",
            Self::Conflict { .. } => "store.conflict",
            Self::Stale { .. } => "store.stale",
            Self::InUse { .. } => "store.in-use",
            Self::Invalid { .. } => "store.invalid",
            Self::Cursor { .. } => "page.cursor-invalid",
            Self::Quota { .. } => "store.quota",
            Self::Full => "store.full",
            Self::Locked { .. } => "store.locked",
            Self::Busy => "store.busy",
            Self::Newer { .. } => "store.newer",
            Self::Corrupt { .. } => "store.corrupt",
            Self::Open { .. } => "store.open",
            Self::Panicked { .. } => "store.panicked",
            Self::Closed => "store.closed",
            Self::Sqlite { .. } => "store.sqlite",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotFound { .. } => "list what there is and check the name".into(),
            Self::Conflict { .. } => "choose another name, or change the one that is there".into(),
            Self::Stale { .. } => "read it again and repeat the change".into(),
            Self::InUse { .. } => "delete or change what uses it first".into(),
            Self::Cursor { .. } => "begin again without a cursor; cursors belong to the list that gave them out".into(),
            Self::Quota { .. } => "remove what is no longer needed".into(),
            Self::Full => "free some room; the host goes on by itself then".into(),
            Self::Locked { .. } => "stop the other host, or choose another state directory".into(),
            Self::Busy => "end other programs that hold the database open".into(),
            Self::Newer { .. } => "start the newer version, or restore a copy made before the upgrade".into(),
            Self::Corrupt { .. } => "stop the host and restore a copy of the state directory".into(),
            Self::Open { .. } => "check that the state directory is there and may be written".into(),
            Self::Invalid { .. } | Self::Panicked { .. } | Self::Closed | Self::Sqlite { .. } => return None,
        })
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::SqliteFailure(failure, message) => {
                Self::of_sqlite(*failure, message.clone().unwrap_or_else(|| failure.to_string()))
            }
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::InvalidColumnType(..) => Self::Corrupt { what: error.to_string() },
            _ => Self::Sqlite { code: 0, message: error.to_string() },
        }
    }
}

impl StoreError {
    fn of_sqlite(failure: ffi::Error, message: String) -> Self {
        match (failure.code, failure.extended_code) {
            // The shared-memory file is grown by writing to it: that it can't be has no cause but a full disk.
            (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => Self::Full,
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Self::Busy,
            (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => Self::Corrupt { what: message },
            (_, code) => Self::Sqlite { code, message },
        }
    }

    pub(crate) fn not_found(what: &'static str, key: impl ToString) -> Self {
        Self::NotFound { what, key: key.to_string() }
    }

    pub(crate) fn invalid(what: &'static str, key: impl ToString, reason: impl Into<String>) -> Self {
        Self::Invalid { what, key: key.to_string(), reason: reason.into() }
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }

    /// Reads a violated uniqueness as "`what` `key` is taken"; leaves every other error as it is.
    pub(crate) fn or_conflict(self, what: &'static str, key: impl ToString) -> Self {
        match self {
            Self::Sqlite { code: ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY, .. } => {
                Self::Conflict { what, key: key.to_string() }
            }
            other => other,
        }
    }

    /// Reads a violated foreign key as "there is no `what` `key`"; leaves every other error as it is.
    pub(crate) fn or_missing(self, what: &'static str, key: impl ToString) -> Self {
        match self {
            Self::Sqlite { code: ffi::SQLITE_CONSTRAINT_FOREIGNKEY, .. } => Self::not_found(what, key),
            other => other,
        }
    }
}
