//! `artifacts`: what a run left on the platform, and how the host gets it.

use novacron_cicd_contract::{Violation, cursor};
use novacron_cicd_domain::platform::{CallError, DownloadPlan, PageRequest, RemoteArtifact, RemotePage, RunRef};

use super::{Provider, call};

impl Provider {
    /// Artifacts of a run; none: those that belong to no run.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_artifacts(
        &self,
        run: Option<&RunRef>,
        page: &PageRequest,
    ) -> Result<RemotePage<RemoteArtifact>, CallError> {
        let (run, page) = (run.map(Into::into), page.clone().into());
        call!(
            self,
            "artifacts.list-artifacts",
            artifacts,
            |guest, store| guest.call_list_artifacts(store, run.as_ref(), &page),
            |page| {
                let items = page.items.into_iter().map(RemoteArtifact::try_from).collect::<Result<_, _>>()?;
                let next = page.next.map(|next| cursor("artifact-page.next", next)).transpose()?;
                Ok::<_, Violation>(RemotePage { items, next })
            }
        )
    }

    /// How the host gets an artifact's bytes, or one file of them.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn plan_download(
        &self,
        run: Option<&RunRef>,
        artifact: &str,
        path: Option<&str>,
    ) -> Result<DownloadPlan, CallError> {
        let (run, artifact, path) = (run.map(Into::into), artifact.to_owned(), path.map(str::to_owned));
        call!(
            self,
            "artifacts.plan-download",
            artifacts,
            |guest, store| guest.call_plan_download(store, run.as_ref(), &artifact, path.as_deref()),
            |plan| Ok::<_, Violation>(plan.into())
        )
    }
}
