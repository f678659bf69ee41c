//! Runners: the machines that do a platform's work. They are the platform's; nothing of them is stored.

use std::sync::Arc;

use novacron_cicd_domain::{
    operation::{Operation, OperationKind},
    platform::{PageRequest, RemotePage, RemoteRunner},
    provider::Provider,
    token::Role,
};
use serde_json::json;

use super::{
    Actor, ServiceError,
    host::{Host, audit},
};
use crate::engine::payload::{Drain, Payload};

/// The machines that do the work.
#[derive(Clone)]
pub struct Runners {
    pub(super) host: Arc<Host>,
}

impl Runners {
    /// Those of a provider's platform, in its order.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn list(&self, provider: &str, page: PageRequest) -> Result<RemotePage<RemoteRunner>, ServiceError> {
        let provider = self.with(provider, "runners").await?;
        let call = self.host.call(&provider, &Actor::engine());
        self.host.platforms.runners(call, page).await.map_err(ServiceError::call(&provider.name))
    }

    /// One of them.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn show(&self, provider: &str, runner: String) -> Result<RemoteRunner, ServiceError> {
        let provider = self.with(provider, "runners").await?;
        let call = self.host.call(&provider, &Actor::engine());
        self.host.platforms.runner(call, runner).await.map_err(ServiceError::call(&provider.name))
    }

    /// Asks durably that a runner finishes and gets no new work, or that it gets work again. Operator.
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; a name or a message that is none.
    pub async fn drain(&self, actor: &Actor, provider: &str, wanted: Drain) -> Result<Operation, ServiceError> {
        actor.require(Role::Operator)?;
        let provider = self.with(provider, "runner-drain").await?;
        if wanted.message.as_ref().is_some_and(|message| message.len() > 1024) {
            return Err(ServiceError::invalid("/message", "field.invalid", "a message has at most 1024 bytes"));
        }
        let kind = OperationKind::RunnerDrain;
        let detail = json!({ "runner": wanted.runner, "draining": wanted.draining });
        let payload = Payload { drain: Some(wanted), ..Payload::default() };
        let operation = self.host.intent(actor, &provider, kind, &payload);
        let (by, now) = (actor.name.clone(), self.host.now());
        let operation = self
            .host
            .act(actor, move |tx| {
                tx.insert_operation(&operation)?;
                audit(tx, &by, kind.as_str(), &provider.name, detail, now)?;
                Ok(operation)
            })
            .await?;
        self.host.engine.wake();
        Ok(operation)
    }

    async fn with(&self, provider: &str, feature: &'static str) -> Result<Provider, ServiceError> {
        let provider = self.host.provider(provider).await?;
        self.host.require(&provider, feature)?;
        Ok(provider)
    }
}
