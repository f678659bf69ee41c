//! The host's engine and use cases under simulation: a whole world that follows from one number.
//!
//! In it are a platform that keeps the truth, the way to it on which everything goes wrong, clients that ask again, and hosts
//! that die between any two steps and are started again on the same state. Time passes only where nobody has anything left
//! to do, so an hour takes no time and a seed plays the same each time. What is the same each time ends at two places, which
//! show in no story: tokens and sealed values are really random, and so are the ids of runs that others started.
//!
//! `SIM_SEEDS=10000 cargo nextest run -p novacron-cicd engine::sim` plays more of them, `SIM_SEED=7 ...` plays one again.
#![expect(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod check;
mod host;
mod network;
mod platform;
mod profile;
mod steps;
mod story;
mod time;

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

/// What should not have come to pass.
type Failure = String;

const START: i64 = 1_700_000_000_000;
const PIPELINE_NAME: &str = "build";
/// So many worlds are played where nothing else is said.
const SEEDS: u64 = 200;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[test]
fn whatever_goes_wrong_no_run_is_lost_or_doubled_and_all_come_to_the_platforms_truth() {
    if let Some(seed) = number("SIM_SEED") {
        return story::play(seed).map(drop).unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
    }
    let (next, failed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let seeds = number("SIM_SEEDS").unwrap_or(SEEDS);
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    if let Err(failure) = story::play(seed) {
                        let short: Vec<&str> = failure.lines().take_while(|line| !line.starts_with("  ")).collect();
                        failed.lock().unwrap().push(format!("SIM_SEED={seed}: {}", short.join("\n    ")));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {seeds} worlds went wrong; each can be played again\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
fn a_seed_is_the_same_story_each_time() {
    for seed in 0..10 {
        let (one, other) = (story::play(seed).unwrap(), story::play(seed).unwrap());
        let differs = one.iter().zip(&other).find(|(one, other)| one != other);
        assert_eq!((differs, one.len()), (None, other.len()), "seed {seed}");
    }
}
