//! The runtime's plugins as the platforms that the engine calls: secrets are opened here, for one call, and go no
//! further than into its binding.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use novacron_cicd_domain::{
    Coded, Timestamp,
    name::Name,
    operation::RecoveryClass,
    parameter::Parameter,
    platform::{
        CallError, CallErrorKind, CancelTarget, Change, CheckReport, Decoded, Definition, Delivery, DownloadPlan,
        FoundRun, LogAnswer, LogRequest, OperationArg, Outcome, PageRequest, RemoteArtifact, RemoteDeployment,
        RemotePage, RemotePipeline, RetryScope, RunChanges, RunFilter, RunMatch, RunRef, Ticket, Transfer,
        TriggerRequest,
    },
    provider::Provider,
};
use novacron_cicd_runtime::{Binding, HostPorts, Provider as Callable, Runtime, egress::SendError, plugin};
use novacron_cicd_vault::{Secret, Vault};

use super::{ServiceError, masking::Masking, reach::Reach, secrets::context};
use crate::engine::ports::{Call, Changed, Kept, Opened, Providers, Reporting, SecretSource};

/// What a plan's request is called in errors and in the audit trail.
const TRANSFER: &str = "transfer";

/// Why a plan's request has no answer. It only reads, so it may be sent again wherever that can help.
fn unopened(plugin: String, transfer: &Transfer, error: SendError) -> CallError {
    let kind = match &error {
        SendError::Denied { .. } => CallErrorKind::Forbidden(None),
        SendError::NotSent(_) | SendError::Interrupted(_) => CallErrorKind::Transient,
        _ => CallErrorKind::Internal,
    };
    let (message, hint) = (format!("{}: {error}", transfer.summary()), Coded::hint(&error));
    CallError { kind, message, hint, plugin, function: TRANSFER.into(), sent: false }
}

/// Ends with an error where no piece comes within `patience`.
fn within(
    patience: Duration,
    pieces: impl Stream<Item = Result<Bytes, String>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, String>> + Send + 'static {
    futures_util::stream::unfold(Some(pieces.boxed()), move |pieces| async move {
        let mut pieces = pieces?;
        match tokio::time::timeout(patience, pieces.next()).await {
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(pieces))),
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(_) => Some((Err("the platform stopped sending".to_owned()), None)),
        }
    })
}

/// The runtime's plugins.
pub(super) struct Platforms {
    runtime: Runtime,
    ports: Arc<dyn HostPorts>,
    vault: Arc<Vault>,
    masking: Arc<Masking>,
}

impl Platforms {
    pub(super) fn new(runtime: Runtime, ports: Arc<dyn HostPorts>, vault: Arc<Vault>, masking: Arc<Masking>) -> Self {
        Self { runtime, ports, vault, masking }
    }

    /// Seals what a platform handed out; from here on it is masked everywhere.
    async fn keep(&self, name: Name, value: Secret) -> Result<Kept, ServiceError> {
        let sealed = self.vault.seal(&context(name.as_str()), &value)?;
        self.masking.expect(value).await?;
        Ok(Kept { name, sealed })
    }

    /// The outcome without any secret; one that masking made unreadable is none.
    fn clean(&self, outcome: &Outcome) -> Outcome {
        let mut value = serde_json::to_value(outcome).unwrap_or_default();
        self.masking.clean(&mut value);
        serde_json::from_value(value).unwrap_or_default()
    }

    /// Nothing is sent by this.
    async fn bind(&self, call: Call, function: &str) -> Result<Callable, CallError> {
        let plugin = call.provider.plugin.clone();
        let refuse = |kind: CallErrorKind, message: String, hint: Option<String>| CallError {
            kind,
            message,
            hint,
            plugin: plugin.clone(),
            function: function.to_owned(),
            sent: false,
        };
        let mut secrets = BTreeMap::new();
        for (reference, source) in call.secrets {
            let value = match source {
                SecretSource::Named(name) => self.ports.secret(&name).await.ok_or_else(|| {
                    let reason = "it names a secret that is not there or cannot be opened".to_owned();
                    let kind = CallErrorKind::InvalidInput { field: reference.clone(), reason: reason.clone() };
                    refuse(kind, format!("{reference}: {reason}"), Some("set the secret again".into()))
                })?,
                SecretSource::Sealed { context, sealed } => self
                    .vault
                    .unseal(&context, &sealed)
                    .map_err(|error| refuse(CallErrorKind::Internal, error.to_string(), None))?,
            };
            secrets.insert(reference, value);
        }
        let binding = Binding {
            provider: call.provider,
            secrets,
            deadline: call.deadline,
            cancel: call.cancel,
            actor: call.actor,
        };
        self.runtime.provider(binding).map_err(|error| {
            let hint = Coded::hint(&error);
            // A plugin that does not serve now may serve again: nothing was done.
            refuse(CallErrorKind::Transient, error.to_string(), hint)
        })
    }
}

