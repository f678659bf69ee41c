//! Our side: hosts that are started, die and are started again on the same state, and the clients that ask them for things
//! until they are answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use novacron_cicd_domain::{
    id::{OperationId, RunId},
    operation::RecoveryClass,
    platform::RetryScope,
    run::{SeenRun, Standing},
    status::{State, Status},
    token::Role,
};
use novacron_cicd_store::{Page, RunFilter, Store, StoreError};

use super::{
    Failure, PIPELINE_NAME,
    network::Wire,
    platform::{Bearer, PIPELINE, Platform},
    steps::Transactions,
    time::{Dice, at_once},
};
use crate::{
    engine::{
        EngineConfig, StoreLedger, World,
        ports::{Clock as _, Reporting},
        record,
        testing::{FakePlatform, HandClock, Staged, seen},
    },
    service::{
        Actor, IdempotencyBegin, NewPipeline, NewProvider, Services, StatusReport, StoredAnswer, TriggerInput,
        Triggered,
        tests::{HEARTBEAT, assemble_in, slot, someone, vault},
    },
};

/// How many operations are at work on the one provider at once.
pub(super) const PER_PROVIDER: usize = 2;

/// The secret that somebody sealed.
pub(super) fn unseal(context: &str, sealed: &[u8]) -> String {
    let secret = vault().unseal(context, sealed).expect("all hosts here have the same key");
    secret.expose_str().expect("a token is text").to_owned()
}

/// A run says where it stands; whether it was heard.
pub(super) fn report(host: &Services, bearer: &Bearer, id: &str, state: State) -> bool {
    let report = StatusReport {
        status: Status::ours(state),
        external_id: Some(id.to_owned()),
        number: None,
        url: None,
        commit: None,
        started: None,
        finished: None,
    };
    at_once(host.callbacks.status(&bearer.token, bearer.run, report)).is_ok()
}

/// A run that was asked for, and that the host said it has taken on.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) key: String,
    pub(super) run: RunId,
    pub(super) operation: OperationId,
}

/// No user reads anything of the platform itself.
fn no_reads() -> Arc<FakePlatform> {
    FakePlatform::new(Reporting::Poll, RecoveryClass::None)
}

/// A provider and a pipeline: written by a host that is gone before the story begins, in a time that stands still.
async fn furnish(store: &Store, directory: &std::path::Path) {
    let world = World {
        clock: HandClock::at(super::START),
        random: Arc::new(Dice::new(0)),
        providers: no_reads(),
        ledger: Arc::new(StoreLedger::new(store.clone(), HEARTBEAT)),
        logs: None,
    };
    let engine = EngineConfig { workers: 0, ..EngineConfig::default() };
    let host = assemble_in(world, no_reads(), store, &Arc::default(), directory, engine).await;
    let provider = NewProvider {
        name: "ci".into(),
        plugin: "fake".into(),
        base_url: "https://ci.example.com/hook".into(),
        credentials: slot("key"),
        ..NewProvider::default()
    };
    let pipeline = NewPipeline {
        name: PIPELINE_NAME.into(),
        provider: "ci".into(),
        external_ref: Some(PIPELINE.into()),
        ..NewPipeline::default()
    };
    let user = someone(Role::Admin);
    host.secrets.set(&user, "key", novacron_cicd_vault::Secret::new("a-signing-key-of-some-length")).await.unwrap();
    host.providers.add(&user, provider).await.unwrap();
    host.pipelines.create(&user, pipeline).await.unwrap();
}

/// Where hosts live: the state that they share, and what they were asked.
pub(super) struct Home {
    pub(super) store: Store,
    pub(super) platform: Arc<Platform>,
    pub(super) asked: Mutex<Vec<Asked>>,
    dice: Dice,
    directory: tempfile::TempDir,
}

