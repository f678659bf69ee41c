//! Force schedulers: which one serves a builder, what its form asks for, and the form filled in.
//!
//! Pure. A field is called by its `fullName`, which Buildbot makes of a group's name and its own
//! (`buildbot/schedulers/forcesched.py`); so groups flatten by themselves.

use novacron_cicd_sdk::{
    Result, attribute,
    runs::TriggerRequest,
    types::{Error, Parameter, ParameterValue, Value},
};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// Before the correlation token in a build's reason.
const MARK: &str = "novacron ";

/// A force scheduler.
#[derive(Clone, Debug, Deserialize)]
pub struct ForceScheduler {
    /// Its name.
    pub name: String,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    all_fields: Vec<Field>,
}

const fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Deserialize)]
struct Field {
    #[serde(default)]
    name: String,
    #[serde(rename = "fullName")]
    full_name: Option<String>,
    #[serde(rename = "type", default)]
    kind: String,
    label: Option<String>,
    tooltip: Option<String>,
    default: Option<Json>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    multiple: bool,
    #[serde(default)]
    hide: bool,
    regex: Option<Json>,
    #[serde(default)]
    choices: Vec<Json>,
    #[serde(default = "yes")]
    strict: bool,
    #[serde(default)]
    fields: Vec<Field>,
}

impl Field {
    fn key(&self) -> &str {
        self.full_name.as_deref().unwrap_or(&self.name)
    }

    fn leaves(&self) -> Vec<&Self> {
        match self.kind.as_str() {
            "nested" => self.fields.iter().flat_map(Self::leaves).collect(),
            _ => vec![self],
        }
    }

    fn shown(&self) -> Vec<&Self> {
        match self.kind.as_str() {
            _ if self.hide => vec![],
            "nested" => self.fields.iter().flat_map(Self::shown).collect(),
            _ => vec![self],
        }
    }

    fn parameter(&self) -> Parameter {
        let kind = match self.kind.as_str() {
            "text" | "username" => "string",
            // The content of a file is a text in Buildbot.
            "textarea" | "file" => "text",
            "int" => "number",
            "bool" => "bool",
            "list" if self.multiple => "text",
            "list" if self.strict => "choice",
            "list" => "string",
            other => other,
        };
        let words = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut more = Vec::new();
        if let Some(Json::String(pattern)) = &self.regex {
            more.push(attribute("novacron.pattern", pattern));
        }
        if self.multiple {
            more.push(attribute("x-multiple", "one value a line"));
        }
        Parameter {
            name: self.key().into(),
            kind: kind.into(),
            description: words(&self.tooltip).or_else(|| words(&self.label).filter(|label| label != self.key())),
            default: self.default.as_ref().and_then(plain),
            choices: self.choices.iter().filter_map(plain).collect(),
            required: self.required,
            more,
        }
    }

    /// A value as Buildbot wants it: it compares a tick with `true`, and takes a list where more than one is allowed.
    fn value(&self, text: &str) -> Result<Json> {
        Ok(match self.kind.as_str() {
            "bool" => match text {
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                _ => return Err(Error::invalid_input(self.key(), "is neither true nor false")),
            },
            _ if self.multiple => text.lines().map(|line| Json::String(line.into())).collect(),
            _ => Json::String(text.into()),
        })
    }
}

/// As a person would write it; nothing for what is empty.
fn plain(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) if text.is_empty() => None,
        Json::String(text) => Some(text.clone()),
        Json::Array(values) if values.is_empty() => None,
        Json::Array(values) => Some(values.iter().filter_map(plain).collect::<Vec<_>>().join("\n")),
        other => Some(other.to_string()),
    }
}

/// The scheduler that serves a builder: the first that the operator prefers, or the only one.
///
/// # Errors
/// `unsupported` where none serves it, `invalid-input` where it is not clear which.
pub fn choose(schedulers: Vec<ForceScheduler>, preferred: &[String]) -> Result<ForceScheduler> {
    let mut open: Vec<_> = schedulers.into_iter().filter(|scheduler| scheduler.enabled).collect();
    let wanted = preferred.iter().find_map(|name| open.iter().position(|scheduler| scheduler.name == *name));
    match (wanted, open.len()) {
        (Some(index), _) => Ok(open.swap_remove(index)),
        (None, 1) => Ok(open.swap_remove(0)),
        (None, 0) => Err(Error::unsupported("runs.trigger")
            .message("no enabled force scheduler serves this builder")
            .hint("add a ForceScheduler for the builder to master.cfg")),
        _ => {
            let names: Vec<_> = open.iter().map(|scheduler| scheduler.name.as_str()).collect();
            Err(Error::invalid_input("settings.schedulers", format!("more than one serves it: {}", names.join(", ")))
                .hint("name one of them in the provider's setting schedulers"))
        }
    }
}

