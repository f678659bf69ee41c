//! A runtime with one plugin in it, as it was built for the sandbox; the host around it is kept in memory.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream::BoxStream};
use novacron_cicd_domain::{
    Timestamp,
    id::ProviderId,
    name::Name,
    platform::OperationArg,
    provider::{CredentialSource, Grants, Health, Provider as Configured},
};
use novacron_cicd_runtime::{
    Binding, HostPorts, Provider, Runtime, RuntimeConfig,
    egress::{DoorConfig, EgressRecord},
    ports::{KvEntry, KvError, Session},
    sandbox::Limits,
};
use novacron_cicd_vault::{Masker, Secret};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A secret's value by its name: long enough that it is masked wherever it shows. That of `app` is a private key.
#[must_use]
pub fn secret(name: &str) -> String {
    if name == "app" {
        return include_str!("../../../host/vault/src/sign/jwt/testdata/rsa.pem").to_owned();
    }
    format!("{name}-value-7f3a9c")
}

/// Value and placement of a session.
type Kept = (String, String);

/// The host around the runtime. A secret is there under every name.
#[derive(Default)]
struct Ports {
    kv: Mutex<HashMap<String, KvEntry>>,
    sessions: Mutex<HashMap<String, Kept>>,
    blobs: Mutex<HashMap<String, Bytes>>,
}

#[async_trait]
impl HostPorts for Ports {
    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000)
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(4);
    }

    async fn secret(&self, name: &str) -> Option<Secret> {
        Some(Secret::new(secret(name)))
    }

    fn masker(&self) -> Arc<Masker> {
        Arc::new(Masker::new([]))
    }

    async fn session(&self, _: ProviderId, slot: &str) -> Option<Session> {
        let (value, placement) = self.sessions.lock().unwrap().get(slot).cloned()?;
        Some(Session { value: Secret::new(value), placement, expires: None })
    }

    async fn put_session(&self, _: ProviderId, slot: &str, session: &Session) {
        let value = session.value.expose_str().unwrap_or_default().to_owned();
        self.sessions.lock().unwrap().insert(slot.to_owned(), (value, session.placement.clone()));
    }

    async fn drop_session(&self, _: ProviderId, slot: &str) {
        self.sessions.lock().unwrap().remove(slot);
    }

    async fn kv_get(&self, _: ProviderId, key: &str) -> Result<Option<KvEntry>, KvError> {
        Ok(self.kv.lock().unwrap().get(key).cloned())
    }

    async fn kv_put(
        &self,
        _: ProviderId,
        key: &str,
        value: Vec<u8>,
        expected: Option<u64>,
        _: Option<u64>,
    ) -> Result<u64, KvError> {
        let mut kv = self.kv.lock().unwrap();
        let before = kv.get(key).map_or(0, |entry| entry.version);
        if expected.is_some_and(|expected| expected != before) {
            return Err(KvError::Stale(before));
        }
        kv.insert(key.to_owned(), KvEntry { value, version: before + 1 });
        Ok(before + 1)
    }

    async fn kv_remove(&self, _: ProviderId, key: &str, _: Option<u64>) -> Result<(), KvError> {
        self.kv.lock().unwrap().remove(key);
        Ok(())
    }

    async fn blob(&self, sha256: &str, _: u64) -> std::io::Result<BoxStream<'static, std::io::Result<Bytes>>> {
        let bytes = self.blobs.lock().unwrap().get(sha256).cloned().ok_or(std::io::ErrorKind::NotFound)?;
        // In two pieces: a stream is one.
        let pieces = [bytes.slice(..bytes.len() / 2), bytes.slice(bytes.len() / 2..)];
        Ok(futures_util::stream::iter(pieces.map(Ok)).boxed())
    }

    fn audit(&self, _: EgressRecord) {}
}

/// A runtime over one plugin.
pub struct House {
    runtime: Runtime,
    ports: Arc<Ports>,
    plugin: String,
    _directory: TempDir,
}

fn guests() -> PathBuf {
    std::env::var_os("CICD_TEST_GUESTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/wasm32-wasip2/guest"),
        PathBuf::from,
    )
}

/// Where the plugin of that id lies as it was built for the sandbox.
///
/// # Panics
/// Where it is not built.
#[must_use]
pub fn built(plugin: &str) -> PathBuf {
    let path = guests().join(format!("novacron_cicd_plugin_{}.wasm", plugin.replace('-', "_")));
    assert!(path.is_file(), "{} is missing: run cargo xtask guests", path.display());
    path
}

impl House {
    /// With the plugin of that id, which also names its crate.
    ///
    /// # Panics
    /// Where the plugin is not built, or does not load.
    pub async fn new(plugin: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let plugins = directory.path().join("plugins");
        std::fs::create_dir(&plugins).unwrap();
        std::fs::copy(built(plugin), plugins.join(format!("{plugin}.wasm"))).unwrap();
        let config = RuntimeConfig {
            plugin_dirs: vec![plugins],
            // One for all tests, which are a process each: to compile a plugin takes longer than most of them.
            cache_dir: guests().join("compiled"),
            lock_file: directory.path().join("plugins.lock"),
            cache_key: Secret::new(vec![7; 32]),
            pooling: false,
            limits: Limits::default(),
            door: DoorConfig::default(),
        };
        let ports = Arc::new(Ports::default());
        let runtime = Runtime::start(config, ports.clone()).await.unwrap();
        Self { runtime, ports, plugin: plugin.to_owned(), _directory: directory }
    }

    /// Keeps bytes for uploads; answers their sha256.
    ///
    /// # Panics
    /// Where a test before it did.
    #[must_use]
    pub fn keep(&self, bytes: &'static [u8]) -> String {
        let sha256 = hex::encode(Sha256::digest(bytes));
        self.ports.blobs.lock().unwrap().insert(sha256.clone(), Bytes::from_static(bytes));
        sha256
    }

    /// A provider of it. A credential is its slot and the account; its secret is [`secret`] of the slot's name.
    ///
    /// # Panics
    /// Where the provider is not one that the plugin takes.
    #[must_use]
    pub fn provider(&self, base_url: &str, settings: serde_json::Value, credential: Option<(&str, &str)>) -> Provider {
        let source = |(slot, account): (&str, &str)| {
            (slot.to_owned(), CredentialSource { username: Some(account.to_owned()), secret: slot.to_owned() })
        };
        let provider = Configured {
            id: ProviderId(uuid::Uuid::new_v4()),
            name: Name::new(format!("{}-1", self.plugin)).unwrap(),
            plugin: self.plugin.clone(),
            base_url: base_url.parse().unwrap(),
            settings,
            credentials: credential.map(source).into_iter().collect(),
            grants: Grants {
                private_networks: vec!["127.0.0.0/8".into()],
                redirect_hosts: vec!["*".into()],
                ..Grants::default()
            },
            health: Health::default(),
            version: 1,
            created: Timestamp(0),
            updated: Timestamp(0),
        };
        let secrets = BTreeMap::from([("parameter".to_owned(), Secret::new(secret("parameter")))]);
        let binding = Binding {
            provider,
            secrets,
            deadline: Duration::from_secs(30),
            cancel: CancellationToken::new(),
            actor: "test".into(),
        };
        let plugins = self.runtime.plugins();
        self.runtime.provider(binding).unwrap_or_else(|error| unreachable!("{error}: {plugins:?}"))
    }
}

/// Some intent.
#[must_use]
pub fn operation() -> OperationArg {
    OperationArg {
        id: novacron_cicd_domain::id::OperationId(uuid::Uuid::nil()),
        attempt: 1,
        first_sent: None,
        correlation: None,
    }
}
