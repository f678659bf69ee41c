//! What the scenarios stand on: a host of their own each, a client that believes no answer, the command line, a small CI server
//! and a repository for it to build.
//!
//! Everything is on loopback, at ports that the system chose, in directories that go with the test; only processes that a test started
//! itself are ended, by their id.

mod api;
mod buildbot;
mod cli;
mod contract;
mod features;
mod follower;
mod functions;
mod home;
mod host;
mod mark;
mod repository;
mod world;

pub(crate) use api::{Answer, Api};
pub(crate) use buildbot::{Buildbot, Hook, PASSWORD, USER};
pub(crate) use cli::{Cli, Ended};
pub(crate) use contract::Contract;
pub(crate) use features::assert_are_features;
pub(crate) use follower::{Seen, follow};
pub(crate) use functions::{Function, Planned, Served, component_functions, contract_functions, contract_table};
pub(crate) use home::Home;
pub(crate) use host::{Host, Setup};
pub(crate) use mark::{spoke, version_of};
pub(crate) use repository::Repository;
pub(crate) use world::{ENDLESS, SCRIPT, SIGNING, World, eventually, pipeline_body, run_over, until};

use std::{path::PathBuf, time::Duration};

/// Longer than anything takes that goes well, on a machine that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |path| root().join(path))
}

fn required(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is not there; `cargo xtask test` builds it", path.display());
    path
}

/// The host that is tested.
pub(crate) fn program() -> PathBuf {
    required(std::env::var_os("CICD_TEST_PROGRAM").map_or_else(|| target().join("debug/novacron-cicd"), Into::into))
}

/// The host with fault points in it.
pub(crate) fn faulty_program() -> PathBuf {
    required(target().join("debug/novacron-cicd-with-faults"))
}

/// The component that a guest's package was built to.
pub(crate) fn component(package: &str) -> PathBuf {
    let folder =
        std::env::var_os("CICD_TEST_GUESTS").map_or_else(|| target().join("guests/wasm32-wasip2/guest"), PathBuf::from);
    required(folder.join(format!("{}.wasm", package.replace('-', "_"))))
}

/// A file of the tree.
pub(crate) fn document(name: &str) -> String {
    let path = root().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
