//! A build's log, from where a reader stopped.
//!
//! Pure. `logText/progressiveText?start=N` answers with the text from N on and says in `X-Text-Size` where the next read
//! begins (stapler, `LargeText.java`). The two never add up: line ends become CRLF and console notes are left out, so where
//! we stand is N, and how much of the answer from there was taken. A log that has much more to tell is streamed by the host.

use novacron_cicd_sdk::{
    Result,
    http::{Request, Response, Target},
    logs::{Availability, LogAnswer, LogChunk, LogPlan},
    types::{Error, RunRef},
};

use crate::{
    build::{CELL, WHOLE},
    path,
    stages::Source,
};

/// What is still to be read is left to the host from here on, in bytes: read in pieces, each would be sent from N again.
const STREAMED: u64 = 8 << 20;

/// Where a reader stands: Jenkins' offset, and the bytes of the answer from there that were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) start: u64,
    taken: u64,
}

impl Position {
    /// Of a cursor; none is the beginning.
    /// `invalid-input` where it is none of ours.
    pub(crate) fn read(cursor: Option<&str>) -> Result<Self> {
        let Some(cursor) = cursor else { return Ok(Self::default()) };
        let (start, taken) = cursor.split_once('+').unwrap_or((cursor, "0"));
        match (start.parse(), taken.parse()) {
            (Ok(start), Ok(taken)) => Ok(Self { start, taken }),
            _ => Err(Error::invalid_input("cursor", "it is not one of this plugin's")),
        }
    }

    fn cursor(self) -> String {
        if self.taken == 0 { self.start.to_string() } else { format!("{}+{}", self.start, self.taken) }
    }

    pub(crate) fn ask(self, log: Request, limit: u32) -> Request {
        log.query("start", self.start).window(self.taken, limit)
    }
}

/// What an answer to [`Position::ask`] means; none: the log is shorter than it was, and is to be read from its beginning. `log` is the request without its position; `anew`: it is the second try.
/// `upstream` where the answer is not one of Jenkins' logs; `internal` where the plan can't be written.
pub(crate) fn read(position: Position, anew: bool, log: Request, answer: &Response) -> Result<Option<LogAnswer>> {
    let size = answer.header("x-text-size").and_then(|size| size.trim().parse::<u64>().ok());
    let size = size.ok_or_else(|| {
        Error::upstream("the answer is not a log of Jenkins: it has no X-Text-Size", answer.status(), answer.text())
            .hint("a login page, or a proxy before Jenkins, answers instead")
    })?;
    let grows = answer.header("x-more-data").is_some();
    if size < position.start {
        // Jenkins begins at 0 again where the log is shorter than what was asked for ("text rolled over").
        if size == 0 && !grows {
            return Ok(Some(LogAnswer::Chunk(chunk(position.cursor(), Availability::Expired))));
        }
        return Ok(None);
    }
    let left = answer.total().saturating_sub(position.taken);
    let availability = match (grows, size) {
        (true, 0) => Availability::NotYet,
        (true, _) => Availability::Growing,
        (false, _) => Availability::Complete,
    };
    if answer.truncated() && left > STREAMED && !anew {
        return Ok(Some(LogAnswer::Plan(LogPlan {
            request: log.query("start", position.start).build()?,
            skip: position.taken,
            filter: "strip-cr".into(),
            next: "{header:X-Text-Size}".into(),
            availability,
            more: vec![],
        })));
    }
    let kept = answer.bytes().len() as u64;
    let next = if answer.truncated() {
        Position { start: position.start, taken: position.taken + kept }
    } else {
        Position { start: size, taken: 0 }
    };
    Ok(Some(LogAnswer::Chunk(LogChunk {
        bytes: without_returns(answer.bytes()),
        more_now: answer.truncated(),
        reset: anew,
        ..chunk(next.cursor(), availability)
    })))
}

/// Where the log of a job of a run is: the build's, that of a matrix' cell, or that of a stage, of which `shown` says what shows
/// stages. none: a stage, which has none of its own there.
/// `invalid-input` where the run is no build; what `shown` says.
pub(crate) fn target(
    run: &RunRef,
    job: Option<&str>,
    shown: impl FnOnce() -> Result<Option<Source>>,
) -> Result<Option<Target>> {
    const LOG: [&str; 2] = ["logText", "progressiveText"];
    let number = path::number(&run.run)?.to_string();
    Ok(match (job, job.and_then(|job| job.strip_prefix(CELL))) {
        (None | Some(WHOLE), _) => Some(path::of_build(run, &LOG)?),
        (_, Some(cell)) => Some(path::of(&run.pipeline, &[&[cell, &number], &LOG[..]].concat())),
        (Some(stage), None) => shown()?.and_then(|source| source.log(run, stage)),
    })
}

/// The log of a stage: there is but one, the build's.
pub(crate) fn none() -> LogAnswer {
    LogAnswer::Chunk(chunk(Position::default().cursor(), Availability::Never))
}

fn chunk(next: String, availability: Availability) -> LogChunk {
    LogChunk { bytes: vec![], next, more_now: false, reset: false, availability }
}

