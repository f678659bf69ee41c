//! `novacron-cicd run logs`: one log as it is, or all of them with their jobs' names in front.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    time::Duration,
};

use futures_util::StreamExt as _;
use novacron_cicd_domain::id::RunId;
use reqwest::Method;
use tokio::sync::mpsc;

use super::{
    CliError, Exit,
    client::{self, Client},
    output::{Format, Output},
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
    let names = RefCell::new(Names::default());
    if wanted.job.is_some() || wanted.offset.is_some() {
        let offset = wanted.offset.unwrap_or(0);
        if out.format == Format::Table {
            return one(client, &which, offset, wanted.follow, write).await.map(|()| Exit::Ok);
        }
        look(client, &which, &names).await?;
        let mut lines = Lines::new(wanted.job.as_deref(), out.format, &names);
        one(client, &which, offset, wanted.follow, |bytes| write(&lines.push(bytes))).await?;
        return write(&lines.finish()).map(|()| Exit::Ok);
    }
    if wanted.follow {
        return follow_all(client, &which, out.format, &names).await;
    }
    for log in look(client, &which, &names).await?.1 {
        let which = Which { job: log.job.clone(), ..which.clone() };
        let mut lines = Lines::new(log.job.as_deref(), out.format, &names);
        one(client, &which, 0, false, |bytes| write(&lines.push(bytes))).await?;
        write(&lines.finish())?;
    }
    out.write("")
}

