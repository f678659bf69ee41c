//! Every answer against the OpenAPI document that the host itself serves: path, status, content type, body.
//!
//! Stricter than the document says: a field that it does not name is a fault too, because nobody could know of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use anyhow::{Context as _, bail, ensure};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// The document, with the validators that were needed until now.
pub(crate) struct Contract {
    document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// What an operation of the document is called: `GET /v1/runs/{id}`.
pub(crate) type OperationName = String;

impl Contract {
    pub(crate) fn new(mut document: Value) -> anyhow::Result<Self> {
        ensure!(
            document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")),
            "the document is OpenAPI {}, not 3.1",
            document["openapi"]
        );
        close_objects(&mut document);
        Ok(Self { document, validators: Mutex::default() })
    }

    /// `GET /v1/runs/{id}` and so on.
    pub(crate) fn operations(&self) -> Vec<OperationName> {
        let mut names = Vec::new();
        for (path, item) in self.document["paths"].as_object().into_iter().flatten() {
            for method in item.as_object().into_iter().flat_map(Map::keys) {
                if ["get", "put", "post", "patch", "delete", "head"].contains(&method.as_str()) {
                    names.push(format!("{} {path}", method.to_uppercase()));
                }
            }
        }
        names
    }

    /// The path of the document that `path` is one of: the one with the fewest parameters.
    pub(crate) fn template(&self, path: &str) -> anyhow::Result<&str> {
        let given: Vec<_> = path.split('/').collect();
        let paths = self.document["paths"].as_object().context("the document has no paths")?;
        paths
            .keys()
            .filter(|template| {
                let parts: Vec<_> = template.split('/').collect();
                parts.len() == given.len()
                    && parts.iter().zip(&given).all(|(part, word)| part == word || part.starts_with('{'))
            })
            .min_by_key(|template| template.matches('{').count())
            .map(String::as_str)
            .with_context(|| format!("the document has no path {path}"))
    }

    /// Fails where the answer is not one that the document promises.
    pub(crate) fn check(
        &self,
        method: &str,
        path: &str,
        status: u16,
        content_type: Option<&str>,
        body: Option<&[u8]>,
    ) -> anyhow::Result<()> {
        let template = self.template(path)?;
        let operation = &self.document["paths"][template][method.to_lowercase()];
        ensure!(operation.is_object(), "the document has no {method} {template}");
        let responses = &operation["responses"];
        let class = format!("{}XX", status / 100);
        let response = [status.to_string().as_str(), class.as_str(), "default"]
            .into_iter()
            .find_map(|key| responses.get(key))
            .with_context(|| format!("{method} {template} answered {status}, which the document does not have"))?;
        let response = self.resolve(response)?;
        let Some(content) = response.get("content").and_then(Value::as_object).filter(|map| !map.is_empty()) else {
            ensure!(
                body.is_none_or(<[u8]>::is_empty),
                "{method} {template} answered {status} with a body that the document does not have"
            );
            return Ok(());
        };
        let given = content_type.with_context(|| format!("{method} {template}: {status} has no content type"))?;
        let media = given.split(';').next().unwrap_or_default().trim();
        let described = content.get(media).with_context(|| {
            format!("{method} {template}: {status} is {media}, the document has {:?}", content.keys())
        })?;
        let (Some(body), Some(schema)) = (body, described.get("schema")) else { return Ok(()) };
        if !media.ends_with("json") {
            return Ok(());
        }
        let instance: Value =
            serde_json::from_slice(body).with_context(|| format!("{method} {template}: {status} is no JSON"))?;
        let key = format!("{method} {template} {status} {media}");
        let validator = self.validator(&key, schema)?;
        let faults: Vec<_> =
            validator.iter_errors(&instance).map(|fault| format!("{} at {}", fault, fault.instance_path())).collect();
        if !faults.is_empty() {
            bail!("{key}: {}\n{instance:#}", faults.join("\n"));
        }
        Ok(())
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> anyhow::Result<&'a Value> {
        match value.get("$ref").and_then(Value::as_str) {
            None => Ok(value),
            Some(reference) => {
                let pointer = reference.strip_prefix('#').context("a reference leads out of the document")?;
                self.document.pointer(pointer).with_context(|| format!("{reference} leads nowhere"))
            }
        }
    }

