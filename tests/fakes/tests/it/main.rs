//! Our plugins, as they are built for the sandbox, against the fakes of their platforms.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod github;
mod gitlab;
mod hostile;
mod jenkins;
mod judges;
mod requests;
