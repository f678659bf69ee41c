//! The real clock and the real randomness.

use async_trait::async_trait;
use novacron_cicd_domain::Timestamp;

use super::ports::{Clock, Random};

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port that everybody else takes the time from")]
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }

    async fn sleep_until(&self, until: Timestamp) {
        let millis = u64::try_from(until.since(self.now())).unwrap_or(0);
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("every supported system has randomness");
    }
}
