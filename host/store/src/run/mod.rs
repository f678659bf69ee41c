//! Runs: one row for each, with its current attempt; jobs and steps in tables of their own.
//!
//! Lists never load jobs: a run of a list has no graph. So that such a run can be written back, [`Tx::update_run`]
//! takes "no graph" as "nothing to say about the graph", not as "no jobs".

mod attempt;
mod graph;
mod watch;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use self::watch::{silent, to_poll};

use novacron_cicd_domain::{
    Timestamp,
    id::{PipelineId, ProviderId, RunId},
    run::{Graph, Run},
    status::State,
};
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    page::{List, Listing, Page, Select},
    row::{Columns, json, millis},
};

const WHAT: &str = "run";
const COLUMNS: &str = "id, pipeline, pipeline_name, provider, origin, external_id, ticket, number, attempt, \
                       correlation, state, reason, platform, conditions, cancel_requested, created, started, \
                       finished, updated, reference, commit_id, actor, url, parameters, environment, version, edges, \
                       complete, retry_of, seen";
/// Runs that are not over, in the words of the partial index.
const ACTIVE: &str = "active = 1";

/// Which runs a list shows; what is none is not asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of this pipeline, also where it was deleted.
    pub pipeline: Option<PipelineId>,
    /// Through this provider.
    pub provider: Option<ProviderId>,
    /// In this state.
    pub state: Option<State>,
}

/// The run without its jobs, and what is known of its graph.
fn read(columns: &mut Columns<'_>) -> Result<(Run, Option<Graph>), StoreError> {
    let mut run = Run {
        id: columns.parse()?,
        pipeline: columns.parse()?,
        pipeline_name: columns.parse()?,
        provider: columns.parse()?,
        origin: columns.get()?,
        retry_of: None,
        external_id: columns.get()?,
        ticket: columns.get()?,
        number: columns.get()?,
        attempt: columns.get()?,
        correlation: columns.get()?,
        status: columns.status()?,
        cancel_requested: columns.get()?,
        times: columns.times()?,
        seen: None,
        reference: columns.get()?,
        commit: columns.get()?,
        actor: columns.get()?,
        url: columns.get()?,
        parameters: columns.json()?,
        environment: columns.json()?,
        graph: None,
        version: columns.get()?,
    };
    let edges: Option<String> = columns.get()?;
    let complete: Option<bool> = columns.get()?;
    run.retry_of = columns.parse_opt()?;
    run.seen = columns.get::<Option<i64>>()?.map(Timestamp);
    let graph = match edges.zip(complete) {
        Some((word, complete)) => Some(Graph { jobs: Vec::new(), edges: graph::parse_edges(&word)?, complete }),
        None => None,
    };
    Ok((run, graph))
}

fn read_bare(columns: &mut Columns<'_>) -> Result<Run, StoreError> {
    read(columns).map(|(run, _)| run)
}

/// Newest first.
pub(crate) fn select(filter: &RunFilter, after: Option<String>, rows: usize) -> Select {
    Select::new(&format!("SELECT {COLUMNS} FROM runs"))
        .with("pipeline = ", filter.pipeline.map(|id| id.to_string()))
        .with("provider = ", filter.provider.map(|id| id.to_string()))
        .with("state = ", filter.state.map(|state| state.as_str().to_owned()))
        .with("id < ", Some(after.unwrap_or_else(crate::page::newest)))
        .order("id DESC", rows)
}

/// Newest first.
pub(crate) fn active(provider: ProviderId, rows: usize) -> Select {
    Select::new(&format!("SELECT {COLUMNS} FROM runs"))
        .with("provider = ", Some(provider.to_string()))
        .only(ACTIVE)
        .order("id DESC", rows)
}

impl Reader<'_> {
    /// The run with this id, with the whole graph of its current attempt.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn run(&self, id: RunId) -> Result<Run, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
        let found = self.one(&sql, [id.to_string()], read)?;
        let (run, graph) = found.ok_or_else(|| StoreError::not_found(WHAT, id))?;
        self.with_jobs(run, graph)
    }

    /// Runs without their graphs, newest first.
    ///
    /// # Errors
    /// [`StoreError::Cursor`].
    pub fn runs(&self, page: &Page, filter: &RunFilter) -> Result<Listing<Run>, StoreError> {
        let select = |after, rows| select(filter, after, rows);
        self.page(List::Runs, page, select, read_bare, |run| run.id.to_string())
    }

    /// At most `limit` runs of a provider that are not over, without their graphs, newest first.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn active_runs(&self, provider: ProviderId, limit: u32) -> Result<Vec<Run>, StoreError> {
        self.select(active(provider, limit as usize), read_bare)
    }

    /// The runs that a provider's platform calls by this id, without their graphs, newest first: one id may be used by
    /// several pipelines, and two runs of ours may have been folded into one of theirs.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn runs_by_external_id(&self, provider: ProviderId, external_id: &str) -> Result<Vec<Run>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE provider = ?1 AND external_id = ?2 ORDER BY id DESC");
        self.all(&sql, params![provider.to_string(), external_id], read_bare)
    }

    /// What the platform calls a run's pipeline, where that was pinned by [`Tx::pin_platform_pipeline`].
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn platform_pipeline(&self, run: RunId) -> Result<Option<String>, StoreError> {
        let pinned = self.one("SELECT platform_pipeline FROM runs WHERE id = ?1", [run.to_string()], |columns| {
            columns.get::<Option<String>>()
        })?;
        Ok(pinned.flatten())
    }

    fn with_jobs(&self, mut run: Run, graph: Option<Graph>) -> Result<Run, StoreError> {
        run.graph = match graph {
            Some(graph) => Some(Graph { jobs: self.jobs(run.id, run.attempt)?, ..graph }),
            None => None,
        };
        Ok(run)
    }
}

