//! Tests of the built binary and of real components.
