//! What only a platform has: gates, schedules, its own secrets, runners, environments, deployments, webhooks. Nothing of it
//! is stored here; it is read when somebody asks, and changed by operations.

mod attestations;
mod read;

use std::sync::Arc;

use novacron_cicd_domain::{
    id::{ArtifactId, RunId},
    name::Name,
    operation::{Operation, OperationKind},
    pipeline::Pipeline,
    platform::{Change, RunRef, UploadRequest},
    provider::Provider,
    run::Run,
    token::Role,
};
use novacron_cicd_store::{Reader, StoreError};
use serde_json::json;

use super::{
    Actor, ArtifactPlacing, Problem, ServiceError,
    host::{Host, audit},
};
use crate::engine::{fault::fault, ledger, payload::Payload};

/// What only a platform has.
#[derive(Clone)]
pub struct Remote {
    pub(super) host: Arc<Host>,
}

/// What a change is about.
struct About {
    provider: Provider,
    run: Option<RunId>,
    pipeline: Option<Pipeline>,
    /// What the audit trail names.
    subject: String,
}

impl Remote {
    /// Asks durably for a change on a provider's platform. Operator; admin where it hands over a secret or takes one in.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; a secret that is not there, or whose name is taken.
    pub async fn change(&self, actor: &Actor, provider: &str, change: Change) -> Result<Operation, ServiceError> {
        let provider = self.host.provider(provider).await?;
        let subject = provider.name.to_string();
        self.ask(actor, About { provider, run: None, pipeline: None, subject }, change).await
    }

    /// The same about a run, by what the platform calls it.
    ///
    /// # Errors
    /// As [`Self::change`]; a run that its platform does not know.
    pub async fn change_run(
        &self,
        actor: &Actor,
        run: RunId,
        change: impl FnOnce(RunRef) -> Change + Send,
    ) -> Result<Operation, ServiceError> {
        let (provider, reference) = self.run(run).await?;
        self.ask(actor, About { provider, run: Some(run), pipeline: None, subject: run.to_string() }, change(reference))
            .await
    }

    /// The same about a pipeline, by what the platform calls it.
    ///
    /// # Errors
    /// As [`Self::change`]; a pipeline that is not on its platform.
    pub async fn change_pipeline(
        &self,
        actor: &Actor,
        pipeline: &str,
        change: impl FnOnce(String) -> Change + Send,
    ) -> Result<Operation, ServiceError> {
        let (provider, pipeline, external) = self.pipeline(pipeline).await?;
        let subject = pipeline.name.to_string();
        let change = change(external);
        if let Change::PipelineCopy { name, .. } = &change {
            let name = Name::new(name.as_str())?;
            let taken = self.host.pipeline(name.as_str()).await;
            if taken.is_ok_and(|taken| taken.name == name) {
                return Err(ServiceError::NameTaken { what: "pipeline", name: name.to_string() });
            }
        }
        self.ask(actor, About { provider, run: None, pipeline: Some(pipeline), subject }, change).await
    }

    /// The same about an artifact that is on a platform, by what the platform calls it and its run.
    ///
    /// # Errors
    /// As [`Self::change`]; an artifact that is not on a platform.
    pub async fn change_artifact(
        &self,
        actor: &Actor,
        artifact: ArtifactId,
        change: impl FnOnce(Option<RunRef>, String) -> Change + Send,
    ) -> Result<Operation, ServiceError> {
        let found = self.host.read(move |state| Ok(state.artifact(artifact)?)).await?;
        let (Some(external), Some(run)) = (found.external_id, found.run) else {
            return Err(ServiceError::conflict(
                "artifact.not-on-platform",
                format!("the artifact {artifact} is on no platform"),
                "only what `novacron-cicd artifact list` shows with an external id is there",
            ));
        };
        let (provider, reference) = self.run(run).await?;
        let about = About { provider, run: Some(run), pipeline: None, subject: artifact.to_string() };
        self.ask(actor, about, change(Some(reference), external)).await
    }

    /// Asks durably for an artifact of ours to be put on a provider's platform. Operator.
    ///
    /// # Errors
    /// As [`Self::change`]; an artifact whose bytes are not here; a run of another provider.
    pub async fn upload(
        &self,
        actor: &Actor,
        artifact: ArtifactId,
        placing: ArtifactPlacing,
    ) -> Result<Operation, ServiceError> {
        let found = self.host.read(move |state| Ok(state.artifact(artifact)?)).await?;
        let (Some(sha256), Some(size)) = (found.sha256, found.size) else {
            return Err(ServiceError::conflict(
                "artifact.not-here",
                format!("the bytes of the artifact {artifact} are still its platform's"),
                format!("`novacron-cicd artifact download {artifact}` fetches them, and they are kept"),
            ));
        };
        let provider = self.host.provider(&placing.provider).await?;
        let run = match placing.run {
            None => None,
            Some(run) => {
                let (of, reference) = self.run(run).await?;
                if of.id != provider.id {
                    return Err(ServiceError::Invalid {
                        at: "/run".into(),
                        code: "run.other-provider",
                        message: format!("the run {run} is one of {}, not of {}", of.name, provider.name),
                        hint: Some("name a run of the provider that it goes to, or none".into()),
                    });
                }
                Some(reference)
            }
        };
        let request = UploadRequest {
            run,
            name: placing.name.unwrap_or(found.name),
            version: placing.version.or(found.version),
            size,
            sha256,
            media_type: found.media_type,
            options: placing.options,
        };
        let about = About { provider, run: placing.run, pipeline: None, subject: artifact.to_string() };
        self.ask(actor, about, Change::ArtifactUpload { request }).await
    }

