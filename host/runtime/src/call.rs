//! The one way by which a guest is called: a place, a fresh store and instance, the function, and what became of it.
//!
//! Every limit, the span, the metrics and the translation of failures are here and nowhere else. Must be absent: what a
//! particular function takes or answers.

mod failure;
mod report;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use novacron_cicd_contract::{Violation, bindings::novacron::cicd::types as wit};
use novacron_cicd_domain::{
    id::ProviderId,
    platform::{CallError, CallErrorKind},
};
use novacron_cicd_vault::Secret;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use wasmtime::{Store, component::Instance};

use crate::{
    egress::{Call, CallScope, LoginDescriber, ProviderScope},
    plugin::{
        Manifest, Plugin,
        interfaces::{self, Function},
    },
    runtime::Host,
    sandbox::{CallState, Meter, Parts},
};
use report::Report;

pub(crate) use failure::unsupported;

/// What a guest may know of its provider, and the host of it: the same for every call, so made once.
pub(crate) struct Environment {
    pub(crate) provider: ProviderId,
    pub(crate) name: String,
    pub(crate) base_url: String,
    /// JSON.
    pub(crate) settings: String,
    /// Slots that the provider fills, with their kinds.
    pub(crate) credentials: Vec<(String, &'static str)>,
    /// Slot to the name of the secret that fills it.
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) manifest: Arc<Manifest>,
}

/// Who calls what, for how long.
pub(crate) struct Context<'c> {
    pub(crate) host: &'c Arc<Host>,
    pub(crate) plugin: &'c Arc<Plugin>,
    pub(crate) scope: &'c Arc<ProviderScope>,
    pub(crate) environment: &'c Arc<Environment>,
    pub(crate) secrets: &'c BTreeMap<String, Secret>,
    pub(crate) deadline: Duration,
    pub(crate) cancel: CancellationToken,
    pub(crate) actor: &'c str,
    pub(crate) login: Option<Arc<dyn LoginDescriber>>,
    /// A call inside of a call: it has the place of the outer one.
    pub(crate) nested: bool,
}

/// What a function of a guest answers: wasmtime's result of the guest's own.
pub(crate) type Answer<R> = wasmtime::Result<Result<R, wit::Error>>;

/// Finds the functions of one interface in an instance; none where the plugin does not have it.
pub(crate) type Load<G> = fn(&Plugin, &mut Store<CallState>, &Instance) -> Option<wasmtime::Result<G>>;

/// Why a call ended without an answer.
pub(crate) enum Ended {
    /// The guest did not come to its end.
    Trap(wasmtime::Error),
    /// The guest said why not.
    Guest(wit::Error),
    /// What it said is not allowed.
    Violation(Violation),
    /// Its time was over.
    Timeout,
    /// Nobody waits for it any more.
    Canceled,
    /// No place was free until its time was over.
    NoPlace,
}

/// Calls one function of a guest; `convert` turns its answer into the domain's words.
///
/// A platform may answer to whom it does not know any more as it does to anybody, and only the guest can tell. Where it
/// says `unauthorized`, the login of that call ends, and the call is made once more if it has changed nothing.
pub(crate) async fn call<G, W, R, V>(
    context: Context<'_>,
    function: Function,
    load: Load<G>,
    body: impl for<'a> FnOnce(&'a mut Store<CallState>, &'a G) -> BoxFuture<'a, Answer<W>> + Clone + Send,
    convert: impl FnOnce(W) -> Result<R, V> + Clone + Send,
) -> Result<(R, Arc<Meter>), CallError>
where
    G: Send + Sync,
    W: Send,
    V: Into<Violation>,
{
    debug_assert_eq!(interfaces::function(function.name), Some(function), "the table has another function");
    let interface = function.name.split('.').next().unwrap_or_default();
    if !context.plugin.supports(interface) {
        return Err(unsupported(context.plugin, function, interface));
    }
    let allowed = context.deadline.min(context.host.limits.wall);
    let deadline = tokio::time::Instant::now() + allowed;
    let (result, meter) = once(&context, function, load, body.clone(), convert.clone(), allowed, deadline).await;
    let (result, meter) = match result {
        Err(error) if error.kind == CallErrorKind::Unauthorized => {
            let again = tokio::select! {
                biased;
                () = context.cancel.cancelled() => false,
                () = tokio::time::sleep_until(deadline) => false,
                other = context.host.door.end_logins(&meter.scope) => other && !error.sent,
            };
            match again {
                true => once(&context, function, load, body, convert, allowed, deadline).await,
                false => (Err(error), meter),
            }
        }
        result => (result, meter),
    };
    result.map(|answer| (answer, meter))
}

