//! The host's clock.

use crate::{imports, types::Timestamp};

/// Milliseconds since the Unix epoch, UTC.
///
/// ```no_run
/// let a_minute_ago = novacron_cicd_sdk::clock::now() - 60_000;
/// ```
#[must_use]
pub fn now() -> Timestamp {
    imports::host::clock::now()
}
