//! Write a CI/CD provider for NovaCron in Rust.
//!
//! A provider is a type that implements [`Plugin`], [`Runs`] and whichever of the optional interfaces its platform
//! can do; [`export!`] makes a component of it. All of them are in [`interfaces`], and every type that they share is
//! in [`types`]. What the host offers is in [`http`], [`context`], [`kv`], [`keys`], [`clock`], [`random`] and
//! [`log`]; there is nothing else: no files, no network, no environment, and no secret ever.
//!
//! ```no_run
//! use novacron_cicd_sdk::{Plugin, Result, http::Request, plugin::CheckReport};
//!
//! struct Acme;
//!
//! impl Plugin for Acme {
//!     fn check() -> Result<CheckReport> {
//!         Request::get("/healthz").credential("token").send()?.ok()?;
//!         Ok(CheckReport::default())
//!     }
//! }
//! ```
//!
//! Each function answers in a fresh instance: what must be remembered goes to [`kv`]. Build requests and read answers
//! in functions that take and give plain values, and test those with `cargo test`; for what calls the host there is
//! [`testing`].

pub mod clock;
pub mod context;
mod defaults;
mod error;
mod export;
pub mod http;
mod imports;
pub mod interfaces;
pub mod keys;
pub mod kv;
pub mod log;
pub mod random;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod time;

pub use error::{Result, attribute, lookup};
pub use imports::novacron::cicd::types;
pub use interfaces::*;
