//! Force schedulers: which one serves a builder, what its form asks for, and the form filled in.
//!
//! Pure. A field is called by its `fullName`, which Buildbot makes of a group's name and its own
//! (`buildbot/schedulers/forcesched.py`); so groups flatten by themselves.

use novacron_cicd_sdk::types::{Error, Parameter, ParameterValue, Value};
use novacron_cicd_sdk::{Result, runs::TriggerRequest};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// Before the correlation token in a build's reason.
const MARK: &str = "novacron ";

/// A force scheduler.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ForceScheduler {
    /// Its name.
    pub name: String,
    enabled: bool,
    all_fields: Vec<Field>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Field {
    name: String,
    #[serde(rename = "fullName")]
    full_name: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    label: Option<String>,
    tooltip: Option<String>,
    default: Option<Json>,
    required: bool,
    multiple: bool,
    hide: bool,
    choices: Vec<Json>,
    strict: bool,
    fields: Vec<Field>,
}

impl Field {
    fn key(&self) -> &str {
        self.full_name.as_deref().unwrap_or(&self.name)
    }

    /// The fields of a group and of its groups; what is fixed can't be filled in.
    fn leaves(&self, hidden: bool) -> Vec<&Self> {
        match self.kind.as_str() {
            "fixed" => vec![],
            _ if self.hide && !hidden => vec![],
            "nested" => self.fields.iter().flat_map(|field| field.leaves(hidden)).collect(),
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
            "list" if self.multiple => "list",
            "list" if self.strict => "choice",
            "list" => "string",
            other => other,
        };
        let words = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Parameter {
            description: words(&self.tooltip).or_else(|| words(&self.label).filter(|label| label != self.key())),
            default: self.default.as_ref().and_then(plain),
            choices: self.choices.iter().filter_map(plain).collect(),
            required: self.required,
            ..Parameter::new(self.key(), kind)
        }
    }

    /// A value as Buildbot wants it: it compares a tick with `true`, and takes a list where more than one is allowed.
    fn value(&self, given: &ParameterValue) -> Result<Json> {
        let Value::Text(text) = &given.value else {
            return Err(Error::unsupported("secret-parameters")
                .message(format!("{} is a secret, and Buildbot shows its properties to all who may read", given.name))
                .hint("keep it in a secrets provider of Buildbot, and let the step name it by util.Secret"));
        };
        match (self.kind.as_str(), text.as_str()) {
            ("bool", "true" | "false") => Ok(Json::Bool(text == "true")),
            ("bool", _) => Err(Error::invalid_input(self.key(), "is neither true nor false")),
            _ if self.multiple => match serde_json::from_str::<Vec<String>>(text) {
                Ok(values) => Ok(values.into()),
                Err(_) => Err(Error::invalid_input(self.key(), "is no list")),
            },
            _ => Ok(text.as_str().into()),
        }
    }
}

/// As a person would write it; nothing for what is empty.
fn plain(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Json::Array(values) => Some(Json::from_iter(values.iter().filter_map(plain)).to_string()),
        other => Some(other.to_string()),
    }
}

/// The scheduler that serves a builder: the first that the operator prefers, or the only one.
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
    /// Without the first group, which is about the request and not about the build.
    fn ours(&self, hidden: bool) -> impl Iterator<Item = &Field> {
        self.all_fields.iter().skip(1).flat_map(move |field| field.leaves(hidden))
    }

    /// What a person would be asked for.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.ours(false).map(Field::parameter).collect()
    }

    /// The form filled in, for the builder of that name. Buildbot drops what its form does not have without a word, so
    /// that is refused here.
    pub fn filled(&self, builder: &str, request: &TriggerRequest) -> Result<Json> {
        // The first group is who, why and how urgently, always in this order.
        let reason =
            self.all_fields.first().and_then(|group| group.fields.get(1)).filter(|field| field.kind != "fixed");
        let reason = reason.ok_or_else(|| {
            Error::unsupported("runs.trigger")
                .message(format!("the force scheduler {} has a fixed reason: no run of it can be found", self.name))
                .hint("let its reason be a StringParameter")
        })?;
        let mut form = Map::new();
        if let Some(reference) = &request.reference {
            form.insert(self.branch()?.key().into(), reference.as_str().into());
        }
        let field = |name: &str| self.ours(true).find(|field| field.key() == name);
        for given in &request.parameters {
            let unknown =
                || Error::invalid_input(&given.name, format!("the force scheduler {} has no such field", self.name));
            form.insert(given.name.clone(), field(&given.name).ok_or_else(unknown)?.value(given)?);
        }
        // After the parameters, which may be but defaults: these have to be found in the environment.
        for given in &request.environment {
            let field = field(&given.name).ok_or_else(|| {
                Error::unsupported("runs.environment")
                    .message(format!("the force scheduler {} has no field {}", self.name, given.name))
                    .hint("give it one, and the step env={\"X\": util.Property(\"X\")}: Buildbot has no other way")
            })?;
            form.insert(given.name.clone(), field.value(given)?);
        }
        form.insert(reason.key().into(), format!("{MARK}{}", request.correlation).into());
        // By name, since by id Buildbot would not look whether the scheduler serves it.
        form.insert("builderNames".into(), vec![builder].into());
        Ok(form.into())
    }

    /// The field for a branch, where there is one for it and no more.
    fn branch(&self) -> Result<&Field> {
        let fields: Vec<_> = self.ours(true).filter(|field| field.name == "branch").collect();
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

/// The token in a reason that [`ForceScheduler::filled`] wrote.
pub fn correlation(reason: &str) -> Option<&str> {
    reason.split_once(MARK)?.1.split_whitespace().next()
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
