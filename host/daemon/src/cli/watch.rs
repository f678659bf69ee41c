//! Waiting for a run: woken by events, looked at anew, shown as it goes.

use std::{
    collections::BTreeMap,
    io::Write as _,
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use novacron_cicd_domain::{
    id::{OperationId, RunId},
    operation::OperationState,
    status::State,
};
use reqwest::Method;
use serde::de::DeserializeOwned;

use super::{
    CliError, Exit,
    client::{Answer, Client},
    output::{Format, Output, note, paint, printable, size},
    run::show,
    sse,
};
use crate::api::{operations::OperationView, run_view::RunDetail};

/// How long a run is not looked at where no event says that it changed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often a running clock on a terminal moves.
const TICK: Duration = Duration::from_secs(1);

/// For how long, and what counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// none: as long as it takes.
    pub(crate) timeout: Option<Duration>,
    /// Whether a run that did not succeed makes a failed command.
    pub(crate) exit_status: bool,
    /// Whether to show what happens meanwhile.
    pub(crate) show: bool,
}

/// Waits until a run has ended, nobody can know, or the time is over.
pub(crate) async fn run(client: &Client, out: &Output, id: RunId, patience: Patience) -> Result<Exit, CliError> {
    let deadline = patience.timeout.map(|timeout| Instant::now() + timeout);
    let mut screen = Screen::new(*out, patience.show && out.format == Format::Table);
    let mut events = Events::new(client, id);
    loop {
        let answer = look::<RunDetail>(client, &format!("/v1/runs/{id}")).await?;
        let state = answer.typed.run.status.state;
        screen.changed(&answer.typed)?;
        if state.is_terminal() || state == State::Ambiguous {
            screen.end();
            out.print(&answer.value, || show(&answer.typed, out))?;
            if state == State::Ambiguous {
                note(
                    "nobody can know whether the platform took it: see `novacron-cicd operation list --state ambiguous`",
                );
                return Ok(Exit::Ambiguous);
            }
            return Ok(if patience.exit_status && state != State::Succeeded { Exit::Failed } else { Exit::Ok });
        }
        let looked = Instant::now();
        // Without an event a terminal's clock goes on; the run is looked at again after a while in any case.
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                screen.end();
                out.print(&answer.value, || show(&answer.typed, out))?;
                note(&format!("still {state}; it goes on: `novacron-cicd run watch {id}`"));
                return Ok(Exit::StillRunning);
            }
            let pause = TICK.min(left.unwrap_or(TICK));
            if matches!(tokio::time::timeout(pause, events.next()).await, Ok(())) || looked.elapsed() >= LOOK_AGAIN {
                break;
            }
            screen.tick(&answer.typed)?;
        }
    }
}

/// Flags that say how to wait mean nothing where nobody waits.
pub(crate) fn needs_waiting(waits: bool, timeout: Option<Duration>, exit_status: bool) -> Result<(), CliError> {
    if !waits && (timeout.is_some() || exit_status) {
        return Err(CliError::usage("--timeout and --exit-status need something to wait for", "add --wait or --watch"));
    }
    Ok(())
}

/// Waits until an operation is settled or ambiguous, or the time is over; it as it is then.
pub(crate) async fn operation(
    client: &Client,
    id: OperationId,
    deadline: Option<Instant>,
) -> Result<Answer<OperationView>, CliError> {
    let mut pause = Duration::from_millis(50);
    loop {
        let answer = look::<OperationView>(client, &format!("/v1/operations/{id}")).await?;
        let state = answer.typed.state;
        let left = deadline.map_or(pause, |deadline| deadline.saturating_duration_since(Instant::now()));
        if state.is_settled() || state == OperationState::Ambiguous || left.is_zero() {
            return Ok(answer);
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 3 / 2).min(Duration::from_secs(1));
    }
}

/// What is there now. A daemon that is gone for a moment is waited for.
async fn look<T: DeserializeOwned>(client: &Client, path: &str) -> Result<Answer<T>, CliError> {
    let mut attempts = 0;
    loop {
        match client.get::<T>(path).await {
            Err(CliError::Unreachable { .. } | CliError::BrokenOff { .. }) if attempts < 20 => {
                attempts += 1;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            answer => return answer,
        }
    }
}

/// Says when something about a run has happened. Connects again, from where it stopped, without end.
struct Events<'a> {
    client: &'a Client,
    id: RunId,
    last: Option<String>,
    open: Option<(futures_util::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>, sse::Reader)>,
    broken: u32,
}

