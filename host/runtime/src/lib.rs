//! Plugins: from files to sandboxed calls, and their only door out.
//!
//! - [`plugin`]: files, manifests, the compile cache, what was approved.
//! - [`sandbox`]: the engine, the limits, a fresh instance per call, what a guest can import.
//! - [`egress`]: the only way out for a guest.
//! - [`provider`]: the typed calls; all of them go through one path.
//!
//! Must be absent: state of runs, SQL, HTTP towards our own users.

mod call;
pub mod egress;
mod error;
pub mod plugin;
pub mod ports;
pub mod provider;
mod runtime;
pub mod sandbox;

pub use error::RuntimeError;
pub use novacron_cicd_domain::platform::{CallError, CallErrorKind, TrapCause};
pub use ports::HostPorts;
pub use provider::{Binding, Changed, Provider};
pub use runtime::{POOLING_VARIABLE, Runtime, RuntimeConfig};
