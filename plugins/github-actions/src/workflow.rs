//! A workflow file, as far as we look into it: triggers, inputs, and the jobs with what they wait for.
//!
//! Pure. GitHub reads YAML 1.2, in which the key `on` is a text; so does this parser.

use novacron_cicd_sdk::{
    Result,
    types::{Error, Parameter},
};
use serde_yaml_ng::{Mapping, Value};

/// What a workflow file says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workflow {
    pub(crate) name: Option<String>,
    pub(crate) run_name: Option<String>,
    /// The events that start it, with what is said of each.
    pub(crate) on: Vec<(String, Value)>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) jobs: Vec<Job>,
}

/// A job of the file; a run may have more than one of it, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) id: String,
    /// What it is shown as; may hold expressions.
    pub(crate) name: Option<String>,
    pub(crate) needs: Vec<String>,
    /// Whether it is one of several, which are shown as `name (a, b)`.
    pub(crate) matrix: bool,
    /// The workflow that it calls, whose jobs are shown as `name / job`.
    pub(crate) calls: Option<String>,
    /// Whether it says where to run.
    pub(crate) placed: bool,
}

/// A text, number or boolean as GitHub shows it.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Sequence(all) => all.iter().filter_map(scalar).collect(),
        one => scalar(one).into_iter().collect(),
    }
}

fn pairs(value: Option<&Value>) -> impl Iterator<Item = (String, &Value)> {
    let mapping = value.and_then(Value::as_mapping).map(Mapping::iter);
    mapping.into_iter().flatten().filter_map(|(key, value)| Some((scalar(key)?, value)))
}

/// `on: push`, `on: [push, pull_request]`, or a mapping.
fn events(value: Option<&Value>) -> Vec<(String, Value)> {
    match value {
        Some(Value::Mapping(_)) => pairs(value).map(|(name, value)| (name, value.clone())).collect(),
        Some(other) => texts(other).into_iter().map(|name| (name, Value::Null)).collect(),
        None => Vec::new(),
    }
}

fn job(id: String, value: &Value) -> Job {
    let field = |name: &str| value.get(name);
    Job {
        id,
        name: field("name").and_then(scalar),
        needs: field("needs").map(texts).unwrap_or_default(),
        matrix: value.get("strategy").and_then(|strategy| strategy.get("matrix")).is_some(),
        calls: field("uses").and_then(scalar),
        placed: field("runs-on").is_some(),
    }
}

impl Workflow {
    /// Errors: `invalid-input` of `source` where it is no YAML, or no mapping.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refuse = |reason: String| Error::invalid_input("source", reason);
        let value: Value = serde_yaml_ng::from_str(text).map_err(|error| refuse(format!("it is no YAML: {error}")))?;
        if !value.is_mapping() {
            return Err(refuse("it is no workflow: a mapping with `on` and `jobs`".into()));
        }
        Ok(Self {
            name: value.get("name").and_then(scalar),
            run_name: value.get("run-name").and_then(scalar),
            on: events(value.get("on")),
            env: pairs(value.get("env")).filter_map(|(name, value)| Some((name, scalar(value)?))).collect(),
            jobs: pairs(value.get("jobs")).map(|(id, value)| job(id, value)).collect(),
        })
    }

    /// What is said of an event; none where it does not start the workflow.
    pub(crate) fn event(&self, name: &str) -> Option<&Value> {
        self.on.iter().find(|(event, _)| event == name).map(|(_, said)| said)
    }

    pub(crate) fn schedules(&self) -> Vec<String> {
        let all = self.event("schedule").and_then(Value::as_sequence);
        all.into_iter().flatten().filter_map(|entry| entry.get("cron").and_then(scalar)).collect()
    }

    /// The inputs of `workflow_dispatch`, as parameters.
    pub(crate) fn inputs(&self) -> Vec<Parameter> {
        let inputs = self.event("workflow_dispatch").and_then(|said| said.get("inputs"));
        pairs(inputs).map(|(name, said)| parameter(name, said)).collect()
    }

    /// Whether a run that was started with a token carries it in its title.
    pub(crate) fn shows(&self, input: &str) -> bool {
        let declared = self.inputs().iter().any(|parameter| parameter.name == input);
        declared && self.run_name.as_deref().is_some_and(|name| name.contains(input))
    }
}

