//! What would keep a workflow from running, as far as its file tells.
//!
//! Pure. GitHub has no linter to ask; what it refuses is in its documentation ("Workflow syntax for GitHub Actions"). Expressions are
//! not looked into.

use novacron_cicd_sdk::pipeline_lint::Finding;

use crate::{
    dispatch::MOST_INPUTS,
    workflow::{Job, Workflow},
};

fn finding(message: String) -> Finding {
    Finding { severity: "error".into(), message, line: None, column: None }
}

/// The findings; no error means that GitHub would read it.
pub(crate) fn findings(source: &[u8]) -> Vec<Finding> {
    let Ok(text) = std::str::from_utf8(source) else { return vec![finding("it is no UTF-8".into())] };
    if let Err(error) = serde_yaml_ng::from_str::<serde_yaml_ng::Value>(text) {
        let place = error.location();
        let number = |number: usize| u32::try_from(number).ok();
        return vec![Finding {
            line: place.as_ref().and_then(|place| number(place.line())),
            column: place.as_ref().and_then(|place| number(place.column())),
            ..finding(error.to_string())
        }];
    }
    match Workflow::parse(text) {
        Ok(workflow) => problems(&workflow).into_iter().map(finding).collect(),
        Err(error) => vec![finding(error.message)],
    }
}

fn problems(workflow: &Workflow) -> Vec<String> {
    let mut problems = Vec::new();
    if workflow.on.is_empty() {
        problems.push("`on` is missing: nothing starts it".into());
    }
    if workflow.jobs.is_empty() {
        problems.push("`jobs` is missing: it does nothing".into());
    }
    let inputs = workflow.inputs();
    if inputs.len() > MOST_INPUTS {
        problems.push(format!("{} inputs: GitHub takes at most {MOST_INPUTS}", inputs.len()));
    }
    for input in &inputs {
        if input.kind == "choice" && input.choices.is_empty() {
            problems.push(format!("input {}: a choice without options", input.name));
        }
    }
    for job in &workflow.jobs {
        if !job.placed && job.calls.is_none() {
            problems.push(format!("job {}: neither `runs-on` nor `uses`", job.id));
        }
        for needed in &job.needs {
            if !workflow.jobs.iter().any(|other| other.id == *needed) {
                problems.push(format!("job {}: it needs {needed}, which is not there", job.id));
            }
        }
    }
    problems.extend(circle(&workflow.jobs).map(|id| format!("job {id}: it waits for itself")));
    problems
}

/// A job that can never begin, since what it needs needs it.
fn circle(jobs: &[Job]) -> Option<&str> {
    let mut done: Vec<&str> = Vec::new();
    let known = |id: &String| jobs.iter().any(|job| job.id == *id);
    loop {
        let is_done = |id: &str| done.contains(&id);
        let ready = |job: &&Job| !is_done(&job.id) && job.needs.iter().all(|id| !known(id) || is_done(id));
        match jobs.iter().find(ready) {
            Some(job) => done.push(&job.id),
            None => return jobs.iter().map(|job| job.id.as_str()).find(|id| !done.contains(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_github_would_not_run_is_found() {
        let fine = "on: push\njobs:\n  a: {runs-on: x}\n  b: {uses: ./x.yml, needs: a}\n";
        assert_eq!(findings(fine.as_bytes()), []);
        let rows = [
            ("jobs: {a: {runs-on: x}}", "`on` is missing"),
            ("on: push", "`jobs` is missing"),
            ("on: push\njobs: {a: {}}", "neither `runs-on`"),
            ("on: push\njobs: {a: {runs-on: x, needs: z}}", "needs z"),
            ("on: push\njobs: {a: {runs-on: x, needs: b}, b: {runs-on: x, needs: [a]}}", "waits for itself"),
            ("on: {workflow_dispatch: {inputs: {x: {type: choice}}}}\njobs: {a: {runs-on: x}}", "without options"),
            ("- a", "no workflow"),
        ];
        for (text, part) in rows {
            let found = findings(text.as_bytes());
            assert!(found.len() == 1 && found[0].message.contains(part), "{text}: {found:?}");
        }
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_place() {
        let found = findings(b"on: push\njobs: [\n");
        assert_eq!((found.len(), found[0].line.is_some()), (1, true), "{found:?}");
        assert_eq!(findings(&[0xff]).len(), 1);
    }
}
