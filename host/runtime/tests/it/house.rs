//! What the tests share: ports that keep everything in memory, a runtime over built guests, a platform on loopback.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use novacron_cicd_domain::{
    Timestamp,
    id::ProviderId,
    name::Name,
    platform::{CheckReport, OperationArg, TriggerRequest},
    provider::{CredentialSource, Grants, Health, Provider as Configured},
};
use novacron_cicd_runtime::{
    Binding, CallError, HostPorts, Provider, Runtime, RuntimeConfig,
    egress::{DoorConfig, EgressRecord},
    ports::{KvEntry, KvError, Session},
    sandbox::Limits,
};
use novacron_cicd_vault::{Masker, Secret};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The value of every secret.
pub(crate) const VALUE: &str = "marked-secret-value-7f3a";

/// The host around the runtime, all in memory.
#[derive(Default)]
pub(crate) struct Ports {
    kv: Mutex<HashMap<String, KvEntry>>,
    pub(crate) kv_fails: AtomicBool,
    /// Milliseconds after the time that it is at first.
    pub(crate) later: AtomicI64,
    pub(crate) records: Mutex<Vec<EgressRecord>>,
}

#[async_trait]
impl HostPorts for Ports {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000 + self.later.load(Ordering::Relaxed))
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(4);
    }

    async fn secret(&self, name: &str) -> Option<Secret> {
        match name {
            "known" => Some(Secret::new(VALUE)),
            "private-key" => Some(Secret::new(include_str!("../../../vault/src/sign/jwt/testdata/ec.pem"))),
            _ => None,
        }
    }

    fn masker(&self) -> Arc<Masker> {
        Arc::new(Masker::new([&Secret::new(VALUE)]))
    }

    async fn session(&self, _: ProviderId, _: &str) -> Option<Session> {
        None
    }

    async fn put_session(&self, _: ProviderId, _: &str, _: &Session) {}

    async fn drop_session(&self, _: ProviderId, _: &str) {}

    async fn kv_get(&self, _: ProviderId, key: &str) -> Result<Option<KvEntry>, KvError> {
        if self.kv_fails.load(Ordering::Relaxed) {
            return Err(KvError::Other("the disk is full".into()));
        }
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

    async fn blob(&self, _: &str, _: u64) -> std::io::Result<BoxStream<'static, std::io::Result<Bytes>>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn audit(&self, record: EgressRecord) {
        self.records.lock().unwrap().push(record);
    }
}

/// A built guest: `hostile`, `bench`.
pub(crate) fn guest(name: &str) -> PathBuf {
    component(&format!("guest_{name}"))
}

/// Anything built for the sandbox, by its crate: `example_hello`, `plugin_webhook`.
pub(crate) fn component(name: &str) -> PathBuf {
    let built = std::env::var_os("CICD_TEST_GUESTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/wasm32-wasip2/guest"),
        PathBuf::from,
    );
    let path = built.join(format!("novacron_cicd_{name}.wasm"));
    assert!(path.is_file(), "{} is missing: run cargo xtask guests", path.display());
    path
}

/// A runtime with its directories.
pub(crate) struct House {
    pub(crate) runtime: Runtime,
    pub(crate) ports: Arc<Ports>,
    pub(crate) directory: TempDir,
}

pub(crate) fn config(directory: &Path, limits: Limits) -> RuntimeConfig {
    RuntimeConfig {
        plugin_dirs: vec![directory.join("plugins")],
        cache_dir: directory.join("cache"),
        lock_file: directory.join("plugins.lock"),
        cache_key: Secret::new(vec![7; 32]),
        pooling: true,
        limits,
        door: DoorConfig::default(),
    }
}

/// Small enough that no test waits long for a limit.
pub(crate) fn limits() -> Limits {
    Limits { wall: Duration::from_secs(10), cpu: Duration::from_millis(500), ..Limits::default() }
}

impl House {
    /// With one guest.
    pub(crate) async fn new(name: &str, limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("plugins")).unwrap();
        std::fs::copy(guest(name), directory.path().join("plugins").join(format!("{name}.wasm"))).unwrap();
        Self::over(directory, limits).await
    }

    /// Over a directory as it is.
    pub(crate) async fn over(directory: TempDir, limits: Limits) -> Self {
        let ports = Arc::new(Ports::default());
        let runtime = Runtime::start(config(directory.path(), limits), ports.clone()).await.unwrap();
        Self { runtime, ports, directory }
    }

    pub(crate) async fn hostile() -> Self {
        Self::new("hostile", limits()).await
    }

    /// The hostile provider, set to a behaviour.
    pub(crate) fn set(&self, behaviour: &str) -> Setting<'_> {
        let settings = serde_json::json!({ "behaviour": behaviour });
        Setting {
            house: self,
            settings,
            base_url: "http://127.0.0.1:9/".into(),
            deadline: Duration::from_secs(10),
            cancel: CancellationToken::new(),
        }
    }

    /// A provider of another plugin than the hostile one.
    pub(crate) fn provider_of(&self, plugin: &str) -> Provider {
        let setting = Setting { settings: serde_json::json!({}), ..self.set("none") };
        let mut configured = setting.configured();
        configured.plugin = plugin.to_owned();
        self.runtime.provider(setting.binding(configured)).unwrap()
    }
}

