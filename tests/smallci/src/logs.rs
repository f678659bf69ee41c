//! A job's log on its way to the host, by byte offset: nothing twice, nothing missing, whatever the host forgets in between.

use bytes::{Buf as _, Bytes, BytesMut};
use http::{Method, StatusCode};
use tokio::sync::mpsc;

use crate::{
    protocol::LogAnswer,
    report::{Content, Reporter},
};

/// At most this much is sent at once.
const LARGEST_PART: usize = 64 * 1024;
/// So many parts wait; then whoever writes waits too.
const WAITING_PARTS: usize = 64;
/// A gap that the host names again and again without taking anything is a fault.
const MOST_STANDSTILLS: u32 = 5;

/// Where a job writes its log.
#[derive(Clone)]
pub(crate) struct LogWriter(mpsc::Sender<Bytes>);

impl LogWriter {
    /// Waits while too much is on its way.
    pub(crate) async fn write(&self, bytes: impl Into<Bytes>) {
        // The shipper ends early only when the host will never take more; the build goes on without a log.
        let _ = self.0.send(bytes.into()).await;
    }

    pub(crate) async fn line(&self, line: impl Into<String>) {
        let mut line = line.into();
        line.push('\n');
        self.write(line).await;
    }
}

/// Ships what is written for `job`, until all writers are gone; then closes the log.
pub(crate) fn open(reporter: Reporter, job: &'static str) -> (LogWriter, tokio::task::JoinHandle<anyhow::Result<()>>) {
    let (sender, receiver) = mpsc::channel(WAITING_PARTS);
    (LogWriter(sender), tokio::spawn(ship(reporter, job, receiver)))
}

async fn ship(reporter: Reporter, job: &'static str, mut parts: mpsc::Receiver<Bytes>) -> anyhow::Result<()> {
    let mut offset = 0_u64;
    let mut unsent = BytesMut::new();
    let mut standstills = 0;
    loop {
        if unsent.is_empty() {
            match parts.recv().await {
                Some(part) => unsent.extend_from_slice(&part),
                None => break,
            }
        }
        while unsent.len() < LARGEST_PART
            && let Ok(part) = parts.try_recv()
        {
            unsent.extend_from_slice(&part);
        }
        let part = Bytes::copy_from_slice(&unsent[..unsent.len().min(LARGEST_PART)]);
        let next = send(&reporter, job, offset, part, false).await?;
        let taken = advance(offset, unsent.len(), next).inspect_err(|error| {
            reporter.shared().book.complain(format!("log of {job}: {error}"));
        })?;
        standstills = if taken == 0 { standstills + 1 } else { 0 };
        if standstills > MOST_STANDSTILLS {
            let sentence = format!("log of {job}: the host stands still at {offset}");
            reporter.shared().book.complain(sentence.clone());
            anyhow::bail!(sentence);
        }
        unsent.advance(taken);
        offset = next;
        reporter.shared().book.count(|tally| tally.log_bytes += taken as u64);
    }
    send(&reporter, job, offset, Bytes::new(), true).await?;
    Ok(())
}

/// How much of what is unsent the host has by now.
fn advance(offset: u64, unsent: usize, next: u64) -> anyhow::Result<usize> {
    let Some(taken) = next.checked_sub(offset) else {
        anyhow::bail!("the host wants byte {next} again, though it had acknowledged {offset}");
    };
    match usize::try_from(taken) {
        Ok(taken) if taken <= unsent => Ok(taken),
        _ => anyhow::bail!("the host says it has {next} bytes, though only {} were written", offset + unsent as u64),
    }
}

/// The offset from which the host wants more.
async fn send(reporter: &Reporter, job: &str, offset: u64, part: Bytes, complete: bool) -> anyhow::Result<u64> {
    let offset_text = offset.to_string();
    let mut query = vec![("offset", offset_text.as_str()), ("job", job)];
    if complete {
        query.push(("complete", "true"));
    }
    let said = reporter.send(Method::POST, &["logs"], &query, &Content::Raw(part)).await?;
    let answer: Option<LogAnswer> = serde_json::from_slice(&said.body).ok();
    let next = match said.status {
        StatusCode::CONFLICT => answer.and_then(|answer| answer.expected),
        status if status.is_success() => answer.and_then(|answer| answer.offset),
        _ => None,
    };
    next.ok_or_else(|| {
        let sentence = format!("log of {job} at {offset}: {} {}", said.status, String::from_utf8_lossy(&said.body));
        reporter.shared().book.complain(sentence.clone());
        anyhow::anyhow!(sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::advance;

    #[test]
    fn the_host_may_have_less_than_was_sent_but_never_less_than_it_acknowledged_nor_more_than_there_is() {
        let rows = [
            (10, 5, 10, Some(0)),
            (10, 5, 12, Some(2)),
            (10, 5, 15, Some(5)),
            (10, 5, 16, None),
            (10, 5, 9, None),
            (0, 0, 0, Some(0)),
        ];
        for (offset, unsent, next, wanted) in rows {
            assert_eq!(advance(offset, unsent, next).ok(), wanted, "{offset} {unsent} {next}");
        }
    }
}
