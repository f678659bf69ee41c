//! `pipeline-definitions`.

use novacron_cicd_domain::platform::{CallError, Definition, OperationArg, RemotePipeline};

use super::{Provider, guest, nothing};

impl Provider {
    /// What a pipeline on the platform is.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn read_definition(&self, id: &str) -> Result<Definition, CallError> {
        let id = id.to_owned();
        guest!(
            self, pipeline_definitions, "pipeline-definitions.read" reads,
            |store, guest| guest.call_read(store, &id),
            |answer| Ok(answer.into())
        )
        .await
    }

    /// Makes a pipeline on the platform.
    ///
    /// # Errors
    /// [`CallError`]; its `retry` says whether it may be sent again.
    pub async fn create_pipeline(
        &self,
        operation: &OperationArg,
        definition: Definition,
    ) -> Result<RemotePipeline, CallError> {
        let (operation, definition) = (operation.into(), definition.into());
        guest!(
            self, pipeline_definitions, "pipeline-definitions.create" changes,
            |store, guest| guest.call_create(store, &operation, &definition),
            TryInto::try_into
        )
        .await
    }

    /// Changes a pipeline on the platform; what the definition does not name is kept.
    ///
    /// # Errors
    /// [`CallError`]; of kind conflict where `revision` is not the newest.
    pub async fn update_pipeline(
        &self,
        operation: &OperationArg,
        id: &str,
        definition: Definition,
        revision: Option<&str>,
    ) -> Result<RemotePipeline, CallError> {
        let (operation, definition) = (operation.into(), definition.into());
        let (id, revision) = (id.to_owned(), revision.map(str::to_owned));
        guest!(
            self, pipeline_definitions, "pipeline-definitions.update" changes,
            |store, guest| guest.call_update(store, &operation, &id, &definition, revision.as_deref()),
            TryInto::try_into
        )
        .await
    }

    /// Deletes a pipeline on the platform.
    ///
    /// # Errors
    /// [`CallError`]; of kind conflict where `revision` is not the newest.
    pub async fn delete_pipeline(
        &self,
        operation: &OperationArg,
        id: &str,
        revision: Option<&str>,
    ) -> Result<(), CallError> {
        let operation = operation.into();
        let (id, revision) = (id.to_owned(), revision.map(str::to_owned));
        guest!(
            self, pipeline_definitions, "pipeline-definitions.delete" changes,
            |store, guest| guest.call_delete(store, &operation, &id, revision.as_deref()),
            nothing
        )
        .await
    }
}
