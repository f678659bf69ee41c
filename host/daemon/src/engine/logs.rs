//! Copies the logs of polled runs, in pieces that the plugin reads or as the host streams them by the plugin's plan.

mod plan;

use async_trait::async_trait;
use novacron_cicd_domain::{
    Timestamp,
    id::RunId,
    platform::{LogAnswer, LogRequest, RunRef},
    provider::Provider,
    run::{Graph, Run},
};
use tokio_util::sync::CancellationToken;

use super::{Inner, ports::Call};

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
/// So much is asked for at once, in bytes.
const PIECE: u32 = 256 * 1024;

/// Whether there was anything new.
pub(super) async fn copy_all(
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
    let jobs: Vec<Option<&str>> = match graph {
        Some(graph) if !graph.jobs.is_empty() => graph.jobs.iter().map(|job| Some(job.id.as_str())).collect(),
        _ => vec![None],
    };
    let mut new = false;
    for job in jobs {
        let copy = Copy { inner, sink: sink.as_ref(), run, job };
        match copy.go_on(inner.call(provider, "engine", cancel), reference, ends).await {
            Ok(copied) => new |= copied,
            Err(error) => tracing::warn!(run = %run.id, job, %error, "a log cannot be copied"),
        }
    }
    new
}

/// The copy of one log.
struct Copy<'a> {
    inner: &'a Inner,
    sink: &'a dyn LogSink,
    run: &'a Run,
    job: Option<&'a str>,
}

impl Copy<'_> {
    async fn write(&self, bytes: Vec<u8>, at: Copied, reset: bool, complete: bool) -> Result<(), String> {
        let piece = Piece { bytes, at, reset, complete, now: self.inner.now() };
        self.sink.copy(self.run.id, self.run.attempt, self.job, piece).await
    }

    async fn go_on(&self, call: Call, reference: &RunRef, ends: bool) -> Result<bool, String> {
        let position = self.sink.position(self.run.id, self.run.attempt, self.job).await?;
        let Some(mut copied) = position else { return Ok(false) };
        let mut new = false;
        let most = if ends { usize::MAX } else { ANSWERS };
        for _ in 0..most {
            let request = LogRequest {
                run: reference.clone(),
                job: self.job.map(Into::into),
                cursor: copied.cursor.clone(),
                limit: PIECE,
            };
            let answer = self.inner.world.providers.read_log(call.clone(), request).await;
            let chunk = match answer.map_err(|error| error.to_string())? {
                LogAnswer::Chunk(chunk) => chunk,
                LogAnswer::Plan(plan) => {
                    let begun_anew = copied != Copied::default();
                    new |= plan::stream(self, call.clone(), &mut copied, plan).await?;
                    if begun_anew && copied == Copied::default() {
                        continue;
                    }
                    break;
                }
            };
            let complete = chunk.availability.is_final() && !chunk.more_now;
            let at = Copied { cursor: Some(chunk.next), taken: 0 };
            if chunk.bytes.is_empty() && !complete && at == copied {
                break;
            }
            new |= !chunk.bytes.is_empty();
            copied = at.clone();
            self.write(chunk.bytes, at, chunk.reset, complete).await?;
            if complete || !chunk.more_now {
                break;
            }
        }
        Ok(new)
    }
}
