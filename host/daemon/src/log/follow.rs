//! Reading from an offset, and following to the end.

use futures_util::{Stream as Flow, stream};
use tokio::sync::watch;

use super::{
    Inner, LogChunk, LogError, LogKey, Logs, Position,
    append::{Shared, broken},
    file,
};

/// The most bytes in one chunk.
const CHUNK: u32 = 256 * 1024;

impl Inner {
    async fn chunk(&self, key: &LogKey, position: Position, offset: u64, limit: u32) -> Result<LogChunk, LogError> {
        if offset > position.written {
            return Err(LogError::BehindEnd { offset, written: position.written });
        }
        let dir = self.dir.try_clone().map_err(|source| LogError::Io { file: ".".into(), source })?;
        let (key, limit) = (key.clone(), u64::from(limit.clamp(1, 4 * 1024 * 1024)));
        let bytes = tokio::task::spawn_blocking(move || file::read(&dir, &key, offset, limit, position.written))
            .await
            .unwrap_or_else(|error| Err(broken(error)))?;
        let next = offset + bytes.len() as u64;
        Ok(LogChunk { bytes, next, complete: position.complete && next == position.written })
    }
}

/// Somebody who follows one log.
pub struct Follower {
    logs: Logs,
    stream: Shared,
    position: watch::Receiver<Position>,
    offset: u64,
}

impl Follower {
    /// The next chunk, as soon as there is one; it is empty only where it completes the log.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn next(&mut self) -> Result<LogChunk, LogError> {
        loop {
            let position = *self.position.borrow_and_update();
            let chunk = self.logs.inner.chunk(&self.stream.key, position, self.offset, CHUNK).await?;
            if !chunk.bytes.is_empty() || chunk.complete {
                self.offset = chunk.next;
                return Ok(chunk);
            }
            // The sender is in the stream that we hold.
            let _ = self.position.changed().await;
        }
    }

    /// Where the next chunk begins.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl Logs {
    /// At most `limit` bytes from `offset`.
    ///
    /// # Errors
    /// [`LogError::BehindEnd`].
    pub async fn read(&self, key: &LogKey, offset: u64, limit: u32) -> Result<LogChunk, LogError> {
        let position = self.position(key).await?;
        self.inner.chunk(key, position, offset, limit).await
    }

    /// From `offset` on; also of a log that is not there yet.
    ///
    /// # Errors
    /// [`LogError::BehindEnd`].
    pub async fn follow(&self, key: &LogKey, offset: u64) -> Result<Follower, LogError> {
        let stream = self.inner.stream(key).await?;
        let position = stream.position.subscribe();
        let written = position.borrow().written;
        if offset > written {
            return Err(LogError::BehindEnd { offset, written });
        }
        Ok(Follower { logs: self.clone(), stream, position, offset })
    }

    /// The same as a stream that ends after the chunk that completes the log.
    ///
    /// # Errors
    /// [`LogError::BehindEnd`].
    pub async fn chunks(
        &self,
        key: &LogKey,
        offset: u64,
    ) -> Result<impl Flow<Item = Result<LogChunk, LogError>> + Send + use<>, LogError> {
        let follower = self.follow(key, offset).await?;
        Ok(stream::unfold(Some(follower), |follower| async move {
            let mut follower = follower?;
            let chunk = follower.next().await;
            let goes_on = matches!(&chunk, Ok(chunk) if !chunk.complete);
            Some((chunk, goes_on.then_some(follower)))
        }))
    }
}
