//! Bytes that never enter a guest: logs and artifacts that the host moves by a plan of the plugin.

use std::{any::Any, collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::RunRef;
use crate::Timestamp;

/// A request that a plugin planned and the host performs. What it holds is opaque here: only the runtime opens it.
#[derive(Clone)]
pub struct Transfer {
    summary: String,
    request: Arc<dyn Any + Send + Sync>,
}

impl Transfer {
    /// Wraps a request. `summary` is what is shown of it: never a query, a header or a body.
    #[must_use]
    pub fn new(summary: impl Into<String>, request: impl Any + Send + Sync) -> Self {
        Self { summary: summary.into(), request: Arc::new(request) }
    }

    /// The request, where it is of that type.
    #[must_use]
    pub fn request<T: Any>(&self) -> Option<&T> {
        self.request.downcast_ref()
    }

    /// What may be shown of it.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transfer").field(&self.summary).finish()
    }
}

impl PartialEq for Transfer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.request, &other.request)
    }
}

impl Eq for Transfer {}

/// Which log to read, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRequest {
    /// Whose.
    pub run: RunRef,
    /// The platform's id of the job; none: the log of the whole run.
    pub job: Option<String>,
    /// Where the last read ended; none: the beginning.
    pub cursor: Option<String>,
    /// At most this many bytes; never more than 1 MiB.
    pub limit: u32,
}

/// A log, or how the host gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogAnswer {
    /// The bytes.
    Chunk(LogChunk),
    /// The host streams it itself.
    Plan(LogPlan),
}

/// Some bytes of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// As the platform has them.
    pub bytes: Vec<u8>,
    /// For the next read.
    pub next: String,
    /// More may be read at once.
    pub more_now: bool,
    /// The platform's log shrank or was rewritten: `bytes` starts at its beginning again.
    pub reset: bool,
    /// Whether more will come.
    pub availability: LogAvailability,
}

/// How the host streams a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlan {
    /// What to send.
    pub transfer: Transfer,
    /// Bytes of the answer that were seen before.
    pub skip: u64,
    /// A line filter that the host has: `none`, `strip-cr`, ...; an open set.
    pub filter: String,
    /// For the next read; may hold `{total}` and `{header:NAME}`, which the answer fills.
    pub next: String,
    /// Whether more will come.
    pub availability: LogAvailability,
}

/// Whether more of a log will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogAvailability {
    /// It grows.
    Growing,
    /// It is whole.
    Complete,
    /// It is not there yet.
    NotYet,
    /// It will never be there.
    Never,
    /// It is not there any more.
    Expired,
}

impl LogAvailability {
    /// Whether nothing more will come.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::Never | Self::Expired)
    }
}

/// An artifact that is there on the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteArtifact {
    /// The platform's.
    pub id: String,
    /// What the platform shows.
    pub name: String,
    /// `binary`, `container`, `package`, `archive`; an open set.
    pub kind: String,
    /// In bytes, where the platform says it.
    pub size: Option<u64>,
    /// Algorithm and hexadecimal digits.
    pub digests: Vec<(String, String)>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When the platform lets go of it.
    pub expires: Option<Timestamp>,
    /// Whether it has.
    pub expired: bool,
    /// The platform's id of the job that made it.
    pub job: Option<String>,
    /// As the platform says it.
    pub media_type: Option<String>,
}

/// How the host gets an artifact's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadPlan {
    /// What to send.
    pub transfer: Transfer,
    /// In bytes, where the platform says it.
    pub size: Option<u64>,
    /// Of the bytes as they are sent: algorithm and hexadecimal digits.
    pub digests: Vec<(String, String)>,
    /// What those bytes are: `raw`, `zip`.
    pub encoding: String,
    /// When the plan stops working.
    pub expires: Option<Timestamp>,
    /// Whether the server answers range requests.
    pub ranges: bool,
}

/// What is put on a platform. Its bytes are the host's, under their digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRequest {
    /// none: it belongs to no run there.
    pub run: Option<RunRef>,
    /// What it is to be called.
    pub name: String,
    /// As its producer says it.
    pub version: Option<String>,
    /// In bytes.
    pub size: u64,
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// As its producer says it.
    pub media_type: Option<String>,
    /// As the plugin documents them.
    pub options: BTreeMap<String, String>,
}

/// How the host puts an artifact's bytes on a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPlan {
    /// What to send the bytes with.
    pub transfer: Transfer,
    /// The plugin's own, for the end of it.
    pub state: String,
}

/// What a platform answered to the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// At most what a guest may be given.
    pub body: Vec<u8>,
}

/// A statement that the platform made and signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// The predicate's type, a URI.
    pub predicate: String,
    /// Of the statement.
    pub media_type: String,
    /// How the host gets it.
    pub transfer: Transfer,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}
