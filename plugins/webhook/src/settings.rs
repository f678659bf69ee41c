//! What the operator can set.

use std::collections::BTreeMap;

use novacron_cicd_sdk::{Result, types::Error};
use serde_json::Value;

/// The provider's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Reads what the host has checked against the schema in `plugin.toml`. By hand: for two fields, a derived reader
    /// would be a sixth of this plugin.
    ///
    /// # Errors
    /// `invalid-input` where a header would take the place of one that the protocol needs.
    pub fn read(settings: &Value) -> Result<Self> {
        let cancel = settings.get("cancel").and_then(Value::as_bool).unwrap_or(true);
        let mut headers = BTreeMap::new();
        for (name, value) in settings.get("headers").and_then(Value::as_object).into_iter().flatten() {
            let lower = name.to_ascii_lowercase();
            if lower == "content-type" || lower.starts_with("webhook-") {
                return Err(Error::invalid_input("settings.headers", format!("{name} belongs to the protocol"))
                    .hint("remove it from the provider's settings"));
            }
            headers.insert(lower, value.as_str().unwrap_or_default().to_owned());
        }
        Ok(Self { cancel, headers })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_set_is_as_the_schema_says() {
        let headers = BTreeMap::from([("x-route".to_owned(), "ci".to_owned())]);
        let rows = [
            (json!({}), Settings::default()),
            (json!({ "cancel": true, "headers": {} }), Settings::default()),
            (json!({ "cancel": false }), Settings { cancel: false, ..Settings::default() }),
            (json!({ "headers": { "X-Route": "ci" } }), Settings { cancel: true, headers }),
        ];
        for (given, expected) in rows {
            assert_eq!(Settings::read(&given).unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn a_header_of_the_protocol_can_not_be_set() {
        for name in ["Content-Type", "webhook-id", "Webhook-Signature"] {
            assert!(Settings::read(&json!({ "headers": { name: "x" } })).is_err(), "{name}");
        }
    }
}