#[async_trait]
impl Reach for Platforms {
    async fn reach(&self, call: Call, function: &str) -> Result<Callable, CallError> {
        self.bind(call, function).await
    }
}

#[async_trait]
impl Providers for Platforms {
    fn supports(&self, provider: &Provider, interface: &str) -> bool {
        self.runtime.plugin(&provider.plugin).is_some_and(|plugin| plugin.supports(interface))
    }

    fn reporting(&self, provider: &Provider) -> Reporting {
        match self.runtime.plugin(&provider.plugin).map(|plugin| plugin.manifest().runs) {
            Some(plugin::Reporting::Poll) => Reporting::Poll,
            // Of a plugin that does not serve nothing can be read; what its runs say is all there is.
            Some(plugin::Reporting::Callback) | None => Reporting::Callback,
        }
    }

    fn recovery(&self, provider: &Provider, function: &str) -> RecoveryClass {
        let plugin = self.runtime.plugin(&provider.plugin);
        plugin.map_or(RecoveryClass::None, |plugin| plugin.manifest().recovery(function))
    }

    async fn check(&self, call: Call) -> Result<CheckReport, CallError> {
        self.bind(call, "plugin.check").await?.check().await
    }

    async fn trigger(&self, call: Call, operation: OperationArg, request: TriggerRequest) -> Result<Ticket, CallError> {
        self.bind(call, "runs.trigger").await?.trigger(&operation, request).await
    }

    async fn resolve_ticket(&self, call: Call, pipeline: String, ticket: String) -> Result<Ticket, CallError> {
        self.bind(call, "runs.resolve-ticket").await?.resolve_ticket(&pipeline, &ticket).await
    }

    async fn run(&self, call: Call, run: RunRef) -> Result<FoundRun, CallError> {
        self.bind(call, "runs.get").await?.get_run(&run).await
    }

    async fn find(
        &self,
        call: Call,
        pipeline: String,
        correlation: String,
        since: Timestamp,
    ) -> Result<RunMatch, CallError> {
        let provider = self.bind(call, "run-search.find-by-correlation").await?;
        provider.find_by_correlation(&pipeline, &correlation, since).await
    }

    async fn runs(&self, call: Call, filter: RunFilter, page: PageRequest) -> Result<RemotePage<FoundRun>, CallError> {
        self.bind(call, "run-listing.list-runs").await?.list_runs(filter, &page).await
    }

    async fn changes(
        &self,
        call: Call,
        pipelines: Vec<String>,
        position: Option<String>,
    ) -> Result<RunChanges, CallError> {
        self.bind(call, "run-changes.list-changed").await?.list_changed(&pipelines, position.as_deref()).await
    }

    async fn cancel(&self, call: Call, operation: OperationArg, target: CancelTarget) -> Result<(), CallError> {
        self.bind(call, "run-cancel.cancel").await?.cancel(&operation, &target).await
    }

    async fn retry(
        &self,
        call: Call,
        operation: OperationArg,
        run: RunRef,
        scope: RetryScope,
        correlation: String,
    ) -> Result<Ticket, CallError> {
        self.bind(call, "run-retry.retry").await?.retry(&operation, &run, scope, &correlation).await
    }

