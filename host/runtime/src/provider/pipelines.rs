//! `pipelines`: what is there on the platform.

use novacron_cicd_contract::{Violation, cursor};
use novacron_cicd_domain::{
    parameter::Parameter,
    platform::{CallError, PageRequest, RemotePage, RemotePipeline},
};

use super::{Provider, call};

impl Provider {
    /// Pipelines of the platform.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_pipelines(&self, page: &PageRequest) -> Result<RemotePage<RemotePipeline>, CallError> {
        let page = page.clone().into();
        call!(
            self,
            "pipelines.list-pipelines",
            pipelines,
            |guest, store| guest.call_list_pipelines(store, &page),
            |page| {
                let items = page.items.into_iter().map(RemotePipeline::try_from).collect::<Result<_, _>>()?;
                let next = page.next.map(|next| cursor("pipeline-page.next", next)).transpose()?;
                Ok::<_, Violation>(RemotePage { items, next })
            }
        )
    }

    /// One pipeline.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get_pipeline(&self, id: &str) -> Result<RemotePipeline, CallError> {
        let id = id.to_owned();
        call!(self, "pipelines.get", pipelines, |guest, store| guest.call_get(store, &id), RemotePipeline::try_from)
    }

    /// What a run of it can be given, as the platform declares it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn parameters(&self, id: &str, reference: Option<&str>) -> Result<Vec<Parameter>, CallError> {
        let (id, reference) = (id.to_owned(), reference.map(str::to_owned));
        call!(
            self,
            "pipelines.parameters",
            pipelines,
            |guest, store| guest.call_parameters(store, &id, reference.as_deref()),
            |parameters| Ok::<_, Violation>(parameters.into_iter().map(Parameter::from).collect())
        )
    }
}
