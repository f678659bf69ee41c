//! Logs: how far each one has come. The bytes are in files; what counts as written is what stands here.
//!
//! Bytes come in with offsets of the sender's own text; masking changes their number, so that both offsets are kept.

use novacron_cicd_domain::id::RunId;
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    row::{Columns, signed},
};

const WHAT: &str = "log";

/// How far a log has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPosition {
    /// Bytes that came in: where the sender goes on.
    pub received: u64,
    /// Bytes of the masked text that are in the file; more than that in the file is a leftover of a crash.
    pub written: u64,
    /// Whether nothing more will come.
    pub complete: bool,
    /// What the mask holds back because it may be the begin of a secret; sealed by the caller, empty where there is
    /// nothing.
    pub carry: Vec<u8>,
}

/// One log of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    /// The job; none for the run's own log.
    pub job: Option<String>,
    /// How far it has come.
    pub position: LogPosition,
}

fn read(columns: &mut Columns<'_>) -> Result<LogStream, StoreError> {
    let job: String = columns.get()?;
    Ok(LogStream {
        job: Some(job).filter(|job| !job.is_empty()),
        position: LogPosition {
            received: columns.unsigned()?,
            written: columns.unsigned()?,
            complete: columns.get()?,
            carry: columns.get()?,
        },
    })
}

impl Reader<'_> {
    /// How far a log has come; all zero where nothing of it is there.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn log_position(&self, run: RunId, attempt: u32, job: Option<&str>) -> Result<LogPosition, StoreError> {
        let sql = "SELECT job, received, written, complete, carry FROM log_streams
                   WHERE run = ?1 AND attempt = ?2 AND job = ?3";
        let stream = self.one(sql, params![run.to_string(), attempt, job.unwrap_or_default()], read)?;
        Ok(stream.map(|stream| stream.position).unwrap_or_default())
    }

    /// All logs of an attempt, the run's own first.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn log_streams(&self, run: RunId, attempt: u32) -> Result<Vec<LogStream>, StoreError> {
        let sql = "SELECT job, received, written, complete, carry FROM log_streams
                   WHERE run = ?1 AND attempt = ?2 ORDER BY job";
        self.all(sql, params![run.to_string(), attempt], read)
    }
}

impl Tx<'_> {
    /// Moves a log on, when its bytes are on disk, where it stands at `received` bytes and is not complete.
    ///
    /// # Errors
    /// [`StoreError::Stale`] (with offsets as versions) where it stands elsewhere or is complete,
    /// [`StoreError::NotFound`] where the run is not there.
    pub fn advance_log(
        &mut self,
        run: RunId,
        attempt: u32,
        job: Option<&str>,
        received: u64,
        next: &LogPosition,
    ) -> Result<(), StoreError> {
        let changed = self
            .execute(
                "INSERT INTO log_streams (run, attempt, job, received, written, complete, carry)
                 SELECT ?1, ?2, ?3, ?5, ?6, ?7, ?8
                 WHERE ?4 = 0 OR EXISTS (SELECT 1 FROM log_streams WHERE run = ?1 AND attempt = ?2 AND job = ?3)
                 ON CONFLICT (run, attempt, job) DO UPDATE
                 SET received = excluded.received, written = excluded.written, complete = excluded.complete,
                    carry = excluded.carry
                 WHERE log_streams.received = ?4 AND log_streams.complete = 0",
                params![
                    run.to_string(),
                    attempt,
                    job.unwrap_or_default(),
                    signed(received)?,
                    signed(next.received)?,
                    signed(next.written)?,
                    next.complete,
                    next.carry,
                ],
            )
            .map_err(|error| error.or_missing("run", run))?;
        if changed == 0 {
            let found = self.log_position(run, attempt, job)?.received;
            let key = format!("of run {run} attempt {attempt} job {}", job.unwrap_or("none"));
            return Err(StoreError::Stale { what: WHAT, key, expected: signed(received)?, found: signed(found)? });
        }
        Ok(())
    }
}
