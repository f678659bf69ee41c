//! What an attempt to deliver a message makes of it: delivered, tried again later, or a dead letter.
//!
//! The waits are those that Standard Webhooks proposes, spread as all our waits are.

use serde::{Deserialize, Serialize};

use super::{Notification, NotificationState};
use crate::{Timestamp, backoff::Backoff};

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// The longest waits before the second attempt and those after it, in milliseconds: three days and a half in all.
const SCHEDULE: [u64; 9] =
    [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/// So often a message is tried before it is a dead letter.
pub const MOST_ATTEMPTS: u32 = SCHEDULE.len() as u32 + 1;
/// So many attempts are remembered; a replay adds to those before it.
const REMEMBERED: usize = 20;
/// The receiver is gone for good (RFC 9110, 15.5.11).
const GONE: u16 = 410;

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// What the receiver answered; none where no answer came.
    pub status: Option<u16>,
    /// The beginning of the answer's body; masked.
    pub answer: Option<String>,
    /// Why it was not delivered, as (code, sentence).
    pub error: Option<(String, String)>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// An answer came.
    Answered {
        /// Its status.
        status: u16,
        /// The wait that it asks for, in milliseconds.
        retry_after: Option<u64>,
        /// The beginning of its body; masked.
        answer: Option<String>,
    },
    /// No answer came, or nothing was sent.
    Failed {
        /// Stable.
        code: String,
        /// In a sentence; masked.
        message: String,
    },
}

/// What an attempt makes of a message and of its subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The message as it is now.
    pub notification: Notification,
    /// Its receiver said that it is gone: nothing more is sent there until an operator says so.
    pub gone: bool,
}

/// What the attempt that began at `at` and ended `now` makes of a message.
#[must_use]
pub fn settle(before: &Notification, at: Timestamp, sent: Sent, jitter: f64, now: Timestamp) -> Settled {
    let mut after = Notification { attempts: before.attempts + 1, updated: now, ..before.clone() };
    let (status, answer, retry_after, error) = match sent {
        Sent::Answered { status, retry_after, answer } => {
            let refused = |code: &str| Some((code.to_owned(), format!("its receiver answered {status}")));
            let error = match status {
                200..=299 => None,
                300..=399 => refused("notification.redirected"),
                GONE => refused("notification.gone"),
                _ => refused("notification.refused"),
            };
            (Some(status), answer, retry_after, error)
        }
        Sent::Failed { code, message } => (None, None, None, Some((code, message))),
    };
    let gone = status == Some(GONE);
    let wait = usize::try_from(before.attempts).ok().and_then(|attempts| SCHEDULE.get(attempts));
    match (&error, wait) {
        (None, _) => after.state = NotificationState::Delivered,
        (Some(_), Some(wait)) if !gone => {
            let bounds = Backoff { most_asked_millis: 24 * HOUR, ..Backoff::default() };
            let wait = bounds.spread_millis(*wait, jitter, retry_after);
            after.due = now.plus_millis(i64::try_from(wait).unwrap_or(i64::MAX));
        }
        (Some(_), _) => after.state = NotificationState::Dead,
    }
    let millis = u64::try_from(now.since(at)).unwrap_or(0);
    after.records.push(Attempt { at, millis, status, answer, error });
    let over = after.records.len().saturating_sub(REMEMBERED);
    after.records.drain(..over);
    Settled { notification: after, gone }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{NotificationId, SubscriberId},
        notification::NotificationKind,
    };

    const NOW: Timestamp = Timestamp(1_000_000);

    fn queued(attempts: u32) -> Notification {
        Notification {
            id: NotificationId(uuid::Uuid::from_u128(1)),
            subscriber: SubscriberId(uuid::Uuid::from_u128(2)),
            event: Some(7),
            kind: NotificationKind::RunFinished,
            run: None,
            lane: "a run".into(),
            state: NotificationState::Queued,
            attempts,
            due: Timestamp(0),
            records: Vec::new(),
            size: 2,
            created: Timestamp(0),
            updated: Timestamp(0),
            version: 1,
        }
    }

    fn answered(status: u16, retry_after: Option<u64>) -> Sent {
        Sent::Answered { status, retry_after, answer: None }
    }

    #[test]
    fn a_message_is_delivered_tried_again_or_dead_by_what_its_receiver_says() {
        let failed = || Sent::Failed { code: "egress.not-sent".into(), message: "nobody listens".into() };
        // Attempts before, what came, where it stands then, its wait where it has one, whether the receiver is gone.
        let rows = [
            (0, answered(200, None), NotificationState::Delivered, None, false),
            (9, answered(204, None), NotificationState::Delivered, None, false),
            (0, answered(302, None), NotificationState::Queued, Some(5 * SECOND), false),
            (0, answered(500, None), NotificationState::Queued, Some(5 * SECOND), false),
            (1, answered(404, None), NotificationState::Queued, Some(5 * MINUTE), false),
            (8, failed(), NotificationState::Queued, Some(24 * HOUR), false),
            (9, failed(), NotificationState::Dead, None, false),
            (9, answered(503, Some(1)), NotificationState::Dead, None, false),
            (0, answered(410, None), NotificationState::Dead, None, true),
            (0, answered(429, Some(HOUR)), NotificationState::Queued, Some(HOUR + HOUR / 10), false),
            (3, answered(503, Some(HOUR)), NotificationState::Queued, Some(2 * HOUR), false),
            (0, answered(503, Some(u64::MAX)), NotificationState::Queued, Some(24 * HOUR + 24 * HOUR / 10), false),
        ];
        for (attempts, sent, state, wait, gone) in rows {
            let what = format!("{attempts} {sent:?}");
            let settled = settle(&queued(attempts), Timestamp(999_990), sent, 1.0, NOW);
            assert_eq!((settled.notification.state, settled.gone), (state, gone), "{what}");
            if let Some(wait) = wait {
                assert_eq!(settled.notification.due.since(NOW).unsigned_abs(), wait, "{what}");
            }
            assert_eq!(settled.notification.attempts, attempts + 1, "{what}");
            let record = &settled.notification.records[0];
            assert_eq!((record.millis, record.error.is_none()), (10, state == NotificationState::Delivered), "{what}");
        }
    }

    #[test]
    fn it_is_tried_ten_times_and_what_is_remembered_is_bounded() {
        let mut notification = queued(0);
        while notification.state == NotificationState::Queued {
            notification = settle(&notification, NOW, answered(500, None), 0.5, NOW).notification;
        }
        assert_eq!((notification.attempts, MOST_ATTEMPTS), (10, 10));
        for _ in 0..3 {
            notification = Notification { attempts: 0, state: NotificationState::Queued, ..notification };
            while notification.state == NotificationState::Queued {
                notification = settle(&notification, NOW, answered(500, None), 0.5, NOW).notification;
            }
        }
        assert_eq!(notification.records.len(), REMEMBERED);
    }
}
