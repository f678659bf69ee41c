//! The way to the platform and back: late, twice, broken off on either side of the effect. And the provider's plugin, which
//! says what it knows of that in the contract's words.

use std::sync::Arc;

use async_trait::async_trait;
use novacron_cicd_domain::{
    Timestamp,
    id::OperationId,
    operation::RecoveryClass,
    parameter::Parameter,
    platform::{
        CallError, CallErrorKind, CancelTarget, Change, CheckReport, Decoded, Definition, Delivery, DownloadPlan,
        FoundRun, LogAnswer, LogRequest, OperationArg, PageRequest, RemoteArtifact, RemoteDeployment, RemotePage,
        RemotePipeline, RetryScope, RunChanges, RunFilter, RunMatch, RunRef, Ticket, Transfer, TriggerRequest,
    },
    provider::Provider,
};
use tokio::sync::oneshot;

use super::{
    host,
    platform::{Bearer, Platform},
};
use crate::engine::{
    ports::{Call, Changed, Clock as _, Opened, Providers, Reporting, SecretSource},
    testing::error,
};

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It arrives, and its answer does.
    Whole,
    /// No connection: nothing was sent.
    Refused,
    /// The platform has no time: nothing was done.
    Busy,
    /// Too many requests; not before so many milliseconds.
    Limited(u64),
    /// The platform does not want it.
    Forbidden,
    /// It arrives twice.
    Twice,
    /// It never arrives, and nobody says so.
    Lost,
    /// It arrives, and its answer never does.
    Mute,
    /// The connection breaks, and it did not arrive.
    BrokenBefore,
    /// The connection breaks, and it did arrive.
    BrokenAfter,
    /// The connection breaks, and it arrives later all the same.
    BrokenEarly,
    /// A gateway gives up; whether it arrives.
    Gateway(bool),
}

impl Fate {
    const fn arrives(self) -> bool {
        matches!(
            self,
            Self::Whole | Self::Twice | Self::Mute | Self::BrokenAfter | Self::BrokenEarly | Self::Gateway(true)
        )
    }
}

/// A call of an operation under way: ends with its host.
struct UnderWay<'p>(&'p Platform, OperationId);

impl<'p> UnderWay<'p> {
    fn begin(platform: &'p Platform, operation: OperationId) -> Self {
        let now = platform.time.now().0;
        let mut truth = platform.truth();
        if !truth.under_way.insert(operation) {
            truth.wrong.push(format!("{operation} is sent while it is under way"));
        }
        if truth.not_before.get(&operation).is_some_and(|least| now < *least) {
            truth.wrong.push(format!("{operation} is sent before the platform allows it"));
        }
        if truth.under_way.len() > host::PER_PROVIDER {
            truth.wrong.push("more is under way than the provider may have".into());
        }
        drop(truth);
        Self(platform, operation)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.truth().under_way.remove(&self.1);
    }
}

/// The plugin of the simulated platform.
pub(super) struct Wire(pub(super) Arc<Platform>);

impl Wire {
    fn fate(&self, changes: bool, harmless: bool) -> Fate {
        let Self(platform) = self;
        if platform.is_down() {
            return Fate::Refused;
        }
        if !platform.trouble(platform.profile.trouble) {
            return Fate::Whole;
        }
        let dice = &platform.dice;
        match dice.between(0, if changes { 11 } else { 5 }) {
            0 => Fate::Refused,
            1 => Fate::Busy,
            2 => Fate::Limited(u64::try_from(dice.between(1, 60_000)).unwrap_or(0)),
            3 => Fate::Lost,
            4 => Fate::BrokenBefore,
            5 if harmless => Fate::Twice,
            6 => Fate::Mute,
            7 => Fate::BrokenEarly,
            8 => Fate::Gateway(dice.chance(50)),
            9 if dice.chance(30) => Fate::Forbidden,
            _ => Fate::BrokenAfter,
        }
    }

