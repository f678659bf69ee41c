//! Adding to a log: masked, on the disk, counted, told; in this order.

use std::sync::Arc;

use bytes::Bytes;
use novacron_cicd_domain::{
    Timestamp,
    event::{self, EventKind},
    run::Run,
};
use novacron_cicd_store::{LogPosition, NewEvent};
use novacron_cicd_vault::Secret;

use super::{Inner, LogError, LogKey, Logs, MOST, Position, Resume, Stream, file};
use crate::engine::{fault::fault, logs::Copied};

/// What is added.
pub struct Piece {
    /// Where it begins, in bytes as they come in; none: at the end.
    pub offset: Option<u64>,
    /// As they come in.
    pub bytes: Bytes,
    /// Nothing more will come.
    pub complete: bool,
    /// The run's own callback token, which is masked like every secret.
    pub token: Option<Secret>,
    /// Where a copy from a platform stops.
    pub at: Option<Copied>,
    /// For the event.
    pub now: Timestamp,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// How far the log is.
    pub position: Position,
    /// Whether any of it was new.
    pub new: bool,
}

fn context(key: &LogKey) -> String {
    format!("log-carry:{}:{}:{}", key.run, key.attempt, key.job.as_deref().unwrap_or_default())
}

impl Logs {
    /// Adds a piece, where it joins on. A piece that begins before the end was had already, and adds nothing.
    ///
    /// # Errors
    /// [`LogError::Gap`] where one is missing, [`LogError::Complete`] where the log was closed.
    pub async fn append(&self, key: LogKey, piece: Piece) -> Result<Appended, LogError> {
        let logs = self.clone();
        // On its own, so that a sender that hangs up in the middle leaves file, position and memory in step.
        let task = tokio::spawn(async move { logs.add(&key, piece).await });
        task.await.unwrap_or_else(|error| Err(broken(error)))
    }

    async fn add(&self, key: &LogKey, piece: Piece) -> Result<Appended, LogError> {
        let stream = self.inner.stream(key).await?;
        let mut writer = stream.writer.lock().await;
        let before = *stream.position.borrow();
        let offset = piece.offset.unwrap_or(before.received);
        let same = Appended { position: before, new: false };
        if offset > before.received {
            return Err(LogError::Gap { expected: before.received, given: offset });
        }
        let had = offset < before.received || (before.complete && piece.bytes.is_empty());
        let closes = piece.complete && !before.complete && offset + piece.bytes.len() as u64 <= before.received;
        if had && !closes {
            return Ok(same);
        }
        let bytes = if had { Bytes::new() } else { piece.bytes };
        if before.complete {
            return Err(LogError::Complete);
        }
        if bytes.is_empty() && !piece.complete && piece.at.is_none() {
            return Ok(same);
        }
        if before.written.saturating_add(bytes.len() as u64) > MOST {
            return Err(LogError::TooLarge);
        }
        // While this is under way the state in memory is not to be trusted: if it ends early, it is read again.
        let (mut resume, mut shown) = self.inner.resume(&stream, writer.take(), piece.token.as_ref()).await?;
        if let Some(at) = piece.at {
            resume.copied = at;
        }
        shown.extend(resume.push(&bytes));
        let (carry, resume) = if piece.complete {
            shown.extend(resume.finish());
            (None, None)
        } else {
            (resume.store(), Some(resume))
        };
        let carry = match carry {
            Some(carry) => self.inner.vault.seal(&context(key), &carry)?,
            None => Vec::new(),
        };
        let after = Position {
            received: before.received + bytes.len() as u64,
            written: before.written + shown.len() as u64,
            complete: piece.complete,
        };
        self.inner.put(key, before.written, shown).await?;
        fault!("callback.log.before-commit");
        self.inner.commit(key, before.received, after, carry, piece.now).await?;
        *writer = resume;
        stream.position.send_replace(after);
        fault!("callback.log.after-commit");
        Ok(Appended { position: after, new: true })
    }
}

impl Inner {
    pub(super) async fn resume(
        &self,
        stream: &Stream,
        held: Option<Resume>,
        token: Option<&Secret>,
    ) -> Result<(Resume, Vec<u8>), LogError> {
        let masker = self.masker.load_full();
        if let Some(mut resume) = held {
            let cleared = resume.renew(token, masker);
            return Ok((resume, cleared));
        }
        let sealed = self.stored(&stream.key).await?.carry;
        let stored = match sealed.is_empty() {
            true => None,
            false => Some(self.vault.unseal(&context(&stream.key), &sealed)?),
        };
        Ok(Resume::open(stored.as_ref(), token, masker))
    }

    /// On the disk when it answers.
    async fn put(&self, key: &LogKey, at: u64, bytes: Vec<u8>) -> Result<(), LogError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let key = key.clone();
        let dir = self.dir.try_clone().map_err(|source| LogError::Io { file: ".".into(), source })?;
        tokio::task::spawn_blocking(move || file::write(&dir, &key, at, &bytes))
            .await
            .unwrap_or_else(|error| Err(broken(error)))
    }

    async fn commit(
        &self,
        key: &LogKey,
        before: u64,
        after: Position,
        carry: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), LogError> {
        let LogKey { run, attempt, job } = key.clone();
        let position =
            LogPosition { received: after.received, written: after.written, complete: after.complete, carry };
        self.store
            .write(move |tx| {
                tx.advance_log(run, attempt, job.as_deref(), before, &position)?;
                if position.complete {
                    // The event is about this log's attempt, which need not be the current one.
                    let of = Run { attempt, ..tx.run(run)? };
                    tx.append_event(&NewEvent {
                        at: now,
                        kind: EventKind::LogComplete.as_str().into(),
                        subject: run.to_string(),
                        run: Some(run),
                        pipeline: Some(of.pipeline),
                        data: event::log_complete(&of, job.as_deref(), position.written),
                    })?;
                }
                Ok::<_, LogError>(())
            })
            .await
    }
}

/// A task that did not come to its end.
pub(super) fn broken(error: tokio::task::JoinError) -> LogError {
    LogError::Io { file: "-".into(), source: std::io::Error::other(error) }
}

/// So that followers of one stream need not hold all logs.
pub(super) type Shared = Arc<Stream>;
