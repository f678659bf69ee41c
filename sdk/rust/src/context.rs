//! What this call runs for: the provider's address, settings and slots, and how long there is.

use serde::de::DeserializeOwned;

use crate::{
    clock,
    error::Result,
    imports,
    types::{Error, Timestamp},
};

pub use imports::context::{Credential, Provider};

/// Everything that a guest may know about its provider.
///
/// ```no_run
/// let provider = novacron_cicd_sdk::context::provider();
/// println!("{} at {}", provider.name, provider.base_url);
/// ```
#[must_use]
pub fn provider() -> Provider {
    imports::host::context::get()
}

/// Where the platform is, as the operator wrote it.
///
/// ```no_run
/// assert!(novacron_cicd_sdk::context::base_url().starts_with("https://"));
/// ```
#[must_use]
pub fn base_url() -> String {
    provider().base_url
}

/// The provider's settings, which the host has checked against the manifest's schema.
///
/// ```no_run
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     project: String,
/// }
/// # fn f() -> novacron_cicd_sdk::Result<()> {
/// let settings: Settings = novacron_cicd_sdk::context::settings()?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// `invalid-input` where the settings do not fit `T`: then the manifest's schema lets too much through.
pub fn settings<T: DeserializeOwned>() -> Result<T> {
    serde_json::from_slice(provider().settings.as_bytes())
        .map_err(|error| Error::invalid_input("settings", error.to_string()).hint("change the provider's settings"))
}

/// Whether the operator has filled a credential slot.
///
/// ```no_run
/// if !novacron_cicd_sdk::context::has_credential("token") { /* go on without */ }
/// ```
#[must_use]
pub fn has_credential(slot: &str) -> bool {
    provider().credentials.iter().any(|credential| credential.slot == slot)
}

/// Milliseconds until the host gives up on this call.
///
/// ```no_run
/// let enough = novacron_cicd_sdk::context::remaining() > 2_000;
/// ```
#[must_use]
pub fn remaining() -> Timestamp {
    provider().deadline.saturating_sub(clock::now())
}