impl ForceScheduler {
    /// Who, why and how urgently: always the first group, in this order. The reason carries our token.
    fn reason(&self) -> Option<&Field> {
        self.all_fields.first()?.fields.get(1)
    }

    fn ours(&self) -> impl Iterator<Item = &Field> {
        self.all_fields.iter().skip(1)
    }

    fn field(&self, key: &str) -> Option<&Field> {
        self.ours().flat_map(Field::leaves).find(|field| field.key() == key && field.kind != "fixed")
    }

    /// What a person would be asked for.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let shown = self.ours().flat_map(Field::shown).filter(|field| field.kind != "fixed");
        shown.map(Field::parameter).collect()
    }

    /// The form filled in, for the builder of that name. Buildbot drops what its form does not have without a word, so
    /// that is refused here.
    ///
    /// # Errors
    /// `invalid-input` where a value fits no field, `unsupported` where the build could not be given what is asked for.
    pub fn filled(&self, builder: &str, request: &TriggerRequest) -> Result<Json> {
        let Some(reason) = self.reason().filter(|field| field.kind != "fixed") else {
            return Err(Error::unsupported("runs.trigger")
                .message(format!(
                    "the force scheduler {} fixes its reason, so that a run could not be found",
                    self.name
                ))
                .hint("let its reason be a StringParameter"));
        };
        let mut form = Map::new();
        if let Some(reference) = &request.reference {
            form.insert(self.branch()?.key().into(), reference.as_str().into());
        }
        for given in &request.environment {
            let Some(field) = self.field(&given.name) else {
                return Err(Error::unsupported("runs.environment")
                    .message(format!("the force scheduler {} has no field {}", self.name, given.name))
                    .hint("give it one, and the step env={\"X\": util.Property(\"X\")}: Buildbot has no other way"));
            };
            form.insert(given.name.clone(), field.value(public(given)?)?);
        }
        for given in &request.parameters {
            let Some(field) = self.field(&given.name) else {
                let refused = format!("the force scheduler {} has no such field", self.name);
                return Err(Error::invalid_input(&given.name, refused));
            };
            form.insert(given.name.clone(), field.value(public(given)?)?);
        }
        form.insert(reason.key().into(), format!("{MARK}{}", request.correlation).into());
        // By name, since by id Buildbot would not look whether the scheduler serves it.
        form.insert("builderNames".into(), vec![builder].into());
        Ok(form.into())
    }

    /// The field for a branch, where there is one for it and no more.
    fn branch(&self) -> Result<&Field> {
        let leaves = self.ours().flat_map(Field::leaves);
        let fields: Vec<_> = leaves.filter(|field| field.name == "branch" && field.kind != "fixed").collect();
        match fields[..] {
            [field] => Ok(field),
            [] => Err(Error::unsupported("runs.reference")
                .message(format!("the force scheduler {} lets nobody choose a branch", self.name))
                .hint("run the pipeline without a reference")),
            _ => Err(Error::invalid_input("reference", "the builder has more than one codebase")
                .hint("give each codebase its branch as a parameter")),
        }
    }
}

fn public(given: &ParameterValue) -> Result<&str> {
    match &given.value {
        Value::Text(text) => Ok(text),
        Value::Secret(_) => Err(Error::unsupported("secret-parameters")
            .message(format!(
                "{} is a secret, and Buildbot shows every property to whoever may read builds",
                given.name
            ))
            .hint("keep it in a secrets provider of Buildbot, and let the step name it by util.Secret")),
    }
}

/// The token in a reason that [`ForceScheduler::filled`] wrote.
#[must_use]
pub fn correlation(reason: &str) -> Option<&str> {
    reason.split_once(MARK)?.1.split_whitespace().next()
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
