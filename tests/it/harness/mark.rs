//! The mark of a peer that took part (`tests/peers.toml`): `cargo xtask test` looks for it afterwards.

use std::{fs, process::Command};

use super::target;

/// Says that the running test really spoke to this peer, which said that it is of this version. To be called when that has been seen.
pub(crate) fn spoke(peer: &str, version: &str) {
    let thread = std::thread::current();
    let test = thread.name().and_then(|name| name.rsplit("::").next()).expect("a test runs in a thread of its name");
    let folder = target().join("peers").join(peer);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(test), version).unwrap();
}

/// What a program of the command line says to `--version`: its first line.
pub(crate) fn version_of(program: &str) -> String {
    let output = Command::new(program).arg("--version").output().unwrap();
    assert!(output.status.success(), "{program}: {}", output.status);
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
}
