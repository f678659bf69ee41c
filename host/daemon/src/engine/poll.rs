//! Follows runs of providers that have to be asked: each provider at its own pace, quick while something changes, slow
//! while nothing does, never before the platform's own rate limit allows it. Copies their logs by cursor.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use novacron_cicd_domain::{
    Retry, Timestamp,
    id::{ProviderId, RunId},
    platform::{CallError, LogAnswer, LogAvailability, LogRequest, RunRef},
    provider::Provider,
    run::{Graph, Run},
};
use novacron_cicd_store::StoreError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    Inner, discover,
    ports::{Call, Reporting},
    tickets,
};

/// Where the log of a polled run goes.
#[async_trait]
pub trait LogSink: Send + Sync + 'static {
    /// Where the copy ended; none where it is complete.
    async fn position(&self, run: RunId, attempt: u32, job: Option<&str>) -> Result<Option<Copied>, String>;
    /// Adds to it.
    async fn copy(&self, run: RunId, attempt: u32, job: Option<&str>, piece: Piece) -> Result<(), String>;
}

/// Where a copy ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// For the next read; none: nothing was read yet.
    pub cursor: Option<String>,
}

/// What is added to a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// As the platform has them.
    pub bytes: Vec<u8>,
    /// For the next read.
    pub cursor: String,
    /// The platform begins again.
    pub reset: bool,
    /// Nothing more will come.
    pub complete: bool,
    /// When it was read.
    pub now: Timestamp,
}

/// What one look at a platform came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looked {
    changed: bool,
    active: bool,
    /// The platform wants to be left alone for so long.
    wait: Option<Duration>,
    /// It makes no sense to look further now.
    stop: bool,
}

impl Looked {
    pub(super) fn same() -> Self {
        Self::at(false)
    }

    pub(super) fn at(changed: bool) -> Self {
        Self { changed, active: true, ..Self::default() }
    }

    pub(super) fn unreadable(error: &StoreError) -> Self {
        tracing::error!(%error, "a run cannot be followed");
        Self { active: true, stop: true, ..Self::default() }
    }

    pub(super) fn failed(provider: &Provider, error: &CallError) -> Self {
        tracing::warn!(provider = %provider.name, %error, "a run cannot be read");
        let wait = match error.retry() {
            Retry::Safe(Some(millis)) => Some(Duration::from_millis(millis)),
            _ => None,
        };
        Self { changed: false, active: true, wait, stop: wait.is_some() }
    }

    fn and(&mut self, other: Self) {
        self.changed |= other.changed;
        self.active |= other.active;
        self.wait = self.wait.max(other.wait);
        self.stop |= other.stop;
    }
}

struct Beat {
    due: Timestamp,
    /// Not before, whoever asks.
    quiet_until: Timestamp,
    interval: Duration,
    /// When to look for runs of others, where that is not cheap.
    wide: Timestamp,
    looking: bool,
}

