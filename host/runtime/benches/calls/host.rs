//! The host's side of a measured call: a runtime with the bench's guest, and the whole call path.

mod ports;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use novacron_cicd_domain::{
    Timestamp,
    id::ProviderId,
    name::Name,
    platform::{FoundRun, RunRef},
    provider::{Grants, Health, Provider as Configured},
};
use novacron_cicd_runtime::{Binding, Runtime, RuntimeConfig, egress::DoorConfig, sandbox::Limits};
use novacron_cicd_vault::Secret;
use tokio_util::sync::CancellationToken;

/// Puts the guest where `start` looks for plugins.
pub(crate) fn install(directory: &Path) -> PathBuf {
    let plugins = directory.join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let file = plugins.join("bench.wasm");
    std::fs::copy(guest(), &file).unwrap();
    file
}

pub(crate) async fn start(directory: &Path) -> Runtime {
    let config = RuntimeConfig {
        plugin_dirs: vec![directory.join("plugins")],
        cache_dir: directory.join("cache"),
        lock_file: directory.join("plugins.lock"),
        cache_key: Secret::new(vec![7; 32]),
        pooling: true,
        limits: Limits::default(),
        door: DoorConfig::default(),
    };
    Runtime::start(config, Arc::new(ports::Ports::default())).await.unwrap()
}

/// One call through the whole path, from a provider's configuration to a value of the domain.
pub(crate) async fn get_run(runtime: &Runtime, provider: &Configured, run: &RunRef) -> FoundRun {
    let binding = Binding {
        provider: provider.clone(),
        secrets: BTreeMap::new(),
        deadline: Duration::from_secs(30),
        cancel: CancellationToken::new(),
        actor: "bench".into(),
    };
    runtime.provider(binding).unwrap().get_run(run).await.unwrap()
}

fn guest() -> PathBuf {
    let built = std::env::var_os("CICD_TEST_GUESTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/wasm32-wasip2/guest"),
        PathBuf::from,
    );
    let path = built.join("novacron_cicd_guest_bench.wasm");
    assert!(path.is_file(), "{} is missing: run cargo xtask guests", path.display());
    path
}

pub(crate) fn run() -> RunRef {
    RunRef { pipeline: "app".into(), run: "17".into(), attempt: None }
}

pub(crate) fn configured() -> Configured {
    Configured {
        id: ProviderId(uuid::Uuid::nil()),
        name: Name::new("bench").unwrap(),
        plugin: "bench".into(),
        base_url: "https://ci.example.com/".parse().unwrap(),
        settings: serde_json::json!({}),
        credentials: BTreeMap::new(),
        grants: Grants::default(),
        health: Health::default(),
        version: 1,
        created: Timestamp(0),
        updated: Timestamp(0),
    }
}
