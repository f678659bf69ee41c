//! A small CI server that really builds, behind the webhook plugin.
