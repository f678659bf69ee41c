//! Requests that may come twice: what was answered to a key, so that it is answered again and not done again.
//!
//! A key belongs to a scope (a token). The answer is stored as it is given: one that shows a secret once must not be
//! stored here. The transaction that does what was asked for says so ([`Tx::idempotency_done`]); then a key that says
//! nothing after a crash means that nothing was done, and [`Tx::forget_in_flight`] may free it.

use novacron_cicd_domain::Timestamp;
use rusqlite::params;
use serde_json::Value;

use crate::{
    Reader, StoreError, Tx,
    row::{Columns, json},
};

/// What was answered to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The status.
    pub status: u16,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing was: it is the caller's now.
    New,
    /// The same request was answered: answer the same.
    Replay(StoredAnswer),
    /// Another request had this key.
    Mismatch,
    /// The same request was done, and its answer is not there yet, or was lost in a crash: this is what was done.
    Done(Value),
    /// The same request is being done.
    InFlight,
}

/// The hash of the request, and what is known of it.
fn read(columns: &mut Columns<'_>) -> Result<(String, Begun), StoreError> {
    let request_hash = columns.get()?;
    let (status, headers, body) =
        (columns.get::<Option<u16>>()?, columns.get::<Option<String>>()?, columns.get::<Option<Vec<u8>>>()?);
    let begun = match (status, body) {
        (Some(status), Some(body)) => {
            let headers = parsed(headers.unwrap_or_default().as_bytes())?;
            Begun::Replay(StoredAnswer { status, headers, body })
        }
        (None, Some(done)) => Begun::Done(parsed(&done)?),
        (_, None) => Begun::InFlight,
    };
    Ok((request_hash, begun))
}

fn parsed<T: serde::de::DeserializeOwned>(text: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(text).map_err(|error| StoreError::corrupt(format!("a request's key: {error}")))
}

impl Reader<'_> {
    fn idempotency(&self, scope: &str, key: &str) -> Result<Option<(String, Begun)>, StoreError> {
        let sql = "SELECT request_hash, status, headers, body FROM idempotency WHERE scope = ?1 AND entry = ?2";
        self.one(sql, [scope, key], read)
    }
}