/// Line ends as they were: each is sent as CRLF. A return at the very end belongs to the line end that comes next.
fn without_returns(bytes: &[u8]) -> Vec<u8> {
    let ends_line = |index: usize| matches!(bytes.get(index + 1), None | Some(b'\n'));
    bytes
        .iter()
        .enumerate()
        .filter(|(index, byte)| **byte != b'\r' || !ends_line(*index))
        .map(|(_, byte)| *byte)
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn log() -> Request {
        Request::get("/job/a/17/logText/progressiveText")
    }

    fn answered(headers: &[(&str, &str)], body: &str) -> Response {
        Response::fake(200, headers, body.as_bytes(), true)
    }

    fn said(position: &str, anew: bool, headers: &[(&str, &str)], body: &str) -> (String, String, Availability, bool) {
        let position = Position::read(Some(position)).unwrap();
        match read(position, anew, log(), &answered(headers, body)).unwrap() {
            Some(LogAnswer::Chunk(chunk)) => {
                (String::from_utf8(chunk.bytes).unwrap(), chunk.next, chunk.availability, chunk.reset)
            }
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn where_to_go_on_is_what_jenkins_says_and_never_what_came() {
        let more = ("X-More-Data", "true");
        let rows = [
            ("0", &[("X-Text-Size", "0"), more][..], "", ("", "0", Availability::NotYet)),
            ("0", &[("X-Text-Size", "4"), more], "a\r\nb\r\n", ("a\nb\n", "4", Availability::Growing)),
            ("4", &[("X-Text-Size", "4"), more], "", ("", "4", Availability::Growing)),
            ("4", &[("X-Text-Size", "90")], "c\r\n", ("c\n", "90", Availability::Complete)),
            ("90", &[("X-Text-Size", "90")], "", ("", "90", Availability::Complete)),
            ("0", &[("X-Text-Size", "0")], "", ("", "0", Availability::Complete)),
            ("90", &[("X-Text-Size", "0")], "", ("", "90", Availability::Expired)),
        ];
        for (position, headers, body, (bytes, next, availability)) in rows {
            let expected = (bytes.to_owned(), next.to_owned(), availability, false);
            assert_eq!(said(position, false, headers, body), expected, "{position} {headers:?}");
        }
    }

    #[test]
    fn a_log_that_became_shorter_is_read_from_its_beginning() {
        let headers = [("X-Text-Size", "3"), ("X-More-Data", "true")];
        let position = Position::read(Some("90")).unwrap();
        assert_eq!(read(position, false, log(), &answered(&headers, "abc")).unwrap(), None);
        assert_eq!(said("0", true, &headers, "abc"), ("abc".into(), "3".into(), Availability::Growing, true));
    }

    #[test]
    fn only_returns_of_line_ends_are_taken_away() {
        let rows = [("a\r\nb", "a\nb"), ("10%\r20%\r\n", "10%\r20%\n"), ("a\r", "a"), ("\r\r\n", "\r\n"), ("", "")];
        for (given, expected) in rows {
            assert_eq!(without_returns(given.as_bytes()), expected.as_bytes(), "{given:?}");
        }
    }

    #[test]
    fn a_position_asks_from_its_offset_and_behind_what_was_taken() {
        for (cursor, url, skip) in [(None, "start=0", 0), (Some("90"), "start=90", 0), (Some("90+7"), "start=90", 7)] {
            let position = Position::read(cursor).unwrap();
            let request = position.ask(log(), 512).build().unwrap();
            let window = request.window.unwrap();
            assert!(request.url.ends_with(url), "{}", request.url);
            assert_eq!((window.skip, window.limit), (skip, 512));
            assert_eq!(position.cursor(), cursor.unwrap_or("0"));
        }
        for wrong in ["x", "-1", "1+", "1+x", ""] {
            assert!(Position::read(Some(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_build_and_each_cell_have_a_log_and_a_stage_where_blue_ocean_is() {
        let run = RunRef { pipeline: "a/m".into(), run: "17".into(), attempt: None };
        let path = |job, source| {
            let found = target(&run, job, || Ok(source)).unwrap();
            found.map(|target| Request::get(target).build().unwrap().url)
        };
        let blue = "/blue/rest/organizations/jenkins/pipelines/a/pipelines/m/runs/17/nodes/5/log";
        let rows = [
            (None, None, Some("/job/a/job/m/17/logText/progressiveText")),
            (Some("build"), None, Some("/job/a/job/m/17/logText/progressiveText")),
            (Some("cell:label=a,b=c"), None, Some("/job/a/job/m/label%3Da%2Cb%3Dc/17/logText/progressiveText")),
            (Some("5"), None, None),
            (Some("5"), Some(Source::Wfapi), None),
            (Some("5"), Some(Source::BlueOcean), Some(blue)),
        ];
        for (job, source, expected) in rows {
            assert_eq!(path(job, source).as_deref(), expected, "{job:?}");
        }
        assert!(target(&RunRef { run: "last".into(), ..run }, None, || Ok(None)).is_err());
    }

    #[test]
    fn an_answer_without_a_size_is_not_a_log() {
        assert!(read(Position::default(), false, log(), &answered(&[], "<html>")).is_err());
    }
}
