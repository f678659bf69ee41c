//! Pipelines: created, adopted, changed, deleted, here and on their platform.

use std::{collections::BTreeMap, sync::Arc};

use novacron_cicd_domain::{
    Timestamp,
    event::{self, EventKind},
    field,
    id::PipelineId,
    name::Name,
    operation::{Operation, OperationKind},
    parameter::{Parameter, validate_declarations},
    pipeline::Pipeline,
    platform::{PageRequest, PlatformPart, RemotePage, RemotePipeline},
    provider::Provider,
    token::Role,
};
use novacron_cicd_store::{Listing, Page};
use serde_json::json;

use super::{
    Actor, ImportPipeline, NewPipeline, PipelineChange, PipelineChanged, Problem, ServiceError,
    host::{Host, audit, event as tell, find_pipeline, matches},
    subscribers::follow_pipeline,
};
use crate::engine::payload::Payload;

/// Definitions.
#[derive(Clone)]
pub struct Pipelines {
    pub(super) host: Arc<Host>,
}

const DEFINITIONS: &str = "pipeline-definitions";
const PIPELINES: &str = "pipelines";
/// The longest source of a definition, in bytes.
const SOURCE: usize = 512 * 1024;

fn check(pipeline: &Pipeline) -> Result<(), ServiceError> {
    let mut problems: Vec<Problem> = Vec::new();
    if let Err(errors) = validate_declarations(&pipeline.parameters) {
        problems.extend(errors.into_iter().map(Problem::from));
    }
    if let Err(errors) = field::check_environment(&pipeline.environment) {
        problems.extend(errors.into_iter().map(Problem::from));
    }
    let one = |checked: Result<(), field::FieldError>| checked.err().map(Problem::from);
    problems.extend(pipeline.repository.as_deref().and_then(|value| one(field::check_repository(value))));
    problems.extend(pipeline.reference.as_deref().and_then(|value| one(field::check_reference(value))));
    problems.extend(pipeline.webhook_url.as_deref().and_then(|value| one(field::check_webhook_url(value))));
    if pipeline.external_ref.as_deref().is_some_and(|id| id.is_empty() || id.len() > 512) {
        problems.push(Problem {
            at: "/external_ref".into(),
            code: "field.invalid",
            message: "external_ref must have 1 to 512 bytes".into(),
        });
    }
    if problems.is_empty() { Ok(()) } else { Err(ServiceError::Several(problems)) }
}

/// What is the platform's own is checked by it; here only what can be a text of that kind at all.
fn check_part(part: &PlatformPart) -> Result<(), ServiceError> {
    let line = |text: &str, most: usize| !text.is_empty() && text.len() <= most && !text.contains(char::is_control);
    let refuse = |at: &str, message: &str| Err(ServiceError::invalid(at, "field.invalid", message));
    if part.source.as_ref().is_some_and(|source| source.len() > SOURCE || source.contains('\0')) {
        return refuse("/source", "source has at most 512 KiB of text");
    }
    if part.location.as_ref().is_some_and(|location| !line(location, 1024)) {
        return refuse("/location", "location is one line of at most 1024 bytes");
    }
    let schedules = part.schedules.as_deref().unwrap_or_default();
    if schedules.len() > 100 || schedules.iter().any(|cron| !line(cron, 256)) {
        return refuse("/schedules", "schedules are at most 100 lines of at most 256 bytes");
    }
    Ok(())
}

impl Pipelines {
    /// Creates one, and its counterpart where the plugin keeps definitions and no `external_ref` is given. Operator.
    ///
    /// # Errors
    /// Name taken, unknown provider, fields or declarations that make no sense.
    pub async fn create(&self, actor: &Actor, new: NewPipeline) -> Result<PipelineChanged, ServiceError> {
        actor.require(Role::Operator)?;
        let name = Name::new(new.name)?;
        let provider = self.host.provider(&new.provider).await?;
        let now = self.host.now();
        let pipeline = Pipeline {
            id: PipelineId(self.host.ids.next()),
            name,
            provider: provider.id,
            external_ref: new.external_ref,
            repository: new.repository,
            reference: new.reference,
            parameters: new.parameters,
            environment: new.environment,
            webhook_url: new.webhook_url,
            version: 1,
            created: now,
            updated: now,
        };
        check(&pipeline)?;
        check_part(&new.platform)?;
        let remote = pipeline.external_ref.is_none() && self.host.platforms.supports(&provider, DEFINITIONS);
        if !remote && !new.platform.is_empty() {
            return Err(ServiceError::unsupported(&provider, DEFINITIONS));
        }
        let kind = OperationKind::PipelineCreate;
        let operation = remote.then(|| self.intent(actor, &provider, &pipeline, kind, new.platform));
        self.insert(actor, pipeline, operation, "pipeline.create", now).await
    }

