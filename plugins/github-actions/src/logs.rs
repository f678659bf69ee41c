//! Logs: while a job runs GitHub shows only which step it is at; its log is there when it has ended.
//!
//! So the steps come as lines of ours, and then the whole log, which the host streams from where GitHub redirects to.

use novacron_cicd_sdk::{
    Logs, clock,
    logs::{Availability, LogAnswer, LogChunk, LogPlan, LogRequest},
};

use crate::{
    graph::{Shown, ShownStep},
    prelude::*,
    reading,
};

/// Milliseconds after a job's end in which its log may still come.
const COMES: u64 = 60_000;

/// What a reader has: nothing, so many lines about steps, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Lines(usize),
    End,
}

impl Position {
    fn read(cursor: Option<&str>) -> Result<Self> {
        match cursor {
            None => Ok(Self::Lines(0)),
            Some("end") => Ok(Self::End),
            Some(text) => {
                let lines = text.strip_prefix("steps:").and_then(|lines| lines.parse().ok());
                lines.map(Self::Lines).ok_or_else(|| paging::not_ours("cursor"))
            }
        }
    }

    fn write(self) -> String {
        match self {
            Self::Lines(lines) => format!("steps:{lines}"),
            Self::End => "end".into(),
        }
    }
}

fn chunk(bytes: Vec<u8>, next: Position, more_now: bool, availability: Availability) -> LogAnswer {
    LogAnswer::Chunk(LogChunk { bytes, next: next.write(), more_now, reset: false, availability })
}

fn nothing(availability: Availability) -> LogAnswer {
    let next = if availability == Availability::NotYet { Position::Lines(0) } else { Position::End };
    chunk(Vec::new(), next, false, availability)
}

/// A line when a step begins, one when it ends. It only ever grows: steps follow one another.
fn lines(steps: &[ShownStep]) -> Vec<String> {
    let mut steps: Vec<&ShownStep> = steps.iter().collect();
    steps.sort_by_key(|step| step.number);
    let mut lines = Vec::new();
    for step in steps {
        let name = &step.name;
        match (step.status.as_deref(), step.conclusion.as_deref()) {
            (Some("completed"), Some("skipped")) => lines.push(format!("[step {}] {name}: skipped\n", step.number)),
            (Some("completed"), conclusion) => {
                lines.push(format!("[step {}] {name}\n", step.number));
                lines.push(format!("[step {}] {name}: {}\n", step.number, conclusion.unwrap_or("completed")));
            }
            (Some("in_progress"), _) => {
                lines.push(format!("[step {}] {name}\n", step.number));
                break;
            }
            _ => break,
        }
    }
    lines
}

/// What is new since `from`, as far as `limit` bytes go; a line is never cut but where it alone is too long.
fn progress(steps: &[ShownStep], from: usize, limit: usize) -> LogAnswer {
    let lines = lines(steps);
    let mut bytes = Vec::new();
    let mut read = from.min(lines.len());
    for line in &lines[read..] {
        if !bytes.is_empty() && bytes.len() + line.len() > limit {
            break;
        }
        bytes.extend_from_slice(line.as_bytes());
        read += 1;
    }
    bytes.truncate(limit);
    let availability = if read == 0 { Availability::NotYet } else { Availability::Growing };
    chunk(bytes, Position::Lines(read), read < lines.len(), availability)
}

/// What the answer to the question after a log means, for a job that has ended; none: it is there.
fn missing(status: u16, job: &Shown, now: u64) -> Option<Availability> {
    let ended = job.completed_at.0.unwrap_or(0);
    match status {
        410 => Some(Availability::Expired),
        404 if now < ended + COMES => Some(Availability::NotYet),
        404 => Some(Availability::Never),
        _ => None,
    }
}

