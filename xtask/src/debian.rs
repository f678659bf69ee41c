//! Programs that come from Debian, unpacked beside the system: nobody has to be root for it, and nothing of the system changes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use crate::{cache, python, tree};

/// The directory with these packages, as they would lie in `/`. None where the machine has the program that `name` is: it is taken.
pub(crate) fn packages(name: &str, packages: &[String]) -> anyhow::Result<Option<PathBuf>> {
    if python::quietly(Command::new(name).arg("--version")) {
        return Ok(None);
    }
    let architecture = python::output(Command::new("dpkg").arg("--print-architecture")).with_context(|| {
        format!("the tests need the program {name}, and only on Debian is it known how to come by it")
    })?;
    let key = format!("{}-{architecture}", release()?);
    let works = |place: &Path| place.join("usr/bin").join(name).is_file();
    let unpack = |aside: &Path| {
        fs::create_dir_all(aside)?;
        download(aside, packages)?;
        for entry in aside.read_dir()? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "deb") {
                let mut unpack = Command::new("dpkg");
                unpack.arg("--extract").arg(&file).arg(aside);
                tree::run(&format!("unpacking {}", file.display()), unpack)?;
                fs::remove_file(file)?;
            }
        }
        Ok(())
    };
    cache::kept(name, &key, works, unpack).map(Some)
}

/// The release, whose packages fit no other.
fn release() -> anyhow::Result<String> {
    let told = fs::read_to_string("/etc/os-release").context("/etc/os-release")?;
    let word = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)).map(|word| word.trim_matches('"'));
    let release = format!("{}-{}", word("ID=").unwrap_or("debian"), word("VERSION_ID=").unwrap_or("unstable"));
    ensure!(release.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)), "{release:?} is no release");
    Ok(release)
}

/// `apt-get` checks them by Debian's own signatures.
fn download(to: &Path, packages: &[String]) -> anyhow::Result<()> {
    let mut download = Command::new("apt-get");
    download.arg("download").args(packages).current_dir(to);
    if python::quietly(&mut download) {
        return Ok(());
    }
    // A machine may not know yet what there is. It is asked for in a place of our own: the system's is root's.
    let known = tempfile::tempdir()?;
    let (lists, cache) = (known.path().join("lists"), known.path().join("cache"));
    fs::create_dir_all(lists.join("partial"))?;
    fs::create_dir_all(cache.join("archives/partial"))?;
    let apt = |verb: &str| {
        let mut apt = Command::new("apt-get");
        for (setting, place) in [("Dir::State::Lists", &lists), ("Dir::Cache", &cache)] {
            apt.arg("-o").arg(format!("{setting}={}", place.display()));
        }
        apt.args(["--quiet", verb]).current_dir(to);
        apt
    };
    tree::run("asking Debian what there is", apt("update"))?;
    let mut again = apt("download");
    again.args(packages);
    tree::run(&format!("downloading {} from Debian", packages.join(" and ")), again)
}
