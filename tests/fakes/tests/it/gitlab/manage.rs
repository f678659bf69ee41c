//! What else a project has.
