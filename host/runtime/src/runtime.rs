//! The runtime: an engine, a door, and the plugins that serve.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use novacron_cicd_domain::{
    Timestamp,
    id::ProviderId,
    name::Name,
    provider::{Grants, Health, Provider as Configured},
};
use novacron_cicd_vault::Secret;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::{
    RuntimeError,
    call::{self, Environment},
    egress::{Door, DoorConfig, ProviderScope, Slot, SlotKind, Wants},
    plugin::{
        Cache, CredentialKind, Loader, Lock, Manifest, Plugin, PluginError, PluginSummary, Registry, RegistryConfig,
        Trial,
    },
    ports::HostPorts,
    provider::{Binding, Provider},
    sandbox::{self, Limits, Memory, SandboxEngine},
};

/// The environment variable that turns the memory pool off: `0`.
pub const POOLING_VARIABLE: &str = "NOVACRON_CICD_POOLING";

/// What a runtime is started with.
pub struct RuntimeConfig {
    /// Where plugins are, in the order in which they are taken in.
    pub plugin_dirs: Vec<PathBuf>,
    /// For compiled plugins and copies of approved ones; made, and closed to everybody else.
    pub cache_dir: PathBuf,
    /// Which plugin serves and what it was approved for.
    pub lock_file: PathBuf,
    /// 32 bytes that prove that an entry of the cache is ours: derived from the vault's key, never stored beside it.
    pub cache_key: Secret,
    /// Whether the sandbox may use its memory pool. `NOVACRON_CICD_POOLING=0` says no as well.
    pub pooling: bool,
    /// What one call may use.
    pub limits: Limits,
    /// What holds for every request.
    pub door: DoorConfig,
}

/// The plugins that serve, and all that their calls need.
#[derive(Clone)]
pub struct Runtime {
    host: Arc<Host>,
    registry: Arc<Registry>,
    prepared: Arc<Mutex<HashMap<ProviderId, Prepared>>>,
}

/// What every call shares.
pub(crate) struct Host {
    pub(crate) engine: Arc<SandboxEngine>,
    pub(crate) limits: Limits,
    pub(crate) ports: Arc<dyn HostPorts>,
    pub(crate) door: Arc<Door>,
    pub(crate) places: Semaphore,
}

/// What is the same for every call of a provider, as long as provider and plugin stay as they are.
#[derive(Clone)]
pub(crate) struct Prepared {
    plugin: [u8; 32],
    pub(crate) scope: Arc<ProviderScope>,
    pub(crate) environment: Arc<Environment>,
}

impl Runtime {
    /// Makes the engine and takes in every plugin of the directories. A file that is no plugin is listed with its error.
    ///
    /// # Errors
    /// [`RuntimeError`]: no engine, or the cache or the lock file can't be used.
    pub async fn start(config: RuntimeConfig, ports: Arc<dyn HostPorts>) -> Result<Self, RuntimeError> {
        let pooling = config.pooling && is_pooling_allowed(std::env::var_os(POOLING_VARIABLE).as_deref());
        let engine = Arc::new(SandboxEngine::new(&config.limits, pooling)?);
        let linker = sandbox::linker(&engine)?;
        let unusable = |what, path: &Path| {
            let path = path.to_owned();
            move |source| RuntimeError::Unusable { what, path, source }
        };
        let key = cache_key(&config.cache_key)?;
        let cache = Cache::open(&config.cache_dir, key, engine.engine())
            .map_err(unusable("the compile cache", &config.cache_dir))?;
        let lock = Lock::open(&config.lock_file).map_err(unusable("the lock file of plugins", &config.lock_file))?;
        let loader = Arc::new(Loader::new(engine.clone(), linker, cache, config.limits.clone()));
        let kept = config.cache_dir.join("approved");
        let registry = Registry::new(RegistryConfig { directories: config.plugin_dirs, kept }, loader, lock);
        let places = Semaphore::new(config.limits.calls);
        let door = Arc::new(Door::new(config.door, ports.clone()));
        let host = Arc::new(Host { engine, limits: config.limits, ports, door, places });
        let runtime = Self { host, registry: Arc::new(registry), prepared: Arc::default() };
        runtime.scan().await;
        Ok(runtime)
    }

