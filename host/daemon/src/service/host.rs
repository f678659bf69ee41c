//! What every use case leans on: the one running host.
//!
//! Each use case is a method of its noun's handle; they all share this. Must be absent: decisions.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use novacron_cicd_domain::{
    Timestamp,
    event::EventKind,
    id::{OperationId, PipelineId, ProviderId},
    operation::{Operation, OperationKind, OperationState},
    pipeline::Pipeline,
    provider::Provider,
    run::Run,
};
use novacron_cicd_store::{EventFilter, NewAudit, NewEvent, Reader, Store, StoreError, Tx};
use novacron_cicd_vault::{Secret, Vault};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    Actor, Courier, ServiceError, artifacts::Fetches, catalog::Catalog, ids::Ids, masking::Masking,
    notifications::Outbox, reach::Reach, secrets, webhooks::Intake,
};
use crate::{
    artifact::Blobs,
    engine::{
        Engine, EngineHandle,
        payload::Payload,
        ports::{Call, Clock, Providers, Random},
    },
    log,
};

pub(crate) struct Host {
    pub(crate) store: Store,
    pub(crate) vault: Arc<Vault>,
    pub(crate) masking: Arc<Masking>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Ids,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) platforms: Arc<dyn Providers>,
    pub(crate) reach: Arc<dyn Reach>,
    pub(crate) engine: EngineHandle,
    pub(crate) running: Mutex<Option<Engine>>,
    pub(crate) logs: log::Logs,
    pub(crate) blobs: Blobs,
    /// Of platforms, under way.
    pub(crate) fetches: Fetches,
    pub(crate) intake: Arc<Intake>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) settings: Settings,
}

pub(crate) struct Settings {
    pub(crate) state_dir: PathBuf,
    pub(crate) call_deadline: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) artifact_limit: u64,
    /// How long deliveries are kept that were read, and messages that were settled; and how many bytes of each.
    pub(crate) webhooks_kept: (Duration, u64),
    /// Who we are in what we tell others: a URI reference.
    pub(crate) source: String,
}

impl Host {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Until when a run that was heard of now may be silent.
    pub(crate) fn silence(&self, now: Timestamp) -> Timestamp {
        now.plus_millis(i64::try_from(self.settings.heartbeat.as_millis()).unwrap_or(i64::MAX))
    }

    /// A transaction.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, ServiceError>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, ServiceError> + Send + 'static,
        T: Send + 'static,
    {
        self.store.write(work).await
    }

