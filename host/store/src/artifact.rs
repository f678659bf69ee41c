//! Artifacts: what is known of bytes that lie in files named by their sha256.

use novacron_cicd_domain::{
    artifact::{Artifact, ArtifactKind},
    id::{ArtifactId, RunId},
};
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    page::{List, Listing, Page, Select},
    row::{Columns, json, signed},
};

const WHAT: &str = "artifact";
const COLUMNS: &str = "id, name, version, kind, size, sha256, media_type, metadata, run, attempt, job, created";

/// Which artifacts a list shows; what is none is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArtifactFilter {
    /// From this run.
    pub run: Option<RunId>,
    /// With this name.
    pub name: Option<String>,
}

fn read(columns: &mut Columns<'_>) -> Result<Artifact, StoreError> {
    Ok(Artifact {
        id: columns.parse()?,
        name: columns.get()?,
        version: columns.get()?,
        kind: columns.word(ArtifactKind::parse)?,
        size: columns.unsigned()?,
        sha256: columns.get()?,
        media_type: columns.get()?,
        metadata: columns.json()?,
        run: columns.parse_opt()?,
        attempt: columns.get()?,
        job: columns.get()?,
        created: columns.time()?,
    })
}

/// Newest first.
pub(crate) fn select(filter: &ArtifactFilter, after: Option<String>, rows: usize) -> Select {
    Select::new(&format!("SELECT {COLUMNS} FROM artifacts"))
        .with("run = ", filter.run.map(|id| id.to_string()))
        .with("name = ", filter.name.clone())
        .with("id < ", Some(after.unwrap_or_else(crate::page::newest)))
        .order("id DESC", rows)
}

impl Reader<'_> {
    /// The artifact with this id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn artifact(&self, id: ArtifactId) -> Result<Artifact, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM artifacts WHERE id = ?1");
        self.one(&sql, [id.to_string()], read)?.ok_or_else(|| StoreError::not_found(WHAT, id))
    }

    /// What an attempt of a run has under a name: there is at most one.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn artifact_of_run(
        &self,
        run: RunId,
        attempt: Option<u32>,
        name: &str,
    ) -> Result<Option<Artifact>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM artifacts WHERE run = ?1 AND name = ?2 AND coalesce(attempt, 0) = ?3");
        self.one(&sql, params![run.to_string(), name, attempt.unwrap_or(0)], read)
    }

    /// Artifacts, newest first.
    ///
    /// # Errors
    /// [`StoreError::Cursor`].
    pub fn artifacts(&self, page: &Page, filter: &ArtifactFilter) -> Result<Listing<Artifact>, StoreError> {
        let select = |after, rows| select(filter, after, rows);
        self.page(List::Artifacts, page, select, read, |artifact| artifact.id.to_string())
    }

    /// Whether any artifact has these bytes: files that none has can go.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn blob_in_use(&self, sha256: &str) -> Result<bool, StoreError> {
        Ok(self.one("SELECT 1 FROM artifacts WHERE sha256 = ?1 LIMIT 1", [sha256], |_| Ok(()))?.is_some())
    }
}

impl Tx<'_> {
    /// Stores a new artifact, when its bytes are on disk.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where that attempt of the run has one of that name, [`StoreError::NotFound`] where the
    /// run is not there.
    pub fn insert_artifact(&mut self, artifact: &Artifact) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO artifacts (id, name, version, kind, size, sha256, media_type, metadata, run, attempt, job,
                created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                artifact.id.to_string(),
                artifact.name,
                artifact.version,
                artifact.kind.as_str(),
                signed(artifact.size)?,
                artifact.sha256,
                artifact.media_type,
                json(&artifact.metadata)?,
                artifact.run.map(|id| id.to_string()),
                artifact.attempt,
                artifact.job,
                artifact.created.0,
            ],
        )
        .map_err(|error| match artifact.run {
            Some(run) => error.or_missing("run", run).or_conflict(WHAT, format!("{} of run {run}", artifact.name)),
            None => error.or_conflict(WHAT, artifact.id),
        })?;
        Ok(())
    }

    /// Forgets an artifact. Its bytes may be another's: see [`Reader::blob_in_use`].
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn delete_artifact(&mut self, id: ArtifactId) -> Result<(), StoreError> {
        let deleted = self.execute("DELETE FROM artifacts WHERE id = ?1", [id.to_string()])?;
        if deleted == 0 { Err(StoreError::not_found(WHAT, id)) } else { Ok(()) }
    }
}
