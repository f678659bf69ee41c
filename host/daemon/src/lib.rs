//! The NovaCron CI/CD daemon and command line.
//!
//! Data flows one way: [`api`] parses and answers, [`service`] decides, [`engine`] and the store do. [`cli`] is a client of
//! the API like any other. Must be absent: HTTP status codes outside `api` and its client, SQL anywhere.

pub mod api;
pub mod artifact;
pub mod cli;
pub mod config;
pub mod engine;
pub mod event;
pub mod log;
pub mod serve;
pub mod service;