    /// Sends a request and waits for its answer. `operation`: that of a call that changes something; `harmless`: it may
    /// arrive twice.
    async fn exchange<T: Send + 'static>(
        &self,
        call: &Call,
        what: &'static str,
        operation: Option<OperationId>,
        harmless: bool,
        act: impl Fn(&Arc<Platform>) -> Result<T, CallErrorKind> + Send + Sync + 'static,
    ) -> Result<T, CallError> {
        let Self(platform) = self;
        platform.steps.pass().await;
        let _under_way = operation.map(|operation| UnderWay::begin(platform, operation));
        let (changes, fate) = (operation.is_some(), self.fate(operation.is_some(), harmless));
        if changes {
            platform.tell(format!("{what} {fate:?}"));
        }
        let (answer, heard) = oneshot::channel();
        let there = platform.clone();
        // Its own task: what has left the host is not called back by the host's end.
        tokio::spawn(async move {
            let slow = if there.trouble(20) { 8_000 } else { 300 };
            there.time.sleep(there.dice.between(1, slow)).await;
            if fate == Fate::BrokenEarly {
                there.time.sleep(there.dice.between(1, 10_000)).await;
            }
            if there.is_down() || !fate.arrives() {
                return;
            }
            let said = act(&there);
            if changes {
                there.tell(format!("{what} arrives: {}", if said.is_ok() { "done" } else { "not done" }));
            }
            if fate == Fate::Twice {
                let (again, later) = (there.clone(), there.dice.between(1, 5_000));
                tokio::spawn(async move {
                    again.time.sleep(later).await;
                    drop(act(&again));
                });
            }
            there.time.sleep(there.dice.between(1, 300)).await;
            let _ = answer.send(said);
        });
        let said = tokio::select! {
            biased;
            () = call.cancel.cancelled() => Err((CallErrorKind::Canceled, changes)),
            said = self.answer(fate, changes, operation, heard) => said,
            () = platform.time.sleep(i64::try_from(call.deadline.as_millis()).unwrap_or(i64::MAX)) => {
                Err((CallErrorKind::Timeout, changes))
            }
        };
        platform.steps.pass().await;
        said.map_err(|(kind, sent)| error(kind, sent))
    }

    /// What is heard of a request.
    async fn answer<T>(
        &self,
        fate: Fate,
        changes: bool,
        operation: Option<OperationId>,
        heard: oneshot::Receiver<Result<T, CallErrorKind>>,
    ) -> Result<T, (CallErrorKind, bool)> {
        let Self(platform) = self;
        let unknown = if changes { CallErrorKind::OutcomeUnknown } else { CallErrorKind::Transient };
        platform.time.sleep(platform.dice.between(1, 50)).await;
        match fate {
            Fate::Refused | Fate::Busy => Err((CallErrorKind::Transient, false)),
            Fate::Limited(wait) => {
                if let Some(operation) = operation {
                    let least = platform.time.now().0 + i64::try_from(wait).unwrap_or(0);
                    platform.truth().not_before.insert(operation, least);
                }
                Err((CallErrorKind::RateLimited(Some(wait)), changes))
            }
            Fate::Forbidden => {
                if let Some(operation) = operation {
                    platform.truth().refused.insert(operation);
                }
                Err((CallErrorKind::Forbidden(None), changes))
            }
            Fate::Lost | Fate::Mute => std::future::pending().await,
            Fate::BrokenBefore | Fate::BrokenEarly => Err((unknown, changes)),
            Fate::BrokenAfter => {
                let _ = heard.await;
                Err((unknown, changes))
            }
            Fate::Gateway(_) => {
                platform.time.sleep(1_000).await;
                Err((CallErrorKind::Upstream { status: 504, excerpt: String::new() }, changes))
            }
            Fate::Whole | Fate::Twice => match heard.await {
                Ok(said) => said.map_err(|kind| (kind, changes)),
                // It went down meanwhile.
                Err(_) => Err((unknown, changes)),
            },
        }
    }
}

fn unsupported<T>() -> Result<T, CallError> {
    Err(error(CallErrorKind::Unsupported("not simulated".into()), false))
}

#[async_trait]
impl Providers for Wire {
    fn supports(&self, _: &Provider, interface: &str) -> bool {
        self.0.profile.supports(interface)
    }

    fn reporting(&self, _: &Provider) -> Reporting {
        self.0.profile.reporting
    }

    fn recovery(&self, _: &Provider, function: &str) -> RecoveryClass {
        self.0.profile.recovery(function)
    }

    async fn check(&self, _: Call) -> Result<CheckReport, CallError> {
        Ok(CheckReport::default())
    }

    async fn trigger(&self, call: Call, operation: OperationArg, request: TriggerRequest) -> Result<Ticket, CallError> {
        let bearer = request.callback.and_then(|callback| match call.secrets.get(&callback.token) {
            Some(SecretSource::Sealed { context, sealed }) => {
                let run = operation.correlation.as_deref().and_then(|token| uuid::Uuid::try_parse(token).ok())?;
                let run = novacron_cicd_domain::id::RunId(run);
                Some(Bearer { run, token: host::unseal(context, sealed) })
            }
            _ => None,
        });
        let harmless = self.0.profile.trigger == RecoveryClass::IdempotentKey;
        let (id, token) = (operation.id, request.correlation);
        let act = move |there: &Arc<Platform>| Ok(there.trigger(id, token.clone(), bearer.clone()));
        self.exchange(&call, "trigger", Some(id), harmless, act).await
    }

