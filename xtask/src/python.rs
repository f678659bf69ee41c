//! Peers that come from PyPI: each in a virtual environment of its own, kept between runs in the user's cache directory.
//!
//! The environment is made aside and renamed, so that an interrupted installation is never taken for a whole one. A virtual environment's
//! scripts know the path at which they were made; who uses it therefore calls `bin/python`, which finds its packages from where it is.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};

use crate::tree;

/// Prints what a peer's environment depends on: the interpreter, and the digest of the requirements.
const KEY: &str = "import hashlib, sys, sysconfig
print(sysconfig.get_platform(), sys.implementation.cache_tag, hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest()[:16], sep='-')";
/// Debian's python3 has neither before python3-venv is installed, and then `python3 -m venv` fails half way.
const PROBE: &str = "import ensurepip, venv";
const PACKAGES: [&str; 2] = ["python3", "python3-venv"];

/// The virtual environment with what `requirements` names, installed where it is not there yet.
pub(crate) fn environment(peer: &str, requirements: &Path) -> anyhow::Result<PathBuf> {
    python()?;
    let key = output(Command::new("python3").args(["-c", KEY]).arg(requirements))?;
    let cache = cache()?;
    fs::create_dir_all(&cache).with_context(|| cache.display().to_string())?;
    // Two runs may find that it is missing; the second waits, and then it is there.
    let lock = fs::File::create(cache.join("lock"))?;
    lock.lock().with_context(|| format!("waiting for another run that installs to {}", cache.display()))?;
    let place = cache.join(format!("{peer}-{key}"));
    if works(&place) {
        return Ok(place);
    }
    println!("-- {peer} is not here; it is installed to {}, once", place.display());
    let aside = place.with_added_extension("part");
    // Left by a run that was interrupted, or whose interpreter has gone.
    for old in [&place, &aside] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| old.display().to_string())?;
        }
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(&aside);
    tree::run(&format!("making a virtual environment for {peer}"), make)?;
    let mut install = Command::new(aside.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]);
    install.args(["--only-binary", ":all:", "--require-hashes", "--requirement"]).arg(requirements);
    tree::run(&format!("installing {peer} from PyPI"), install)?;
    ensure!(works(&aside), "{peer} was installed, but its Python does not start");
    fs::rename(&aside, &place)?;
    Ok(place)
}

/// Whether the environment is there and the interpreter that it was made with still is.
fn works(place: &Path) -> bool {
    quietly(Command::new(place.join("bin/python")).args(["-c", "import pip"]))
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

/// `$XDG_CACHE_HOME`, or what stands for it.
fn cache() -> anyhow::Result<PathBuf> {
    let of_user = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = match of_user {
        Some(path) => path,
        None => {
            env::home_dir().context("neither XDG_CACHE_HOME nor HOME is set: where is the cache to be?")?.join(".cache")
        }
    };
    Ok(base.join("novacron-cicd/peers"))
}

fn quietly(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("starting {program}"))?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
