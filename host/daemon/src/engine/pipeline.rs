//! Makes, changes and deletes a pipeline's counterpart on its platform.
//!
//! What is sent is the definition as it is when it is sent, so of several changes in a row the last one holds.

use novacron_cicd_domain::{
    operation::{OperationKind, RecoveryClass},
    pipeline::Pipeline,
    platform::{CallError, CallErrorKind, Definition, PageRequest, PlatformPart, RemotePipeline},
};
use novacron_cicd_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::{
    Inner, argument, backoff, is_open, orphaned,
    payload::Payload,
    ports::{Call, Job},
    verdict::{Effect, Verdict, Why},
    worker::Performed,
};

pub(super) async fn perform(inner: &Inner, job: Job, cancel: CancellationToken) -> Result<Performed, StoreError> {
    let payload = Payload::of(&job.operation);
    let call = || inner.call(&job.provider, &job.operation.actor, &cancel);
    let external = payload.external_ref.clone().or_else(|| job.pipeline.as_ref()?.external_ref.clone());
    if let Some(verdict) = settled(inner, &job, &payload, external.as_deref(), call()).await {
        inner.settle(&job.operation, verdict).await;
        return Ok(Performed::Settled);
    }
    let definition = match (&job.pipeline, job.operation.kind) {
        (Some(pipeline), _) => definition(pipeline, payload.platform_part.clone()),
        (None, OperationKind::PipelineDelete) => Definition::default(),
        (None, _) => {
            inner.settle(&job.operation, orphaned("pipeline")).await;
            return Ok(Performed::Settled);
        }
    };
    let before = before(inner, &job, external.as_deref(), &payload.platform_part, call).await;
    let (revision, definition) = match before {
        Ok((revision, kept)) => (
            revision,
            Definition {
                location: definition.location.or(kept.location),
                schedules: payload.platform_part.schedules.clone().or(kept.schedules).unwrap_or_default(),
                ..definition
            },
        ),
        Err(error) => {
            // Reading changes nothing, whatever it says of itself.
            let due = backoff::due(inner, job.operation.attempts + 1, None);
            let verdict = match (error.retry(), is_open(&job.operation)) {
                (novacron_cicd_domain::Retry::Never, false) => Verdict::Failed(Why::from(&error)),
                (_, false) => Verdict::Retry { due, why: Why::from(&error) },
                (_, true) => Verdict::Unsettled { due, why: Why::from(&error), looks: payload.looks },
            };
            inner.settle(&job.operation, verdict).await;
            return Ok(Performed::Settled);
        }
    };
    let Some(operation) = inner.mark_sent(&job.operation).await? else { return Ok(Performed::Overtaken) };
    let (providers, argument) = (&inner.world.providers, argument(&operation, job.run.as_ref()));
    let answer = match (operation.kind, external) {
        (OperationKind::PipelineUpdate, Some(id)) => {
            providers.update_pipeline(call(), argument, id, definition, revision).await.map(|made| Some(made.id))
        }
        (OperationKind::PipelineDelete, Some(id)) => {
            match providers.delete_pipeline(call(), argument, id, revision).await {
                // Gone is gone.
                Err(CallError { kind: CallErrorKind::NotFound, .. }) => Ok(None),
                other => other.map(|()| None),
            }
        }
        (OperationKind::PipelineDelete, None) => Ok(None),
        _ => providers.create_pipeline(call(), argument, definition).await.map(|made| Some(made.id)),
    };
    let verdict = match answer {
        Ok(external) => Verdict::Done(Effect::Pipeline(external)),
        Err(error) => backoff::verdict(inner, &operation, &error, &cancel),
    };
    inner.settle(&operation, verdict).await;
    Ok(Performed::Settled)
}

