//! Runs: triggered, looked at, canceled.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use novacron_cicd_domain::{
    Timestamp,
    event::{self, EventKind},
    field,
    id::{OperationId, PipelineId, ProviderId, RunId},
    operation::{Operation, OperationEvent, OperationKind, OperationState},
    parameter::{self, ParameterKind},
    pipeline::Pipeline,
    platform::RetryScope,
    provider::Provider,
    run::{
        Run,
        statistics::{Statistics, Tally},
    },
    status::{State, Status, Times},
    token::Role,
};
use novacron_cicd_store::{Listing, OperationFilter, Page, Reader, RunFilter, StoreError};
use novacron_cicd_vault::token::{TokenKind, mint};
use serde_json::json;

use super::{
    Actor, Problem, ServiceError, TriggerInput, Triggered,
    catalog::with_manifest,
    host::{Host, audit},
};
use crate::engine::{
    fault::fault,
    payload::{Payload, Retry, callback_context},
    ports::Reporting,
    record,
};

/// Executions.
#[derive(Clone)]
pub struct Runs {
    pub(super) host: Arc<Host>,
}

/// What a run is given, checked.
struct Checked {
    parameters: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    reference: Option<String>,
    /// Parameters that are secrets, with the secrets' names.
    secrets: BTreeMap<String, String>,
}

