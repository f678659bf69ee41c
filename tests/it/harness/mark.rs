//! The mark of a peer that took part (`tests/peers.toml`): `cargo xtask test` looks for it afterwards.

use std::process::Command;

pub(crate) use novacron_cicd_fakes::judge::spoke;

/// What a program of the command line says to `--version`: its first line.
pub(crate) fn version_of(program: &str) -> String {
    let output = Command::new(program).arg("--version").output().unwrap();
    assert!(output.status.success(), "{program}: {}", output.status);
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
}
