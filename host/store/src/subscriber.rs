//! Subscribers: who is told of what happens, and how far each was told.

use novacron_cicd_domain::{
    Timestamp,
    id::{PipelineId, SubscriberId},
    notification::{Format, Subscriber},
};
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    page::{List, Listing, Page, Select},
    row::{Columns, json},
};

const WHAT: &str = "subscriber";
const COLUMNS: &str = "id, name, url, format, kinds, pipeline, of_pipeline, secret, earlier_secret, private_networks, \
                       enabled, disabled_code, disabled_message, version, created, updated";

fn read(columns: &mut Columns<'_>) -> Result<Subscriber, StoreError> {
    Ok(Subscriber {
        id: columns.parse()?,
        name: columns.parse()?,
        url: columns.get()?,
        format: columns.word(Format::parse)?,
        kinds: columns.json()?,
        pipeline: columns.parse_opt()?,
        of_pipeline: columns.get()?,
        secret: columns.get()?,
        earlier_secret: columns.get()?,
        private_networks: columns.json()?,
        enabled: columns.get()?,
        disabled_by: columns.get::<Option<String>>()?.zip(columns.get()?),
        version: columns.get()?,
        created: columns.time()?,
        updated: columns.time()?,
    })
}

/// Newest first.
pub(crate) fn select(after: Option<String>, rows: usize) -> Select {
    Select::new(&format!("SELECT {COLUMNS} FROM subscribers"))
        .with("id < ", Some(after.unwrap_or_else(crate::page::newest)))
        .order("id DESC", rows)
}

impl Reader<'_> {
    /// The subscriber with this id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn subscriber(&self, id: SubscriberId) -> Result<Subscriber, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM subscribers WHERE id = ?1");
        self.one(&sql, [id.to_string()], read)?.ok_or_else(|| StoreError::not_found(WHAT, id))
    }

    /// The subscriber with this name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn subscriber_by_name(&self, name: &str) -> Result<Subscriber, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM subscribers WHERE name = ?1");
        self.one(&sql, [name], read)?.ok_or_else(|| StoreError::not_found(WHAT, name))
    }

    /// The subscriber that is there because this pipeline has a webhook URL.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn subscriber_of_pipeline(&self, pipeline: PipelineId) -> Result<Option<Subscriber>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM subscribers WHERE of_pipeline = 1 AND pipeline = ?1");
        self.one(&sql, [pipeline.to_string()], read)
    }

    /// Subscribers, newest first.
    ///
    /// # Errors
    /// [`StoreError::Cursor`].
    pub fn subscribers(&self, page: &Page) -> Result<Listing<Subscriber>, StoreError> {
        self.page(List::Subscribers, page, select, read, |subscriber| subscriber.id.to_string())
    }

    /// Those that are told, oldest first, each with the number of the newest event that was looked at for it.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn told(&self) -> Result<Vec<(Subscriber, i64)>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, position FROM subscribers WHERE id > ?1 AND enabled = 1 ORDER BY id");
        self.all(&sql, [""], |columns| Ok((read(columns)?, columns.get()?)))
    }

    /// Names of those that are signed for with this secret.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn secret_subscribers(&self, secret: &str) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        for column in ["secret", "earlier_secret"] {
            let sql = format!("SELECT name FROM subscribers WHERE {column} = ?1 ORDER BY name");
            names.extend(self.all(&sql, [secret], |columns| columns.get::<String>())?);
        }
        names.sort();
        names.dedup();
        Ok(names)
    }
}

