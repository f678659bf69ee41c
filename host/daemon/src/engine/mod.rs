//! The durable work queue: claims operations, calls the platform, records what became of it, and after a crash settles
//! what was left open. It also follows runs that do not report of their own accord.
//!
//! The rules that hold everywhere: an operation is marked as sent, durably, before its first byte goes out; its outcome,
//! the run and the events are one transaction; an unknown outcome is settled by the call's recovery class and by nothing
//! else. Time, randomness, platforms and the ledger come in as ports. Must be absent: SQL, HTTP, and who may ask for what.

mod artifacts;
mod backoff;
mod callback;
mod cancel;
mod change;
mod discover;
pub(crate) mod fault;
mod in_flight;
pub(crate) mod ledger;
pub(crate) mod logs;
pub(crate) mod payload;
mod pipeline;
pub(crate) mod poll;
pub mod ports;
pub(crate) mod record;
mod recover;
mod retry;
mod silence;
mod system;
mod tickets;
mod trigger;
pub mod verdict;
mod worker;

#[cfg(test)]
mod sim;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use novacron_cicd_domain::{
    Timestamp,
    id::{OperationId, ProviderId},
    operation::Operation,
    platform::OperationArg,
    provider::Provider,
    run::Run,
};
use novacron_cicd_store::StoreError;
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use callback::CallbackBase;
pub use fault::FAULT_POINTS;
pub use ledger::StoreLedger;
pub use system::{SystemClock, SystemRandom};

use in_flight::InFlight;
use logs::LogSink;
use ports::{Call, Clock, Ledger, Providers, Random};
use verdict::{Verdict, Why};

/// What an engine is set to.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// How many operations are at work at once.
    pub workers: usize,
    /// How many of them on one provider.
    pub per_provider: usize,
    /// How long one call may take.
    pub call_deadline: Duration,
    /// How often it looks for work that nobody told it of.
    pub tick: Duration,
    /// How often an operation is sent before it is given up (nothing was done) or ambiguous (something may have been).
    pub attempts: u32,
    /// The shortest and the longest time between two looks at a platform.
    pub poll: (Duration, Duration),
    /// Where runs call back.
    pub callbacks: CallbackBase,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            workers: 16,
            per_provider: 4,
            call_deadline: Duration::from_secs(30),
            tick: Duration::from_secs(1),
            attempts: 12,
            poll: (Duration::from_secs(1), Duration::from_secs(30)),
            callbacks: CallbackBase::None,
        }
    }
}

/// The world that an engine lives in.
#[derive(Clone)]
pub struct World {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Platforms.
    pub providers: Arc<dyn Providers>,
    /// Intents and what became of them.
    pub ledger: Arc<dyn Ledger>,
    /// Where logs of polled runs go; none: they are not copied.
    pub logs: Option<Arc<dyn LogSink>>,
}

/// A running engine. Dropped, it stops at once, wherever it is: the same as a crash, and as safe.
pub struct Engine {
    inner: Arc<Inner>,
    tasks: JoinSet<()>,
}

/// What others may say to a running engine.
#[derive(Clone)]
pub struct EngineHandle {
    inner: Arc<Inner>,
}

struct Inner {
    world: World,
    config: EngineConfig,
    wake: Notify,
    poke: Notify,
    in_flight: InFlight,
    /// No new work.
    stopping: CancellationToken,
    /// Ends calls under way.
    cut: CancellationToken,
}

