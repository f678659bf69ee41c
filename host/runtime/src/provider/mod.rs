//! The typed calls, one small file per interface; all of them go through the one path in `call`.
//!
//! Arguments and answers are the domain's words. Dropping a call's future, or its token, ends the guest and closes its
//! connection at once.

mod artifacts;
mod change;
mod checks;
mod definitions;
mod deployments;
mod login;
mod logs;
mod pipelines;
mod runners;
mod runs;
mod stored;
mod transfer;
mod uploads;
mod webhooks;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use novacron_cicd_contract::Violation;
use novacron_cicd_domain::{
    platform::{CallError, RemotePage},
    provider::Provider as Configured,
};
use novacron_cicd_vault::Secret;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;

pub use crate::egress::StreamAnswer;
pub use change::Changed;

use crate::{
    call::{self, Answer, Context, Load},
    plugin::{CredentialKind, Plugin, interfaces::Function},
    runtime::{Host, Prepared},
    sandbox::{CallState, Meter},
};
use login::Describer;

/// Everything about a call that is not its arguments.
pub struct Binding {
    /// The connection.
    pub provider: Configured,
    /// The secrets that calls may place in bodies, by the reference that their arguments have.
    pub secrets: BTreeMap<String, Secret>,
    /// How long each call may take; never longer than the sandbox's limit.
    pub deadline: Duration,
    /// Ends the guest and its connection.
    pub cancel: CancellationToken,
    /// For whom: a token's name, or `engine`.
    pub actor: String,
}

/// A provider ready to be called; it keeps the plugin that served when it was made.
pub struct Provider {
    host: Arc<Host>,
    plugin: Arc<Plugin>,
    prepared: Prepared,
    binding: Binding,
}

impl Provider {
    pub(crate) fn new(host: Arc<Host>, plugin: Arc<Plugin>, prepared: Prepared, binding: Binding) -> Self {
        Self { host, plugin, prepared, binding }
    }

    /// The plugin that its calls go to.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// Whether the plugin exports an interface (`run-cancel`).
    #[must_use]
    pub fn supports(&self, interface: &str) -> bool {
        self.plugin.supports(interface)
    }

    async fn call<G, W, R>(
        &self,
        function: Function,
        load: Load<G>,
        body: impl for<'a> FnOnce(&'a mut Store<CallState>, &'a G) -> BoxFuture<'a, Answer<W>> + Clone + Send,
        convert: impl FnOnce(W) -> Result<R, Violation> + Clone + Send,
    ) -> Result<R, CallError>
    where
        G: Send + Sync,
        W: Send,
    {
        self.metered(function, load, body, convert).await.map(|(answer, _)| answer)
    }

    /// The same, with what is known of the call beside its answer.
    async fn metered<G, W, R>(
        &self,
        function: Function,
        load: Load<G>,
        body: impl for<'a> FnOnce(&'a mut Store<CallState>, &'a G) -> BoxFuture<'a, Answer<W>> + Clone + Send,
        convert: impl FnOnce(W) -> Result<R, Violation> + Clone + Send,
    ) -> Result<(R, Arc<Meter>), CallError>
    where
        G: Send + Sync,
        W: Send,
    {
        let context = Context {
            host: &self.host,
            plugin: &self.plugin,
            scope: &self.prepared.scope,
            environment: &self.prepared.environment,
            secrets: &self.binding.secrets,
            deadline: self.binding.deadline,
            cancel: self.binding.cancel.clone(),
            actor: &self.binding.actor,
            login: if function.is_pure() { None } else { self.describer() },
            nested: false,
        };
        // A guest's call is a large future; on the heap it costs its callers nothing.
        Box::pin(call::call(context, function, load, body, convert)).await
    }

    /// Only where the manifest has a slot that is filled by a login.
    fn describer(&self) -> Option<Arc<dyn crate::egress::LoginDescriber>> {
        let mut kinds = self.plugin.manifest().credentials.iter().map(|credential| credential.kind);
        kinds.any(|kind| matches!(kind, CredentialKind::Exchange | CredentialKind::Session)).then(|| {
            Arc::new(Describer {
                host: self.host.clone(),
                plugin: self.plugin.clone(),
                prepared: self.prepared.clone(),
                deadline: self.binding.deadline,
                cancel: self.binding.cancel.clone(),
                actor: self.binding.actor.clone(),
            }) as Arc<dyn crate::egress::LoginDescriber>
        })
    }
}

/// One call of a guest: where it is exported, how it is called, and how its answer is read. `captures` answers what is
/// known of the call as well.
macro_rules! guest {
    ($provider:ident, $interface:ident, $name:literal reads, $($rest:tt)+) => {
        guest!(@call $provider.call, $interface, $name, false, $($rest)+)
    };
    ($provider:ident, $interface:ident, $name:literal changes, $($rest:tt)+) => {
        guest!(@call $provider.call, $interface, $name, true, $($rest)+)
    };
    ($provider:ident, $interface:ident, $name:literal captures, $($rest:tt)+) => {
        guest!(@call $provider.metered, $interface, $name, true, $($rest)+)
    };
    (@call $provider:ident.$call:ident, $interface:ident, $name:literal, $changing:literal,
        |$store:ident, $guest:ident| $body:expr, $convert:expr) => {
        $provider.$call(
            $crate::plugin::interfaces::Function { name: $name, changing: $changing },
            |plugin, store, instance| plugin.indices().$interface.as_ref().map(|found| found.load(store, instance)),
            move |$store, $guest| Box::pin(async move { $body.await }),
            $convert,
        )
    };
}
use guest;

/// The conversion of an answer that is nothing.
#[expect(clippy::unnecessary_wraps, reason = "it stands where conversions stand that can fail")]
fn nothing((): ()) -> Result<(), Violation> {
    Ok(())
}

/// The conversion of a list.
fn each<W, R: TryFrom<W>>(found: Vec<W>) -> Result<Vec<R>, Violation>
where
    Violation: From<R::Error>,
{
    found.into_iter().map(|item| R::try_from(item).map_err(Violation::from)).collect()
}

/// The conversion of a page of a list.
fn page<W, R: TryFrom<W>>(items: Vec<W>, next: Option<String>) -> Result<RemotePage<R>, Violation>
where
    Violation: From<R::Error>,
{
    Ok(RemotePage { items: each(items)?, next })
}
