//! Platforms in a process, on loopback, and the runtime that a plugin is loaded into to meet them.
//!
//! A fake does what its platform does where clients get it wrong, remembers every request, and can be told to lose or refuse
//! one. Nothing in it happens by the clock: a test says when a build begins and ends. Must be absent: any knowledge of the
//! plugin.

#![expect(clippy::unwrap_used, reason = "it is for tests, and a test fails by panicking")]

pub mod github;
pub mod gitlab;
pub mod house;
pub mod jenkins;
pub mod judge;
pub mod server;