impl Engine {
    /// Starts one. Needs a tokio runtime.
    #[must_use]
    pub fn start(world: World, config: EngineConfig) -> Self {
        let inner = Arc::new(Inner {
            world,
            config,
            wake: Notify::new(),
            poke: Notify::new(),
            in_flight: InFlight::default(),
            stopping: CancellationToken::new(),
            cut: CancellationToken::new(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(worker::work(inner.clone()));
        tasks.spawn(poll::follow(inner.clone()));
        tasks.spawn(silence::watch(inner.clone()));
        Self { inner, tasks }
    }

    /// What others may say to it.
    #[must_use]
    pub fn handle(&self) -> EngineHandle {
        EngineHandle { inner: self.inner.clone() }
    }

    /// Takes no new work, lets calls under way end for `grace`, then cuts them; they are settled at the next start.
    pub async fn stop(mut self, grace: Duration) {
        self.inner.stopping.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, ended).await.is_err() {
            self.inner.cut.cancel();
            let ended = async { while self.tasks.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(Duration::from_secs(2), ended).await;
        }
    }
}

impl EngineHandle {
    /// There is work.
    pub fn wake(&self) {
        self.inner.wake.notify_one();
    }

    /// There is something to see on this provider's platform.
    pub fn poke(&self, provider: ProviderId) {
        self.inner.poke_provider(provider);
    }

    /// Its platform has told something, be it of runs that nobody here knows.
    pub fn hint(&self, provider: ProviderId) {
        self.inner.in_flight.look_wide(provider);
        self.inner.poke_provider(provider);
    }

    /// Ends the call of this operation, if one is under way here.
    pub fn cut(&self, operation: OperationId) -> bool {
        self.inner.in_flight.cut(operation)
    }

    /// Whether runs of this provider can call back.
    #[must_use]
    pub fn is_reached_from(&self, provider: &Provider) -> bool {
        self.inner.config.callbacks.reached_from(&provider.base_url).is_some()
    }

    /// Whether it takes work.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.inner.stopping.is_cancelled()
    }

    /// The platforms, for calls that change nothing and that a user waits for.
    #[must_use]
    pub fn providers(&self) -> Arc<dyn Providers> {
        self.inner.world.providers.clone()
    }
}

impl Inner {
    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    fn poke_provider(&self, provider: ProviderId) {
        self.in_flight.poke(provider);
        self.poke.notify_one();
    }

    /// The time `after` now, a little later at random, so that what failed together does not come back together.
    fn later(&self, after: Duration) -> Timestamp {
        let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        let jitter = self.world.random.below(millis / 4 + 1);
        self.now().plus_millis(i64::try_from(millis.saturating_add(jitter)).unwrap_or(i64::MAX))
    }

    /// A lease outlives every call that is made under it.
    fn lease(&self) -> Timestamp {
        let lease = self.config.call_deadline + Duration::from_secs(30);
        self.now().plus_millis(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX))
    }

    fn call(&self, provider: &Provider, actor: &str, cancel: &CancellationToken) -> Call {
        Call {
            provider: provider.clone(),
            secrets: Default::default(),
            deadline: self.config.call_deadline,
            cancel: cancel.clone(),
            actor: actor.to_owned(),
        }
    }

    /// Records a verdict. What the platform said is only known here, so a store that fails for a while (a full disk) is
    /// asked until it takes it; a crash meanwhile leaves the operation sent, which the next start settles.
    async fn settle(&self, operation: &Operation, verdict: Verdict) -> bool {
        if let Verdict::Retry { due, .. } | Verdict::Unsettled { due, .. } = &verdict {
            self.in_flight.remind(*due);
        }
        loop {
            match self.world.ledger.settle(operation, verdict.clone(), self.now()).await {
                Ok(recorded) => {
                    self.wake.notify_one();
                    self.poke_provider(operation.provider);
                    return recorded;
                }
                Err(error @ (StoreError::Closed | StoreError::NotFound { .. })) => {
                    tracing::error!(operation = %operation.id, %error, "the outcome of an operation was not recorded");
                    return false;
                }
                Err(error) => {
                    tracing::warn!(operation = %operation.id, %error, "the outcome of an operation is not recorded yet");
                    self.world.clock.sleep_until(self.now().plus_millis(1000)).await;
                }
            }
        }
    }

    /// Marks it sent; none where it was taken from us (an operator gave it up) in between.
    async fn mark_sent(&self, operation: &Operation) -> Result<Option<Operation>, StoreError> {
        self.world.ledger.mark_sent(operation, self.now()).await
    }

    /// Whether an operator, not the host's own end, cut the call.
    fn given_up(&self, operation: &Operation, cancel: &CancellationToken) -> bool {
        payload::Payload::of(operation).cancel_requested || (cancel.is_cancelled() && !self.cut.is_cancelled())
    }
}

/// The durable intent as a call carries it.
fn argument(operation: &Operation, run: Option<&Run>) -> OperationArg {
    OperationArg {
        id: operation.id,
        attempt: operation.attempts,
        first_sent: if operation.attempts > 1 { operation.first_sent } else { None },
        correlation: run.map(|run| run.correlation.clone()),
    }
}

/// Whether an earlier attempt was sent and its outcome is not known: an attempt that is known to have done nothing
/// leaves no time of sending behind.
fn is_open(operation: &Operation) -> bool {
    operation.first_sent.is_some()
}

/// An operation whose own rows are not there any more.
fn orphaned(what: &str) -> Verdict {
    Verdict::Failed(Why::new("operation.orphaned", format!("the {what} that it is about is not there any more")))
}