impl<'a> Events<'a> {
    fn new(client: &'a Client, id: RunId) -> Self {
        Self { client, id, last: None, open: None, broken: 0 }
    }

    async fn connect(&mut self) -> Result<(), CliError> {
        let mut request = self.client.request(Method::GET, &format!("/v1/events?run={}", self.id));
        request = request.header("accept", "text/event-stream");
        if let Some(last) = &self.last {
            request = request.header("last-event-id", last);
        }
        let response = self.client.send(request).await?;
        self.open = Some((response.bytes_stream().boxed(), sse::Reader::default()));
        Ok(())
    }

    /// Ends when something has happened, or may have: after a connection was lost. Can be dropped at any time.
    async fn next(&mut self) {
        loop {
            let Some((stream, reader)) = &mut self.open else {
                if self.broken > 0 {
                    tokio::time::sleep(Duration::from_millis(200 * u64::from(self.broken.min(25)))).await;
                }
                self.broken += 1;
                if self.connect().await.is_ok() {
                    self.broken = 0;
                    // What happened between the last look and now is seen by one more look.
                    return;
                }
                continue;
            };
            match stream.next().await {
                Some(Ok(bytes)) => {
                    let events = reader.push(&bytes);
                    if let Some(id) = events.iter().rev().find_map(|event| event.id.clone()) {
                        self.last = Some(id);
                    }
                    if !events.is_empty() {
                        return;
                    }
                }
                Some(Err(_)) | None => {
                    self.open = None;
                    self.broken += 1;
                }
            }
        }
    }
}

/// What is shown while a run goes on: drawn over and over on a terminal, a line per change elsewhere.
struct Screen {
    out: Output,
    active: bool,
    drawn: usize,
    seen: BTreeMap<Place, State>,
}

impl Screen {
    fn new(out: Output, active: bool) -> Self {
        Self { out, active, drawn: 0, seen: BTreeMap::new() }
    }

    fn changed(&mut self, detail: &RunDetail) -> Result<(), CliError> {
        if !self.active {
            return Ok(());
        }
        if self.out.terminal { self.draw(detail) } else { self.lines(detail) }
    }

    fn tick(&mut self, detail: &RunDetail) -> Result<(), CliError> {
        if self.active && self.out.terminal { self.draw(&at_now(detail)) } else { Ok(()) }
    }

    fn draw(&mut self, detail: &RunDetail) -> Result<(), CliError> {
        let (width, height) = size().unwrap_or((80, 24));
        let text = printable(&show(detail, &self.out));
        let mut lines: Vec<&str> = text.lines().collect();
        // More than fits can't be drawn over: the end is what people wait for.
        let most = usize::from(height).saturating_sub(1).max(1);
        if lines.len() > most {
            lines.drain(..lines.len() - most);
        }
        let mut frame = self.erase();
        for line in &lines {
            frame.push_str(&cut(line, usize::from(width)));
            frame.push('\n');
        }
        self.drawn = lines.len();
        self.out.write(&frame).map(|_| ())
    }

    fn erase(&mut self) -> String {
        let drawn = std::mem::take(&mut self.drawn);
        if drawn == 0 { String::new() } else { format!("\x1b[{drawn}A\x1b[J") }
    }

    fn lines(&mut self, detail: &RunDetail) -> Result<(), CliError> {
        self.out.write(&printable(&news(detail, &mut self.seen))).map(|_| ())
    }

    /// Makes room for what is printed at the end.
    fn end(&mut self) {
        let erase = self.erase();
        if !erase.is_empty() {
            let mut out = anstream::stdout().lock();
            let _ = out.write_all(erase.as_bytes()).and_then(|()| out.flush());
        }
    }
}

/// The run itself, a job of it by its id, a step of that by its number: names need not differ.
type Place = (Option<String>, Option<u32>);

