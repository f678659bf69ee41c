//! The store as its callers have it: on disk, with its threads.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "it/concurrent.rs"]
mod concurrent;
#[path = "it/full.rs"]
mod full;
#[path = "it/killed.rs"]
mod killed;
#[path = "it/opening.rs"]
mod opening;
#[path = "it/paging.rs"]
mod paging;
#[path = "../src/sample.rs"]
mod sample;

use std::path::Path;

use novacron_cicd_domain::{pipeline::Pipeline, provider::Provider, run::Run};
use novacron_cicd_store::{Options, Store, StoreError, Tx};

/// A state in a directory of its own.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn database(&self) -> std::path::PathBuf {
        self.dir.path().join("state.db")
    }

    fn open(&self) -> Store {
        open(&self.database())
    }
}

fn open(database: &Path) -> Store {
    Store::open(database, &Options::default()).unwrap()
}

/// Stores a provider, a pipeline and a run.
fn plant(tx: &mut Tx<'_>) -> Result<(Provider, Pipeline, Run), StoreError> {
    let provider = sample::provider(1);
    let pipeline = sample::pipeline(1, &provider);
    let run = sample::run(1, &pipeline);
    tx.insert_provider(&provider)?;
    tx.insert_pipeline(&pipeline)?;
    tx.insert_run(&run)?;
    Ok((provider, pipeline, run))
}