    /// A look at one moment of the state.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, ServiceError>
    where
        F: FnOnce(&Reader<'_>) -> Result<T, ServiceError> + Send + 'static,
        T: Send + 'static,
    {
        self.store.read(work).await
    }

    /// An operation as soon as it is settled or ambiguous, after `patience` at the latest as it is then.
    pub(crate) async fn settled(&self, id: OperationId, patience: Duration) -> Result<Operation, ServiceError> {
        let filter = EventFilter { kind: Some(EventKind::OperationState.as_str().into()), ..EventFilter::default() };
        let after = self.store.read(|state| state.last_event_seq()).await?;
        let mut events = Box::pin(crate::event::subscribe(&self.store, filter, after));
        let show = || self.read(move |state| Ok(state.operation(id)?));
        let waiting = async {
            loop {
                let operation = show().await?;
                if operation.state.is_settled() || operation.state == OperationState::Ambiguous {
                    return Ok(operation);
                }
                futures_util::StreamExt::next(&mut events).await;
            }
        };
        match tokio::time::timeout(patience, waiting).await {
            Ok(operation) => operation,
            Err(_) => show().await,
        }
    }

    /// The value of a secret; none where there is none of that name.
    pub(crate) async fn secret(&self, name: &str) -> Result<Option<Secret>, ServiceError> {
        let key = name.to_owned();
        let stored = self.read(move |state| match state.secret(&key) {
            Err(StoreError::NotFound { .. }) => Ok(None),
            found => Ok(Some(found?)),
        });
        let Some(stored) = stored.await? else { return Ok(None) };
        Ok(Some(self.vault.unseal(&secrets::context(name), &stored.sealed)?))
    }

    /// By name or id.
    pub(crate) async fn provider(&self, key: &str) -> Result<Provider, ServiceError> {
        let key = key.to_owned();
        self.read(move |state| find_provider(state, &key)).await
    }

    /// By name or id.
    pub(crate) async fn pipeline(&self, key: &str) -> Result<Pipeline, ServiceError> {
        let key = key.to_owned();
        self.read(move |state| find_pipeline(state, &key)).await
    }

    /// Lets go of what is kept for providers whose credential changed, after their sessions were deleted with that change:
    /// one that a login yielded between the two goes as well.
    pub(crate) async fn end_logins(&self, providers: Vec<Provider>) -> Result<(), ServiceError> {
        if providers.is_empty() {
            return Ok(());
        }
        for provider in &providers {
            self.catalog.forget(provider);
        }
        self.write(move |tx| {
            for provider in providers {
                tx.delete_sessions(provider.id)?;
            }
            Ok(())
        })
        .await
    }

    /// Refuses what the provider's plugin cannot do.
    pub(crate) fn require(&self, provider: &Provider, feature: &'static str) -> Result<(), ServiceError> {
        if self.platforms.supports(provider, feature) {
            return Ok(());
        }
        Err(ServiceError::unsupported(provider, feature))
    }

    /// An intent that nobody works on yet.
    pub(crate) fn intent(
        &self,
        actor: &Actor,
        provider: &Provider,
        kind: OperationKind,
        payload: &Payload,
    ) -> Operation {
        let now = self.now();
        Operation {
            id: OperationId(self.ids.next()),
            kind,
            provider: provider.id,
            run: None,
            payload: payload.json(),
            recovery: self.platforms.recovery(provider, kind.function()),
            state: OperationState::Queued,
            attempts: 0,
            first_sent: None,
            due: now,
            lease_until: None,
            error: None,
            actor: actor.name.clone(),
            created: now,
            updated: now,
            version: 1,
        }
    }

    /// A call that a user waits for; it ends when that user hangs up, because the future that holds it is dropped.
    pub(crate) fn call(&self, provider: &Provider, actor: &Actor) -> Call {
        Call {
            provider: provider.clone(),
            secrets: BTreeMap::new(),
            deadline: self.settings.call_deadline,
            cancel: CancellationToken::new(),
            actor: actor.name.clone(),
        }
    }
}

/// By name, then by id.
pub(crate) fn find_provider(state: &Reader<'_>, key: &str) -> Result<Provider, ServiceError> {
    match (state.provider_by_name(key), key.parse::<ProviderId>()) {
        (Err(StoreError::NotFound { .. }), Ok(id)) => Ok(state.provider(id)?),
        (found, _) => Ok(found?),
    }
}

/// By name, then by id.
pub(crate) fn find_pipeline(state: &Reader<'_>, key: &str) -> Result<Pipeline, ServiceError> {
    match (state.pipeline_by_name(key), key.parse::<PipelineId>()) {
        (Err(StoreError::NotFound { .. }), Ok(id)) => Ok(state.pipeline(id)?),
        (found, _) => Ok(found?),
    }
}

/// Who did what, in the transaction that does it.
pub(crate) fn audit(
    tx: &mut Tx<'_>,
    actor: &str,
    action: &str,
    subject: impl ToString,
    detail: Value,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.append_audit(&NewAudit {
        at,
        actor: actor.into(),
        action: action.into(),
        subject: subject.to_string(),
        detail,
    })?;
    Ok(())
}

/// An event about no run.
pub(crate) fn event(
    tx: &mut Tx<'_>,
    kind: EventKind,
    subject: impl ToString,
    pipeline: Option<PipelineId>,
    data: Value,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.append_event(&NewEvent {
        at,
        kind: kind.as_str().into(),
        subject: subject.to_string(),
        run: None,
        pipeline,
        data,
    })?;
    Ok(())
}

/// The same about a run's artifact or log.
pub(crate) fn event_of(
    tx: &mut Tx<'_>,
    run: &Run,
    kind: EventKind,
    subject: impl ToString,
    data: Value,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.append_event(&NewEvent {
        at,
        kind: kind.as_str().into(),
        subject: subject.to_string(),
        run: Some(run.id),
        pipeline: Some(run.pipeline),
        data,
    })?;
    Ok(())
}

/// Refuses a change that was made from an older version.
pub(crate) fn matches(
    what: &'static str,
    name: impl ToString,
    if_match: Option<i64>,
    current: i64,
) -> Result<(), ServiceError> {
    match if_match {
        Some(given) if given != current => Err(ServiceError::Stale { what, name: name.to_string(), given, current }),
        _ => Ok(()),
    }
}
