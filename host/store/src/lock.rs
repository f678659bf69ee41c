//! One host for one state: an advisory lock on a file beside the database.
//!
//! The kernel drops the lock with the process, so that a host that was killed never has to be cleaned up after. The
//! file stays: deleting it would let two hosts lock two files of one name. What is written in it only serves the
//! error's sentence.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use crate::StoreError;

/// Held as long as the store is open.
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Locks the state at `database`, or says which process has it.
    pub(crate) fn take(database: &Path) -> Result<Self, StoreError> {
        let path = beside(database);
        let refuse = |error: std::io::Error| StoreError::Open { path: path.clone(), reason: error.to_string() };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        private(&mut options);
        let mut file = options.open(&path).map_err(refuse)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(StoreError::Locked { path: database.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(refuse(error)),
        }
        // A full disk must not keep a host from starting: the number is for people.
        let noted =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        if let Err(error) = noted {
            tracing::debug!(path = %path.display(), %error, "the process is not noted in the lock file");
        }
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that is just being forked has it open too, until it executes.
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the state's lock could not be given back");
        }
    }
}

/// Makes a file that is created readable by nobody else.
pub(crate) fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = options;
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_second_lock_is_refused_by_process_number_and_the_first_ones_end_frees_it() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("a.db");
        let first = Lock::take(&database).unwrap();
        let refused = Lock::take(&database).map(|_| ()).unwrap_err();
        assert_eq!(refused, StoreError::Locked { path: database.clone(), pid: Some(std::process::id()) });
        drop(first);
        Lock::take(&database).unwrap();
    }
}
