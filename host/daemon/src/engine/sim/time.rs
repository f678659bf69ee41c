//! Time that passes only when nobody has anything left to do, and chance that comes from a seed.
//!
//! All of a simulation is one thread. Where all of its tasks wait, the clock jumps to the next moment that one of them waits
//! for. Whoever waits for the same moment is woken one after the other, in an order that the seed says.

use std::{
    collections::BTreeMap,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use async_trait::async_trait;
use novacron_cicd_domain::Timestamp;

use crate::engine::ports::{Clock, Random};

/// Chance: the same seed deals the same numbers (SplitMix64).
pub(super) struct Dice(Mutex<u64>);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// Dice of their own for somebody else, so that what is drawn here changes nothing there.
    pub(super) fn other(&self) -> Self {
        Self::new(self.draw())
    }

    fn draw(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// At least `least`, less than `most`.
    pub(super) fn between(&self, least: i64, most: i64) -> i64 {
        least + i64::try_from(self.draw() % (most - least).unsigned_abs()).unwrap_or(0)
    }

    /// True so many times in a hundred.
    pub(super) fn chance(&self, percent: u64) -> bool {
        self.draw() % 100 < percent
    }

    pub(super) fn pick<T: Clone>(&self, from: &[T]) -> T {
        from[usize::try_from(self.draw() % from.len() as u64).unwrap_or(0)].clone()
    }
}

impl Random for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.draw().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// When somebody is to be woken; of two at the same moment chance says which is first, and then who came first.
type Turn = (i64, u64, u64);

/// The clock.
pub(super) struct Time {
    timers: Mutex<Timers>,
    dice: Dice,
}

struct Timers {
    now: i64,
    came: u64,
    waiting: BTreeMap<Turn, Waker>,
}

impl Time {
    pub(super) fn new(now: i64, dice: Dice) -> Arc<Self> {
        Arc::new(Self { timers: Mutex::new(Timers { now, came: 0, waiting: BTreeMap::new() }), dice })
    }

    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds.
    pub(super) fn sleep(&self, millis: i64) -> Nap<'_> {
        Nap { time: self, until: self.timers().now + millis, turn: None }
    }

    /// Jumps to the next moment that somebody waits for.
    fn jump(&self) {
        let mut timers = self.timers();
        if let Some(((at, ..), waker)) = timers.waiting.pop_first() {
            timers.now = timers.now.max(at);
            drop(timers);
            waker.wake();
        }
    }

    /// Plays a story from its begin to its end.
    pub(super) fn play<T>(self: &Arc<Self>, story: impl Future<Output = T>) -> T {
        let time = Arc::clone(self);
        let runtime = tokio::runtime::Builder::new_current_thread().on_thread_park(move || time.jump()).build();
        runtime.expect("a runtime of one thread needs nothing that can be lacking").block_on(story)
    }
}

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Timestamp {
        Timestamp(self.timers().now)
    }

    async fn sleep_until(&self, until: Timestamp) {
        Nap { time: self, until: until.0, turn: None }.await;
    }
}

/// A wait for a moment.
pub(super) struct Nap<'t> {
    time: &'t Time,
    until: i64,
    turn: Option<Turn>,
}

impl Future for Nap<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut timers = self.time.timers();
        if timers.now >= self.until {
            return Poll::Ready(());
        }
        let turn = self.turn.unwrap_or_else(|| {
            timers.came += 1;
            (self.until, self.time.dice.draw(), timers.came)
        });
        timers.waiting.insert(turn, context.waker().clone());
        drop(timers);
        self.turn = Some(turn);
        Poll::Pending
    }
}

impl Drop for Nap<'_> {
    fn drop(&mut self) {
        if let Some(turn) = self.turn {
            self.time.timers().waiting.remove(&turn);
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Does something that other threads take part in (the store's) while all else here stands still, so that how quick they
/// are changes nothing.
pub(super) fn at_once<T>(work: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut work = pin!(tokio::task::unconstrained(work));
    loop {
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}
