//! Pipelines: our records of definitions. Deleted ones stay as rows, because their runs stay.

use novacron_cicd_domain::{
    Timestamp,
    id::{PipelineId, ProviderId},
    pipeline::Pipeline,
};
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    page::{List, Listing, Page, Select},
    row::{Columns, json},
};

const WHAT: &str = "pipeline";
const COLUMNS: &str = "id, name, provider, external_ref, repository, reference, parameters, environment, webhook_url, \
                       version, created, updated";

fn read(columns: &mut Columns<'_>) -> Result<Pipeline, StoreError> {
    Ok(Pipeline {
        id: columns.parse()?,
        name: columns.parse()?,
        provider: columns.parse()?,
        external_ref: columns.get()?,
        repository: columns.get()?,
        reference: columns.get()?,
        parameters: columns.json()?,
        environment: columns.json()?,
        webhook_url: columns.get()?,
        version: columns.get()?,
        created: columns.time()?,
        updated: columns.time()?,
    })
}

/// Newest first.
pub(crate) fn select(provider: Option<ProviderId>, after: Option<String>, rows: usize) -> Select {
    Select::new(&format!("SELECT {COLUMNS} FROM pipelines"))
        .only("deleted IS NULL")
        .with("provider = ", provider.map(|id| id.to_string()))
        .with("id < ", Some(after.unwrap_or_else(crate::page::newest)))
        .order("id DESC", rows)
}

impl Reader<'_> {
    /// The pipeline with this id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also where it was deleted.
    pub fn pipeline(&self, id: PipelineId) -> Result<Pipeline, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM pipelines WHERE id = ?1 AND deleted IS NULL");
        self.one(&sql, [id.to_string()], read)?.ok_or_else(|| StoreError::not_found(WHAT, id))
    }

    /// The pipeline with this name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn pipeline_by_name(&self, name: &str) -> Result<Pipeline, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM pipelines WHERE name = ?1 AND deleted IS NULL");
        self.one(&sql, [name], read)?.ok_or_else(|| StoreError::not_found(WHAT, name))
    }

    /// Pipelines, newest first; of one provider where one is given.
    ///
    /// # Errors
    /// [`StoreError::Cursor`].
    pub fn pipelines(&self, page: &Page, provider: Option<ProviderId>) -> Result<Listing<Pipeline>, StoreError> {
        let select = |after, rows| select(provider, after, rows);
        self.page(List::Pipelines, page, select, read, |pipeline| pipeline.id.to_string())
    }
}

