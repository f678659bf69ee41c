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
const COLUMNS: &str = "id, name, version, kind, external_id, size, sha256, media_type, metadata, run, attempt, job, \
                       created";

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
        external_id: columns.get()?,
        size: columns.unsigned_opt()?,
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

    /// What an attempt of a run has handed over under a name: there is at most one.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn artifact_of_run(
        &self,
        run: RunId,
        attempt: Option<u32>,
        name: &str,
    ) -> Result<Option<Artifact>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM artifacts
             WHERE run = ?1 AND name = ?2 AND coalesce(attempt, 0) = ?3 AND coalesce(external_id, '') = ''"
        );
        self.one(&sql, params![run.to_string(), name, attempt.unwrap_or(0)], read)
    }

    /// Whether the platform's artifact of that id, of an attempt of a run, is recorded.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn has_platform_artifact(&self, run: RunId, attempt: u32, external_id: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM artifacts WHERE run = ?1 AND attempt = ?2 AND external_id = ?3 LIMIT 1";
        Ok(self.one(sql, params![run.to_string(), attempt, external_id], |_| Ok(()))?.is_some())
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
    /// Stores a new artifact, when its bytes are on disk or where they are the platform's.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where that attempt of the run has one of that name, [`StoreError::NotFound`] where the
    /// run is not there.
    pub fn insert_artifact(&mut self, artifact: &Artifact) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO artifacts (id, name, version, kind, external_id, size, sha256, media_type, metadata, run,
                attempt, job, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                artifact.id.to_string(),
                artifact.name,
                artifact.version,
                artifact.kind.as_str(),
                artifact.external_id,
                artifact.size.map(signed).transpose()?,
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

    /// Says that the bytes of a platform's artifact are on disk; false where they were already.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a size that no file has.
    pub fn keep_artifact(&mut self, id: ArtifactId, sha256: &str, size: u64) -> Result<bool, StoreError> {
        let sql = "UPDATE artifacts SET sha256 = ?2, size = ?3 WHERE id = ?1 AND sha256 IS NULL";
        Ok(self.execute(sql, params![id.to_string(), sha256, signed(size)?])? > 0)
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_domain::run::Run;

    use super::*;
    use crate::{plan::Scratch, sample};

    fn with_run() -> (Scratch, Run) {
        let scratch = Scratch::new();
        let provider = sample::provider(1);
        let pipeline = sample::pipeline(1, &provider);
        let run = sample::run(1, &pipeline);
        scratch.tx().insert_provider(&provider).unwrap();
        scratch.tx().insert_pipeline(&pipeline).unwrap();
        scratch.tx().insert_run(&run).unwrap();
        (scratch, run)
    }

    #[test]
    fn an_artifact_comes_back_as_it_was_stored() {
        let (scratch, run) = with_run();
        let mut tx = scratch.tx();
        let mut n = 0;
        for kind in ArtifactKind::ALL {
            for run in [None, Some(run.id)] {
                n += 1;
                let mut artifact = Artifact { kind, ..sample::artifact(n, run) };
                if run.is_none() {
                    artifact = Artifact { version: None, media_type: None, job: None, ..artifact };
                }
                tx.insert_artifact(&artifact).unwrap();
                assert_eq!(tx.artifact(artifact.id).unwrap(), artifact);
            }
        }
    }

    #[test]
    fn an_attempt_of_a_run_has_one_artifact_of_a_name() {
        let (scratch, run) = with_run();
        let mut tx = scratch.tx();
        let first = sample::artifact(1, Some(run.id));
        let again = Artifact { name: first.name.clone(), ..sample::artifact(2, Some(run.id)) };
        tx.insert_artifact(&first).unwrap();
        let error = tx.insert_artifact(&again).unwrap_err();
        assert_eq!(error.to_string(), format!("artifact artifact-1.tar of run {} exists already", run.id));
        for attempt in [Some(2), None] {
            let other = Artifact {
                attempt,
                ..Artifact { id: ArtifactId(sample::uuid(u64::from(attempt.unwrap_or(9)))), ..again.clone() }
            };
            tx.insert_artifact(&other).unwrap();
            assert_eq!(tx.artifact_of_run(run.id, attempt, &first.name).unwrap(), Some(other));
        }
        assert_eq!(tx.artifact_of_run(run.id, Some(1), &first.name).unwrap(), Some(first));
        assert_eq!(tx.artifact_of_run(run.id, Some(1), "other").unwrap(), None);
    }

    #[test]
    fn an_artifact_of_no_run_is_refused() {
        let (scratch, _) = with_run();
        let nobody = RunId(sample::uuid(9));
        let error = scratch.tx().insert_artifact(&sample::artifact(1, Some(nobody))).unwrap_err();
        assert_eq!(error, StoreError::not_found("run", nobody));
    }

    #[test]
    fn artifacts_are_listed_by_what_is_asked() {
        let (scratch, run) = with_run();
        let mut tx = scratch.tx();
        for (n, run) in [(1, None), (2, Some(run.id)), (3, Some(run.id))] {
            tx.insert_artifact(&sample::artifact(n, run)).unwrap();
        }
        let (of_run, name) = (Some(run.id), Some("artifact-2.tar".to_owned()));
        for (filter, expected) in [
            (ArtifactFilter::default(), vec![3, 2, 1]),
            (ArtifactFilter { run: of_run, name: None }, vec![3, 2]),
            (ArtifactFilter { run: None, name: name.clone() }, vec![2]),
            (ArtifactFilter { run: of_run, name }, vec![2]),
        ] {
            let ids: Vec<_> = expected.into_iter().map(|n| ArtifactId(sample::uuid(n))).collect();
            let listed = tx.artifacts(&Page::default(), &filter).unwrap().items;
            assert_eq!(listed.iter().map(|artifact| artifact.id).collect::<Vec<_>>(), ids, "{filter:?}");
        }
    }

    #[test]
    fn bytes_are_in_use_until_the_last_artifact_of_them_is_gone() {
        let (scratch, _) = with_run();
        let mut tx = scratch.tx();
        let first = sample::artifact(1, None);
        let second = Artifact { sha256: first.sha256.clone(), ..sample::artifact(2, None) };
        tx.insert_artifact(&first).unwrap();
        tx.insert_artifact(&second).unwrap();
        for (artifact, still) in [(&first, true), (&second, false)] {
            tx.delete_artifact(artifact.id).unwrap();
            assert_eq!(tx.blob_in_use(first.sha256.as_deref().unwrap()).unwrap(), still);
        }
        assert_eq!(tx.delete_artifact(first.id).unwrap_err(), StoreError::not_found("artifact", first.id));
    }

    #[test]
    fn a_platforms_artifact_has_its_bytes_here_once() {
        let (scratch, run) = with_run();
        let mut tx = scratch.tx();
        let there = |n, id: &str| Artifact {
            name: "report".into(),
            external_id: Some(id.into()),
            size: None,
            sha256: None,
            ..sample::artifact(n, Some(run.id))
        };
        let first = there(1, "a");
        let attempt = first.attempt.unwrap();
        tx.insert_artifact(&first).unwrap();
        tx.insert_artifact(&there(2, "b")).unwrap();
        let own = Artifact { name: "report".into(), ..sample::artifact(3, Some(run.id)) };
        tx.insert_artifact(&own).unwrap();
        assert_eq!(tx.artifact_of_run(run.id, Some(attempt), "report").unwrap(), Some(own), "what the run handed over");
        assert!(matches!(tx.insert_artifact(&there(4, "b")), Err(StoreError::Conflict { .. })));
        for (id, expected) in [("a", true), ("c", false)] {
            assert_eq!(tx.has_platform_artifact(run.id, attempt, id).unwrap(), expected);
        }
        let digest = "ab".repeat(32);
        assert!(tx.keep_artifact(first.id, &digest, 7).unwrap());
        assert!(!tx.keep_artifact(first.id, &"cd".repeat(32), 8).unwrap());
        let kept = tx.artifact(first.id).unwrap();
        assert_eq!((kept.sha256, kept.size), (Some(digest), Some(7)));
    }

    #[test]
    fn a_size_that_no_file_has_is_refused() {
        let (scratch, _) = with_run();
        let artifact = Artifact { size: Some(u64::MAX), ..sample::artifact(1, None) };
        assert!(matches!(scratch.tx().insert_artifact(&artifact), Err(StoreError::Invalid { .. })));
    }
}