/// Whether the run is over, and what logs it has; its jobs are `names` then. The run is looked at before its logs: a log
/// that appears after that is found by the next look.
async fn look(client: &Client, which: &Which, names: &RefCell<Names>) -> Result<(bool, Vec<LogView>), CliError> {
    let run = client.get::<RunDetail>(&format!("/v1/runs/{}", which.run)).await?.typed;
    let logs = list(client, which).await?;
    let current = which.attempt.is_none_or(|attempt| attempt == run.run.attempt);
    let jobs = run.graph.into_iter().filter(|_| current).flat_map(|graph| graph.jobs);
    let logged = logs.iter().filter_map(|log| {
        let id = log.job.clone()?;
        Some((id.clone(), log.job_name.clone().unwrap_or(id)))
    });
    names.borrow_mut().0 = logged.chain(jobs.map(|job| (job.id, job.name))).collect();
    Ok((run.run.status.state.is_terminal() || which.attempt.is_some(), logs))
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
async fn follow_all(client: &Client, which: &Which, format: Format, names: &RefCell<Names>) -> Result<Exit, CliError> {
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(64);
    let mut followed: BTreeSet<Option<String>> = BTreeSet::new();
    let mut tasks = futures_util::stream::FuturesUnordered::new();
    let mut ended = false;
    loop {
        match look(client, which, names).await {
            Ok((over, logs)) => {
                ended = over;
                for log in logs {
                    if followed.insert(log.job.clone()) {
                        let lines = Lines::new(log.job.as_deref(), format, names);
                        let which = Which { job: log.job, ..which.clone() };
                        tasks.push(follow_one(client, which, lines, sender.clone()));
                    }
                }
            }
            Err(CliError::Unreachable { .. } | CliError::BrokenOff { .. }) => {}
            Err(error) => return Err(error),
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
    mut lines: Lines<'_>,
    sender: mpsc::Sender<Vec<u8>>,
) -> Result<(), CliError> {
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

/// The jobs of the attempt, by their ids.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    /// What stands before the lines of a job: nothing where it is the only one, its id too where another has its name.
    fn prefix(&self, job: &str) -> String {
        let name = self.0.get(job).map_or(job, String::as_str);
        match self.0.values().filter(|other| *other == name).count() {
            _ if self.0.len() <= 1 => String::new(),
            0 | 1 => format!("{name} | "),
            _ => format!("{name} ({job}) | "),
        }
    }
}

/// Says of every line whose it is; whole lines only, so that logs that come together do not mix within one.
struct Lines<'n> {
    job: Option<String>,
    format: Format,
    /// They become more while a run goes on.
    names: &'n RefCell<Names>,
    rest: Vec<u8>,
}

impl<'n> Lines<'n> {
    fn new(job: Option<&str>, format: Format, names: &'n RefCell<Names>) -> Self {
        Self { job: job.map(str::to_owned), format, names, rest: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.job.is_none() && self.format == Format::Table {
            return bytes.to_vec();
        }
        self.rest.extend_from_slice(bytes);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let rest = self.rest.split_off(end + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        whole.split_inclusive(|byte| *byte == b'\n').flat_map(|line| self.shown(line)).collect()
    }

    fn shown(&self, line: &[u8]) -> Vec<u8> {
        let names = self.names.borrow();
        if self.format == Format::Table {
            let prefix = self.job.as_deref().map(|job| names.prefix(job)).unwrap_or_default();
            return [prefix.as_bytes(), line].concat();
        }
        let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line));
        let name = self.job.as_ref().and_then(|job| names.0.get(job));
        let line = serde_json::json!({ "job": self.job, "job_name": name, "line": text });
        match self.format {
            Format::Yaml => serde_yaml_ng::to_string(&[line]).unwrap_or_default().into_bytes(),
            _ => format!("{line}\n").into_bytes(),
        }
    }

    /// The last line, where nothing ended it. Beside others it is ended here.
    fn finish(&mut self) -> Vec<u8> {
        let alone = self.format == Format::Table && self.names.borrow().0.len() <= 1;
        match std::mem::take(&mut self.rest) {
            rest if rest.is_empty() || alone => rest,
            rest => self.shown(&[rest.as_slice(), b"\n"].concat()),
        }
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

    fn names(jobs: &[(&str, &str)]) -> RefCell<Names> {
        RefCell::new(Names(jobs.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect()))
    }

    #[test]
    fn lines_come_whole_and_say_whose_they_are_however_they_are_cut() {
        let text = b"one\ntwo\n\nlast";
        let two = [("7", "build"), ("8", "test")];
        let rows = [
            (&two[..], Format::Table, "build | one\nbuild | two\nbuild | \nbuild | last\n"),
            (
                &[("7", "build"), ("8", "build")],
                Format::Table,
                "build (7) | one\nbuild (7) | two\nbuild (7) | \nbuild (7) | last\n",
            ),
            (&[("8", "test"), ("9", "more")], Format::Table, "7 | one\n7 | two\n7 | \n7 | last\n"),
            (&[("7", "build")], Format::Table, "one\ntwo\n\nlast"),
            (
                &two[..1],
                Format::Yaml,
                "- job: '7'\n  job_name: build\n  line: one\n- job: '7'\n  job_name: build\n  line: two\n- job: '7'\n  job_name: build\n  line: ''\n- job: '7'\n  job_name: build\n  line: last\n",
            ),
        ];
        for (jobs, format, expected) in rows {
            let names = names(jobs);
            for size in 1..=text.len() {
                let mut lines = Lines::new(Some("7"), format, &names);
                let mut out: Vec<u8> = text.chunks(size).flat_map(|chunk| lines.push(chunk)).collect();
                out.extend(lines.finish());
                assert_eq!(String::from_utf8_lossy(&out), expected, "in pieces of {size}");
            }
        }
    }

    #[test]
    fn programs_are_told_the_id_and_the_name_of_the_job() {
        for (jobs, job, expected) in [
            (&[("7", "build")][..], Some("7"), r#"{"job":"7","job_name":"build","line":"a"}"#),
            (&[], Some("7"), r#"{"job":"7","job_name":null,"line":"a"}"#),
            (&[("7", "build")], None, r#"{"job":null,"job_name":null,"line":"a"}"#),
        ] {
            let names = names(jobs);
            let mut lines = Lines::new(job, Format::Json, &names);
            assert_eq!(String::from_utf8_lossy(&lines.push(b"a\nb")), format!("{expected}\n"));
            assert!(lines.finish().ends_with(b"\"line\":\"b\"}\n"));
        }
    }

    #[test]
    fn a_job_is_named_from_the_moment_at_which_there_is_another() {
        let names = names(&[("7", "build")]);
        let mut lines = Lines::new(Some("7"), Format::Table, &names);
        assert_eq!(lines.push(b"a\nb"), b"a\n");
        names.borrow_mut().0.insert("8".into(), "test".into());
        assert_eq!(lines.push(b"\n"), b"build | b\n");
    }

    #[test]
    fn the_log_of_the_run_itself_is_not_touched() {
        let names = names(&[("7", "build"), ("8", "test")]);
        let mut lines = Lines::new(None, Format::Table, &names);
        assert_eq!(lines.push(b"a\nb"), b"a\nb");
        assert!(lines.finish().is_empty());
    }
}
