//! The audit log: who did what to which thing, each row chained to the one before it by a hash.
//!
//! A row that was changed, taken out or put in breaks the chain at that row; the newest rows' absence shows against
//! [`Reader::audit_head`]. Whoever can rewrite the whole file can also make a new chain: keep the head elsewhere, and
//! compare.

use novacron_cicd_domain::Timestamp;
use rusqlite::params;
use sha2::{Digest, Sha256};

use crate::{
    Reader, StoreError, Tx,
    page::{List, Listing, Page, Select},
    row::{Columns, json},
};

const COLUMNS: &str = "seq, at, actor, action, subject, detail, hash";

/// Something that was done, before it has a number.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAudit {
    /// By our clock.
    pub at: Timestamp,
    /// Who did it: a token's name, or `engine`.
    pub actor: String,
    /// Dotted, lower case: `secret.rotate`, `egress.request`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What else there is to know; never a secret.
    pub detail: serde_json::Value,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Its number; 1 at first, without gaps.
    pub seq: i64,
    /// What was done.
    pub record: NewAudit,
    /// Over this entry and the hash before it.
    pub hash: String,
}

/// What the chain says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditVerdict {
    /// Every entry is as it was written.
    Intact {
        /// How many there are.
        entries: i64,
        /// The newest one's hash; empty where there is none.
        head: String,
    },
    /// Somebody has been at it.
    Broken {
        /// The first entry that is not as it was written, or is missing.
        seq: i64,
        /// What is wrong with it.
        reason: String,
    },
}

/// An entry with its detail as the very text that is stored and hashed.
struct Stored {
    seq: i64,
    at: i64,
    actor: String,
    action: String,
    subject: String,
    detail: String,
    hash: String,
}

impl Stored {
    fn read(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            seq: columns.get()?,
            at: columns.get()?,
            actor: columns.get()?,
            action: columns.get()?,
            subject: columns.get()?,
            detail: columns.get()?,
            hash: columns.get()?,
        })
    }

    /// An array has one JSON form, whatever the order of keys: so it is hashed as one, with the detail as text.
    fn expected_hash(&self, previous: &str) -> Result<String, StoreError> {
        let fields = (self.seq, self.at, &self.actor, &self.action, &self.subject, &self.detail);
        let mut digest = Sha256::new();
        digest.update(previous.as_bytes());
        digest.update(json(&fields)?.as_bytes());
        Ok(hex::encode(digest.finalize()))
    }
}

fn read(columns: &mut Columns<'_>) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        seq: columns.get()?,
        record: NewAudit {
            at: columns.time()?,
            actor: columns.get()?,
            action: columns.get()?,
            subject: columns.get()?,
            detail: columns.json()?,
        },
        hash: columns.get()?,
    })
}

/// Newest first.
pub(crate) fn select(after: i64, rows: usize) -> Select {
    Select::new(&format!("SELECT {COLUMNS} FROM audit")).with("seq < ", Some(after)).order("seq DESC", rows)
}

impl Reader<'_> {
    /// The audit log, newest first.
    ///
    /// # Errors
    /// [`StoreError::Cursor`].
    pub fn audit(&self, page: &Page) -> Result<Listing<AuditEntry>, StoreError> {
        let select = |after: Option<String>, rows| {
            // The cursor's checksum was right, so that what stands in it is a number that we wrote.
            select(after.and_then(|seq| seq.parse().ok()).unwrap_or(i64::MAX), rows)
        };
        self.page(List::Audit, page, select, read, |entry| entry.seq.to_string())
    }

    /// The newest entry's number and hash.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn audit_head(&self) -> Result<Option<(i64, String)>, StoreError> {
        self.one("SELECT seq, hash FROM audit_head WHERE one = 1", [], |columns| Ok((columns.get()?, columns.get()?)))
    }

    /// Goes through the whole chain, oldest first, and names the first entry that is not as it was written.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn verify_audit(&self) -> Result<AuditVerdict, StoreError> {
        let broken = |seq, reason: &str| AuditVerdict::Broken { seq, reason: reason.into() };
        let mut statement = self.prepare(&format!("SELECT {COLUMNS} FROM audit ORDER BY seq"))?;
        let mut rows = statement.query([])?;
        let (mut seq, mut hash) = (0, String::new());
        while let Some(row) = rows.next()? {
            let entry = Stored::read(&mut Columns::new(row))?;
            if entry.seq != seq + 1 {
                return Ok(broken(seq + 1, "it is missing"));
            }
            if entry.hash != entry.expected_hash(&hash)? {
                return Ok(broken(entry.seq, "it was altered"));
            }
            (seq, hash) = (entry.seq, entry.hash);
        }
        Ok(match self.audit_head()? {
            Some((head, _)) if head > seq => broken(seq + 1, "it is missing"),
            Some((head, _)) if head < seq => broken(head + 1, "it was put in"),
            None if seq > 0 => broken(1, "it was put in"),
            Some((head, at_head)) if at_head != hash => broken(head, "it was altered"),
            _ => AuditVerdict::Intact { entries: seq, head: hash },
        })
    }
}

