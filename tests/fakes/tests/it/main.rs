//! Our plugins, as they are built for the sandbox, against the fakes of their platforms.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod github;
mod jenkins;
