//! Plugins: from files to sandboxed calls, and their only door out.

pub mod egress;
pub mod ports;
