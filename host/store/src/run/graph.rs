//! Jobs and steps of an attempt, read whole and written by difference.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use novacron_cicd_domain::{
    id::RunId,
    run::{Edges, Graph, Job, Step},
    status::State,
};
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    row::{Columns, json, millis},
};

pub(super) const fn edges_word(edges: Edges) -> &'static str {
    match edges {
        Edges::Exact => "exact",
        Edges::Approximate => "approximate",
        Edges::None => "none",
    }
}

pub(super) fn parse_edges(word: &str) -> Result<Edges, StoreError> {
    [Edges::Exact, Edges::Approximate, Edges::None]
        .into_iter()
        .find(|edges| edges_word(*edges) == word)
        .ok_or_else(|| StoreError::corrupt(format!("{word:?} is no word for edges")))
}

fn read_job(columns: &mut Columns<'_>) -> Result<Job, StoreError> {
    Ok(Job {
        id: columns.get()?,
        name: columns.get()?,
        stage: columns.get()?,
        status: columns.status()?,
        times: columns.times()?,
        needs: columns.json()?,
        parent: columns.get()?,
        runner: columns.get()?,
        url: columns.get()?,
        steps: Vec::new(),
    })
}

fn read_step(columns: &mut Columns<'_>) -> Result<(String, Step), StoreError> {
    Ok((
        columns.get()?,
        Step { number: columns.get()?, name: columns.get()?, status: columns.status()?, times: columns.times()? },
    ))
}

/// All fields but the steps. Written so that a new field is not forgotten.
fn same(a: &Job, b: &Job) -> bool {
    let Job { id, name, stage, status, times, needs, parent, runner, url, steps: _ } = a;
    (id, name, stage, status, times) == (&b.id, &b.name, &b.stage, &b.status, &b.times)
        && (needs, parent, runner, url) == (&b.needs, &b.parent, &b.runner, &b.url)
}

impl Reader<'_> {
    /// The jobs of an attempt in their order, with their steps.
    pub(super) fn jobs(&self, run: RunId, attempt: u32) -> Result<Vec<Job>, StoreError> {
        let mut jobs = self.all(
            "SELECT id, name, stage, state, reason, platform, conditions, created, started, finished, updated, needs,
                parent, runner, url
             FROM jobs WHERE run = ?1 AND attempt = ?2 ORDER BY place",
            params![run.to_string(), attempt],
            read_job,
        )?;
        let steps = self.all(
            "SELECT job, number, name, state, reason, platform, conditions, created, started, finished, updated
             FROM steps WHERE run = ?1 AND attempt = ?2 ORDER BY job, number",
            params![run.to_string(), attempt],
            read_step,
        )?;
        let places: BTreeMap<_, _> = jobs.iter().enumerate().map(|(place, job)| (job.id.clone(), place)).collect();
        for (job, step) in steps {
            let place = places.get(&job).ok_or_else(|| StoreError::corrupt(format!("a step has no job {job:?}")))?;
            jobs[*place].steps.push(step);
        }
        Ok(jobs)
    }
}