    /// Adopts one that is there. Operator.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`] where the plugin cannot list pipelines; what the platform says.
    pub async fn import(&self, actor: &Actor, import: ImportPipeline) -> Result<PipelineChanged, ServiceError> {
        actor.require(Role::Operator)?;
        let given = import.name.map(Name::new).transpose()?;
        let provider = self.host.provider(&import.provider).await?;
        self.host.require(&provider, PIPELINES)?;
        let failed = || ServiceError::call(&provider.name);
        let call = || self.host.call(&provider, actor);
        let found = self.host.platforms.pipeline(call(), import.external_ref.clone()).await.map_err(failed())?;
        let parameters = self.host.platforms.parameters(call(), found.id.clone(), None).await.map_err(failed())?;
        let name = match given {
            Some(name) => name,
            None => Name::new(fitting(&found.name))?,
        };
        let now = self.host.now();
        let pipeline = Pipeline {
            id: PipelineId(self.host.ids.next()),
            name,
            provider: provider.id,
            external_ref: Some(found.id),
            repository: found.repository,
            reference: found.reference,
            parameters,
            environment: BTreeMap::new(),
            webhook_url: None,
            version: 1,
            created: now,
            updated: now,
        };
        // What the platform declares is the platform's: only its declarations are checked, since runs rely on them.
        declared(&pipeline.parameters)?;
        self.insert(actor, pipeline, None, "pipeline.import", now).await
    }

