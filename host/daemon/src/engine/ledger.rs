//! The store as the engine's ledger.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use novacron_cicd_domain::{
    Timestamp,
    event::{self, EventKind},
    id::{OperationId, ProviderId, RunId},
    operation::{Operation, OperationState},
    pipeline::Pipeline,
    platform::{FoundRun, RemoteArtifact, Ticket},
    provider::Provider,
    run::{Run, SeenRun, Standing},
};
use novacron_cicd_store::{Claim, Hint, Page, Reader, Store, StoreError, Tx};

use super::{
    discover::{Noted, TakenIn},
    logs::MissingLog,
    payload::Payload,
    ports::{Job, Ledger},
    record::{self, Sight},
    verdict::Verdict,
};

/// The store, and how long a run that calls back may be silent.
#[derive(Clone)]
pub struct StoreLedger {
    store: Store,
    heartbeat: i64,
}

impl StoreLedger {
    /// A ledger in `store`.
    #[must_use]
    pub fn new(store: Store, heartbeat: Duration) -> Self {
        Self { store, heartbeat: i64::try_from(heartbeat.as_millis()).unwrap_or(i64::MAX) }
    }
}

/// So many silent runs are ended in one transaction; the rest in the next.
const SILENT: u32 = 100;
/// So many runs that were hinted at are looked at in one look.
const HINTS: u32 = 100;
/// A run that was hinted at is looked at so often before the hint is spent: 1 + 2 + 4 + 8 seconds. What a platform tells may
/// be ahead of what it shows.
const LOOKS: u32 = 5;
/// So many runs of one provider are followed at once.
pub(super) const ACTIVE: u32 = 1000;

