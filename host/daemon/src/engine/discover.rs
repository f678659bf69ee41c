//! Sees the runs that others started, in pipelines that are ours: by what changed where the platform can say that, else by
//! its list. Says only that they are there; they are then followed like ours.
//!
//! What is there at the first look and over is history: it is noted and not taken in.

use std::collections::{BTreeMap, BTreeSet};

use novacron_cicd_domain::{
    Retry, Timestamp,
    platform::{CallError, CallErrorKind, FoundRun, PageRequest, RunFilter, RunRef},
    provider::Provider,
    run::Run,
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Inner, poll::Looked};

/// How far a provider's runs have been seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Noted {
    /// Of `run-changes`: where to go on.
    pub(crate) position: Option<String>,
    /// The pipelines that it is of.
    pub(crate) covered: BTreeSet<String>,
    /// Of `run-listing`: the pipelines that were looked at, each with the runs that its list began with.
    pub(crate) seen: BTreeMap<String, Vec<Listed>>,
    /// Runs that may be ours, or were over and go on, by pipeline and run: looked at again.
    pub(crate) held: BTreeSet<(String, String)>,
}

/// A run as a list showed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    run: String,
    /// What changes when it goes on.
    attempt: Option<u32>,
    finished: Option<Timestamp>,
    updated: Option<Timestamp>,
}

impl Listed {
    /// None where it has no name.
    fn of(found: &FoundRun) -> Option<Self> {
        let FoundRun { run: seen, .. } = found;
        let (run, times) = (seen.external_id.clone()?, seen.times);
        Some(Self { run, attempt: seen.attempt, finished: times.finished, updated: times.updated })
    }
}

impl Noted {
    /// That one is to be looked at again.
    pub(crate) fn hold(&mut self, found: &FoundRun) {
        self.held.insert((found.pipeline.clone(), found.run.external_id.clone().unwrap_or_default()));
    }
}

/// What was taken in.
#[derive(Debug, Default)]
pub struct TakenIn {
    /// Runs to be read now: new ones, and some that were over and go on.
    pub(crate) to_read: Vec<Run>,
}

/// So many runs of a pipeline's list are remembered.
const PAGE: u32 = 50;
/// So many pages are read at most to find what is remembered.
const PAGES: usize = 10;

/// Whether the platform can be asked cheaply, each time that it is looked at.
pub(super) fn is_cheap(inner: &Inner, provider: &Provider) -> bool {
    inner.world.providers.supports(provider, "run-changes")
}

pub(super) async fn discover(inner: &Inner, provider: &Provider, cancel: &CancellationToken) -> (Looked, Vec<Run>) {
    let (pipelines, before) = match inner.world.ledger.watched(provider.id).await {
        Ok(watched) => watched,
        Err(error) => return (Looked::unreadable(&error), Vec::new()),
    };
    let mut look = Look { inner, provider, cancel, noted: before.clone(), found: Vec::new() };
    look.noted.seen.retain(|pipeline, _| pipelines.contains(pipeline));
    look.noted.covered.retain(|pipeline| pipelines.contains(pipeline));
    let outcome = look.all(&pipelines).await;
    let Look { noted, found, .. } = look;
    let taken = if found.is_empty() && noted == before {
        Ok(TakenIn::default())
    } else {
        inner.world.ledger.take_in(provider.id, found, noted, inner.now()).await
    };
    match (taken, outcome) {
        (Err(error), _) => (Looked::unreadable(&error), Vec::new()),
        (Ok(taken), Err(error)) => (Looked::failed(provider, &error), taken.to_read),
        (Ok(taken), Ok(())) => (Looked::default(), taken.to_read),
    }
}

/// A run that the platform said something of; those that are to be read then. An error: what came of the look, and whether
/// another may go better.
pub(super) async fn look_at(
    inner: &Inner,
    provider: &Provider,
    reference: RunRef,
    cancel: &CancellationToken,
) -> Result<Vec<Run>, (Looked, bool)> {
    let call = inner.call(provider, "engine", cancel);
    let found = match inner.world.providers.run(call, reference).await {
        Ok(found) => found,
        Err(CallError { kind: CallErrorKind::NotFound, .. }) => return Ok(Vec::new()),
        Err(error) => {
            let passing = matches!(error.retry(), Retry::Safe(_));
            return Err((Looked::failed(provider, &error), passing));
        }
    };
    let taken = inner.world.ledger.take_in_one(provider.id, found, inner.now()).await;
    taken.map(|taken| taken.to_read).map_err(|error| (Looked::unreadable(&error), true))
}

