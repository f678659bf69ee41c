//! Whether declarations make sense, and whether a run is given what they ask for: before anything is sent.

use std::collections::{BTreeMap, BTreeSet};

use super::{Input, Parameter, ParameterKind};
use crate::{Coded, field::VALUE_LIMIT, name::Name};

/// The most parameters of one pipeline.
pub const DECLARATION_LIMIT: usize = 200;

/// What is wrong with one parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter {parameter:?} {problem}")]
pub struct ParameterError {
    /// Its name, cut at 130 characters.
    pub parameter: String,
    /// What is wrong with it.
    pub problem: ParameterProblem,
}

/// What can be wrong with a parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterProblem {
    /// The pipeline declares none of this name.
    #[error("is not declared by the pipeline")]
    Unknown {
        /// Those that it declares.
        declared: Vec<String>,
    },
    /// It is required, has no default, and was not given.
    #[error("is required and was not given")]
    Missing {
        /// What its values look like.
        allowed: String,
    },
    /// The value does not fit the kind.
    #[error("can't be {value}: it must be {allowed}")]
    IllTyped {
        /// As it was given, quoted and cut; `the given value` for a secret.
        value: String,
        /// What its values look like.
        allowed: String,
    },
    /// The declaration itself makes no sense.
    #[error("is declared wrongly: {reason}")]
    Declaration {
        /// Why.
        reason: String,
    },
}

impl Coded for ParameterError {
    fn code(&self) -> &'static str {
        match self.problem {
            ParameterProblem::Unknown { .. } => "parameter.unknown",
            ParameterProblem::Missing { .. } => "parameter.missing",
            ParameterProblem::IllTyped { .. } => "parameter.ill-typed",
            ParameterProblem::Declaration { .. } => "parameter.declaration",
        }
    }

    fn hint(&self) -> Option<String> {
        match &self.problem {
            ParameterProblem::Unknown { declared } if declared.is_empty() => {
                Some("the pipeline takes no parameters".into())
            }
            ParameterProblem::Unknown { declared } => Some(format!("it declares {}", declared.join(", "))),
            ParameterProblem::Missing { allowed } | ParameterProblem::IllTyped { allowed, .. } => {
                Some(format!("give {allowed}"))
            }
            ParameterProblem::Declaration { .. } => None,
        }
    }
}

fn error(name: &str, problem: ParameterProblem) -> ParameterError {
    ParameterError { parameter: name.chars().take(130).collect(), problem }
}

/// What a run gets: what it is given and, where it is given none, the defaults. A parameter that is neither required nor
/// given and has no default is left out.
///
/// # Errors
/// Everything that is wrong, in the order of the declarations, then what is not declared.
pub fn check(
    declared: &[Parameter],
    given: &BTreeMap<String, Input>,
) -> Result<BTreeMap<String, String>, Vec<ParameterError>> {
    let mut taken = BTreeMap::new();
    let mut errors = Vec::new();
    for parameter in declared {
        // A default was checked with its declaration, but choices on the platform may have changed since.
        let input = given.get(&parameter.name).cloned();
        let several = parameter.kind != ParameterKind::List && matches!(input, Some(Input::Many(_)));
        match input.map(|input| input.into_text(parameter.kind)).or_else(|| parameter.default.clone()) {
            Some(value) if !several && fits(parameter, &value) => {
                taken.insert(parameter.name.clone(), value);
            }
            Some(value) => errors.push(error(&parameter.name, ill_typed(parameter, &value))),
            None if parameter.required => {
                errors.push(error(&parameter.name, ParameterProblem::Missing { allowed: allowed(parameter) }));
            }
            None => {}
        }
    }
    for name in given.keys().filter(|name| declared.iter().all(|parameter| parameter.name != **name)) {
        let declared = declared.iter().map(|parameter| parameter.name.clone()).collect();
        errors.push(error(name, ParameterProblem::Unknown { declared }));
    }
    if errors.is_empty() { Ok(taken) } else { Err(errors) }
}

