//! Webhook deliveries as they came, and the runs that they hint at.
//!
//! A delivery is kept once, whoever sends it how often. Must be absent: what a delivery means.

use novacron_cicd_domain::{
    Timestamp,
    id::{DeliveryId, ProviderId},
    webhook::{DeliveryState, WebhookDelivery},
};
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    page::{List, Listing, Page, Select},
    row::{Columns, json, signed},
};

const WHAT: &str = "webhook";
const COLUMNS: &str = "id, provider, delivery_key, received, size, state, attempts, due, hints, code, message, version";

/// Which deliveries a list shows; what is none is not asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Of this provider.
    pub provider: Option<ProviderId>,
    /// In this state.
    pub state: Option<DeliveryState>,
}

/// A delivery as it came: the headers that are kept, and the body.
pub type DeliveryContent = (Vec<(String, String)>, Vec<u8>);

/// A run that a platform said something of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// What the platform calls its pipeline.
    pub pipeline: String,
    /// What the platform calls it.
    pub run: String,
    /// How often it was said.
    pub generation: i64,
    /// How often it was looked at since it was said last.
    pub looks: u32,
}

fn read(columns: &mut Columns<'_>) -> Result<WebhookDelivery, StoreError> {
    Ok(WebhookDelivery {
        id: columns.parse()?,
        provider: columns.parse()?,
        key: columns.get()?,
        received: columns.time()?,
        size: columns.unsigned()?,
        state: columns.word(DeliveryState::parse)?,
        attempts: columns.get()?,
        due: columns.time()?,
        hints: columns.get()?,
        note: columns.get::<Option<String>>()?.zip(columns.get()?),
        version: columns.get()?,
    })
}

/// Newest first.
pub(crate) fn select(filter: &DeliveryFilter, after: Option<String>, rows: usize) -> Select {
    Select::new(&format!("SELECT {COLUMNS} FROM deliveries"))
        .with("provider = ", filter.provider.map(|id| id.to_string()))
        .with("state = ", filter.state.map(|state| state.as_str().to_owned()))
        .with("id < ", Some(after.unwrap_or_else(crate::page::newest)))
        .order("id DESC", rows)
}

impl Reader<'_> {
    /// The delivery with this id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn delivery(&self, id: DeliveryId) -> Result<WebhookDelivery, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM deliveries WHERE id = ?1");
        self.one(&sql, [id.to_string()], read)?.ok_or_else(|| StoreError::not_found(WHAT, id))
    }

    /// Its headers and its body.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn delivery_content(&self, id: DeliveryId) -> Result<DeliveryContent, StoreError> {
        let sql = "SELECT headers, body FROM deliveries WHERE id = ?1";
        let content = self.one(sql, [id.to_string()], |columns| Ok((columns.json()?, columns.get()?)))?;
        content.ok_or_else(|| StoreError::not_found(WHAT, id))
    }

    /// Deliveries, newest first.
    ///
    /// # Errors
    /// [`StoreError::Cursor`].
    pub fn deliveries(&self, page: &Page, filter: &DeliveryFilter) -> Result<Listing<WebhookDelivery>, StoreError> {
        let select = |after, rows| select(filter, after, rows);
        self.page(List::Deliveries, page, select, read, |delivery| delivery.id.to_string())
    }

    /// What is to be read by then, oldest first.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn due_deliveries(&self, now: Timestamp, limit: u32) -> Result<Vec<WebhookDelivery>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM deliveries WHERE state = 'stored' AND due <= ?1 ORDER BY due, id LIMIT ?2");
        self.all(&sql, params![now.0, limit], read)
    }

    /// When the next one is to be read.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn next_delivery_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT due FROM deliveries WHERE state = 'stored' ORDER BY due, id LIMIT 1";
        self.one(sql, [], |columns| columns.time())
    }

    /// How many wait to be read, and how many bytes those have.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn waiting_deliveries(&self) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT count(*), coalesce(sum(size), 0) FROM deliveries WHERE state = 'stored'";
        let waiting = self.one(sql, [], |columns| Ok((columns.unsigned()?, columns.unsigned()?)))?;
        Ok(waiting.unwrap_or_default())
    }

    /// Runs of a provider that are to be looked at.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn hints(&self, provider: ProviderId, limit: u32) -> Result<Vec<Hint>, StoreError> {
        let sql = "SELECT pipeline, run, generation, looks FROM hints WHERE provider = ?1
                   ORDER BY pipeline, run LIMIT ?2";
        self.all(sql, params![provider.to_string(), limit], |columns| {
            Ok(Hint {
                pipeline: columns.get()?,
                run: columns.get()?,
                generation: columns.get()?,
                looks: columns.get()?,
            })
        })
    }
}

