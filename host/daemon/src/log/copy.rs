//! Logs as the engine's sink for what it copies from platforms.

use async_trait::async_trait;
use novacron_cicd_domain::id::RunId;

use super::{LogError, LogKey, Logs, Resume};
use crate::engine::logs::{Copied, Fault, LogSink, Piece};

/// Stands in a log where its platform began it anew: what was read before stays, since offsets are for good.
const RESET: &[u8] = b"\n--- the platform began this log anew ---\n";

fn key(run: RunId, attempt: u32, job: Option<&str>) -> LogKey {
    LogKey { run, attempt, job: job.map(Into::into) }
}

/// A full disk is emptied; a log that is too large stays so.
fn fault(error: LogError) -> Fault {
    match error {
        LogError::TooLarge => Fault::Lasting(error.to_string()),
        _ => Fault::Passing(error.to_string(), None),
    }
}

#[async_trait]
impl LogSink for Logs {
    async fn position(&self, run: RunId, attempt: u32, job: Option<&str>) -> Result<Option<Copied>, Fault> {
        self.copied(&key(run, attempt, job)).await.map_err(fault)
    }

    async fn copy(&self, run: RunId, attempt: u32, job: Option<&str>, piece: Piece) -> Result<(), Fault> {
        let bytes = if piece.reset { [RESET, &piece.bytes].concat() } else { piece.bytes };
        let added = super::Piece {
            offset: None,
            bytes: bytes.into(),
            complete: piece.complete,
            token: None,
            at: Some(piece.at),
            now: piece.now,
        };
        match self.append(key(run, attempt, job), added).await {
            Ok(_) | Err(LogError::Complete) => Ok(()),
            Err(error) => Err(fault(error)),
        }
    }
}

impl Logs {
    async fn copied(&self, key: &LogKey) -> Result<Option<Copied>, LogError> {
        let stream = self.inner.stream(key).await?;
        if stream.position.borrow().complete {
            return Ok(None);
        }
        let mut writer = stream.writer.lock().await;
        let copied = match &*writer {
            Some(resume) => resume.copied.clone(),
            None => {
                let (resume, cleared): (Resume, Vec<u8>) = self.inner.resume(&stream, None, None).await?;
                let copied = resume.copied.clone();
                // What would be free to be shown is written with the next piece: only then may it be kept as state.
                if cleared.is_empty() {
                    *writer = Some(resume);
                }
                copied
            }
        };
        Ok(Some(copied))
    }
}
