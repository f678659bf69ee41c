//! Any CI system that can receive a signed HTTP POST.
