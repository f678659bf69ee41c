//! Which plugins serve, which wait for approval, which are broken. A broken file never stops the host, and a failed
//! replacement never stops the plugin that it would have replaced.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use novacron_cicd_domain::Timestamp;
use tokio::sync::Mutex;

use super::{
    Loader, Plugin, PluginError,
    cache::publish,
    lock::{Lock, LockEntry, asks},
    watch::{Settled, Stamp, Watch},
};

/// Where plugins are, and what is kept about them.
pub(crate) struct RegistryConfig {
    pub(crate) directories: Vec<PathBuf>,
    /// Holds a copy of each file that serves, so that it can serve on when its file is exchanged.
    pub(crate) kept: PathBuf,
}

/// Tries a plugin that passed all other checks.
#[async_trait::async_trait]
pub(crate) trait Trial: Send + Sync {
    async fn run(&self, plugin: &Arc<Plugin>) -> Result<(), PluginError>;
}

/// All plugins.
pub(crate) struct Registry {
    config: RegistryConfig,
    loader: Arc<Loader>,
    catalog: ArcSwap<Catalog>,
    /// Held while a file is taken in: one at a time.
    lock: Mutex<Lock>,
    watch: Mutex<Watch>,
}

#[derive(Clone, Default)]
struct Catalog {
    serving: BTreeMap<String, Arc<Plugin>>,
    held: BTreeMap<String, Waiting>,
    broken: BTreeMap<PathBuf, PluginError>,
}

#[derive(Clone)]
struct Waiting {
    plugin: Arc<Plugin>,
    more: Vec<String>,
}

/// One plugin, or one file that is none, as it is shown.
#[derive(Clone, Debug)]
pub struct PluginSummary {
    /// The plugin's id; the file's name where it has none.
    pub id: String,
    /// The plugin's own version.
    pub version: Option<semver::Version>,
    /// The sha256 digest of its file, in hexadecimal digits.
    pub sha256: Option<String>,
    /// Where its file is.
    pub path: PathBuf,
    /// What is shown to people.
    pub title: Option<String>,
    /// What is shown to people who ask for more.
    pub description: Option<String>,
    /// The interfaces that it exports.
    pub interfaces: Vec<&'static str>,
    /// The slots for credentials that it has.
    pub credentials: Vec<super::CredentialSlot>,
    /// All that it asks for, one line each.
    pub asks: Vec<String>,
    /// The JSON Schema of its settings.
    pub settings: Option<serde_json::Value>,
    /// Whether it serves.
    pub state: PluginState,
}

/// Whether a plugin serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginState {
    /// It does.
    Serving,
    /// Its file has changed and asks for more: it waits for approval, and the one before serves where there is one.
    Held(PluginError),
    /// It can't.
    Broken(PluginError),
}

