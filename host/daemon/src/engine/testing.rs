//! A world for tests: a platform that does what its script says, a clock that is moved by hand, a ledger that stops
//! answering where it is told to.

mod staged;
mod stopping;

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use novacron_cicd_domain::{
    Timestamp,
    id::OperationId,
    name::Name,
    operation::RecoveryClass,
    parameter::Parameter,
    platform::{
        CallError, CallErrorKind, CancelTarget, Change, CheckReport, Decoded, Definition, Delivery, DownloadPlan,
        FoundRun, LogAnswer, LogAvailability, LogChunk, LogPlan, LogRequest, OperationArg, PageRequest, RemoteArtifact,
        RemoteDeployment, RemotePage, RemotePipeline, RetryScope, RunChanges, RunFilter, RunMatch, RunRef, Ticket,
        Transfer, TriggerRequest,
    },
    provider::Provider,
    run::SeenRun,
    status::{State, Status},
};
use tokio::sync::watch;

use super::ports::{Call, Changed, Clock, Kept, Opened, Providers, Random, Reporting, SecretSource};

pub(crate) use staged::{Kind, Stage, Staged};
pub(crate) use stopping::{Stop, Stopping};

/// A clock that is moved by hand.
pub(crate) struct HandClock(watch::Sender<i64>);

impl HandClock {
    pub(crate) fn at(millis: i64) -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(millis)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now += i64::try_from(by.as_millis()).unwrap_or(0));
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp(*self.0.borrow())
    }

    async fn sleep_until(&self, until: Timestamp) {
        let _ = self.0.subscribe().wait_for(|now| *now >= until.0).await;
    }
}

/// Always the same.
pub(crate) struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// What the platform does with one trigger or cancel.
#[derive(Clone)]
pub(crate) enum Step {
    /// Answers this; nothing is made.
    Answer(Ticket),
    /// Fails like this; whether it did what it was asked to before.
    Fail(CallErrorKind, bool),
    /// Never answers, until the call is cut; whether it did what it was asked to before.
    Silent(bool),
}

#[derive(Default)]
pub(crate) struct Scene {
    pub(crate) interfaces: HashSet<&'static str>,
    pub(crate) steps: VecDeque<Step>,
    /// Every trigger that arrived.
    pub(crate) triggers: Vec<(OperationArg, TriggerRequest, BTreeMap<String, SecretSource>)>,
    /// Every retry that arrived.
    pub(crate) retries: Vec<(OperationArg, RunRef, RetryScope, String)>,
    /// A retry is a new attempt of the same run: so many there were.
    pub(crate) attempts: Option<u32>,
    /// The operations by which there were.
    pub(crate) again: Vec<OperationId>,
    /// Every cancel that arrived.
    pub(crate) cancels: Vec<(OperationArg, CancelTarget)>,
    /// Runs that there are: the platform's id, the operation and the correlation token that made it.
    pub(crate) runs: Vec<(String, OperationId, String)>,
    /// What a search answers, whatever there is.
    pub(crate) search: Option<Result<RunMatch, CallErrorKind>>,
    /// What a read of a run shows.
    pub(crate) shows: VecDeque<SeenRun>,
    /// Where runs stand, whatever a read of others shows.
    pub(crate) states: BTreeMap<String, State>,
    /// How reads of runs fail.
    pub(crate) unreadable: Option<CallErrorKind>,
    /// How often a run was read.
    pub(crate) read: usize,
    /// What the list of runs has, newest first.
    pub(crate) listed: Vec<FoundRun>,
    /// What changed, one answer after the other; then nothing.
    pub(crate) changes: VecDeque<RunChanges>,
    /// Every question what changed: the pipelines and the position.
    pub(crate) asked: Vec<(Vec<String>, Option<String>)>,
    pub(crate) tickets: VecDeque<Ticket>,
    /// Its queue knows nothing of what was in it.
    pub(crate) forgot: bool,
    pub(crate) log: VecDeque<LogChunk>,
    /// How reads of a log fail before they do not.
    pub(crate) unread: VecDeque<CallErrorKind>,
    /// How a log is to be streamed, before what `log` has.
    pub(crate) plans: VecDeque<LogPlan>,
    /// The cursors that plans were asked for with.
    pub(crate) cursors: Vec<Option<String>>,
    /// What planned requests are answered with: a status, and pieces or why it broke off.
    pub(crate) bodies: VecDeque<(u16, Vec<Result<&'static str, &'static str>>)>,
    /// By run.
    pub(crate) artifacts: BTreeMap<String, Vec<RemoteArtifact>>,
    /// How listings of artifacts fail before they do not.
    pub(crate) unlisted: VecDeque<CallErrorKind>,
    /// Every definition that was written.
    pub(crate) definitions: Vec<Definition>,
    /// What deliveries are decoded to, one after the other.
    pub(crate) decoded: VecDeque<Result<Decoded, CallErrorKind>>,
    /// Every change that arrived.
    pub(crate) made: Vec<(OperationArg, Change, BTreeMap<String, SecretSource>)>,
    /// Changes that were made: of one operation once where the platform deduplicates, or the function looks first.
    pub(crate) effects: Vec<OperationId>,
    /// What changes lead to; nothing where it is empty.
    pub(crate) outcomes: VecDeque<Changed>,
    /// Deployments that a search finds.
    pub(crate) deployments: Vec<RemoteDeployment>,
    /// What is said of an artifact's bytes.
    pub(crate) digests: Vec<(String, String)>,
    pub(crate) check: Option<CallErrorKind>,
    pub(crate) searches: usize,
    pub(crate) at_work: usize,
}

