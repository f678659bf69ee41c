//! What is wrong with a Declarative Jenkinsfile, as the plugin pipeline-model-definition sees it.
//!
//! Pure. It always answers 200; findings are sentences, with the place at their end: `... @ line 3, column 5.`

use novacron_cicd_sdk::{Result, pipeline_lint::Finding, types::Error};
use serde_json::Value;

/// Where a Jenkinsfile is posted to; the manifest names it among what only reads.
pub(crate) const PATH: &str = "/pipeline-model-converter/validateJenkinsfile";

/// The findings of an answer.
/// `upstream` where it is of another shape.
pub(crate) fn findings(answer: &Value) -> Result<Vec<Finding>> {
    let data = answer
        .get("data")
        .ok_or_else(|| Error::upstream("the linter's answer has no data", 200, answer.to_string()))?;
    let mut sentences = Vec::new();
    collect(data.get("errors").unwrap_or(&Value::Null), &mut sentences);
    if sentences.is_empty() && data.get("result").and_then(Value::as_str) != Some("success") {
        sentences.push("the Jenkinsfile is not valid, and Jenkins does not say why".to_owned());
    }
    Ok(sentences.into_iter().map(finding).collect())
}

/// Errors come as texts, in lists, or in objects.
fn collect(value: &Value, sentences: &mut Vec<String>) {
    match value {
        Value::String(text) => sentences.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, sentences)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, sentences)),
        _ => {}
    }
}

fn finding(message: String) -> Finding {
    let place = |name: &str| {
        let (_, after) = message.rsplit_once(&format!("{name} "))?;
        after.split(|sign: char| !sign.is_ascii_digit()).next()?.parse().ok()
    };
    Finding { severity: "error".into(), line: place("@ line"), column: place("column"), message }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    #[test]
    fn findings_come_with_their_place() {
        let rows = [
            (json!({ "status": "ok", "data": { "result": "success" } }), vec![]),
            (
                json!({ "data": { "result": "failure", "errors": [{ "error": ["Missing required section \"agent\" @ line 3, column 15."] }] } }),
                vec![(Some(3), Some(15))],
            ),
            (
                json!({ "data": { "result": "failure", "errors": [{ "error": "Jenkinsfile content has no pipeline" }] } }),
                vec![(None, None)],
            ),
            (json!({ "data": { "result": "failure" } }), vec![(None, None)]),
        ];
        for (answer, expected) in rows {
            let found: Vec<_> = findings(&answer).unwrap().into_iter().map(|it| (it.line, it.column)).collect();
            assert_eq!(found, expected, "{answer}");
        }
        assert!(findings(&json!({})).is_err());
    }
}