impl Tx<'_> {
    /// Writes what differs from what is stored; nothing is, where `stored` is false. Answers how many rows it wrote.
    pub(super) fn save_graph(
        &mut self,
        run: RunId,
        attempt: u32,
        graph: &Graph,
        stored: bool,
    ) -> Result<usize, StoreError> {
        check(run, graph)?;
        let before = if stored { self.jobs(run, attempt)? } else { Vec::new() };
        let mut before: BTreeMap<_, _> =
            before.into_iter().enumerate().map(|(place, job)| (job.id.clone(), (place, job))).collect();
        let mut written = 0;
        for (place, job) in graph.jobs.iter().enumerate() {
            let old = before.remove(&job.id);
            if !old.as_ref().is_some_and(|(at, old)| *at == place && same(old, job)) {
                written += self.save_job(run, attempt, place, job)?;
            }
            let steps = old.map(|(_, old)| old.steps).unwrap_or_default();
            written += self.save_steps(run, attempt, job, steps)?;
        }
        for gone in before.into_keys() {
            let sql = "DELETE FROM jobs WHERE run = ?1 AND attempt = ?2 AND id = ?3";
            written += self.execute(sql, params![run.to_string(), attempt, gone])?;
        }
        Ok(written)
    }

    fn save_job(&mut self, run: RunId, attempt: u32, place: usize, job: &Job) -> Result<usize, StoreError> {
        self.execute(
            "INSERT INTO jobs (run, attempt, id, place, name, stage, state, reason, platform, conditions, created,
                started, finished, updated, needs, parent, runner, url)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
             ON CONFLICT (run, attempt, id) DO UPDATE
             SET place = excluded.place, name = excluded.name, stage = excluded.stage, state = excluded.state,
                reason = excluded.reason, platform = excluded.platform, conditions = excluded.conditions,
                created = excluded.created, started = excluded.started, finished = excluded.finished,
                updated = excluded.updated, needs = excluded.needs, parent = excluded.parent,
                runner = excluded.runner, url = excluded.url",
            params![
                run.to_string(),
                attempt,
                job.id,
                i64::try_from(place).unwrap_or(i64::MAX),
                job.name,
                job.stage,
                job.status.state.as_str(),
                job.status.reason,
                job.status.platform,
                json(&job.status.conditions)?,
                millis(job.times.created),
                millis(job.times.started),
                millis(job.times.finished),
                millis(job.times.updated),
                json(&job.needs)?,
                job.parent,
                job.runner,
                job.url,
            ],
        )
    }

    fn save_steps(&mut self, run: RunId, attempt: u32, job: &Job, before: Vec<Step>) -> Result<usize, StoreError> {
        let mut before: BTreeMap<_, _> = before.into_iter().map(|step| (step.number, step)).collect();
        let mut written = 0;
        for step in &job.steps {
            match before.entry(step.number) {
                Entry::Occupied(old) if *old.get() == *step => {
                    old.remove();
                }
                Entry::Occupied(old) => {
                    old.remove();
                    written += self.save_step(run, attempt, job, step)?;
                }
                Entry::Vacant(_) => written += self.save_step(run, attempt, job, step)?,
            }
        }
        for gone in before.into_keys() {
            let sql = "DELETE FROM steps WHERE run = ?1 AND attempt = ?2 AND job = ?3 AND number = ?4";
            written += self.execute(sql, params![run.to_string(), attempt, job.id, gone])?;
        }
        Ok(written)
    }

    fn save_step(&mut self, run: RunId, attempt: u32, job: &Job, step: &Step) -> Result<usize, StoreError> {
        self.execute(
            "INSERT INTO steps (run, attempt, job, number, name, state, reason, platform, conditions, created, started,
                finished, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (run, attempt, job, number) DO UPDATE
             SET name = excluded.name, state = excluded.state, reason = excluded.reason, platform = excluded.platform,
                conditions = excluded.conditions, created = excluded.created, started = excluded.started,
                finished = excluded.finished, updated = excluded.updated",
            params![
                run.to_string(),
                attempt,
                job.id,
                step.number,
                step.name,
                step.status.state.as_str(),
                step.status.reason,
                step.status.platform,
                json(&step.status.conditions)?,
                millis(step.times.created),
                millis(step.times.started),
                millis(step.times.finished),
                millis(step.times.updated),
            ],
        )
    }
}

/// Jobs are known by their ids and steps by their numbers: two of one can't be told apart. Only runs are ambiguous.
fn check(run: RunId, graph: &Graph) -> Result<(), StoreError> {
    let refuse = |reason: String| Err(StoreError::invalid("graph of run", run, reason));
    let mut ids = BTreeSet::new();
    for job in &graph.jobs {
        if !ids.insert(&job.id) {
            return refuse(format!("there are two jobs {:?}", job.id));
        }
        if job.status.state == State::Ambiguous {
            return refuse(format!("job {:?} is ambiguous, and only runs can be", job.id));
        }
        let mut numbers = BTreeSet::new();
        for step in &job.steps {
            if !numbers.insert(step.number) {
                return refuse(format!("job {:?} has two steps {}", job.id, step.number));
            }
            if step.status.state == State::Ambiguous {
                return refuse(format!("step {} of job {:?} is ambiguous, and only runs can be", step.number, job.id));
            }
        }
    }
    Ok(())
}