/// One call in a fresh instance.
async fn once<G, W, R, V>(
    context: &Context<'_>,
    function: Function,
    load: Load<G>,
    body: impl for<'a> FnOnce(&'a mut Store<CallState>, &'a G) -> BoxFuture<'a, Answer<W>> + Send,
    convert: impl FnOnce(W) -> Result<R, V> + Send,
    allowed: Duration,
    deadline: tokio::time::Instant,
) -> (Result<R, CallError>, Arc<Meter>)
where
    G: Send + Sync,
    W: Send,
    V: Into<Violation>,
{
    let (host, plugin) = (context.host.clone(), context.plugin.clone());
    let cancel = context.cancel.clone();
    let scope = CallScope::new(
        context.scope.clone(),
        Call {
            function: function.name.to_owned(),
            pure: function.is_pure(),
            secrets: context.secrets.iter().map(|(name, secret)| (name.clone(), secret.duplicate())).collect(),
            budget: host.limits.budget,
            deadline,
            cancel: cancel.clone(),
            login: context.login.clone(),
        },
    );
    let meter = Meter::new(scope);
    let span = report::span(&plugin, function, &context.environment.name, context.actor);
    // Lives to the end of this function, or to the moment at which nobody polls it any more: then it reports that.
    let mut report = Report::begin(&plugin, function, &meter, host.ports.clone(), span.clone());

    let nested = context.nested;
    let environment = context.environment.clone();
    let work = async {
        let _places = if nested { None } else { Some(places(&host, &plugin).await) };
        let now = host.ports.now();
        let left = i64::try_from(deadline.saturating_duration_since(tokio::time::Instant::now()).as_millis());
        let parts = Parts {
            meter: meter.clone(),
            environment,
            ports: host.ports.clone(),
            door: host.door.clone(),
            function: function.name,
            pure: function.is_pure(),
            deadline: now.plus_millis(left.unwrap_or(i64::MAX)),
        };
        report.started();
        let mut store = CallState::store(&host.engine, &host.limits, parts);
        let instance = plugin.pre().instantiate_async(&mut store).await.map_err(Ended::Trap)?;
        let guest = match load(&plugin, &mut store, &instance) {
            Some(guest) => guest.map_err(Ended::Trap)?,
            None => return Err(Ended::Trap(wasmtime::Error::msg("the interface is not there"))),
        };
        body(&mut store, &guest).await.map_err(Ended::Trap)?.map_err(Ended::Guest)
    };
    let ended = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Ended::Canceled),
        // Before the guest: a request of its own ends at the same moment, and it must not go on after that.
        () = tokio::time::sleep_until(deadline) => Err(Ended::Timeout),
        ended = work.instrument(span) => ended,
    };
    let ended = match ended {
        Ok(answer) => convert(answer).map_err(|violation| Ended::Violation(violation.into())),
        // A call that never had a place can't have done anything.
        Err(Ended::Timeout) if !report.has_started() => Err(Ended::NoPlace),
        Err(ended) => Err(ended),
    };
    let result = ended.map_err(|ended| failure::explain(ended, &plugin, function, &meter, &host, allowed));
    report.end(result.as_ref().err());
    (result, meter)
}

/// Waits for a place among all calls and among those of this plugin.
async fn places<'p>(host: &'p Host, plugin: &'p Plugin) -> (Permit<'p>, Permit<'p>) {
    // The plugin's own first: a plugin that hangs must not hold places of all while it waits for its own.
    let own = plugin.places().acquire().await.ok();
    let all = host.places.acquire().await.ok();
    (own, all)
}

/// none only when the semaphore is closed, which nobody does.
type Permit<'p> = Option<tokio::sync::SemaphorePermit<'p>>;

/// Instantiates a plugin once, without calling it: a guest that can't even be started is not published.
pub(crate) async fn smoke(
    host: &Arc<Host>,
    plugin: &Arc<Plugin>,
    scope: Arc<ProviderScope>,
    environment: Arc<Environment>,
) -> Result<(), crate::plugin::PluginError> {
    let cancel = CancellationToken::new();
    let allowed = host.limits.cpu.saturating_mul(2);
    let deadline = tokio::time::Instant::now() + allowed;
    let call = Call {
        function: "instantiate".to_owned(),
        pure: true,
        secrets: BTreeMap::new(),
        budget: host.limits.budget,
        deadline,
        cancel,
        login: None,
    };
    let meter = Meter::new(CallScope::new(scope, call));
    let parts = Parts {
        meter: meter.clone(),
        environment,
        ports: host.ports.clone(),
        door: host.door.clone(),
        function: "instantiate",
        pure: true,
        deadline: host.ports.now(),
    };
    let begun = Instant::now();
    let work = async {
        let mut store = CallState::store(&host.engine, &host.limits, parts);
        let instance = plugin.pre().instantiate_async(&mut store).await.map_err(|error| {
            let (_, sentence) = crate::sandbox::explain(&error, &meter, &host.limits);
            crate::plugin::PluginError::Smoke(sentence)
        })?;
        plugin.indices().check(&mut store, &instance)
    };
    let tried = tokio::time::timeout_at(deadline, work).await;
    tracing::debug!(plugin = %plugin.manifest().id, micros = begun.elapsed().as_micros(), "a plugin was tried");
    tried.unwrap_or_else(|_| {
        Err(crate::plugin::PluginError::Smoke(format!("it was not ready after {} s", allowed.as_secs_f64())))
    })
}

/// The kind of a failure as one word, for spans and metrics.
pub(crate) fn outcome(error: Option<&CallError>) -> &'static str {
    match error.map(|error| &error.kind) {
        None => "ok",
        Some(CallErrorKind::Trap { cause }) => cause.as_str(),
        Some(kind) => kind.code().trim_start_matches("call."),
    }
}
