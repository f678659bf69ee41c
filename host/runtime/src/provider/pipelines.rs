//! `pipelines`, and what else is read of one: `pipeline-lint`, `pipeline-schedules`, `pipeline-triggers`.

use novacron_cicd_domain::{
    parameter::Parameter,
    platform::{CallError, Finding, LintRequest, PageRequest, RemotePage, RemotePipeline, Schedule, TriggerToken},
};

use super::{Provider, each, guest, page};

impl Provider {
    /// Pipelines that are there on the platform.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_pipelines(&self, page: &PageRequest) -> Result<RemotePage<RemotePipeline>, CallError> {
        let request = page.clone().into();
        guest!(
            self, pipelines, "pipelines.list-pipelines" reads,
            |store, guest| guest.call_list_pipelines(store, &request),
            |answer| self::page(answer.items, answer.next)
        )
        .await
    }

    /// One pipeline.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get_pipeline(&self, id: &str) -> Result<RemotePipeline, CallError> {
        let id = id.to_owned();
        guest!(self, pipelines, "pipelines.get" reads, |store, guest| guest.call_get(store, &id), TryInto::try_into)
            .await
    }

    /// The parameters that a run of it takes, as the platform declares them.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn parameters(&self, id: &str, reference: Option<&str>) -> Result<Vec<Parameter>, CallError> {
        let (id, reference) = (id.to_owned(), reference.map(str::to_owned));
        guest!(
            self, pipelines, "pipelines.parameters" reads,
            |store, guest| guest.call_parameters(store, &id, reference.as_deref()),
            each
        )
        .await
    }

    /// What the platform finds in a definition.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn lint(&self, request: LintRequest) -> Result<Vec<Finding>, CallError> {
        let request = request.into();
        guest!(
            self, pipeline_lint, "pipeline-lint.validate" reads,
            |store, guest| guest.call_validate(store, &request),
            each
        )
        .await
    }

    /// The platform's own schedules of a pipeline.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_schedules(&self, pipeline: &str) -> Result<Vec<Schedule>, CallError> {
        let pipeline = pipeline.to_owned();
        guest!(
            self, pipeline_schedules, "pipeline-schedules.list-schedules" reads,
            |store, guest| guest.call_list_schedules(store, &pipeline),
            each
        )
        .await
    }

    /// Tokens that start a pipeline, without their values.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_trigger_tokens(&self, pipeline: &str) -> Result<Vec<TriggerToken>, CallError> {
        let pipeline = pipeline.to_owned();
        guest!(
            self, pipeline_triggers, "pipeline-triggers.list-tokens" reads,
            |store, guest| guest.call_list_tokens(store, &pipeline),
            each
        )
        .await
    }
}