/// None where it was deleted.
fn pipeline(state: &Reader<'_>, run: Option<&Run>, payload: &Payload) -> Result<Option<Pipeline>, StoreError> {
    let Some(id) = run.map(|run| run.pipeline).or(payload.pipeline) else { return Ok(None) };
    match state.pipeline(id) {
        Ok(pipeline) => Ok(Some(pipeline)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the platform calls a run's pipeline: pinned when the run was asked for, since ours may change or go.
pub(crate) fn platform_pipeline(state: &Reader<'_>, run: &Run) -> Result<String, StoreError> {
    if let Some(pinned) = state.platform_pipeline(run.id)? {
        return Ok(pinned);
    }
    if let Some(pinned) = record::trigger_of(state, run.id)?.and_then(|trigger| Payload::of(&trigger).external_ref) {
        return Ok(pinned);
    }
    let pipeline = pipeline(state, Some(run), &Payload::default())?;
    Ok(pipeline.and_then(|pipeline| pipeline.external_ref).unwrap_or_else(|| run.pipeline.to_string()))
}

/// A provider's pipelines by what the platform calls them; of several that are the same there the first one.
pub(crate) fn on_platform(state: &Reader<'_>, provider: ProviderId) -> Result<HashMap<String, Pipeline>, StoreError> {
    let mut found = HashMap::new();
    let mut page = Page::first(Page::MOST);
    loop {
        let listing = state.pipelines(&page, Some(provider))?;
        for pipeline in listing.items {
            if let Some(external) = pipeline.external_ref.clone() {
                // Newest first, so the oldest stays.
                found.insert(external, pipeline);
            }
        }
        match listing.next {
            Some(next) => page.after = Some(next),
            None => return Ok(found),
        }
    }
}

/// What cannot be read any more is as good as nothing: then all that is there is history.
fn noted(state: &Reader<'_>, provider: ProviderId) -> Result<Noted, StoreError> {
    let noted = state.sightings(provider)?;
    Ok(noted.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

fn take_in(
    tx: &mut Tx<'_>,
    provider: ProviderId,
    found: &[FoundRun],
    noted: &mut Noted,
    now: Timestamp,
) -> Result<TakenIn, StoreError> {
    let pipelines = on_platform(tx, provider)?;
    let mut taken = TakenIn::default();
    for found in found {
        match record::sight(tx, provider, &pipelines, found, now)? {
            Sight::New(run) => taken.to_read.push(*run),
            Sight::GoesOn(run) => {
                // Nobody else follows it: until it was read, it is not known to go on.
                noted.hold(found);
                taken.to_read.push(*run);
            }
            Sight::Held => noted.hold(found),
            Sight::Known | Sight::Passed => {}
        }
    }
    Ok(taken)
}

#[async_trait]
impl Ledger for StoreLedger {
    async fn release(&self, _: Timestamp) -> Result<(), StoreError> {
        self.store.write(|tx| tx.release_leases().map(|_| ())).await
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Operation>, StoreError> {
        let now = claim.now;
        // Most looks find nothing: those cost no commit.
        let due = self.store.read(|state| state.next_due()).await?;
        if due.is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        self.store.write(move |tx| tx.claim_operations(&claim)).await
    }

    async fn job(&self, id: OperationId) -> Result<Job, StoreError> {
        self.store
            .read(move |state| {
                let operation = state.operation(id)?;
                let payload = Payload::of(&operation);
                let run = operation.run.map(|run| state.run(run)).transpose()?;
                let pipeline = pipeline(state, run.as_ref(), &payload)?;
                let platform_pipeline = match (&run, &payload.external_ref) {
                    (_, Some(pinned)) => pinned.clone(),
                    (Some(run), None) => platform_pipeline(state, run)?,
                    (None, None) => pipeline
                        .as_ref()
                        .map(|pipeline| pipeline.external_ref.clone().unwrap_or_else(|| pipeline.id.to_string()))
                        .unwrap_or_default(),
                };
                Ok(Job { provider: state.provider(operation.provider)?, run, pipeline, platform_pipeline, operation })
            })
            .await
    }

    async fn mark_sent(&self, operation: &Operation, now: Timestamp) -> Result<Option<Operation>, StoreError> {
        let claimed = operation.clone();
        self.store
            .write(move |tx| {
                let current = tx.operation(claimed.id)?;
                let ours = matches!(current.state, OperationState::Claimed | OperationState::Sent);
                if !ours || current.version != claimed.version {
                    return Ok(None);
                }
                let mut payload = Payload::of(&claimed);
                payload.looks = 0;
                match record::sent(Operation { payload: payload.json(), ..current.clone() }, now) {
                    Ok(sent) => record::change(tx, &current, sent, now).map(Some),
                    Err(error) => {
                        tracing::error!(operation = %current.id, %error, "an operation cannot be sent");
                        Ok(None)
                    }
                }
            })
            .await
    }

    async fn settle(&self, operation: &Operation, verdict: Verdict, now: Timestamp) -> Result<bool, StoreError> {
        let (operation, heartbeat) = (operation.clone(), now.plus_millis(self.heartbeat));
        self.store.write(move |tx| record::settle(tx, &operation, verdict, heartbeat, now)).await
    }

    async fn observe(
        &self,
        run: RunId,
        seen: SeenRun,
        missing: Vec<MissingLog>,
        now: Timestamp,
    ) -> Result<Run, StoreError> {
        self.store
            .write(move |tx| {
                let before = tx.run(run)?;
                let after = record::observe(tx, &before, seen, Standing::Truth, now)?.0;
                // What was over before was told of then.
                if !before.status.state.is_terminal() {
                    for MissingLog { job, reason } in missing {
                        let data = event::log_incomplete(&after, job.as_deref(), &reason);
                        record::run_event(tx, &after, EventKind::LogIncomplete, data, now)?;
                    }
                }
                Ok(after)
            })
            .await
    }

    async fn ticket(&self, run: RunId, ticket: Ticket, now: Timestamp) -> Result<Run, StoreError> {
        self.store
            .write(move |tx| {
                let run = tx.run(run)?;
                record::ticket(tx, &run, ticket, now)
            })
            .await
    }

    async fn lose_silent(&self, now: Timestamp) -> Result<Vec<RunId>, StoreError> {
        if self.store.read(move |state| state.silent_runs(now, 1)).await?.is_empty() {
            return Ok(Vec::new());
        }
        self.store
            .write(move |tx| {
                let mut lost = Vec::new();
                for run in tx.silent_runs(now, SILENT)? {
                    if record::lose(tx, run.id, now)? {
                        lost.push(run.id);
                    }
                }
                Ok(lost)
            })
            .await
    }

    async fn lose(&self, run: RunId, now: Timestamp) -> Result<bool, StoreError> {
        self.store.write(move |tx| record::lose(tx, run, now)).await
    }

    async fn active_runs(&self, provider: ProviderId) -> Result<Vec<Run>, StoreError> {
        self.store.read(move |state| state.active_runs(provider, ACTIVE)).await
    }

    async fn providers(&self) -> Result<Vec<Provider>, StoreError> {
        self.store
            .read(|state| {
                let mut all = Vec::new();
                let mut page = Page::first(Page::MOST);
                loop {
                    let listing = state.providers(&page)?;
                    all.extend(listing.items);
                    match listing.next {
                        Some(next) => page.after = Some(next),
                        None => return Ok(all),
                    }
                }
            })
            .await
    }

    async fn platform_pipeline(&self, run: &Run) -> Result<String, StoreError> {
        let run = run.clone();
        self.store.read(move |state| platform_pipeline(state, &run)).await
    }

    async fn watched(&self, provider: ProviderId) -> Result<(Vec<String>, Noted), StoreError> {
        self.store
            .read(move |state| {
                let mut pipelines: Vec<_> = on_platform(state, provider)?.into_keys().collect();
                pipelines.sort_unstable();
                Ok((pipelines, noted(state, provider)?))
            })
            .await
    }

    async fn hinted(&self, provider: ProviderId) -> Result<Vec<(Hint, Option<Run>)>, StoreError> {
        self.store
            .read(move |state| {
                let known = |hint: Hint| {
                    let run = record::known(state, provider, &hint.pipeline, &hint.run)?;
                    Ok((hint, run))
                };
                state.hints(provider, HINTS)?.into_iter().map(known).collect()
            })
            .await
    }

    async fn looked_at(&self, provider: ProviderId, hint: Hint, found: bool) -> Result<Option<u32>, StoreError> {
        self.store
            .write(move |tx| {
                let run = record::known(tx, provider, &hint.pipeline, &hint.run)?;
                let goes_on = run.is_some_and(|run| !run.status.state.is_terminal());
                if found && goes_on && hint.looks + 1 < LOOKS {
                    tx.keep_hint(provider, &hint)?;
                    return Ok(Some(hint.looks + 1));
                }
                tx.drop_hint(provider, &hint)?;
                Ok(None)
            })
            .await
    }

    async fn take_in(
        &self,
        provider: ProviderId,
        found: Vec<FoundRun>,
        mut noted: Noted,
        now: Timestamp,
    ) -> Result<TakenIn, StoreError> {
        self.store
            .write(move |tx| {
                let taken = take_in(tx, provider, &found, &mut noted, now)?;
                tx.put_sightings(provider, &serde_json::to_string(&noted).unwrap_or_default())?;
                Ok(taken)
            })
            .await
    }

    async fn take_in_one(&self, provider: ProviderId, found: FoundRun, now: Timestamp) -> Result<TakenIn, StoreError> {
        self.store
            .write(move |tx| {
                let before = noted(tx, provider)?;
                let mut after = before.clone();
                let taken = take_in(tx, provider, std::slice::from_ref(&found), &mut after, now)?;
                if after != before {
                    tx.put_sightings(provider, &serde_json::to_string(&after).unwrap_or_default())?;
                }
                Ok(taken)
            })
            .await
    }

    async fn artifacts(
        &self,
        run: RunId,
        attempt: u32,
        found: Vec<RemoteArtifact>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.store
            .write(move |tx| {
                for found in found {
                    if !tx.has_platform_artifact(run, attempt, &found.id)? {
                        tx.insert_artifact(&record::platform_artifact(run, attempt, found, now))?;
                    }
                }
                Ok(())
            })
            .await
    }

    async fn trigger_of(&self, run: RunId) -> Result<Option<Operation>, StoreError> {
        self.store.read(move |state| record::trigger_of(state, run)).await
    }
}
