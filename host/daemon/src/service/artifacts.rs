//! Artifacts: listed, opened.

use std::sync::Arc;

use novacron_cicd_domain::{artifact::Artifact, id::ArtifactId};
use novacron_cicd_store::{ArtifactFilter, Listing, Page};

pub use crate::artifact::VerifiedBlob;

use super::{ServiceError, host::Host};

/// Bytes with a digest.
#[derive(Clone)]
pub struct Artifacts {
    pub(super) host: Arc<Host>,
}

impl Artifacts {
    /// Newest first.
    ///
    /// # Errors
    /// A cursor that is none of this list.
    pub async fn list(&self, filter: ArtifactFilter, page: Page) -> Result<Listing<Artifact>, ServiceError> {
        self.host.read(move |state| Ok(state.artifacts(&page, &filter)?)).await
    }

    /// By id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, id: ArtifactId) -> Result<Artifact, ServiceError> {
        self.host.read(move |state| Ok(state.artifact(id)?)).await
    }

    /// Its bytes, checked against the digest while they are read.
    ///
    /// # Errors
    /// [`ServiceError::Mismatch`] where their size is another, [`ServiceError::Io`] where they are gone.
    pub async fn open(&self, id: ArtifactId) -> Result<(Artifact, VerifiedBlob), ServiceError> {
        let artifact = self.show(id).await?;
        let blob = self.host.blobs.reader(&artifact.sha256, artifact.size).await?;
        Ok((artifact, blob))
    }
}