/// Whether declarations make sense together and each on its own.
///
/// # Errors
/// Everything that is wrong, in their order.
pub fn validate_declarations(declared: &[Parameter]) -> Result<(), Vec<ParameterError>> {
    let mut names = BTreeSet::new();
    let mut errors = Vec::new();
    for (nth, parameter) in declared.iter().enumerate() {
        let mut wrong = |reason: &str| {
            errors.push(error(&parameter.name, ParameterProblem::Declaration { reason: reason.into() }));
        };
        if nth == DECLARATION_LIMIT {
            wrong("a pipeline declares at most 200 parameters");
            break;
        }
        if !is_name(&parameter.name) {
            wrong("a name is a letter or _, then letters, digits, _ . and -, at most 128 characters");
        }
        if !names.insert(&parameter.name) {
            wrong("there is another of the same name");
        }
        match parameter.kind {
            ParameterKind::Choice if parameter.choices.is_empty() => wrong("a choice needs at least one of choices"),
            ParameterKind::Choice | ParameterKind::List => {
                let distinct: BTreeSet<&String> = parameter.choices.iter().collect();
                if distinct.len() < parameter.choices.len() {
                    wrong("one of its choices is there twice");
                }
                if parameter
                    .choices
                    .iter()
                    .any(|choice| choice.len() > VALUE_LIMIT || choice.contains(['\n', '\r', '\0']))
                {
                    wrong("one of its choices is more than one line");
                }
            }
            _ if !parameter.choices.is_empty() => wrong("only a choice or a list has choices"),
            _ => {}
        }
        if let Some(default) = &parameter.default
            && !fits(parameter, default)
            && !(parameter.kind == ParameterKind::Choice && parameter.choices.is_empty())
        {
            errors.push(error(&parameter.name, ill_typed(parameter, default)));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// `[A-Za-z_][A-Za-z0-9_.-]*`, at most 128 characters.
fn is_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

fn fits(parameter: &Parameter, value: &str) -> bool {
    let one_line = |value: &str| !value.contains(['\n', '\r']);
    let choice = |value: &str| parameter.choices.iter().any(|choice| choice == value);
    value.len() <= VALUE_LIMIT
        && !value.contains('\0')
        && match parameter.kind {
            ParameterKind::String => one_line(value),
            ParameterKind::Text => true,
            ParameterKind::Bool => matches!(value, "true" | "false"),
            ParameterKind::Number => is_number(value),
            ParameterKind::Choice => choice(value),
            ParameterKind::List => serde_json::from_str::<Vec<String>>(value).is_ok_and(|values| {
                let fits = |value: &String| one_line(value) && !value.contains('\0');
                values.iter().all(|value| fits(value) && (parameter.choices.is_empty() || choice(value)))
            }),
            ParameterKind::File => is_file_name(value),
            ParameterKind::Environment | ParameterKind::Secret => Name::new(value).is_ok(),
        }
}

/// `-12`, `0.5`: digits with a sign and a fraction, nothing that platforms read differently (`1e3`, `.5`, `0x10`, `NaN`).
fn is_number(value: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = value.strip_prefix('-').unwrap_or(value);
    match value.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(value),
    }
}

fn is_file_name(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 255
        && !matches!(value, "." | "..")
        && !value.chars().any(|character| character.is_control() || matches!(character, '/' | '\\'))
}

fn ill_typed(parameter: &Parameter, value: &str) -> ParameterProblem {
    let value = match parameter.kind {
        // Whoever mistakes the name of a secret for its value would find the value in a log.
        ParameterKind::Secret => "the given value".into(),
        _ if value.chars().nth(80).is_some() => format!("{:?}…", value.chars().take(80).collect::<String>()),
        _ => format!("{value:?}"),
    };
    ParameterProblem::IllTyped { value, allowed: allowed(parameter) }
}

fn allowed(parameter: &Parameter) -> String {
    let choices = || {
        let shown: Vec<String> = parameter.choices.iter().take(20).map(|choice| format!("{choice:?}")).collect();
        let more = parameter.choices.len().saturating_sub(20);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{rest}", shown.join(", "))
    };
    match parameter.kind {
        ParameterKind::String => "one line of at most 64 KiB".into(),
        ParameterKind::Text => "text of at most 64 KiB".into(),
        ParameterKind::Bool => "true or false".into(),
        ParameterKind::Number => "a decimal number, e.g. 3, -1 or 0.5".into(),
        ParameterKind::Choice => format!("one of {}", choices()),
        ParameterKind::List if parameter.choices.is_empty() => "values of one line each, at most 64 KiB in all".into(),
        ParameterKind::List => format!("any of {}", choices()),
        ParameterKind::File => "the name of an artifact, without directories".into(),
        ParameterKind::Environment => "the name of an environment".into(),
        ParameterKind::Secret => "the name of a secret, not its value".into(),
    }
}
