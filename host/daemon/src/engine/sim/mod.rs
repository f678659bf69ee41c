//! The host's engine and use cases under simulation: a whole world that follows from one number.
//!
//! In it are a platform that keeps the truth, the way to it on which everything goes wrong, clients that ask again, and hosts
//! that die between any two steps and are started again on the same state. Time passes only where nobody has anything left
//! to do, so an hour takes no time and a seed plays the same each time. What is the same each time ends at two places, which
//! show in no story: tokens and sealed values are really random, and so are the ids of runs that others started.
//!
//! `SIM_SEEDS=0..10000 cargo nextest run -p novacron-cicd engine::sim::whatever` plays so many of them, `SIM_SEED=7 ...` one
//! again, and says all that happened in it where it went wrong.
#![expect(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod check;
mod host;
mod network;
mod platform;
mod profile;
mod steps;
mod story;
mod time;

use std::{
    fmt::Debug,
    ops::Range,
    str::FromStr,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// What should not have come to pass.
type Failure = String;

const START: i64 = 1_700_000_000_000;
const PIPELINE_NAME: &str = "build";
/// The worlds that are played where nothing else is said.
const SEEDS: Range<u64> = 0..200;

fn said<T: FromStr<Err: Debug>>(variable: &str) -> Option<T> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// `A..B`, as somebody says it.
struct Seeds(Range<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("{text} is no number"));
        let (first, end) = text.split_once("..").ok_or("say it as 0..10000")?;
        Ok(Self(number(first)?..number(end)?))
    }
}

#[test]
fn whatever_goes_wrong_no_run_is_lost_or_doubled_and_all_come_to_the_platforms_truth() {
    if let Some(seed) = said::<u64>("SIM_SEED") {
        story::play(seed).unwrap_or_else(|failure| panic!("SIM_SEED={seed}: {failure}"));
        return;
    }
    let asked = said::<Seeds>("SIM_SEEDS");
    // Who asks for many wants to know all that go wrong.
    let (patient, Seeds(seeds)) = (asked.is_some(), asked.unwrap_or(Seeds(SEEDS)));
    let (next, failed) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| {
                while patient || failed.lock().unwrap().is_empty() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
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
    assert!(failed.is_empty(), "{} worlds went wrong, and go wrong again:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn a_seed_is_the_same_story_each_time() {
    for seed in 0..10 {
        let (one, other) = (story::play(seed).unwrap(), story::play(seed).unwrap());
        let differs = one.iter().zip(&other).find(|(one, other)| one != other);
        assert_eq!((differs, one.len()), (None, other.len()), "seed {seed}");
    }
}