/// What has changed since it was `seen`, a line each.
fn news(detail: &RunDetail, seen: &mut BTreeMap<Place, State>) -> String {
    let mut text = String::new();
    let mut tell = |place: Place, what: String, state: State| {
        if seen.insert(place, state) != Some(state) {
            text.push_str(&format!("{what} {}\n", paint(state)));
        }
    };
    tell((None, None), format!("run {}", detail.run.id), detail.run.status.state);
    let jobs = || detail.graph.iter().flat_map(|graph| &graph.jobs);
    for job in jobs() {
        let alone = jobs().filter(|other| other.name == job.name).count() == 1;
        let name = if alone { job.name.clone() } else { format!("{} ({})", job.name, job.id) };
        tell((Some(job.id.clone()), None), format!("job {name}"), job.status.state);
        for step in &job.steps {
            let place = (Some(job.id.clone()), Some(step.number));
            tell(place, format!("job {name} step {}", step.name), step.status.state);
        }
    }
    text
}

/// The same run with its clocks moved on.
fn at_now(detail: &RunDetail) -> RunDetail {
    let mut detail = detail.clone();
    let now = super::now();
    let move_on = |status: &mut crate::api::run_view::StatusView| {
        if let (Some(started), None) = (status.started, status.finished) {
            status.duration_ms = Some(now.since(started.0).max(0));
        }
    };
    move_on(&mut detail.run.status);
    for job in detail.graph.iter_mut().flat_map(|graph| &mut graph.jobs) {
        move_on(&mut job.status);
        for step in &mut job.steps {
            move_on(&mut step.status);
        }
    }
    detail
}

/// A line that fits, whatever colours are in it.
fn cut(line: &str, width: usize) -> String {
    let (mut text, mut shown, mut in_escape) = (String::new(), 0, false);
    for c in line.chars() {
        match c {
            '\x1b' => in_escape = true,
            'm' if in_escape => {
                in_escape = false;
                text.push(c);
                continue;
            }
            _ => {}
        }
        if !in_escape {
            shown += 1;
            if shown > width {
                continue;
            }
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_by_what_is_seen_of_it() {
        assert_eq!(cut("abcdef", 4), "abcd");
        assert_eq!(cut("\x1b[32mabc\x1b[0mdef", 4), "\x1b[32mabc\x1b[0md");
        assert_eq!(cut("abc", 3), "abc");
    }

    #[test]
    fn jobs_and_steps_of_one_name_are_told_apart_and_each_state_once() {
        let status = |state: &str| serde_json::json!({ "state": state, "platform": "", "conditions": [] });
        let with = |mut base: serde_json::Value, more: serde_json::Value| {
            for (key, value) in more.as_object().into_iter().flatten() {
                base[key] = value.clone();
            }
            base
        };
        let step = |number: u32| with(status("running"), serde_json::json!({ "number": number, "name": "make" }));
        let job = |id: &str, name: &str, state: &str, steps: &[u32]| {
            let steps: Vec<_> = steps.iter().map(|number| step(*number)).collect();
            with(status(state), serde_json::json!({ "id": id, "name": name, "needs": [], "steps": steps }))
        };
        let id = uuid::Uuid::nil();
        let run = |jobs: Vec<serde_json::Value>| {
            let graph = serde_json::json!({ "jobs": jobs, "edges": "exact", "complete": true });
            let run = serde_json::json!({
                "id": id, "pipeline": "p", "pipeline_id": id, "provider": "x", "provider_id": id, "origin": "api", "attempt": 1,
                "correlation": "", "cancel_requested": false, "parameters": {}, "environment": {}, "graph": graph,
            });
            serde_json::from_value::<RunDetail>(with(status("running"), run))
        };
        let mut seen = BTreeMap::new();
        let mut told =
            |jobs| run(jobs).map(|run| anstream::adapter::strip_str(&news(&run, &mut seen)).to_string()).ok();
        let first = format!(
            "run {id} running\njob test failed\njob build (1) failed\njob build (1) step make running\n\
             job build (1) step make running\njob build (2) running\n"
        );
        let jobs = |state| {
            vec![job("0", "test", "failed", &[]), job("1", "build", "failed", &[1, 2]), job("2", "build", state, &[])]
        };
        assert_eq!(told(jobs("running")), Some(first));
        assert_eq!(told(jobs("running")).as_deref(), Some(""));
        assert_eq!(told(jobs("succeeded")).as_deref(), Some("job build (2) succeeded\n"));
    }
}
