//! What starts a pipeline: which value goes as an input, which as a variable.
//!
//! Pure. An input keeps its type and needs no permission beside that to run pipelines; a variable is what the build finds in
//! its environment, and a project may let nobody set any (`ci_pipeline_variables_minimum_override_role`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use novacron_cicd_sdk::{
    Result,
    http::{Body, Escape},
    runs::TriggerRequest,
    types::{Error, ParameterValue, Value},
};
use serde_json::json;

use crate::{
    settings::{Correlation, Settings},
    yaml::Declared,
};

fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// A JSON string that may be a secret.
pub(crate) fn string(body: Body, value: &Value) -> Body {
    match value {
        Value::Text(text) => body.text(quoted(text)),
        Value::Secret(reference) => body.text("\"").secret(reference, Escape::Json).text("\""),
    }
}

/// A list of variables as GitLab takes them. What a file holds is text to it.
pub(crate) fn variables<'a>(mut body: Body, given: impl Iterator<Item = &'a ParameterValue>) -> Result<Body> {
    body = body.text("[");
    for (index, given) in given.enumerate() {
        let between = if index == 0 { "" } else { "," };
        body = body.text(between).text(format!(r#"{{"key":{},"#, quoted(&given.name)));
        let value = match &given.value {
            Value::Text(text) if given.kind == "file" => {
                body = body.text(r#""variable_type":"file","#);
                let bytes = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let field = format!("parameters.{}", given.name);
                Value::Text(bytes.ok_or_else(|| Error::invalid_input(field, "GitLab takes only files that are text"))?)
            }
            value => value.clone(),
        };
        body = string(body.text(r#""value":"#), &value).text("}");
    }
    Ok(body.text("]"))
}

/// An input in its own type.
fn input(body: Body, class: &str, given: &ParameterValue) -> Result<Body> {
    let Value::Text(text) = &given.value else { return Ok(string(body, &given.value)) };
    let field = || format!("parameters.{}", given.name);
    let typed = |is: fn(&serde_json::Value) -> bool, what: &str| {
        let value = serde_json::from_str::<serde_json::Value>(text).ok().filter(is);
        value.ok_or_else(|| Error::invalid_input(field(), format!("{text:?} is no {what}")))
    };
    Ok(match class {
        "number" => body.text(typed(serde_json::Value::is_number, "number")?.to_string()),
        "boolean" => body.text(typed(serde_json::Value::is_boolean, "boolean")?.to_string()),
        "array" => body.text(typed(serde_json::Value::is_array, "JSON array")?.to_string()),
        _ => body.text(quoted(text)),
    })
}

/// Whether the definition has to be read to tell inputs from variables.
pub(crate) fn needs_declarations(settings: &Settings, request: &TriggerRequest) -> bool {
    !request.parameters.is_empty() || settings.correlation == Correlation::Input
}

/// The body of `POST /projects/:id/pipeline`.
pub(crate) fn body(
    settings: &Settings,
    request: &TriggerRequest,
    reference: &str,
    declared: &Declared,
) -> Result<Body> {
    let token = ParameterValue {
        name: settings.correlation_name.clone(),
        kind: "string".into(),
        value: Value::Text(request.correlation.clone()),
    };
    let is_input = |given: &&ParameterValue| declared.input(&given.name).is_some();
    let mut inputs: Vec<_> = request.parameters.iter().filter(is_input).collect();
    let mut rest: Vec<_> = request.parameters.iter().filter(|given| !is_input(given)).collect();
    let known = |name: &str, list: &[&ParameterValue]| list.iter().any(|given| given.name == name);
    for given in &request.environment {
        if !known(&given.name, &rest) {
            rest.push(given);
        }
    }
    match settings.correlation {
        Correlation::Variable => {
            rest.retain(|given| given.name != token.name);
            rest.push(&token);
        }
        Correlation::Input if declared.input(&token.name).is_none() => {
            let reason = format!("the definition declares no input {}", token.name);
            return Err(Error::invalid_input("settings.correlation", reason).hint(
                "declare it under spec:inputs and show it in workflow:name, or set `correlation` to variable or none",
            ));
        }
        Correlation::Input => {
            inputs.retain(|given| given.name != token.name);
            inputs.push(&token);
        }
        Correlation::None => {}
    }
    let mut body = Body::new().text(format!(r#"{{"ref":{}"#, quoted(reference)));
    if !rest.is_empty() {
        body = variables(body.text(r#","variables":"#), rest.into_iter())?;
    }
    for (index, given) in inputs.iter().enumerate() {
        let before = if index == 0 { r#","inputs":{"# } else { "," };
        let class = declared.input(&given.name).unwrap_or_default();
        body = input(body.text(before).text(quoted(&given.name)).text(":"), class, given)?;
    }
    Ok(body.text(if inputs.is_empty() { "}" } else { "}}" }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::types::BodyPart;

    use super::*;

    fn shown(body: &Body) -> String {
        let part = |part: &BodyPart| match part {
            BodyPart::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            BodyPart::Secret(part) => format!("<{} {}>", part.secret, part.escape),
        };
        body.parts().iter().map(part).collect()
    }

    fn given(name: &str, kind: &str, text: &str) -> ParameterValue {
        ParameterValue { name: name.into(), kind: kind.into(), value: Value::Text(text.into()) }
    }

    fn request(parameters: Vec<ParameterValue>, environment: Vec<ParameterValue>) -> TriggerRequest {
        TriggerRequest {
            pipeline: "g/app".into(),
            reference: None,
            parameters,
            environment,
            correlation: "nc-7".into(),
            callback: None,
            more: vec![],
        }
    }

    fn sent(correlation: Correlation, request: &TriggerRequest) -> Result<String> {
        let file = "spec:\n  inputs:\n    n: { type: number }\n    b: { type: boolean }\n    l: { type: array }\n    s:\n---\nbuild: {}\n";
        let settings = Settings { correlation, ..Settings::default() };
        Ok(shown(&body(&settings, request, "dev/\"x", &Declared::read(file)?)?))
    }

    #[test]
    fn values_go_as_what_is_declared_and_all_else_as_variables() {
        let secret = ParameterValue { name: "KEY".into(), kind: "secret".into(), value: Value::Secret("ref-1".into()) };
        let all = request(
            vec![
                given("n", "number", "2.5"),
                given("V", "string", "a\"b"),
                given("b", "bool", "true"),
                given("l", "list", "[1, \"x\"]"),
                given("s", "string", "7"),
                secret,
                given("F", "file", "aGkK"),
            ],
            vec![
                given("E", "string", "1"),
                given("V", "string", "lost"),
                given("NOVACRON_CORRELATION", "string", "lost"),
            ],
        );
        assert_eq!(
            sent(Correlation::Variable, &all).unwrap(),
            r#"{"ref":"dev/\"x","variables":[{"key":"V","value":"a\"b"},{"key":"KEY","value":"<ref-1 json>"},{"key":"F","variable_type":"file","value":"hi\n"},{"key":"E","value":"1"},{"key":"NOVACRON_CORRELATION","value":"nc-7"}],"inputs":{"n":2.5,"b":true,"l":[1,"x"],"s":"7"}}"#
        );
        assert_eq!(sent(Correlation::None, &request(vec![], vec![])).unwrap(), r#"{"ref":"dev/\"x"}"#);
    }

    #[test]
    fn what_gitlab_would_refuse_or_lose_is_refused_before() {
        for (name, kind, text) in [("n", "number", "x"), ("b", "bool", "1"), ("l", "list", "a"), ("F", "file", "//79")]
        {
            assert!(sent(Correlation::Variable, &request(vec![given(name, kind, text)], vec![])).is_err(), "{name}");
        }
        let error = sent(Correlation::Input, &request(vec![], vec![])).unwrap_err();
        assert!(error.message.contains("no input NOVACRON_CORRELATION"));
    }
}
