//! `artifacts`.

use novacron_cicd_domain::platform::{CallError, DownloadPlan, PageRequest, RemoteArtifact, RemotePage, RunRef};

use super::{Provider, guest};

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
        guest!(
            self, artifacts, "artifacts.list-artifacts" reads,
            |store, guest| guest.call_list_artifacts(store, run.as_ref(), &page),
            |answer| {
                let items = answer.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                Ok(RemotePage { items, next: answer.next })
            }
        )
        .await
    }

    /// How the host gets an artifact's bytes, or one file inside of it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn plan_download(
        &self,
        run: Option<&RunRef>,
        artifact: &str,
        path: Option<&str>,
    ) -> Result<DownloadPlan, CallError> {
        let (artifact, path) = (artifact.to_owned(), path.map(str::to_owned));
        let run = run.map(Into::into);
        guest!(
            self, artifacts, "artifacts.plan-download" reads,
            |store, guest| guest.call_plan_download(store, run.as_ref(), &artifact, path.as_deref()),
            |answer| Ok(answer.into())
        )
        .await
    }
}
