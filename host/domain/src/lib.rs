//! What NovaCron CI/CD is about: pipelines, runs, operations, artifacts, and the rules between them.
//!
//! Everything here is a value or a pure function. No input or output, no clock and no randomness: time and ids come in
//! as arguments. Must be absent: SQL, HTTP, WIT, async.

pub mod artifact;
pub mod backoff;
pub mod code;
pub mod event;
pub mod field;
pub mod id;
mod line_filter;
pub mod name;
pub mod notification;
pub mod operation;
pub mod parameter;
pub mod pipeline;
pub mod platform;
pub mod provider;
pub mod run;
pub mod status;
pub mod time;
pub mod token;
pub mod webhook;

pub use code::{Coded, Retry};
pub use line_filter::LineFilter;
pub use time::Timestamp;
