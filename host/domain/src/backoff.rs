//! How long to wait before something is tried again. Randomness is an argument.

/// The bounds of the waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first attempt, in milliseconds; each further attempt doubles it.
    pub first_millis: u64,
    /// No wait of ours is longer, in milliseconds.
    pub most_millis: u64,
    /// No wait that a platform asks for is longer, in milliseconds: a wrong header must not stop us for a year.
    pub most_asked_millis: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first_millis: 1_000, most_millis: 5 * 60 * 1000, most_asked_millis: 60 * 60 * 1000 }
    }
}

impl Backoff {
    /// Milliseconds to wait after attempt number `attempt` (1 at first) failed.
    ///
    /// Half of the wait is fixed, half is spread by `jitter` (0 to 1, each time drawn anew), so that what failed together
    /// does not come back together. What the platform asks for (`retry_after_millis`) is never undercut, up to its bound,
    /// and spread by a tenth on top.
    #[must_use]
    pub fn delay_millis(&self, attempt: u32, jitter: f64, retry_after_millis: Option<u64>) -> u64 {
        // Past 2^32 any first wait is over the bound.
        let doubled = 1_u64 << attempt.saturating_sub(1).min(32);
        let wait = self.first_millis.saturating_mul(doubled).min(self.most_millis);
        self.spread_millis(wait, jitter, retry_after_millis)
    }

    /// The same for a wait that follows another schedule, in milliseconds.
    #[must_use]
    pub fn spread_millis(&self, wait: u64, jitter: f64, retry_after_millis: Option<u64>) -> u64 {
        let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
        let spread = |millis: u64| (millis as f64 * jitter) as u64;
        let ours = wait / 2 + spread(wait - wait / 2);
        let asked = retry_after_millis.map_or(0, |asked| {
            let asked = asked.min(self.most_asked_millis);
            asked + spread(asked / 10)
        });
        ours.max(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_bound() {
        let backoff = Backoff::default();
        for (attempt, least, most) in [
            (0, 500, 1_000),
            (1, 500, 1_000),
            (2, 1_000, 2_000),
            (5, 8_000, 16_000),
            (9, 128_000, 256_000),
            (10, 150_000, 300_000),
            (40, 150_000, 300_000),
            (u32::MAX, 150_000, 300_000),
        ] {
            assert_eq!(backoff.delay_millis(attempt, 0.0, None), least, "attempt {attempt}");
            assert_eq!(backoff.delay_millis(attempt, 1.0, None), most, "attempt {attempt}");
        }
    }

    #[test]
    fn what_the_platform_asks_for_is_not_undercut_and_not_believed_without_bound() {
        let backoff = Backoff::default();
        for (asked, jitter, expected) in [
            (0, 0.0, 500),
            (100, 1.0, 1_000),
            (60_000, 0.0, 60_000),
            (60_000, 1.0, 66_000),
            (u64::MAX, 0.0, 3_600_000),
            (u64::MAX, 1.0, 3_960_000),
        ] {
            assert_eq!(backoff.delay_millis(1, jitter, Some(asked)), expected, "{asked} {jitter}");
        }
    }

    #[test]
    fn a_jitter_out_of_its_range_does_no_harm() {
        for jitter in [f64::NAN, f64::INFINITY, -1.0, 2.0] {
            let delay = Backoff::default().delay_millis(1, jitter, None);
            assert!((500..=1_000).contains(&delay), "{jitter} gave {delay}");
        }
    }
}
