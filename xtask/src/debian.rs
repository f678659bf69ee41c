//! Peers that come from Debian: one package each, unpacked and not installed, so that it takes no privilege and changes no system.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use crate::{cache, python, tree};

/// A line `package=version sha256`; what begins with `#` says something to people.
fn read(text: &str) -> anyhow::Result<(&str, &str)> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = lines.next().context("it names no package")?;
    ensure!(lines.next().is_none(), "it names more than one package");
    let (package, digest) = line.split_once(' ').with_context(|| format!("`{line}` has no digest"))?;
    ensure!(package.contains('='), "`{package}` names no version");
    ensure!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "`{digest}` is no SHA-256");
    Ok((package, digest))
}

/// What the package that this file names has in it, unpacked where that is not there yet.
pub(crate) fn package(name: &str, file: &Path) -> anyhow::Result<PathBuf> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let (package, digest) = read(&text).with_context(|| file.display().to_string())?;
    let works = |place: &Path| place.join("usr").is_dir();
    cache::kept(name, &digest[..16], works, |aside| {
        let download = aside.with_added_extension("download");
        let _ = fs::remove_dir_all(&download);
        fs::create_dir_all(&download)?;
        let mut get = Command::new("apt-get");
        get.current_dir(&download).args(["--quiet", "download", package]);
        tree::run(&format!("getting {package} from Debian"), get)?;
        let archive = fs::read_dir(&download)?.next().with_context(|| format!("{package} did not come"))??.path();
        let found = python::output(Command::new("sha256sum").arg("--binary").arg(&archive))?;
        ensure!(found.starts_with(digest), "{package} is another than the one that is pinned: {found}");
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--extract").arg(&archive).arg(aside);
        tree::run(&format!("unpacking {package}"), unpack)?;
        fs::remove_dir_all(&download)?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_package_has_its_version_and_its_digest() {
        let digest = "0".repeat(64);
        assert_eq!(read(&format!("# said\na=1 {digest}\n")).expect("it is right"), ("a=1", digest.as_str()));
        for bad in ["", "a=1", &format!("a {digest}"), "a=1 00", &format!("a=1 {digest}\nb=1 {digest}")] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