    /// Takes in every plugin of the directories again: new and changed files are published, what serves goes on.
    pub async fn scan(&self) {
        self.registry.scan(&Smoke(self.host.clone()), self.host.ports.now()).await;
    }

    /// Looks whether a file of the directories is new, has changed or is gone, and acts on it when two looks in a row saw
    /// the same. To be called every few seconds.
    pub async fn look(&self) {
        self.registry.look(&Smoke(self.host.clone()), self.host.ports.now()).await;
    }

    /// Takes in one file and answers what it is.
    ///
    /// # Errors
    /// [`PluginError`] says why it does not serve; what served before goes on.
    pub async fn load(&self, path: &Path) -> Result<Arc<Plugin>, PluginError> {
        self.registry.admit(path, &Smoke(self.host.clone()), self.host.ports.now()).await
    }

    /// Lets a plugin serve that asks for more than it was approved for. `sha256` is the file that was looked at.
    ///
    /// # Errors
    /// [`PluginError`] where no such file waits, or it has changed again.
    pub async fn approve(&self, id: &str, sha256: &str) -> Result<Arc<Plugin>, PluginError> {
        self.registry.approve(id, sha256, &Smoke(self.host.clone()), self.host.ports.now()).await
    }

    /// Every plugin: what serves, what waits for approval, what is broken.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginSummary> {
        self.registry.summaries()
    }

    /// The plugin that serves under an id.
    #[must_use]
    pub fn plugin(&self, id: &str) -> Option<Arc<Plugin>> {
        self.registry.get(id)
    }

    /// Where the memory of guests comes from.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.host.engine.memory()
    }

    /// What one call may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.host.limits
    }

    /// Whether a provider could be called as it is configured: its plugin is there, and nothing in its grants is unclear.
    ///
    /// # Errors
    /// [`RuntimeError::NoPlugin`], [`RuntimeError::Scope`].
    pub fn check_provider(&self, provider: &Configured) -> Result<(), RuntimeError> {
        let plugin = self.serving(&provider.plugin)?;
        prepare(provider, &plugin).map(drop)
    }

    /// A provider ready to be called.
    ///
    /// # Errors
    /// [`RuntimeError::NoPlugin`] where its plugin does not serve, [`RuntimeError::Scope`] where its grants are unclear.
    pub fn provider(&self, binding: Binding) -> Result<Provider, RuntimeError> {
        let plugin = self.serving(&binding.provider.plugin)?;
        let prepared = self.prepared(&binding, &plugin)?;
        Ok(Provider::new(self.host.clone(), plugin, prepared, binding))
    }

    /// Lets go of what is kept for a provider that was changed or removed: connections, sessions in memory.
    pub fn forget(&self, provider: ProviderId) {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).remove(&provider);
        self.host.door.forget(provider);
    }

    fn serving(&self, id: &str) -> Result<Arc<Plugin>, RuntimeError> {
        self.registry.get(id).ok_or_else(|| RuntimeError::NoPlugin { id: id.to_owned() })
    }

    fn prepared(&self, binding: &Binding, plugin: &Plugin) -> Result<Prepared, RuntimeError> {
        let provider = &binding.provider;
        let mut known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        // By what it says, not by its version alone: a change that was tried and not stored may have had the same one.
        let same = |known: &&Prepared| known.plugin == *plugin.digest() && is_same(known.scope.provider(), provider);
        if let Some(prepared) = known.get(&provider.id).filter(same) {
            return Ok(prepared.clone());
        }
        let prepared = prepare(provider, plugin)?;
        known.insert(provider.id, prepared.clone());
        Ok(prepared)
    }
}

fn is_pooling_allowed(variable: Option<&std::ffi::OsStr>) -> bool {
    variable.is_none_or(|value| value != "0")
}