/// One look: what it found is taken in also where it could not be brought to its end.
struct Look<'a> {
    inner: &'a Inner,
    provider: &'a Provider,
    cancel: &'a CancellationToken,
    noted: Noted,
    found: Vec<FoundRun>,
}

impl Look<'_> {
    fn call(&self) -> super::ports::Call {
        self.inner.call(self.provider, "engine", self.cancel)
    }

    async fn all(&mut self, pipelines: &[String]) -> Result<(), CallError> {
        let providers = &self.inner.world.providers;
        for (pipeline, run) in std::mem::take(&mut self.noted.held) {
            let reference = RunRef { pipeline: pipeline.clone(), run: run.clone(), attempt: None };
            match providers.run(self.call(), reference).await {
                Ok(found) => self.found.push(found),
                Err(CallError { kind: CallErrorKind::NotFound, .. }) => {}
                Err(error) => {
                    self.noted.held.insert((pipeline, run));
                    tracing::warn!(provider = %self.provider.name, %error, "a run cannot be read");
                }
            }
        }
        if is_cheap(self.inner, self.provider) {
            return self.changes(pipelines).await;
        }
        if !providers.supports(self.provider, "run-listing") {
            return Ok(());
        }
        for pipeline in pipelines {
            match self.list(pipeline).await {
                // It is not there any more; its other runs are.
                Err(CallError { kind: CallErrorKind::NotFound, .. }) => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    async fn changes(&mut self, pipelines: &[String]) -> Result<(), CallError> {
        let (known, new): (Vec<String>, Vec<String>) =
            pipelines.iter().cloned().partition(|pipeline| self.noted.covered.contains(pipeline));
        if !new.is_empty() {
            // Those that were there before keep their position.
            let position = self.since(&new, None, true).await?;
            self.noted.position.get_or_insert(position);
            self.noted.covered.extend(new);
        }
        if !known.is_empty() {
            let position = self.noted.position.clone();
            self.noted.position = Some(self.since(&known, position, false).await?);
        }
        Ok(())
    }

    async fn since(
        &mut self,
        pipelines: &[String],
        mut position: Option<String>,
        first: bool,
    ) -> Result<String, CallError> {
        for _ in 0..PAGES {
            let changes = self.inner.world.providers.changes(self.call(), pipelines.to_vec(), position).await?;
            self.found.extend(changes.runs.into_iter().filter(|run| !first || is_active(run)));
            position = Some(changes.position);
            if !changes.more_now {
                break;
            }
        }
        Ok(position.unwrap_or_default())
    }

    /// What stands before the runs that the list began with the last time is new; among those themselves it is seen which
    /// go on, or went on.
    async fn list(&mut self, pipeline: &str) -> Result<(), CallError> {
        let before = self.noted.seen.get(pipeline).cloned();
        let was_seen = |run: &FoundRun| before.iter().flatten().any(|listed| is_called(run, &listed.run));
        let is_same = |run: &FoundRun| before.iter().flatten().any(|listed| Listed::of(run).as_ref() == Some(listed));
        let mut page = PageRequest { cursor: None, limit: PAGE };
        let mut listed: Vec<FoundRun> = Vec::new();
        for _ in 0..PAGES {
            let filter = RunFilter { pipeline: Some(pipeline.to_owned()), reference: None };
            let answer = self.inner.world.providers.runs(self.call(), filter, page.clone()).await?;
            listed.extend(answer.items);
            page.cursor = answer.next;
            if before.is_none() || page.cursor.is_none() || listed.iter().any(was_seen) {
                break;
            }
        }
        let begin: Vec<Listed> = listed.iter().take(PAGE as usize).filter_map(Listed::of).collect();
        let new = match (&before, listed.iter().rposition(was_seen)) {
            (_, Some(last)) => last,
            (Some(before), None) if before.is_empty() => listed.len(),
            (Some(_), None) => {
                tracing::warn!(provider = %self.provider.name, pipeline, "no run is listed that was there before");
                0
            }
            (None, None) => 0,
        };
        // One that was over the last time may have gone on and be over again.
        let is_new = |at: usize, run: &FoundRun| if was_seen(run) { !is_same(run) } else { at < new };
        let fresh: Vec<bool> = listed.iter().enumerate().map(|(at, run)| is_active(run) || is_new(at, run)).collect();
        self.found.extend(listed.into_iter().zip(fresh).filter_map(|(run, fresh)| fresh.then_some(run)));
        self.noted.seen.insert(pipeline.to_owned(), begin);
        Ok(())
    }
}

fn is_called(run: &FoundRun, id: &str) -> bool {
    run.run.external_id.as_deref() == Some(id)
}

fn is_active(run: &FoundRun) -> bool {
    run.run.status.as_ref().is_none_or(|status| !status.state.is_terminal())
}