    async fn ask(&self, actor: &Actor, about: About, change: Change) -> Result<Operation, ServiceError> {
        actor.require(needed(&change))?;
        let kind = change.kind();
        self.host.require(&about.provider, kind.interface())?;
        check(&change)?;
        let mut detail = json!({ "provider": about.provider.name, "change": change });
        self.host.masking.clean(&mut detail);
        let payload = Payload {
            pipeline: about.pipeline.as_ref().map(|pipeline| pipeline.id),
            external_ref: about.pipeline.and_then(|pipeline| pipeline.external_ref),
            change: Some(change.clone()),
            ..Payload::default()
        };
        let operation = Operation {
            run: about.run,
            ..self.host.intent(actor, &about.provider, OperationKind::Change(kind), &payload)
        };
        let (by, now) = (actor.name.clone(), self.host.now());
        let operation = self
            .host
            .act(actor, move |tx| {
                // Within the transaction: between a check before it and now a secret may have come or gone.
                there(tx, &change)?;
                tx.insert_operation(&operation)?;
                audit(tx, &by, kind.as_str(), &about.subject, detail, now)?;
                Ok(operation)
            })
            .await?;
        fault!("change.stored");
        self.host.engine.wake();
        Ok(operation)
    }

    /// The provider of a run, and what the platform calls the run.
    async fn run(&self, id: RunId) -> Result<(Provider, RunRef), ServiceError> {
        self.host
            .read(move |state| {
                let run = state.run(id)?;
                let Run { external_id: Some(external), .. } = &run else {
                    return Err(ServiceError::conflict(
                        "run.not-on-platform",
                        format!("the platform does not know the run {id}"),
                        "`novacron-cicd run show` says where it stands",
                    ));
                };
                let pipeline = ledger::platform_pipeline(state, &run)?;
                let reference = RunRef { pipeline, run: external.clone(), attempt: None };
                Ok((state.provider(run.provider)?, reference))
            })
            .await
    }

    /// A pipeline with its provider, and what the platform calls it.
    async fn pipeline(&self, name: &str) -> Result<(Provider, Pipeline, String), ServiceError> {
        let pipeline = self.host.pipeline(name).await?;
        let provider = self.host.provider(&pipeline.provider.to_string()).await?;
        let Some(external) = pipeline.external_ref.clone() else {
            return Err(ServiceError::conflict(
                "pipeline.not-on-platform",
                format!("the pipeline {:?} is not on its platform", pipeline.name.as_str()),
                "`novacron-cicd operation list` shows what became of its creation",
            ));
        };
        Ok((provider, pipeline, external))
    }
}

/// Who may place a secret where others keep it, or take one in, may set secrets here.
fn needed(change: &Change) -> Role {
    let keeps = matches!(
        change,
        Change::SecretPut { .. }
            | Change::SecretDelete { .. }
            | Change::HookRegister { .. }
            | Change::SchedulePut { .. }
    );
    let secret = keeps && !change.secrets().is_empty();
    if secret || change.keeps_as().is_some() || matches!(change, Change::SecretDelete { .. }) {
        Role::Admin
    } else {
        Role::Operator
    }
}

fn check(change: &Change) -> Result<(), ServiceError> {
    match change {
        Change::RunnerDrain { message: Some(message), .. } if message.len() > 1024 => {
            Err(ServiceError::invalid("/message", "field.invalid", "a message has at most 1024 bytes"))
        }
        Change::SecretPut { parts, .. } if parts.is_empty() => {
            Err(ServiceError::invalid("/parts", "field.invalid", "a secret has at least one part, such as value"))
        }
        Change::PipelineMove { name: None, location: None, .. } => {
            Err(ServiceError::invalid("/name", "field.invalid", "a move needs a new name, a new location, or both"))
        }
        Change::DeploymentStart { request } if !request.configuration.is_object() => {
            Err(ServiceError::invalid("/configuration", "field.invalid", "a target's configuration is a JSON object"))
        }
        _ => Ok(()),
    }
}

/// Secrets that it hands over are there, and the one that it takes in is not.
fn there(state: &Reader<'_>, change: &Change) -> Result<(), ServiceError> {
    let mut problems = Vec::new();
    for (at, secret) in change.secrets() {
        match state.secret(secret) {
            Ok(_) => {}
            Err(StoreError::NotFound { .. }) => problems.push(Problem {
                message: format!("{at} names the secret {secret:?}, which is not there"),
                at,
                code: "secret.not-found",
            }),
            Err(error) => return Err(error.into()),
        }
    }
    if !problems.is_empty() {
        return Err(ServiceError::Several(problems));
    }
    let Some(name) = change.keeps_as() else { return Ok(()) };
    let name = Name::new(name)?;
    match state.secret(name.as_str()) {
        Ok(_) => Err(ServiceError::NameTaken { what: "secret", name: name.to_string() }),
        Err(StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
