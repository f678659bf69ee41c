//! Where a host may die: before and after each of its transactions, and of each of its calls.

use std::{
    future::pending,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use novacron_cicd_store::StoreError;
use tokio::sync::Notify;

use super::time::{Dice, Time, at_once};
use crate::engine::{
    ports::Clock as _,
    testing::{Kind, Stage},
};

/// The places that a host passes, counted where its end is planned.
pub(super) struct Steps {
    time: Arc<Time>,
    dice: Dice,
    left: Mutex<Option<u32>>,
    full_until: AtomicI64,
    dead: Notify,
}

impl Steps {
    pub(super) fn new(time: Arc<Time>, dice: Dice) -> Arc<Self> {
        let (left, full_until, dead) = (Mutex::default(), AtomicI64::new(0), Notify::new());
        Arc::new(Self { time, dice, left, full_until, dead })
    }

    /// The host dies at the n-th place from here; none: it lives.
    pub(super) fn plan(&self, places: Option<u32>) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = places;
    }

    /// The disk has no room for so long.
    pub(super) fn fill(&self, millis: i64) {
        self.full_until.store(self.time.now().0 + millis, Ordering::Relaxed);
    }

    /// When it has come to the end that was planned.
    pub(super) async fn death(&self) {
        self.dead.notified().await;
    }

    /// A place: who dies here never goes on.
    pub(super) async fn pass(&self) {
        let dies = {
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            *left = left.map(|left| left.saturating_sub(1));
            left.take_if(|left| *left == 0).is_some()
        };
        if dies {
            self.dead.notify_one();
            pending::<()>().await;
        }
    }
}

/// A ledger's transactions: each is one moment, with time before and after it in which others get on.
pub(super) struct Transactions(pub(super) Arc<Steps>);

impl Stage for Transactions {
    async fn stage<T: Send>(
        &self,
        _: Kind,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let Self(steps) = self;
        steps.time.sleep(steps.dice.between(0, 4)).await;
        steps.pass().await;
        if steps.time.now().0 < steps.full_until.load(Ordering::Relaxed) {
            return Err(StoreError::Full);
        }
        let outcome = at_once(work);
        steps.time.sleep(steps.dice.between(0, 4)).await;
        steps.pass().await;
        outcome
    }
}
