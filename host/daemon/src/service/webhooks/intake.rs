//! How much comes in at once, and how much may wait to be read: beyond that a sender is asked to come again.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::service::ServiceError;

/// Bytes of bodies that are read side by side.
const AT_ONCE: usize = 64 << 20;
/// The unit in which that is counted.
const UNIT: usize = 4096;
/// So many deliveries may wait to be read, of so many bytes in all.
const WAITING: u64 = 10_000;
const WAITING_BYTES: u64 = 512 << 20;

/// What is on its way in.
pub(crate) struct Intake {
    places: Arc<Semaphore>,
    waiting: AtomicU64,
    bytes: AtomicU64,
    wake: Notify,
}

/// Room for one body, until it is stored.
pub struct Room {
    _place: OwnedSemaphorePermit,
}

impl Intake {
    /// With what waits since an earlier start.
    pub(crate) fn new((waiting, bytes): (u64, u64)) -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE / UNIT));
        Self { places, waiting: AtomicU64::new(waiting), bytes: AtomicU64::new(bytes), wake: Notify::new() }
    }

    pub(super) fn room(&self, bytes: usize) -> Result<Room, ServiceError> {
        let full = || ServiceError::busy("more comes in than is read");
        if self.waiting.load(Ordering::Relaxed) >= WAITING || self.bytes.load(Ordering::Relaxed) >= WAITING_BYTES {
            return Err(full());
        }
        let units = u32::try_from(bytes.div_ceil(UNIT).max(1)).unwrap_or(u32::MAX);
        let place = self.places.clone().try_acquire_many_owned(units).map_err(|_| full())?;
        Ok(Room { _place: place })
    }

    /// One more waits.
    pub(super) fn stored(&self, bytes: u64) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.wake();
    }

    /// One was read, or can't be.
    pub(super) fn settled(&self, bytes: u64) {
        let less = |by: u64| move |now: u64| Some(now.saturating_sub(by));
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less(1));
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less(bytes));
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_domain::Coded as _;

    use super::*;

    #[test]
    fn a_full_intake_refuses_until_there_is_room_again() {
        let intake = Intake::new((0, 0));
        let first = intake.room(AT_ONCE - UNIT).unwrap();
        let second = intake.room(1).unwrap();
        assert_eq!(intake.room(1).err().unwrap().code(), "host.busy");
        drop(second);
        assert!(intake.room(UNIT).is_ok());
        drop(first);
        for (before, bytes) in [(WAITING - 1, 0), (0, WAITING_BYTES - 7)] {
            let intake = Intake::new((before, bytes));
            drop(intake.room(1).unwrap());
            intake.stored(7);
            assert!(intake.room(1).is_err(), "{before} {bytes}");
            intake.settled(7);
            assert!(intake.room(1).is_ok(), "{before} {bytes}");
        }
    }
}
