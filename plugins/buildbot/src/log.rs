//! The log of a request: its builds, their steps, the logs of each, one after the other.
//!
//! Pure: where a reader stands, and what of a piece he gets.

use novacron_cicd_sdk::{Result, types::Error};

use crate::rows::Log;

/// Where a reader stands: build, step, log, line, and byte of that line; what is before has been read.
pub type Cursor = [u64; 5];
pub(crate) const BUILD: usize = 0;
pub(crate) const STEP: usize = 1;
pub(crate) const LOG: usize = 2;
pub(crate) const LINE: usize = 3;
const BYTE: usize = 4;

/// A place that was written as numbers with dots between them.
pub fn cursor(text: &str) -> Result<Cursor> {
    let numbers: Result<Vec<u64>, _> = text.split('.').map(str::parse).collect();
    let places = numbers.ok().and_then(|numbers| numbers.try_into().ok());
    places.ok_or_else(|| Error::invalid_input("cursor", format!("{text:?} is no place in a log")))
}

/// Goes to the begin of what has that number; who is in there already stays where he is.
pub fn enter(at: &mut Cursor, place: usize, number: u64) {
    if at[place] != number {
        at[place] = number;
        at[place + 1..].fill(0);
    }
}

/// The log to read next. HTML is for Buildbot's pages, and comes with the same as text; what was deleted is no more.
pub fn next(logs: &[Log], from: u64) -> Option<&Log> {
    logs.iter().filter(|log| log.logid >= from && !matches!(&*log.kind, "h" | "d")).min_by_key(|log| log.logid)
}

/// Puts of `content`, lines of `log` from `at` on, as much into `out` as there is room for; goes on by that, and says
/// whether there was room for all. A line that is longer than the whole room is cut, any other stays whole.
pub fn take(log: &Log, content: &str, headers: bool, at: &mut Cursor, out: &mut Vec<u8>, limit: usize) -> bool {
    if content.is_empty() {
        // Deleted since it was listed.
        enter(at, LINE, log.num_lines);
    }
    for line in content.split_inclusive('\n') {
        // The letter is o, e or h; as the first of a line it is always there, and one byte.
        let letter = usize::from(log.kind == "s");
        let text = if letter == 1 && line.starts_with('h') && !headers { &[] } else { &line.as_bytes()[letter..] };
        let read = usize::try_from(at[BYTE]).unwrap_or_default().min(text.len());
        let (rest, room) = (&text[read..], limit - out.len());
        if rest.len() > room {
            if out.is_empty() {
                out.extend_from_slice(&rest[..room]);
                at[BYTE] += room as u64;
            }
            return false;
        }
        out.extend_from_slice(rest);
        enter(at, LINE, at[LINE] + 1);
    }
    true
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
