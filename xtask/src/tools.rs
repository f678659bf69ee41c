//! Tools beside the toolchain: found, or installed and said so.

use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::tree;

/// What guests are compiled for.
pub(crate) const GUEST_TARGET: &str = "wasm32-wasip2";
const DENY: &str = "cargo-deny";
const DENY_VERSION: &str = "0.20.2";

/// Installs the guests' target where rustup has not done it by itself.
pub(crate) fn guest_target() -> anyhow::Result<()> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(tree::root())
        .output()
        .context("starting rustc: is rustup's toolchain on the PATH?")?;
    let sysroot = String::from_utf8(output.stdout)?;
    if std::path::Path::new(sysroot.trim()).join("lib/rustlib").join(GUEST_TARGET).is_dir() {
        return Ok(());
    }
    let mut command = Command::new("rustup");
    command.args(["target", "add", GUEST_TARGET]).current_dir(tree::root());
    tree::run("installing the target that plugins are compiled for", command)
}

/// Whether `cargo NAME` is there.
pub(crate) fn has_subcommand(name: &str) -> bool {
    tree::cargo([name, "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Checks dependencies with cargo-deny, which is compiled once into `target/tools`.
pub(crate) fn deny() -> anyhow::Result<()> {
    let place = tree::target().join("tools");
    let program = place.join("bin").join(DENY);
    let right = |program: &std::path::Path| {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == format!("{DENY} {DENY_VERSION}"))
    };
    let program = if right(&program) {
        program
    } else if right(std::path::Path::new(DENY)) {
        DENY.into()
    } else {
        println!("-- cargo-deny {DENY_VERSION} is missing; compiling it takes about three minutes, once");
        let mut command = tree::cargo(["install", "--locked", "--quiet", "--version"]);
        command.arg(format!("={DENY_VERSION}")).arg("--root").arg(&place).arg(DENY);
        tree::run("installing cargo-deny", command)?;
        program
    };
    let mut command = Command::new(program);
    command.args(["--log-level", "error", "check", "bans", "licenses", "sources"]).current_dir(tree::root());
    tree::run("checking dependencies", command)
}