/// A platform that deduplicates on the operation's id exactly where its recovery class says so.
pub(crate) struct FakePlatform {
    pub(crate) reporting: Reporting,
    pub(crate) recovery: RecoveryClass,
    scene: Mutex<Scene>,
    pub(crate) calls: watch::Sender<usize>,
}

pub(crate) fn error(kind: CallErrorKind, sent: bool) -> CallError {
    let (message, plugin, function) = ("as the test wants it".into(), "fake".into(), "runs.trigger".into());
    CallError { kind, message, hint: None, plugin, function, sent }
}

pub(crate) fn seen(id: &str, state: State) -> SeenRun {
    SeenRun { external_id: Some(id.into()), status: Some(Status::ours(state)), ..SeenRun::default() }
}

pub(crate) fn found(pipeline: String, run: SeenRun) -> FoundRun {
    FoundRun {
        pipeline,
        run,
        name: None,
        reference: None,
        origin: "api".into(),
        correlation: None,
        parameters: BTreeMap::new(),
        downstream: Vec::new(),
    }
}

impl FakePlatform {
    pub(crate) fn new(reporting: Reporting, recovery: RecoveryClass) -> Arc<Self> {
        let interfaces = HashSet::from(["run-cancel", "run-search", "logs"]);
        let scene = Mutex::new(Scene { interfaces, ..Scene::default() });
        Arc::new(Self { reporting, recovery, scene, calls: watch::Sender::new(0) })
    }

    pub(crate) fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When so many triggers and cancels have arrived.
    pub(crate) async fn arrived(&self, count: usize) {
        let _ = self.calls.subscribe().wait_for(|calls| *calls >= count).await;
    }

    /// The run of this operation: the same one again where the platform deduplicates.
    fn make(&self, operation: OperationId, correlation: &str) -> String {
        let mut scene = self.scene();
        let known =
            scene.runs.iter().find(|(_, by, _)| *by == operation && self.recovery == RecoveryClass::IdempotentKey);
        if let Some((id, ..)) = known {
            return id.clone();
        }
        let id = format!("ext-{}", scene.runs.len() + 1);
        scene.runs.push((id.clone(), operation, correlation.to_owned()));
        id
    }

    async fn play(&self, call: &Call, act: impl Fn()) -> Option<Result<Ticket, CallError>> {
        let step = self.scene().steps.pop_front();
        self.calls.send_modify(|calls| *calls += 1);
        match step? {
            Step::Answer(ticket) => Some(Ok(ticket)),
            Step::Fail(kind, acted) => {
                if acted {
                    act();
                }
                let sent = acted || matches!(kind, CallErrorKind::OutcomeUnknown);
                Some(Err(error(kind, sent)))
            }
            Step::Silent(acted) => {
                if acted {
                    act();
                }
                self.scene().at_work += 1;
                call.cancel.cancelled().await;
                self.scene().at_work -= 1;
                Some(Err(error(CallErrorKind::Canceled, acted)))
            }
        }
    }
}

#[async_trait]
impl Providers for FakePlatform {
    fn supports(&self, _: &Provider, interface: &str) -> bool {
        self.scene().interfaces.contains(interface)
    }

    fn reporting(&self, _: &Provider) -> Reporting {
        self.reporting
    }

    fn recovery(&self, _: &Provider, _: &str) -> RecoveryClass {
        self.recovery
    }

    async fn check(&self, _: Call) -> Result<CheckReport, CallError> {
        match self.scene().check.clone() {
            Some(kind) => Err(error(kind, false)),
            None => Ok(CheckReport { account: Some("robot".into()), ..CheckReport::default() }),
        }
    }

