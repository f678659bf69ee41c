//! The use cases on a store in memory, with a scripted platform and no plugin.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod access;
mod callbacks;
mod configuration;
mod notifications;
mod once;
mod remote;
mod retry;
mod runs;
mod webhooks;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use novacron_cicd_domain::{
    Coded,
    operation::RecoveryClass,
    parameter::{Input, Parameter, ParameterKind},
    provider::{CredentialSource, Provider},
    token::Role,
};
use novacron_cicd_runtime::{
    RuntimeError,
    egress::{Parcel, Receipt, SendError},
    plugin::{Manifest, PluginError, PluginState, PluginSummary},
};
use novacron_cicd_store::{Page, Store};
use novacron_cicd_vault::{KeySource, Masker, Secret, Vault};

use super::{
    Actor, Courier, NewPipeline, NewProvider, ServiceError, Services, StateDir, TriggerInput, catalog::Catalog,
    host::Settings, masking::Masking, reach::Reach, start::Parts,
};
use crate::{
    artifact::Blobs,
    engine::{
        CallbackBase, EngineConfig, StoreLedger, SystemClock, SystemRandom, World, ports::Reporting,
        testing::FakePlatform,
    },
};

const MANIFEST: &str = r#"
id = "fake"
version = "0.1.0"
contract = "0.1.0"
title = "Fake"
runs = "callback"
[[credential]]
slot = "signing"
kind = "hmac"
header = "x-signature"
required = true
description = "signs what is sent"
[[credential]]
slot = "hook"
kind = "hmac"
[webhooks]
scheme = "standard-webhooks"
slot = "hook"
[settings]
type = "object"
additionalProperties = false
[settings.properties.retries]
type = "integer"
maximum = 5
"#;

/// One plugin, `fake`, and the providers that it was told to forget.
struct OnePlugin(Manifest, Arc<Forgotten>);

pub(crate) type Forgotten = std::sync::Mutex<Vec<String>>;

#[async_trait]
impl Catalog for OnePlugin {
    fn plugins(&self) -> Vec<PluginSummary> {
        vec![PluginSummary {
            id: self.0.id.clone(),
            version: Some(self.0.version.clone()),
            sha256: None,
            path: "fake.wasm".into(),
            title: None,
            description: None,
            interfaces: Vec::new(),
            credentials: Vec::new(),
            asks: Vec::new(),
            settings: None,
            state: PluginState::Serving,
        }]
    }

    fn manifest(&self, plugin: &str, look: &mut dyn FnMut(&Manifest)) -> bool {
        if plugin == self.0.id {
            look(&self.0);
        }
        plugin == self.0.id
    }

    async fn look(&self) {}

    async fn approve(&self, plugin: &str, sha256: &str) -> Result<(), PluginError> {
        Err(PluginError::NotWaiting { id: plugin.into(), sha256: sha256.into() })
    }

    fn check(&self, _: &Provider) -> Result<(), RuntimeError> {
        Ok(())
    }

    fn forget(&self, provider: &Provider) {
        self.1.lock().unwrap().push(provider.name.to_string());
    }
}

struct House {
    services: Services,
    platform: Arc<FakePlatform>,
    forgotten: Arc<Forgotten>,
    store: Store,
    home: tempfile::TempDir,
}

/// `workers` 0: nothing is ever sent.
async fn house(recovery: RecoveryClass, workers: usize) -> House {
    house_of(Reporting::Callback, recovery, workers).await
}

async fn house_of(reporting: Reporting, recovery: RecoveryClass, workers: usize) -> House {
    let home = tempfile::tempdir().unwrap();
    let store = Store::in_memory().unwrap();
    let platform = FakePlatform::new(reporting, recovery);
    let forgotten = Arc::default();
    let services = assemble(&store, &platform, &forgotten, home.path(), workers).await;
    House { services, platform, forgotten, store, home }
}

async fn assemble(
    store: &Store,
    platform: &Arc<FakePlatform>,
    forgotten: &Arc<Forgotten>,
    home: &std::path::Path,
    workers: usize,
) -> Services {
    let world = World {
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        providers: platform.clone(),
        ledger: Arc::new(StoreLedger::new(store.clone(), HEARTBEAT)),
        logs: None,
    };
    let engine = EngineConfig { workers, ..EngineConfig::default() };
    assemble_in(world, platform.clone(), store, forgotten, home, engine).await
}

/// How long a run that calls back may be silent.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(900);

/// Nothing that is told leaves this host.
struct Nobody;

#[async_trait]
impl Courier for Nobody {
    async fn post(&self, parcel: Parcel) -> Result<Receipt, SendError> {
        Err(SendError::NotSent(format!("nobody listens at {}", parcel.url)))
    }
}

