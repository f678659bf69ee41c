//! Operations: durable intents, claimed by the engine under a lease.
//!
//! The indexes that claiming uses are partial, and are only used by queries that say `open = 1`. The condition has a
//! column of its own: said as states, it would lead the planner to the index of states, and through all that is open.

use novacron_cicd_domain::{
    Timestamp,
    id::{OperationId, ProviderId, RunId},
    operation::{Operation, OperationKind, OperationState, RecoveryClass},
};
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    page::{List, Listing, Page, Select},
    row::{Columns, json, millis},
};

const WHAT: &str = "operation";
const COLUMNS: &str = "id, kind, provider, run, payload, recovery, state, attempts, first_sent, due, lease_until, \
                       error_code, error_message, actor, created, updated, version";

/// Which operations a list shows; what is none is not asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationFilter {
    /// About this run.
    pub run: Option<RunId>,
    /// Through this provider.
    pub provider: Option<ProviderId>,
    /// In this state.
    pub state: Option<OperationState>,
}

/// What an engine claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What is due by then, and whose lease has ended by then.
    pub now: Timestamp,
    /// Until when the claimed operations are this engine's.
    pub lease_until: Timestamp,
    /// How many at most.
    pub limit: u32,
    /// How many of one provider may be under lease at once, those of earlier claims counted.
    pub per_provider: u32,
    /// Of this provider alone.
    pub provider: Option<ProviderId>,
}

fn read(columns: &mut Columns<'_>) -> Result<Operation, StoreError> {
    Ok(Operation {
        id: columns.parse()?,
        kind: columns.word(OperationKind::parse)?,
        provider: columns.parse()?,
        run: columns.parse_opt()?,
        payload: columns.json()?,
        recovery: columns.word(RecoveryClass::parse)?,
        state: columns.word(OperationState::parse)?,
        attempts: columns.get()?,
        first_sent: columns.time_opt()?,
        due: columns.time()?,
        lease_until: columns.time_opt()?,
        error: columns.get::<Option<String>>()?.zip(columns.get()?),
        actor: columns.get()?,
        created: columns.time()?,
        updated: columns.time()?,
        version: columns.get()?,
    })
}

/// Newest first.
pub(crate) fn select(filter: &OperationFilter, after: Option<String>, rows: usize) -> Select {
    Select::new(&format!("SELECT {COLUMNS} FROM operations"))
        .with("run = ", filter.run.map(|id| id.to_string()))
        .with("provider = ", filter.provider.map(|id| id.to_string()))
        .with("state = ", filter.state.map(|state| state.as_str().to_owned()))
        .with("id < ", Some(after.unwrap_or_else(crate::page::newest)))
        .order("id DESC", rows)
}

/// How many due operations one claim looks at. Those of providers without a free place are not among them, so that a
/// long queue hides no other provider for longer than it takes to fill that queue's places.
const OLDEST: usize = 1024;

/// One statement, so that two engines never claim the same. A sent operation stays sent: that it may have reached the
/// platform must not be forgotten.
pub(crate) fn claim_sql(of_one_provider: bool) -> String {
    // An expression, so that no index of providers is taken: it leads through all that was ever done for one.
    let of_provider = if of_one_provider { "AND provider || '' = ?5" } else { "" };
    format!(
        "WITH busy AS (
            SELECT provider, count(*) AS leases FROM operations
            WHERE open = 1 AND lease_until IS NOT NULL AND lease_until > ?1 GROUP BY provider
         ), oldest AS (
            SELECT id, due, provider FROM operations
            WHERE open = 1 AND due <= ?1 AND (lease_until IS NULL OR lease_until <= ?1) {of_provider}
                AND provider NOT IN (SELECT provider FROM busy WHERE leases >= ?4)
            ORDER BY due, id LIMIT {OLDEST}
         ), ready AS (
            SELECT id, due, provider, row_number() OVER (PARTITION BY provider ORDER BY due, id) AS place FROM oldest
         )
         UPDATE operations
         SET state = CASE state WHEN 'sent' THEN 'sent' ELSE 'claimed' END, lease_until = ?2, updated = ?1,
             version = version + 1
         WHERE id IN (
            SELECT ready.id FROM ready LEFT JOIN busy ON busy.provider = ready.provider
            WHERE ready.place + coalesce(busy.leases, 0) <= ?4
            ORDER BY ready.due, ready.id LIMIT ?3
         )
         RETURNING {COLUMNS}"
    )
}

