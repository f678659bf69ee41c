//! What makes the engine look at a run: the next poll, the heartbeat that is missed; and the token of its callbacks.
//!
//! None of it is the run's own state: its version stays.

use novacron_cicd_domain::{Timestamp, id::RunId, run::Run};
use rusqlite::params;

use super::{ACTIVE, COLUMNS, WHAT, read_bare};
use crate::{Reader, StoreError, Tx, page::Select, row::millis};

/// The longest overdue first.
pub(crate) fn to_poll(now: Timestamp, rows: usize) -> Select {
    Select::new(&format!("SELECT {COLUMNS} FROM runs"))
        .with("next_poll_at <= ", Some(now.0))
        .order("next_poll_at, id", rows)
}

/// The longest silent first.
pub(crate) fn silent(now: Timestamp, rows: usize) -> Select {
    Select::new(&format!("SELECT {COLUMNS} FROM runs"))
        .with("heartbeat_deadline <= ", Some(now.0))
        .only(ACTIVE)
        .order("heartbeat_deadline, id", rows)
}

impl Reader<'_> {
    /// At most `limit` runs whose time to be polled has come, without their graphs, the longest overdue first.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn runs_to_poll(&self, now: Timestamp, limit: u32) -> Result<Vec<Run>, StoreError> {
        self.select(to_poll(now, limit as usize), read_bare)
    }

    /// When the next poll is due, where there is one: until then a poller may sleep.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn next_poll(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT next_poll_at FROM runs WHERE next_poll_at > ?1 ORDER BY next_poll_at LIMIT 1";
        self.one(sql, [i64::MIN], |columns| columns.time())
    }

    /// At most `limit` runs that are not over and have missed their heartbeat, without their graphs.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn silent_runs(&self, now: Timestamp, limit: u32) -> Result<Vec<Run>, StoreError> {
        self.select(silent(now, limit as usize), read_bare)
    }

    /// When the next heartbeat will be missed, where one is awaited.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn next_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT heartbeat_deadline FROM runs WHERE heartbeat_deadline > ?1
                   ORDER BY heartbeat_deadline LIMIT 1";
        self.one(sql, [i64::MIN], |columns| columns.time())
    }

    /// The run whose callbacks a token is good for, by the token's hash, without its graph.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn run_by_callback_token(&self, hash: &str) -> Result<Option<Run>, StoreError> {
        self.one(&format!("SELECT {COLUMNS} FROM runs WHERE callback_hash = ?1"), [hash], read_bare)
    }
}

impl Tx<'_> {
    /// Says when to poll a run next; none: not any more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn set_next_poll(&mut self, run: RunId, at: Option<Timestamp>) -> Result<(), StoreError> {
        let changed =
            self.execute("UPDATE runs SET next_poll_at = ?2 WHERE id = ?1", params![run.to_string(), millis(at)])?;
        if changed == 0 { Err(StoreError::not_found(WHAT, run)) } else { Ok(()) }
    }

    /// Gives a run's callbacks a token, by its hash, and the time by which something must be heard.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn set_run_callback(
        &mut self,
        run: RunId,
        token_hash: &str,
        deadline: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let changed = self.execute(
            "UPDATE runs SET callback_hash = ?2, heartbeat_deadline = ?3 WHERE id = ?1",
            params![run.to_string(), token_hash, millis(deadline)],
        )?;
        if changed == 0 { Err(StoreError::not_found(WHAT, run)) } else { Ok(()) }
    }

    /// Moves the time by which something must be heard of a run. Answers whether the run is still going on; where it
    /// is over there is no such time.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn touch_heartbeat(&mut self, run: RunId, deadline: Timestamp) -> Result<bool, StoreError> {
        let changed = self.execute(
            &format!("UPDATE runs SET heartbeat_deadline = ?2 WHERE id = ?1 AND {ACTIVE}"),
            params![run.to_string(), deadline.0],
        )?;
        if changed > 0 {
            return Ok(true);
        }
        let there = self.one("SELECT 1 FROM runs WHERE id = ?1", [run.to_string()], |_| Ok(()))?;
        there.map(|()| false).ok_or_else(|| StoreError::not_found(WHAT, run))
    }
}