impl Home {
    pub(super) fn new(platform: Arc<Platform>, dice: Dice) -> Self {
        let (store, directory) = (Store::in_memory().unwrap(), tempfile::tempdir().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(furnish(&store, directory.path()));
        Self { store, platform, asked: Mutex::default(), dice, directory }
    }

    pub(super) fn asked(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn user(&self) -> Actor {
        someone(Role::Admin)
    }

    /// A host on this state.
    pub(super) fn start(&self) {
        let ledger = StoreLedger::new(self.store.clone(), HEARTBEAT);
        let world = World {
            clock: self.platform.time.clone(),
            random: Arc::new(self.dice.other()),
            providers: Arc::new(Wire(self.platform.clone())),
            ledger: Arc::new(Staged { ledger, stage: Transactions(self.platform.steps.clone()) }),
            logs: None,
        };
        let engine = EngineConfig { per_provider: PER_PROVIDER, ..EngineConfig::default() };
        let services =
            at_once(assemble_in(world, no_reads(), &self.store, &Arc::default(), self.directory.path(), engine));
        *self.platform.host() = Some(services);
    }

    /// The host is gone, wherever it was.
    pub(super) fn end(&self) {
        *self.platform.host() = None;
    }

    /// Asks the host that is up, as soon as one is.
    async fn ask<T>(&self, question: impl Fn(&Services) -> T) -> T {
        loop {
            let host = self.platform.host().clone();
            if let Some(host) = host {
                return question(&host);
            }
            self.platform.time.sleep(self.dice.between(100, 1_000)).await;
        }
    }

    /// Asks for a run, again and again under the same key until an answer arrives.
    pub(super) async fn trigger(self: Arc<Self>, key: String) {
        loop {
            let kept = !self.dice.chance(20);
            let answer = self.ask(|host| at_once(self.once(host, &key, kept))).await;
            if let Ok(asked) = &answer {
                self.asked().push(asked.clone());
            }
            if answer.is_ok() && !self.platform.trouble(30) {
                return;
            }
            self.platform.time.sleep(self.dice.between(1, 3_000)).await;
        }
    }

    /// As the API does it; `kept`: the host does not die before it keeps the answer.
    async fn once(&self, host: &Services, key: &str, kept: bool) -> Result<Asked, Failure> {
        let user = self.user();
        let words = |error: crate::service::ServiceError| error.to_string();
        let triggered = match host.idempotency.begin(&user, key, "the same").await.map_err(words)? {
            IdempotencyBegin::New => {
                let asking = Actor { key: Some(key.to_owned()), ..user.clone() };
                host.runs.trigger(&asking, PIPELINE_NAME, TriggerInput::default()).await.map_err(words)?
            }
            IdempotencyBegin::Done(done) => host.idempotency.find::<Triggered>(host, done).await.map_err(words)?,
            IdempotencyBegin::Replay(answer) => {
                let (run, operation) = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
                return Ok(Asked { key: key.to_owned(), run, operation });
            }
            other => return Err(format!("{key} is {other:?}")),
        };
        let asked = Asked { key: key.to_owned(), run: triggered.run.id, operation: triggered.operation.id };
        if kept {
            let body = serde_json::to_vec(&(asked.run, asked.operation)).unwrap_or_default();
            let answer = StoredAnswer { status: 202, headers: Vec::new(), body };
            // Where it was kept before, that answer stays.
            let _ = host.idempotency.finish(&user, key, answer).await;
        }
        Ok(asked)
    }

    fn run_of(&self, key: &str) -> Option<RunId> {
        self.asked().iter().find(|asked| asked.key == key).map(|asked| asked.run)
    }

    /// Asks for the end of a run; whether there is anything to end, the host says.
    pub(super) async fn cancel(self: Arc<Self>, key: String) {
        if let Some(run) = self.run_of(&key) {
            drop(self.ask(|host| at_once(host.runs.cancel(&self.user(), run))).await);
        }
    }

    /// Asks for a run again; whether it can be, the host says.
    pub(super) async fn retry(self: Arc<Self>, key: String) {
        if let Some(run) = self.run_of(&key) {
            drop(self.ask(|host| at_once(host.runs.retry(&self.user(), run, RetryScope::All))).await);
        }
    }

    /// Asks for the end of runs that are nowhere.
    pub(super) fn give_up(&self) {
        let Some(host) = self.platform.host().clone() else { return };
        let filter = RunFilter { state: Some(State::Pending), ..RunFilter::default() };
        let pending = at_once(host.runs.list(filter, Page::first(Page::MOST))).unwrap();
        for run in pending.items.iter().filter(|run| run.external_id.is_none() && !run.cancel_requested) {
            // Where it ends just now, there is nothing to end.
            drop(at_once(host.runs.cancel(&self.user(), run.id)));
        }
    }

    /// Tells of every run, and of one that there is not, that it came to this end, as a webhook would: a hint, which must
    /// change nothing but what is looked at.
    pub(super) fn forge(&self, state: State) {
        let (page, now) = (Page::first(Page::MOST), self.platform.time.now());
        let changed = at_once(self.store.write(move |tx| {
            let mut changed = 0;
            let runs = tx.runs(&page, &RunFilter::default())?.items;
            for provider in tx.providers(&page)?.items {
                for run in runs.iter().filter_map(|run| run.external_id.as_deref()).chain(["forged"]) {
                    tx.add_hint(provider.id, PIPELINE, run)?;
                }
            }
            for run in runs {
                let seen = SeenRun { attempt: Some(run.attempt + 1), ..seen("forged", state) };
                let (after, _) = record::observe(tx, &run, seen, Standing::Hint, now)?;
                changed += usize::from(after != run);
            }
            Ok::<_, StoreError>(changed)
        }));
        if changed.unwrap() > 0 {
            self.platform.truth().wrong.push("a hint was taken for truth".into());
        }
    }
}
