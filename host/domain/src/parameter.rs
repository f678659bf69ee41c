//! Typed parameters of a pipeline, and the check of what a run is given.

mod check;

pub use check::{DECLARATION_LIMIT, ParameterError, ParameterProblem, check, validate_declarations};

use serde::{Deserialize, Serialize};

/// A parameter that a pipeline declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// `[A-Za-z_][A-Za-z0-9_.-]*`, at most 128 characters.
    pub name: String,
    /// What its values look like.
    #[serde(default)]
    pub kind: ParameterKind,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Taken where a run is given none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// What a choice can be, or each value of a list; a list without them takes any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Whether a run without it is refused, where it has no default.
    #[serde(default)]
    pub required: bool,
}

/// What a run is given for one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A value. Of a list: its only one, or all of them as a JSON array; what is empty is an empty list.
    One(String),
    /// The values of a list.
    Many(Vec<String>),
}

impl Input {
    /// As it is kept and sent for a parameter of this kind.
    #[must_use]
    pub fn into_text(self, kind: ParameterKind) -> String {
        let values = match self {
            Self::One(text) if kind != ParameterKind::List || is_list(&text) => return text,
            Self::One(text) if text.is_empty() => Vec::new(),
            Self::One(text) => vec![text],
            Self::Many(values) => values,
        };
        serde_json::Value::from(values).to_string()
    }
}

fn is_list(text: &str) -> bool {
    serde_json::from_str::<Vec<String>>(text).is_ok()
}

/// What a parameter's values look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterKind {
    /// One line.
    #[default]
    String,
    /// Many lines.
    Text,
    /// `true` or `false`.
    Bool,
    /// A decimal number.
    Number,
    /// One of `choices`.
    Choice,
    /// Any number of values of one line each, as a JSON array of strings.
    List,
    /// A file's content, by the name of an artifact.
    File,
    /// The name of an environment.
    Environment,
    /// The name of a secret; its value goes out at the door.
    Secret,
}

impl ParameterKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::String,
        Self::Text,
        Self::Bool,
        Self::Number,
        Self::Choice,
        Self::List,
        Self::File,
        Self::Environment,
        Self::Secret,
    ];

    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Text => "text",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Choice => "choice",
            Self::List => "list",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Secret => "secret",
        }
    }

    /// The kind that `word` names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
