//! The directories of one host: its state, a home for the command line, plugins. They outlive the host, so that it can be started again.

use std::path::PathBuf;

use tempfile::TempDir;

use super::component;

/// Directories that go with the test.
pub(crate) struct Home {
    place: TempDir,
}

impl Home {
    /// With the plugin that most scenarios have: `webhook`.
    pub(crate) fn new() -> Self {
        Self::with("novacron-cicd-plugin-webhook")
    }

    /// With this plugin alone: each has to be compiled before the host is there.
    pub(crate) fn with(package: &str) -> Self {
        let home = Self { place: tempfile::Builder::new().prefix("cicd-it-").tempdir().unwrap() };
        for folder in [home.plugins(), home.user(), home.work()] {
            std::fs::create_dir(folder).unwrap();
        }
        home.install(package);
        home
    }

    /// Puts a plugin where the host looks for plugins.
    pub(crate) fn install(&self, package: &str) {
        let from = component(package);
        std::fs::copy(&from, self.plugins().join(from.file_name().unwrap())).unwrap();
    }

    /// The host's state; made by the host.
    pub(crate) fn state(&self) -> PathBuf {
        self.place.path().join("state")
    }

    pub(crate) fn plugins(&self) -> PathBuf {
        self.place.path().join("plugins")
    }

    /// `HOME` of the command line.
    pub(crate) fn user(&self) -> PathBuf {
        self.place.path().join("user")
    }

    /// For files of the test.
    pub(crate) fn work(&self) -> PathBuf {
        self.place.path().join("work")
    }

    /// Everything that the host wrote to its outputs, in all its lives.
    pub(crate) fn log(&self) -> PathBuf {
        self.place.path().join("host.log")
    }
}
