//! `novacron-cicd run logs`: one log as it is, or all of them with their jobs' ids in front.

use std::{collections::BTreeMap, io::Write as _, time::Duration};

use futures_util::StreamExt as _;
use novacron_cicd_domain::id::RunId;
use reqwest::Method;
use tokio::sync::mpsc;

use super::{
    CliError, Exit,
    client::{self, Client},
    output::Output,
    run::Logs,
};
use crate::api::{
    List,
    logs::{LogView, NEXT_OFFSET},
    run_view::RunDetail,
};

/// How often a run is asked for logs that are new.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Which log of a run.
#[derive(Clone, Debug)]
struct Which {
    run: RunId,
    job: Option<String>,
    attempt: Option<u32>,
}

impl Which {
    fn path(&self, offset: u64, follow: bool) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("offset", &offset.to_string());
        if let Some(job) = &self.job {
            query.append_pair("job", job);
        }
        if let Some(attempt) = self.attempt {
            query.append_pair("attempt", &attempt.to_string());
        }
        if follow {
            query.append_pair("follow", "true");
        }
        format!("/v1/runs/{}/logs?{}", self.run, query.finish())
    }
}

pub(super) async fn run(wanted: &Logs, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let which = Which { run: wanted.id, job: wanted.job.clone(), attempt: wanted.attempt };
    let raw = |bytes: &[u8]| write(bytes);
    if wanted.job.is_some() || wanted.offset.is_some() {
        let offset = wanted.offset.unwrap_or(0);
        return one(client, &which, offset, wanted.follow, raw).await.map(|()| Exit::Ok);
    }
    if wanted.follow {
        return follow_all(client, &which).await;
    }
    let logs = list(client, &which).await?;
    for log in logs {
        let which = Which { job: log.job.clone(), ..which.clone() };
        let mut lines = Lines::new(log.job.as_deref());
        one(client, &which, 0, false, |bytes| write(&lines.push(bytes))).await?;
        write(&lines.finish())?;
    }
    out.write("")
}

async fn list(client: &Client, which: &Which) -> Result<Vec<LogView>, CliError> {
    let attempt = which.attempt.map(|attempt| format!("?attempt={attempt}")).unwrap_or_default();
    Ok(client.get::<List<LogView>>(&format!("/v1/runs/{}/logs/list{attempt}", which.run)).await?.typed.items)
}

/// One log to its end: to where it is now, or until it is complete.
async fn one(
    client: &Client,
    which: &Which,
    mut offset: u64,
    follow: bool,
    mut give: impl FnMut(&[u8]) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut broken = 0;
    loop {
        let response = match client.send(client.request(Method::GET, &which.path(offset, follow))).await {
            Ok(response) => response,
            Err(CliError::Unreachable { .. } | CliError::BrokenOff { .. }) if follow && broken < 50 => {
                broken += 1;
                tokio::time::sleep(Duration::from_millis(300)).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let header = |name| response.headers().get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        let next = header(&NEXT_OFFSET).and_then(|value| value.parse::<u64>().ok());
        let before = offset;
        let mut stream = response.bytes_stream();
        let mut whole = true;
        while let Some(bytes) = stream.next().await {
            match bytes {
                Ok(bytes) => {
                    broken = 0;
                    offset += bytes.len() as u64;
                    give(&bytes)?;
                }
                // The daemon went away: go on where it stopped.
                Err(_) if follow => {
                    whole = false;
                    break;
                }
                Err(error) => return Err(CliError::BrokenOff { reason: client::reason(&error) }),
            }
        }
        let more = next.is_some_and(|next| next > before);
        if (follow && whole) || (!follow && !more) {
            return Ok(());
        }
    }
}

/// All logs of a run, as they come into being, until the run has ended and every log is complete.
async fn follow_all(client: &Client, which: &Which) -> Result<Exit, CliError> {
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(64);
    let mut followed: BTreeMap<Option<String>, ()> = BTreeMap::new();
    let mut tasks = futures_util::stream::FuturesUnordered::new();
    let mut ended = false;
    loop {
        // The run is looked at before its logs: a log that appears after that is found by the next look.
        let run = client.get::<RunDetail>(&format!("/v1/runs/{}", which.run)).await;
        let logs = list(client, which).await;
        match (run, logs) {
            (Ok(run), Ok(logs)) => {
                ended = run.typed.run.status.state.is_terminal() || which.attempt.is_some();
                for log in logs {
                    if followed.insert(log.job.clone(), ()).is_none() {
                        let which = Which { job: log.job.clone(), ..which.clone() };
                        tasks.push(follow_one(client, which, log.job, sender.clone()));
                    }
                }
            }
            (Err(CliError::Unreachable { .. } | CliError::BrokenOff { .. }), _)
            | (_, Err(CliError::Unreachable { .. } | CliError::BrokenOff { .. })) => {}
            (Err(error), _) | (_, Err(error)) => return Err(error),
        }
        if ended && tasks.is_empty() {
            while let Ok(bytes) = receiver.try_recv() {
                write(&bytes)?;
            }
            return Ok(Exit::Ok);
        }
        let pause = tokio::time::sleep(LOOK_AGAIN);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                Some(bytes) = receiver.recv() => write(&bytes)?,
                Some(result) = tasks.next(), if !tasks.is_empty() => {
                    result?;
                    if tasks.is_empty() { break; }
                }
                () = &mut pause => break,
            }
        }
    }
}

