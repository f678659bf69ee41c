//! Holds no code: its manifest keeps one feature set per dependency, so that a build of one crate reuses all others.
