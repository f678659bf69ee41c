//! Opens the state directory, wires the parts together, starts the engine.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use cap_std::{ambient_authority, fs::Dir};
use novacron_cicd_domain::id::TokenId;
use novacron_cicd_runtime::{
    Runtime, RuntimeConfig,
    egress::{self, DoorConfig},
    sandbox::Limits,
};
use novacron_cicd_store::{Options, Store, StoreError};
use novacron_cicd_vault::{KeySource, Masker, Secret, Vault};

use super::{
    Artifacts, Audit, Callbacks, Courier, Events, Health, Idempotency, IssuedToken, Logs, Notifications, Operations,
    Pipelines, Plugins, Providers, Remote, Runs, Secrets, ServiceError, Subscribers, Tokens, Webhooks,
    artifacts::Fetches,
    catalog::Catalog,
    host::{Host, Settings},
    ids::Ids,
    masking::{Masking, values},
    notifications::{self, Outbox},
    platforms::Platforms,
    ports::Ports,
    reach::Reach,
    tokens,
    webhooks::{self, Intake},
};
use crate::{
    artifact::{BlobError, Blobs},
    engine::{
        CallbackBase, Engine, EngineConfig, StoreLedger, SystemClock, SystemRandom, World,
        ports::{Clock, Ledger, Random},
    },
    log,
};

/// What a host is started with.
pub struct ServicesConfig {
    /// Where all state lives; made where it is not there.
    pub state_dir: PathBuf,
    /// Directories with plugins beside `<state>/plugins`.
    pub plugin_dirs: Vec<PathBuf>,
    /// The vault's key, 32 bytes in base64; none: `<state>/vault.key`, made at first start.
    pub vault_key: Option<Secret>,
    /// Where runs reach `/v1/callbacks`.
    pub callbacks: CallbackBase,
    /// Whether the sandbox may use its pooling allocator.
    pub pooling: bool,
    /// How much memory one instance of a plugin may have, in bytes; none: the sandbox's own bound.
    pub sandbox_memory: Option<usize>,
    /// How long one call of a plugin may take.
    pub call_deadline: Duration,
    /// How long a run that calls back may be silent before it counts as lost.
    pub heartbeat: Duration,
    /// The largest artifact that is taken, in bytes.
    pub artifact_limit: u64,
    /// The shortest and the longest time between two looks at a platform.
    pub poll: (Duration, Duration),
    /// How long webhook deliveries are kept that were read, and messages that were settled; and how many bytes of each.
    pub webhooks_kept: (Duration, u64),
    /// How many operations are at work at once.
    pub workers: usize,
    /// How many of them on one provider.
    pub workers_per_provider: usize,
}

impl ServicesConfig {
    /// The defaults, on this state directory.
    #[must_use]
    pub fn new(state_dir: PathBuf) -> Self {
        Self {
            state_dir,
            plugin_dirs: Vec::new(),
            vault_key: None,
            callbacks: CallbackBase::None,
            pooling: true,
            sandbox_memory: None,
            call_deadline: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15 * 60),
            artifact_limit: 16 << 30,
            poll: EngineConfig::default().poll,
            webhooks_kept: (Duration::from_secs(14 * 24 * 60 * 60), 1 << 30),
            workers: 16,
            workers_per_provider: 4,
        }
    }
}

/// Where everything is in a state directory.
#[derive(Clone, Debug)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// Of this directory.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("novacron-cicd.db")
    }

    /// The vault's key.
    #[must_use]
    pub fn vault_key(&self) -> PathBuf {
        self.0.join("vault.key")
    }

    /// The first admin token.
    #[must_use]
    pub fn admin_token(&self) -> PathBuf {
        self.0.join("admin.token")
    }

    /// The operator's plugins.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.0.join("plugins")
    }

    /// Makes the directory itself, where it is not there.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(&self) -> Result<(), ServiceError> {
        self.make("").map(drop)
    }

    /// Readable by its owner alone.
    fn make(&self, below: &str) -> Result<PathBuf, ServiceError> {
        let path = self.0.join(below);
        let what = format!("make the directory {}", path.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(ServiceError::io(what))?;
        Ok(path)
    }

    pub(super) fn open(&self, below: &str) -> Result<Dir, ServiceError> {
        let path = self.make(below)?;
        let what = format!("open the directory {}", path.display());
        Dir::open_ambient_dir(&path, ambient_authority()).map_err(ServiceError::io(what))
    }
}

