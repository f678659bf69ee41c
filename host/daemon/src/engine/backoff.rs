//! How long to wait before the next attempt, and what an error makes of an attempt.

use novacron_cicd_domain::{
    Retry, Timestamp,
    backoff::Backoff,
    operation::{Operation, RecoveryClass},
    platform::CallError,
};
use tokio_util::sync::CancellationToken;

use super::{
    Inner,
    verdict::{Verdict, Why},
};

/// When to try again after so many attempts, and no earlier than the platform asks for.
pub(super) fn due(inner: &Inner, attempts: u32, retry_after: Option<u64>) -> Timestamp {
    let wait = Backoff::default().delay_millis(attempts, inner.world.random.fraction(), retry_after);
    inner.now().plus_millis(i64::try_from(wait).unwrap_or(i64::MAX))
}

/// What a failed attempt means. `operation` is as it was marked sent.
pub(super) fn verdict(inner: &Inner, operation: &Operation, error: &CallError, cancel: &CancellationToken) -> Verdict {
    let why = Why::from(error);
    let given_up = inner.given_up(operation, cancel);
    // An earlier attempt may have reached the platform: then what is said of this one does not settle the operation.
    let doubt = operation.first_sent != Some(operation.updated);
    match error.retry() {
        Retry::Safe(_) if given_up && !doubt => Verdict::Canceled(why),
        Retry::Safe(_) if operation.attempts >= inner.config.attempts && !doubt => Verdict::Failed(why),
        Retry::Safe(wait) => {
            let due = due(inner, operation.attempts, wait);
            if doubt { open(inner, operation, why, given_up, due) } else { Verdict::Retry { due, why } }
        }
        Retry::Never if doubt => Verdict::Ambiguous(why),
        Retry::Never => Verdict::Failed(why),
        Retry::Unknown => {
            let due = match operation.recovery {
                // Somebody else's search index takes a moment, ours does not.
                RecoveryClass::Searchable | RecoveryClass::ByState => inner.now().plus_millis(500),
                _ => due(inner, operation.attempts, None),
            };
            open(inner, operation, why, given_up, due)
        }
    }
}

/// The platform may have acted.
fn open(inner: &Inner, operation: &Operation, why: Why, given_up: bool, due: Timestamp) -> Verdict {
    match operation.recovery {
        RecoveryClass::None => Verdict::Ambiguous(why),
        // Looking is the only way to settle it that sends nothing again.
        RecoveryClass::IdempotentKey if given_up => Verdict::Ambiguous(why),
        RecoveryClass::Searchable | RecoveryClass::ByState if given_up => {
            Verdict::Unsettled { due: inner.now(), why, looks: 0 }
        }
        _ if operation.attempts >= inner.config.attempts => Verdict::Ambiguous(why),
        _ => Verdict::Unsettled { due, why, looks: 0 },
    }
}
