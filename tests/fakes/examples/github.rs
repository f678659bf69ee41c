//! The fake GitHub on its own, with a small world, for clients of other makes: it executes what is queued by itself, each job in
//! a second, until somebody cancels it. `IDLE=1` leaves runs alone, for an engine that drives them.
//!
//! `cargo run -p novacron-cicd-fakes --example github`

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for people who look at it, in their time"
)]

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use novacron_cicd_fakes::{
    github::{Github, Runner, Work},
    house::secret,
};

const CI: &str = "name: CI
run-name: CI for ${{ inputs.who }} ${{ inputs.novacron_correlation }}
on:
  push:
  workflow_dispatch:
    inputs:
      who: {description: Whom to greet, default: nobody}
      novacron_correlation: {description: The run's token}
jobs:
  build: {runs-on: ubuntu-latest, steps: [{run: make}]}
  test: {needs: build, runs-on: ubuntu-latest, steps: [{run: make test}]}
";

fn clock() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// What is there from the beginning: runs that ended in each way, and one that goes on.
fn furnish(github: &Github) {
    let mut world = github.world();
    world.now = clock();
    world.add_repo("acme/app", &[(".github/workflows/ci.yml", CI), ("README.md", "# App\n")]);
    for (title, conclusion) in [("Begin", "success"), ("Break it", "failure"), ("Think again", "cancelled")] {
        let run = world.add_run("acme/app", "ci.yml", "push", "main", title, BTreeMap::new());
        let job = world.begin_job(run, "build");
        world.step(job, "Set up job", "completed", Some("success"));
        world.step(job, "Run make", "completed", Some(conclusion));
        world.end_job(job, conclusion, Some("make: done"));
        world.keep(run, "out", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        world.end(run, conclusion);
    }
    let id = world.number();
    let runner =
        Runner { id, name: "builder-1".into(), status: "online".into(), busy: false, labels: vec!["gpu".into()] };
    let repo = world.repo("acme/app");
    repo.runners.push(runner);
    repo.environments.insert("production".into(), serde_json::json!({ "wait_timer": 5 }));
}

/// Goes on with a run by a second: a job each.
fn go_on(github: &Github, work: &Work, second: usize) -> bool {
    let mut world = github.world();
    if !world.asked(work.run).is_empty() {
        world.end(work.run, "cancelled");
        return false;
    }
    match ["build", "test"].get(second) {
        Some(name) => {
            world.begin(work.run);
            let job = world.begin_job(work.run, name);
            world.step(job, "Set up job", "completed", Some("success"));
            world.step(job, "Run make", "completed", Some("success"));
            world.end_job(job, "success", Some("make: done"));
            true
        }
        None => {
            world.end(work.run, "success");
            false
        }
    }
}

#[tokio::main]
async fn main() {
    let github = Github::start().await;
    furnish(&github);
    println!("{} token {} repository acme/app", github.url(), secret("token"));
    let idle = std::env::var("IDLE").is_ok();
    let mut running: Vec<(Work, usize)> = Vec::new();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        github.world().now = clock();
        if idle {
            continue;
        }
        running.retain_mut(|(work, second)| {
            let goes_on = go_on(&github, work, *second);
            *second += 1;
            goes_on
        });
        let known = |work: &Work| running.iter().any(|(there, _)| there.run == work.run);
        let new: Vec<_> = github.world().pending().into_iter().filter(|work| !known(work)).collect();
        running.extend(new.into_iter().map(|work| (work, 0)));
    }
}
