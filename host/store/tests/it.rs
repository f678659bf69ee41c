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

use std::{
    path::Path,
    pin::Pin,
    sync::mpsc::{SyncSender, sync_channel},
    task::Poll,
};

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

/// Work that is in the writer's queue, in the order of asking.
struct Queued<T>(Vec<Pin<Box<dyn Future<Output = T> + Send>>>);

/// Asks for work that can't be done yet: the writer must be held.
async fn queue<T, F: Future<Output = T> + Send + 'static>(work: impl IntoIterator<Item = F>) -> Queued<T> {
    let mut queued = Queued(Vec::new());
    for future in work {
        let mut future: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(future);
        let first = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        assert!(first.is_pending(), "the writer is not held");
        queued.0.push(future);
    }
    queued
}

impl<T> Queued<T> {
    /// All answers, in the order of asking.
    async fn answers(self) -> Vec<T> {
        let mut answers = Vec::new();
        for future in self.0 {
            answers.push(future.await);
        }
        answers
    }
}

/// Holds the writer at work until told otherwise, so that what is asked for meanwhile becomes one group.
async fn hold(store: &Store) -> (SyncSender<()>, Queued<Result<(), StoreError>>) {
    let (release, released) = sync_channel::<()>(1);
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let store = store.clone();
    let held = queue([async move {
        store
            .write(move |_| {
                let _ = begun.send(());
                let _ = released.recv();
                Ok(())
            })
            .await
    }])
    .await;
    has_begun.await.unwrap();
    (release, held)
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
