//! Messages to subscribers: kept until they are delivered or dead, claimed under a lease, in order within their lane.
//!
//! The index that claiming uses is partial, and is only used by queries that say `open = 1`. Must be absent: what a message says.

use novacron_cicd_domain::{
    Timestamp,
    id::{NotificationId, RunId, SubscriberId},
    notification::{Message, Notification, NotificationKind, NotificationState},
};
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    page::{List, Listing, Page, Select},
    row::{Columns, json, signed},
};

const WHAT: &str = "notification";
const COLUMNS: &str =
    "id, subscriber, event, kind, run, lane, state, attempts, due, records, size, created, updated, version";

/// Which messages a list shows; what is none is not asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotificationFilter {
    /// To this subscriber.
    pub subscriber: Option<SubscriberId>,
    /// About this run.
    pub run: Option<RunId>,
    /// In this state.
    pub state: Option<NotificationState>,
}

fn read(columns: &mut Columns<'_>) -> Result<Notification, StoreError> {
    Ok(Notification {
        id: columns.parse()?,
        subscriber: columns.parse()?,
        event: columns.get()?,
        kind: columns.word(NotificationKind::parse)?,
        run: columns.parse_opt()?,
        lane: columns.get()?,
        state: columns.word(NotificationState::parse)?,
        attempts: columns.get()?,
        due: columns.time()?,
        records: columns.json()?,
        size: columns.unsigned()?,
        created: columns.time()?,
        updated: columns.time()?,
        version: columns.get()?,
    })
}

/// Newest first.
pub(crate) fn select(filter: &NotificationFilter, after: Option<String>, rows: usize) -> Select {
    Select::new(&format!("SELECT {COLUMNS} FROM notifications"))
        .with("run = ", filter.run.map(|id| id.to_string()))
        .with("subscriber = ", filter.subscriber.map(|id| id.to_string()))
        .with("state = ", filter.state.map(|state| state.as_str().to_owned()))
        .with("id < ", Some(after.unwrap_or_else(crate::page::newest)))
        .order("id DESC", rows)
}

/// One statement, so that no message is claimed twice; never one before which another of its lane is open.
pub(crate) fn claim_sql() -> String {
    format!(
        "UPDATE notifications SET lease_until = ?2, version = version + 1
         WHERE id IN (
            SELECT next.id FROM notifications AS next
            WHERE next.open = 1 AND next.subscriber = ?3 AND next.due <= ?1
                AND (next.lease_until IS NULL OR next.lease_until <= ?1)
                AND NOT EXISTS (
                    SELECT 1 FROM notifications AS earlier
                    WHERE earlier.open = 1 AND earlier.subscriber = next.subscriber AND earlier.lane = next.lane
                        AND earlier.event < next.event
                )
            ORDER BY next.due, next.event LIMIT ?4
         )
         RETURNING {COLUMNS}"
    )
}

impl Reader<'_> {
    /// The message with this id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn notification(&self, id: NotificationId) -> Result<Notification, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM notifications WHERE id = ?1");
        self.one(&sql, [id.to_string()], read)?.ok_or_else(|| StoreError::not_found(WHAT, id))
    }

    /// What it says, as it is sent.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn notification_message(&self, id: NotificationId) -> Result<Message, StoreError> {
        let sql = "SELECT headers, body FROM notifications WHERE id = ?1";
        let message =
            self.one(sql, [id.to_string()], |columns| Ok(Message { headers: columns.json()?, body: columns.get()? }))?;
        message.ok_or_else(|| StoreError::not_found(WHAT, id))
    }

    /// Messages, newest first.
    ///
    /// # Errors
    /// [`StoreError::Cursor`].
    pub fn notifications(&self, page: &Page, filter: &NotificationFilter) -> Result<Listing<Notification>, StoreError> {
        let select = |after, rows| select(filter, after, rows);
        self.page(List::Notifications, page, select, read, |notification| notification.id.to_string())
    }

    /// Whether something of a subscriber is due and not under lease; it may wait for another of its lane yet.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn notification_due(&self, subscriber: SubscriberId, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM notifications WHERE open = 1 AND subscriber = ?1 AND due <= ?2
                       AND (lease_until IS NULL OR lease_until <= ?2) LIMIT 1";
        Ok(self.one(sql, params![subscriber.to_string(), now.0], |columns| columns.get::<i64>())?.is_some())
    }

    /// When the next one is due that is not due by then.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn next_notification_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT due FROM notifications WHERE open = 1 AND due > ?1 ORDER BY due LIMIT 1";
        self.one(sql, [now.0], |columns| columns.time())
    }
}