fn check(pipeline: &Pipeline, input: TriggerInput) -> Result<Checked, ServiceError> {
    let mut problems: Vec<Problem> = Vec::new();
    let parameters = parameter::check(&pipeline.parameters, &input.parameters).unwrap_or_else(|errors| {
        problems.extend(errors.into_iter().map(Problem::from));
        BTreeMap::new()
    });
    let mut environment = pipeline.environment.clone();
    environment.extend(input.environment);
    if let Err(errors) = field::check_environment(&environment) {
        problems.extend(errors.into_iter().map(Problem::from));
    }
    let reference = input.reference.or_else(|| pipeline.reference.clone());
    if let Some(Err(error)) = reference.as_deref().map(field::check_reference) {
        problems.push(error.into());
    }
    if !problems.is_empty() {
        return Err(ServiceError::Parameters(problems));
    }
    let is_secret = |name: &String| {
        pipeline.parameters.iter().any(|declared| declared.name == *name && declared.kind == ParameterKind::Secret)
    };
    let secrets = parameters
        .iter()
        .filter(|(name, _)| is_secret(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(Checked { parameters, environment, reference, secrets })
}

/// Secrets that are named and not there.
fn missing(state: &Reader<'_>, secrets: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    let mut problems = Vec::new();
    for (parameter, secret) in secrets {
        match state.secret(secret) {
            Ok(_) => {}
            Err(StoreError::NotFound { .. }) => problems.push(Problem {
                at: format!("/parameters/{parameter}"),
                code: "secret.not-found",
                message: format!("parameter {parameter:?} names a secret that is not there"),
            }),
            Err(error) => return Err(error.into()),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(ServiceError::Parameters(problems)) }
}

/// How long a trigger waits for its pipeline's creation.
const CREATION: Duration = Duration::from_secs(15);

/// The operation that makes a pipeline on its platform, while it is under way.
fn creation(
    state: &Reader<'_>,
    provider: ProviderId,
    pipeline: PipelineId,
) -> Result<Option<OperationId>, ServiceError> {
    for under_way in [OperationState::Queued, OperationState::Claimed, OperationState::Sent] {
        let filter = OperationFilter { provider: Some(provider), state: Some(under_way), ..OperationFilter::default() };
        let open = state.operations(&Page::first(Page::MOST), &filter)?.items;
        let makes = |operation: &&Operation| {
            operation.kind == OperationKind::PipelineCreate && Payload::of(operation).pipeline == Some(pipeline)
        };
        if let Some(found) = open.iter().find(makes) {
            return Ok(Some(found.id));
        }
    }
    Ok(None)
}

impl Runs {
    /// Asks for a run durably; answered before the platform is called. Operator.
    ///
    /// # Errors
    /// Parameters that do not fit, secrets that are not there, a plugin that does not serve, no public address where
    /// the run has to call back. Then nothing is stored.
    pub async fn trigger(&self, actor: &Actor, pipeline: &str, input: TriggerInput) -> Result<Triggered, ServiceError> {
        actor.require(Role::Operator)?;
        let pipeline = self.host.pipeline(pipeline).await?;
        let provider = self.host.provider(&pipeline.provider.to_string()).await?;
        let checked = check(&pipeline, input)?;
        with_manifest(self.host.catalog.as_ref(), &provider.plugin, |_| ())?;
        let pipeline = self.made(pipeline, &provider).await?;
        let calls_back = self.host.platforms.reporting(&provider) == Reporting::Callback;
        if calls_back && !self.host.engine.is_reached_from(&provider) {
            return Err(ServiceError::NoPublicUrl {
                provider: provider.name.to_string(),
                platform: provider.base_url.to_string(),
            });
        }
        let now = self.host.now();
        let run = run(RunId(self.host.ids.next()), actor, &pipeline, &checked, now);
        let mut payload = Payload {
            secrets: checked.secrets.clone(),
            external_ref: pipeline.external_ref.clone(),
            ..Payload::default()
        };
        let mut callback = None;
        if calls_back {
            let (token, hash) = mint(TokenKind::Run)?;
            payload.callback = Some(hex::encode(self.host.vault.seal(&callback_context(run.id), &token)?));
            callback = Some(hash);
        }
        let operation =
            Operation { run: Some(run.id), ..self.host.intent(actor, &provider, OperationKind::RunTrigger, &payload) };
        let (triggered, name) = (Triggered { run, operation }, actor.name.clone());
        let triggered = self
            .host
            .act(actor, move |tx| {
                // Again, and within the transaction: between the check and now a secret may have gone.
                missing(tx, &checked.secrets)?;
                let Triggered { run, operation } = &triggered;
                tx.insert_run(run)?;
                if let Some(hash) = &callback {
                    // It cannot be silent before it was asked for: the deadline comes with the platform's answer.
                    tx.set_run_callback(run.id, hash, None)?;
                }
                tx.insert_operation(operation)?;
                record::run_event(tx, run, EventKind::RunCreated, event::run_created(run), now)?;
                let detail = json!({
                    "pipeline": run.pipeline_name,
                    "operation": operation.id,
                    "reference": run.reference,
                    "parameters": run.parameters.keys().collect::<Vec<_>>(),
                });
                audit(tx, &name, "run.trigger", run.id, detail, now)?;
                Ok(triggered)
            })
            .await?;
        fault!("trigger.stored");
        self.host.engine.wake();
        Ok(triggered)
    }

    /// The pipeline, once a creation of it that is under way has come to its end: who makes one and starts it at once need
    /// not know that there are two steps.
    async fn made(&self, pipeline: Pipeline, provider: &Provider) -> Result<Pipeline, ServiceError> {
        if pipeline.external_ref.is_some() || !self.host.platforms.supports(provider, "pipeline-definitions") {
            return Ok(pipeline);
        }
        let (id, through) = (pipeline.id, provider.id);
        if let Some(creation) = self.host.read(move |state| creation(state, through, id)).await? {
            self.host.settled(creation, CREATION).await?;
        }
        let pipeline = self.host.pipeline(&id.to_string()).await?;
        if pipeline.external_ref.is_some() {
            return Ok(pipeline);
        }
        Err(ServiceError::conflict(
            "pipeline.not-on-platform",
            format!("the pipeline {:?} is not on its platform yet", pipeline.name.as_str()),
            "`novacron-cicd operation list` shows what became of its creation",
        ))
    }

    /// With its jobs and steps.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, id: RunId) -> Result<Run, ServiceError> {
        self.host.read(move |state| Ok(state.run(id)?)).await
    }

    /// Newest first, without jobs.
    ///
    /// # Errors
    /// A cursor that is none of this list.
    pub async fn list(&self, filter: RunFilter, page: Page) -> Result<Listing<Run>, ServiceError> {
        self.host.read(move |state| Ok(state.runs(&page, &filter)?)).await
    }

    /// What the newest `newest` runs of a pipeline have in common.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn statistics(&self, pipeline: &str, newest: u32) -> Result<Statistics, ServiceError> {
        let filter = RunFilter { pipeline: Some(self.host.pipeline(pipeline).await?.id), ..RunFilter::default() };
        let page = Page { after: None, limit: newest };
        self.host
            .read(move |state| {
                let mut tally = Tally::default();
                for run in state.runs(&page, &filter)?.items {
                    let attempts = state.attempts(run.id)?;
                    let whole: Result<Vec<_>, _> =
                        attempts.iter().map(|run| state.run_attempt(run.id, run.attempt)).collect();
                    tally.take(&whole?);
                }
                Ok(tally.statistics())
            })
            .await
    }

    /// Asks for its end; the same operation again while one is open. What was never sent is canceled here and now,
    /// without the platform. Operator.
    ///
    /// # Errors
    /// A run that is over; [`ServiceError::Unsupported`] where its plugin cannot cancel.
    pub async fn cancel(&self, actor: &Actor, id: RunId) -> Result<Operation, ServiceError> {
        actor.require(Role::Operator)?;
        let provider = self.show(id).await?.provider;
        let provider = self.host.provider(&provider.to_string()).await?;
        let can_cancel = self.host.platforms.supports(&provider, "run-cancel");
        let now = self.host.now();
        let new = Operation {
            run: Some(id),
            ..self.host.intent(actor, &provider, OperationKind::RunCancel, &Payload::default())
        };
        let name = actor.name.clone();
        let operation = self
            .host
            .act(actor, move |tx| {
                let run = tx.run(id)?;
                let operations = record::operations_of(tx, id)?;
                let open = |operation: &&Operation| {
                    operation.kind == OperationKind::RunCancel && !operation.state.is_settled()
                };
                if let Some(open) = operations.iter().find(open) {
                    return Ok(open.clone());
                }
                if run.status.state.is_terminal() {
                    return Err(ServiceError::conflict(
                        "run.over",
                        format!("the run {id} is over: it is {}", run.status.state),
                        "there is nothing to cancel",
                    ));
                }
                audit(tx, &name, "run.cancel", id, json!({ "operation": new.id }), now)?;
                let run = record::cancel_requested(tx, &run, &name, now)?;
                let trigger = operations.into_iter().find(|operation| operation.kind == OperationKind::RunTrigger);
                if let Some(trigger) = trigger.filter(is_unsent) {
                    let canceled =
                        trigger.clone().transition(OperationEvent::Cancel, now).map_err(super::operations::refused)?;
                    record::change(tx, &trigger, canceled, now)?;
                    record::decide(tx, &run, Status::ours(State::Canceled), now)?;
                    let done = Operation { state: OperationState::Done, ..new };
                    tx.insert_operation(&done)?;
                    return Ok(done);
                }
                if !can_cancel {
                    return Err(ServiceError::unsupported(&provider, "run-cancel"));
                }
                tx.insert_operation(&new)?;
                Ok(new)
            })
            .await?;
        fault!("cancel.stored");
        self.host.engine.wake();
        Ok(operation)
    }

    /// Asks for it again: all of it, what failed, or one job. What comes of it, a new attempt or a new run, the operation
    /// says when it is done. The same operation again while one with this scope is open. Operator.
    ///
    /// # Errors
    /// A run that is not over, that its platform does not know, or that is being retried otherwise; a job that it does
    /// not have; [`ServiceError::Unsupported`] where its plugin cannot retry.
    pub async fn retry(&self, actor: &Actor, id: RunId, scope: RetryScope) -> Result<Operation, ServiceError> {
        actor.require(Role::Operator)?;
        let provider = self.show(id).await?.provider;
        let provider = self.host.provider(&provider.to_string()).await?;
        self.host.require(&provider, "run-retry")?;
        // A run that reports by itself needs a token for that, which a retry has no way to hand over.
        if self.host.platforms.reporting(&provider) == Reporting::Callback {
            return Err(ServiceError::unsupported(&provider, "run-retry"));
        }
        let now = self.host.now();
        let mut new = Operation {
            run: Some(id),
            ..self.host.intent(actor, &provider, OperationKind::RunRetry, &Payload::default())
        };
        let name = actor.name.clone();
        let operation = self
            .host
            .act(actor, move |tx| {
                let run = tx.run(id)?;
                let open = record::operations_of(tx, id)?
                    .into_iter()
                    .find(|operation| operation.kind == OperationKind::RunRetry && !operation.state.is_settled());
                if let Some(open) = open {
                    let same = Payload::of(&open).retry.is_some_and(|retry| retry.scope == scope);
                    return if same { Ok(open) } else { Err(retry_open(&open)) };
                }
                can_retry(&run, &scope)?;
                let retry = Retry { scope: scope.clone(), attempt: run.attempt };
                new.payload = Payload { retry: Some(retry), ..Payload::default() }.json();
                tx.insert_operation(&new)?;
                audit(tx, &name, "run.retry", id, json!({ "operation": new.id, "scope": scope }), now)?;
                Ok(new)
            })
            .await?;
        fault!("retry.stored");
        self.host.engine.wake();
        Ok(operation)
    }

    /// All attempts without their jobs, the current one first.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn attempts(&self, id: RunId) -> Result<Vec<Run>, ServiceError> {
        self.host.read(move |state| Ok(state.attempts(id)?)).await
    }

    /// One attempt with its jobs and steps.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn attempt(&self, id: RunId, attempt: u32) -> Result<Run, ServiceError> {
        self.host.read(move |state| Ok(state.run_attempt(id, attempt)?)).await
    }
}

