//! The use cases: what the API and the command line ask for. Each one checks with `domain`, changes the state in one
//! transaction (row, operation, event and audit record together), and answers; it never waits for a platform where
//! the answer can be had later.
//!
//! Must be absent: HTTP, SQL, and the platform's side of an operation, which is the engine's.

mod actor;
mod artifacts;
mod callbacks;
mod host;
mod error;
mod events;
mod health;
mod idempotency;
mod input;
mod logs;
mod operations;
mod pipelines;
mod plugins;
mod ports;
mod providers;
mod runs;
mod secrets;
mod start;
mod tokens;

pub use actor::Actor;
pub use artifacts::Artifacts;
pub use callbacks::Callbacks;
pub use error::{ErrorClass, Problem, ServiceError};
pub use events::Events;
pub use health::{Health, Readiness};
pub use idempotency::Idempotency;
pub use input::*;
pub use logs::Logs;
pub use operations::Operations;
pub use pipelines::Pipelines;
pub use plugins::Plugins;
pub use providers::Providers;
pub use runs::Runs;
pub use secrets::Secrets;
pub use start::{Services, ServicesConfig, StateDir};
pub use tokens::{Tokens, reset_admin_token};
