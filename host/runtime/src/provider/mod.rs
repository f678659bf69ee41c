//! A provider ready to be called: typed functions in the domain's words, one file per group of interfaces.
//!
//! Each of them names the function, says how the guest is called and how its answer is read; all else is the one path of
//! `call`. Must be absent: limits, retries, anything that a particular platform does.

mod artifacts;
mod definitions;
mod hooks;
mod logs;
mod pipelines;
mod plugin;
mod runs;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use novacron_cicd_domain::{platform::CallError, provider::Provider as Configured};
use novacron_cicd_vault::Secret;
use tokio_util::sync::CancellationToken;

use crate::{
    call::Context,
    egress::{Described, LoginDescriber},
    plugin::{
        Plugin,
        interfaces::{self, Function},
    },
    runtime::{Host, Prepared},
};

/// What a call is made with, beside its arguments.
pub struct Binding {
    /// The connection as it is configured.
    pub provider: Configured,
    /// The secrets that this very call may place in bodies, by the reference that the guest is given.
    pub secrets: BTreeMap<String, Secret>,
    /// How long it may take; never longer than the limits say.
    pub deadline: Duration,
    /// Cancelled when nobody waits any more: then the guest and its connection end at once.
    pub cancel: CancellationToken,
    /// For whom: a token's name, or `engine`.
    pub actor: String,
    /// Certificate authorities in PEM form that this provider is trusted with beside the public ones.
    pub roots: Option<Vec<u8>>,
}

/// A provider ready to be called. Cheap to make: one per call.
pub struct Provider {
    host: Arc<Host>,
    plugin: Arc<Plugin>,
    prepared: Prepared,
    secrets: BTreeMap<String, Secret>,
    deadline: Duration,
    cancel: CancellationToken,
    actor: String,
}

impl Provider {
    pub(crate) fn new(host: Arc<Host>, plugin: Arc<Plugin>, prepared: Prepared, binding: Binding) -> Self {
        let Binding { secrets, deadline, cancel, actor, .. } = binding;
        Self { host, plugin, prepared, secrets, deadline, cancel, actor }
    }

    /// Whether its plugin exports an interface (`run-cancel`).
    #[must_use]
    pub fn supports(&self, interface: &str) -> bool {
        self.plugin.supports(interface)
    }

    /// The plugin that answers: the generation that served when this was made.
    #[must_use]
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    fn context(&self) -> Context<'_> {
        let login = self.plugin.supports("credentials").then(|| {
            let describer = Describer {
                host: self.host.clone(),
                plugin: self.plugin.clone(),
                prepared: self.prepared.clone(),
                deadline: self.deadline,
                cancel: self.cancel.clone(),
                actor: self.actor.clone(),
            };
            Arc::new(describer) as Arc<dyn LoginDescriber>
        });
        Context {
            host: &self.host,
            plugin: &self.plugin,
            scope: &self.prepared.scope,
            environment: &self.prepared.environment,
            secrets: self.secrets.iter().map(|(name, secret)| (name.clone(), secret.duplicate())).collect(),
            deadline: self.deadline,
            cancel: self.cancel.clone(),
            actor: &self.actor,
            login,
            nested: false,
        }
    }
}

/// A function of the table; the names here are literals, and a test calls each once.
fn function(name: &'static str) -> Function {
    interfaces::function(name).expect("the functions that are called are in the table of interfaces")
}

/// Calls `$method` of the guest's interface `$module` and reads its answer with `$convert`.
macro_rules! call {
    ($provider:expr, $function:literal, $module:ident, |$guest:ident, $store:ident| $call:expr, $convert:expr) => {
        $crate::call::call(
            $provider.context(),
            $crate::provider::function($function),
            |plugin, store, instance| {
                plugin.indices().$module.as_ref().map(|indices| indices.load(&mut *store, instance))
            },
            move |$store, $guest: &novacron_cicd_contract::bindings::exports::novacron::cicd::$module::Guest| {
                Box::pin(async move { $call.await })
            },
            $convert,
        )
        .await
    };
}
use call;

/// Describes logins by a call inside of the call that needs one: it takes no second place.
struct Describer {
    host: Arc<Host>,
    plugin: Arc<Plugin>,
    prepared: Prepared,
    deadline: Duration,
    cancel: CancellationToken,
    actor: String,
}

#[async_trait]
impl LoginDescriber for Describer {
    async fn describe_login(&self, slot: &str) -> Result<Described, String> {
        hooks::describe_login(self, slot).await.map_err(|error: CallError| error.to_string())
    }
}

impl Describer {
    fn context(&self) -> Context<'_> {
        Context {
            host: &self.host,
            plugin: &self.plugin,
            scope: &self.prepared.scope,
            environment: &self.prepared.environment,
            secrets: BTreeMap::new(),
            deadline: self.deadline,
            cancel: self.cancel.clone(),
            actor: &self.actor,
            login: None,
            nested: true,
        }
    }
}
