//! Places at which a test ends the process as a crash would, to see what the next start makes of it.
//!
//! Without the feature `fault-injection` a fault point is nothing. With it the environment variable
//! `NOVACRON_CICD_FAULT` names one, `trigger.after-send` or `trigger.after-send:3` for its third hit, and there the
//! process aborts: no destructor runs, no buffer is flushed.

/// All fault points, in the order in which a run passes them.
pub const FAULT_POINTS: &[&str] = &[
    // The row, the operation and the event are durable; nobody was answered.
    "trigger.stored",
    // An engine has taken it.
    "trigger.claimed",
    // It is marked as sent; no byte went out.
    "trigger.before-send",
    // The platform answered, or did not; nothing of that is recorded.
    "trigger.after-send",
    "trigger.before-commit",
    "trigger.after-commit",
    "cancel.stored",
    "cancel.claimed",
    "cancel.before-send",
    "cancel.after-send",
    "cancel.before-commit",
    "cancel.after-commit",
    "retry.stored",
    "retry.claimed",
    "retry.before-send",
    "retry.after-send",
    "retry.before-commit",
    "retry.after-commit",
    "change.stored",
    "change.claimed",
    "change.before-send",
    "change.after-send",
    "change.before-commit",
    "change.after-commit",
    // A platform's delivery is kept, and its sender was not answered; it was read, and that is not recorded; it is.
    "webhook.stored",
    "webhook.before-commit",
    "webhook.after-commit",
    // Messages of what happened are kept; one is about to go out; its receiver answered, and that is not recorded; it is.
    "notification.stored",
    "notification.before-send",
    "notification.after-send",
    "notification.after-commit",
    // The same for what a run says of itself: its words arrived, are durable, were answered.
    "callback.status.before-commit",
    "callback.status.after-commit",
    "callback.job.before-commit",
    "callback.job.after-commit",
    // Bytes are in the file; the position is not durable.
    "callback.log.before-commit",
    "callback.log.after-commit",
    // The blob has its name; the row is not there.
    "callback.artifact.before-commit",
    "callback.artifact.after-commit",
];

/// Aborts the process where `NOVACRON_CICD_FAULT` says so.
#[cfg(feature = "fault-injection")]
pub(crate) fn hit(point: &str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };
    static WANTED: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let text = std::env::var("NOVACRON_CICD_FAULT").ok()?;
        Some(match text.rsplit_once(':').map(|(name, n)| (name, n.parse())) {
            Some((name, Ok(n))) => (name.to_owned(), n),
            _ => (text, 1),
        })
    });
    static HITS: AtomicU64 = AtomicU64::new(0);
    debug_assert!(FAULT_POINTS.contains(&point), "{point} is not listed");
    let Some((name, nth)) = &*WANTED else { return };
    if name == point && HITS.fetch_add(1, Ordering::SeqCst) + 1 == *nth {
        std::process::abort();
    }
}

/// A fault point: nothing without the feature `fault-injection`.
macro_rules! fault {
    ($point:expr) => {{
        #[cfg(feature = "fault-injection")]
        $crate::engine::fault::hit($point);
        #[cfg(not(feature = "fault-injection"))]
        let _ = $point;
    }};
}
pub(crate) use fault;

#[cfg(test)]
mod tests {
    use super::FAULT_POINTS;

    #[test]
    fn every_fault_point_has_its_own_name() {
        let mut names = FAULT_POINTS.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FAULT_POINTS.len());
    }
}
