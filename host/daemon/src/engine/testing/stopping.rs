//! A ledger that stops answering where it is told to, or has no room for a moment.

use std::{
    future::pending,
    sync::atomic::{AtomicUsize, Ordering},
};

use novacron_cicd_store::StoreError;
use tokio::sync::watch;

use super::staged::{Kind, Stage};

/// Where a ledger stops answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Before it writes.
    Before,
    /// After it wrote: the answer never comes.
    After,
    /// It has no room for that one, and has some again for the next.
    Full,
}

/// A ledger whose n-th transaction never comes back, or fails.
pub(crate) struct Stopping {
    pub(crate) nth: usize,
    pub(crate) stop: Stop,
    pub(crate) count: AtomicUsize,
    pub(crate) stopped: watch::Sender<bool>,
}

impl Stage for Stopping {
    async fn stage<T: Send>(
        &self,
        kind: Kind,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        if kind != Kind::Operation {
            return work.await;
        }
        let here = self.count.fetch_add(1, Ordering::SeqCst) + 1 == self.nth;
        match self.stop {
            Stop::Full if here => return Err(StoreError::Full),
            Stop::Before if here => self.halt().await,
            _ => {}
        }
        let outcome = work.await;
        if here {
            self.halt().await;
        }
        outcome
    }
}

impl Stopping {
    async fn halt(&self) {
        self.stopped.send_replace(true);
        pending::<()>().await;
    }
}
