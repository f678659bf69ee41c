//! The lock file: what serves, what waits.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use novacron_cicd_runtime::plugin::{PluginError, PluginState};

use crate::house::{House, guest, limits};

/// The same guest with another manifest in its custom section, of the same length.
fn exchange(path: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let mut bytes = fs::read(guest("hostile")).unwrap();
    // The custom section comes after the data, in which the compiler may have left a second copy.
    let at = bytes.windows(from.len()).rposition(|window| window == from.as_bytes()).unwrap();
    bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    fs::write(path, bytes).unwrap();
}

const BEFORE: &str = "hosts = [\"{base-url}\"]";
const AFTER: &str = "hosts = [\"http://a.b\"]";

#[tokio::test]
async fn a_plugin_that_is_seen_first_is_recorded_with_its_digest_and_what_it_asks_for() {
    let house = House::hostile().await;
    let lock = fs::read_to_string(house.directory.path().join("plugins.lock")).unwrap();
    let sha256 = house.runtime.plugin("hostile").unwrap().sha256().to_owned();
    for part in ["[plugin.hostile]", &sha256, "use the credential key as hmac in x-signature", "version = \"0.1.0\""] {
        assert!(lock.contains(part), "{part} is not in {lock}");
    }
}

#[tokio::test]
async fn a_changed_file_that_asks_for_more_waits_and_the_old_one_serves_even_after_a_restart() {
    let house = House::hostile().await;
    let old = house.runtime.plugin("hostile").unwrap().sha256().to_owned();
    let path = house.directory.path().join("plugins/hostile.wasm");
    exchange(&path, BEFORE, AFTER);

    let loaded = house.runtime.load(&path).await.map(|plugin| plugin.sha256().to_owned());
    let Err(PluginError::Held { id, more }) = loaded else { panic!("it was not held: {loaded:?}") };
    assert_eq!((id.as_str(), more.as_slice()), ("hostile", &["reach http://a.b".to_owned()][..]));
    assert_eq!(house.runtime.plugin("hostile").unwrap().sha256(), old);
    house.set("none").said().await;

    let House { directory, runtime, .. } = house;
    drop(runtime);
    let house = House::over(directory, limits()).await;
    assert_eq!(house.runtime.plugin("hostile").unwrap().sha256(), old);
    house.set("none").said().await;
    let listed = house.runtime.plugins();
    let held = listed.iter().find(|plugin| matches!(plugin.state, PluginState::Held(_))).unwrap();
    let new = held.sha256.clone().unwrap();

    assert!(house.runtime.approve("hostile", &old).await.is_err(), "another file than the one that waits was approved");
    house.runtime.approve("hostile", &new).await.unwrap();
    assert_eq!(house.runtime.plugin("hostile").unwrap().sha256(), new);
    assert_eq!(house.runtime.plugins().len(), 1);
    let House { directory, runtime, .. } = house;
    drop(runtime);
    let house = House::over(directory, limits()).await;
    assert_eq!(house.runtime.plugin("hostile").unwrap().sha256(), new);
}

#[tokio::test]
async fn a_broken_replacement_is_told_and_the_old_one_serves() {
    let house = House::hostile().await;
    let old = house.runtime.plugin("hostile").unwrap().sha256().to_owned();
    let path = house.directory.path().join("plugins/hostile.wasm");
    fs::write(&path, b"\0asm\x0d\0\x01\0").unwrap();
    assert_eq!(house.runtime.load(&path).await.err(), Some(PluginError::NoManifest));
    assert_eq!(house.runtime.plugin("hostile").unwrap().sha256(), old);
    house.set("none").said().await;
    assert_eq!(house.runtime.plugins().len(), 2);
}

#[tokio::test]
async fn files_are_taken_in_and_let_go_while_the_runtime_runs() {
    let house = House::hostile().await;
    let directory = house.directory.path().join("plugins");
    let ids = || house.runtime.plugins().into_iter().map(|plugin| plugin.id).collect::<Vec<_>>();
    let (hostile, bench) = (directory.join("hostile.wasm"), directory.join("bench.wasm"));

    let bytes = fs::read(guest("bench")).unwrap();
    fs::write(&bench, &bytes[..bytes.len() / 2]).unwrap();
    house.runtime.look().await;
    fs::write(&bench, &bytes).unwrap();
    house.runtime.look().await;
    assert_eq!(ids(), ["hostile"], "what still grows is not looked into");
    house.runtime.look().await;
    assert_eq!(ids(), ["bench", "hostile"]);

    let old = house.runtime.plugin("hostile").unwrap();
    exchange(&hostile, "version = \"0.1.0\"", "version = \"0.1.1\"");
    house.runtime.look().await;
    house.runtime.look().await;
    let new = house.runtime.plugin("hostile").unwrap();
    assert_ne!(old.sha256(), new.sha256());
    house.set("none").said().await;

    fs::remove_file(&bench).unwrap();
    house.runtime.look().await;
    assert_eq!(ids(), ["bench", "hostile"], "it may only be exchanged");
    house.runtime.look().await;
    assert_eq!(ids(), ["hostile"]);

    exchange(&hostile, BEFORE, AFTER);
    house.runtime.look().await;
    house.runtime.look().await;
    assert_eq!(ids(), ["hostile", "hostile"], "one serves, one is held");
    fs::remove_file(&hostile).unwrap();
    house.runtime.look().await;
    house.runtime.look().await;
    assert_eq!(ids(), [""; 0]);
}
