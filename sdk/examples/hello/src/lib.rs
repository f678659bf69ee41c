//! The smallest provider.
