//! Earlier attempts: kept as they ended, when a run begins anew.

use novacron_cicd_domain::{id::RunId, run::Run};
use rusqlite::params;

use super::{WHAT, read, read_bare};
use crate::{Reader, StoreError, Tx};

/// As the columns of a run; what an attempt does not change comes from the run's row.
const COLUMNS: &str = "r.id, r.pipeline, r.pipeline_name, r.provider, r.origin, a.external_id, a.ticket, a.number, \
                       a.attempt, r.correlation, a.state, a.reason, a.platform, a.conditions, a.cancel_requested, \
                       a.created, a.started, a.finished, a.updated, r.reference, a.commit_id, a.actor, a.url, \
                       r.parameters, r.environment, r.version, a.edges, a.complete, r.retry_of, r.seen";
const FROM: &str = "FROM run_attempts AS a JOIN runs AS r ON r.id = a.run";

impl Reader<'_> {
    /// A run as it is or was at an attempt, with the whole graph of that.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such run or attempt.
    pub fn run_attempt(&self, id: RunId, attempt: u32) -> Result<Run, StoreError> {
        let sql = format!("SELECT {COLUMNS} {FROM} WHERE a.run = ?1 AND a.attempt = ?2");
        if let Some((run, graph)) = self.one(&sql, params![id.to_string(), attempt], read)? {
            return self.with_jobs(run, graph);
        }
        let run = self.run(id)?;
        if run.attempt == attempt {
            return Ok(run);
        }
        Err(StoreError::not_found("attempt", format!("{attempt} of {WHAT} {id}")))
    }

    /// All attempts of a run without their graphs, the current one first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn attempts(&self, id: RunId) -> Result<Vec<Run>, StoreError> {
        let sql = format!("SELECT {} FROM runs WHERE id = ?1", super::COLUMNS);
        let current = self.one(&sql, [id.to_string()], read_bare)?;
        let mut attempts = vec![current.ok_or_else(|| StoreError::not_found(WHAT, id))?];
        let sql = format!("SELECT {COLUMNS} {FROM} WHERE a.run = ?1 ORDER BY a.attempt DESC");
        attempts.extend(self.all(&sql, [id.to_string()], read_bare)?);
        Ok(attempts)
    }
}

impl Tx<'_> {
    /// Copies the current attempt, where the run has version `expected`. Its jobs and steps stay where they are.
    pub(super) fn put_attempt_aside(&mut self, id: RunId, expected: i64) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO run_attempts (run, attempt, external_id, ticket, number, state, reason, platform, conditions,
                cancel_requested, created, started, finished, updated, commit_id, actor, url, edges, complete)
             SELECT id, attempt, external_id, ticket, number, state, reason, platform, conditions, cancel_requested,
                created, started, finished, updated, commit_id, actor, url, edges, complete
             FROM runs WHERE id = ?1 AND version = ?2",
            params![id.to_string(), expected],
        )?;
        Ok(())
    }
}
