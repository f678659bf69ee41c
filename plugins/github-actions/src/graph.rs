//! The jobs of a run, and what each waits for.
//!
//! Pure. GitHub's API tells no `needs`: they stand in the workflow file at the commit that was built. A job there is known by
//! the name that it is shown under: its own, its id, with the values of a matrix behind it in brackets, or, of a workflow that is
//! called, before a slash. What can't be told apart so is said to be approximate.

use novacron_cicd_sdk::types::{Graph, Job, Step};

use crate::{
    prelude::*,
    status,
    workflow::{self, Workflow},
};

told! {
    /// A job as GitHub shows it.
    Shown {
        id: u64, run_id: u64, run_attempt: Option<u32>, name: String, status: Option<String>,
        conclusion: Option<String>, created_at: Time, started_at: Time, completed_at: Time, runner_name: Option<String>,
        html_url: Option<String>, steps: Vec<ShownStep>,
    }
    ShownStep {
        name: String, number: u32, status: Option<String>, conclusion: Option<String>, started_at: Time,
        completed_at: Time,
    }
}

impl Shown {
    pub(crate) fn has_ended(&self) -> bool {
        self.status.as_deref() == Some("completed")
    }

    /// Of a job that waits, `started_at` is only when it was made.
    fn times(&self) -> Times {
        let begun = matches!(self.status.as_deref(), Some("in_progress" | "completed"));
        Times {
            created: self.created_at.0,
            started: self.started_at.0.filter(|_| begun),
            finished: self.completed_at.0.filter(|_| self.has_ended()),
            updated: None,
        }
    }

    /// Without what it waits for.
    pub(crate) fn job(&self) -> Job {
        Job {
            times: self.times(),
            runner: self.runner_name.clone().filter(|name| !name.is_empty()),
            url: self.html_url.clone(),
            steps: self.steps.iter().map(ShownStep::step).collect(),
            ..Job::new(self.id.to_string(), &self.name, status::of(self.status.as_deref(), self.conclusion.as_deref()))
        }
    }
}

impl ShownStep {
    fn step(&self) -> Step {
        Step {
            number: self.number,
            name: self.name.clone(),
            status: status::of(self.status.as_deref(), self.conclusion.as_deref()),
            times: Times { started: self.started_at.0, finished: self.completed_at.0, ..Times::default() },
            more: Vec::new(),
        }
    }
}

/// How well a name fits a job of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It is a job of a workflow that this one calls: what it waits for in there is not known.
    Inside,
    /// By the parts of its name that are no expressions.
    Pattern,
    /// One of a matrix.
    Matrix,
    Exact,
}

fn fit(job: &workflow::Job, shown: &str) -> Option<Fit> {
    let name = job.name.as_deref().unwrap_or(&job.id);
    let outer = if job.calls.is_some() { shown.split(" / ").next().unwrap_or(shown) } else { shown };
    let inside = outer.len() < shown.len();
    let found = if outer == name {
        Fit::Exact
    } else if job.matrix && outer.strip_prefix(name).is_some_and(|rest| rest.starts_with(" (") && rest.ends_with(')')) {
        Fit::Matrix
    } else if name.contains("${{") && matches_pattern(name, outer) {
        Fit::Pattern
    } else {
        return None;
    };
    Some(if inside { found.min(Fit::Inside) } else { found })
}

/// Whether `shown` could be `name` with its expressions filled in.
fn matches_pattern(name: &str, shown: &str) -> bool {
    let mut rest = shown;
    let mut parts = name.split("${{");
    let Some(after) = parts.next().and_then(|first| rest.strip_prefix(first)) else { return false };
    rest = after;
    let literals: Vec<&str> = parts.map(|part| part.split_once("}}").map_or("", |(_, literal)| literal)).collect();
    let Some((last, middle)) = literals.split_last() else { return rest.is_empty() };
    for literal in middle {
        let Some(at) = rest.find(literal) else { return false };
        rest = &rest[at + literal.len()..];
    }
    rest.ends_with(last)
}

/// Which job of the file it is, and how sure that is: none where no job fits, or two do equally.
fn of_file<'a>(workflow: &'a Workflow, shown: &str) -> Option<(&'a workflow::Job, Fit)> {
    let fits = || workflow.jobs.iter().filter_map(|job| Some((job, fit(job, shown)?)));
    let (job, best) = fits().max_by_key(|(_, fit)| *fit)?;
    (fits().filter(|(_, fit)| *fit == best).count() == 1).then_some((job, best))
}

/// What was shown, with what the file says of it. `workflow` none: it could not be read.
pub(crate) fn graph(shown: &[Shown], workflow: Option<&Workflow>) -> Graph {
    let mut jobs: Vec<Job> = shown.iter().map(Shown::job).collect();
    let Some(workflow) = workflow else { return Graph { jobs, edges: "none".into(), complete: true } };
    let found: Vec<_> = shown.iter().map(|job| of_file(workflow, &job.name)).collect();
    // A job of the file may be shown as several, or not yet.
    let ids = |needed: &str| {
        let is = move |found: &Option<(&workflow::Job, Fit)>| found.is_some_and(|(job, _)| job.id == needed);
        let both = shown.iter().zip(&found).filter(move |(_, found)| is(found));
        both.map(|(job, _)| job.id.to_string()).collect::<Vec<_>>()
    };
    for (job, found) in jobs.iter_mut().zip(&found) {
        let Some((of, _)) = found else { continue };
        job.stage = Some(of.id.clone());
        job.needs = of.needs.iter().flat_map(|needed| ids(needed)).collect();
    }
    let exact = found.iter().all(|found| found.is_some_and(|(_, fit)| fit > Fit::Pattern));
    let some = found.iter().any(Option::is_some) || shown.is_empty();
    let edges = if some { "approximate" } else { "none" };
    Graph { jobs, edges: if exact { "exact" } else { edges }.into(), complete: true }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
