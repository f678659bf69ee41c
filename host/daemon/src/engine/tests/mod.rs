//! The engine against a scripted platform, a clock moved by hand and a store in memory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod changes;
mod crash;
mod discover;
mod follow;
mod hints;
mod outcome;
mod plans;
mod retry;
mod worlds;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use novacron_cicd_domain::{
    Timestamp,
    id::{OperationId, PipelineId, ProviderId, RunId},
    name::Name,
    operation::{Operation, OperationKind, OperationState, RecoveryClass},
    pipeline::Pipeline,
    provider::{Grants, Health, Provider},
    run::Run,
    status::{State, Status, Times},
};
use novacron_cicd_store::{EventFilter, Page, Reader, RunFilter, Store, StoreError};
use uuid::Uuid;

use super::{
    CallbackBase, Engine, EngineConfig, StoreLedger, World,
    payload::Payload,
    ports::{Ledger, Reporting},
    testing::{FakePlatform, HandClock, NoRandom},
};

const START: i64 = 1_700_000_000_000;

fn called_back_at(base: &str) -> CallbackBase {
    CallbackBase::Public(url::Url::parse(base).unwrap())
}

struct Sim {
    store: Store,
    platform: Arc<FakePlatform>,
    clock: Arc<HandClock>,
    provider: Provider,
    pipeline: Pipeline,
}

impl Sim {
    async fn new(reporting: Reporting, recovery: RecoveryClass) -> Self {
        let store = Store::in_memory().unwrap();
        let (provider, pipeline) = (provider("fake"), pipeline("build"));
        let pipeline = Pipeline { provider: provider.id, ..pipeline };
        let (one, other) = (provider.clone(), pipeline.clone());
        store
            .write(move |tx| {
                tx.insert_provider(&one)?;
                tx.insert_pipeline(&other)
            })
            .await
            .unwrap();
        let platform = FakePlatform::new(reporting, recovery);
        Self { store, platform, clock: HandClock::at(START), provider, pipeline }
    }

    fn ledger(&self) -> StoreLedger {
        StoreLedger::new(self.store.clone(), Duration::from_secs(900))
    }

    fn engine(&self) -> Engine {
        self.engine_with(Arc::new(self.ledger()), EngineConfig::default())
    }

    fn engine_with(&self, ledger: Arc<dyn Ledger>, config: EngineConfig) -> Engine {
        self.engine_that_copies(ledger, config, None)
    }

    fn engine_that_copies(
        &self,
        ledger: Arc<dyn Ledger>,
        config: EngineConfig,
        logs: Option<Arc<dyn super::logs::LogSink>>,
    ) -> Engine {
        let world = World {
            clock: self.clock.clone(),
            random: Arc::new(NoRandom),
            providers: self.platform.clone(),
            ledger,
            logs,
        };
        Engine::start(world, config)
    }

    /// A run that was asked for, as the use case stores it.
    async fn trigger(&self) -> (RunId, OperationId) {
        let run = run(&self.pipeline);
        let mut operation = self.operation(OperationKind::RunTrigger, Some(run.id));
        if self.platform.reporting == Reporting::Callback {
            operation.payload = Payload { callback: Some(hex::encode("sealed")), ..Payload::default() }.json();
        }
        let ids = (run.id, operation.id);
        self.store
            .write(move |tx| {
                tx.insert_run(&run)?;
                tx.insert_operation(&operation)
            })
            .await
            .unwrap();
        ids
    }

    async fn cancel(&self, run: RunId) -> OperationId {
        let operation = self.operation(OperationKind::RunCancel, Some(run));
        let id = operation.id;
        self.store
            .write(move |tx| {
                let run = tx.run(run)?;
                super::record::cancel_requested(tx, &run, "test", Timestamp(START))?;
                tx.insert_operation(&operation)
            })
            .await
            .unwrap();
        id
    }

