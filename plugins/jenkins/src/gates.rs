//! `input` steps: what a pipeline waits for a person to decide.
//!
//! Pure. pipeline-rest-api lists them (`wfapi/pendingInputActions`); the input step itself takes the decision
//! (pipeline-input-step, `InputStepExecution.java`).

use novacron_cicd_sdk::{
    Result,
    http::Request,
    run_gates::{Decision, Gate},
    types::{Error, Parameter, RunRef, Value},
};
use serde::Deserialize;
use serde_json::json;

use crate::{client::Client, path};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pending {
    id: String,
    message: Option<String>,
    inputs: Vec<Input>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Input {
    name: String,
    #[serde(rename = "type")]
    class: String,
    description: Option<String>,
}

impl Pending {
    pub(crate) fn gate(self) -> Gate {
        let input = |input: Input| Parameter {
            kind: if input.class.starts_with("Boolean") { "bool" } else { "string" }.into(),
            name: input.name,
            description: input.description.filter(|text| !text.is_empty()),
            default: None,
            choices: vec![],
            required: false,
            more: vec![],
        };
        Gate {
            id: self.id,
            kind: "input".into(),
            job: None,
            message: self.message,
            can_resolve: None,
            inputs: self.inputs.into_iter().map(input).collect(),
            more: vec![],
        }
    }
}

/// What tells Jenkins of a decision.
/// `unsupported` for an input that is a secret: it would stand in JSON within a form, which the host can't escape.
pub(crate) fn resolve(client: &Client, run: &RunRef, gate: &str, decision: &Decision) -> Result<Request> {
    let at = |action: &str| Ok(client.post(path::of_build(run, &["input", gate, action])?));
    if !decision.approve {
        return at("abort");
    }
    if decision.inputs.is_empty() {
        return at("proceedEmpty");
    }
    let value = |given: &novacron_cicd_sdk::types::ParameterValue| match &given.value {
        Value::Text(text) if given.kind == "bool" => Ok(json!({ "name": given.name, "value": text == "true" })),
        Value::Text(text) => Ok(json!({ "name": given.name, "value": text })),
        Value::Secret(_) => Err(Error::unsupported("run-gates.secret-inputs")),
    };
    let given = decision.inputs.iter().map(value).collect::<Result<Vec<_>>>()?;
    Ok(at("proceed")?.form("json", &json!({ "parameter": given }).to_string()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::types::{BodyPart, ParameterValue};

    use super::*;
    use crate::settings::Settings;

    fn sent(decision: &Decision) -> Result<(String, String)> {
        let client = Client { base_url: "https://ci.example".into(), settings: Settings::default(), slot: None };
        let run = RunRef { pipeline: "a".into(), run: "17".into(), attempt: None };
        let request = resolve(&client, &run, "Deploy", decision)?.build()?;
        let text = |part: &BodyPart| match part {
            BodyPart::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            BodyPart::Secret(_) => unreachable!("no secret is sent"),
        };
        Ok((request.url, request.body.iter().map(text).collect()))
    }

    #[test]
    fn a_decision_goes_where_its_kind_is_taken() {
        let given = |kind: &str, value| ParameterValue { name: "OK".into(), kind: kind.into(), value };
        let text = |kind: &str, text: &str| given(kind, Value::Text(text.into()));
        let decide = |approve, inputs| Decision { approve, comment: None, inputs };
        let rows = [
            (decide(true, vec![]), "proceedEmpty", ""),
            (decide(false, vec![text("bool", "true")]), "abort", ""),
            (decide(true, vec![text("bool", "true")]), "proceed", r#"json={"parameter":[{"name":"OK","value":true}]}"#),
            (
                decide(true, vec![text("string", "a\"b")]),
                "proceed",
                r#"json={"parameter":[{"name":"OK","value":"a\"b"}]}"#,
            ),
        ];
        for (decision, action, body) in rows {
            let expected =
                body.strip_prefix("json=").map(|json| format!("json={}", novacron_cicd_sdk::http::encode(json)));
            assert_eq!(
                sent(&decision).unwrap(),
                (format!("/job/a/17/input/Deploy/{action}"), expected.unwrap_or_default())
            );
        }
        assert!(sent(&decide(true, vec![given("secret", Value::Secret("ref".into()))])).is_err());
    }

    #[test]
    fn what_waits_is_told_with_what_it_asks() {
        let text = r#"[{"id":"Deploy","message":"Go?","proceedUrl":"/x","abortUrl":"/y",
            "inputs":[{"name":"OK","type":"BooleanParameterDefinition","description":"","definition":{"defaultVal":false}}]},{"id":"Other"}]"#;
        let gates: Vec<Gate> =
            serde_json::from_str::<Vec<Pending>>(text).unwrap().into_iter().map(Pending::gate).collect();
        assert_eq!(
            (gates[0].id.as_str(), gates[0].message.as_deref(), gates[0].kind.as_str()),
            ("Deploy", Some("Go?"), "input")
        );
        assert_eq!((gates[0].inputs[0].name.as_str(), gates[0].inputs[0].kind.as_str()), ("OK", "bool"));
        assert_eq!((gates[1].id.as_str(), gates[1].inputs.len()), ("Other", 0));
    }
}