    fn validator(&self, key: &str, schema: &Value) -> anyhow::Result<Arc<Validator>> {
        let mut validators = self.validators.lock().map_err(|_| anyhow::anyhow!("a check failed before"))?;
        if let Some(validator) = validators.get(key) {
            return Ok(Arc::clone(validator));
        }
        let whole = json!({ "components": self.document["components"], "allOf": [schema] });
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .build(&whole)
            .map_err(|error| anyhow::anyhow!("{key}: the document's schema is broken: {error}"))?;
        let validator = Arc::new(validator);
        validators.insert(key.to_owned(), Arc::clone(&validator));
        Ok(validator)
    }
}

/// Objects take no field that they do not name, unless they are a part of a larger one.
fn close_objects(document: &mut Value) {
    let mut parts = Vec::new();
    collect_parts(document, &mut parts);
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        let Some(schema) = schema.as_object_mut() else { continue };
        if parts.contains(&format!("#/components/schemas/{name}")) || schema.contains_key("additionalProperties") {
            continue;
        }
        if schema.contains_key("allOf") {
            schema.insert("unevaluatedProperties".into(), Value::Bool(false));
        } else if schema.contains_key("properties") {
            schema.insert("additionalProperties".into(), Value::Bool(false));
        }
    }
}

/// Every schema that some `allOf` refers to.
fn collect_parts(value: &Value, parts: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for part in map.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                parts.extend(part.get("$ref").and_then(Value::as_str).map(str::to_owned));
            }
            map.values().for_each(|value| collect_parts(value, parts));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_parts(value, parts)),
        _ => {}
    }
}

/// The check itself can fail: a wrong status, type, field or value is seen.
#[test]
fn an_answer_that_the_document_does_not_promise_is_seen() {
    let contract = Contract::new(json!({
        "openapi": "3.1.0",
        "paths": { "/v1/things/{id}": { "get": { "responses": {
            "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } },
            "204": { "description": "nothing" },
        } } }, "/v1/things/new": { "get": { "responses": { "204": { "description": "nothing" } } } } },
        "components": { "schemas": { "Thing": {
            "type": "object", "required": ["id"], "properties": { "id": { "type": "integer" } },
        } } },
    }))
    .unwrap();
    let rows = [
        ("GET", "/v1/things/7", 200, Some("application/json; charset=utf-8"), r#"{"id":7}"#, None),
        ("GET", "/v1/things/7", 204, None, "", None),
        ("GET", "/v1/things/new", 204, None, "", None),
        ("GET", "/v1/things/new", 200, Some("application/json"), r#"{"id":7}"#, Some("does not have")),
        ("GET", "/v1/things/7", 200, Some("application/json"), r#"{"id":"7"}"#, Some("integer")),
        ("GET", "/v1/things/7", 200, Some("application/json"), r#"{"id":7,"more":1}"#, Some("more")),
        ("GET", "/v1/things/7", 200, Some("text/html"), r#"{"id":7}"#, Some("text/html")),
        ("DELETE", "/v1/things/7", 204, None, "", Some("no DELETE")),
        ("GET", "/v1/others", 200, None, "", Some("no path")),
    ];
    for (method, path, status, content_type, body, wanted) in rows {
        let found = contract.check(method, path, status, content_type, Some(body.as_bytes()));
        match wanted {
            None => found.unwrap(),
            Some(part) => {
                assert!(format!("{:#}", found.unwrap_err()).contains(part), "{method} {path} {status} {body}")
            }
        }
    }
}
