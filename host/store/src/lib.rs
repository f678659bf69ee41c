//! All state, in SQLite.