/// What can be said of an open attempt without sending again; none: send.
async fn settled(inner: &Inner, job: &Job, payload: &Payload, external: Option<&str>, call: Call) -> Option<Verdict> {
    let operation = &job.operation;
    let why = |message: &str| Why::new("operation.interrupted", message);
    if !is_open(operation) {
        return payload.cancel_requested.then(|| Verdict::Canceled(why("it was given up before it was sent")));
    }
    match operation.recovery {
        RecoveryClass::IdempotentKey if !payload.cancel_requested => None,
        RecoveryClass::IdempotentKey | RecoveryClass::None => {
            Some(Verdict::Ambiguous(why("it was sent, and its outcome is not known")))
        }
        RecoveryClass::Searchable | RecoveryClass::ByState => {
            let found = match (operation.kind, external) {
                (OperationKind::PipelineCreate, _) => by_name(inner, call, job.pipeline.as_ref()?).await,
                (_, Some(id)) => match inner.world.providers.pipeline(call, id.to_owned()).await {
                    Err(CallError { kind: CallErrorKind::NotFound, .. }) => Ok(None),
                    other => other.map(Some),
                },
                (_, None) => Ok(None),
            };
            match (operation.kind, found) {
                (OperationKind::PipelineCreate, Ok(Some(found))) => {
                    Some(Verdict::Done(Effect::Pipeline(Some(found.id))))
                }
                (OperationKind::PipelineDelete, Ok(None)) => Some(Verdict::Done(Effect::Pipeline(None))),
                (_, Ok(_)) if payload.cancel_requested => {
                    Some(Verdict::Ambiguous(why("it was given up after it was sent")))
                }
                // To write the same definition again changes nothing.
                (_, Ok(_)) => None,
                (_, Err(error)) => Some(Verdict::Unsettled {
                    due: backoff::due(inner, operation.attempts + 2, None),
                    why: Why::from(&error),
                    looks: payload.looks,
                }),
            }
        }
    }
}

/// At most so many pages are looked through for one name.
const PAGES: usize = 50;

async fn by_name(inner: &Inner, call: Call, pipeline: &Pipeline) -> Result<Option<RemotePipeline>, CallError> {
    let mut page = PageRequest::default();
    for _ in 0..PAGES {
        let found = inner.world.providers.pipelines(call.clone(), page.clone()).await?;
        if let Some(found) = found.items.into_iter().find(|found| found.name == pipeline.name.as_str()) {
            return Ok(Some(found));
        }
        let Some(next) = found.next else { break };
        page.cursor = Some(next);
    }
    Ok(None)
}

/// What is there before a change: its revision, and what of it stays because nothing was said of it.
async fn before(
    inner: &Inner,
    job: &Job,
    external: Option<&str>,
    said: &PlatformPart,
    call: impl Fn() -> Call,
) -> Result<(Option<String>, PlatformPart), CallError> {
    let Some(id) = external else { return Ok(Default::default()) };
    let providers = &inner.world.providers;
    let deletes = job.operation.kind == OperationKind::PipelineDelete;
    let mut revision = None;
    if providers.supports(&job.provider, "pipelines") {
        revision = match providers.pipeline(call(), id.to_owned()).await {
            Ok(found) => found.revision,
            Err(CallError { kind: CallErrorKind::NotFound, .. }) if deletes => None,
            Err(error) => return Err(error),
        };
    }
    // All is said.
    if deletes || (said.location.is_some() && said.schedules.is_some()) {
        return Ok((revision, PlatformPart::default()));
    }
    match providers.definition(call(), id.to_owned()).await {
        Ok(Definition { location, schedules, .. }) => {
            Ok((revision, PlatformPart { source: None, location, schedules: Some(schedules) }))
        }
        Err(CallError { kind: CallErrorKind::Unsupported(_) | CallErrorKind::NotFound, .. }) => {
            Ok((revision, PlatformPart::default()))
        }
        Err(error) => Err(error),
    }
}

fn definition(pipeline: &Pipeline, part: PlatformPart) -> Definition {
    Definition {
        location: part.location,
        source: part.source.map(String::into_bytes),
        schedules: part.schedules.unwrap_or_default(),
        name: pipeline.name.to_string(),
        repository: pipeline.repository.clone(),
        reference: pipeline.reference.clone(),
        parameters: pipeline.parameters.clone(),
        environment: pipeline.environment.clone(),
        webhook_url: pipeline.webhook_url.clone(),
        ..Definition::default()
    }
}
