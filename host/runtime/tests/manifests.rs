//! Files whose manifest or outline is not right, made from a component that is; and that the plugins of this repository
//! are taken as they are built.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use novacron_cicd_domain::{Coded as _, Timestamp, id::ProviderId};
use novacron_cicd_runtime::{
    HostPorts, Runtime, RuntimeConfig,
    egress::{DoorConfig, EgressRecord},
    plugin::SECTION,
    ports::{KvEntry, KvError, Session},
    sandbox::Limits,
};
use novacron_cicd_vault::{Masker, Secret};
use tempfile::TempDir;

const MANIFEST: &str = "id = \"other\"\nversion = \"0.1.0\"\ncontract = \"0.1.0\"\ntitle = \"Other\"\n";

/// A host around the runtime that has nothing.
struct Nothing;

#[async_trait::async_trait]
impl HostPorts for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000)
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }

    async fn secret(&self, _: &str) -> Option<Secret> {
        None
    }

    fn masker(&self) -> Arc<Masker> {
        Arc::new(Masker::new([]))
    }

    async fn session(&self, _: ProviderId, _: &str) -> Option<Session> {
        None
    }

    async fn put_session(&self, _: ProviderId, _: &str, _: &Session) {}

    async fn drop_session(&self, _: ProviderId, _: &str) {}

    async fn kv_get(&self, _: ProviderId, _: &str) -> Result<Option<KvEntry>, KvError> {
        Ok(None)
    }

    async fn kv_put(&self, _: ProviderId, _: &str, _: Vec<u8>, _: Option<u64>, _: Option<u64>) -> Result<u64, KvError> {
        Err(KvError::Full)
    }

    async fn kv_remove(&self, _: ProviderId, _: &str, _: Option<u64>) -> Result<(), KvError> {
        Ok(())
    }

    fn audit(&self, _: EgressRecord) {}
}

fn guest(name: &str) -> PathBuf {
    let built = std::env::var_os("CICD_TEST_GUESTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/wasm32-wasip2/guest"),
        PathBuf::from,
    );
    let path = built.join(format!("novacron_cicd_{name}.wasm"));
    assert!(path.is_file(), "{} is missing: run cargo xtask guests", path.display());
    path
}

async fn start(directory: &TempDir) -> Runtime {
    let config = RuntimeConfig {
        plugin_dirs: Vec::new(),
        cache_dir: directory.path().join("cache"),
        lock_file: directory.path().join("plugins.lock"),
        cache_key: Secret::new(vec![9; 32]),
        pooling: true,
        limits: Limits::default(),
        door: DoorConfig::default(),
    };
    Runtime::start(config, Arc::new(Nothing)).await.unwrap()
}

/// The same bytes with one text in place of another of the same length, wherever it stands.
fn renamed(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let stands = |(at, text): (usize, &[u8])| (text == from.as_bytes()).then_some(at);
    let places: Vec<usize> = bytes.windows(from.len()).enumerate().filter_map(stands).collect();
    assert!(!places.is_empty(), "{from} is not there");
    let mut bytes = bytes.to_vec();
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

/// The same component with a manifest at its end.
fn with_manifest(bytes: &[u8], manifest: &str) -> Vec<u8> {
    let body = [&[u8::try_from(SECTION.len()).unwrap()], SECTION.as_bytes(), manifest.as_bytes()].concat();
    assert!(body.len() < 1 << 14, "the length below has two digits of seven bits");
    let length = [(body.len() & 0x7f) as u8 | 0x80, (body.len() >> 7) as u8];
    [bytes, &[0], &length, &body].concat()
}

#[tokio::test]
async fn the_plugins_of_this_repository_are_taken_as_they_are_built() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = start(&directory).await;
    for (name, id) in [("example_hello", "hello"), ("plugin_webhook", "webhook")] {
        let plugin = runtime.load(&guest(name)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(plugin.manifest().id, id);
        assert!(runtime.plugin(id).is_some());
    }
}

#[tokio::test]
async fn a_component_whose_manifest_or_outline_is_not_right_is_refused_by_name() {
    let whole = fs::read(guest("example_hello")).unwrap();
    // The section has another name then, so that it is no manifest.
    let bare = renamed(&whole, SECTION, "novacron:nobody");
    let directory = tempfile::tempdir().unwrap();
    let runtime = start(&directory).await;
    let path = directory.path().join("other.wasm");
    for (code, says, bytes) in [
        ("plugin.no-manifest", SECTION, bare.clone()),
        ("plugin.many-manifests", "2 manifests", with_manifest(&whole, MANIFEST)),
        ("plugin.manifest", "mood", with_manifest(&bare, &format!("{MANIFEST}mood = \"good\"\n"))),
        ("plugin.manifest", "line 1", with_manifest(&bare, "id = ")),
        ("plugin.contract", "0.2.0", with_manifest(&bare, &MANIFEST.replace("contract = \"0.1", "contract = \"0.2"))),
        (
            "plugin.not-exported",
            "run-cancel.cancel",
            with_manifest(&bare, &format!("{MANIFEST}[recovery]\n\"run-cancel.cancel\" = \"by-state\"\n")),
        ),
        ("plugin.contract", "0.2.0", renamed(&whole, "novacron:cicd/runs@0.1.0", "novacron:cicd/runs@0.2.0")),
        ("plugin.missing-export", "novacron:cicd/runs", renamed(&whole, "novacron:cicd/runs@", "novacron:cicd/rums@")),
        ("plugin.unknown-import", "novacron:cicd/hypo", renamed(&whole, "novacron:cicd/http@", "novacron:cicd/hypo@")),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = runtime.load(&path).await.err().unwrap_or_else(|| panic!("a file serves that is {code}"));
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(says), "{error} does not say {says}");
        assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{error} has no hint");
        assert!(runtime.plugin("other").is_none());
    }
    // What was done to the files is no reason by itself: with a manifest that is right, the same makes a plugin.
    fs::write(&path, with_manifest(&bare, MANIFEST)).unwrap();
    let plugin = runtime.load(&path).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(plugin.manifest().id, "other");
}