    async fn open(&self, call: Call, transfer: Transfer) -> Result<Opened, CallError> {
        let (plugin, patience) = (call.provider.plugin.clone(), call.deadline);
        let provider = self.bind(call, TRANSFER).await?;
        let until = tokio::time::Instant::now() + patience;
        let answer = provider.open(&transfer, until).await.map_err(|error| unopened(plugin, &transfer, error))?;
        Ok(Opened {
            status: answer.status,
            headers: answer.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            body: within(patience, answer.body.map_err(|error| error.to_string())).boxed(),
        })
    }

    async fn artifacts(
        &self,
        call: Call,
        run: RunRef,
        page: PageRequest,
    ) -> Result<RemotePage<RemoteArtifact>, CallError> {
        self.bind(call, "artifacts.list-artifacts").await?.list_artifacts(Some(&run), &page).await
    }

    async fn plan_download(&self, call: Call, run: RunRef, artifact: String) -> Result<DownloadPlan, CallError> {
        self.bind(call, "artifacts.plan-download").await?.plan_download(Some(&run), &artifact, None).await
    }

    async fn change(&self, call: Call, operation: OperationArg, change: Change) -> Result<Changed, CallError> {
        let (plugin, function) = (call.provider.plugin.clone(), change.kind().function());
        let name = change.keeps_as().and_then(|name| Name::new(name).ok());
        let made = self.bind(call, function).await?.change(&operation, change).await?;
        let kept = match name.zip(made.secret) {
            // The platform acted, and what it handed out could not be kept: nobody can say that it is done.
            Some((name, value)) => Some(self.keep(name, value).await.map_err(|error| CallError {
                kind: CallErrorKind::OutcomeUnknown,
                message: format!("what the platform handed out could not be kept: {error}"),
                hint: Coded::hint(&error),
                plugin,
                function: function.to_owned(),
                sent: true,
            })?),
            None => None,
        };
        Ok(Changed { outcome: self.clean(&made.outcome), kept })
    }

    async fn find_deployments(
        &self,
        call: Call,
        correlation: String,
        since: Timestamp,
    ) -> Result<Vec<RemoteDeployment>, CallError> {
        let provider = self.bind(call, "deployment-reconciliation.find-by-correlation").await?;
        provider.find_deployments(&correlation, since).await
    }

    async fn read_log(&self, call: Call, request: LogRequest) -> Result<LogAnswer, CallError> {
        self.bind(call, "logs.read").await?.read_log(&request).await
    }

    async fn decode(&self, call: Call, delivery: Delivery) -> Result<Decoded, CallError> {
        self.bind(call, "webhooks.decode").await?.decode_webhook(delivery).await
    }

    async fn pipelines(&self, call: Call, page: PageRequest) -> Result<RemotePage<RemotePipeline>, CallError> {
        self.bind(call, "pipelines.list-pipelines").await?.list_pipelines(&page).await
    }

    async fn pipeline(&self, call: Call, id: String) -> Result<RemotePipeline, CallError> {
        self.bind(call, "pipelines.get").await?.get_pipeline(&id).await
    }

    async fn parameters(&self, call: Call, id: String, reference: Option<String>) -> Result<Vec<Parameter>, CallError> {
        self.bind(call, "pipelines.parameters").await?.parameters(&id, reference.as_deref()).await
    }

    async fn definition(&self, call: Call, id: String) -> Result<Definition, CallError> {
        self.bind(call, "pipeline-definitions.read").await?.read_definition(&id).await
    }

    async fn create_pipeline(
        &self,
        call: Call,
        operation: OperationArg,
        definition: Definition,
    ) -> Result<RemotePipeline, CallError> {
        self.bind(call, "pipeline-definitions.create").await?.create_pipeline(&operation, definition).await
    }

    async fn update_pipeline(
        &self,
        call: Call,
        operation: OperationArg,
        id: String,
        definition: Definition,
        revision: Option<String>,
    ) -> Result<RemotePipeline, CallError> {
        let provider = self.bind(call, "pipeline-definitions.update").await?;
        provider.update_pipeline(&operation, &id, definition, revision.as_deref()).await
    }

    async fn delete_pipeline(
        &self,
        call: Call,
        operation: OperationArg,
        id: String,
        revision: Option<String>,
    ) -> Result<(), CallError> {
        let provider = self.bind(call, "pipeline-definitions.delete").await?;
        provider.delete_pipeline(&operation, &id, revision.as_deref()).await
    }
}
