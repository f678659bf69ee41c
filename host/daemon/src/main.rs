//! The `novacron-cicd` program.
fn main() {}
