//! Measurements against peers in the same run.

use crate::{guests, tree};

/// Runs every benchmark of the workspace.
pub(crate) fn run() -> anyhow::Result<()> {
    guests::build()?;
    tree::run("measuring", tree::cargo(["bench", "--locked", "-p", "novacron-cicd-runtime"]))
}