/// A running host.
#[derive(Clone)]
pub struct Services {
    /// Configured connections.
    pub providers: Providers,
    /// Definitions.
    pub pipelines: Pipelines,
    /// What only a platform has: runners, its own secrets and environments, and the like.
    pub remote: Remote,
    /// Executions.
    pub runs: Runs,
    /// Bytes with a digest.
    pub artifacts: Artifacts,
    /// Values that only the vault holds.
    pub secrets: Secrets,
    /// Who may talk to the API.
    pub tokens: Tokens,
    /// Durable intents.
    pub operations: Operations,
    /// What is installed.
    pub plugins: Plugins,
    /// What runs say of themselves.
    pub callbacks: Callbacks,
    /// What runs wrote.
    pub logs: Logs,
    /// What happened.
    pub events: Events,
    /// Answers that are given again.
    pub idempotency: Idempotency,
    /// What platforms tell of their own accord.
    pub webhooks: Webhooks,
    /// Who is told of what happens.
    pub subscribers: Subscribers,
    /// Messages to them.
    pub notifications: Notifications,
    /// Who did what.
    pub audit: Audit,
    /// Whether the host can work.
    pub health: Health,
    host: Arc<Host>,
}

impl Services {
    /// Opens the state, loads the plugins, starts the engine. The second value is the first admin token, at first start
    /// only; it is in `<state>/admin.token` too.
    ///
    /// # Errors
    /// The state is in use by another host, broken, sealed with another key, or cannot be written.
    pub async fn start(config: ServicesConfig) -> Result<(Self, Option<IssuedToken>), ServiceError> {
        let dir = StateDir::new(&config.state_dir);
        dir.create()?;
        // The lock comes first: nothing is touched in a state that another host has.
        let store = Store::open(dir.database(), &Options::default())?;
        let source = match config.vault_key {
            Some(key) => KeySource::Base64(key),
            None => KeySource::File(dir.vault_key()),
        };
        let vault = Arc::new(Vault::open(&source)?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let masker = Arc::new(ArcSwap::from_pointee(Masker::new(&values(&store, &vault).await?)));
        let id = TokenId(Ids::new(clock.clone(), random.clone()).next());
        let admin = tokens::first_admin(&store, id, dir.admin_token(), clock.now()).await?;

        let limits = Limits {
            wall: config.call_deadline.max(Limits::default().wall),
            memory: config.sandbox_memory.unwrap_or(Limits::default().memory),
            ..Limits::default()
        };
        let masking = Arc::new(Masking::new(store.clone(), vault.clone(), masker.clone()));
        let blobs = Blobs::open(dir.open("blobs")?)?;
        let ports = Ports::new(store.clone(), vault.clone(), masker, clock.clone(), random.clone(), blobs.clone());
        let mut plugin_dirs = config.plugin_dirs;
        plugin_dirs.push(dir.make("plugins")?);
        let runtime = RuntimeConfig {
            plugin_dirs,
            cache_dir: dir.make("cache")?,
            lock_file: config.state_dir.join("plugins.lock"),
            cache_key: cache_key(&config.state_dir.join("cache.key"), &vault, random.as_ref())?,
            pooling: config.pooling,
            limits,
            door: DoorConfig::default(),
        };
        let ports = Arc::new(ports);
        let runtime = Runtime::start(runtime, ports.clone()).await?;
        let platforms = Arc::new(Platforms::new(runtime.clone(), ports, vault.clone(), masking.clone()));
        let ledger = Arc::new(StoreLedger::new(store.clone(), config.heartbeat));
        let who = who_we_are(&config.callbacks);
        let parts = Parts {
            store,
            vault,
            masking,
            clock,
            random,
            catalog: Arc::new(runtime),
            reach: platforms.clone(),
            courier: Arc::new(egress::Courier::new(DoorConfig::default())),
            platforms,
            ledger,
            blobs,
            engine: EngineConfig {
                workers: config.workers,
                per_provider: config.workers_per_provider,
                call_deadline: config.call_deadline,
                callbacks: config.callbacks,
                poll: config.poll,
                ..EngineConfig::default()
            },
            settings: Settings {
                state_dir: config.state_dir,
                call_deadline: config.call_deadline,
                heartbeat: config.heartbeat,
                artifact_limit: config.artifact_limit,
                webhooks_kept: config.webhooks_kept,
                source: who,
            },
        };
        Ok((Self::assemble(parts, &dir).await?, admin))
    }

    /// Wires a host of its parts. Tests bring their own.
    pub(crate) async fn assemble(parts: Parts, dir: &StateDir) -> Result<Self, ServiceError> {
        let Parts {
            store,
            vault,
            masking,
            clock,
            random,
            catalog,
            platforms,
            reach,
            courier,
            ledger,
            blobs,
            engine,
            settings,
        } = parts;
        // Whoever was answering is gone.
        store.write(|tx| tx.forget_in_flight()).await?;
        sweep(&store, &blobs).await?;
        let logs = log::Logs::new(dir.open("logs")?, store.clone(), vault.clone(), masking.masker().clone());
        let ids = Ids::new(clock.clone(), random.clone());
        let world = World {
            clock: clock.clone(),
            random: random.clone(),
            providers: platforms.clone(),
            ledger,
            logs: Some(Arc::new(logs.clone())),
        };
        let engine = Engine::start(world, engine);
        let intake = Arc::new(Intake::new(store.read(|state| state.waiting_deliveries()).await?));
        let host = Arc::new(Host {
            store,
            vault,
            masking,
            clock,
            ids,
            catalog,
            platforms,
            reach,
            engine: engine.handle(),
            running: Mutex::new(Some(engine)),
            logs,
            blobs,
            fetches: Fetches::default(),
            intake,
            outbox: Arc::new(Outbox::default()),
            courier,
            random,
            settings,
        });
        tokio::spawn(webhooks::work(Arc::downgrade(&host)));
        tokio::spawn(notifications::work(Arc::downgrade(&host)));
        Ok(Self::of(host))
    }

    fn of(host: Arc<Host>) -> Self {
        Self {
            providers: Providers { host: host.clone() },
            pipelines: Pipelines { host: host.clone() },
            remote: Remote { host: host.clone() },
            runs: Runs { host: host.clone() },
            artifacts: Artifacts { host: host.clone() },
            secrets: Secrets { host: host.clone() },
            tokens: Tokens { host: host.clone() },
            operations: Operations { host: host.clone() },
            plugins: Plugins { host: host.clone() },
            callbacks: Callbacks { host: host.clone() },
            logs: Logs { host: host.clone() },
            events: Events { host: host.clone() },
            idempotency: Idempotency { host: host.clone() },
            webhooks: Webhooks { host: host.clone() },
            subscribers: Subscribers { host: host.clone() },
            notifications: Notifications { host: host.clone() },
            audit: Audit { host: host.clone() },
            health: Health { host: host.clone() },
            host,
        }
    }

    /// Where its state is.
    #[must_use]
    pub fn state_dir(&self) -> StateDir {
        StateDir::new(&self.host.settings.state_dir)
    }

    /// What is to be masked wherever text leaves the host; swapped for a newer one whenever a secret changes.
    #[must_use]
    pub fn masker(&self) -> Arc<ArcSwap<Masker>> {
        self.host.masking.masker().clone()
    }

    /// Takes no new work, lets calls under way end for at most `grace`, then cuts them: those are settled by their
    /// recovery class at the next start.
    pub async fn stop(&self, grace: Duration) {
        let engine = self.host.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(engine) = engine {
            engine.stop(grace).await;
        }
        self.host.outbox.wake();
    }
}

/// What a host is made of.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) vault: Arc<Vault>,
    pub(crate) masking: Arc<Masking>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) platforms: Arc<dyn crate::engine::ports::Providers>,
    pub(crate) reach: Arc<dyn Reach>,
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) blobs: Blobs,
    pub(crate) engine: EngineConfig,
    pub(crate) settings: Settings,
}