fn retry_open(open: &Operation) -> ServiceError {
    ServiceError::conflict(
        "run.retry-open",
        "another retry of this run is under way",
        format!("`novacron-cicd operation show {}` says where it stands", open.id),
    )
}

fn can_retry(run: &Run, scope: &RetryScope) -> Result<(), ServiceError> {
    if !run.status.state.is_terminal() {
        return Err(ServiceError::conflict(
            "run.not-over",
            format!("the run {} is not over: it is {}", run.id, run.status.state),
            "wait for its end, or cancel it",
        ));
    }
    if run.external_id.is_none() {
        return Err(ServiceError::conflict(
            "run.not-on-platform",
            format!("the platform does not know the run {}", run.id),
            format!("run the pipeline again: `novacron-cicd pipeline run {}`", run.pipeline_name),
        ));
    }
    if let RetryScope::Job(job) = scope
        && !run.graph.iter().flat_map(|graph| &graph.jobs).any(|known| known.id == *job)
    {
        return Err(ServiceError::invalid("/job", "job.not-found", format!("the run {} has no job {job:?}", run.id)));
    }
    Ok(())
}

/// Nothing of it ever went out; the mark is durable before the first byte, so its absence is proof.
pub(super) fn is_unsent(operation: &Operation) -> bool {
    matches!(operation.state, OperationState::Queued | OperationState::Claimed) && operation.first_sent.is_none()
}

fn run(id: RunId, actor: &Actor, pipeline: &Pipeline, checked: &Checked, now: Timestamp) -> Run {
    Run {
        id,
        pipeline: pipeline.id,
        pipeline_name: pipeline.name.clone(),
        provider: pipeline.provider,
        origin: "us".into(),
        retry_of: None,
        seen: None,
        external_id: None,
        ticket: None,
        number: None,
        attempt: 1,
        correlation: id.0.simple().to_string(),
        status: Status::ours(State::Pending),
        cancel_requested: false,
        times: Times { created: Some(now), ..Times::default() },
        reference: checked.reference.clone(),
        commit: None,
        actor: Some(actor.name.clone()),
        url: None,
        parameters: checked.parameters.clone(),
        environment: checked.environment.clone(),
        graph: None,
        version: 1,
    }
}