impl Tx<'_> {
    /// Keeps a message that is to be sent.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where its subscriber or run is not there, [`StoreError::Conflict`] where its event was told to
    /// that subscriber before.
    pub fn insert_notification(&mut self, notification: &Notification, message: &Message) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO notifications (id, subscriber, event, kind, run, lane, state, attempts, due, records, size,
                created, updated, version, headers, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            params![
                notification.id.to_string(),
                notification.subscriber.to_string(),
                notification.event,
                notification.kind.as_str(),
                notification.run.map(|id| id.to_string()),
                notification.lane,
                notification.state.as_str(),
                notification.attempts,
                notification.due.0,
                json(&notification.records)?,
                signed(notification.size)?,
                notification.created.0,
                notification.updated.0,
                notification.version,
                json(&message.headers)?,
                message.body,
            ],
        )
        .map_err(|error| error.or_missing("subscriber or run", notification.subscriber))
        .map_err(|error| error.or_conflict(WHAT, notification.id))?;
        Ok(())
    }

    /// Claims what is due to a subscriber and first of its lane, oldest first.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn claim_notifications(
        &mut self,
        subscriber: SubscriberId,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Notification>, StoreError> {
        let values = params![now.0, lease_until.0, subscriber.to_string(), limit];
        let mut claimed = self.all(&claim_sql(), values, read)?;
        // RETURNING promises no order.
        claimed.sort_by_key(|notification| (notification.due, notification.event));
        Ok(claimed)
    }

    /// Ends all leases: at start, when whoever held them is gone for sure.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn release_notifications(&mut self) -> Result<usize, StoreError> {
        self.execute(
            "UPDATE notifications SET lease_until = NULL, version = version + 1
             WHERE open = 1 AND lease_until IS NOT NULL",
            [],
        )
    }

    /// Changes what becomes of a message and ends its lease, where the stored version is `expected`. Answers the new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::NotFound`].
    pub fn update_notification(&mut self, notification: &Notification, expected: i64) -> Result<i64, StoreError> {
        let changed = self.execute(
            "UPDATE notifications SET state = ?3, attempts = ?4, due = ?5, lease_until = NULL, records = ?6, updated = ?7,
                version = version + 1
             WHERE id = ?1 AND version = ?2",
            params![
                notification.id.to_string(),
                expected,
                notification.state.as_str(),
                notification.attempts,
                notification.due.0,
                json(&notification.records)?,
                notification.updated.0,
            ],
        )?;
        if changed == 0 {
            let found = self.notification(notification.id)?.version;
            return Err(StoreError::Stale { what: WHAT, key: notification.id.to_string(), expected, found });
        }
        Ok(expected + 1)
    }

    /// Forgets what was settled before `before`, and of what is left the oldest, until no more than `bytes` are kept; never
    /// what is still to be sent. At most `limit` in all; answers how many went.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn prune_notifications(&mut self, before: Timestamp, bytes: u64, limit: u32) -> Result<usize, StoreError> {
        let sql = "SELECT updated, size FROM notifications WHERE open = 0 ORDER BY updated DESC, id DESC";
        let kept = self.all(sql, [], |columns| Ok((columns.time()?, columns.unsigned()?)))?;
        let mut sum = 0_u64;
        let over = kept.iter().find(|(_, size)| {
            sum = sum.saturating_add(*size);
            sum > bytes
        });
        // Those of one millisecond go together.
        let until = over.map_or(before, |(updated, _)| before.max(updated.plus_millis(1)));
        self.execute(
            "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications
             WHERE open = 0 AND updated < ?1 ORDER BY updated, id LIMIT ?2)",
            params![until.0, limit],
        )
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{plan::Scratch, sample};

    const LEASE: Timestamp = Timestamp(5_000);

    /// To the subscriber `to`, made and due at its number times a thousand.
    fn notification(number: u32, to: u64, lane: &str) -> Notification {
        let at = Timestamp(i64::from(number) * 1000);
        Notification {
            id: NotificationId(sample::uuid(number.into())),
            subscriber: SubscriberId(sample::uuid(to)),
            event: Some(number.into()),
            kind: NotificationKind::RunFinished,
            run: None,
            lane: lane.into(),
            state: NotificationState::Queued,
            attempts: 0,
            due: at,
            records: Vec::new(),
            size: 10,
            created: at,
            updated: at,
            version: 1,
        }
    }

    fn message() -> Message {
        Message { headers: vec![("content-type".into(), "application/json".into())], body: b"{}".to_vec() }
    }

    fn with(notifications: &[Notification]) -> Scratch {
        let scratch = Scratch::new();
        for number in [1, 2] {
            scratch.tx().insert_subscriber(&sample::subscriber(number)).unwrap();
        }
        for notification in notifications {
            scratch.tx().insert_notification(notification, &message()).unwrap();
        }
        scratch
    }

    fn claim(tx: &mut Tx<'_>, to: u64, now: i64) -> Vec<Notification> {
        tx.claim_notifications(SubscriberId(sample::uuid(to)), Timestamp(now), LEASE, 9).unwrap()
    }

    fn numbers(claimed: &[Notification]) -> Vec<i64> {
        claimed.iter().filter_map(|notification| notification.event).collect()
    }

    #[test]
    fn an_event_is_told_to_each_subscriber_once() {
        let scratch = with(&[notification(1, 1, "a")]);
        let mut tx = scratch.tx();
        assert_eq!(tx.notification_message(NotificationId(sample::uuid(1))).unwrap(), message());
        let again = Notification { id: NotificationId(sample::uuid(7)), ..notification(1, 1, "a") };
        assert!(matches!(tx.insert_notification(&again, &message()), Err(StoreError::Conflict { .. })));
        let other = Notification { subscriber: SubscriberId(sample::uuid(2)), ..again };
        tx.insert_notification(&other, &message()).unwrap();
        // What tells no event is as often as it is wanted.
        for number in [8, 9] {
            tx.insert_notification(&Notification { event: None, ..notification(number, 1, "b") }, &message()).unwrap();
        }
        let nobody = notification(3, 9, "a");
        assert!(matches!(tx.insert_notification(&nobody, &message()), Err(StoreError::NotFound { .. })));
    }

    #[test]
    fn the_next_of_a_lane_is_claimed_when_the_one_before_it_is_settled() {
        let scratch = with(&[
            notification(1, 1, "a"),
            notification(2, 1, "a"),
            notification(3, 1, "b"),
            notification(4, 2, "a"),
            notification(9, 1, "c"),
        ]);
        let mut tx = scratch.tx();
        let first = claim(&mut tx, 1, 4000);
        assert_eq!(numbers(&first), [1, 3], "not what is behind another, not what is not due, not another's");
        assert_eq!(numbers(&claim(&mut tx, 1, 4000)), [0; 0], "they are under lease");
        assert_eq!(numbers(&claim(&mut tx, 2, 4000)), [4]);
        // Put off: what is behind it waits on.
        let later = Notification { due: Timestamp(8000), attempts: 1, ..first[0].clone() };
        tx.update_notification(&later, first[0].version).unwrap();
        assert_eq!(numbers(&claim(&mut tx, 1, 4000)), [0; 0]);
        assert_eq!(tx.next_notification_due(Timestamp(4000)).unwrap(), Some(Timestamp(8000)));
        let dead = Notification { state: NotificationState::Dead, ..later };
        tx.update_notification(&dead, first[0].version + 1).unwrap();
        assert_eq!(numbers(&claim(&mut tx, 1, 4000)), [2]);
        assert!(matches!(tx.update_notification(&dead, 1), Err(StoreError::Stale { .. })));
        let filter = NotificationFilter { state: Some(NotificationState::Dead), ..NotificationFilter::default() };
        assert_eq!(numbers(&tx.notifications(&Page::first(9), &filter).unwrap().items), [1]);
    }

    #[test]
    fn a_lease_ends_by_time_and_at_start() {
        let scratch = with(&[notification(1, 1, "a")]);
        let mut tx = scratch.tx();
        assert_eq!(claim(&mut tx, 1, 1000).len(), 1);
        assert_eq!(claim(&mut tx, 1, LEASE.0 - 1).len(), 0);
        assert_eq!(claim(&mut tx, 1, LEASE.0).len(), 1);
        assert_eq!(tx.release_notifications().unwrap(), 1);
        assert_eq!(claim(&mut tx, 1, 1000).len(), 1);
    }

    #[test]
    fn what_was_changed_for_a_subscriber_is_tried_at_once() {
        let scratch = with(&[notification(9, 1, "a"), notification(8, 2, "a")]);
        let mut tx = scratch.tx();
        assert_eq!(tx.hasten_notifications(SubscriberId(sample::uuid(1)), Timestamp(1)).unwrap(), 1);
        assert_eq!((claim(&mut tx, 1, 1).len(), claim(&mut tx, 2, 1).len()), (1, 0));
    }

    #[test]
    fn what_is_old_or_too_much_goes_and_what_is_to_be_sent_stays() {
        let left = |before, bytes| {
            let all: Vec<_> = (1..=4)
                .map(|number| {
                    let state = if number == 2 { NotificationState::Queued } else { NotificationState::Delivered };
                    Notification { state, ..notification(number, 1, &number.to_string()) }
                })
                .collect();
            let scratch = with(&all);
            let mut tx = scratch.tx();
            tx.prune_notifications(Timestamp(before), bytes, 100).unwrap();
            let items = tx.notifications(&Page::first(9), &NotificationFilter::default()).unwrap().items;
            items.iter().rev().map(|notification| notification.lane.clone()).collect::<Vec<_>>().join(" ")
        };
        for (before, bytes, expected) in
            [(0, 100, "1 2 3 4"), (3000, 100, "2 3 4"), (9000, 100, "2"), (0, 29, "2 3 4"), (0, 9, "2")]
        {
            assert_eq!(left(before, bytes), expected, "before {before}, {bytes} bytes");
        }
    }
}
