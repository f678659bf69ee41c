//! Small values: time, ids, cursors, attributes, and what a guest may not put into them.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    platform::{CallbackAddress, Given, OperationArg, PageRequest, Value},
};

use crate::{bindings::novacron::cicd::types as wit, pipeline::kind_word};

/// The longest id that the contract allows, in bytes.
const ID_LIMIT: usize = 512;
/// The longest cursor that the contract allows, in bytes.
const CURSOR_LIMIT: usize = 4096;

/// A value that the contract does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field that holds it, as the WIT spells it.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.field, self.reason)
    }
}

impl std::error::Error for Violation {}

impl From<std::convert::Infallible> for Violation {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// Checks an id: not empty, at most 512 bytes.
///
/// # Errors
/// [`Violation`] names `field`.
pub fn id(field: &'static str, text: String) -> Result<String, Violation> {
    if text.is_empty() {
        return Err(Violation { field, reason: "is empty".into() });
    }
    if text.len() > ID_LIMIT {
        return Err(Violation { field, reason: format!("has {} bytes, more than {ID_LIMIT}", text.len()) });
    }
    Ok(text)
}

/// Checks a cursor: at most 4 KiB.
///
/// # Errors
/// [`Violation`] names `field`.
pub fn cursor(field: &'static str, text: String) -> Result<String, Violation> {
    if text.len() > CURSOR_LIMIT {
        return Err(Violation { field, reason: format!("has {} bytes, more than {CURSOR_LIMIT}", text.len()) });
    }
    Ok(text)
}

/// Time as the contract has it: what lies before the epoch becomes the epoch.
#[must_use]
pub fn to_wit(time: Timestamp) -> wit::Timestamp {
    u64::try_from(time.0).unwrap_or(0)
}

/// Time as the domain has it: what it can't hold becomes the end of time.
pub(crate) fn to_domain(time: wit::Timestamp) -> Timestamp {
    Timestamp(i64::try_from(time).unwrap_or(i64::MAX))
}

impl From<&OperationArg> for wit::Operation {
    fn from(operation: &OperationArg) -> Self {
        Self {
            id: operation.id.to_string(),
            attempt: operation.attempt,
            first_sent: operation.first_sent.map(to_wit),
            more: attributes(
                operation.correlation.iter().map(|token| ("novacron.correlation".into(), token.clone())).collect(),
            ),
        }
    }
}

impl From<PageRequest> for wit::PageRequest {
    fn from(page: PageRequest) -> Self {
        Self { cursor: page.cursor, limit: page.limit.clamp(1, 1000) }
    }
}

impl From<Value> for wit::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(text),
            Value::Secret(reference) => Self::Secret(reference),
        }
    }
}

impl From<CallbackAddress> for wit::Callback {
    fn from(callback: CallbackAddress) -> Self {
        Self { url: callback.url, token: callback.token }
    }
}

/// What a call is given, by name.
#[must_use]
pub fn values(given: BTreeMap<String, Given>) -> Vec<wit::ParameterValue> {
    let value = |(name, Given { kind, value })| wit::ParameterValue {
        name,
        kind: kind_word(kind).into(),
        value: Value::into(value),
    };
    given.into_iter().map(value).collect()
}

/// A map as the contract has it.
#[must_use]
pub fn attributes(map: BTreeMap<String, String>) -> Vec<wit::Attribute> {
    map.into_iter().map(|(key, value)| wit::Attribute { key, value }).collect()
}

/// A map as the domain has it; of a key that is there twice the last value.
pub(crate) fn map(attributes: Vec<wit::Attribute>) -> BTreeMap<String, String> {
    attributes.into_iter().map(|attribute| (attribute.key, attribute.value)).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_operation_about_a_run_carries_the_runs_token() {
        let id = "019ab0c2-7d41-7f3e-9b1c-5a0e8d2f6c11".parse().unwrap();
        let bare = OperationArg { id, attempt: 2, first_sent: None, correlation: None };
        assert!(wit::Operation::from(&bare).more.is_empty());
        let about = wit::Operation::from(&OperationArg { correlation: Some("nc-7".into()), ..bare });
        assert_eq!(map(about.more), BTreeMap::from([("novacron.correlation".into(), "nc-7".into())]));
    }
}
