//! What is read of `environments`, `deployments` and `deployment-reconciliation`.

use novacron_cicd_contract::to_wit;
use novacron_cicd_domain::{
    Timestamp,
    platform::{Actual, CallError, DeployTicket, PageRequest, RemoteDeployment, RemoteEnvironment, RemotePage},
};

use super::{Provider, each, guest};

impl Provider {
    /// Environments of the platform.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_environments(&self, page: &PageRequest) -> Result<RemotePage<RemoteEnvironment>, CallError> {
        let request = page.clone().into();
        guest!(
            self, environments, "environments.list-environments" reads,
            |store, guest| guest.call_list_environments(store, &request),
            |answer| super::page(answer.items, answer.next)
        )
        .await
    }

    /// One of them.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get_environment(&self, environment: &str) -> Result<RemoteEnvironment, CallError> {
        let id = environment.to_owned();
        guest!(self, environments, "environments.get" reads, |store, guest| guest.call_get(store, &id), TryInto::try_into)
            .await
    }

    /// Deployments of the platform; of one of its environments, by name, or of all.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_deployments(
        &self,
        environment: Option<&str>,
        page: &PageRequest,
    ) -> Result<RemotePage<RemoteDeployment>, CallError> {
        let (environment, request) = (environment.map(str::to_owned), page.clone().into());
        guest!(
            self, deployments, "deployments.list-deployments" reads,
            |store, guest| guest.call_list_deployments(store, environment.as_deref(), &request),
            |answer| super::page(answer.items, answer.next)
        )
        .await
    }

    /// One of them.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get_deployment(&self, deployment: &str) -> Result<RemoteDeployment, CallError> {
        let id = deployment.to_owned();
        guest!(self, deployments, "deployments.get" reads, |store, guest| guest.call_get(store, &id), TryInto::try_into)
            .await
    }

    /// What became of a deployment's place in the queue.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn resolve_deploy_ticket(&self, ticket: &str) -> Result<DeployTicket, CallError> {
        let ticket = ticket.to_owned();
        guest!(
            self, deployments, "deployments.resolve-ticket" reads,
            |store, guest| guest.call_resolve_ticket(store, &ticket),
            TryInto::try_into
        )
        .await
    }

    /// What is really on a target of an environment.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn observe_deployment(&self, environment: &str, target: &str) -> Result<Actual, CallError> {
        let (environment, target) = (environment.to_owned(), target.to_owned());
        guest!(
            self, deployment_reconciliation, "deployment-reconciliation.observe" reads,
            |store, guest| guest.call_observe(store, &environment, &target),
            TryInto::try_into
        )
        .await
    }

    /// Deployments that carry a token, begun no earlier than `since`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn find_deployments(
        &self,
        correlation: &str,
        since: Timestamp,
    ) -> Result<Vec<RemoteDeployment>, CallError> {
        let (correlation, since) = (correlation.to_owned(), to_wit(since));
        guest!(
            self, deployment_reconciliation, "deployment-reconciliation.find-by-correlation" reads,
            |store, guest| guest.call_find_by_correlation(store, &correlation, since),
            each
        )
        .await
    }
}
