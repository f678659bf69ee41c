//! An artifact: bytes with a digest and a version, and the run that they came from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::{ArtifactId, RunId},
};

/// Bytes with a sha256 digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Ours.
    pub id: ArtifactId,
    /// A file name, without directories.
    pub name: String,
    /// As the producer says it.
    pub version: Option<String>,
    /// What it is.
    pub kind: ArtifactKind,
    /// What the platform calls it, where it is one of the platform's; none: the run itself handed its bytes over.
    pub external_id: Option<String>,
    /// In bytes; as the platform says it, until its bytes are here.
    pub size: Option<u64>,
    /// 64 lower-case hexadecimal digits, computed while the bytes were written; none: its bytes are still the platform's.
    pub sha256: Option<String>,
    /// As the producer says it.
    pub media_type: Option<String>,
    /// The producer's own.
    pub metadata: BTreeMap<String, String>,
    /// The run that it came from.
    pub run: Option<RunId>,
    /// That run's attempt.
    pub attempt: Option<u32>,
    /// The job of that run, in the platform's words.
    pub job: Option<String>,
    /// When we had all of it, or first saw it on the platform.
    pub created: Timestamp,
}

/// What an artifact is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactKind {
    /// A program or any other single file.
    #[default]
    Binary,
    /// A container image.
    Container,
    /// A package of a package manager.
    Package,
    /// Many files in one.
    Archive,
}

impl ArtifactKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Binary, Self::Container, Self::Package, Self::Archive];

    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Container => "container",
            Self::Package => "package",
            Self::Archive => "archive",
        }
    }

    /// The kind that `word` names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
