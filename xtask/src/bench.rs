//! Measurements against peers in the same run, written to `docs/performance.json`.
//!
//! The machine is shared and never quiet, so ratios and medians count, and the command fails only where a figure is worse than twice its
//! bound. The bounds themselves are judged by people, on three runs.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::{
    guests,
    process::{self, Running},
    tree,
};

/// Starts of the host that are measured; the first one compiles the plugin.
const STARTS: usize = 9;
/// Before an idle host's memory is read.
const QUIET: Duration = Duration::from_secs(3);

/// A promise: where its figure is, what it may be, and whether more is worse.
struct Bound {
    what: &'static str,
    figure: &'static str,
    bound: f64,
    more_is_worse: bool,
}

static BOUNDS: [Bound; 9] = [
    Bound {
        what: "a call through the whole path, as a multiple of bare wasmtime",
        figure: "/calls/ratio_to_bare/median",
        bound: 2.0,
        more_is_worse: true,
    },
    Bound {
        what: "scaling to two threads, as a part of bare wasmtime's own",
        figure: "/calls/scaling_ratio/median",
        bound: 0.9,
        more_is_worse: false,
    },
    Bound {
        what: "a call through the whole path, times faster than a warm gRPC call, both as the daemon makes them",
        figure: "/grpc/as_the_daemon/times_faster/median",
        bound: 2.5,
        more_is_worse: false,
    },
    Bound {
        what: "the same, both on one thread, which suits the gRPC peer best",
        figure: "/grpc/one_thread/times_faster/median",
        bound: 2.5,
        more_is_worse: false,
    },
    Bound {
        what: "a page of a hundred runs, mapped by the plugin jenkins, ms",
        figure: "/pages/jenkins/milliseconds/median",
        bound: 5.0,
        more_is_worse: true,
    },
    Bound {
        what: "a page of a hundred runs, mapped by the plugin github-actions, ms",
        figure: "/pages/github-actions/milliseconds/median",
        bound: 5.0,
        more_is_worse: true,
    },
    Bound {
        what: "a page of a hundred runs, mapped by the plugin gitlab-ci, ms",
        figure: "/pages/gitlab-ci/milliseconds/median",
        bound: 5.0,
        more_is_worse: true,
    },
    Bound { what: "an idle host's memory, MB", figure: "/host/idle_megabytes", bound: 60.0, more_is_worse: true },
    Bound {
        what: "a start from the compile cache, ms",
        figure: "/host/start_milliseconds/median",
        bound: 150.0,
        more_is_worse: true,
    },
];

/// Measures everything.
pub(crate) fn run() -> anyhow::Result<()> {
    guests::build()?;
    tree::run("building the host for speed", tree::cargo(["build", "--locked", "--release", "-p", "novacron-cicd"]))?;
    let mut result = json!({
        "calls": measured("novacron-cicd-runtime", "calls", "calls beside bare wasmtime")?,
        "grpc": measured("novacron-cicd-grpcpeer", "grpc", "calls beside a gRPC subprocess")?,
        "pages": measured("novacron-cicd-fakes", "pages", "pages of a hundred runs, mapped by the plugins")?,
        "host": host()?,
    });
    let judged = judge(&result)?;
    result["bounds"] = judged.iter().map(Judged::told).collect();
    let path = tree::root().join("docs/performance.json");
    fs::write(&path, format!("{result:#}\n"))?;
    println!("-- written to {}", path.display());
    let broken: Vec<_> = judged.iter().filter(|row| row.worse > 2.0).map(|row| row.bound.what).collect();
    ensure!(broken.is_empty(), "worse than twice the bound: {}", broken.join("; "));
    Ok(())
}

/// A benchmark of a crate: the line of JSON that it prints last.
fn measured(package: &str, bench: &str, what: &str) -> anyhow::Result<Value> {
    println!("-- measuring {what}");
    let output = tree::cargo(["bench", "--quiet", "--locked", "-p", package, "--bench", bench])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the measurement of {what}: {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().rev().find(|line| line.starts_with('{'));
    let line = line.with_context(|| format!("the measurement of {what} printed no line of JSON"))?;
    Ok(serde_json::from_str(line)?)
}

/// The host as a process: starts, and memory while nothing is asked.
fn host() -> anyhow::Result<Value> {
    println!("-- measuring starts of the host, and its memory at rest");
    let place = tempfile::Builder::new().prefix("novacron-cicd-bench-").tempdir()?;
    let state = place.path().join("state");
    fs::create_dir_all(state.join("plugins"))?;
    fs::copy(guests::component("novacron-cicd-plugin-webhook"), state.join("plugins/webhook.wasm"))?;
    let (first, host) = start(&state)?;
    host.stop()?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let (took, host) = start(&state)?;
        starts.push(took);
        host.stop()?;
    }
    starts.sort_by(f64::total_cmp);
    let (_, host) = start(&state)?;
    process::pause(QUIET);
    let memory = megabytes(host.id())?;
    host.stop()?;
    Ok(json!({
        "first_start_milliseconds": first,
        "start_milliseconds": { "least": starts[0], "median": starts[STARTS / 2], "most": starts[STARTS - 1] },
        "idle_megabytes": memory,
    }))
}

/// Milliseconds from the start of the process until it says that it serves.
fn start(state: &Path) -> anyhow::Result<(f64, Running)> {
    let program = tree::target().join("release/novacron-cicd");
    let began = Instant::now();
    let host = Running::host(&program, state, &state.with_extension("log"))?;
    Ok((began.elapsed().as_secs_f64() * 1000.0, host))
}

/// Resident memory, as the kernel counts it.
fn megabytes(process: u32) -> anyhow::Result<f64> {
    let file = format!("/proc/{process}/status");
    let status = fs::read_to_string(&file).with_context(|| format!("{file}: memory is measured on Linux only"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the kernel says no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0 / 1e6)
}

/// A bound, and what was found.
struct Judged {
    bound: &'static Bound,
    found: f64,
    /// How many times worse than the bound; 1 and below keeps it.
    worse: f64,
}

impl Judged {
    const fn is_kept(&self) -> bool {
        self.worse <= 1.0
    }

    fn told(&self) -> Value {
        let Bound { what, figure, bound, more_is_worse } = self.bound;
        let limit = if *more_is_worse { "at_most" } else { "at_least" };
        json!({ "what": what, "figure": figure, limit: bound, "found": self.found, "kept": self.is_kept() })
    }
}

/// Every figure beside its bound, said as it is found.
fn judge(result: &Value) -> anyhow::Result<Vec<Judged>> {
    BOUNDS
        .iter()
        .map(|bound| {
            let Bound { what, figure, bound: limit, more_is_worse } = bound;
            let found =
                result.pointer(figure).and_then(Value::as_f64).with_context(|| format!("{figure} is missing"))?;
            let worse = if *more_is_worse { found / limit } else { limit / found };
            let judged = Judged { bound, found, worse };
            let verdict = if judged.is_kept() { "kept" } else { "MISSED" };
            println!(
                "   {what}: {found:.2} ({} {limit}): {verdict}",
                if *more_is_worse { "at most" } else { "at least" }
            );
            Ok(judged)
        })
        .collect()
}