fn cache_key(secret: &Secret) -> Result<Zeroizing<[u8; 32]>, RuntimeError> {
    let key = <[u8; 32]>::try_from(secret.expose());
    key.map(Zeroizing::new).map_err(|_| RuntimeError::CacheKey { length: secret.len() })
}

fn prepare(provider: &Configured, plugin: &Plugin) -> Result<Prepared, RuntimeError> {
    let manifest = plugin.shared_manifest();
    let kind = |slot: &String| manifest.credential(slot).map(|credential| (slot.clone(), credential.kind.as_str()));
    let secret = |(slot, source): (&String, &novacron_cicd_domain::provider::CredentialSource)| {
        (slot.clone(), source.secret.clone())
    };
    let environment = Environment {
        provider: provider.id,
        name: provider.name.to_string(),
        base_url: provider.base_url.to_string(),
        settings: provider.settings.to_string(),
        credentials: provider.credentials.keys().filter_map(kind).collect(),
        secrets: provider.credentials.iter().map(secret).collect(),
        manifest: manifest.clone(),
    };
    Ok(Prepared {
        plugin: *plugin.digest(),
        scope: ProviderScope::new(provider.clone(), wants(manifest))?,
        environment: Arc::new(environment),
    })
}

/// Whether two states of a provider are the same to a call: all but its health and its dates.
fn is_same(one: &Configured, other: &Configured) -> bool {
    one.version == other.version
        && one.name == other.name
        && one.base_url == other.base_url
        && one.settings == other.settings
        && one.credentials == other.credentials
        && one.grants == other.grants
}

/// A manifest's wants in the door's words.
fn wants(manifest: &Manifest) -> Wants {
    let slot = |credential: &crate::plugin::CredentialSlot| {
        let slot = Slot {
            kind: match credential.kind {
                CredentialKind::Bearer => SlotKind::Bearer,
                CredentialKind::Basic => SlotKind::Basic,
                CredentialKind::Header => SlotKind::Header,
                CredentialKind::Hmac => SlotKind::Hmac,
                CredentialKind::Key => SlotKind::Key,
                CredentialKind::Exchange => SlotKind::Exchange,
                CredentialKind::Session => SlotKind::Session,
            },
            header: credential.header.clone(),
            required: credential.required,
            body: credential.body,
            origins: credential.origins.clone(),
        };
        (credential.slot.clone(), slot)
    };
    Wants {
        hosts: manifest.egress.hosts.clone(),
        redirect_hosts: manifest.egress.redirect_hosts.clone(),
        reads: manifest.egress.reads.clone(),
        slots: manifest.credentials.iter().map(slot).collect(),
    }
}

/// Starts a guest once for a provider that does not exist.
struct Smoke(Arc<Host>);

#[async_trait]
impl Trial for Smoke {
    async fn run(&self, plugin: &Arc<Plugin>) -> Result<(), PluginError> {
        let broken = |error: &dyn std::fmt::Display| PluginError::Manifest { reason: error.to_string() };
        let nobody = nobody(plugin).map_err(|error| broken(&error))?;
        let prepared = prepare(&nobody, plugin).map_err(|error| broken(&error))?;
        Box::pin(call::smoke(&self.0, plugin, prepared.scope, prepared.environment)).await
    }
}

fn nobody(plugin: &Plugin) -> Result<Configured, Box<dyn std::error::Error>> {
    Ok(Configured {
        id: "00000000-0000-0000-0000-000000000000".parse()?,
        name: Name::new("none")?,
        plugin: plugin.manifest().id.clone(),
        base_url: url::Url::parse("https://none.invalid/")?,
        settings: serde_json::Value::Null,
        credentials: std::collections::BTreeMap::new(),
        grants: Grants::default(),
        health: Health::default(),
        version: 0,
        created: Timestamp(0),
        updated: Timestamp(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_can_turn_the_pool_off_and_nothing_else_does() {
        for (variable, allowed) in [(None, true), (Some("1"), true), (Some(""), true), (Some("0"), false)] {
            assert_eq!(is_pooling_allowed(variable.map(std::ffi::OsStr::new)), allowed, "{variable:?}");
        }
    }
}
