//! `pipelines`.

use novacron_cicd_domain::{
    parameter::Parameter,
    platform::{CallError, PageRequest, RemotePage, RemotePipeline},
};

use super::{Provider, guest};

impl Provider {
    /// Pipelines that are there on the platform.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_pipelines(&self, page: &PageRequest) -> Result<RemotePage<RemotePipeline>, CallError> {
        let page = page.clone().into();
        guest!(
            self, pipelines, "pipelines.list-pipelines" reads,
            |store, guest| guest.call_list_pipelines(store, &page),
            |answer| {
                let items = answer.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                Ok(RemotePage { items, next: answer.next })
            }
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
            |answer| Ok(answer.into_iter().map(Into::into).collect())
        )
        .await
    }
}