impl Tx<'_> {
    /// Keeps a delivery; the earlier one where the same was kept already.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where its provider is not there.
    pub fn insert_delivery(
        &mut self,
        delivery: &WebhookDelivery,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Option<WebhookDelivery>, StoreError> {
        self.provider(delivery.provider)?;
        let (code, message) = delivery.note.as_ref().map(|(code, message)| (code, message)).unzip();
        let inserted = self.execute(
            "INSERT INTO deliveries (id, provider, delivery_key, received, size, state, attempts, due, hints, code,
                message, version, headers, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT (provider, delivery_key) DO NOTHING",
            params![
                delivery.id.to_string(),
                delivery.provider.to_string(),
                delivery.key,
                delivery.received.0,
                signed(delivery.size)?,
                delivery.state.as_str(),
                delivery.attempts,
                delivery.due.0,
                delivery.hints,
                code,
                message,
                delivery.version,
                json(&headers)?,
                body,
            ],
        )?;
        if inserted > 0 {
            return Ok(None);
        }
        let sql = format!("SELECT {COLUMNS} FROM deliveries WHERE provider = ?1 AND delivery_key = ?2");
        self.one(&sql, params![delivery.provider.to_string(), delivery.key], read)
    }

    /// Changes what becomes of a delivery, where the stored version is `expected`. Answers the new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::NotFound`].
    pub fn update_delivery(&mut self, delivery: &WebhookDelivery, expected: i64) -> Result<i64, StoreError> {
        let (code, message) = delivery.note.as_ref().map(|(code, message)| (code, message)).unzip();
        let changed = self.execute(
            "UPDATE deliveries SET state = ?3, attempts = ?4, due = ?5, hints = ?6, code = ?7, message = ?8,
                version = version + 1
             WHERE id = ?1 AND version = ?2",
            params![
                delivery.id.to_string(),
                expected,
                delivery.state.as_str(),
                delivery.attempts,
                delivery.due.0,
                delivery.hints,
                code,
                message,
            ],
        )?;
        if changed == 0 {
            let found = self.delivery(delivery.id)?.version;
            return Err(StoreError::Stale { what: WHAT, key: delivery.id.to_string(), expected, found });
        }
        Ok(expected + 1)
    }

    /// Forgets what came before `before`, and of what is left the oldest, until no more than `bytes` are kept; never what
    /// is not read yet. At most `limit` in all; answers how many went.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn prune_deliveries(&mut self, before: Timestamp, bytes: u64, limit: u32) -> Result<usize, StoreError> {
        let sql = "SELECT received, size FROM deliveries WHERE state <> 'stored' ORDER BY received DESC, id DESC";
        let kept = self.all(sql, [], |columns| Ok((columns.time()?, columns.unsigned()?)))?;
        let mut sum = 0_u64;
        let over = kept.iter().find(|(_, size)| {
            sum = sum.saturating_add(*size);
            sum > bytes
        });
        // Those of one millisecond go together.
        let until = over.map_or(before, |(received, _)| before.max(received.plus_millis(1)));
        self.execute(
            "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries
             WHERE state <> 'stored' AND received < ?1 ORDER BY received, id LIMIT ?2)",
            params![until.0, limit],
        )
    }

    /// A platform said something of a run: it is to be looked at.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn add_hint(&mut self, provider: ProviderId, pipeline: &str, run: &str) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO hints (provider, pipeline, run, generation, looks) VALUES (?1, ?2, ?3, 1, 0)
             ON CONFLICT (provider, pipeline, run) DO UPDATE SET generation = hints.generation + 1, looks = 0",
            params![provider.to_string(), pipeline, run],
        )?;
        Ok(())
    }

    /// It was looked at, and is to be looked at again.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn keep_hint(&mut self, provider: ProviderId, hint: &Hint) -> Result<(), StoreError> {
        self.execute(
            "UPDATE hints SET looks = looks + 1
             WHERE provider = ?1 AND pipeline = ?2 AND run = ?3 AND generation = ?4",
            params![provider.to_string(), hint.pipeline, hint.run, hint.generation],
        )?;
        Ok(())
    }

    /// It was looked at, and nothing more is to be expected of it; one that was said again meanwhile stays.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn drop_hint(&mut self, provider: ProviderId, hint: &Hint) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM hints WHERE provider = ?1 AND pipeline = ?2 AND run = ?3 AND generation = ?4",
            params![provider.to_string(), hint.pipeline, hint.run, hint.generation],
        )?;
        Ok(())
    }

    pub(crate) fn delete_deliveries(&mut self, provider: ProviderId) -> Result<(), StoreError> {
        self.execute("DELETE FROM hints WHERE provider = ?1", [provider.to_string()])?;
        self.execute("DELETE FROM deliveries WHERE provider = ?1", [provider.to_string()])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{plan::Scratch, sample};

    fn delivery(number: u32, provider: ProviderId, key: &str) -> WebhookDelivery {
        let received = Timestamp(i64::from(number) * 1000);
        WebhookDelivery {
            id: DeliveryId(sample::uuid(number.into())),
            provider,
            key: key.into(),
            received,
            size: 10,
            state: DeliveryState::Stored,
            attempts: 0,
            due: received,
            hints: 0,
            note: None,
            version: 1,
        }
    }

    fn with_providers() -> (Scratch, ProviderId, ProviderId) {
        let scratch = Scratch::new();
        let (one, other) = (sample::provider(1), sample::provider(2));
        scratch.tx().insert_provider(&one).unwrap();
        scratch.tx().insert_provider(&other).unwrap();
        (scratch, one.id, other.id)
    }

    #[test]
    fn the_same_delivery_is_kept_once_for_each_provider() {
        let (scratch, one, other) = with_providers();
        let mut tx = scratch.tx();
        let headers = [("x-event".to_owned(), "push".to_owned())];
        let first = delivery(1, one, "d-1");
        assert_eq!(tx.insert_delivery(&first, &headers, b"body").unwrap(), None);
        assert_eq!(tx.insert_delivery(&delivery(2, one, "d-1"), &[], b"other").unwrap(), Some(first.clone()));
        assert_eq!(tx.insert_delivery(&delivery(3, other, "d-1"), &[], b"other").unwrap(), None);
        assert_eq!(tx.delivery_content(first.id).unwrap(), (headers.to_vec(), b"body".to_vec()));
        assert_eq!(tx.waiting_deliveries().unwrap(), (2, 20));
        let nobody = delivery(4, ProviderId(sample::uuid(9)), "d-1");
        assert!(tx.insert_delivery(&nobody, &[], b"").is_err());
    }

    #[test]
    fn what_is_due_comes_oldest_first_and_what_was_changed_since_is_not_changed() {
        let (scratch, one, _) = with_providers();
        let mut tx = scratch.tx();
        for number in [2, 1, 3] {
            tx.insert_delivery(&delivery(number, one, &number.to_string()), &[], b"").unwrap();
        }
        let due: Vec<_> = tx.due_deliveries(Timestamp(2500), 9).unwrap();
        assert_eq!(due.iter().map(|delivery| delivery.key.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        let note = Some(("call.trap".to_owned(), "it gave up".to_owned()));
        let dead = WebhookDelivery { state: DeliveryState::Dead, note, ..due[0].clone() };
        assert_eq!(tx.update_delivery(&dead, 1).unwrap(), 2);
        assert!(matches!(tx.update_delivery(&dead, 1), Err(StoreError::Stale { found: 2, .. })));
        assert_eq!(tx.delivery(dead.id).unwrap(), WebhookDelivery { version: 2, ..dead });
        assert_eq!(tx.next_delivery_due().unwrap(), Some(Timestamp(2000)));
        let filter = DeliveryFilter { provider: Some(one), state: Some(DeliveryState::Dead) };
        assert_eq!(tx.deliveries(&Page::first(9), &filter).unwrap().items.len(), 1);
    }

    #[test]
    fn what_is_old_or_too_much_goes_and_what_was_not_read_stays() {
        let left = |before, bytes| {
            let (scratch, one, _) = with_providers();
            let mut tx = scratch.tx();
            for number in 1..=4 {
                let stored = delivery(number, one, &number.to_string());
                tx.insert_delivery(&stored, &[], b"").unwrap();
                if number != 2 {
                    tx.update_delivery(&WebhookDelivery { state: DeliveryState::Decoded, ..stored }, 1).unwrap();
                }
            }
            tx.prune_deliveries(Timestamp(before), bytes, 100).unwrap();
            let items = tx.deliveries(&Page::first(9), &DeliveryFilter::default()).unwrap().items;
            items.iter().rev().map(|delivery| delivery.key.clone()).collect::<Vec<_>>().join(" ")
        };
        for (before, bytes, expected) in [
            (0, 100, "1 2 3 4"),
            (3000, 100, "2 3 4"),
            (9000, 100, "2"),
            (0, 30, "1 2 3 4"),
            (0, 29, "2 3 4"),
            (0, 9, "2"),
        ] {
            assert_eq!(left(before, bytes), expected, "before {before}, {bytes} bytes");
        }
    }

    #[test]
    fn what_is_said_again_while_it_is_looked_at_is_looked_at_again() {
        let (scratch, one, other) = with_providers();
        let mut tx = scratch.tx();
        tx.add_hint(one, "p", "7").unwrap();
        let hint = tx.hints(one, 9).unwrap().remove(0);
        tx.keep_hint(one, &hint).unwrap();
        assert_eq!(tx.hints(one, 9).unwrap(), [Hint { looks: 1, ..hint.clone() }]);
        tx.add_hint(one, "p", "7").unwrap();
        tx.drop_hint(one, &hint).unwrap();
        let again = tx.hints(one, 9).unwrap().remove(0);
        assert_eq!((again.generation, again.looks), (2, 0));
        tx.drop_hint(other, &again).unwrap();
        tx.drop_hint(one, &again).unwrap();
        assert!(tx.hints(one, 9).unwrap().is_empty());
    }

    #[test]
    fn deliveries_go_with_their_provider() {
        let (scratch, one, _) = with_providers();
        let mut tx = scratch.tx();
        tx.insert_delivery(&delivery(1, one, "d"), &[], b"").unwrap();
        tx.add_hint(one, "p", "7").unwrap();
        tx.delete_provider(one, sample::NOW).unwrap();
        assert!(tx.deliveries(&Page::first(9), &DeliveryFilter::default()).unwrap().items.is_empty());
        assert!(tx.hints(one, 9).unwrap().is_empty());
    }
}
