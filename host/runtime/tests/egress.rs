//! The door out, against real servers on loopback.
//!
//! Each server writes down what reached it, so a test sees what was sent, not what was meant to be.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "egress/answers.rs"]
mod answers;
#[path = "egress/bodies.rs"]
mod bodies;
#[path = "egress/credentials.rs"]
mod credentials;
#[path = "egress/destinations.rs"]
mod destinations;
#[path = "egress/gates.rs"]
mod gates;
#[path = "egress/kept.rs"]
mod kept;
#[path = "egress/logins.rs"]
mod logins;
#[path = "egress/outcomes.rs"]
mod outcomes;
#[path = "egress/redirects.rs"]
mod redirects;
#[path = "egress/silence.rs"]
mod silence;
#[path = "egress/support.rs"]
mod support;
#[path = "egress/tls.rs"]
mod tls;
#[path = "egress/uploads.rs"]
mod uploads;
