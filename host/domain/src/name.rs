//! Names that people give to things.

use serde::{Deserialize, Serialize};

/// A name that people give: 1 to 100 characters of `a-z A-Z 0-9 - _ .`, beginning and ending with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a name: {reason}")]
pub struct InvalidName {
    /// The text that was given, cut at 120 characters.
    pub name: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl crate::Coded for InvalidName {
    fn code(&self) -> &'static str {
        "name.invalid"
    }
    fn hint(&self) -> Option<String> {
        Some("use 1 to 100 of a-z A-Z 0-9 - _ . and begin and end with a letter or digit, e.g. backend-build".into())
    }
}

impl Name {
    /// Checks a text.
    ///
    /// # Errors
    /// [`InvalidName`] says what is wrong with it.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
        let text = text.into();
        let refuse = |reason| Err(InvalidName { name: text.chars().take(120).collect(), reason });
        if text.is_empty() {
            return refuse("it is empty");
        }
        if text.len() > 100 {
            return refuse("it is longer than 100 characters");
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
            return refuse("it holds a character other than a-z A-Z 0-9 - _ .");
        }
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        if !edge(text.as_bytes().first()) || !edge(text.as_bytes().last()) {
            return refuse("it begins or ends with a character other than a letter or digit");
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for Name {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}
