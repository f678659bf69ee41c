//! The log of a request: its builds, their steps, the logs of each, one after the other.
//!
//! Pure: where a reader stands, and what of a piece he gets.

use std::{fmt, str::FromStr};

use novacron_cicd_sdk::types::Error;

use crate::rows::Log;

/// Where a reader stands: the next build, step, log, line, and byte of that line, each at least so high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "said above")]
pub struct Cursor {
    pub build: u64,
    pub step: u32,
    pub log: u64,
    pub line: u64,
    pub byte: usize,
}

impl Cursor {
    /// At the begin of that build, or where it stands if it is in there already.
    pub fn enter_build(&mut self, build: u64) {
        if build != self.build {
            *self = Self { build, ..Self::default() };
        }
    }

    /// The same for a step of the build.
    pub fn enter_step(&mut self, step: u32) {
        if step != self.step {
            *self = Self { build: self.build, step, ..Self::default() };
        }
    }

    /// The same for a log of the step.
    pub fn enter_log(&mut self, log: u64) {
        if log != self.log {
            *self = Self { log, line: 0, byte: 0, ..*self };
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}.{}.{}", self.build, self.step, self.log, self.line, self.byte)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parsed = || {
            let mut parts = text.split('.');
            let cursor = Self {
                build: parts.next()?.parse().ok()?,
                step: parts.next()?.parse().ok()?,
                log: parts.next()?.parse().ok()?,
                line: parts.next()?.parse().ok()?,
                byte: parts.next()?.parse().ok()?,
            };
            parts.next().is_none().then_some(cursor)
        };
        parsed().ok_or_else(|| Error::invalid_input("cursor", format!("{text:?} is no place in a log")))
    }
}

/// The log to read next. HTML is for Buildbot's pages, and comes with the same as text; what was deleted is no more.
#[must_use]
pub fn next(logs: &[Log], from: u64) -> Option<&Log> {
    logs.iter().filter(|log| log.logid >= from && !matches!(&*log.kind, "h" | "d")).min_by_key(|log| log.logid)
}

/// Puts of `content`, lines of `log` from `at` on, as much into `out` as there is room for; says where to go on, and
/// whether there was room for all. A line that is longer than the whole room is cut, any other stays whole.
#[must_use]
pub fn take(
    log: &Log,
    content: &str,
    headers: bool,
    mut at: Cursor,
    out: &mut Vec<u8>,
    limit: usize,
) -> (Cursor, bool) {
    if content.is_empty() {
        // Deleted since it was listed.
        return (Cursor { line: log.num_lines, byte: 0, ..at }, true);
    }
    for line in content.split_inclusive('\n') {
        let (stream, text) = match log.kind.as_str() {
            // The letter is o, e or h; as the first of a line it is always there, and one byte.
            "s" => line.split_at_checked(1).unwrap_or(("", line)),
            _ => ("", line),
        };
        let rest = if stream == "h" && !headers { &[][..] } else { text.as_bytes().get(at.byte..).unwrap_or_default() };
        let room = limit - out.len();
        if rest.len() > room {
            if out.is_empty() {
                out.extend_from_slice(&rest[..room]);
                at.byte += room;
            }
            return (at, false);
        }
        out.extend_from_slice(rest);
        at = Cursor { line: at.line + 1, byte: 0, ..at };
    }
    (at, true)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn log(kind: &str, num_lines: u64) -> Log {
        Log { logid: 4, complete: true, num_lines, kind: kind.into() }
    }

    const STDIO: &str = "hsh -c x\nobuilding nova\neoops é\nhprogram finished with exit code 0\n";

    #[test]
    fn streams_lose_their_letter_and_headers_are_a_matter_of_taste() {
        let rows = [
            ("s", true, "sh -c x\nbuilding nova\noops é\nprogram finished with exit code 0\n"),
            ("s", false, "building nova\noops é\n"),
            ("t", false, STDIO),
        ];
        for (kind, headers, text) in rows {
            let mut out = Vec::new();
            let (at, all) = take(&log(kind, 4), STDIO, headers, Cursor::default(), &mut out, 1000);
            assert_eq!((String::from_utf8(out).unwrap().as_str(), at.line, all), (text, 4, true), "{kind} {headers}");
        }
    }

    #[test]
    fn whatever_the_room_the_pieces_are_the_whole() {
        let lines: Vec<&str> = STDIO.split_inclusive('\n').collect();
        for limit in 1..60 {
            let (mut at, mut whole, mut rounds) = (Cursor::default(), Vec::new(), 0);
            while at.line < 4 {
                let mut out = Vec::new();
                let content: String = lines[usize::try_from(at.line).unwrap()..].concat();
                at = take(&log("s", 4), &content, true, at, &mut out, limit).0;
                assert!(!out.is_empty() && out.len() <= limit, "{limit}");
                whole.extend(out);
                rounds += 1;
            }
            assert_eq!(String::from_utf8(whole).unwrap().len(), STDIO.len() - 4, "{limit}");
            assert!(limit > 1 || rounds == STDIO.len() - 4);
        }
    }

    #[test]
    fn what_was_deleted_meanwhile_holds_nobody_up() {
        let (at, all) = take(&log("s", 9), "", true, Cursor::default(), &mut Vec::new(), 10);
        assert_eq!((at.line, all), (9, true));
        let logs = [log("d", 9), log("h", 9)];
        assert!(next(&logs, 0).is_none());
    }

    #[test]
    fn a_place_is_kept_as_text() {
        let place = Cursor { build: 7, step: 2, log: 9, line: 1000, byte: 3 };
        assert_eq!(place.to_string().parse::<Cursor>().unwrap(), place);
        for text in ["", "1.2.3.4", "1.2.3.4.5.6", "1.2.x.4.5", "-1.0.0.0.0"] {
            assert!(text.parse::<Cursor>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn who_goes_on_begins_at_the_begin_of_what_is_next() {
        let mut at = Cursor { build: 7, step: 2, log: 9, line: 10, byte: 3 };
        let same = at;
        at.enter_build(7);
        at.enter_step(2);
        at.enter_log(9);
        assert_eq!(at, same);
        at.enter_log(10);
        assert_eq!(at, Cursor { build: 7, step: 2, log: 10, line: 0, byte: 0 });
        at.enter_step(3);
        assert_eq!(at, Cursor { build: 7, step: 3, ..Cursor::default() });
        at.enter_build(8);
        assert_eq!(at, Cursor { build: 8, ..Cursor::default() });
    }
}
