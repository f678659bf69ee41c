//! What a call costs: through the whole call path, and on wasmtime alone with the same engine, in one process and in
//! interleaved rounds, so that a busy machine slows both. One line of JSON comes out.
//!
//! Both make a fresh instance for each call, load the one interface, call `runs.get`, and get a run of twenty jobs; ours
//! also has the limits, the span, the metrics, the place, the deadline, the token, and the conversion to the domain.

#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the program")]
#![expect(clippy::print_stdout, reason = "the result is what it prints")]

#[path = "calls/bare.rs"]
mod bare;
#[path = "calls/host.rs"]
mod host;
#[path = "calls/spread.rs"]
mod spread;

use std::{
    path::Path,
    sync::{Arc, Barrier},
    thread,
    time::Instant,
};

use novacron_cicd_runtime::{Runtime, sandbox::Limits};

use bare::Bare;
use host::start;
use spread::{spread, told};

/// Calls of one thread in one round.
const CALLS: u32 = 250;
const ROUNDS: usize = 80;
const STARTS: usize = 25;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let file = host::install(directory.path());

    let starts = starts(directory.path(), &file);
    let runtime = block_on(start(directory.path()));
    let bare = Arc::new(Bare::new(&Limits::default(), runtime.memory(), &std::fs::read(&file).unwrap()));

    // Which of the four comes first changes from round to round.
    let mut samples: [Vec<f64>; 4] = Default::default();
    for round in 0..=ROUNDS {
        for step in 0..4 {
            let which = (round + step) % 4;
            let threads = 1 + which / 2;
            let micros = if which % 2 == 0 {
                side_by_side(threads, || ours(runtime.clone()))
            } else {
                side_by_side(threads, || theirs(bare.clone()))
            };
            // The first round only warms up.
            if round > 0 {
                samples[which].push(micros);
            }
        }
    }
    // Of each round by itself: what slows the machine for a while slows both sides of a ratio.
    let paired = |one: usize, other: usize| {
        told(spread(samples[one].iter().zip(&samples[other]).map(|(one, other)| one / other).collect()))
    };
    let scaling = samples.iter().take(2).zip(&samples[2..]).map(|(one, two)| {
        let scaling: Vec<f64> = one.iter().zip(two).map(|(one, two)| one / two).collect();
        scaling
    });
    let scaling: Vec<Vec<f64>> = scaling.collect();
    let relative = scaling[0].iter().zip(&scaling[1]).map(|(ours, bare)| ours / bare).collect();
    let result = serde_json::json!({
        "bench": "calls",
        "memory": format!("{:?}", runtime.memory()),
        "calls_per_round": CALLS,
        "rounds": ROUNDS,
        "ratio_to_bare": paired(0, 1),
        "ratio_to_bare_two_threads": paired(2, 3),
        "scaling_ratio": told(spread(relative)),
        "scaling": { "ours": told(spread(scaling[0].clone())), "bare": told(spread(scaling[1].clone())) },
        "microseconds_per_call": {
            "ours": told(spread(samples[0].clone())), "bare": told(spread(samples[1].clone())),
            "ours_two_threads": told(spread(samples[2].clone())), "bare_two_threads": told(spread(samples[3].clone())),
        },
        "start_milliseconds": starts,
    });
    println!("{result}");
}

/// When a thread's calls began and ended, by its own clock: the thread that waits for it may be late to look.
type Span = (Instant, Instant);

/// Microseconds per call, all threads together.
fn side_by_side<W: FnOnce(&Barrier) -> Span + Send + 'static>(threads: usize, work: impl Fn() -> W) -> f64 {
    let barrier = Arc::new(Barrier::new(threads));
    let handles: Vec<_> = (0..threads)
        .map(|_| {
            let (work, barrier) = (work(), barrier.clone());
            thread::spawn(move || work(&barrier))
        })
        .collect();
    let spans: Vec<Span> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
    let begun = spans.iter().map(|span| span.0).min().unwrap();
    let ended = spans.iter().map(|span| span.1).max().unwrap();
    (ended - begun).as_secs_f64() * 1e6 / (f64::from(CALLS) * threads as f64)
}

fn ours(runtime: Runtime) -> impl FnOnce(&Barrier) -> Span + Send + 'static {
    move |barrier| {
        block_on(async {
            let (provider, run) = (host::configured(), host::run());
            barrier.wait();
            let begun = Instant::now();
            for _ in 0..CALLS {
                let found = host::get_run(&runtime, &provider, &run).await;
                assert_eq!(found.run.graph.unwrap().jobs.len(), 20);
            }
            (begun, Instant::now())
        })
    }
}

fn theirs(bare: Arc<Bare>) -> impl FnOnce(&Barrier) -> Span + Send + 'static {
    move |barrier| {
        block_on(async {
            barrier.wait();
            let begun = Instant::now();
            for _ in 0..CALLS {
                assert_eq!(bare.call("app", "17").await, 20);
            }
            (begun, Instant::now())
        })
    }
}

/// Median milliseconds of: a first start that compiles, a start that finds the plugin compiled, a start without plugins.
fn starts(directory: &Path, file: &Path) -> serde_json::Value {
    let empty = tempfile::tempdir().unwrap();
    let timed = |directory: &Path| {
        let begun = Instant::now();
        drop(block_on(start(directory)));
        begun.elapsed().as_secs_f64() * 1e3
    };
    let first = timed(directory);
    let (mut cached, mut none, mut load) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        cached.push(timed(directory));
        none.push(timed(empty.path()));
    }
    block_on(async {
        let runtime = start(directory).await;
        for _ in 0..STARTS {
            let begun = Instant::now();
            runtime.load(file).await.unwrap();
            load.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    });
    serde_json::json!({
        "first": first, "cached": told(spread(cached)), "without_plugins": told(spread(none)),
        "one_cached_plugin": told(spread(load)),
    })
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
