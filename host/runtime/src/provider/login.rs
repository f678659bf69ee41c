//! `credentials`: how a slot is filled. Asked by the door, in the middle of another call; what comes back stays with it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use novacron_cicd_contract::{Violation, bindings::exports::novacron::cicd::credentials::Login};
use novacron_cicd_domain::platform::CallError;
use tokio_util::sync::CancellationToken;

use super::Provider;
use crate::{
    call::{self, Context},
    egress::{Described, LoginDescriber},
    plugin::{Plugin, interfaces::Function},
    runtime::{Host, Prepared},
};

/// Asks a guest, in an instance of its own, how it logs in.
pub(super) struct Describer {
    pub(super) host: Arc<Host>,
    pub(super) plugin: Arc<Plugin>,
    pub(super) prepared: Prepared,
    pub(super) deadline: Duration,
    pub(super) cancel: CancellationToken,
    pub(super) actor: String,
}

#[async_trait]
impl LoginDescriber for Describer {
    async fn describe_login(&self, slot: &str) -> Result<Described, String> {
        self.describe(slot).await.map_err(|error| error.message)
    }
}

impl Describer {
    async fn describe(&self, slot: &str) -> Result<Described, CallError> {
        let slot = slot.to_owned();
        let context = Context {
            host: &self.host,
            plugin: &self.plugin,
            scope: &self.prepared.scope,
            environment: &self.prepared.environment,
            secrets: &BTreeMap::new(),
            deadline: self.deadline,
            cancel: self.cancel.clone(),
            actor: &self.actor,
            login: None,
            nested: true,
        };
        let function = Function { name: "credentials.describe-login", changing: false };
        let described = call::call(
            context,
            function,
            |plugin, store, instance| plugin.indices().credentials.as_ref().map(|found| found.load(store, instance)),
            move |store, guest| Box::pin(async move { guest.call_describe_login(store, &slot).await }),
            Ok::<Login, Violation>,
        );
        let (login, meter) = Box::pin(described).await?;
        Ok(Described { login, derived: meter.scope.derived() })
    }
}

impl Provider {
    /// How a slot of kind exchange or session is filled; for the conformance kit and for `plugin inspect`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn describe_login(&self, slot: &str) -> Result<Login, CallError> {
        let describer = Describer {
            host: self.host.clone(),
            plugin: self.plugin.clone(),
            prepared: self.prepared.clone(),
            deadline: self.binding.deadline,
            cancel: self.binding.cancel.clone(),
            actor: self.binding.actor.clone(),
        };
        describer.describe(slot).await.map(|described| described.login)
    }
}