async fn follow_one(
    client: &Client,
    which: Which,
    job: Option<String>,
    sender: mpsc::Sender<Vec<u8>>,
) -> Result<(), CliError> {
    let mut lines = Lines::new(job.as_deref());
    let mut waiting = Vec::new();
    let (own, mut pieces) = mpsc::channel::<Vec<u8>>(64);
    let read = async {
        let result = one(client, &which, 0, true, |bytes| {
            waiting.extend_from_slice(bytes);
            // What does not fit into the channel now goes with the next piece, or at the end.
            if let Ok(permit) = own.try_reserve() {
                permit.send(std::mem::take(&mut waiting));
            }
            Ok(())
        })
        .await;
        let _ = own.send(std::mem::take(&mut waiting)).await;
        drop(own);
        result
    };
    let pass = async {
        while let Some(bytes) = pieces.recv().await {
            let _ = sender.send(lines.push(&bytes)).await;
        }
        let _ = sender.send(lines.finish()).await;
    };
    let (result, ()) = futures_util::future::join(read, pass).await;
    result
}

/// Puts a job's id in front of every line, whole lines only, so that logs that come together do not mix within one.
struct Lines {
    prefix: Option<String>,
    rest: Vec<u8>,
}

impl Lines {
    fn new(job: Option<&str>) -> Self {
        Self { prefix: job.map(|job| format!("{job} | ")), rest: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(prefix) = &self.prefix else { return bytes.to_vec() };
        self.rest.extend_from_slice(bytes);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let rest = self.rest.split_off(end + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        let mut out = Vec::with_capacity(whole.len() + 64);
        for line in whole.split_inclusive(|byte| *byte == b'\n') {
            out.extend_from_slice(prefix.as_bytes());
            out.extend_from_slice(line);
        }
        out
    }

    fn finish(&mut self) -> Vec<u8> {
        if self.rest.is_empty() { Vec::new() } else { self.push(b"\n") }
    }
}

/// The bytes as they are; a reader that has gone away ends nothing with an error.
fn write(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::io("write to stdout", error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_job_come_whole_and_named_however_they_are_cut() {
        let text = b"one\ntwo\n\nlast";
        for size in 1..=text.len() {
            let mut lines = Lines::new(Some("build"));
            let mut out: Vec<u8> = text.chunks(size).flat_map(|chunk| lines.push(chunk)).collect();
            out.extend(lines.finish());
            let out = String::from_utf8_lossy(&out);
            assert_eq!(out, "build | one\nbuild | two\nbuild | \nbuild | last\n", "in pieces of {size}");
        }
    }

    #[test]
    fn the_log_of_the_run_itself_is_not_touched() {
        let mut lines = Lines::new(None);
        assert_eq!(lines.push(b"a\nb"), b"a\nb");
        assert!(lines.finish().is_empty());
    }
}
