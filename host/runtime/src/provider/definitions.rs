//! `pipeline-definitions`: making, changing and deleting pipelines on the platform.

use novacron_cicd_contract::Violation;
use novacron_cicd_domain::platform::{CallError, Definition, OperationArg, RemotePipeline};

use super::{Provider, call};

impl Provider {
    /// A pipeline's definition.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn read_definition(&self, id: &str) -> Result<Definition, CallError> {
        let id = id.to_owned();
        call!(
            self,
            "pipeline-definitions.read",
            pipeline_definitions,
            |guest, store| guest.call_read(store, &id),
            |definition| Ok::<_, Violation>(definition.into())
        )
    }

    /// Makes a pipeline.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn create_pipeline(
        &self,
        operation: &OperationArg,
        definition: Definition,
    ) -> Result<RemotePipeline, CallError> {
        let (operation, definition) = (operation.into(), definition.into());
        call!(
            self,
            "pipeline-definitions.create",
            pipeline_definitions,
            |guest, store| guest.call_create(store, &operation, &definition),
            RemotePipeline::try_from
        )
    }

    /// Changes a pipeline; a conflict where `revision` is not the newest.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn update_pipeline(
        &self,
        operation: &OperationArg,
        id: &str,
        definition: Definition,
        revision: Option<&str>,
    ) -> Result<RemotePipeline, CallError> {
        let (operation, definition) = (operation.into(), definition.into());
        let (id, revision) = (id.to_owned(), revision.map(str::to_owned));
        call!(
            self,
            "pipeline-definitions.update",
            pipeline_definitions,
            |guest, store| guest.call_update(store, &operation, &id, &definition, revision.as_deref()),
            RemotePipeline::try_from
        )
    }

    /// Deletes a pipeline; a conflict where `revision` is not the newest.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn delete_pipeline(
        &self,
        operation: &OperationArg,
        id: &str,
        revision: Option<&str>,
    ) -> Result<(), CallError> {
        let operation = operation.into();
        let (id, revision) = (id.to_owned(), revision.map(str::to_owned));
        call!(
            self,
            "pipeline-definitions.delete",
            pipeline_definitions,
            |guest, store| guest.call_delete(store, &operation, &id, revision.as_deref()),
            Ok::<_, Violation>
        )
    }
}
