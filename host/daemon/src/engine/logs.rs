//! Copies the logs of polled runs, in pieces that the plugin reads or as the host streams them by the plugin's plan.

mod plan;

use std::time::Duration;

use async_trait::async_trait;
use novacron_cicd_domain::{
    Retry, Timestamp,
    id::RunId,
    platform::{CallError, LogAnswer, LogRequest, RunRef},
    provider::Provider,
    run::{Graph, Run},
};
use tokio_util::sync::CancellationToken;

use super::{Inner, poll::Looked, ports::Call};

/// Where the log of a polled run goes.
#[async_trait]
pub trait LogSink: Send + Sync + 'static {
    /// Where the copy ended; none where it is complete.
    async fn position(&self, run: RunId, attempt: u32, job: Option<&str>) -> Result<Option<Copied>, Fault>;
    /// Adds to it.
    async fn copy(&self, run: RunId, attempt: u32, job: Option<&str>, piece: Piece) -> Result<(), Fault>;
}

/// Why a log was not copied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It may go better a little later, not before this time.
    #[error("{0}")]
    Passing(String, Option<Duration>),
    /// It will not.
    #[error("{0}")]
    Lasting(String),
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        match error.retry() {
            Retry::Safe(wait) => Self::Passing(error.to_string(), wait.map(Duration::from_millis)),
            _ => Self::Lasting(error.to_string()),
        }
    }
}

/// A log of a run that has ended, not all of which could be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingLog {
    /// none: the run's own.
    pub job: Option<String>,
    /// Why.
    pub reason: String,
}

/// Where a copy ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// For the next read; none: from the beginning.
    pub cursor: Option<String>,
    /// Bytes that were taken of the answer which that cursor leads to, where it broke off.
    pub taken: u64,
}

/// What is added to a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// As the platform has them.
    pub bytes: Vec<u8>,
    /// Where the copy ends then.
    pub at: Copied,
    /// The platform begins again.
    pub reset: bool,
    /// Nothing more will come.
    pub complete: bool,
    /// When it was read.
    pub now: Timestamp,
}

/// At most so many answers about one log in one look, so that one chatty job does not hold up all others.
const ANSWERS: usize = 16;
/// The same at the end of its run, where all of it is wanted: what has the most bytes that a log can have needs no more. A
/// plugin that says for ever that there is more holds up no end.
pub(super) const ANSWERS_AT_END: usize = 8192;
/// So long after its end a run is waited for whose log cannot be read just now, in milliseconds.
const PATIENCE: i64 = 10 * 60 * 1000;
/// So much is asked for at once, in bytes.
const PIECE: u32 = 256 * 1024;

/// What became of the copies of a run's logs.
#[derive(Default)]
pub(super) struct CopiedAll {
    /// Whether there was anything new.
    pub(super) new: bool,
    faults: Vec<(Option<String>, Fault)>,
}

impl CopiedAll {
    /// Of a run that has ended, before its end is written: what is missing for good. An error: the end is to wait.
    pub(super) fn at_end(self, ended: Option<Timestamp>, now: Timestamp) -> Result<Vec<MissingLog>, Looked> {
        let soon = ended.is_some_and(|ended| now.since(ended) < PATIENCE);
        let passing = self.faults.iter().filter_map(|(_, fault)| match fault {
            Fault::Passing(_, wait) => Some(*wait),
            Fault::Lasting(_) => None,
        });
        match passing.max() {
            Some(wait) if soon => Err(Looked::put_off(wait)),
            _ => {
                let missing = |(job, fault): (Option<String>, Fault)| MissingLog { job, reason: fault.to_string() };
                Ok(self.faults.into_iter().map(missing).collect())
            }
        }
    }
}

pub(super) async fn copy_all(
    inner: &Inner,
    provider: &Provider,
    (run, graph): (&Run, Option<&Graph>),
    reference: &RunRef,
    cancel: &CancellationToken,
    ends: bool,
) -> CopiedAll {
    let mut copied = CopiedAll::default();
    let Some(sink) = &inner.world.logs else { return copied };
    if !inner.world.providers.supports(provider, "logs") {
        return copied;
    }
    let jobs: Vec<Option<&str>> = match graph {
        Some(graph) if !graph.jobs.is_empty() => graph.jobs.iter().map(|job| Some(job.id.as_str())).collect(),
        _ => vec![None],
    };
    for job in jobs {
        let copy = Copy { inner, sink: sink.as_ref(), run, job };
        match copy.go_on(inner.call(provider, "engine", cancel), reference, ends).await {
            Ok(new) => copied.new |= new,
            Err(fault) => {
                tracing::warn!(run = %run.id, job, error = %fault, "a log cannot be copied");
                copied.faults.push((job.map(Into::into), fault));
            }
        }
    }
    copied
}

/// The copy of one log.
struct Copy<'a> {
    inner: &'a Inner,
    sink: &'a dyn LogSink,
    run: &'a Run,
    job: Option<&'a str>,
}

impl Copy<'_> {
    async fn write(&self, bytes: Vec<u8>, at: Copied, reset: bool, complete: bool) -> Result<(), Fault> {
        let piece = Piece { bytes, at, reset, complete, now: self.inner.now() };
        self.sink.copy(self.run.id, self.run.attempt, self.job, piece).await
    }

    async fn go_on(&self, call: Call, reference: &RunRef, ends: bool) -> Result<bool, Fault> {
        let position = self.sink.position(self.run.id, self.run.attempt, self.job).await?;
        let Some(mut copied) = position else { return Ok(false) };
        let mut new = false;
        let most = if ends { ANSWERS_AT_END } else { ANSWERS };
        for _ in 0..most {
            let request = LogRequest {
                run: reference.clone(),
                job: self.job.map(Into::into),
                cursor: copied.cursor.clone(),
                limit: PIECE,
            };
            let answer = self.inner.world.providers.read_log(call.clone(), request).await;
            let chunk = match answer? {
                LogAnswer::Chunk(chunk) => chunk,
                LogAnswer::Plan(plan) => {
                    let begun_anew = copied != Copied::default();
                    new |= plan::stream(self, call.clone(), &mut copied, plan).await?;
                    if begun_anew && copied == Copied::default() {
                        continue;
                    }
                    return Ok(new);
                }
            };
            let complete = chunk.availability.is_final() && !chunk.more_now;
            let at = Copied { cursor: Some(chunk.next), taken: 0 };
            if chunk.bytes.is_empty() && !complete && at == copied {
                return Ok(new);
            }
            new |= !chunk.bytes.is_empty();
            copied = at.clone();
            self.write(chunk.bytes, at, chunk.reset, complete).await?;
            if complete || !chunk.more_now {
                return Ok(new);
            }
        }
        match ends {
            true => Err(Fault::Lasting(format!("after {most} reads the plugin still says that there is more"))),
            false => Ok(new),
        }
    }
}
