//! Mermaid and DOT. Nodes are named by their place, so that no name of a job becomes syntax; labels are escaped.

use std::fmt::Write;

use super::{clean, edges, jobs, places, spans, words};
use crate::{
    Timestamp,
    run::{Edges, Job, Run},
    status::State,
};

/// The most characters of a name in a node.
const NAME: usize = 80;

/// A Mermaid flowchart. Edges that are only derived are dotted; a circle marks a part of another job.
#[must_use]
pub fn mermaid(run: &Run, now: Timestamp) -> String {
    let jobs = jobs(run);
    let mut drawn = String::from("flowchart LR\n");
    for (place, job) in jobs.iter().enumerate() {
        let label = label(job, now).map(|line| mermaid_text(&line)).join("<br/>");
        line(&mut drawn, format_args!("  j{place}[\"{label}\"]"));
    }
    let arrow = if is_approximate(run) { "-.->" } else { "-->" };
    let places = places(jobs);
    for (from, to) in edges(jobs, &places) {
        line(&mut drawn, format_args!("  j{from} {arrow} j{to}"));
    }
    for (whole, part) in parts(jobs) {
        line(&mut drawn, format_args!("  j{whole} --o j{part}"));
    }
    for state in State::ALL {
        let of_state: Vec<String> = (0..jobs.len())
            .filter(|place| jobs[*place].status.state == state)
            .map(|place| format!("j{place}"))
            .collect();
        if !of_state.is_empty() {
            line(&mut drawn, format_args!("  classDef {state} fill:{}", colour(state)));
            line(&mut drawn, format_args!("  class {} {state}", of_state.join(",")));
        }
    }
    drawn
}

/// A DOT digraph for Graphviz. Edges that are only derived are dashed; a dotted line marks a part of another job.
#[must_use]
pub fn dot(run: &Run, now: Timestamp) -> String {
    let jobs = jobs(run);
    let mut drawn = String::from("digraph run {\n  rankdir=LR;\n  node [shape=box, style=filled];\n");
    for (place, job) in jobs.iter().enumerate() {
        let label = label(job, now).map(|line| dot_text(&line)).join("\\n");
        let colour = colour(job.status.state);
        line(&mut drawn, format_args!("  j{place} [label=\"{label}\", fillcolor={colour}];"));
    }
    let style = if is_approximate(run) { " [style=dashed]" } else { "" };
    let places = places(jobs);
    for (from, to) in edges(jobs, &places) {
        line(&mut drawn, format_args!("  j{from} -> j{to}{style};"));
    }
    for (whole, part) in parts(jobs) {
        line(&mut drawn, format_args!("  j{whole} -> j{part} [style=dotted, arrowhead=none];"));
    }
    drawn.push_str("}\n");
    drawn
}

fn is_approximate(run: &Run) -> bool {
    run.graph.as_ref().is_some_and(|graph| graph.edges == Edges::Approximate)
}

/// Name; state and times.
fn label(job: &Job, now: Timestamp) -> [String; 2] {
    let state = words(&job.status);
    [clean(&job.name, NAME), spans(&job.times, now).map_or(state.clone(), |spans| format!("{state}, {spans}"))]
}

/// (whole, part), where both are there.
fn parts(jobs: &[Job]) -> Vec<(usize, usize)> {
    let places = places(jobs);
    let whole = |job: &Job| job.parent.as_deref().and_then(|id| places.get(id).copied());
    let pairs = jobs.iter().enumerate().filter_map(|(part, job)| Some((whole(job)?, part)));
    pairs.filter(|(whole, part)| whole != part).collect()
}

/// Letters, digits and a few marks as they are, all else by its number: quotes end a label, `#` and `;` are the escape
/// itself, `%%{` is a directive wherever it stands, and `:` before an escape trips Mermaid's own reader.
fn mermaid_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' ' | '-' | '_' | '.' | ',' | '/' | '(' | ')' | '+' | '…' => escaped.push(character),
            _ if character.is_alphanumeric() => escaped.push(character),
            _ => {
                // Writing to a String does not fail.
                let _ = write!(escaped, "#{};", u32::from(character));
            }
        }
    }
    escaped
}

/// Quotes end a label, backslashes begin escapes and `&` begins an entity.
fn dot_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}

/// Names that Mermaid (CSS) and Graphviz (X11) both know as light colours.
const fn colour(state: State) -> &'static str {
    match state {
        State::Pending => "white",
        State::Running => "lightblue",
        State::Waiting => "khaki",
        State::Succeeded => "palegreen",
        State::Failed => "lightpink",
        State::Canceled => "lightgray",
        State::Skipped => "whitesmoke",
        State::Ambiguous => "plum",
    }
}

fn line(drawn: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = writeln!(drawn, "{text}");
}
