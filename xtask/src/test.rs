//! All tests, after what they need has been built.

use std::path::PathBuf;

use crate::{guests, peers::Peers, tools, tree};

/// Has no tests, and would have them wait for a gRPC library: `cargo xtask bench` builds it.
const BENCH_PEER: &str = "novacron-cicd-grpcpeer";

/// The host with fault points in it, kept beside the one without.
pub(crate) fn faulty_host() -> PathBuf {
    tree::program("novacron-cicd-with-faults")
}

/// Builds the host twice, with fault points and without; only its own crate differs.
pub(crate) fn build_programs() -> anyhow::Result<()> {
    tree::run(
        "building the host with fault points, for the kill tests",
        tree::cargo(["build", "--locked", "-p", "novacron-cicd", "--features", "fault-injection"]),
    )?;
    // Copied and renamed, so that a test that runs it meanwhile keeps the old one whole.
    let fresh = faulty_host().with_extension("new");
    std::fs::copy(tree::program("novacron-cicd"), &fresh)?;
    std::fs::rename(&fresh, faulty_host())?;
    tree::run(
        "building the host and the small CI server",
        tree::cargo(["build", "--locked", "-p", "novacron-cicd", "-p", "novacron-cicd-smallci"]),
    )
}

/// Builds, then runs all tests, those in the documentation too, and sees that every peer took part.
pub(crate) fn run(filter: Option<&str>) -> anyhow::Result<()> {
    let peers = Peers::prepare()?;
    guests::build()?;
    build_programs()?;
    if tools::has_subcommand("nextest") {
        let mut command = tree::cargo(["nextest", "run", "--workspace", "--exclude", BENCH_PEER, "--locked"]);
        command.args(filter);
        tree::run("running the tests", command)?;
    } else {
        println!("-- cargo-nextest is not here; cargo test does the same, slower and in a plainer way");
        // Not all targets: the benchmarks would be run whole.
        let mut command = tree::cargo(["test", "--workspace", "--exclude", BENCH_PEER, "--tests", "--locked"]);
        command.args(filter);
        // The scenarios start hosts; more than two at once on two cores would only time each other out.
        command.args(["--", "--test-threads=2"]);
        tree::run("running the tests", command)?;
    }
    if filter.is_some() {
        println!("-- these were not all tests, so nobody looks whether every peer of tests/peers.toml took part");
        return Ok(());
    }
    tree::run(
        "running the examples of the documentation",
        tree::cargo(["test", "--workspace", "--exclude", BENCH_PEER, "--doc", "--locked", "--quiet"]),
    )?;
    peers.check()
}