impl Registry {
    pub(crate) fn new(config: RegistryConfig, loader: Arc<Loader>, lock: Lock) -> Self {
        Self {
            config,
            loader,
            catalog: ArcSwap::from_pointee(Catalog::default()),
            lock: Mutex::new(lock),
            watch: Mutex::default(),
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Plugin>> {
        self.catalog.load().serving.get(id).cloned()
    }

    /// Takes in every `.wasm` file of the directories, in the order of directories and names.
    pub(crate) async fn scan(&self, trial: &dyn Trial, now: Timestamp) {
        {
            let _lock = self.lock.lock().await;
            let mut catalog = Catalog::clone(&self.catalog.load());
            catalog.broken.retain(|path, _| path.exists());
            catalog.held.retain(|_, waiting| waiting.plugin.path.exists());
            self.catalog.store(Arc::new(catalog));
        }
        let files = self.files();
        for path in &files {
            self.admit_told(path, trial, now).await;
        }
        let stamps = files.into_iter().filter_map(|path| Stamp::of(&path).map(|stamp| (path, stamp)));
        self.watch.lock().await.take(stamps.collect());
    }

    /// Takes in what is new or has changed in the directories, and lets go of what is not there any more. A file is acted
    /// on when two looks saw it the same.
    pub(crate) async fn look(&self, trial: &dyn Trial, now: Timestamp) {
        let mut watch = self.watch.lock().await;
        let stamps = self.files().into_iter().filter_map(|path| Stamp::of(&path).map(|stamp| (path, stamp)));
        let Settled { changed, gone } = watch.look(stamps.collect());
        for path in &changed {
            self.admit_told(path, trial, now).await;
        }
        if gone.is_empty() {
            return;
        }
        let _lock = self.lock.lock().await;
        let mut catalog = Catalog::clone(&self.catalog.load());
        for path in &gone {
            tracing::warn!(file = %path.display(), "a plugin's file is gone");
            catalog.broken.remove(path);
            let held: Vec<_> = catalog.held.extract_if(.., |_, waiting| waiting.plugin.path == *path).collect();
            catalog.serving.retain(|id, plugin| {
                // Where the file had changed, what serves is the copy of what it was.
                let was_it = held.iter().any(|(other, _)| other == id) && !self.is_origin(&plugin.path);
                plugin.path != *path && !was_it
            });
        }
        self.catalog.store(Arc::new(catalog));
    }

    /// What went wrong is in the catalog, and in the log.
    async fn admit_told(&self, path: &Path, trial: &dyn Trial, now: Timestamp) {
        match self.admit(path, trial, now).await {
            Ok(plugin) => {
                let manifest = plugin.manifest();
                tracing::info!(plugin = %manifest.id, version = %manifest.version, sha256 = plugin.sha256(), "serving");
            }
            Err(error) => tracing::warn!(file = %path.display(), %error, "a plugin's file is not served"),
        }
    }

    /// The `.wasm` files of all directories, in the order of directories and names.
    fn files(&self) -> Vec<PathBuf> {
        self.config.directories.iter().flat_map(|directory| files(directory)).collect()
    }

    /// Takes in one file: the plugin that serves then, which is the one before where the new one is held.
    pub(crate) async fn admit(
        &self,
        path: &Path,
        trial: &dyn Trial,
        now: Timestamp,
    ) -> Result<Arc<Plugin>, PluginError> {
        let mut lock = self.lock.lock().await;
        let admitted = self.admit_locked(&mut lock, path, trial, now).await;
        let mut catalog = Catalog::clone(&self.catalog.load());
        catalog.broken.remove(path);
        match &admitted {
            Ok(plugin) => {
                catalog.held.remove(&plugin.manifest.id);
                catalog.serving.insert(plugin.manifest.id.clone(), plugin.clone());
            }
            Err(Refusal::Held(waiting, before)) => {
                let id = waiting.plugin.manifest.id.clone();
                if let Some(before) = before {
                    catalog.serving.insert(id.clone(), before.clone());
                }
                catalog.held.insert(id, waiting.clone());
            }
            Err(Refusal::Broken(error)) => {
                catalog.broken.insert(path.to_owned(), error.clone());
            }
        }
        self.catalog.store(Arc::new(catalog));
        admitted.map_err(|refusal| match refusal {
            Refusal::Held(waiting, _) => waiting.error(),
            Refusal::Broken(error) => error,
        })
    }

    async fn admit_locked(
        &self,
        lock: &mut Lock,
        path: &Path,
        trial: &dyn Trial,
        now: Timestamp,
    ) -> Result<Arc<Plugin>, Refusal> {
        let (plugin, bytes) = self.load(path, trial).await?;
        let id = &plugin.manifest.id;
        let serving = self.get(id);
        // A file that is gone was renamed, or exchanged for this one.
        let other =
            |serving: &&Arc<Plugin>| serving.path != path && self.is_origin(&serving.path) && serving.path.exists();
        if let Some(first) = serving.as_ref().filter(other) {
            let first = first.path.display().to_string();
            return Err(PluginError::Duplicate { id: id.clone(), first }.into());
        }
        let approved = lock.get(id).cloned();
        let grants = match &approved {
            None => asks(&plugin.manifest, &plugin.interfaces),
            Some(entry) => {
                let more: Vec<String> =
                    asks(&plugin.manifest, &plugin.interfaces).difference(&entry.grants).cloned().collect();
                if entry.sha256 != plugin.sha256 && !more.is_empty() {
                    let before = match serving {
                        Some(_) => None,
                        None => self.kept(entry, trial).await,
                    };
                    return Err(Refusal::Held(Waiting { plugin, more }, before));
                }
                entry.grants.clone()
            }
        };
        self.record(lock, &plugin, &bytes, grants, approved.as_ref(), now)?;
        Ok(plugin)
    }

    /// Lets a plugin that waits serve, with all that it asks for. `sha256` is the file that was looked at.
    pub(crate) async fn approve(
        &self,
        id: &str,
        sha256: &str,
        trial: &dyn Trial,
        now: Timestamp,
    ) -> Result<Arc<Plugin>, PluginError> {
        let mut lock = self.lock.lock().await;
        let waiting = self.catalog.load().held.get(id).cloned();
        let Some(waiting) = waiting.filter(|waiting| waiting.plugin.sha256 == sha256) else {
            return Err(PluginError::NotWaiting { id: id.to_owned(), sha256: sha256.to_owned() });
        };
        let (plugin, bytes) = self.load(&waiting.plugin.path, trial).await.map_err(|refusal| match refusal {
            Refusal::Broken(error) => error,
            Refusal::Held(waiting, _) => waiting.error(),
        })?;
        if plugin.sha256 != sha256 {
            return Err(PluginError::NotWaiting { id: id.to_owned(), sha256: sha256.to_owned() });
        }
        let before = lock.get(id).cloned();
        let grants = asks(&plugin.manifest, &plugin.interfaces);
        self.record(&mut lock, &plugin, &bytes, grants, before.as_ref(), now)?;
        let mut catalog = Catalog::clone(&self.catalog.load());
        catalog.held.remove(id);
        catalog.serving.insert(id.to_owned(), plugin.clone());
        self.catalog.store(Arc::new(catalog));
        Ok(plugin)
    }

    async fn load(&self, path: &Path, trial: &dyn Trial) -> Result<(Arc<Plugin>, Vec<u8>), Refusal> {
        let (loader, owned) = (self.loader.clone(), path.to_owned());
        let prepare = move || {
            let bytes = loader.read(&owned)?;
            Ok::<_, PluginError>((loader.prepare(&owned, &bytes)?, bytes))
        };
        let prepared = tokio::task::spawn_blocking(prepare).await;
        let (plugin, bytes) = prepared.map_err(|error| PluginError::Compile(error.to_string()))??;
        let plugin = Arc::new(plugin);
        trial.run(&plugin).await?;
        Ok((plugin, bytes))
    }

    /// The file that was approved, from its copy; none where that is gone or not what it was.
    async fn kept(&self, entry: &LockEntry, trial: &dyn Trial) -> Option<Arc<Plugin>> {
        let (plugin, _) = self.load(&self.copy_of(&entry.sha256), trial).await.ok()?;
        (plugin.sha256 == entry.sha256).then_some(plugin)
    }

    fn record(
        &self,
        lock: &mut Lock,
        plugin: &Plugin,
        bytes: &[u8],
        grants: std::collections::BTreeSet<String>,
        before: Option<&LockEntry>,
        now: Timestamp,
    ) -> Result<(), PluginError> {
        let copy = self.copy_of(&plugin.sha256);
        let unwritten = |what: &str, error: std::io::Error| PluginError::Unreadable(format!("{what}: {error}"));
        if !copy.exists() {
            let kept = &self.config.kept;
            fs::create_dir_all(kept)
                .and_then(|()| publish(kept, &copy, &[bytes]))
                .map_err(|error| unwritten("a copy could not be kept", error))?;
        }
        if before.is_some_and(|before| before.sha256 == plugin.sha256 && before.grants == grants) {
            return Ok(());
        }
        let entry = LockEntry {
            version: plugin.manifest.version.clone(),
            sha256: plugin.sha256.clone(),
            source: plugin.path.display().to_string(),
            approved_at: now,
            grants,
        };
        lock.put(&plugin.manifest.id, entry).map_err(|error| unwritten("the lock file could not be written", error))?;
        if let Some(before) = before.filter(|before| before.sha256 != plugin.sha256) {
            // Nothing names it any more; a copy that stays costs space and nothing else.
            let _ = fs::remove_file(self.copy_of(&before.sha256));
        }
        Ok(())
    }

    fn copy_of(&self, sha256: &str) -> PathBuf {
        self.config.kept.join(format!("{sha256}.wasm"))
    }

    fn is_origin(&self, path: &Path) -> bool {
        !path.starts_with(&self.config.kept)
    }

    pub(crate) fn summaries(&self) -> Vec<PluginSummary> {
        let catalog = self.catalog.load();
        let serving = catalog.serving.values().map(|plugin| summary(plugin, PluginState::Serving));
        let held = catalog.held.values().map(|waiting| summary(&waiting.plugin, PluginState::Held(waiting.error())));
        let broken = catalog.broken.iter().map(|(path, error)| PluginSummary {
            id: path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            version: None,
            sha256: None,
            path: path.clone(),
            title: None,
            description: None,
            interfaces: Vec::new(),
            credentials: Vec::new(),
            asks: Vec::new(),
            settings: None,
            state: PluginState::Broken(error.clone()),
        });
        serving.chain(held).chain(broken).collect()
    }
}

impl Waiting {
    fn error(&self) -> PluginError {
        PluginError::Held { id: self.plugin.manifest.id.clone(), more: self.more.clone() }
    }
}

enum Refusal {
    Held(Waiting, Option<Arc<Plugin>>),
    Broken(PluginError),
}

impl From<PluginError> for Refusal {
    fn from(error: PluginError) -> Self {
        Self::Broken(error)
    }
}

fn summary(plugin: &Plugin, state: PluginState) -> PluginSummary {
    let manifest = plugin.manifest();
    PluginSummary {
        id: manifest.id.clone(),
        version: Some(manifest.version.clone()),
        sha256: Some(plugin.sha256.clone()),
        path: plugin.path.clone(),
        title: Some(manifest.title.clone()),
        description: Some(manifest.description.clone()),
        interfaces: plugin.interfaces.clone(),
        credentials: manifest.credentials.clone(),
        asks: asks(manifest, &plugin.interfaces).into_iter().collect(),
        settings: Some(manifest.settings.schema().clone()),
        state,
    }
}

/// The `.wasm` files of a directory in the order of their names; a directory that is not there has none.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            if error.kind() != std::io::ErrorKind::NotFound {
                tracing::warn!(directory = %directory.display(), %error, "a plugin directory can't be read");
            }
            return Vec::new();
        }
    };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect();
    files.sort();
    files
}
