//! What a call costs: to a sandboxed plugin through the whole call path, each in a fresh instance, and to a warm gRPC provider that
//! is a process of its own. In one process and in interleaved rounds, so that a busy machine slows both. One line of JSON comes out.
//!
//! Both answer with the same run of twenty jobs, and both answers become the same value of the domain.

#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the program")]
#![expect(clippy::print_stdout, reason = "the result is what it prints")]

#[path = "grpc/convert.rs"]
mod convert;
#[path = "../../../host/runtime/benches/calls/host.rs"]
mod host;
#[path = "grpc/peer.rs"]
mod peer;
#[path = "../../../host/runtime/benches/calls/spread.rs"]
mod spread;

use std::time::Instant;

use novacron_cicd_domain::{
    platform::{FoundRun, RunRef},
    provider::Provider,
};
use novacron_cicd_runtime::Runtime;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use peer::Peer;
use spread::{spread, told};

/// Calls of one side in one round.
const CALLS: usize = 250;
const ROUNDS: usize = 80;

fn main() {
    // The quickest for the peer: no call and no answer is handed from one thread to another.
    let one_thread = Builder::new_current_thread().enable_all().build().unwrap().block_on(measure());
    // As the daemon makes calls: in a task, on a runtime with a thread for each core.
    let threads = Builder::new_multi_thread().enable_all().build().unwrap();
    let as_the_daemon = threads.block_on(async { tokio::spawn(measure()).await.unwrap() });
    println!(
        "{}",
        json!({
            "bench": "grpc", "calls_per_round": CALLS, "rounds": ROUNDS,
            "one_thread": one_thread, "as_the_daemon": as_the_daemon,
        })
    );
}

#[derive(Clone, Copy)]
enum Side {
    Ours,
    Theirs,
}

/// Both sides, ready.
struct Sides {
    runtime: Runtime,
    provider: Provider,
    run: RunRef,
    peer: Peer,
}

impl Sides {
    async fn call(&self, side: Side) -> FoundRun {
        match side {
            Side::Ours => host::get_run(&self.runtime, &self.provider, &self.run).await,
            Side::Theirs => self.peer.get_run(&self.run).await,
        }
    }

    /// Microseconds of each call of a round.
    async fn round(&self, side: Side) -> Vec<f64> {
        let mut calls = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            let begun = Instant::now();
            let found = self.call(side).await;
            calls.push(begun.elapsed().as_secs_f64() * 1e6);
            assert_eq!(found.run.graph.unwrap().jobs.len(), 20);
        }
        calls
    }
}

async fn measure() -> Value {
    let directory = tempfile::tempdir().unwrap();
    host::install(directory.path());
    let sides = Sides {
        runtime: host::start(directory.path()).await,
        provider: host::configured(),
        run: host::run(),
        peer: Peer::start().await,
    };
    assert_eq!(sides.call(Side::Ours).await, sides.call(Side::Theirs).await, "both answer the same");

    let [mut ours, mut theirs] = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        // Which of them comes first changes from round to round.
        let order = if round % 2 == 0 { [Side::Ours, Side::Theirs] } else { [Side::Theirs, Side::Ours] };
        for side in order {
            let calls = sides.round(side).await;
            match side {
                // The first round only warms up.
                _ if round == 0 => {}
                Side::Ours => ours.push(calls),
                Side::Theirs => theirs.push(calls),
            }
        }
    }
    sides.peer.end().await;
    compared(&ours, &theirs)
}

fn compared(ours: &[Vec<f64>], theirs: &[Vec<f64>]) -> Value {
    // The median call of a round, not the mean: who waits for another process pays dearly now and then, and that is told apart.
    let medians = |rounds: &[Vec<f64>]| rounds.iter().map(|round| spread(round.clone())[2]).collect::<Vec<_>>();
    let (our_medians, their_medians) = (medians(ours), medians(theirs));
    // Of each round by itself: what slows the machine for a while slows both sides of a ratio.
    let times_faster = our_medians.iter().zip(&their_medians).map(|(ours, theirs)| theirs / ours).collect();
    let slow = |rounds: &[Vec<f64>]| {
        let mut calls = rounds.concat();
        calls.sort_by(f64::total_cmp);
        calls[calls.len() * 99 / 100]
    };
    json!({
        "times_faster": told(spread(times_faster)),
        "microseconds_per_call": { "ours": told(spread(our_medians)), "warm_grpc": told(spread(their_medians)) },
        "ninety_ninth_percentile_microseconds": { "ours": slow(ours), "warm_grpc": slow(theirs) },
    })
}