    async fn trigger(&self, call: Call, operation: OperationArg, request: TriggerRequest) -> Result<Ticket, CallError> {
        let correlation = request.correlation.clone();
        let id = operation.id;
        self.scene().triggers.push((operation, request, call.secrets.clone()));
        let made = || {
            self.make(id, &correlation);
        };
        match self.play(&call, made).await {
            Some(scripted) => scripted,
            None => Ok(Ticket::Run(Box::new(seen(&self.make(id, &correlation), State::Pending)))),
        }
    }

    async fn resolve_ticket(&self, _: Call, _: String, ticket: String) -> Result<Ticket, CallError> {
        let mut scene = self.scene();
        if scene.forgot {
            return Err(error(CallErrorKind::NotFound, false));
        }
        Ok(scene.tickets.pop_front().unwrap_or(Ticket::Queued(ticket)))
    }

    async fn run(&self, _: Call, run: RunRef) -> Result<FoundRun, CallError> {
        let mut scene = self.scene();
        scene.read += 1;
        if let Some(kind) = &scene.unreadable {
            return Err(error(kind.clone(), false));
        }
        let shown = if scene.shows.len() > 1 { scene.shows.pop_front() } else { scene.shows.front().cloned() };
        let attempt = scene.attempts;
        let stands = scene.states.get(&run.run).map(|state| seen(&run.run, *state));
        let shown = stands.or(shown).unwrap_or_else(|| seen(&run.run, State::Running));
        Ok(found(run.pipeline, SeenRun { attempt: shown.attempt.or(attempt), ..shown }))
    }

    async fn find(&self, _: Call, pipeline: String, correlation: String, _: Timestamp) -> Result<RunMatch, CallError> {
        let mut scene = self.scene();
        scene.searches += 1;
        if let Some(answer) = &scene.search {
            return answer.clone().map_err(|kind| error(kind, false));
        }
        let matching: Vec<&String> =
            scene.runs.iter().filter(|(_, _, token)| *token == correlation).map(|(id, ..)| id).collect();
        Ok(match matching.as_slice() {
            [] => RunMatch::None,
            [id] => RunMatch::One(Box::new(found(pipeline, seen(id, State::Running)))),
            many => RunMatch::Many(
                many.iter()
                    .map(|id| RunRef { pipeline: pipeline.clone(), run: (*id).clone(), attempt: None })
                    .collect(),
            ),
        })
    }

    async fn runs(&self, _: Call, _: RunFilter, _: PageRequest) -> Result<RemotePage<FoundRun>, CallError> {
        Ok(RemotePage { items: self.scene().listed.clone(), next: None })
    }

    async fn changes(
        &self,
        _: Call,
        pipelines: Vec<String>,
        position: Option<String>,
    ) -> Result<RunChanges, CallError> {
        let mut scene = self.scene();
        scene.asked.push((pipelines, position.clone()));
        let nothing = RunChanges { runs: Vec::new(), position: position.unwrap_or_default(), more_now: false };
        Ok(scene.changes.pop_front().unwrap_or(nothing))
    }

