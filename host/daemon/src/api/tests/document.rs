//! The OpenAPI document: a snapshot that readers outside can rely on, and rules that hold for every operation.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api;

fn document() -> Value {
    serde_json::from_str(api::document::text()).unwrap_or_default()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

/// To take a change over: `INSTA_UPDATE=always cargo test -p novacron-cicd`.
#[test]
fn the_document_is_the_one_in_docs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api/openapi.json");
    let now = format!("{}\n", api::document::text());
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        assert!(std::fs::write(path, &now).is_ok(), "docs/api/openapi.json can't be written");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let line = now.lines().zip(kept.lines()).position(|(now, kept)| now != kept);
    assert!(now == kept, "docs/api/openapi.json is not what the handlers say; the first other line is {line:?}");
}

#[test]
fn every_operation_has_a_name_of_its_own_a_sentence_and_a_problem() {
    let document = document();
    let mut names = BTreeSet::new();
    let operations = operations(&document);
    assert!(operations.len() > 40, "{} operations", operations.len());
    for (what, operation) in operations {
        let name = operation["operationId"].as_str().unwrap_or_default();
        assert!(!name.is_empty() && names.insert(name.to_owned()), "{what}: {name:?}");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{what} has no summary");
        let problem = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(problem, "#/components/schemas/Problem", "{what}");
        for (status, response) in operation["responses"].as_object().into_iter().flatten() {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{what} {status}");
        }
        let open = operation["tags"][0] == "health" || what.contains(" /v1/hooks/");
        let secured = operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
        assert_eq!(secured, !open, "{what}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn every_request_body_refuses_unknown_fields() {
    let document = document();
    for (what, operation) in operations(&document) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(reference) = schema.as_str() else { continue };
        let schema = document.pointer(reference.trim_start_matches('#')).cloned().unwrap_or_default();
        let closed = |schema: &Value| schema["additionalProperties"] == false;
        let variants = schema["oneOf"].as_array().is_some_and(|variants| variants.iter().all(closed));
        assert!(closed(&schema) || variants, "{what}: {schema}");
    }
}
