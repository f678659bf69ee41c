//! Artifact bytes, kept under the name of their own sha256.
//!
//! Bytes are hashed while they are written, by a thread of their own; they get their name only when they are what they
//! were said to be and are on the disk. What is opened is checked again: see [`VerifiedBlob`]. Must be absent: what the
//! bytes are called and whose they are, which is the store's.

mod open;
mod receive;
#[cfg(test)]
mod tests;

use std::{io, sync::Arc};

use cap_std::fs::Dir;
use novacron_cicd_domain::Coded;

pub use open::VerifiedBlob;
pub use receive::{Blob, Expected};

/// Why bytes could not be kept or given.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// They are not what they were said to be.
    #[error("the {what} is {found}, and {expected} was expected")]
    Mismatch {
        /// `sha256` or `size`.
        what: &'static str,
        /// What was said.
        expected: String,
        /// What it is.
        found: String,
    },
    /// More than is taken.
    #[error("there are more than {0} bytes")]
    TooLarge(u64),
    /// Whoever sends them stopped in the middle.
    #[error("the bytes broke off: {0}")]
    Broken(io::Error),
    /// They are not there.
    #[error("the bytes with the sha256 {0} are not there")]
    Missing(String),
    /// The disk.
    #[error("the blob directory: {0}")]
    Io(io::Error),
}

impl Coded for BlobError {
    fn code(&self) -> &'static str {
        match self {
            Self::Mismatch { .. } => "artifact.mismatch",
            Self::TooLarge(_) => "artifact.too-large",
            Self::Broken(_) => "artifact.broken-off",
            Self::Missing(_) => "artifact.missing",
            Self::Io(_) => "artifact.io",
        }
    }
}

/// All artifact bytes.
#[derive(Clone)]
pub struct Blobs {
    dir: Arc<Dir>,
}

/// Where bytes are that have no name yet.
const INCOMING: &str = "incoming";

impl Blobs {
    /// Bytes in `dir`; what a crash left half-written is removed.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn open(dir: Dir) -> Result<Self, BlobError> {
        dir.create_dir_all(INCOMING).map_err(BlobError::Io)?;
        let incoming = dir.open_dir(INCOMING).map_err(BlobError::Io)?;
        for entry in incoming.entries().map_err(BlobError::Io)? {
            let entry = entry.map_err(BlobError::Io)?;
            entry.remove_file().map_err(BlobError::Io)?;
        }
        Ok(Self { dir: Arc::new(dir) })
    }

    /// The digests of all bytes that are there, for whoever knows which of them are used. Blocks.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn digests(&self) -> Result<Vec<String>, BlobError> {
        let mut found = Vec::new();
        for shelf in self.dir.entries().map_err(BlobError::Io)? {
            let shelf = shelf.map_err(BlobError::Io)?;
            let name = shelf.file_name();
            if name == INCOMING || !shelf.file_type().map_err(BlobError::Io)?.is_dir() {
                continue;
            }
            for entry in shelf.open_dir().map_err(BlobError::Io)?.entries().map_err(BlobError::Io)? {
                let entry = entry.map_err(BlobError::Io)?;
                found.extend(entry.file_name().into_string().ok().filter(|name| is_digest(name)));
            }
        }
        Ok(found)
    }

    /// Removes bytes that nobody uses. Blocks.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn remove(&self, sha256: &str) -> Result<(), BlobError> {
        match self.dir.remove_file(path(sha256)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BlobError::Io(error)),
            _ => Ok(()),
        }
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `ab/ab12...`: no directory grows without bound.
fn path(sha256: &str) -> String {
    format!("{}/{sha256}", shelf(sha256))
}

fn shelf(sha256: &str) -> &str {
    sha256.get(..2).unwrap_or("00")
}
