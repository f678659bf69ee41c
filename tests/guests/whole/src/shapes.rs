//! Documents of the platform, and what they mean.

use novacron_cicd_sdk::{
    artifacts::Artifact,
    types::{
        Attribute, Parameter, ParameterValue, Pipeline, Run, RunRef, State, Status, Ticket, Times, Value as Given,
    },
};
use serde_json::Value;

/// A text of a document; empty where it has none.
pub(crate) fn text(document: &Value, field: &str) -> String {
    maybe(document, field).unwrap_or_default()
}

/// A text of a document.
pub(crate) fn maybe(document: &Value, field: &str) -> Option<String> {
    document[field].as_str().map(str::to_owned)
}

/// A flag of a document.
pub(crate) fn flag(document: &Value, field: &str) -> bool {
    document[field].as_bool().unwrap_or_default()
}

/// Texts of a document.
pub(crate) fn texts(document: &Value, field: &str) -> Vec<String> {
    document[field].as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// What a document says further.
pub(crate) fn more(document: &Value) -> Vec<Attribute> {
    let note = maybe(document, "note").map(|value| Attribute { key: "x-note".into(), value });
    note.into_iter().collect()
}

/// Every document of a list.
pub(crate) fn each<T>(documents: &Value, shape: impl Fn(&Value) -> T) -> Vec<T> {
    documents.as_array().into_iter().flatten().map(shape).collect()
}

pub(crate) fn status(document: &Value) -> Status {
    let word = text(document, "state");
    let state = match word.as_str() {
        "running" => State::Running,
        "waiting" => State::Waiting,
        "passed" => State::Succeeded,
        "failed" => State::Failed,
        "stopped" => State::Canceled,
        _ => State::Pending,
    };
    Status::of(state, word)
}

pub(crate) fn times(document: &Value) -> Times {
    Times { created: document["created"].as_u64(), ..Times::default() }
}

pub(crate) fn run(document: &Value) -> Run {
    let identity = RunRef { pipeline: text(document, "pipeline"), run: text(document, "id"), attempt: None };
    Run {
        origin: maybe(document, "origin").unwrap_or_else(|| "api".into()),
        correlation: maybe(document, "correlation"),
        times: times(document),
        ..Run::new(identity, status(document))
    }
}

pub(crate) fn ticket(document: &Value) -> Ticket {
    match maybe(document, "ticket") {
        Some(place) => Ticket::Queued(place),
        None => Ticket::Run(run(document)),
    }
}

pub(crate) fn pipeline(document: &Value) -> Pipeline {
    let id = text(document, "id");
    let name = maybe(document, "name").unwrap_or_else(|| id.clone());
    Pipeline { enabled: document["enabled"] != false, ..Pipeline::new(id, name) }
}

pub(crate) fn parameter(document: &Value) -> Parameter {
    Parameter::new(text(document, "name"), "string")
}

pub(crate) fn artifact(document: &Value) -> Artifact {
    Artifact::new(text(document, "id"), text(document, "name"), "binary")
}

/// What a call is given, by name: text as it is, a secret by its reference.
pub(crate) fn given(
    mut json: novacron_cicd_sdk::http::Json,
    values: Vec<ParameterValue>,
) -> novacron_cicd_sdk::http::Json {
    for value in values {
        let name = format!("given.{}", value.name);
        json = match value.value {
            Given::Text(text) => json.field(name, text),
            Given::Secret(reference) => json.secret(name, reference),
        };
    }
    json
}
