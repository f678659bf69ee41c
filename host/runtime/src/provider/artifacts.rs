//! `artifacts`, `attestations`.

use novacron_cicd_contract::bindings::novacron::cicd::types::Digest;
use novacron_cicd_domain::platform::{
    Attestation, CallError, DownloadPlan, PageRequest, RemoteArtifact, RemotePage, RunRef,
};

use super::{Provider, guest, page};

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
        let (run, request) = (run.map(Into::into), page.clone().into());
        guest!(
            self, artifacts, "artifacts.list-artifacts" reads,
            |store, guest| guest.call_list_artifacts(store, run.as_ref(), &request),
            |answer| self::page(answer.items, answer.next)
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

    /// What the platform has stated of bytes with this digest.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_attestations(
        &self,
        (algorithm, hex): (String, String),
        repository: Option<&str>,
        page: &PageRequest,
    ) -> Result<RemotePage<Attestation>, CallError> {
        let (subject, repository) = (Digest { algorithm, hex }, repository.map(str::to_owned));
        let request = page.clone().into();
        guest!(
            self, attestations, "attestations.list-attestations" reads,
            |store, guest| guest.call_list_attestations(store, &subject, repository.as_deref(), &request),
            |answer| self::page(answer.items, answer.next)
        )
        .await
    }
}
