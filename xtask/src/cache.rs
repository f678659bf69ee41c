//! What is installed once and kept between runs, in the user's cache directory. Must be absent: what it is, and where it comes from.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};

/// A directory of the cache; `key` names what is in it to the last byte.
///
/// What is not there yet is made aside and renamed, so that an interrupted installation is never taken for a whole one.
pub(crate) fn kept(
    name: &str,
    key: &str,
    works: impl Fn(&Path) -> bool,
    make: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let cache = place()?;
    fs::create_dir_all(&cache).with_context(|| cache.display().to_string())?;
    // Two runs may find that it is missing; the second waits, and then it is there.
    let lock = fs::File::create(cache.join("lock"))?;
    lock.lock().with_context(|| format!("waiting for another run that installs to {}", cache.display()))?;
    let place = cache.join(format!("{name}-{key}"));
    if works(&place) {
        return Ok(place);
    }
    println!("-- {name} is not here; it is installed to {}, once", place.display());
    let aside = place.with_added_extension("part");
    // Left by a run that was interrupted, or whose interpreter has gone.
    for old in [&place, &aside] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| old.display().to_string())?;
        }
    }
    make(&aside)?;
    ensure!(works(&aside), "{name} was installed, but does not start");
    fs::rename(&aside, &place)?;
    Ok(place)
}

/// `$XDG_CACHE_HOME`, or what stands for it.
fn place() -> anyhow::Result<PathBuf> {
    let of_user = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = match of_user {
        Some(path) => path,
        None => {
            env::home_dir().context("neither XDG_CACHE_HOME nor HOME is set: where is the cache to be?")?.join(".cache")
        }
    };
    Ok(base.join("novacron-cicd/peers"))
}
