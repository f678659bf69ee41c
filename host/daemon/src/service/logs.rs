//! Logs: read from an offset, followed to their end.

use std::{sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use novacron_cicd_domain::{event::EventKind, id::RunId};
use novacron_cicd_store::EventFilter;

pub use crate::log::{LogChunk, LogStream};

use super::{ServiceError, host::Host};
use crate::log::{Follower, LogKey};

/// What runs wrote.
#[derive(Clone)]
pub struct Logs {
    pub(super) host: Arc<Host>,
}

/// How long after a run's end its last words may still come, where nobody closed the log.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Logs {
    /// The logs of a run's attempt (none: the current one) and how far they are.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn streams(&self, run: RunId, attempt: Option<u32>) -> Result<Vec<LogStream>, ServiceError> {
        let attempt = self.attempt(run, attempt).await?;
        Ok(self.host.logs.streams(run, attempt).await?)
    }

    /// At most `limit` bytes from `offset`; `job` none: the log of the run itself. A log that is not there yet is empty.
    ///
    /// # Errors
    /// An offset behind the end.
    pub async fn read(
        &self,
        run: RunId,
        attempt: Option<u32>,
        job: Option<&str>,
        offset: u64,
        limit: u32,
    ) -> Result<LogChunk, ServiceError> {
        let key = self.key(run, attempt, job).await?;
        Ok(self.host.logs.read(&key, offset, limit).await?)
    }

    /// From `offset` to the end, live. It ends after the chunk that is `complete`: the log was closed, or its run is
    /// over and its last words had their time.
    ///
    /// # Errors
    /// An offset behind the end.
    pub async fn follow(
        &self,
        run: RunId,
        attempt: Option<u32>,
        job: Option<&str>,
        offset: u64,
    ) -> Result<BoxStream<'static, Result<LogChunk, ServiceError>>, ServiceError> {
        let key = self.key(run, attempt, job).await?;
        let after = self.host.store.read(|state| state.last_event_seq()).await?;
        let follower = self.host.logs.follow(&key, offset).await?;
        let filter =
            EventFilter { kind: Some(EventKind::RunState.as_str().into()), run: Some(run), ..EventFilter::default() };
        let events = crate::event::subscribe(&self.host.store, filter, after).boxed();
        let reader = Reader { host: self.host.clone(), key, follower, events: events.map(|_| ()).boxed(), over: false };
        Ok(stream::unfold(Some(reader), |reader| async move {
            let mut reader = reader?;
            let chunk = reader.next().await;
            let goes_on = matches!(&chunk, Ok(chunk) if !chunk.complete);
            Some((chunk, goes_on.then_some(reader)))
        })
        .boxed())
    }

    async fn key(&self, run: RunId, attempt: Option<u32>, job: Option<&str>) -> Result<LogKey, ServiceError> {
        Ok(LogKey { run, attempt: self.attempt(run, attempt).await?, job: job.map(Into::into) })
    }

    async fn attempt(&self, run: RunId, attempt: Option<u32>) -> Result<u32, ServiceError> {
        let current = self.host.read(move |state| Ok(state.run(run)?.attempt)).await?;
        match attempt {
            Some(attempt) if attempt == 0 || attempt > current => {
                Err(ServiceError::not_found("attempt", format!("{attempt} of run {run}")))
            }
            attempt => Ok(attempt.unwrap_or(current)),
        }
    }
}

struct Reader {
    host: Arc<Host>,
    key: LogKey,
    follower: Follower,
    /// Something may have become of the run.
    events: BoxStream<'static, ()>,
    /// The run, or this attempt of it, is over.
    over: bool,
}

impl Reader {
    async fn next(&mut self) -> Result<LogChunk, ServiceError> {
        loop {
            if !self.over {
                let run = self.key.run;
                let run = self.host.read(move |state| Ok(state.run(run)?)).await?;
                self.over = run.status.state.is_terminal() || run.attempt > self.key.attempt;
            }
            if self.over {
                return match tokio::time::timeout(LAST_WORDS, self.follower.next()).await {
                    Ok(chunk) => Ok(chunk?),
                    Err(_) => Ok(LogChunk { bytes: Vec::new(), next: self.follower.offset(), complete: true }),
                };
            }
            tokio::select! {
                chunk = self.follower.next() => return Ok(chunk?),
                _ = self.events.next() => {}
            }
        }
    }
}
