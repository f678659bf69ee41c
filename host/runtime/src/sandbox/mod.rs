//! The sandbox: one tuned engine, limits for every call, a fresh store per call, and what a guest can import.
//!
//! Must be absent: which plugin it is, what its manifest says, where plugins come from.

mod engine;
mod imports;
mod limits;
mod meter;
mod output;
mod state;
mod trap;

pub use engine::{Memory, SandboxEngine, TICK, config};
pub use limits::Limits;

pub(crate) use imports::shown;
pub(crate) use meter::Meter;
pub(crate) use state::{CallState, Parts};
pub(crate) use trap::{explain, is_full};

use wasmtime::component::Linker;

/// Why there is no sandbox.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// The engine can't be made.
    #[error("the sandbox can't be started: {detail}")]
    Engine {
        /// What the machine or the engine said.
        detail: String,
    },
}

impl novacron_cicd_domain::Coded for SandboxError {
    fn code(&self) -> &'static str {
        "sandbox.engine"
    }

    fn hint(&self) -> Option<String> {
        Some("see whether this machine has address space and threads left (ulimit -v, ulimit -u)".into())
    }
}

/// Everything that a guest can import, and nothing else.
pub(crate) fn linker(engine: &SandboxEngine) -> Result<Linker<CallState>, SandboxError> {
    let mut linker = Linker::new(engine.engine());
    output::link(&mut linker)
        .and_then(|()| imports::link(&mut linker))
        .map_err(|error| SandboxError::Engine { detail: format!("{error:#}") })?;
    Ok(linker)
}
