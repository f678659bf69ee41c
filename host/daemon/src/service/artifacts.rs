//! Artifacts: listed, opened.

use std::sync::Arc;

use super::host::Host;

/// Bytes with a digest.
#[derive(Clone)]
pub struct Artifacts {
    pub(super) host: Arc<Host>,
}

impl Artifacts {
    /// Newest first.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn list(&self, filter: ArtifactFilter, page: Page) -> Result<Listing<Artifact>, ServiceError> { todo!() }
    /// By id.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn show(&self, id: ArtifactId) -> Result<Artifact, ServiceError> { todo!() }
    /// Its bytes, checked against the digest; `VerifiedBlob::into_stream() -> impl Stream<Item = io::Result<Bytes>>`.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn open(&self, id: ArtifactId) -> Result<(Artifact, VerifiedBlob), ServiceError> { todo!() }
}
