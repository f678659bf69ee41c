//! The parameters that a job declares, and what a trigger gives for them.
//!
//! Pure. `buildWithParameters` goes through what is declared and passes silently over all else
//! (`hudson/model/ParametersDefinitionProperty.java`), and answers 500 to a choice that is none: so everything is checked
//! here, before anything is sent.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use novacron_cicd_sdk::{
    Result, attribute,
    http::{Body, Escape, Request},
    runs::TriggerRequest,
    types::{Error, Parameter, ParameterValue, RunRef, Value},
};
use serde::Deserialize;

use crate::{build::Build, path, settings::Settings};

pub(crate) const TREE: &str =
    "property[parameterDefinitions[_class,name,type,description,choices,defaultParameterValue[value]]]";

/// A property of a job; most have nothing that is read here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Property {
    parameter_definitions: Option<Vec<Declared>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Declared {
    #[serde(rename = "type")]
    class: String,
    name: String,
    description: Option<String>,
    choices: Option<Vec<String>>,
    default_parameter_value: Option<DefaultValue>,
}

#[derive(Clone, Debug, Deserialize)]
struct DefaultValue {
    value: Option<serde_json::Value>,
}

impl Declared {
    /// By what its class is called; other plugins' kinds (a branch, a tag, a credential's id) are text to us.
    fn kind(&self) -> &'static str {
        match self.class.as_str() {
            "BooleanParameterDefinition" => "bool",
            "TextParameterDefinition" => "text",
            "ChoiceParameterDefinition" => "choice",
            "FileParameterDefinition" | "Base64FileParameterDefinition" | "StashedFileParameterDefinition" => "file",
            class if class.contains("Password") => "secret",
            _ => "string",
        }
    }

    fn parameter(&self) -> Parameter {
        let default = self.default_parameter_value.as_ref().and_then(|default| match default.value.as_ref()? {
            serde_json::Value::String(text) => Some(text.clone()),
            value @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => Some(value.to_string()),
            _ => None,
        });
        let kind = self.kind();
        Parameter {
            name: self.name.clone(),
            kind: kind.into(),
            description: self.description.clone().filter(|text| !text.is_empty()),
            // The first choice is taken where none is given, whatever the page shows.
            default: if kind == "secret" { None } else { default },
            choices: self.choices.clone().unwrap_or_default(),
            required: false,
            more: vec![attribute("x-jenkins-type", &self.class)],
        }
    }
}

/// What a job declares; none: it takes no parameters at all.
#[derive(Clone, Debug)]
pub(crate) struct Parameters(Option<Vec<Declared>>);

impl Parameters {
    pub(crate) fn of(properties: Vec<Property>) -> Self {
        Self(properties.into_iter().find_map(|property| property.parameter_definitions))
    }

    fn declared(&self) -> &[Declared] {
        self.0.as_deref().unwrap_or_default()
    }

