//! A provider that answers with a run of twenty jobs: what a call costs is measured with it.
//!
//! Nothing is sent and nothing is waited for.

use novacron_cicd_sdk::types::{Error, Graph, Job, Operation, Run, RunRef, State, Status, Ticket, Times};
use novacron_cicd_sdk::{Plugin, Result, Runs, plugin::CheckReport, runs::TriggerRequest};

const JOBS: u64 = 20;
const BEGIN: u64 = 1_700_000_000_000;

struct Bench;

impl Plugin for Bench {
    fn check() -> Result<CheckReport> {
        Ok(CheckReport::default())
    }
}

impl Runs for Bench {
    fn trigger(_: Operation, _: TriggerRequest) -> Result<Ticket> {
        Err(Error::unsupported("runs"))
    }

    fn resolve_ticket(_: String, _: String) -> Result<Ticket> {
        Err(Error::unsupported("tickets"))
    }

    fn get(run: RunRef) -> Result<Run> {
        let jobs: Vec<Job> = (0..JOBS).map(job).collect();
        let finished = jobs.iter().filter_map(|job| job.times.finished).max();
        let mut seen = Run::new(run, Status::of(State::Succeeded, "completed/success"));
        seen.number = Some("4711".to_owned());
        seen.name = Some("build and test everything".to_owned());
        seen.times = times(BEGIN, finished);
        seen.reference = Some("refs/heads/main".to_owned());
        seen.commit = Some("3f786850e387550fdab836ed7e6dc881de23001b".to_owned());
        seen.actor = Some("a-person".to_owned());
        seen.url = Some("https://ci.example.com/acme/app/runs/4711".to_owned());
        seen.graph = Some(Graph { jobs, edges: "exact".to_owned(), complete: true });
        Ok(seen)
    }
}

fn job(number: u64) -> Job {
    let begin = BEGIN + number * 1_000;
    Job {
        id: format!("job-{number}"),
        name: format!("stage {number} on linux"),
        stage: None,
        status: Status::of(State::Succeeded, "completed/success"),
        times: times(begin, Some(begin + 30_000)),
        needs: number.checked_sub(1).map(|before| format!("job-{before}")).into_iter().collect(),
        parent: None,
        runner: None,
        url: None,
        steps: Vec::new(),
        more: Vec::new(),
    }
}

fn times(started: u64, finished: Option<u64>) -> Times {
    Times { created: Some(started), started: Some(started), finished, updated: finished }
}

novacron_cicd_sdk::export!(Bench);