/// GitHub's types of inputs, and ours.
const KINDS: [(&str, &str); 5] = [
    ("string", "string"),
    ("choice", "choice"),
    ("boolean", "bool"),
    ("number", "number"),
    ("environment", "environment"),
];

fn parameter(name: String, said: &Value) -> Parameter {
    let field = |name: &str| said.get(name).and_then(scalar);
    let declared = field("type").unwrap_or_else(|| "string".into());
    let kind = KINDS.iter().find(|(theirs, _)| *theirs == declared).map_or("string", |(_, ours)| ours);
    Parameter {
        description: field("description"),
        default: field("default"),
        choices: said.get("options").map(texts).unwrap_or_default(),
        required: said.get("required").and_then(Value::as_bool).unwrap_or(false),
        ..Parameter::new(name, kind)
    }
}

/// GitHub's word for a kind of ours; none where it has none.
pub(crate) fn input_type(kind: &str) -> Option<&'static str> {
    match kind {
        // An input has one line on the page; what comes by the API may have more.
        "text" => Some("string"),
        _ => KINDS.iter().find(|(_, ours)| *ours == kind).map(|(theirs, _)| *theirs),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const FILE: &str = r#"
name: CI
run-name: ${{ github.workflow }} ${{ inputs.novacron_correlation }}
on:
  push: {branches: [main]}
  schedule:
    - cron: '0 3 * * *'
  workflow_dispatch:
    inputs:
      who: {description: Whom to greet, required: true}
      level: {type: choice, options: [low, 2], default: low}
      dry: {type: boolean, default: false}
      count: {type: number, default: 3}
      where: {type: environment}
      novacron_correlation: {}
env: {CI: true, N: 1}
jobs:
  build: {runs-on: ubuntu-latest}
  test:
    name: Test ${{ matrix.os }}
    needs: build
    runs-on: ${{ matrix.os }}
    strategy: {matrix: {os: [a, b]}}
  deploy: {needs: [build, test], uses: ./.github/workflows/deploy.yml}
"#;

    #[test]
    fn a_workflow_is_read_as_far_as_it_matters() {
        let workflow = Workflow::parse(FILE).unwrap();
        assert_eq!(workflow.schedules(), ["0 3 * * *"]);
        assert_eq!(workflow.env, [("CI".into(), "true".into()), ("N".into(), "1".into())]);
        assert!(workflow.shows("novacron_correlation") && !workflow.shows("who"));
        let jobs: Vec<_> = workflow
            .jobs
            .iter()
            .map(|job| (job.id.as_str(), job.needs.join(","), job.matrix, job.calls.is_some()))
            .collect();
        let row = |id, needs: &str, matrix, calls| (id, needs.to_owned(), matrix, calls);
        assert_eq!(
            jobs,
            [
                row("build", "", false, false),
                row("test", "build", true, false),
                row("deploy", "build,test", false, true)
            ]
        );
    }

    #[test]
    fn inputs_are_typed_parameters() {
        let inputs = Workflow::parse(FILE).unwrap().inputs();
        let row = |it: &Parameter| (it.name.clone(), it.kind.clone(), it.default.clone(), it.required);
        let expected = [
            ("who", "string", None, true),
            ("level", "choice", Some("low"), false),
            ("dry", "bool", Some("false"), false),
            ("count", "number", Some("3"), false),
            ("where", "environment", None, false),
            ("novacron_correlation", "string", None, false),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, kind, default, required)| (name.into(), kind.into(), default.map(str::to_owned), required))
            .collect();
        assert_eq!(inputs.iter().map(row).collect::<Vec<_>>(), expected);
        assert_eq!(
            (inputs[1].choices.join(","), inputs[0].description.as_deref()),
            ("low,2".into(), Some("Whom to greet"))
        );
    }

    #[test]
    fn triggers_are_read_in_each_of_their_forms() {
        for text in [
            "on: workflow_dispatch",
            "on: [push, workflow_dispatch]",
            "on:\n  workflow_dispatch:\n",
            "'on': {workflow_dispatch: }",
        ] {
            assert!(Workflow::parse(text).unwrap().event("workflow_dispatch").is_some(), "{text}");
        }
        assert!(Workflow::parse("on: push").unwrap().event("workflow_dispatch").is_none());
        for text in ["a: [", "- a", "just text", ""] {
            assert!(Workflow::parse(text).is_err(), "{text}");
        }
    }
}
