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
    /// What the platform calls the job; none where nothing but its log is known.
    pub job_name: Option<String>,
    /// How far it has come.
    pub position: LogPosition,
}

fn read(columns: &mut Columns<'_>) -> Result<LogStream, StoreError> {
    let job: String = columns.get()?;
    Ok(LogStream {
        job: Some(job).filter(|job| !job.is_empty()),
        job_name: columns.get()?,
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
        let sql = "SELECT job, NULL, received, written, complete, carry FROM log_streams
                   WHERE run = ?1 AND attempt = ?2 AND job = ?3";
        let stream = self.one(sql, params![run.to_string(), attempt, job.unwrap_or_default()], read)?;
        Ok(stream.map(|stream| stream.position).unwrap_or_default())
    }

    /// All logs of an attempt, the run's own first.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn log_streams(&self, run: RunId, attempt: u32) -> Result<Vec<LogStream>, StoreError> {
        let sql = "SELECT s.job, j.name, s.received, s.written, s.complete, s.carry FROM log_streams AS s
                   LEFT JOIN jobs AS j ON j.run = s.run AND j.attempt = s.attempt AND j.id = s.job
                   WHERE s.run = ?1 AND s.attempt = ?2 ORDER BY s.job";
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{plan::Scratch, sample};

    fn with_run() -> (Scratch, RunId) {
        let scratch = Scratch::new();
        let provider = sample::provider(1);
        let pipeline = sample::pipeline(1, &provider);
        let run = sample::run(1, &pipeline);
        scratch.tx().insert_provider(&provider).unwrap();
        scratch.tx().insert_pipeline(&pipeline).unwrap();
        scratch.tx().insert_run(&run).unwrap();
        (scratch, run.id)
    }

    fn position(received: u64, complete: bool) -> LogPosition {
        LogPosition { received, written: received / 2, complete, carry: vec![1, 0] }
    }

    #[test]
    fn a_log_moves_on_only_from_where_it_stands() {
        let (scratch, run) = with_run();
        let mut tx = scratch.tx();
        assert_eq!(tx.log_position(run, 1, None).unwrap(), LogPosition::default());
        for (from, to, complete, found) in [
            (5, 9, false, Some(0)),
            (0, 5, false, None),
            (0, 5, false, Some(5)),
            (9, 12, false, Some(5)),
            (5, 9, false, None),
            (9, 9, true, None),
            (9, 12, false, Some(9)),
        ] {
            let next = position(to, complete);
            let before = tx.log_position(run, 1, Some("build")).unwrap();
            match (tx.advance_log(run, 1, Some("build"), from, &next), found) {
                (Ok(()), None) => assert_eq!(tx.log_position(run, 1, Some("build")).unwrap(), next),
                (Err(StoreError::Stale { expected, found: at, .. }), Some(found)) => {
                    assert_eq!((expected, at), (i64::try_from(from).unwrap(), found));
                    assert_eq!(tx.log_position(run, 1, Some("build")).unwrap(), before);
                }
                (outcome, _) => unreachable!("{from} to {to}: {outcome:?}"),
            }
        }
    }

    #[test]
    fn each_attempt_and_job_has_its_own_log() {
        let (scratch, run) = with_run();
        let mut tx = scratch.tx();
        for (attempt, job, received) in [(1, None, 1), (1, Some("b"), 2), (1, Some("a"), 3), (2, None, 4)] {
            tx.advance_log(run, attempt, job, 0, &position(received, false)).unwrap();
        }
        let streams = tx.log_streams(run, 1).unwrap();
        let found: Vec<_> = streams.iter().map(|s| (s.job.as_deref(), s.position.received)).collect();
        assert_eq!(found, [(None, 1), (Some("a"), 3), (Some("b"), 2)]);
        assert_eq!(tx.log_position(run, 2, None).unwrap(), position(4, false));
    }

    #[test]
    fn a_log_of_no_run_is_refused() {
        let (scratch, _) = with_run();
        let nobody = RunId(sample::uuid(9));
        let error = scratch.tx().advance_log(nobody, 1, None, 0, &position(1, false)).unwrap_err();
        assert_eq!(error, StoreError::not_found("run", nobody));
    }
}