/// A provider of the hostile plugin, and the call that will be made.
pub(crate) struct Setting<'h> {
    house: &'h House,
    settings: serde_json::Value,
    base_url: String,
    deadline: Duration,
    cancel: CancellationToken,
}

impl Setting<'_> {
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.settings["text"] = text.into();
        self
    }

    pub(crate) fn at(mut self, address: SocketAddr) -> Self {
        self.base_url = format!("http://{address}/");
        self
    }

    pub(crate) fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub(crate) fn canceled_by(mut self, cancel: &CancellationToken) -> Self {
        self.cancel = cancel.clone();
        self
    }

    pub(crate) fn configured(&self) -> Configured {
        let source = |secret: &str| CredentialSource { username: None, secret: secret.to_owned() };
        Configured {
            id: ProviderId(uuid::Uuid::new_v4()),
            name: Name::new("hostile-1").unwrap(),
            plugin: "hostile".into(),
            base_url: self.base_url.parse().unwrap(),
            settings: self.settings.clone(),
            credentials: BTreeMap::from([
                ("key".to_owned(), source("known")),
                ("app".to_owned(), source("private-key")),
                ("token".to_owned(), source("known")),
            ]),
            grants: Grants { private_networks: vec!["127.0.0.0/8".into()], ..Grants::default() },
            health: Health::default(),
            version: 1,
            created: Timestamp(0),
            updated: Timestamp(0),
        }
    }

    fn binding(&self, provider: Configured) -> Binding {
        Binding {
            provider,
            secrets: BTreeMap::new(),
            deadline: self.deadline,
            cancel: self.cancel.clone(),
            actor: "test".into(),
        }
    }

    pub(crate) fn provider(&self) -> Provider {
        self.house.runtime.provider(self.binding(self.configured())).unwrap()
    }

    /// A reading call of a provider as it is given.
    pub(crate) async fn call_as(&self, provider: Configured) -> Result<CheckReport, CallError> {
        self.house.runtime.provider(self.binding(provider)).unwrap().check().await
    }

    /// A call that only reads.
    pub(crate) async fn check(&self) -> Result<CheckReport, CallError> {
        self.provider().check().await
    }

    /// What a reading call has to say.
    pub(crate) async fn said(&self) -> Vec<String> {
        self.check().await.unwrap().warnings
    }

    /// Why a reading call failed.
    pub(crate) async fn error(&self) -> CallError {
        match self.check().await {
            Err(error) => error,
            Ok(report) => panic!("the guest was let be, and said {:?}", report.warnings),
        }
    }

    /// Why a changing call failed.
    pub(crate) async fn trigger_error(&self) -> CallError {
        self.provider().trigger(&operation(), request()).await.unwrap_err()
    }
}

pub(crate) fn operation() -> OperationArg {
    OperationArg {
        id: novacron_cicd_domain::id::OperationId(uuid::Uuid::nil()),
        attempt: 1,
        first_sent: None,
        correlation: None,
    }
}

pub(crate) fn request() -> TriggerRequest {
    TriggerRequest {
        pipeline: "app".into(),
        reference: None,
        parameters: BTreeMap::new(),
        environment: BTreeMap::new(),
        correlation: "corr-1".into(),
        callback: None,
        more: BTreeMap::new(),
    }
}

/// A platform on loopback that answers 200 to everything.
pub(crate) async fn platform() -> SocketAddr {
    serve(axum::Router::new().fallback(|| async { "ok" })).await
}

/// A platform on loopback.
pub(crate) async fn serve(router: axum::Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A platform that takes requests, tells of each, and never answers. A connection that is closed is told as well.
pub(crate) struct Silent {
    pub(crate) address: SocketAddr,
    pub(crate) events: tokio::sync::mpsc::Receiver<&'static str>,
}

impl Silent {
    pub(crate) async fn new() -> Self {
        use tokio::io::AsyncReadExt as _;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, events) = tokio::sync::mpsc::channel(64);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let told = told.clone();
                tokio::spawn(async move {
                    let mut bytes = [0; 1024];
                    let mut seen = false;
                    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                        if !seen && count > 0 {
                            seen = true;
                            let _ = told.send("request").await;
                        }
                    }
                    let _ = told.send("closed").await;
                });
            }
        });
        Self { address, events }
    }
}
