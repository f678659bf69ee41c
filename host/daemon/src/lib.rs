//! The NovaCron CI/CD daemon and command line.
