//! Guests: every crate that becomes a WebAssembly component.

mod names;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::{tools, tree};

/// The folders whose members are guests.
const FOLDERS: [&str; 3] = ["plugins", "sdk/examples", "tests/guests"];

/// Where built guests are.
pub(crate) fn output() -> PathBuf {
    tree::target().join("guests").join(tools::GUEST_TARGET).join("guest")
}

/// The components that are built, one file a crate.
pub(crate) fn component(package: &str) -> PathBuf {
    output().join(format!("{}.wasm", package.replace('-', "_")))
}

fn packages() -> anyhow::Result<Vec<String>> {
    let mut packages = Vec::new();
    for folder in FOLDERS {
        let folder = tree::root().join(folder);
        for entry in folder.read_dir().with_context(|| folder.display().to_string())? {
            let manifest = entry?.path().join("Cargo.toml");
            if manifest.is_file() {
                packages.push(package_name(&manifest)?);
            }
        }
    }
    packages.sort();
    Ok(packages)
}

fn package_name(manifest: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(manifest)?;
    let table: toml::Table = text.parse().with_context(|| manifest.display().to_string())?;
    let name = table.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    Ok(name.with_context(|| format!("{} names no package", manifest.display()))?.to_owned())
}

/// Builds them all, in one cargo run so that they share what they can.
pub(crate) fn build() -> anyhow::Result<Vec<PathBuf>> {
    tools::guest_target()?;
    let packages = packages()?;
    let mut command = tree::cargo(["build", "--locked", "--profile", "guest", "--target", tools::GUEST_TARGET]);
    command.arg("--target-dir").arg(tree::target().join("guests"));
    for package in &packages {
        command.args(["-p", package]);
    }
    tree::run("building plugins, examples and test guests", command)?;
    packages
        .iter()
        .map(|package| {
            let path = component(package);
            anyhow::ensure!(path.is_file(), "{package} left no {}: is its crate-type cdylib?", path.display());
            shorten_names(&path).with_context(|| path.display().to_string())?;
            Ok(path)
        })
        .collect()
}

/// Cargo links its output here anew each time, so it is done each time; a file that is so already is left alone.
fn shorten_names(path: &Path) -> anyhow::Result<()> {
    let built = std::fs::read(path)?;
    let short = names::shorten(&built)?;
    if short.len() < built.len() {
        // Not written into: the file is cargo's own too, under another name.
        let beside = path.with_extension("short");
        std::fs::write(&beside, short)?;
        std::fs::rename(beside, path)?;
    }
    Ok(())
}
