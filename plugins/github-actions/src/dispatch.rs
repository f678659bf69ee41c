//! What a run is started with: the inputs of `workflow_dispatch`, checked before they are sent.
//!
//! Pure. GitHub shows inputs to everybody who may read the repository, so that a secret is never one.

use std::collections::BTreeMap;

use novacron_cicd_sdk::{
    runs::TriggerRequest,
    types::{Parameter, ParameterValue, Run, Ticket, Value},
};

use crate::{prelude::*, settings::Settings, workflow::Workflow};

/// GitHub's limits (OpenAPI of `actions/create-workflow-dispatch`; docs: "Events that trigger workflows").
pub(crate) const MOST_INPUTS: usize = 25;
const MOST_CHARACTERS: usize = 65_535;

fn text<'a>(given: &'a ParameterValue, what: &str) -> Result<&'a str> {
    match &given.value {
        Value::Text(text) => Ok(text),
        Value::Secret(_) => {
            Err(Error::invalid_input(&given.name, format!("{what} can't be a secret: GitHub shows it"))
                .hint("put it into GitHub's store with `secrets`, and let the workflow read it from there"))
        }
    }
}

fn check(declared: &Parameter, value: &str) -> Result<()> {
    let refuse = |reason: String| Err(Error::invalid_input(&declared.name, reason));
    match declared.kind.as_str() {
        "choice" if !declared.choices.iter().any(|choice| choice == value) => {
            refuse(format!("{value:?} is none of {}", declared.choices.join(", ")))
        }
        "bool" if !matches!(value, "true" | "false") => refuse(format!("{value:?} is not true or false")),
        "number" if value.parse::<f64>().is_err() => refuse(format!("{value:?} is no number")),
        _ => Ok(()),
    }
}

/// The inputs to send.
/// Errors: `invalid-input` of the parameter that the workflow does not take; `unsupported` where it can't be started by hand, or
/// takes no environment.
pub(crate) fn inputs(
    workflow: &Workflow,
    settings: &Settings,
    request: &TriggerRequest,
) -> Result<BTreeMap<String, String>> {
    if workflow.event("workflow_dispatch").is_none() {
        return Err(Error::unsupported("runs.trigger")
            .message("the workflow has no trigger `workflow_dispatch`, so that nothing but GitHub's events starts it")
            .hint("add `workflow_dispatch:` to its `on:`, on the default branch too"));
    }
    let declared = workflow.inputs();
    let find = |name: &str| declared.iter().find(|parameter| parameter.name == name);
    let mut inputs = BTreeMap::new();
    for given in &request.parameters {
        let Some(parameter) = find(&given.name) else {
            let names: Vec<_> = declared.iter().map(|parameter| parameter.name.as_str()).collect();
            let reason = format!("the workflow has no such input, but {}", names.join(", "));
            return Err(Error::invalid_input(&given.name, reason));
        };
        let value = text(given, "an input")?;
        check(parameter, value)?;
        inputs.insert(given.name.clone(), value.to_owned());
    }
    if !request.environment.is_empty() {
        let name = &settings.environment_input;
        if find(name).is_none() {
            return Err(Error::unsupported("runs.environment")
                .message("the workflow has no input that takes variables for its environment")
                .hint(format!(
                    "declare the input `{name}`: it is a JSON object, for `env: ${{{{ fromJSON(inputs.{name}) }}}}`"
                )));
        }
        let mut variables = BTreeMap::new();
        for given in &request.environment {
            variables.insert(&given.name, text(given, "a variable")?);
        }
        inputs.insert(name.clone(), json!(variables).to_string());
    }
    if find(&settings.correlation_input).is_some() {
        inputs.insert(settings.correlation_input.clone(), request.correlation.clone());
    }
    if let Some(missing) =
        declared.iter().find(|it| it.required && it.default.is_none() && !inputs.contains_key(&it.name))
    {
        return Err(Error::invalid_input(&missing.name, "the workflow requires it"));
    }
    let characters: usize = inputs.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    if inputs.len() > MOST_INPUTS || characters > MOST_CHARACTERS {
        let reason = format!("GitHub takes at most {MOST_INPUTS} inputs of {MOST_CHARACTERS} characters together");
        return Err(Error::invalid_input("parameters", reason));
    }
    Ok(inputs)
}

/// Version 2022-11-28 says which run it is only where it is asked to; later ones always do.
pub(crate) fn post(client: &Client, pipeline: &Id, reference: &str, inputs: &BTreeMap<String, String>) -> Request {
    let mut body = json!({ "ref": reference, "inputs": inputs });
    if client.settings.api_version == "2022-11-28" {
        body["return_run_details"] = true.into();
    }
    client.post(at(&pipeline.repo, &["actions", "workflows", &pipeline.rest, "dispatches"])).json(&body)
}

told! {
    Details { workflow_run_id: u64, html_url: Option<String> }
}

/// What it was taken as. An older server does not say: then it is searched for.
/// Errors: What GitHub refuses it with.
pub(crate) fn ticket(answer: Response, pipeline: &Id, reference: &str, correlation: &str) -> Result<Ticket> {
    let answer = client::taken(answer)?;
    let details = answer.json::<Details>().unwrap_or_default();
    if details.workflow_run_id == 0 {
        return Ok(Ticket::Unknown(None));
    }
    let run = details.workflow_run_id.to_string();
    let identity = RunRef { pipeline: pipeline.to_string(), run, attempt: Some(1) };
    Ok(Ticket::Run(Run {
        reference: Some(reference.to_owned()),
        url: details.html_url,
        correlation: Some(correlation.to_owned()),
        origin: "api".into(),
        more: vec![attribute("x-event", "workflow_dispatch")],
        ..Run::new(identity, Status::of(State::Pending, "requested").reason("queued"))
    }))
}

#[cfg(test)]
#[path = "dispatch_tests.rs"]
mod tests;
