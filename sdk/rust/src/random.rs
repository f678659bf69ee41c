//! Randomness from the host, fit for ids and nonces.

use std::fmt::Write;

use crate::imports;

/// At most this many bytes come with one request to the host.
const MOST: usize = 4096;

/// `count` random bytes.
///
/// ```no_run
/// let nonce = novacron_cicd_sdk::random::bytes(16);
/// ```
#[must_use]
pub fn bytes(count: usize) -> Vec<u8> {
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let ask = u32::try_from((count - all.len()).min(MOST)).unwrap_or(1);
        all.extend(imports::random::bytes(ask));
    }
    all.truncate(count);
    all
}

/// 128 random bits as 32 lower-case hex digits.
///
/// ```no_run
/// let id = format!("run-{}", novacron_cicd_sdk::random::token());
/// ```
#[must_use]
pub fn token() -> String {
    bytes(16).iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
