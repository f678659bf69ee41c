//! What the operator can set. The schema in `plugin.toml` has been checked by the host.

use std::collections::BTreeMap;

use novacron_cicd_sdk::{Result, types::Error};
use serde::Deserialize;

/// The provider's settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Whether the receiver takes `run.cancel`.
    pub cancel: bool,
    /// Sent with every request.
    pub headers: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cancel: true, headers: BTreeMap::new() }
    }
}

impl Settings {
    /// # Errors
    /// `invalid-input` where a header would take the place of one that the protocol needs.
    pub fn checked(self) -> Result<Self> {
        let taken = |name: &&String| {
            let name = name.to_ascii_lowercase();
            name == "content-type" || name.starts_with("webhook-")
        };
        match self.headers.keys().find(taken) {
            Some(name) => Err(Error::invalid_input("settings.headers", format!("{name} belongs to the protocol"))
                .hint("remove it from the provider's settings")),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn nothing_set_means_that_a_cancel_is_sent() {
        let settings: Settings = serde_json::from_str("{}").unwrap();
        assert_eq!(settings, Settings { cancel: true, headers: BTreeMap::new() });
    }

    #[test]
    fn a_header_of_the_protocol_can_not_be_set() {
        for name in ["Content-Type", "webhook-id", "Webhook-Signature"] {
            let headers = BTreeMap::from([(name.to_owned(), "x".to_owned())]);
            assert!(Settings { cancel: true, headers }.checked().is_err(), "{name}");
        }
        let headers = BTreeMap::from([("x-route".to_owned(), "ci".to_owned())]);
        assert!(Settings { cancel: true, headers }.checked().is_ok());
    }
}