    fn operation(&self, kind: OperationKind, run: Option<RunId>) -> Operation {
        Operation {
            id: OperationId(Uuid::now_v7()),
            kind,
            provider: self.provider.id,
            run,
            payload: serde_json::json!({}),
            recovery: self.platform.recovery,
            state: OperationState::Queued,
            attempts: 0,
            first_sent: None,
            due: Timestamp(START),
            lease_until: None,
            error: None,
            actor: "test".into(),
            created: Timestamp(START),
            updated: Timestamp(START),
            version: 1,
        }
    }

    /// Lets time pass until the state is as wanted.
    async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&Reader<'_>) -> Result<bool, StoreError> + Send + Sync + 'static,
    ) {
        let wanted = Arc::new(wanted);
        let mut events = self.store.watch_events();
        for _ in 0..4000 {
            let wanted = wanted.clone();
            if self.store.read(move |state| wanted(state)).await.unwrap() {
                return;
            }
            self.clock.advance(Duration::from_millis(100));
            let _ = tokio::time::timeout(Duration::from_millis(2), events.changed()).await;
        }
        panic!("it never came to this: {what}");
    }

    async fn until_operation(&self, id: OperationId, state: OperationState) -> Operation {
        self.until(state.as_str(), move |reader| Ok(reader.operation(id)?.state == state)).await;
        self.store.read(move |reader| reader.operation(id)).await.unwrap()
    }

    async fn run(&self, id: RunId) -> Run {
        self.store.read(move |state| state.run(id)).await.unwrap()
    }

    async fn show(&self, id: OperationId) -> Operation {
        self.store.read(move |state| state.operation(id)).await.unwrap()
    }

    /// Kinds of all events of a run, in order.
    async fn told(&self, run: RunId) -> Vec<String> {
        let filter = EventFilter { run: Some(run), ..EventFilter::default() };
        let events = self.store.read(move |state| state.events_after(0, 1000, &filter)).await.unwrap();
        events
            .into_iter()
            .map(|event| {
                let to = event.event.data["to"].as_str().map(|to| format!(" {to}")).unwrap_or_default();
                format!("{}{to}", event.event.kind)
            })
            .collect()
    }
}

fn provider(name: &str) -> Provider {
    Provider {
        id: ProviderId(Uuid::now_v7()),
        name: Name::new(name).unwrap(),
        plugin: "fake".into(),
        base_url: url::Url::parse("https://ci.example.com/").unwrap(),
        settings: serde_json::json!({}),
        credentials: BTreeMap::new(),
        grants: Grants::default(),
        health: Health::default(),
        version: 1,
        created: Timestamp(START),
        updated: Timestamp(START),
    }
}

fn pipeline(name: &str) -> Pipeline {
    Pipeline {
        id: PipelineId(Uuid::now_v7()),
        name: Name::new(name).unwrap(),
        provider: ProviderId(Uuid::nil()),
        external_ref: Some("theirs".into()),
        repository: None,
        reference: None,
        parameters: Vec::new(),
        environment: BTreeMap::new(),
        webhook_url: None,
        version: 1,
        created: Timestamp(START),
        updated: Timestamp(START),
    }
}

fn run(pipeline: &Pipeline) -> Run {
    let id = RunId(Uuid::now_v7());
    Run {
        id,
        pipeline: pipeline.id,
        pipeline_name: pipeline.name.clone(),
        provider: pipeline.provider,
        origin: "us".into(),
        retry_of: None,
        seen: None,
        external_id: None,
        ticket: None,
        number: None,
        attempt: 1,
        correlation: id.0.simple().to_string(),
        status: Status::ours(State::Pending),
        cancel_requested: false,
        times: Times { created: Some(Timestamp(START)), ..Times::default() },
        reference: None,
        commit: None,
        actor: None,
        url: None,
        parameters: BTreeMap::new(),
        environment: BTreeMap::new(),
        graph: None,
        version: 1,
    }
}
