//! Idempotency keys of the API: the same request again is done once and answered as it was.
//!
//! A key is begun, then the use case says in its own transaction what it did ([`Done`]), then the answer is kept. Whatever
//! crashes, the same key never does it again: before that transaction nothing was done, and after it what was done is
//! found again.

use std::{future::Future, sync::Arc};

use novacron_cicd_domain::{
    id::{OperationId, PipelineId, ProviderId, RunId, SubscriberId},
    notification::Subscriber,
    operation::Operation,
    provider::Provider,
};
pub use novacron_cicd_store::{Begun as IdempotencyBegin, StoredAnswer};
use novacron_cicd_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Actor, PipelineChanged, ServiceError, Services, Triggered, host::Host};

/// Answers that are given again.
#[derive(Clone)]
pub struct Idempotency {
    pub(super) host: Arc<Host>,
}

/// What a request did, by the ids of what it made or changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deed {
    /// A connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderId>,
    /// A definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<PipelineId>,
    /// An execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Somebody who is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscriber: Option<SubscriberId>,
    /// A durable intent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationId>,
}

/// What a use case answers that is done once per key.
pub trait Done: Sized + Send + 'static {
    /// How it is found again.
    fn deed(&self) -> Deed;

    /// Finds it again, as it is now.
    fn find(services: &Services, deed: Deed) -> impl Future<Output = Result<Self, ServiceError>> + Send;
}

impl Done for Triggered {
    fn deed(&self) -> Deed {
        Deed { run: Some(self.run.id), operation: Some(self.operation.id), ..Deed::default() }
    }

    async fn find(services: &Services, deed: Deed) -> Result<Self, ServiceError> {
        let run = services.runs.show(known(deed.run)?).await?;
        Ok(Self { run, operation: Operation::find(services, deed).await? })
    }
}

impl Done for Operation {
    fn deed(&self) -> Deed {
        Deed { operation: Some(self.id), ..Deed::default() }
    }

    async fn find(services: &Services, deed: Deed) -> Result<Self, ServiceError> {
        services.operations.show(known(deed.operation)?).await
    }
}

impl Done for PipelineChanged {
    fn deed(&self) -> Deed {
        let operation = self.operation.as_ref().map(|operation| operation.id);
        Deed { pipeline: Some(self.pipeline.id), operation, ..Deed::default() }
    }

    async fn find(services: &Services, deed: Deed) -> Result<Self, ServiceError> {
        let pipeline = services.pipelines.show(&known(deed.pipeline)?.to_string()).await?;
        let operation = match deed.operation {
            Some(id) => Some(services.operations.show(id).await?),
            None => None,
        };
        Ok(Self { pipeline, operation })
    }
}

impl Done for Provider {
    fn deed(&self) -> Deed {
        Deed { provider: Some(self.id), ..Deed::default() }
    }

    async fn find(services: &Services, deed: Deed) -> Result<Self, ServiceError> {
        services.providers.show(&known(deed.provider)?.to_string()).await
    }
}

impl Done for Subscriber {
    fn deed(&self) -> Deed {
        Deed { subscriber: Some(self.id), ..Deed::default() }
    }

    async fn find(services: &Services, deed: Deed) -> Result<Self, ServiceError> {
        services.subscribers.show(&known(deed.subscriber)?.to_string()).await
    }
}

/// The hash of a request covers its route, so what it did is of the kind that its handler answers.
fn known<T>(id: Option<T>) -> Result<T, ServiceError> {
    id.ok_or_else(|| StoreError::Corrupt { what: "a request's key names another kind of thing".into() }.into())
}

/// A key belongs to a token; the same key of another is another.
fn scope(actor: &Actor) -> String {
    actor.token.map_or_else(|| actor.name.clone(), |token| token.to_string())
}

impl Host {
    /// A transaction that does what `actor` asks for, and under the request's key says that it is done.
    pub(crate) async fn act<T, F>(&self, actor: &Actor, work: F) -> Result<T, ServiceError>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, ServiceError> + Send + 'static,
        T: Done,
    {
        let request = actor.key.clone().map(|key| (scope(actor), key));
        self.write(move |tx| {
            let done = work(tx)?;
            if let Some((scope, key)) = request {
                let deed = serde_json::to_value(done.deed()).unwrap_or_default();
                tx.idempotency_done(&scope, &key, &deed)?;
            }
            Ok(done)
        })
        .await
    }
}

impl Idempotency {
    /// Begins a request under `key`.
    ///
    /// # Errors
    /// Where the state cannot be written.
    pub async fn begin(&self, actor: &Actor, key: &str, request_hash: &str) -> Result<IdempotencyBegin, ServiceError> {
        let (scope, key, hash, now) = (scope(actor), key.to_owned(), request_hash.to_owned(), self.host.now());
        self.host.write(move |tx| Ok(tx.idempotency_begin(&scope, &key, &hash, now)?)).await
    }

    /// What a request did whose answer is not there.
    ///
    /// # Errors
    /// Where it is gone since.
    pub async fn find<T: Done>(&self, services: &Services, done: Value) -> Result<T, ServiceError> {
        let deed = serde_json::from_value(done).map_err(|error| StoreError::Corrupt { what: error.to_string() })?;
        T::find(services, deed).await
    }

    /// Keeps its answer.
    ///
    /// # Errors
    /// Where it was not begun, or is answered.
    pub async fn finish(&self, actor: &Actor, key: &str, answer: StoredAnswer) -> Result<(), ServiceError> {
        let (scope, key) = (scope(actor), key.to_owned());
        self.host.write(move |tx| Ok(tx.idempotency_finish(&scope, &key, &answer)?)).await
    }

    /// Forgets that it was begun, unless it was done: then what was done stays known.
    ///
    /// # Errors
    /// Where the state cannot be written.
    pub async fn abandon(&self, actor: &Actor, key: &str) -> Result<(), ServiceError> {
        let (scope, key) = (scope(actor), key.to_owned());
        self.host.write(move |tx| Ok(tx.idempotency_forget(&scope, &key)?)).await
    }
}