/// Until the engine stops.
pub(super) async fn follow(inner: Arc<Inner>) {
    let mut beats: HashMap<ProviderId, Beat> = HashMap::new();
    let mut tasks: JoinSet<(ProviderId, Looked)> = JoinSet::new();
    let (shortest, longest) = inner.config.poll;
    while !inner.stopping.is_cancelled() {
        let poked = inner.poke.notified();
        tokio::pin!(poked);
        poked.as_mut().enable();
        let now = inner.now();
        for provider in inner.in_flight.take_pokes() {
            if let Some(beat) = beats.get_mut(&provider) {
                beat.due = now;
                beat.interval = shortest;
            }
        }
        match inner.world.ledger.providers().await {
            Ok(providers) => {
                for provider in providers {
                    if inner.world.providers.reporting(&provider) == Reporting::Callback {
                        continue;
                    }
                    let beat = beats.entry(provider.id).or_insert(Beat {
                        due: now,
                        quiet_until: now,
                        interval: shortest,
                        wide: now,
                        looking: false,
                    });
                    if !beat.looking && beat.due <= now && beat.quiet_until <= now {
                        beat.looking = true;
                        let wide = beat.wide <= now;
                        if wide {
                            beat.wide = now.plus_millis(millis(longest));
                        }
                        let inner = inner.clone();
                        tasks.spawn(async move { (provider.id, Box::pin(look(&inner, &provider, wide)).await) });
                    }
                }
            }
            Err(error) => tracing::error!(%error, "providers cannot be listed"),
        }
        let waiting = beats.values().filter(|beat| !beat.looking).map(|beat| beat.due.max(beat.quiet_until)).min();
        let latest = now.plus_millis(millis(longest));
        let until = waiting.unwrap_or(latest).clamp(now.plus_millis(50), latest);
        tokio::select! {
            () = &mut poked => {}
            Some(ended) = tasks.join_next() => {
                let Ok((provider, looked)) = ended else { continue };
                let Some(beat) = beats.get_mut(&provider) else { continue };
                beat.looking = false;
                beat.interval = match (looked.active, looked.changed) {
                    (_, true) => shortest,
                    (true, false) => (beat.interval * 3 / 2).min(longest),
                    (false, false) => longest,
                };
                let now = inner.now();
                beat.due = now.plus_millis(millis(beat.interval));
                beat.quiet_until = now.plus_millis(looked.wait.map_or(0, millis));
            }
            () = inner.world.clock.sleep_until(until) => {}
            () = inner.stopping.cancelled() => {}
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

async fn look(inner: &Inner, provider: &Provider, wide: bool) -> Looked {
    let cancel = inner.cut.child_token();
    let runs = match inner.world.ledger.active_runs(provider.id).await {
        Ok(runs) => runs,
        Err(error) => return Looked::unreadable(&error),
    };
    let mut looked = Looked::default();
    for run in runs {
        if looked.stop || inner.stopping.is_cancelled() {
            break;
        }
        looked.and(match &run.external_id {
            Some(external) => read(inner, provider, &run, external, &cancel).await,
            None => match inner.world.ledger.trigger_of(run.id).await {
                // Not sent, or open: that is the worker's.
                Ok(Some(trigger)) if !trigger.state.is_settled() => Looked::same(),
                Ok(_) => tickets::resolve(inner, provider, &run, &cancel).await,
                Err(error) => Looked::unreadable(&error),
            },
        });
    }
    // After ours: what can be known of those is known then.
    if looked.stop || inner.stopping.is_cancelled() || !(wide || discover::is_cheap(inner, provider)) {
        return looked;
    }
    let (seen, to_read) = discover::discover(inner, provider, &cancel).await;
    looked.and(seen);
    for run in to_read {
        looked.changed = true;
        if let Some(external) = &run.external_id {
            looked.and(read(inner, provider, &run, external, &cancel).await);
        }
    }
    looked
}

async fn read(inner: &Inner, provider: &Provider, run: &Run, external: &str, cancel: &CancellationToken) -> Looked {
    let pipeline = match inner.world.ledger.platform_pipeline(run).await {
        Ok(pipeline) => pipeline,
        Err(error) => return Looked::unreadable(&error),
    };
    let reference = RunRef { pipeline, run: external.to_owned(), attempt: None };
    let call = inner.call(provider, "engine", cancel);
    let found = match inner.world.providers.run(call, reference.clone()).await {
        Ok(found) => found,
        Err(error) => return Looked::failed(provider, &error),
    };
    let ends = found.run.status.as_ref().is_some_and(|status| status.state.is_terminal());
    if ends {
        // Before the end is written: who sees the end finds the log whole.
        copy_logs(inner, provider, (run, found.run.graph.as_ref()), &reference, cancel, ends).await;
    }
    let after = match inner.world.ledger.observe(run.id, found.run, inner.now()).await {
        Ok(after) => after,
        Err(error) => return Looked::unreadable(&error),
    };
    let mut looked = Looked::at(after.version != run.version);
    if !ends {
        looked.changed |= copy_logs(inner, provider, (&after, after.graph.as_ref()), &reference, cancel, ends).await;
    }
    looked
}

/// At most so many pieces of one log in one look, so that one chatty job does not hold up all others.
const PIECES: usize = 16;
const PIECE: u32 = 256 * 1024;

/// Whether there was anything new.
async fn copy_logs(
    inner: &Inner,
    provider: &Provider,
    (run, graph): (&Run, Option<&Graph>),
    reference: &RunRef,
    cancel: &CancellationToken,
    ends: bool,
) -> bool {
    let Some(sink) = &inner.world.logs else { return false };
    if !inner.world.providers.supports(provider, "logs") {
        return false;
    }
    let jobs: Vec<Option<String>> = match graph {
        Some(graph) if !graph.jobs.is_empty() => graph.jobs.iter().map(|job| Some(job.id.clone())).collect(),
        _ => vec![None],
    };
    let mut new = false;
    for job in jobs {
        let call = inner.call(provider, "engine", cancel);
        match copy_log(inner, call, sink.as_ref(), run, reference, job.as_deref(), ends).await {
            Ok(copied) => new |= copied,
            Err(error) => tracing::warn!(run = %run.id, job = job.as_deref(), %error, "a log cannot be copied"),
        }
    }
    new
}

async fn copy_log(
    inner: &Inner,
    call: Call,
    sink: &dyn LogSink,
    run: &Run,
    reference: &RunRef,
    job: Option<&str>,
    ends: bool,
) -> Result<bool, String> {
    let Some(mut copied) = sink.position(run.id, run.attempt, job).await? else { return Ok(false) };
    let mut new = false;
    let most = if ends { usize::MAX } else { PIECES };
    for _ in 0..most {
        let request = LogRequest {
            run: reference.clone(),
            job: job.map(Into::into),
            cursor: copied.cursor.clone(),
            limit: PIECE,
        };
        let answer = inner.world.providers.read_log(call.clone(), request).await.map_err(|error| error.to_string())?;
        let chunk = match answer {
            LogAnswer::Chunk(chunk) => chunk,
            LogAnswer::Plan(plan) => {
                return Err(format!(
                    "the log is to be streamed from {}, which this host does not do",
                    plan.transfer.summary()
                ));
            }
        };
        let complete =
            matches!(chunk.availability, LogAvailability::Complete | LogAvailability::Never | LogAvailability::Expired)
                && !chunk.more_now;
        let nothing = chunk.bytes.is_empty() && !complete && copied.cursor.as_deref() == Some(chunk.next.as_str());
        if nothing {
            break;
        }
        new |= !chunk.bytes.is_empty();
        copied.cursor = Some(chunk.next.clone());
        let piece = Piece { bytes: chunk.bytes, cursor: chunk.next, reset: chunk.reset, complete, now: inner.now() };
        sink.copy(run.id, run.attempt, job, piece).await?;
        if complete || !chunk.more_now {
            break;
        }
    }
    Ok(new)
}