/// Who we are in what we tell others: the address at which they find us, where there is one.
fn who_we_are(callbacks: &CallbackBase) -> String {
    match callbacks {
        CallbackBase::Public(url) => url.to_string(),
        // A port of the day is no name.
        CallbackBase::Loopback(_) | CallbackBase::None => "urn:novacron:cicd".to_owned(),
    }
}

/// Bytes that got their name and no row, because the host was killed in between, go.
async fn sweep(store: &Store, blobs: &Blobs) -> Result<(), ServiceError> {
    let (store, blobs) = (store.clone(), blobs.clone());
    let listing = blobs.clone();
    let digests = tokio::task::spawn_blocking(move || listing.digests())
        .await
        .unwrap_or_else(|error| Err(BlobError::Io(std::io::Error::other(error))))?;
    for some in digests.chunks(1000) {
        let some = some.to_vec();
        let unused = store
            .read(move |state| {
                let mut unused = Vec::new();
                for digest in some {
                    if !state.blob_in_use(&digest)? {
                        unused.push(digest);
                    }
                }
                Ok::<_, StoreError>(unused)
            })
            .await?;
        for digest in unused {
            tracing::info!(sha256 = digest, "removing bytes that no artifact has");
            blobs.remove(&digest)?;
        }
    }
    Ok(())
}

/// The key of the compile cache: random, sealed by the vault. One that does not open is made anew; what was compiled
/// under it is then compiled again.
fn cache_key(file: &Path, vault: &Vault, random: &dyn Random) -> Result<Secret, ServiceError> {
    const CONTEXT: &str = "compile-cache-key";
    if let Ok(sealed) = std::fs::read(file)
        && let Ok(key) = vault.unseal(CONTEXT, &sealed)
        && key.len() == 32
    {
        return Ok(key);
    }
    let mut bytes = vec![0; 32];
    random.fill(&mut bytes);
    let key = Secret::new(bytes);
    let sealed = vault.seal(CONTEXT, &key)?;
    std::fs::write(file, sealed).map_err(ServiceError::io(format!("write {}", file.display())))?;
    Ok(key)
}
