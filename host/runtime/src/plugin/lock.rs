//! `plugins.lock`: which file serves under which id, and what it was approved to ask for.
//!
//! A plugin that is seen for the first time is recorded as it is. A changed file that asks for no more takes its place; one
//! that asks for more waits until somebody approves it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use novacron_cicd_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Manifest, cache::publish};

/// The file and what stands in it.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    entries: BTreeMap<String, LockEntry>,
}

/// One plugin of the lock file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockEntry {
    /// Of the plugin.
    pub version: semver::Version,
    /// Of its file, in hexadecimal digits.
    pub sha256: String,
    /// Where the file was.
    pub source: String,
    /// When somebody approved it, or it was seen first, in milliseconds since the Unix epoch.
    pub approved_at: Timestamp,
    /// What it was approved to ask for.
    pub grants: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    plugin: BTreeMap<String, LockEntry>,
}

impl Lock {
    /// Reads the file; one that is not there is empty.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let entries = match fs::read_to_string(path) {
            Ok(text) => {
                let file: File = toml::from_str(&text).map_err(|error| io::Error::other(error.message().to_owned()))?;
                file.plugin
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { path: path.to_owned(), entries })
    }

    pub(crate) fn get(&self, id: &str) -> Option<&LockEntry> {
        self.entries.get(id)
    }

    /// Records what serves from now on.
    pub(crate) fn put(&mut self, id: &str, entry: LockEntry) -> io::Result<()> {
        if self.entries.get(id) == Some(&entry) {
            return Ok(());
        }
        let before = self.entries.insert(id.to_owned(), entry);
        let written = self.write();
        if written.is_err() {
            match before {
                Some(before) => self.entries.insert(id.to_owned(), before),
                None => self.entries.remove(id),
            };
        }
        written
    }

    fn write(&self) -> io::Result<()> {
        let text = toml::to_string(&File { plugin: self.entries.clone() }).map_err(io::Error::other)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        publish(directory, &self.path, &[text.as_bytes()])
    }
}

/// All that a plugin asks for, by its manifest and by what it exports, one line each, in words that an operator approves.
#[must_use]
pub fn asks(manifest: &Manifest, interfaces: &[&str]) -> BTreeSet<String> {
    let mut asks = BTreeSet::new();
    if interfaces.contains(&"secrets") {
        asks.insert("place secrets that an admin names in the platform's own store".into());
    }
    for host in manifest.egress.hosts.iter().filter(|host| *host != "{base-url}") {
        asks.insert(format!("reach {host}"));
    }
    for host in &manifest.egress.redirect_hosts {
        asks.insert(format!("follow downloads to {host}"));
    }
    for read in &manifest.egress.reads {
        asks.insert(format!("treat {read} as a read"));
    }
    for credential in &manifest.credentials {
        let (slot, kind) = (&credential.slot, credential.kind.as_str());
        asks.insert(match &credential.header {
            Some(header) => format!("use the credential {slot} as {kind} in {header}"),
            None => format!("use the credential {slot} as {kind}"),
        });
        if credential.body {
            asks.insert(format!("place the credential {slot} in bodies"));
        }
        for origin in &credential.origins {
            asks.insert(format!("send the credential {slot} to {origin}"));
        }
    }
    asks
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plugins.lock");
        let entry = LockEntry {
            version: semver::Version::new(1, 2, 3),
            sha256: "ab".repeat(32),
            source: "plugins/jenkins.wasm".into(),
            approved_at: Timestamp(1_700_000_000_000),
            grants: BTreeSet::from(["reach https://uploads.example.com".to_owned()]),
        };
        Lock::open(&path).unwrap().put("jenkins", entry.clone()).unwrap();
        let lock = Lock::open(&path).unwrap();
        assert_eq!(lock.get("jenkins"), Some(&entry));
        assert_eq!(lock.get("gitlab-ci"), None);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "a draft is left over");
    }

    #[test]
    fn a_lock_with_an_unknown_key_is_not_taken() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plugins.lock");
        fs::write(&path, "[plugin.a]\nsigned = true\n").unwrap();
        assert!(Lock::open(&path).is_err());
    }
}