impl Tx<'_> {
    /// Writes down what was done. Answers its number.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn append_audit(&mut self, record: &NewAudit) -> Result<i64, StoreError> {
        let (last, previous) = self.audit_head()?.unwrap_or_default();
        let mut entry = Stored {
            seq: last + 1,
            at: record.at.0,
            actor: record.actor.clone(),
            action: record.action.clone(),
            subject: record.subject.clone(),
            detail: json(&record.detail)?,
            hash: String::new(),
        };
        entry.hash = entry.expected_hash(&previous)?;
        self.execute(
            "INSERT INTO audit (seq, at, actor, action, subject, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![entry.seq, entry.at, entry.actor, entry.action, entry.subject, entry.detail, entry.hash],
        )?;
        self.execute(
            "INSERT INTO audit_head (one, seq, hash) VALUES (1, ?1, ?2)
             ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
            params![entry.seq, entry.hash],
        )?;
        Ok(entry.seq)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{plan::Scratch, sample::NOW};

    fn record(n: i64) -> NewAudit {
        NewAudit {
            at: NOW.plus_millis(n),
            actor: "admin".into(),
            action: "secret.rotate".into(),
            subject: format!("secret-{n}"),
            detail: serde_json::json!({"b": [1, 2.5, null], "a": "ü\n"}),
        }
    }

    fn with_entries(count: i64) -> Scratch {
        let scratch = Scratch::new();
        for n in 1..=count {
            assert_eq!(scratch.tx().append_audit(&record(n)).unwrap(), n);
        }
        scratch
    }

    #[test]
    fn the_log_comes_back_newest_first_and_whole() {
        let scratch = with_entries(5);
        let mut page = Page::first(2);
        let mut seen = Vec::new();
        loop {
            let listing = scratch.tx().audit(&page).unwrap();
            assert!(listing.items.iter().all(|entry| entry.record == record(entry.seq)));
            seen.extend(listing.items.iter().map(|entry| entry.seq));
            let Some(next) = listing.next else { break };
            page.after = Some(next);
        }
        assert_eq!(seen, [5, 4, 3, 2, 1]);
        let (seq, head) = scratch.tx().audit_head().unwrap().unwrap();
        assert_eq!(seq, 5);
        assert_eq!(scratch.tx().verify_audit().unwrap(), AuditVerdict::Intact { entries: 5, head });
    }

    #[test]
    fn an_empty_log_is_intact() {
        let verdict = with_entries(0).tx().verify_audit().unwrap();
        assert_eq!(verdict, AuditVerdict::Intact { entries: 0, head: String::new() });
    }

    #[test]
    fn an_entry_with_a_new_hash_of_its_own_breaks_the_chain_after_it() {
        let scratch = with_entries(5);
        let stored = "SELECT seq, at, actor, action, subject, detail, hash FROM audit WHERE seq = ?1";
        let entry = |seq: i64| scratch.tx().one(stored, [seq], Stored::read).unwrap().unwrap();
        let forged = Stored { actor: "other".into(), ..entry(3) };
        let hash = forged.expected_hash(&entry(2).hash).unwrap();
        let sql = "UPDATE audit SET actor = 'other', hash = ?1 WHERE seq = 3";
        scratch.tx().execute(sql, [hash]).unwrap();
        let verdict = scratch.tx().verify_audit().unwrap();
        assert_eq!(verdict, AuditVerdict::Broken { seq: 4, reason: "it was altered".into() });
    }

    #[test]
    fn the_first_entry_that_somebody_was_at_is_named() {
        for (tampering, seq, reason) in [
            ("UPDATE audit SET at = at + 1 WHERE seq = 3", 3, "it was altered"),
            ("UPDATE audit SET actor = 'other' WHERE seq = 3", 3, "it was altered"),
            ("UPDATE audit SET action = 'other' WHERE seq = 1", 1, "it was altered"),
            ("UPDATE audit SET subject = 'other' WHERE seq = 5", 5, "it was altered"),
            ("UPDATE audit SET detail = '{}' WHERE seq = 3", 3, "it was altered"),
            ("UPDATE audit SET hash = 'f00' WHERE seq = 3", 3, "it was altered"),
            ("UPDATE audit SET actor = 'a', action = 'dminsecret.rotate' WHERE seq = 3", 3, "it was altered"),
            ("DELETE FROM audit WHERE seq = 1", 1, "it is missing"),
            ("DELETE FROM audit WHERE seq = 3", 3, "it is missing"),
            ("DELETE FROM audit WHERE seq >= 4", 4, "it is missing"),
            ("DELETE FROM audit", 1, "it is missing"),
            ("DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3", 3, "it was altered"),
            ("UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit WHERE seq = 4)", 5, "it was put in"),
            ("DELETE FROM audit_head", 1, "it was put in"),
            ("UPDATE audit_head SET hash = 'f00'", 5, "it was altered"),
        ] {
            let scratch = with_entries(5);
            scratch.conn().execute_batch(tampering).unwrap();
            let verdict = scratch.tx().verify_audit().unwrap();
            assert_eq!(verdict, AuditVerdict::Broken { seq, reason: reason.into() }, "{tampering}");
        }
    }
}