/// A host in this world, with one plugin, on this state; its runs can call back.
pub(crate) async fn assemble_in(
    world: World,
    reach: Arc<dyn Reach>,
    store: &Store,
    forgotten: &Arc<Forgotten>,
    home: &std::path::Path,
    engine: EngineConfig,
) -> Services {
    assemble_with(world, reach, Arc::new(Nobody), store, forgotten, home, engine).await
}

/// The same, with somebody who takes what it tells.
async fn assemble_with(
    world: World,
    reach: Arc<dyn Reach>,
    courier: Arc<dyn Courier>,
    store: &Store,
    forgotten: &Arc<Forgotten>,
    home: &std::path::Path,
    engine: EngineConfig,
) -> Services {
    let callbacks = CallbackBase::Public(url::Url::parse("https://host.example.com").unwrap());
    let vault = Arc::new(Vault::open(&KeySource::Bytes(Secret::new(vec![7; 32]))).unwrap());
    let masker = Arc::new(ArcSwap::from_pointee(Masker::default()));
    let dir = StateDir::new(home);
    let parts = Parts {
        store: store.clone(),
        masking: Arc::new(Masking::new(store.clone(), vault.clone(), masker)),
        vault,
        clock: world.clock,
        random: world.random,
        catalog: Arc::new(OnePlugin(Manifest::parse(MANIFEST).unwrap(), forgotten.clone())),
        platforms: world.providers,
        reach,
        courier,
        ledger: world.ledger,
        blobs: Blobs::open(dir.open("blobs").unwrap()).unwrap(),
        engine: EngineConfig { callbacks, ..engine },
        settings: Settings {
            state_dir: home.to_owned(),
            call_deadline: Duration::from_secs(5),
            heartbeat: HEARTBEAT,
            artifact_limit: 1 << 20,
            webhooks_kept: (Duration::from_secs(30 * 24 * 3600), 1 << 20),
            source: "urn:novacron:cicd".into(),
        },
    };
    Services::assemble(parts, &dir).await.unwrap()
}

/// Of every host here.
pub(crate) fn vault() -> Vault {
    Vault::open(&KeySource::Bytes(Secret::new(vec![7; 32]))).unwrap()
}

pub(crate) fn someone(role: Role) -> Actor {
    Actor { token: None, name: "ada".into(), role, key: None }
}

fn admin() -> Actor {
    someone(Role::Admin)
}

pub(crate) fn slot(secret: &str) -> BTreeMap<String, CredentialSource> {
    BTreeMap::from([("signing".into(), CredentialSource { username: None, secret: secret.into() })])
}

fn new_provider(name: &str) -> NewProvider {
    NewProvider {
        name: name.into(),
        plugin: "fake".into(),
        base_url: "https://ci.example.com/hook".into(),
        credentials: slot("signing-key"),
        ..NewProvider::default()
    }
}

fn parameter(name: &str, kind: ParameterKind, required: bool) -> Parameter {
    Parameter { name: name.into(), kind, description: None, default: None, choices: Vec::new(), required }
}

impl House {
    /// Another host on the same state, after this one; nothing is ever sent.
    async fn again(self) -> Self {
        self.services.stop(Duration::ZERO).await;
        let services = assemble(&self.store, &self.platform, &self.forgotten, self.home.path(), 0).await;
        Self { services, ..self }
    }

    /// A provider, a secret and a pipeline `build`.
    async fn furnish(&self) {
        let key = Secret::new("a-signing-key-of-some-length");
        self.services.secrets.set(&admin(), "signing-key", key).await.unwrap();
        self.services.providers.add(&admin(), new_provider("ci")).await.unwrap();
        let pipeline = NewPipeline {
            name: "build".into(),
            provider: "ci".into(),
            parameters: vec![
                parameter("BRANCH", ParameterKind::String, true),
                parameter("LEVEL", ParameterKind::Number, false),
                parameter("TOKEN", ParameterKind::Secret, false),
            ],
            environment: BTreeMap::from([("A".into(), "pipeline".into()), ("B".into(), "pipeline".into())]),
            ..NewPipeline::default()
        };
        self.services.pipelines.create(&admin(), pipeline).await.unwrap();
    }

    async fn run(&self) -> super::Triggered {
        self.services.runs.trigger(&someone(Role::Operator), "build", input(&[("BRANCH", "main")])).await.unwrap()
    }
}

fn input(parameters: &[(&str, &str)]) -> TriggerInput {
    let parameters = parameters.iter().map(|(name, value)| ((*name).into(), Input::One((*value).into()))).collect();
    TriggerInput { parameters, ..TriggerInput::default() }
}

fn codes(error: &ServiceError) -> Vec<&'static str> {
    let problems = error.problems();
    if problems.is_empty() { vec![error.code()] } else { problems.into_iter().map(|problem| problem.code).collect() }
}
