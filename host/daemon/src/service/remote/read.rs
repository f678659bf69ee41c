//! What is read of a platform while somebody waits. Every token may.

use novacron_cicd_domain::{
    Timestamp,
    id::RunId,
    parameter::Parameter,
    platform::{
        Actual, CallError, Definition, DeployTicket, Finding, Gate, Hook, LintRequest, MissedDelivery, PageRequest,
        RemoteDeployment, RemoteEnvironment, RemotePage, RemoteRunner, RemoteSecret, RemoteVariable, Schedule,
        TriggerToken,
    },
    provider::Provider,
};
use novacron_cicd_runtime::Provider as Callable;

use super::Remote;
use crate::service::{Actor, ServiceError};

impl Remote {
    pub(super) async fn read<T>(
        &self,
        provider: &Provider,
        interface: &'static str,
        read: impl AsyncFnOnce(Callable) -> Result<T, CallError> + Send,
    ) -> Result<T, ServiceError> {
        self.host.require(provider, interface)?;
        let call = self.host.call(provider, &Actor::engine());
        let failed = || ServiceError::call(&provider.name);
        let platform = self.host.reach.reach(call, interface).await.map_err(failed())?;
        read(platform).await.map_err(failed())
    }

    pub(super) async fn of<T>(
        &self,
        provider: &str,
        interface: &'static str,
        read: impl AsyncFnOnce(Callable) -> Result<T, CallError> + Send,
    ) -> Result<T, ServiceError> {
        let provider = self.host.provider(provider).await?;
        self.read(&provider, interface, read).await
    }

    /// What a run waits for a person to decide.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; a run that its platform does not know; what the platform says.
    pub async fn gates(&self, run: RunId) -> Result<Vec<Gate>, ServiceError> {
        let (provider, reference) = self.run(run).await?;
        self.read(&provider, "run-gates", async |platform| platform.list_gates(&reference).await).await
    }

    /// The definition as the platform has it.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; a pipeline that is not on its platform; what the platform says.
    pub async fn definition(&self, pipeline: &str) -> Result<Definition, ServiceError> {
        let (provider, _, external) = self.pipeline(pipeline).await?;
        self.read(&provider, "pipeline-definitions", async |platform| platform.read_definition(&external).await).await
    }

    /// The parameters that a run takes now, as the platform declares them.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; a pipeline that is not on its platform; what the platform says.
    pub async fn parameters(&self, pipeline: &str, reference: Option<&str>) -> Result<Vec<Parameter>, ServiceError> {
        let (provider, _, external) = self.pipeline(pipeline).await?;
        self.read(&provider, "pipelines", async |platform| platform.parameters(&external, reference).await).await
    }

    /// The platform's own schedules of a pipeline.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; a pipeline that is not on its platform; what the platform says.
    pub async fn schedules(&self, pipeline: &str) -> Result<Vec<Schedule>, ServiceError> {
        let (provider, _, external) = self.pipeline(pipeline).await?;
        self.read(&provider, "pipeline-schedules", async |platform| platform.list_schedules(&external).await).await
    }

    /// Tokens that start a pipeline, without their values.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; a pipeline that is not on its platform; what the platform says.
    pub async fn trigger_tokens(&self, pipeline: &str) -> Result<Vec<TriggerToken>, ServiceError> {
        let (provider, _, external) = self.pipeline(pipeline).await?;
        self.read(&provider, "pipeline-triggers", async |platform| platform.list_trigger_tokens(&external).await).await
    }

    /// What the platform finds in a definition.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn lint(&self, provider: &str, request: LintRequest) -> Result<Vec<Finding>, ServiceError> {
        self.of(provider, "pipeline-lint", async |platform| platform.lint(request).await).await
    }

    /// Secrets of the platform's own store, never their values.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn secrets(
        &self,
        provider: &str,
        scope: Option<&str>,
        page: PageRequest,
    ) -> Result<RemotePage<RemoteSecret>, ServiceError> {
        self.of(provider, "secrets", async |platform| platform.list_secrets(scope, &page).await).await
    }

    /// Plain variables of the platform.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn variables(
        &self,
        provider: &str,
        scope: Option<&str>,
        page: PageRequest,
    ) -> Result<RemotePage<RemoteVariable>, ServiceError> {
        self.of(provider, "variables", async |platform| platform.list_variables(scope, &page).await).await
    }

    /// The machines that do the platform's work, in its order.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn runners(&self, provider: &str, page: PageRequest) -> Result<RemotePage<RemoteRunner>, ServiceError> {
        self.of(provider, "runners", async |platform| platform.list_runners(&page).await).await
    }

    /// One of those machines.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn runner(&self, provider: &str, runner: &str) -> Result<RemoteRunner, ServiceError> {
        self.of(provider, "runners", async |platform| platform.get_runner(runner).await).await
    }

    /// Environments of the platform.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn environments(
        &self,
        provider: &str,
        page: PageRequest,
    ) -> Result<RemotePage<RemoteEnvironment>, ServiceError> {
        self.of(provider, "environments", async |platform| platform.list_environments(&page).await).await
    }

    /// One environment of the platform.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn environment(&self, provider: &str, environment: &str) -> Result<RemoteEnvironment, ServiceError> {
        self.of(provider, "environments", async |platform| platform.get_environment(environment).await).await
    }

    /// Deployments of the platform; of one of its environments, by name, or of all.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn deployments(
        &self,
        provider: &str,
        environment: Option<&str>,
        page: PageRequest,
    ) -> Result<RemotePage<RemoteDeployment>, ServiceError> {
        self.of(provider, "deployments", async |platform| platform.list_deployments(environment, &page).await).await
    }

    /// One deployment of the platform.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn deployment(&self, provider: &str, deployment: &str) -> Result<RemoteDeployment, ServiceError> {
        self.of(provider, "deployments", async |platform| platform.get_deployment(deployment).await).await
    }

    /// What became of a deployment's place in the queue.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn deployment_ticket(&self, provider: &str, ticket: &str) -> Result<DeployTicket, ServiceError> {
        self.of(provider, "deployments", async |platform| platform.resolve_deploy_ticket(ticket).await).await
    }

    /// What is really on a target of an environment.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn actual(&self, provider: &str, environment: &str, target: &str) -> Result<Actual, ServiceError> {
        self.of(provider, "deployment-reconciliation", async |platform| {
            platform.observe_deployment(environment, target).await
        })
        .await
    }

    /// Deployments that carry a token, begun no earlier than `since`.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn find_deployments(
        &self,
        provider: &str,
        correlation: &str,
        since: Timestamp,
    ) -> Result<Vec<RemoteDeployment>, ServiceError> {
        self.of(provider, "deployment-reconciliation", async |platform| {
            platform.find_deployments(correlation, since).await
        })
        .await
    }

    /// The webhooks that the platform has.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn hooks(&self, provider: &str) -> Result<Vec<Hook>, ServiceError> {
        self.of(provider, "webhook-registration", async |platform| platform.list_hooks().await).await
    }

    /// Deliveries that the platform could not place.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn missed(
        &self,
        provider: &str,
        since: Timestamp,
        page: PageRequest,
    ) -> Result<RemotePage<MissedDelivery>, ServiceError> {
        self.of(provider, "webhook-recovery", async |platform| platform.list_missed(since, &page).await).await
    }
}
