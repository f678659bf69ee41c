//! What is at work in this process: a way to cut each call, how much each provider has, and when to look again.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use novacron_cicd_domain::{
    Timestamp,
    id::{OperationId, ProviderId, RunId},
};
use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(super) struct InFlight {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: HashMap<OperationId, CancellationToken>,
    reminders: BTreeSet<Timestamp>,
    pokes: HashSet<ProviderId>,
    missing: HashMap<RunId, Timestamp>,
    wide: HashSet<ProviderId>,
}

impl InFlight {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// false where it is at work already.
    pub(super) fn begin(&self, operation: OperationId, cancel: CancellationToken) -> bool {
        let mut state = self.lock();
        if state.calls.contains_key(&operation) {
            return false;
        }
        state.calls.insert(operation, cancel);
        true
    }

    pub(super) fn end(&self, operation: OperationId) {
        self.lock().calls.remove(&operation);
    }

    pub(super) fn cut(&self, operation: OperationId) -> bool {
        let state = self.lock();
        let found = state.calls.get(&operation);
        if let Some(cancel) = found {
            cancel.cancel();
        }
        found.is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().calls.len()
    }

    /// A run is nowhere on its platform; since when that is so, as far as this process knows.
    pub(super) fn missing(&self, run: RunId, now: Timestamp) -> Timestamp {
        *self.lock().missing.entry(run).or_insert(now)
    }

    /// It is there.
    pub(super) fn found(&self, run: RunId) {
        self.lock().missing.remove(&run);
    }

    /// Something will be due then.
    pub(super) fn remind(&self, at: Timestamp) {
        self.lock().reminders.insert(at);
    }

    /// There is something to see on this provider's platform.
    pub(super) fn poke(&self, provider: ProviderId) {
        self.lock().pokes.insert(provider);
    }

    /// What it is may be a run of others.
    pub(super) fn look_wide(&self, provider: ProviderId) {
        self.lock().wide.insert(provider);
    }

    pub(super) fn take_wide(&self, provider: ProviderId) -> bool {
        self.lock().wide.remove(&provider)
    }

    pub(super) fn take_pokes(&self) -> HashSet<ProviderId> {
        std::mem::take(&mut self.lock().pokes)
    }

    /// The earliest reminder that is not past; forgets those that are.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.lock();
        state.reminders = state.reminders.split_off(&now.plus_millis(1));
        state.reminders.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reminders_come_back_earliest_first_and_once() {
        let in_flight = InFlight::default();
        for at in [30, 10, 20] {
            in_flight.remind(Timestamp(at));
        }
        assert_eq!(in_flight.next(Timestamp(5)), Some(Timestamp(10)));
        assert_eq!(in_flight.next(Timestamp(10)), Some(Timestamp(20)));
        assert_eq!(in_flight.next(Timestamp(30)), None);
    }
}
