//! The tree for terminals: states as words, so that it reads the same without colours.

use std::collections::HashMap;

use super::{clean, jobs, places, spans, words};
use crate::{
    Timestamp,
    run::{Edges, Job, Run},
};

/// The most characters of a name.
const NAME: usize = 48;
/// The most names of `needs`.
const NEEDS: usize = 4;
/// Parts of parts are indented no deeper than this.
const DEEPEST: usize = 8;

/// One line: what it is about, and what is known of it.
struct Line {
    name: String,
    state: String,
    rest: String,
}

/// The run, its jobs and their steps as a tree, one line each, without a final line feed.
///
/// Parts of a job (a matrix, a called workflow) hang below it. `now` is what durations of unfinished work count to.
#[must_use]
pub fn tree(run: &Run, now: Timestamp) -> String {
    let number = run.number.as_ref().map(|number| format!(" #{}", clean(number, 20))).unwrap_or_default();
    let attempt = if run.attempt > 1 { format!(" (attempt {})", run.attempt) } else { String::new() };
    let mut lines = vec![Line {
        name: format!("{}{number}{attempt}", run.pipeline_name),
        state: words(&run.status),
        rest: spans(&run.times, now).unwrap_or_default(),
    }];
    let jobs = jobs(run);
    let places = places(jobs);
    let children = children(jobs, &places);
    let approximate = run.graph.as_ref().is_some_and(|graph| graph.edges == Edges::Approximate);
    // A stack instead of recursion: how deep parts nest is the platform's choice.
    let mut left: Vec<(usize, Vec<bool>, bool)> = Vec::new();
    push_all(&mut left, &children[jobs.len()], &[]);
    while let Some((place, trunk, is_last)) = left.pop() {
        let job = &jobs[place];
        let stage = job.stage.as_ref().map(|stage| format!(" [{}]", clean(stage, 20))).unwrap_or_default();
        lines.push(Line {
            name: format!("{}{}{stage}", branch(&trunk, is_last), clean(&job.name, NAME)),
            state: words(&job.status),
            rest: [spans(&job.times, now), needs(job, jobs, &places, approximate)]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("; "),
        });
        let mut below = trunk;
        if below.len() < DEEPEST {
            below.push(!is_last);
        }
        let parts = &children[place];
        for (nth, step) in job.steps.iter().enumerate() {
            let is_last = parts.is_empty() && nth + 1 == job.steps.len();
            lines.push(Line {
                name: format!("{}{} {}", branch(&below, is_last), step.number, clean(&step.name, NAME)),
                state: words(&step.status),
                rest: spans(&step.times, now).unwrap_or_default(),
            });
        }
        push_all(&mut left, parts, &below);
    }
    if run.graph.is_none() {
        lines.push(Line {
            name: "└─ nothing is known of its jobs".into(), state: String::new(), rest: String::new()
        });
    }
    align(&lines)
}

/// The parts of each job in order; behind the last job, those that are part of none.
fn children(jobs: &[Job], places: &HashMap<&str, usize>) -> Vec<Vec<usize>> {
    let parent = |place: usize| {
        let parent = jobs[place].parent.as_deref().and_then(|id| places.get(id).copied());
        parent.filter(|parent| *parent != place)
    };
    let mut children = vec![Vec::new(); jobs.len() + 1];
    // 0: not looked at, 1: on the way up that is being walked, 2: it ends at the top.
    let mut seen = vec![0_u8; jobs.len()];
    for place in 0..jobs.len() {
        let mut way = Vec::new();
        let mut at = Some(place);
        while let Some(here) = at.filter(|here| seen[*here] == 0) {
            seen[here] = 1;
            way.push(here);
            at = parent(here);
        }
        // Back at a job of this very way: a circle, which is cut there so that none of it is lost.
        let circle = at.filter(|here| seen[*here] == 1);
        for here in way {
            seen[here] = 2;
            let above = parent(here).filter(|_| Some(here) != circle);
            children[above.unwrap_or(jobs.len())].push(here);
        }
    }
    for parts in &mut children {
        parts.sort_unstable();
    }
    children
}

fn push_all(left: &mut Vec<(usize, Vec<bool>, bool)>, parts: &[usize], trunk: &[bool]) {
    let last = parts.last();
    left.extend(parts.iter().rev().map(|part| (*part, trunk.to_vec(), Some(part) == last)));
}

fn branch(trunk: &[bool], is_last: bool) -> String {
    let mut drawn: String = trunk.iter().map(|goes_on| if *goes_on { "│  " } else { "   " }).collect();
    drawn.push_str(if is_last { "└─ " } else { "├─ " });
    drawn
}

fn needs(job: &Job, jobs: &[Job], places: &HashMap<&str, usize>, approximate: bool) -> Option<String> {
    let mut ids: Vec<&String> = Vec::new();
    for id in &job.needs {
        if *id != job.id && !ids.contains(&id) {
            ids.push(id);
        }
        if ids.len() > NEEDS {
            break;
        }
    }
    let name = |id: &String| clean(places.get(id.as_str()).map_or(id, |place| &jobs[*place].name), 24);
    let mut names: Vec<String> = ids.iter().take(NEEDS).map(|id| name(id)).collect();
    if ids.len() > NEEDS {
        names.push("more".into());
    }
    let word = if approximate { "after about" } else { "after" };
    (!names.is_empty()).then(|| format!("{word} {}", names.join(", ")))
}

/// Columns under each other, without blanks at the ends of lines.
fn align(lines: &[Line]) -> String {
    let width = |text: fn(&Line) -> &String| lines.iter().map(|line| text(line).chars().count()).max().unwrap_or(0);
    let (names, states) = (width(|line| &line.name), width(|line| &line.state));
    let drawn = lines.iter().map(|line| {
        let drawn = format!("{:names$}  {:states$}  {}", line.name, line.state, line.rest);
        drawn.trim_end().to_owned()
    });
    drawn.collect::<Vec<_>>().join("\n")
}
