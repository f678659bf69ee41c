//! A run drawn: as a tree for a terminal, as a Mermaid flowchart, as DOT.
//!
//! Names come from platforms and from people who can name a branch or a job as they like: whatever they hold stays text.
//! Orders are those of the platform, so two drawings of the same run are the same.

mod diagram;
mod tree;

pub use diagram::{dot, mermaid};
pub use tree::tree;

use std::collections::HashMap;

use super::{Job, Run};
use crate::{
    Timestamp,
    status::{Status, Times},
};

/// What is not shown as it is: it would move the cursor, break the line or turn the reading direction.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// One line of at most `most` characters, without what is not shown; blanks in a row become one.
fn clean(text: &str, most: usize) -> String {
    let mut cleaned = String::new();
    let (mut length, mut blank) = (0, false);
    for character in text.chars() {
        if character.is_whitespace() || is_unprintable(character) {
            blank = length > 0;
            continue;
        }
        let needed = 1 + usize::from(blank);
        if length + needed > most {
            cleaned.pop();
            cleaned.push('…');
            break;
        }
        if std::mem::take(&mut blank) {
            cleaned.push(' ');
        }
        cleaned.push(character);
        length += needed;
    }
    cleaned
}

/// `failed (timeout)`, the words for a state.
fn words(status: &Status) -> String {
    match &status.reason {
        Some(reason) => format!("{} ({})", status.state, clean(reason, 24)),
        None => status.state.to_string(),
    }
}

/// `1m 02s, queued 3s`; what is not known is left out.
fn spans(times: &Times, now: Timestamp) -> Option<String> {
    let worked = times.duration_millis(now).map(span);
    let queued = times.queued_millis().filter(|millis| *millis > 0).map(|millis| format!("queued {}", span(millis)));
    let waits = match (times.started, times.finished, times.created) {
        (None, None, Some(created)) => Some(format!("queued {}", span(now.since(created).max(0)))),
        _ => None,
    };
    let known: Vec<String> = [worked, queued, waits].into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(", "))
}

/// A length of time in at most two units: `850ms`, `3s`, `1m 02s`, `2h 05m`, `3d 04h`.
fn span(millis: i64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis}ms"),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86400, seconds / 3600 % 24),
    }
}

fn jobs(run: &Run) -> &[Job] {
    run.graph.as_ref().map_or(&[], |graph| &graph.jobs)
}

/// Where each job stands in the list; of two with one id the first counts.
fn places(jobs: &[Job]) -> HashMap<&str, usize> {
    let mut places = HashMap::with_capacity(jobs.len());
    for (place, job) in jobs.iter().enumerate() {
        places.entry(job.id.as_str()).or_insert(place);
    }
    places
}

/// Edges as (from, to), without those to jobs that are not there, to itself, and without doubles.
fn edges<'a>(jobs: &'a [Job], places: &'a HashMap<&str, usize>) -> impl Iterator<Item = (usize, usize)> + 'a {
    jobs.iter().enumerate().flat_map(move |(to, job)| {
        let mut from: Vec<usize> = job.needs.iter().filter_map(|id| places.get(id.as_str()).copied()).collect();
        from.sort_unstable();
        from.dedup();
        from.into_iter().filter(move |from| *from != to).map(move |from| (from, to))
    })
}
