//! Plugins: from files to sandboxed calls, and their only door out.