    /// By name or id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, name: &str) -> Result<Pipeline, ServiceError> {
        self.host.pipeline(name).await
    }

    /// Newest first; of one provider (name or id) or of all.
    ///
    /// # Errors
    /// An unknown provider, a cursor that is none of this list.
    pub async fn list(&self, provider: Option<&str>, page: Page) -> Result<Listing<Pipeline>, ServiceError> {
        let provider = match provider {
            Some(provider) => Some(self.host.provider(provider).await?.id),
            None => None,
        };
        self.host.read(move |state| Ok(state.pipelines(&page, provider)?)).await
    }

    /// Changes one, and its counterpart where the plugin keeps definitions. Operator.
    ///
    /// # Errors
    /// [`ServiceError::Stale`], and as [`Self::create`].
    pub async fn update(
        &self,
        actor: &Actor,
        name: &str,
        change: PipelineChange,
        if_match: Option<i64>,
    ) -> Result<PipelineChanged, ServiceError> {
        actor.require(Role::Operator)?;
        let now = self.host.now();
        let before = self.host.pipeline(name).await?;
        matches("pipeline", &before.name, if_match, before.version)?;
        let provider = self.host.provider(&before.provider.to_string()).await?;
        let mut after = before.clone();
        if let Some(name) = change.name {
            after.name = Name::new(name)?;
        }
        after.repository = change.repository.unwrap_or(after.repository);
        after.reference = change.reference.unwrap_or(after.reference);
        after.parameters = change.parameters.unwrap_or(after.parameters);
        after.environment = change.environment.unwrap_or(after.environment);
        after.webhook_url = change.webhook_url.unwrap_or(after.webhook_url);
        after.updated = now;
        check(&after)?;
        check_part(&change.platform)?;
        let remote = after.external_ref.is_some() && self.host.platforms.supports(&provider, DEFINITIONS);
        if !remote && !change.platform.is_empty() {
            return Err(ServiceError::unsupported(&provider, DEFINITIONS));
        }
        let kind = OperationKind::PipelineUpdate;
        let operation = remote.then(|| self.intent(actor, &provider, &after, kind, change.platform));
        let (actor, subscriber) = (actor.name.clone(), self.host.ids.next());
        let changed = self
            .host
            .write(move |tx| {
                after.version = tx.update_pipeline(&after, before.version)?;
                follow_pipeline(tx, &after, subscriber, &actor, now)?;
                if let Some(operation) = &operation {
                    tx.insert_operation(operation)?;
                }
                let id = after.id;
                tell(tx, EventKind::PipelineUpdated, id, Some(id), event::pipeline(&after), now)?;
                audit(tx, &actor, "pipeline.update", &after.name, json!({ "version": after.version }), now)?;
                Ok(PipelineChanged { pipeline: after, operation })
            })
            .await?;
        self.host.engine.wake();
        self.host.outbox.wake();
        Ok(changed)
    }

    /// Deletes ours and keeps its runs; `remote` deletes the platform's too. Operator.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`] where the platform's is to go and cannot.
    pub async fn delete(
        &self,
        actor: &Actor,
        name: &str,
        remote: bool,
        if_match: Option<i64>,
    ) -> Result<Option<Operation>, ServiceError> {
        actor.require(Role::Operator)?;
        let now = self.host.now();
        let pipeline = self.host.pipeline(name).await?;
        matches("pipeline", &pipeline.name, if_match, pipeline.version)?;
        let operation = if remote {
            let provider = self.host.provider(&pipeline.provider.to_string()).await?;
            self.host.require(&provider, DEFINITIONS)?;
            if pipeline.external_ref.is_none() {
                return Err(ServiceError::conflict(
                    "pipeline.not-on-platform",
                    format!("the pipeline {:?} has no counterpart on its platform", pipeline.name.as_str()),
                    "delete it without `--remote`",
                ));
            }
            Some(self.intent(actor, &provider, &pipeline, OperationKind::PipelineDelete, PlatformPart::default()))
        } else {
            None
        };
        let (key, actor, unused) = (pipeline.id.to_string(), actor.name.clone(), self.host.ids.next());
        let operation = self
            .host
            .write(move |tx| {
                let pipeline = find_pipeline(tx, &key)?;
                matches("pipeline", &pipeline.name, if_match, pipeline.version)?;
                if let Some(operation) = &operation {
                    tx.insert_operation(operation)?;
                }
                tx.delete_pipeline(pipeline.id, now)?;
                follow_pipeline(tx, &pipeline, unused, &actor, now)?;
                let id = pipeline.id;
                tell(tx, EventKind::PipelineDeleted, id, Some(id), event::pipeline(&pipeline), now)?;
                audit(tx, &actor, "pipeline.delete", &pipeline.name, json!({ "remote": remote }), now)?;
                Ok(operation)
            })
            .await?;
        self.host.engine.wake();
        Ok(operation)
    }

    /// What is there on a provider's platform.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn remote(&self, provider: &str, page: PageRequest) -> Result<RemotePage<RemotePipeline>, ServiceError> {
        let provider = self.host.provider(provider).await?;
        self.host.require(&provider, PIPELINES)?;
        let call = self.host.call(&provider, &Actor::engine());
        self.host.platforms.pipelines(call, page).await.map_err(ServiceError::call(&provider.name))
    }

    fn intent(
        &self,
        actor: &Actor,
        provider: &Provider,
        pipeline: &Pipeline,
        kind: OperationKind,
        platform_part: PlatformPart,
    ) -> Operation {
        let external_ref = pipeline.external_ref.clone();
        let payload = Payload { pipeline: Some(pipeline.id), external_ref, platform_part, ..Payload::default() };
        self.host.intent(actor, provider, kind, &payload)
    }

    async fn insert(
        &self,
        actor: &Actor,
        pipeline: Pipeline,
        operation: Option<Operation>,
        action: &'static str,
        now: Timestamp,
    ) -> Result<PipelineChanged, ServiceError> {
        let (name, subscriber) = (actor.name.clone(), self.host.ids.next());
        let changed = self
            .host
            .act(actor, move |tx| {
                tx.insert_pipeline(&pipeline)?;
                follow_pipeline(tx, &pipeline, subscriber, &name, now)?;
                if let Some(operation) = &operation {
                    tx.insert_operation(operation)?;
                }
                let id = pipeline.id;
                tell(tx, EventKind::PipelineCreated, id, Some(id), event::pipeline(&pipeline), now)?;
                audit(tx, &name, action, &pipeline.name, json!({ "provider": pipeline.provider }), now)?;
                Ok(PipelineChanged { pipeline, operation })
            })
            .await?;
        self.host.engine.wake();
        self.host.outbox.wake();
        Ok(changed)
    }
}

fn declared(parameters: &[Parameter]) -> Result<(), ServiceError> {
    validate_declarations(parameters)
        .map_err(|errors| ServiceError::Several(errors.into_iter().map(Problem::from).collect()))
}

/// The platform's name with everything replaced that a name of ours cannot have.
fn fitting(name: &str) -> String {
    let replaced: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .take(100)
        .collect();
    replaced.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn a_platforms_name_is_made_to_fit() {
        for (given, expected) in [("build", "build"), ("Team / Build app", "Team---Build-app"), ("(x)", "x"), ("é", "")]
        {
            assert_eq!(fitting(given), expected);
        }
    }
}