impl Tx<'_> {
    /// Stores a new pipeline.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where its name is taken, [`StoreError::NotFound`] where its provider is not there.
    pub fn insert_pipeline(&mut self, pipeline: &Pipeline) -> Result<(), StoreError> {
        self.provider(pipeline.provider)?;
        self.execute(
            "INSERT INTO pipelines (id, name, provider, external_ref, repository, reference, parameters, environment,
                webhook_url, version, created, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                pipeline.id.to_string(),
                pipeline.name.as_str(),
                pipeline.provider.to_string(),
                pipeline.external_ref,
                pipeline.repository,
                pipeline.reference,
                json(&pipeline.parameters)?,
                json(&pipeline.environment)?,
                pipeline.webhook_url,
                pipeline.version,
                pipeline.created.0,
                pipeline.updated.0,
            ],
        )
        .map_err(|error| error.or_conflict(WHAT, &pipeline.name))?;
        Ok(())
    }

    /// Changes all but id, provider and time of making, where the stored version is `expected`. Answers the new
    /// version.
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::NotFound`], [`StoreError::Conflict`] where the new name is taken.
    pub fn update_pipeline(&mut self, pipeline: &Pipeline, expected: i64) -> Result<i64, StoreError> {
        let changed = self
            .execute(
                "UPDATE pipelines SET name = ?3, external_ref = ?4, repository = ?5, reference = ?6, parameters = ?7,
                    environment = ?8, webhook_url = ?9, updated = ?10, version = version + 1
                 WHERE id = ?1 AND version = ?2 AND deleted IS NULL",
                params![
                    pipeline.id.to_string(),
                    expected,
                    pipeline.name.as_str(),
                    pipeline.external_ref,
                    pipeline.repository,
                    pipeline.reference,
                    json(&pipeline.parameters)?,
                    json(&pipeline.environment)?,
                    pipeline.webhook_url,
                    pipeline.updated.0,
                ],
            )
            .map_err(|error| error.or_conflict(WHAT, &pipeline.name))?;
        if changed == 0 {
            let found = self.pipeline(pipeline.id)?;
            return Err(StoreError::Stale { what: WHAT, key: found.name.to_string(), expected, found: found.version });
        }
        Ok(expected + 1)
    }

    /// Deletes a pipeline; its runs stay. Its name is free again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn delete_pipeline(&mut self, id: PipelineId, now: Timestamp) -> Result<(), StoreError> {
        let changed = self.execute(
            "UPDATE pipelines SET deleted = ?2 WHERE id = ?1 AND deleted IS NULL",
            params![id.to_string(), now.0],
        )?;
        if changed == 0 { Err(StoreError::not_found(WHAT, id)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{
        plan::Scratch,
        sample::{self, NOW},
    };

    #[test]
    fn a_pipeline_comes_back_as_it_was_stored() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let provider = sample::provider(1);
        tx.insert_provider(&provider).unwrap();
        let bare = Pipeline {
            external_ref: None,
            repository: None,
            reference: None,
            parameters: Vec::new(),
            environment: Default::default(),
            webhook_url: None,
            ..sample::pipeline(2, &provider)
        };
        for pipeline in [sample::pipeline(1, &provider), bare] {
            tx.insert_pipeline(&pipeline).unwrap();
            assert_eq!(tx.pipeline(pipeline.id).unwrap(), pipeline);
            assert_eq!(tx.pipeline_by_name(pipeline.name.as_str()).unwrap(), pipeline);
        }
    }

    #[test]
    fn pipelines_of_one_provider_are_listed_alone() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        for n in 1..=2 {
            let provider = sample::provider(n);
            tx.insert_provider(&provider).unwrap();
            tx.insert_pipeline(&sample::pipeline(n, &provider)).unwrap();
        }
        for (provider, expected) in [(None, vec!["pipeline-2", "pipeline-1"]), (Some(1), vec!["pipeline-1"])] {
            let provider = provider.map(|n| ProviderId(sample::uuid(n)));
            let listed = tx.pipelines(&Page::default(), provider).unwrap().items;
            assert_eq!(listed.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_pipeline_needs_a_provider_that_is_not_deleted() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let provider = sample::provider(1);
        let missing = StoreError::not_found("provider", provider.id);
        assert_eq!(tx.insert_pipeline(&sample::pipeline(1, &provider)).unwrap_err(), missing);
        tx.insert_provider(&provider).unwrap();
        tx.delete_provider(provider.id, NOW).unwrap();
        assert_eq!(tx.insert_pipeline(&sample::pipeline(1, &provider)).unwrap_err(), missing);
    }

    #[test]
    fn a_deleted_pipeline_is_gone_its_name_is_free_and_its_runs_stay() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let provider = sample::provider(1);
        let pipeline = sample::pipeline(1, &provider);
        let again = Pipeline { name: pipeline.name.clone(), ..sample::pipeline(2, &provider) };
        let run = sample::run(1, &pipeline);
        tx.insert_provider(&provider).unwrap();
        tx.insert_pipeline(&pipeline).unwrap();
        tx.insert_run(&run).unwrap();
        let error = tx.insert_pipeline(&again).unwrap_err();
        assert_eq!(error.to_string(), "pipeline pipeline-1 exists already");
        tx.delete_pipeline(pipeline.id, NOW).unwrap();
        tx.insert_pipeline(&again).unwrap();
        let gone = StoreError::not_found("pipeline", pipeline.id);
        assert_eq!(tx.pipeline(pipeline.id).unwrap_err(), gone);
        assert_eq!(tx.delete_pipeline(pipeline.id, NOW).unwrap_err(), gone);
        assert_eq!(tx.update_pipeline(&pipeline, 1).unwrap_err(), gone);
        assert_eq!(tx.run(run.id).unwrap(), run);
    }

    #[test]
    fn a_change_takes_the_version_that_it_was_made_from() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let provider = sample::provider(1);
        let mut pipeline = sample::pipeline(1, &provider);
        tx.insert_provider(&provider).unwrap();
        tx.insert_pipeline(&pipeline).unwrap();
        pipeline.name = sample::name("other");
        pipeline.parameters.clear();
        pipeline.webhook_url = None;
        pipeline.updated = NOW.plus_millis(7);
        pipeline.version = tx.update_pipeline(&pipeline, 1).unwrap();
        assert_eq!(pipeline.version, 2);
        assert_eq!(tx.pipeline_by_name("other").unwrap(), pipeline);
        let stale = StoreError::Stale { what: "pipeline", key: "other".into(), expected: 1, found: 2 };
        assert_eq!(tx.update_pipeline(&pipeline, 1).unwrap_err(), stale);
    }
}