    async fn cancel(&self, call: Call, operation: OperationArg, target: CancelTarget) -> Result<(), CallError> {
        self.scene().cancels.push((operation, target));
        match self.play(&call, || {}).await {
            Some(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }

    async fn retry(
        &self,
        call: Call,
        operation: OperationArg,
        run: RunRef,
        scope: RetryScope,
        correlation: String,
    ) -> Result<Ticket, CallError> {
        let id = operation.id;
        let key = run.run.clone();
        self.scene().retries.push((operation, run, scope, correlation.clone()));
        let again = || {
            let mut scene = self.scene();
            let known = self.recovery == RecoveryClass::IdempotentKey && scene.again.contains(&id);
            scene.again.push(id);
            if let Some(attempts) = &mut scene.attempts {
                *attempts += u32::from(!known);
                return SeenRun { attempt: Some(*attempts), ..seen(&key, State::Pending) };
            }
            drop(scene);
            seen(&self.make(id, &correlation), State::Pending)
        };
        match self.play(&call, || drop(again())).await {
            Some(scripted) => scripted,
            None => Ok(Ticket::Run(Box::new(again()))),
        }
    }

    async fn open(&self, _: Call, _: Transfer) -> Result<Opened, CallError> {
        let (status, pieces) = self.scene().bodies.pop_front().unwrap_or((404, Vec::new()));
        let headers = vec![("X-Size".to_owned(), "77".to_owned())];
        let pieces = pieces.into_iter().map(|piece| piece.map(Bytes::from).map_err(str::to_owned));
        Ok(Opened { status, headers, body: futures_util::stream::iter(pieces).boxed() })
    }

    async fn artifacts(&self, _: Call, run: RunRef, _: PageRequest) -> Result<RemotePage<RemoteArtifact>, CallError> {
        let mut scene = self.scene();
        if let Some(kind) = scene.unlisted.pop_front() {
            return Err(error(kind, false));
        }
        Ok(RemotePage { items: scene.artifacts.get(&run.run).cloned().unwrap_or_default(), next: None })
    }

    async fn plan_download(&self, _: Call, _: RunRef, artifact: String) -> Result<DownloadPlan, CallError> {
        Ok(DownloadPlan {
            transfer: Transfer::new(format!("GET {artifact}"), ()),
            size: None,
            digests: self.scene().digests.clone(),
            encoding: "raw".into(),
            expires: None,
            ranges: false,
        })
    }

    async fn change(&self, call: Call, operation: OperationArg, change: Change) -> Result<Changed, CallError> {
        let id = operation.id;
        let kept = change.keeps_as().and_then(|name| Name::new(name).ok());
        self.scene().made.push((operation, change, call.secrets.clone()));
        let act = || {
            let mut scene = self.scene();
            let once = matches!(self.recovery, RecoveryClass::IdempotentKey | RecoveryClass::ByState);
            if !(once && scene.effects.contains(&id)) {
                scene.effects.push(id);
            }
        };
        match self.play(&call, act).await {
            Some(Err(error)) => Err(error),
            _ => {
                act();
                let kept = kept.map(|name| Kept { name, sealed: b"sealed".to_vec() });
                let outcome = self.scene().outcomes.pop_front().unwrap_or_default();
                Ok(Changed { kept, ..outcome })
            }
        }
    }

    async fn find_deployments(&self, _: Call, _: String, _: Timestamp) -> Result<Vec<RemoteDeployment>, CallError> {
        let mut scene = self.scene();
        scene.searches += 1;
        Ok(scene.deployments.clone())
    }

    async fn read_log(&self, _: Call, request: LogRequest) -> Result<LogAnswer, CallError> {
        if let Some(kind) = self.scene().unread.pop_front() {
            return Err(error(kind, false));
        }
        let plan = self.scene().plans.pop_front();
        if let Some(plan) = plan {
            self.scene().cursors.push(request.cursor);
            return Ok(LogAnswer::Plan(plan));
        }
        let next = request.cursor.unwrap_or_default();
        let nothing =
            LogChunk { bytes: Vec::new(), next, more_now: false, reset: false, availability: LogAvailability::Growing };
        Ok(LogAnswer::Chunk(self.scene().log.pop_front().unwrap_or(nothing)))
    }

    async fn decode(&self, _: Call, delivery: Delivery) -> Result<Decoded, CallError> {
        match self.scene().decoded.pop_front() {
            Some(answer) => answer.map_err(|kind| error(kind, false)),
            None => {
                Ok(Decoded { observations: Vec::new(), ignored: Some(String::from_utf8_lossy(&delivery.body).into()) })
            }
        }
    }

    async fn pipelines(&self, _: Call, _: PageRequest) -> Result<RemotePage<RemotePipeline>, CallError> {
        Ok(RemotePage { items: Vec::new(), next: None })
    }

    async fn pipeline(&self, _: Call, id: String) -> Result<RemotePipeline, CallError> {
        let (repository, reference, url, revision) = (None, None, None, None);
        Ok(RemotePipeline { name: id.clone(), id, repository, reference, url, enabled: true, revision })
    }

    async fn parameters(&self, _: Call, _: String, _: Option<String>) -> Result<Vec<Parameter>, CallError> {
        Ok(Vec::new())
    }

    async fn definition(&self, _: Call, _: String) -> Result<Definition, CallError> {
        Ok(self.scene().definitions.last().cloned().unwrap_or_default())
    }

    async fn create_pipeline(
        &self,
        call: Call,
        _: OperationArg,
        definition: Definition,
    ) -> Result<RemotePipeline, CallError> {
        self.scene().definitions.push(definition.clone());
        self.pipeline(call, format!("made-{}", definition.name)).await
    }

    async fn update_pipeline(
        &self,
        call: Call,
        _: OperationArg,
        id: String,
        definition: Definition,
        _: Option<String>,
    ) -> Result<RemotePipeline, CallError> {
        self.scene().definitions.push(definition);
        self.pipeline(call, id).await
    }

    async fn delete_pipeline(&self, _: Call, _: OperationArg, _: String, _: Option<String>) -> Result<(), CallError> {
        Ok(())
    }
}

#[async_trait]
impl crate::service::Reach for FakePlatform {
    async fn reach(&self, call: Call, function: &str) -> Result<novacron_cicd_runtime::Provider, CallError> {
        let kind = CallErrorKind::Unsupported(function.to_owned());
        Err(CallError { plugin: call.provider.plugin, ..error(kind, false) })
    }
}