    fn find(&self, name: &str) -> Option<&Declared> {
        self.declared().iter().find(|declared| declared.name == name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// As the contract has them. The one that carries our token is ours alone.
    pub(crate) fn shown(&self, settings: &Settings) -> Vec<Parameter> {
        let others = self.declared().iter().filter(|declared| declared.name != settings.correlation_parameter);
        others.map(Declared::parameter).collect()
    }

    /// Whether a run of this job can be found by our token.
    pub(crate) fn carry_correlation(&self, settings: &Settings) -> bool {
        self.find(&settings.correlation_parameter).is_some_and(|declared| matches!(declared.kind(), "string" | "text"))
    }

    /// What the trigger is to be sent to, and its form. `built` finds out which reference the job's definition names.
    /// `invalid-input` where a value is not for this job; `unsupported` for what Jenkins has no way to be given.
    pub(crate) fn fill(
        &self,
        settings: &Settings,
        wanted: &TriggerRequest,
        built: impl FnOnce() -> Option<String>,
    ) -> Result<Form> {
        let mut form = Form { parameterized: self.0.is_some(), ..Form::default() };
        for given in &wanted.parameters {
            let field = format!("parameters.{}", given.name);
            let declared = self.find(&given.name).ok_or_else(|| Error::invalid_input(&field, self.none_such()))?;
            match (&given.value, declared.kind()) {
                (Value::Text(text), "file") => {
                    let bytes = STANDARD.decode(text);
                    let bytes =
                        bytes.map_err(|_| Error::invalid_input(&field, "a file is given as standard base64"))?;
                    form.files.push((given.name.clone(), bytes));
                }
                _ => form.fields.push((given.name.clone(), checked(declared, given, &field)?)),
            }
        }
        for given in &wanted.environment {
            let declared = self.find(&given.name).ok_or_else(|| {
                let message = format!(
                    "a build's environment can't be given {}: Jenkins sets there what the job declares",
                    given.name
                );
                Error::unsupported("runs.environment")
                    .message(message)
                    .hint(format!("declare a parameter {} in the job: builds find it in their environment", given.name))
            })?;
            // It has to be found there, whatever the parameter's default is, which comes among the parameters.
            form.fields.retain(|(name, _)| *name != given.name);
            form.fields.push((given.name.clone(), checked(declared, given, &format!("environment.{}", given.name))?));
        }
        if let Some(reference) = &wanted.reference {
            self.refer(settings, wanted, (reference, built), &mut form)?;
        }
        if self.carry_correlation(settings) {
            form.fields.retain(|(name, _)| *name != settings.correlation_parameter);
            form.fields.push((settings.correlation_parameter.clone(), Value::Text(wanted.correlation.clone())));
        }
        Ok(form)
    }

    /// A branch job builds its branch. Any other job builds what its definition says, or what a parameter tells it.
    fn refer(
        &self,
        settings: &Settings,
        wanted: &TriggerRequest,
        (reference, built): (&str, impl FnOnce() -> Option<String>),
        form: &mut Form,
    ) -> Result<()> {
        match settings.reference_parameter.as_deref().filter(|name| self.find(name).is_some()) {
            Some(name) if form.fields.iter().all(|(given, _)| given != name) => {
                form.fields.push((name.to_owned(), Value::Text(reference.to_owned())));
            }
            Some(_) => {}
            None if path::branch(&wanted.pipeline) == reference || built().as_deref() == Some(reference) => {}
            None => {
                let reason = format!(
                    "{} builds what its definition names, and has no parameter for {reference:?}",
                    wanted.pipeline
                );
                return Err(Error::invalid_input("reference", reason).hint(
                    "leave the reference out, or name the job's parameter for it in the setting `reference-parameter`",
                ));
            }
        }
        Ok(())
    }

    fn none_such(&self) -> String {
        match &self.0 {
            None => {
                "the job declares no parameters; those of a Declarative pipeline are there after its first run".into()
            }
            Some(declared) => {
                let names: Vec<_> = declared.iter().map(|declared| declared.name.as_str()).collect();
                format!("the job declares no such parameter; it has {}", names.join(", "))
            }
        }
    }
}

/// The trigger that repeats a build, as a run of its own.
/// `unsupported` where Jenkins does not give back what the build was given: a password, a file.
pub(crate) fn again(settings: &Settings, run: &RunRef, build: &Build, correlation: String) -> Result<TriggerRequest> {
    let ours = |name: &str| name == settings.correlation_parameter;
    let given = build.parameters().filter(|(name, _)| !ours(name)).map(|(name, value)| {
        let value = value.ok_or_else(|| {
            Error::unsupported("run-retry.secret-parameters")
                .message(format!("Jenkins does not give back what {name} was, so the build can't be repeated"))
                .hint("trigger the pipeline anew, with its parameters")
        })?;
        Ok(ParameterValue { name: name.to_owned(), kind: "string".into(), value: Value::Text(value) })
    });
    Ok(TriggerRequest {
        pipeline: run.pipeline.clone(),
        reference: None,
        parameters: given.collect::<Result<_>>()?,
        environment: vec![],
        correlation,
        callback: None,
        more: vec![],
    })
}

fn checked(declared: &Declared, given: &ParameterValue, field: &str) -> Result<Value> {
    let kind = declared.kind();
    match &given.value {
        Value::Secret(_) if kind != "secret" => {
            let reason =
                format!("it is a secret, and the job declares it as {}: Jenkins would show it", declared.class);
            Err(Error::invalid_input(field, reason).hint("declare it as a password parameter in the job"))
        }
        Value::Text(text) if kind == "bool" && !matches!(text.as_str(), "true" | "false") => {
            Err(Error::invalid_input(field, "it is neither true nor false"))
        }
        Value::Text(text) if kind == "choice" => {
            let choices = declared.choices.as_deref().unwrap_or_default();
            if choices.contains(text) {
                return Ok(given.value.clone());
            }
            Err(Error::invalid_input(field, format!("{text:?} is not among {}", choices.join(", "))))
        }
        value => Ok(value.clone()),
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// Whether the job takes parameters: one that does refuses `build`, one that does not refuses `buildWithParameters`.
    pub(crate) parameterized: bool,
    pub(crate) fields: Vec<(String, Value)>,
    /// By the name of the parameter.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Form {
    pub(crate) const fn action(&self) -> &'static str {
        if self.parameterized { "buildWithParameters" } else { "build" }
    }

    /// The request with this form, without the job's quiet period. The values stand in the body: queries end up in logs. A
    /// boundary is asked for where there are files.
    pub(crate) fn post(self, request: Request, boundary: impl FnOnce() -> String) -> Request {
        let request = request.query("delay", "0sec");
        if !self.files.is_empty() {
            let boundary = boundary();
            return request.body(&format!("multipart/form-data; boundary={boundary}"), self.parts(&boundary));
        }
        self.fields.into_iter().fold(request, |request, (name, value)| match value {
            Value::Text(text) => request.form(&name, &text),
            Value::Secret(reference) => request.form_secret(&name, &reference),
        })
    }

    /// A part for each value. One with a file's name is a file; of the others Stapler reads the bytes in the charset that is
    /// said (`RequestImpl.parseMultipartFormData`).
    fn parts(self, boundary: &str) -> Body {
        let named = |body: Body, name: &str, rest: &str| {
            let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
            body.text(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{rest}\r\n\r\n"))
        };
        let body = self.fields.into_iter().fold(Body::new(), |body, (name, value)| {
            let body = named(body, &name, "\r\nContent-Type: text/plain; charset=UTF-8");
            let body = match value {
                Value::Text(text) => body.text(text),
                Value::Secret(reference) => body.secret(reference, Escape::None),
            };
            body.text("\r\n")
        });
        let body = self.files.into_iter().fold(body, |body, (name, bytes)| {
            let rest = "; filename=\"file\"\r\nContent-Type: application/octet-stream";
            named(body, &name, rest).bytes(bytes).text("\r\n")
        });
        body.text(format!("--{boundary}--\r\n"))
    }
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