impl Tx<'_> {
    /// Stores a new subscriber; it is told of what happens from now on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where its name is taken.
    pub fn insert_subscriber(&mut self, subscriber: &Subscriber) -> Result<(), StoreError> {
        let position = self.last_event_seq()?;
        let (code, message) = subscriber.disabled_by.as_ref().map(|(code, message)| (code, message)).unzip();
        self.execute(
            "INSERT INTO subscribers (id, name, url, format, kinds, pipeline, of_pipeline, secret, earlier_secret,
                private_networks, enabled, disabled_code, disabled_message, position, version, created, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            params![
                subscriber.id.to_string(),
                subscriber.name.as_str(),
                subscriber.url,
                subscriber.format.as_str(),
                json(&subscriber.kinds)?,
                subscriber.pipeline.map(|id| id.to_string()),
                subscriber.of_pipeline,
                subscriber.secret,
                subscriber.earlier_secret,
                json(&subscriber.private_networks)?,
                subscriber.enabled,
                code,
                message,
                position,
                subscriber.version,
                subscriber.created.0,
                subscriber.updated.0,
            ],
        )
        .map_err(|error| error.or_conflict(WHAT, &subscriber.name))?;
        Ok(())
    }

    /// Changes all but id, pipeline and time of making, where the stored version is `expected`. One that was not told and now
    /// is, is told of what happens from now on. Answers the new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::NotFound`], [`StoreError::Conflict`] where the new name is taken.
    pub fn update_subscriber(&mut self, subscriber: &Subscriber, expected: i64) -> Result<i64, StoreError> {
        let position = self.last_event_seq()?;
        let (code, message) = subscriber.disabled_by.as_ref().map(|(code, message)| (code, message)).unzip();
        let changed = self
            .execute(
                "UPDATE subscribers SET name = ?3, url = ?4, format = ?5, kinds = ?6, secret = ?7, earlier_secret = ?8,
                    private_networks = ?9, position = CASE WHEN enabled = 0 AND ?10 = 1 THEN ?11 ELSE position END,
                    enabled = ?10, disabled_code = ?12, disabled_message = ?13, updated = ?14, version = version + 1
                 WHERE id = ?1 AND version = ?2",
                params![
                    subscriber.id.to_string(),
                    expected,
                    subscriber.name.as_str(),
                    subscriber.url,
                    subscriber.format.as_str(),
                    json(&subscriber.kinds)?,
                    subscriber.secret,
                    subscriber.earlier_secret,
                    json(&subscriber.private_networks)?,
                    subscriber.enabled,
                    position,
                    code,
                    message,
                    subscriber.updated.0,
                ],
            )
            .map_err(|error| error.or_conflict(WHAT, &subscriber.name))?;
        if changed == 0 {
            let found = self.subscriber(subscriber.id)?;
            return Err(StoreError::Stale { what: WHAT, key: found.name.to_string(), expected, found: found.version });
        }
        Ok(expected + 1)
    }

    /// Notes how far a subscriber was told, in the transaction that keeps what it is told.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn told_until(&mut self, id: SubscriberId, position: i64) -> Result<(), StoreError> {
        self.execute("UPDATE subscribers SET position = ?2 WHERE id = ?1", params![id.to_string(), position])?;
        Ok(())
    }

    /// What waits for a subscriber is sent at once: something of it was changed.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn hasten_notifications(&mut self, id: SubscriberId, now: Timestamp) -> Result<usize, StoreError> {
        self.execute(
            "UPDATE notifications SET due = ?2, version = version + 1
             WHERE open = 1 AND subscriber = ?1 AND due > ?2 AND lease_until IS NULL",
            params![id.to_string(), now.0],
        )
    }

    /// Deletes a subscriber with its messages.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn delete_subscriber(&mut self, id: SubscriberId) -> Result<(), StoreError> {
        self.execute("DELETE FROM notifications WHERE subscriber = ?1", [id.to_string()])?;
        let gone = self.execute("DELETE FROM subscribers WHERE id = ?1", [id.to_string()])?;
        if gone == 0 { Err(StoreError::not_found(WHAT, id)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_domain::notification::NotificationKind;

    use super::*;
    use crate::{
        NewEvent,
        plan::Scratch,
        sample::{self, NOW},
    };

    fn happens(tx: &mut Tx<'_>) {
        let data = serde_json::json!({});
        let event = NewEvent { at: NOW, kind: "a".into(), subject: "b".into(), run: None, pipeline: None, data };
        tx.append_event(&event).unwrap();
    }

    #[test]
    fn a_subscriber_comes_back_as_it_was_stored_and_changed() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let first = sample::subscriber(1);
        tx.insert_subscriber(&first).unwrap();
        assert_eq!(tx.subscriber(first.id).unwrap(), first);
        let mut changed = Subscriber {
            url: "http://10.0.0.1/".into(),
            kinds: vec![NotificationKind::RunFinished],
            secret: Some("new".into()),
            earlier_secret: Some("old".into()),
            private_networks: vec!["10.0.0.0/8".into()],
            disabled_by: Some(("notification.gone".into(), "it is gone".into())),
            enabled: false,
            ..first.clone()
        };
        changed.version = tx.update_subscriber(&changed, 1).unwrap();
        assert_eq!(tx.subscriber_by_name(first.name.as_str()).unwrap(), changed);
        assert!(matches!(tx.update_subscriber(&changed, 1), Err(StoreError::Stale { found: 2, .. })));
        assert_eq!(tx.secret_subscribers("old").unwrap(), [first.name.to_string()]);
        let taken = Subscriber { name: first.name.clone(), ..sample::subscriber(2) };
        assert!(matches!(tx.insert_subscriber(&taken), Err(StoreError::Conflict { .. })));
        tx.delete_subscriber(first.id).unwrap();
        assert!(tx.subscribers(&Page::first(9)).unwrap().items.is_empty());
    }

    #[test]
    fn a_subscriber_is_told_of_what_happens_after_it_was_made_or_enabled() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let positions = |tx: &Tx<'_>| tx.told().unwrap().iter().map(|(_, position)| *position).collect::<Vec<_>>();
        happens(&mut tx);
        let subscriber = sample::subscriber(1);
        tx.insert_subscriber(&subscriber).unwrap();
        happens(&mut tx);
        assert_eq!(positions(&tx), [1]);
        // A change does not make it deaf to what happened before.
        tx.update_subscriber(&subscriber, 1).unwrap();
        assert_eq!(positions(&tx), [1]);
        tx.told_until(subscriber.id, 2).unwrap();
        assert_eq!(positions(&tx), [2]);
        tx.update_subscriber(&Subscriber { enabled: false, ..subscriber.clone() }, 2).unwrap();
        happens(&mut tx);
        assert_eq!(positions(&tx), [0; 0]);
        tx.update_subscriber(&subscriber, 3).unwrap();
        assert_eq!(positions(&tx), [3]);
    }
}
