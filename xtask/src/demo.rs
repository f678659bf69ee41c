//! The demo.

/// Shows the main job.
pub(crate) fn run(_keep: bool) -> anyhow::Result<()> {
    anyhow::bail!("the demo waits for the host")
}
