//! Secrets: sealed at rest, masked everywhere, keys that sign.
//!
//! - [`Secret`]: a value that is wiped when it is dropped and that cannot be printed, compared or serialised by accident.
//! - [`Vault`]: seals values for the database under one key, each for its own place.
//! - [`Masker`], [`MaskStream`]: take the known values out of whatever is shown or kept.
//! - [`sign`]: what keys are for: HMAC, Standard Webhooks, JWT, sealed boxes.
//! - [`token`]: bearer tokens of the API and of runs.
//!
//! Must be absent: SQL, HTTP, clocks (a time is an argument), and any way to print a value.

mod error;
mod key;
pub mod mask;
mod seal;
mod secret;
pub mod sign;
pub mod token;

pub use error::VaultError;
pub use key::KeySource;
pub use mask::{MaskStream, Masker};
pub use seal::Vault;
pub use secret::{MINIMUM_LENGTH, Secret, Unmaskable};
