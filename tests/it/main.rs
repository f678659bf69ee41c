//! Scenarios on the built program, as its users meet it: by the API, by the command line, through crashes.
//!
//! `cargo xtask test` builds what they need. Must be absent: calls of the host's code (but for its list of fault points), and answers that nobody
//! compared with the document.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bounds;
mod buildbot;
mod documents;
mod following;
mod gitlab;
mod harness;
mod jenkins;
mod kill;
mod leaks;
mod main_job;
mod notifications;
mod platform;
mod plugins;
mod polled;
mod providers;
mod refusals;
mod starting;
