//! What a call costs: through the whole call path, and on wasmtime alone with the same engine, in one process and in
//! interleaved rounds, so that a busy machine slows both. One line of JSON comes out.
//!
//! Both make a fresh instance for each call, load the one interface, call `runs.get`, and get a run of twenty jobs; ours
//! also has the limits, the span, the metrics, the place, the deadline, the token, and the conversion to the domain.

#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the program")]
#![expect(clippy::print_stdout, reason = "the result is what it prints")]

#[path = "calls/bare.rs"]
mod bare;
#[path = "calls/ports.rs"]
mod ports;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use novacron_cicd_domain::{
    Timestamp,
    id::ProviderId,
    name::Name,
    platform::RunRef,
    provider::{Grants, Health, Provider as Configured},
};
use novacron_cicd_runtime::{Binding, Runtime, RuntimeConfig, egress::DoorConfig, sandbox::Limits};
use novacron_cicd_vault::Secret;
use tokio_util::sync::CancellationToken;

use bare::Bare;

/// Calls of one thread in one round.
const CALLS: u32 = 250;
const ROUNDS: usize = 80;
const STARTS: usize = 25;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = directory.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let file = plugins.join("bench.wasm");
    std::fs::copy(guest(), &file).unwrap();

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
            let (provider, run) = (configured(), run());
            barrier.wait();
            let begun = Instant::now();
            for _ in 0..CALLS {
                let binding = Binding {
                    provider: provider.clone(),
                    secrets: BTreeMap::new(),
                    deadline: Duration::from_secs(30),
                    cancel: CancellationToken::new(),
                    actor: "bench".into(),
                };
                let found = runtime.provider(binding).unwrap().get_run(&run).await.unwrap();
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

async fn start(directory: &Path) -> Runtime {
    let config = RuntimeConfig {
        plugin_dirs: vec![directory.join("plugins")],
        cache_dir: directory.join("cache"),
        lock_file: directory.join("plugins.lock"),
        cache_key: Secret::new(vec![7; 32]),
        pooling: true,
        limits: Limits::default(),
        door: DoorConfig::default(),
    };
    Runtime::start(config, Arc::new(ports::Ports::default())).await.unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn guest() -> PathBuf {
    let built = std::env::var_os("CICD_TEST_GUESTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/wasm32-wasip2/guest"),
        PathBuf::from,
    );
    let path = built.join("novacron_cicd_guest_bench.wasm");
    assert!(path.is_file(), "{} is missing: run cargo xtask guests", path.display());
    path
}

fn run() -> RunRef {
    RunRef { pipeline: "app".into(), run: "17".into(), attempt: None }
}

fn configured() -> Configured {
    Configured {
        id: ProviderId(uuid::Uuid::nil()),
        name: Name::new("bench").unwrap(),
        plugin: "bench".into(),
        base_url: "https://ci.example.com/".parse().unwrap(),
        settings: serde_json::json!({}),
        credentials: BTreeMap::new(),
        grants: Grants::default(),
        health: Health::default(),
        version: 1,
        created: Timestamp(0),
        updated: Timestamp(0),
    }
}

/// Least, lower quartile, median, upper quartile.
fn spread(mut samples: Vec<f64>) -> [f64; 4] {
    samples.sort_by(f64::total_cmp);
    [0.0, 0.25, 0.5, 0.75].map(|part| samples[(((samples.len() - 1) as f64) * part).round() as usize])
}

fn told([least, low, median, high]: [f64; 4]) -> serde_json::Value {
    serde_json::json!({ "median": median, "quartiles": [low, high], "least": least })
}