impl Tx<'_> {
    /// Takes a key for a request, or says what became of it. `request_hash` covers all that makes a request another
    /// one: method, path, body.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn idempotency_begin(
        &mut self,
        scope: &str,
        key: &str,
        request_hash: &str,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let new = self.execute(
            "INSERT INTO idempotency (scope, entry, request_hash, created) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (scope, entry) DO NOTHING",
            params![scope, key, request_hash, now.0],
        )?;
        if new > 0 {
            return Ok(Begun::New);
        }
        Ok(match self.idempotency(scope, key)? {
            Some((hash, _)) if hash != request_hash => Begun::Mismatch,
            Some((_, begun)) => begun,
            None => return Err(StoreError::corrupt("a request's key is taken and is not there")),
        })
    }

    /// Stores what was done: in the transaction that does it. `done` says how it is found again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the key was not begun, or is answered.
    pub fn idempotency_done(&mut self, scope: &str, key: &str, done: &Value) -> Result<(), StoreError> {
        let changed = self.execute(
            "UPDATE idempotency SET body = ?3 WHERE scope = ?1 AND entry = ?2 AND status IS NULL",
            params![scope, key, json(done)?.into_bytes()],
        )?;
        if changed == 0 { Err(StoreError::not_found("request in flight with key", key)) } else { Ok(()) }
    }

    /// Stores what is answered. An answer that is there stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the key was not begun, or is answered.
    pub fn idempotency_finish(&mut self, scope: &str, key: &str, answer: &StoredAnswer) -> Result<(), StoreError> {
        let changed = self.execute(
            "UPDATE idempotency SET status = ?3, headers = ?4, body = ?5
             WHERE scope = ?1 AND entry = ?2 AND status IS NULL",
            params![scope, key, answer.status, json(&answer.headers)?, answer.body],
        )?;
        if changed == 0 { Err(StoreError::not_found("request in flight with key", key)) } else { Ok(()) }
    }

    /// Frees a key whose request came to nothing, so that it can be tried again. One that is done or answered stays.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn idempotency_forget(&mut self, scope: &str, key: &str) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM idempotency WHERE scope = ?1 AND entry = ?2 AND status IS NULL AND body IS NULL",
            [scope, key],
        )?;
        Ok(())
    }

    /// Frees all keys whose request was not done: at start, when whoever was at it is gone for sure.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn forget_in_flight(&mut self) -> Result<usize, StoreError> {
        self.execute("DELETE FROM idempotency WHERE status IS NULL AND body IS NULL AND scope >= ?1", [""])
    }

    /// Deletes at most `limit` keys begun before a time, oldest first, answered or not. Answers how many.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn prune_idempotency(&mut self, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
        self.execute(
            "DELETE FROM idempotency WHERE (scope, entry) IN
                (SELECT scope, entry FROM idempotency WHERE created < ?1 ORDER BY created LIMIT ?2)",
            params![before.0, limit],
        )
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{plan::Scratch, sample::NOW};

    fn answer() -> StoredAnswer {
        StoredAnswer { status: 202, headers: vec![("location".into(), "/v1/runs/1".into())], body: vec![0, 255] }
    }

    #[test]
    fn a_request_that_comes_twice_is_answered_twice_and_done_once() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let mut begin = |scope, key, hash| tx.idempotency_begin(scope, key, hash, NOW).unwrap();
        assert_eq!(begin("one", "key", "hash"), Begun::New);
        assert_eq!(begin("one", "key", "hash"), Begun::InFlight);
        assert_eq!(begin("one", "key", "other"), Begun::Mismatch);
        assert_eq!(begin("two", "key", "other"), Begun::New);
        tx.idempotency_finish("one", "key", &answer()).unwrap();
        let mut begin = |scope, key, hash| tx.idempotency_begin(scope, key, hash, NOW).unwrap();
        assert_eq!(begin("one", "key", "hash"), Begun::Replay(answer()));
        assert_eq!(begin("one", "key", "other"), Begun::Mismatch);
        assert_eq!(begin("two", "key", "other"), Begun::InFlight);
    }

    #[test]
    fn an_answer_that_is_there_stays() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        assert!(matches!(tx.idempotency_finish("s", "k", &answer()), Err(StoreError::NotFound { .. })));
        tx.idempotency_begin("s", "k", "h", NOW).unwrap();
        tx.idempotency_finish("s", "k", &answer()).unwrap();
        let other = StoredAnswer { status: 500, ..answer() };
        assert!(matches!(tx.idempotency_finish("s", "k", &other), Err(StoreError::NotFound { .. })));
        tx.idempotency_forget("s", "k").unwrap();
        assert_eq!(tx.forget_in_flight().unwrap(), 0);
        assert_eq!(tx.idempotency_begin("s", "k", "h", NOW).unwrap(), Begun::Replay(answer()));
    }

    #[test]
    fn a_request_that_is_done_and_not_answered_is_known_by_what_it_did() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let done = serde_json::json!({ "run": "one" });
        assert!(matches!(tx.idempotency_done("s", "k", &done), Err(StoreError::NotFound { .. })));
        tx.idempotency_begin("s", "k", "h", NOW).unwrap();
        tx.idempotency_done("s", "k", &done).unwrap();
        tx.idempotency_forget("s", "k").unwrap();
        assert_eq!(tx.forget_in_flight().unwrap(), 0, "no restart forgets it");
        assert_eq!(tx.idempotency_begin("s", "k", "h", NOW).unwrap(), Begun::Done(done.clone()));
        assert_eq!(tx.idempotency_begin("s", "k", "other", NOW).unwrap(), Begun::Mismatch);
        tx.idempotency_finish("s", "k", &answer()).unwrap();
        assert_eq!(tx.idempotency_begin("s", "k", "h", NOW).unwrap(), Begun::Replay(answer()));
        assert!(matches!(tx.idempotency_done("s", "k", &done), Err(StoreError::NotFound { .. })));
    }

    #[test]
    fn a_key_without_an_answer_can_be_freed() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        for key in ["a", "b"] {
            tx.idempotency_begin("s", key, "h", NOW).unwrap();
        }
        tx.idempotency_forget("s", "a").unwrap();
        assert_eq!(tx.idempotency_begin("s", "a", "other", NOW).unwrap(), Begun::New);
        assert_eq!(tx.forget_in_flight().unwrap(), 2);
        assert_eq!(tx.idempotency_begin("s", "b", "other", NOW).unwrap(), Begun::New);
    }

    #[test]
    fn old_keys_are_forgotten_oldest_first() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        for (n, key) in (0..).zip(["a", "b", "c"]) {
            tx.idempotency_begin("s", key, "h", NOW.plus_millis(n)).unwrap();
        }
        assert_eq!(tx.prune_idempotency(NOW.plus_millis(2), 1).unwrap(), 1);
        assert_eq!(tx.prune_idempotency(NOW.plus_millis(2), 9).unwrap(), 1);
        for (key, expected) in [("a", Begun::New), ("b", Begun::New), ("c", Begun::InFlight)] {
            assert_eq!(tx.idempotency_begin("s", key, "h", NOW).unwrap(), expected, "{key}");
        }
    }
}