    async fn resolve_ticket(&self, call: Call, _: String, ticket: String) -> Result<Ticket, CallError> {
        self.exchange(&call, "resolve", None, true, move |there| there.resolve(&ticket)).await
    }

    async fn run(&self, call: Call, run: RunRef) -> Result<FoundRun, CallError> {
        self.exchange(&call, "get", None, true, move |there| there.get(&run.run)).await
    }

    async fn find(&self, call: Call, _: String, token: String, since: Timestamp) -> Result<RunMatch, CallError> {
        self.exchange(&call, "find", None, true, move |there| Ok(there.find(&token, since))).await
    }

    async fn runs(&self, call: Call, _: RunFilter, page: PageRequest) -> Result<RemotePage<FoundRun>, CallError> {
        let from = page.cursor.and_then(|cursor| cursor.parse::<usize>().ok()).unwrap_or(0);
        let until = from + page.limit as usize;
        let act = move |there: &Arc<Platform>| {
            let all = there.list();
            let next = (until < all.len()).then(|| until.to_string());
            Ok(RemotePage { items: all.into_iter().skip(from).take(until - from).collect(), next })
        };
        self.exchange(&call, "list", None, true, act).await
    }

    async fn changes(&self, call: Call, _: Vec<String>, position: Option<String>) -> Result<RunChanges, CallError> {
        let after = position.and_then(|position| position.parse().ok()).unwrap_or(0);
        let act = move |there: &Arc<Platform>| {
            let (runs, next) = there.changes(after);
            Ok(RunChanges { runs, position: next.to_string(), more_now: false })
        };
        self.exchange(&call, "changes", None, true, act).await
    }

    async fn cancel(&self, call: Call, operation: OperationArg, target: CancelTarget) -> Result<(), CallError> {
        let act = move |there: &Arc<Platform>| match &target {
            CancelTarget::Run(run) => there.cancel(&run.run),
            CancelTarget::Queued { ticket, .. } => there.cancel_queued(ticket),
        };
        self.exchange(&call, "cancel", Some(operation.id), true, act).await
    }

    async fn retry(
        &self,
        call: Call,
        operation: OperationArg,
        run: RunRef,
        _: RetryScope,
        correlation: String,
    ) -> Result<Ticket, CallError> {
        let by_state = self.0.profile.retry == RecoveryClass::ByState;
        let harmless = by_state || self.0.profile.retry == RecoveryClass::IdempotentKey;
        let act = move |there: &Arc<Platform>| {
            there.retry(operation.id, &run.run, run.attempt.filter(|_| by_state), correlation.clone())
        };
        self.exchange(&call, "retry", Some(operation.id), harmless, act).await
    }

    async fn open(&self, _: Call, _: Transfer) -> Result<Opened, CallError> {
        unsupported()
    }

    async fn artifacts(&self, _: Call, _: RunRef, _: PageRequest) -> Result<RemotePage<RemoteArtifact>, CallError> {
        unsupported()
    }

    async fn plan_download(&self, _: Call, _: RunRef, _: String) -> Result<DownloadPlan, CallError> {
        unsupported()
    }

    async fn change(&self, _: Call, _: OperationArg, _: Change) -> Result<Changed, CallError> {
        unsupported()
    }

    async fn find_deployments(&self, _: Call, _: String, _: Timestamp) -> Result<Vec<RemoteDeployment>, CallError> {
        unsupported()
    }

    async fn read_log(&self, _: Call, _: LogRequest) -> Result<LogAnswer, CallError> {
        unsupported()
    }

    async fn decode(&self, _: Call, _: Delivery) -> Result<Decoded, CallError> {
        unsupported()
    }

    async fn pipelines(&self, _: Call, _: PageRequest) -> Result<RemotePage<RemotePipeline>, CallError> {
        unsupported()
    }

    async fn pipeline(&self, _: Call, _: String) -> Result<RemotePipeline, CallError> {
        unsupported()
    }

    async fn parameters(&self, _: Call, _: String, _: Option<String>) -> Result<Vec<Parameter>, CallError> {
        unsupported()
    }

    async fn definition(&self, _: Call, _: String) -> Result<Definition, CallError> {
        unsupported()
    }

    async fn create_pipeline(&self, _: Call, _: OperationArg, _: Definition) -> Result<RemotePipeline, CallError> {
        unsupported()
    }

    async fn update_pipeline(
        &self,
        _: Call,
        _: OperationArg,
        _: String,
        _: Definition,
        _: Option<String>,
    ) -> Result<RemotePipeline, CallError> {
        unsupported()
    }

    async fn delete_pipeline(&self, _: Call, _: OperationArg, _: String, _: Option<String>) -> Result<(), CallError> {
        unsupported()
    }
}
