//! Ids of our own records: UUIDs of version 7 (RFC 9562), each greater than the one before, so that records sort in the
//! order in which they were made, also within a millisecond and where the clock is set back.

use std::sync::{Arc, Mutex, PoisonError};

use novacron_cicd_domain::Timestamp;
use uuid::Uuid;

use crate::engine::ports::{Clock, Random};

/// The one place where ids are made.
pub(crate) struct Ids {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    last: Mutex<u128>,
}

/// So many bits of an id are free beside its time, its version and its variant.
const FREE: u32 = 74;

impl Ids {
    pub(crate) fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random, last: Mutex::default() }
    }

    /// The next one.
    pub(crate) fn next(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        let random = u128::from_le_bytes(bytes);
        let fresh = (millis(self.clock.now()) << FREE) | (random & ((1 << FREE) - 1));
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // A step at random: from one id nobody knows its neighbour.
        *last = fresh.max(*last + 1 + (random >> 96));
        laid_out(*last)
    }
}

fn millis(now: Timestamp) -> u128 {
    u128::from(u64::try_from(now.0).unwrap_or(0) & ((1 << 48) - 1))
}

/// Time and free bits around the version and the variant.
fn laid_out(bits: u128) -> Uuid {
    let (time, high, low) = (bits >> FREE, (bits >> 62) & 0xfff, bits & ((1 << 62) - 1));
    Uuid::from_u128((time << 80) | (7 << 76) | (high << 64) | (2 << 62) | low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{HandClock, NoRandom};

    #[test]
    fn ids_are_of_version_7_and_sort_in_the_order_in_which_they_were_made() {
        const NOW: i64 = 1_700_000_000_000;
        let clock = HandClock::at(NOW);
        let ids = Ids::new(clock.clone(), Arc::new(NoRandom));
        let first = ids.next();
        assert_eq!((first.get_version_num(), first.get_variant()), (7, uuid::Variant::RFC4122));
        let seconds = first.get_timestamp().map(|time| time.to_unix());
        assert_eq!(seconds, Some((1_700_000_000, 0)));
        let mut before = first;
        for _ in 0..1000 {
            let next = ids.next();
            assert!(next > before && next.get_version_num() == 7, "{before} {next}");
            before = next;
        }
        clock.advance(std::time::Duration::from_millis(1));
        assert!(ids.next() > before);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_id_twice() {
        let ids = Ids::new(HandClock::at(1_700_000_000_000), Arc::new(NoRandom));
        let before = ids.next();
        let back = Ids { clock: HandClock::at(1_600_000_000_000), ..ids };
        assert!(back.next() > before);
    }

    #[test]
    fn what_does_not_fit_beside_the_version_goes_on_in_the_next_field() {
        let full = (1_u128 << FREE) - 1;
        assert_eq!(laid_out(full).to_string(), "00000000-0000-7fff-bfff-ffffffffffff");
        assert_eq!(laid_out(full + 1).to_string(), "00000000-0001-7000-8000-000000000000");
    }
}
