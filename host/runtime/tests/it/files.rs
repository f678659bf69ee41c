//! Files that are no plugins, and the compile cache.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use novacron_cicd_domain::Coded as _;
use novacron_cicd_runtime::plugin::{PluginError, PluginState};

use crate::house::{House, guest, limits};

/// A section of a binary, shorter than 128 bytes.
fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id, u8::try_from(body.len()).unwrap()], body].concat()
}

/// A component of nothing but a manifest and, where it is said, an import.
fn component(import: Option<&str>) -> Vec<u8> {
    let manifest = "id = \"ab\"\nversion = \"1.0.0\"\ncontract = \"0.1.0\"\ntitle = \"A\"\n";
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    bytes.extend(section(0, &[b"\x0fnovacron:plugin", manifest.as_bytes()].concat()));
    if let Some(name) = import {
        // An instance type without members, and an import of that type.
        bytes.extend(section(7, &[1, 0x42, 0]));
        let length = u8::try_from(name.len()).unwrap();
        bytes.extend(section(10, &[&[1, 0, length], name.as_bytes(), &[5, 0]].concat()));
    }
    bytes
}

async fn with_file(name: &str, bytes: &[u8]) -> House {
    let directory = tempfile::tempdir().unwrap();
    let plugins = directory.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    fs::copy(guest("bench"), plugins.join("bench.wasm")).unwrap();
    fs::write(plugins.join(name), bytes).unwrap();
    House::over(directory, limits()).await
}

#[tokio::test]
async fn a_file_that_is_no_plugin_is_listed_with_its_error_and_others_serve() {
    let whole = fs::read(guest("hostile")).unwrap();
    for (bytes, code, part) in [
        (b"hello".to_vec(), "plugin.not-wasm", "not WebAssembly"),
        (b"\0asm\x01\0\0\0".to_vec(), "plugin.core-module", "core module"),
        (whole[..whole.len() / 2].to_vec(), "plugin.truncated", "cut short"),
        (component(None), "plugin.missing-export", "novacron:cicd/plugin@0.1.0"),
        (component(Some("wasi:sockets/tcp@0.2.6")), "plugin.forbidden-import", "wasi:sockets/tcp@0.2.6"),
        (component(Some("wasi:filesystem/types@0.2.6")), "plugin.forbidden-import", "wasi:filesystem/types@0.2.6"),
        (component(Some("wasi:http/outgoing-handler@0.2.6")), "plugin.forbidden-import", "wasi:http/outgoing-handler"),
        (component(Some("acme:vault/read@1.0.0")), "plugin.unknown-import", "acme:vault/read@1.0.0"),
        (component(Some("novacron:cicd/http@0.2.0")), "plugin.contract", "built for contract 0.2.0"),
    ] {
        let house = with_file("other.wasm", &bytes).await;
        assert!(house.runtime.plugin("bench").is_some(), "{code} stopped the others");
        let listed = house.runtime.plugins();
        let broken = listed.iter().find(|plugin| plugin.id == "other").unwrap();
        let PluginState::Broken(error) = &broken.state else { panic!("{code}: {:?}", broken.state) };
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(part), "{error} does not say {part}");
        assert!(error.hint().is_some_and(|hint| !hint.is_empty()));
    }
}

#[tokio::test]
async fn code_that_is_damaged_is_refused_in_our_own_words() {
    let mut bytes = fs::read(guest("hostile")).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle..middle + 64].fill(0xff);
    let house = with_file("other.wasm", &bytes).await;
    let listed = house.runtime.plugins();
    let broken = listed.iter().find(|plugin| matches!(plugin.state, PluginState::Broken(_)));
    let PluginState::Broken(error) = &broken.unwrap().state else { unreachable!() };
    assert!(
        matches!(error, PluginError::Compile(_) | PluginError::Damaged { .. } | PluginError::Truncated(_)),
        "{error}"
    );
}

#[tokio::test]
async fn a_second_file_of_the_same_plugin_is_refused_with_the_first() {
    let house = with_file("zweit.wasm", &fs::read(guest("bench")).unwrap()).await;
    let listed = house.runtime.plugins();
    let second = listed.iter().find(|plugin| plugin.id == "zweit").unwrap();
    let PluginState::Broken(PluginError::Duplicate { id, first }) = &second.state else { panic!("{:?}", second.state) };
    assert_eq!(id, "bench");
    assert!(first.ends_with("bench.wasm"), "{first}");
}

#[tokio::test]
async fn a_file_that_was_renamed_or_removed_is_no_duplicate_and_no_longer_broken() {
    let house = with_file("other.wasm", b"hello").await;
    let plugins = house.directory.path().join("plugins");
    fs::rename(plugins.join("bench.wasm"), plugins.join("renamed.wasm")).unwrap();
    fs::remove_file(plugins.join("other.wasm")).unwrap();
    house.runtime.scan().await;
    let listed = house.runtime.plugins();
    assert_eq!(listed.iter().map(|plugin| plugin.id.as_str()).collect::<Vec<_>>(), ["bench"], "{listed:?}");
    assert!(listed[0].path.ends_with("renamed.wasm"));
}

/// The one entry of the cache.
fn entry(directory: &Path) -> std::path::PathBuf {
    let mut entries = fs::read_dir(directory.join("cache")).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.extension().is_some_and(|extension| extension == "cwasm")).unwrap()
}

#[tokio::test]
async fn a_second_start_finds_the_plugin_compiled_and_closed_to_others() {
    let house = House::new("bench", limits()).await;
    let entry = entry(house.directory.path());
    let before = fs::metadata(&entry).unwrap().modified().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&house.directory.path().join("cache")), mode(&entry)), (0o700, 0o600));
    let House { runtime, directory, .. } = house;
    drop(runtime);
    let house = House::over(directory, limits()).await;
    house.provider_of("bench").check().await.unwrap();
    assert_eq!(fs::metadata(&entry).unwrap().modified().unwrap(), before, "it was compiled again");
}

#[tokio::test]
async fn a_bad_entry_of_the_cache_is_a_miss_and_is_replaced() {
    let house = House::new("bench", limits()).await;
    let entry = entry(house.directory.path());
    let good = fs::read(&entry).unwrap();
    let mut directory = house.directory;
    for damage in [
        |bytes: &mut Vec<u8>| bytes.clear(),
        |bytes: &mut Vec<u8>| bytes.truncate(100),
        |bytes: &mut Vec<u8>| bytes[0] ^= 1,
        |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1,
        |bytes: &mut Vec<u8>| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
    ] {
        let mut bytes = good.clone();
        damage(&mut bytes);
        fs::write(&entry, bytes).unwrap();
        let house = House::over(directory, limits()).await;
        house.provider_of("bench").check().await.unwrap();
        assert_eq!(fs::read(&entry).unwrap().len(), good.len(), "the bad entry is still there");
        directory = house.directory;
    }
}

#[tokio::test]
async fn an_entry_that_another_host_wrote_is_not_run() {
    let house = House::new("bench", limits()).await;
    let entry = entry(house.directory.path());
    let theirs = fs::read(&entry).unwrap();
    let mut config = crate::house::config(house.directory.path(), limits());
    config.cache_key = novacron_cicd_vault::Secret::new(vec![8; 32]);
    let ports = std::sync::Arc::new(crate::house::Ports::default());
    let runtime = novacron_cicd_runtime::Runtime::start(config, ports).await.unwrap();
    assert!(runtime.plugin("bench").is_some());
    assert_ne!(fs::read(&entry).unwrap()[..32], theirs[..32], "the entry still has the tag of the other key");
}
