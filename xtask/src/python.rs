//! Peers that come from PyPI: each in a virtual environment of its own.
//!
//! A virtual environment's scripts know the path at which they were made, and it is renamed afterwards; who uses it therefore calls
//! `bin/python`, which finds its packages from where it is.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};

use crate::{cache, tree};

/// Prints what an environment depends on: the interpreter, and the digest of the requirements.
const KEY: &str = "import hashlib, sys, sysconfig
digest = hashlib.sha256(b''.join(open(name, 'rb').read() for name in sys.argv[1:]))
print(sysconfig.get_platform(), sys.implementation.cache_tag, digest.hexdigest()[:16], sep='-')";
/// Debian's python3 has neither before python3-venv is installed, and then `python3 -m venv` fails half way.
const PROBE: &str = "import ensurepip, venv";
const PACKAGES: [&str; 2] = ["python3", "python3-venv"];

/// The virtual environment with what these files name, installed in their order where it is not there yet.
///
/// Wheels only, but where a file says otherwise of a package; what that is built with has to stand in a file before. Packages of
/// `sources` are not installed: their sources are unpacked into the folder `sources` of the environment.
pub(crate) fn environment(name: &str, requirements: &[PathBuf], sources: Option<&Path>) -> anyhow::Result<PathBuf> {
    python()?;
    let key = output(Command::new("python3").args(["-c", KEY]).args(requirements).args(sources))?;
    let works = |place: &Path| quietly(Command::new(place.join("bin/python")).args(["-c", "import pip"]));
    cache::kept(name, &key, works, |aside| {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(aside);
        tree::run(&format!("making a virtual environment for {name}"), make)?;
        for file in requirements {
            let mut install = Command::new(aside.join("bin/python"));
            install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]);
            install.args(["--no-build-isolation", "--only-binary", ":all:", "--require-hashes", "--requirement"]);
            install.arg(file);
            tree::run(&format!("installing {name} from PyPI"), install)?;
        }
        sources.map_or(Ok(()), |file| unpack(name, file, aside))
    })
}

/// Sources of PyPI, as they were published.
fn unpack(name: &str, file: &Path, environment: &Path) -> anyhow::Result<()> {
    let (python, place) = (environment.join("bin/python"), environment.join("sources"));
    let mut download = Command::new(&python);
    download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]);
    download.args(["--no-build-isolation", "--no-binary", ":all:", "--require-hashes", "--dest"]).arg(&place);
    download.arg("--requirement").arg(file);
    tree::run(&format!("fetching the sources of {name} from PyPI"), download)?;
    for archive in place.read_dir()?.collect::<Result<Vec<_>, _>>()? {
        let mut unpack = Command::new(&python);
        unpack.args(["-m", "tarfile", "--extract"]).arg(archive.path()).arg(&place);
        tree::run(&format!("unpacking {}", archive.path().display()), unpack)?;
    }
    Ok(())
}

/// Sees that `python3` makes virtual environments; on a CI machine of Debian's kind it is installed where it does not.
fn python() -> anyhow::Result<()> {
    let probe = || quietly(Command::new("python3").args(["-c", PROBE]));
    if probe() {
        return Ok(());
    }
    let by_hand = format!("apt-get install {}", PACKAGES.join(" "));
    let root = output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0");
    if env::var_os("CI").is_none() || !root {
        bail!(
            "`python3 -m venv` does not work here, and peers that the tests run against need it. On Debian and Ubuntu: `{by_hand}`; \
             elsewhere install Python 3.11 or later, whole"
        );
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet").args(arguments);
        command
    };
    tree::run("asking Debian what there is", apt(&["update"]))?;
    let mut install = apt(&["install", "--yes", "--no-install-recommends"]);
    install.args(PACKAGES);
    tree::run("installing Python's virtual environments", install)?;
    ensure!(probe(), "`python3 -m venv` still does not work after `{by_hand}`");
    Ok(())
}

pub(crate) fn quietly(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("starting {program}"))?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
