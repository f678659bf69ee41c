//! A git repository, made on the spot.

use std::{path::Path, process::Command};

/// One commit on `main`, with a `build.sh`.
pub(crate) struct Repository {
    place: tempfile::TempDir,
}

impl Repository {
    pub(crate) fn new(script: &str) -> Self {
        let place = tempfile::Builder::new().prefix("cicd-repository-").tempdir().unwrap();
        std::fs::write(place.path().join("build.sh"), script).unwrap();
        git(place.path(), &["init", "-q", "-b", "main"]);
        git(place.path(), &["add", "."]);
        git(place.path(), &["commit", "-q", "-m", "A small program"]);
        Self { place }
    }

    /// What a pipeline names.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.place.path().display())
    }

    pub(crate) fn commit(&self) -> String {
        let output = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(self.place.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

fn git(place: &Path, arguments: &[&str]) {
    let settings = ["-c", "user.name=Builder", "-c", "user.email=builder@localhost", "-c", "commit.gpgsign=false"];
    let done = Command::new("git").args(settings).args(arguments).current_dir(place).status().unwrap();
    assert!(done.success(), "git {arguments:?}: {done}");
}
