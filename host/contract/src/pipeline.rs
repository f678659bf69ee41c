//! Pipelines, their definitions and parameters.

use novacron_cicd_domain::{
    parameter::{Parameter, ParameterKind},
    platform::{Definition, Finding, LintRequest, RemotePipeline},
};

use crate::{
    bindings::{
        exports::novacron::cicd::{pipeline_definitions as definitions, pipeline_lint as lint},
        novacron::cicd::types as wit,
    },
    value::{Violation, attributes, id, map},
};

/// The contract's words for the kinds; the set is open, so a word that is not here reads as a plain string.
const KINDS: [(&str, ParameterKind); 9] = [
    ("string", ParameterKind::String),
    ("text", ParameterKind::Text),
    ("bool", ParameterKind::Bool),
    ("number", ParameterKind::Number),
    ("choice", ParameterKind::Choice),
    ("list", ParameterKind::List),
    ("file", ParameterKind::File),
    ("environment", ParameterKind::Environment),
    ("secret", ParameterKind::Secret),
];

pub(crate) fn kind_word(kind: ParameterKind) -> &'static str {
    KINDS.iter().find(|(_, known)| *known == kind).map_or("string", |(word, _)| word)
}

impl From<wit::Parameter> for Parameter {
    fn from(parameter: wit::Parameter) -> Self {
        let known = KINDS.iter().find(|(word, _)| *word == parameter.kind);
        Self {
            name: parameter.name,
            kind: known.map_or(ParameterKind::String, |(_, kind)| *kind),
            description: parameter.description,
            default: parameter.default,
            choices: parameter.choices,
            required: parameter.required,
        }
    }
}

impl From<Parameter> for wit::Parameter {
    fn from(parameter: Parameter) -> Self {
        Self {
            name: parameter.name,
            kind: kind_word(parameter.kind).into(),
            description: parameter.description,
            default: parameter.default,
            choices: parameter.choices,
            required: parameter.required,
            more: Vec::new(),
        }
    }
}

impl TryFrom<wit::Pipeline> for RemotePipeline {
    type Error = Violation;
    fn try_from(pipeline: wit::Pipeline) -> Result<Self, Violation> {
        Ok(Self {
            id: id("pipeline.id", pipeline.id)?,
            name: pipeline.name,
            repository: pipeline.repository,
            reference: pipeline.reference,
            url: pipeline.url,
            enabled: pipeline.enabled,
            revision: pipeline.revision,
        })
    }
}

impl From<Definition> for definitions::Definition {
    fn from(definition: Definition) -> Self {
        Self {
            name: definition.name,
            repository: definition.repository,
            reference: definition.reference,
            location: definition.location,
            source: definition.source,
            parameters: definition.parameters.into_iter().map(Into::into).collect(),
            environment: attributes(definition.environment),
            schedules: definition.schedules,
            webhook_url: definition.webhook_url,
            more: Vec::new(),
        }
    }
}

impl From<definitions::Definition> for Definition {
    fn from(definition: definitions::Definition) -> Self {
        Self {
            name: definition.name,
            repository: definition.repository,
            reference: definition.reference,
            location: definition.location,
            source: definition.source,
            parameters: definition.parameters.into_iter().map(Into::into).collect(),
            environment: map(definition.environment),
            schedules: definition.schedules,
            webhook_url: definition.webhook_url,
        }
    }
}

impl From<LintRequest> for lint::LintRequest {
    fn from(request: LintRequest) -> Self {
        Self { repository: request.repository, reference: request.reference, source: request.source, more: Vec::new() }
    }
}

impl From<lint::Finding> for Finding {
    fn from(finding: lint::Finding) -> Self {
        Self { severity: finding.severity, message: finding.message, line: finding.line, column: finding.column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_parameter_comes_back_as_it_went() {
        for (_, kind) in KINDS {
            let there = Parameter {
                name: "p".into(),
                kind,
                description: None,
                default: None,
                choices: Vec::new(),
                required: false,
            };
            assert_eq!(Parameter::from(wit::Parameter::from(there.clone())), there);
        }
    }

    #[test]
    fn a_pipeline_without_an_id_is_a_violation_that_names_the_field() {
        let pipeline = wit::Pipeline {
            id: String::new(),
            name: "build".into(),
            repository: None,
            reference: None,
            url: None,
            enabled: true,
            revision: None,
            more: Vec::new(),
        };
        let expected = Violation { field: "pipeline.id", reason: "is empty".into() };
        assert_eq!(RemotePipeline::try_from(pipeline), Err(expected));
    }
}
