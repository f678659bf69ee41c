//! Secrets: sealed at rest, masked everywhere, keys that sign.