impl Logs for GithubActions {
    fn read(request: LogRequest) -> Result<LogAnswer> {
        let (client, repo, _) = Client::of_run(&request.run)?;
        let Position::Lines(from) = Position::read(request.cursor.as_deref())? else {
            return Ok(nothing(Availability::Complete));
        };
        // Each job has its own; the log of a run is an archive of these.
        let Some(job) = &request.job else {
            let ended = reading::run(&client, &repo, &request.run)?.has_ended();
            return Ok(nothing(if ended { Availability::Never } else { Availability::NotYet }));
        };
        let shown: Shown = client::fetch(client.get(at(&repo, &["actions", "jobs", job])))?;
        if !shown.has_ended() {
            let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
            return Ok(progress(&shown.steps, from, limit));
        }
        let never_began = shown.conclusion.as_deref() == Some("cancelled") && shown.steps.is_empty();
        if shown.conclusion.as_deref() == Some("skipped") || never_began {
            return Ok(nothing(Availability::Never));
        }
        let log = client.get(at(&repo, &["actions", "jobs", job, "logs"]));
        let asked = log.clone().redirects(Redirects::None).window(0, 0).send()?;
        if let Some(availability) = missing(asked.status(), &shown, clock::now()) {
            let next = if availability == Availability::NotYet { Position::Lines(from) } else { Position::End };
            return Ok(chunk(Vec::new(), next, false, availability));
        }
        if asked.status() >= 400 {
            return Err(client::refusal(&asked));
        }
        Ok(LogAnswer::Plan(LogPlan {
            request: log.redirects(Redirects::Follow).build()?,
            skip: 0,
            filter: "github-timestamps".into(),
            next: Position::End.write(),
            availability: Availability::Complete,
            more: Vec::new(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(number: u32, status: &str, conclusion: Option<&str>) -> ShownStep {
        ShownStep {
            number,
            name: format!("Step {number}"),
            status: Some(status.into()),
            conclusion: conclusion.map(str::to_owned),
            ..ShownStep::default()
        }
    }

    fn text(answer: LogAnswer) -> (String, String, bool) {
        let LogAnswer::Chunk(chunk) = answer else { unreachable!("a chunk was expected") };
        (String::from_utf8_lossy(&chunk.bytes).into_owned(), chunk.next, chunk.more_now)
    }

    #[test]
    fn steps_are_told_as_they_come_and_each_once() {
        let running = [step(1, "completed", Some("success")), step(2, "in_progress", None), step(3, "queued", None)];
        let (first, next, _) = text(progress(&running, 0, 1000));
        assert_eq!(first, "[step 1] Step 1\n[step 1] Step 1: success\n[step 2] Step 2\n");
        assert_eq!(next, "steps:3");
        let later = [
            step(1, "completed", Some("success")),
            step(2, "completed", Some("failure")),
            step(3, "completed", Some("skipped")),
            step(9, "pending", None),
        ];
        let (second, next, _) = text(progress(&later, 3, 1000));
        assert_eq!(
            (second.as_str(), next.as_str()),
            ("[step 2] Step 2: failure\n[step 3] Step 3: skipped\n", "steps:5")
        );
        let (piece, next, more) = text(progress(&later, 3, 30));
        assert_eq!((piece.as_str(), next.as_str(), more), ("[step 2] Step 2: failure\n", "steps:4", true));
        let LogAnswer::Chunk(none) = progress(&[step(1, "queued", None)], 0, 10) else { unreachable!() };
        assert_eq!((none.availability, none.bytes.len()), (Availability::NotYet, 0));
    }

    #[test]
    fn a_log_that_is_not_there_comes_yet_or_never() {
        const T: u64 = 1_767_225_600_000;
        let job = Shown { completed_at: Time(Some(T)), ..Shown::default() };
        let rows = [
            (302, T, None),
            (200, T, None),
            (404, T + 59_000, Some(Availability::NotYet)),
            (404, T + 61_000, Some(Availability::Never)),
            (410, T, Some(Availability::Expired)),
            (500, T, None),
        ];
        for (status, now, expected) in rows {
            assert_eq!(missing(status, &job, now), expected, "{status} {now}");
        }
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_given() {
        for position in [Position::Lines(0), Position::Lines(17), Position::End] {
            assert_eq!(Position::read(Some(&position.write())), Ok(position));
        }
        assert!(Position::read(Some("steps:x")).is_err() && Position::read(Some("")).is_err());
    }
}