impl Tx<'_> {
    /// Stores a new run with its graph.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where its pipeline or provider is not there, [`StoreError::Invalid`] where its graph
    /// has two jobs of one id or two steps of one number.
    pub fn insert_run(&mut self, run: &Run) -> Result<(), StoreError> {
        if run.retry_of.is_none() {
            // What is done again may be of a pipeline that is gone.
            self.pipeline(run.pipeline)?;
        }
        self.provider(run.provider)?;
        let (edges, complete) = graph_columns(run);
        self.execute(
            "INSERT INTO runs (id, pipeline, pipeline_name, provider, origin, external_id, ticket, number, attempt,
                correlation, state, reason, platform, conditions, cancel_requested, created, started, finished,
                updated, reference, commit_id, actor, url, parameters, environment, version, edges, complete,
                retry_of, seen)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
                ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30)",
            params![
                run.id.to_string(),
                run.pipeline.to_string(),
                run.pipeline_name.as_str(),
                run.provider.to_string(),
                run.origin,
                run.external_id,
                run.ticket,
                run.number,
                run.attempt,
                run.correlation,
                run.status.state.as_str(),
                run.status.reason,
                run.status.platform,
                json(&run.status.conditions)?,
                run.cancel_requested,
                millis(run.times.created),
                millis(run.times.started),
                millis(run.times.finished),
                millis(run.times.updated),
                run.reference,
                run.commit,
                run.actor,
                run.url,
                json(&run.parameters)?,
                json(&run.environment)?,
                run.version,
                edges,
                complete,
                run.retry_of.map(|run| run.to_string()),
                millis(run.seen),
            ],
        )
        .map_err(|error| error.or_conflict(WHAT, run.id))?;
        if let Some(graph) = &run.graph {
            self.save_graph(run.id, run.attempt, graph, false)?;
        }
        Ok(())
    }

    /// Keeps what the platform calls a run's pipeline: ours may change or go.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn pin_platform_pipeline(&mut self, run: RunId, pipeline: &str) -> Result<(), StoreError> {
        let sql = "UPDATE runs SET platform_pipeline = ?2 WHERE id = ?1";
        let changed = self.execute(sql, params![run.to_string(), pipeline])?;
        if changed == 0 { Err(StoreError::not_found(WHAT, run)) } else { Ok(()) }
    }

    /// Changes what became of a run, where the stored version is `expected`; answers the new version. What the run
    /// was asked for (pipeline, provider, origin, retry_of, correlation, reference, parameters, environment) never changes.
    ///
    /// Of the graph only the jobs and steps that differ are written; a run without graph leaves it as it is. A higher
    /// attempt puts the stored one aside, to be read with [`Reader::run_attempt`]. An end of the run is the end of its
    /// heartbeat deadline.
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::NotFound`], [`StoreError::Invalid`] for a lower attempt and a graph as in
    /// [`Tx::insert_run`].
    pub fn update_run(&mut self, run: &Run, expected: i64) -> Result<i64, StoreError> {
        let id = run.id.to_string();
        let (version, attempt, has_graph) = self
            .one("SELECT version, attempt, edges IS NOT NULL FROM runs WHERE id = ?1", [&id], |columns| {
                Ok((columns.get::<i64>()?, columns.get::<u32>()?, columns.get::<bool>()?))
            })?
            .ok_or_else(|| StoreError::not_found(WHAT, run.id))?;
        if run.attempt < attempt && version == expected {
            let reason = format!("attempt {} is over, the run is at attempt {attempt}", run.attempt);
            return Err(StoreError::invalid(WHAT, id, reason));
        }
        if run.attempt > attempt {
            self.put_attempt_aside(run.id, expected)?;
        }
        let (edges, complete) = graph_columns(run);
        // This, and not the read above, decides who wins.
        let new = self.one(
            "UPDATE runs SET external_id = ?3, ticket = ?4, number = ?5, state = ?7, reason = ?8, platform = ?9,
                conditions = ?10, cancel_requested = ?11, created = ?12, started = ?13, finished = ?14, updated = ?15,
                commit_id = ?16, actor = ?17, url = ?18,
                edges = CASE WHEN ?19 IS NULL AND attempt = ?6 THEN edges ELSE ?19 END,
                complete = CASE WHEN ?20 IS NULL AND attempt = ?6 THEN complete ELSE ?20 END,
                heartbeat_deadline = CASE WHEN ?21 THEN NULL ELSE heartbeat_deadline END,
                attempt = ?6, seen = ?22, version = version + 1
             WHERE id = ?1 AND version = ?2 RETURNING version",
            params![
                id,
                expected,
                run.external_id,
                run.ticket,
                run.number,
                run.attempt,
                run.status.state.as_str(),
                run.status.reason,
                run.status.platform,
                json(&run.status.conditions)?,
                run.cancel_requested,
                millis(run.times.created),
                millis(run.times.started),
                millis(run.times.finished),
                millis(run.times.updated),
                run.commit,
                run.actor,
                run.url,
                edges,
                complete,
                run.status.state.is_terminal(),
                millis(run.seen),
            ],
            |columns| columns.get(),
        )?;
        let Some(new) = new else {
            return Err(StoreError::Stale { what: WHAT, key: id, expected, found: version });
        };
        if let Some(graph) = &run.graph {
            self.save_graph(run.id, run.attempt, graph, has_graph && run.attempt == attempt)?;
        }
        Ok(new)
    }
}

fn graph_columns(run: &Run) -> (Option<&'static str>, Option<bool>) {
    let columns = |graph: &Graph| (graph::edges_word(graph.edges), graph.complete);
    run.graph.as_ref().map(columns).unzip()
}
