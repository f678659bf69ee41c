//! Measurements against peers in the same run, written to `docs/performance.json`.
//!
//! The machine is shared and never quiet, so ratios and medians count, and the command fails only where a figure is worse than twice its
//! bound. The bounds themselves are judged by people, on three runs.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::{guests, tree};

/// Starts of the host that are measured; the first one compiles the plugin.
const STARTS: usize = 9;
/// Before an idle host's memory is read.
const QUIET: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(30);

/// A promise: where its figure is, what it may be, and whether more is worse.
struct Bound {
    what: &'static str,
    figure: &'static str,
    bound: f64,
    more_is_worse: bool,
}

const BOUNDS: [Bound; 4] = [
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
    let result = json!({ "calls": calls()?, "host": host()? });
    let path = tree::root().join("docs/performance.json");
    fs::write(&path, format!("{result:#}\n"))?;
    println!("-- written to {}", path.display());
    judge(&result)
}

/// The call path beside bare wasmtime.
fn calls() -> anyhow::Result<Value> {
    println!("-- measuring calls beside bare wasmtime");
    let output = tree::cargo(["bench", "--quiet", "--locked", "-p", "novacron-cicd-runtime", "--bench", "calls"])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the measurement of calls: {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().rev().find(|line| line.starts_with('{')).context("the measurement printed no result")?;
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
    stop(host)?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let (took, host) = start(&state)?;
        starts.push(took);
        stop(host)?;
    }
    starts.sort_by(f64::total_cmp);
    let (_, host) = start(&state)?;
    std::thread::park_timeout(QUIET);
    let memory = megabytes(host.id())?;
    stop(host)?;
    Ok(json!({
        "first_start_milliseconds": first,
        "start_milliseconds": { "least": starts[0], "median": starts[STARTS / 2], "most": starts[STARTS - 1] },
        "idle_megabytes": memory,
    }))
}

/// From the start of the process until it says that it serves.
fn start(state: &Path) -> anyhow::Result<(f64, Child)> {
    let began = Instant::now();
    let mut host = Command::new(tree::target().join("release/novacron-cicd"))
        .args(["serve", "--listen", "127.0.0.1:0", "--state-dir"])
        .arg(state)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    while !state.join("daemon.json").exists() {
        if let Some(status) = host.try_wait()? {
            bail!("the host ended at once: {status}");
        }
        if began.elapsed() > PATIENCE {
            host.kill()?;
            host.wait()?;
            bail!("the host was not ready within {PATIENCE:?}");
        }
        std::thread::park_timeout(Duration::from_micros(500));
    }
    Ok((began.elapsed().as_secs_f64() * 1000.0, host))
}

fn stop(mut host: Child) -> anyhow::Result<()> {
    let asked = Command::new("kill").arg(host.id().to_string()).status()?;
    ensure!(asked.success(), "the host could not be asked to stop");
    host.wait()?;
    Ok(())
}

/// Resident memory, as the kernel counts it.
fn megabytes(process: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the kernel says no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0 / 1e6)
}

fn judge(result: &Value) -> anyhow::Result<()> {
    let mut broken = Vec::new();
    for Bound { what, figure, bound, more_is_worse } in BOUNDS {
        let found = result.pointer(figure).and_then(Value::as_f64).with_context(|| format!("{figure} is missing"))?;
        let worse = if more_is_worse { found / bound } else { bound / found };
        let verdict = if worse <= 1.0 { "kept" } else { "MISSED" };
        println!("   {what}: {found:.2} ({} {bound}): {verdict}", if more_is_worse { "at most" } else { "at least" });
        if worse > 2.0 {
            broken.push(what);
        }
    }
    ensure!(broken.is_empty(), "worse than twice the bound: {}", broken.join("; "));
    Ok(())
}
