//! Ends runs that were to report and do not: failed, reason lost.

use std::sync::Arc;

use super::Inner;

/// How often it is looked for them, in milliseconds: short against any sensible deadline.
const EVERY: i64 = 5000;

pub(super) async fn watch(inner: Arc<Inner>) {
    while !inner.stopping.is_cancelled() {
        let now = inner.now();
        match inner.world.ledger.lose_silent(now).await {
            Ok(lost) => {
                for run in lost {
                    tracing::warn!(%run, "a run was silent past its deadline and counts as lost");
                }
            }
            Err(error) => tracing::error!(%error, "silent runs cannot be looked for"),
        }
        tokio::select! {
            biased;
            () = inner.stopping.cancelled() => {}
            () = inner.world.clock.sleep_until(now.plus_millis(EVERY)) => {}
        }
    }
}
