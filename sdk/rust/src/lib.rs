//! Write a CI/CD provider for NovaCron in Rust.