impl Reader<'_> {
    /// The operation with this id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn operation(&self, id: OperationId) -> Result<Operation, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM operations WHERE id = ?1");
        self.one(&sql, [id.to_string()], read)?.ok_or_else(|| StoreError::not_found(WHAT, id))
    }

    /// Operations, newest first.
    ///
    /// # Errors
    /// [`StoreError::Cursor`].
    pub fn operations(&self, page: &Page, filter: &OperationFilter) -> Result<Listing<Operation>, StoreError> {
        let select = |after, rows| select(filter, after, rows);
        self.page(List::Operations, page, select, read, |operation| operation.id.to_string())
    }

    /// When the next operation can be claimed, where one is open: until then an engine may sleep.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let free = "SELECT due FROM operations WHERE open = 1 AND lease_until IS NULL ORDER BY due LIMIT 1";
        let leased = "SELECT lease_until FROM operations WHERE open = 1 AND lease_until IS NOT NULL
                      ORDER BY lease_until LIMIT 1";
        let free = self.one(free, [], |columns| columns.time())?;
        let leased = self.one(leased, [], |columns| columns.time())?;
        Ok(free.into_iter().chain(leased).min())
    }
}

impl Tx<'_> {
    /// Stores a new intent.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where its provider or run is not there.
    pub fn insert_operation(&mut self, operation: &Operation) -> Result<(), StoreError> {
        let (code, message) = operation.error.as_ref().map(|(code, message)| (code, message)).unzip();
        self.execute(
            "INSERT INTO operations (id, kind, provider, run, payload, recovery, state, attempts, first_sent, due,
                lease_until, error_code, error_message, actor, created, updated, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            params![
                operation.id.to_string(),
                operation.kind.as_str(),
                operation.provider.to_string(),
                operation.run.map(|id| id.to_string()),
                json(&operation.payload)?,
                operation.recovery.as_str(),
                operation.state.as_str(),
                operation.attempts,
                millis(operation.first_sent),
                operation.due.0,
                millis(operation.lease_until),
                code,
                message,
                operation.actor,
                operation.created.0,
                operation.updated.0,
                operation.version,
            ],
        )
        .map_err(|error| match operation.run {
            Some(run) => error.or_missing("provider or run", format!("{} or {run}", operation.provider)),
            None => error.or_missing("provider", operation.provider),
        })
        .map_err(|error| error.or_conflict(WHAT, operation.id))?;
        Ok(())
    }

    /// Claims what is due and not under lease, oldest first. Queued operations become claimed; sent ones stay sent and
    /// are to be settled by their recovery class.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn claim_operations(&mut self, claim: &Claim) -> Result<Vec<Operation>, StoreError> {
        let sql = claim_sql(claim.provider.is_some());
        let Claim { now, lease_until, limit, per_provider, provider } = *claim;
        let mut claimed = match provider {
            None => self.all(&sql, params![now.0, lease_until.0, limit, per_provider], read)?,
            Some(id) => self.all(&sql, params![now.0, lease_until.0, limit, per_provider, id.to_string()], read)?,
        };
        // RETURNING promises no order.
        claimed.sort_by_key(|operation| (operation.due, operation.id));
        Ok(claimed)
    }

    /// Ends all leases: at start, when whoever held them is gone for sure. Answers how many there were.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn release_leases(&mut self) -> Result<usize, StoreError> {
        self.execute(
            "UPDATE operations SET lease_until = NULL, version = version + 1
             WHERE open = 1 AND lease_until IS NOT NULL",
            [],
        )
    }

    /// Changes what becomes of an operation, where the stored version is `expected`: all but id, kind, provider, run,
    /// recovery class, actor and time of making. Answers the new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::NotFound`].
    pub fn update_operation(&mut self, operation: &Operation, expected: i64) -> Result<i64, StoreError> {
        let (code, message) = operation.error.as_ref().map(|(code, message)| (code, message)).unzip();
        let changed = self.execute(
            "UPDATE operations SET payload = ?3, state = ?4, attempts = ?5, first_sent = ?6, due = ?7,
                lease_until = ?8, error_code = ?9, error_message = ?10, updated = ?11, version = version + 1
             WHERE id = ?1 AND version = ?2",
            params![
                operation.id.to_string(),
                expected,
                json(&operation.payload)?,
                operation.state.as_str(),
                operation.attempts,
                millis(operation.first_sent),
                operation.due.0,
                millis(operation.lease_until),
                code,
                message,
                operation.updated.0,
            ],
        )?;
        if changed == 0 {
            let found = self.operation(operation.id)?.version;
            return Err(StoreError::Stale { what: WHAT, key: operation.id.to_string(), expected, found });
        }
        Ok(expected + 1)
    }
}

#[cfg(test)]
mod tests;
