//! What a `.gitlab-ci.yml` says of the values that a run takes, and how such a file is written and changed.
//!
//! Pure. Inputs stand under `spec` in a header of their own (`doc/ci/inputs`), variables at the top of the body; a variable
//! that is a map is meant for people, one that is a text is the build's environment. A change replaces the entries that it
//! names, as text, and leaves every other byte as it is.

use novacron_cicd_sdk::{
    Result, attribute,
    types::{Attribute, Error, Parameter},
};
use serde::Deserialize as _;
use serde_yaml_ng::{Deserializer, Value};

/// What a file declares.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Declared {
    /// `spec:inputs`, with the type of each.
    pub(crate) inputs: Vec<(Parameter, String)>,
    /// Variables that are meant for whoever starts a run.
    pub(crate) variables: Vec<Parameter>,
    /// All other variables.
    pub(crate) environment: Vec<Attribute>,
    /// Whether other files are included, which may declare more.
    pub(crate) includes: bool,
}

impl Declared {
    /// Of a file's text.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let mut documents = Vec::new();
        for document in Deserializer::from_str(text) {
            let document = Value::deserialize(document);
            documents
                .push(document.map_err(|error| Error::invalid_input("source", format!("it is no YAML: {error}")))?);
        }
        let mut found = Self::default();
        let entries = |value: Option<&Value>| value.and_then(Value::as_mapping).cloned().unwrap_or_default();
        if let [header, _, ..] = documents.as_slice() {
            for (name, input) in entries(header.get("spec").and_then(|spec| spec.get("inputs"))) {
                found.inputs.extend(text_of(&name).map(|name| read_input(name, &input)));
            }
        }
        let Some(body) = documents.last() else { return Ok(found) };
        found.includes = body.get("include").is_some();
        for (name, value) in entries(body.get("variables")) {
            let Some(name) = text_of(&name) else { continue };
            if value.is_mapping() {
                found.variables.push(read_variable(name, &value));
            } else {
                found.environment.push(attribute(name, text_of(&value).unwrap_or_default()));
            }
        }
        Ok(found)
    }

    /// The type of an input, where there is one of that name.
    pub(crate) fn input(&self, name: &str) -> Option<&str> {
        self.inputs.iter().find(|(input, _)| input.name == name).map(|(_, class)| class.as_str())
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::Sequence(_) => serde_json::to_string(value).ok(),
        _ => None,
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_sequence).into_iter().flatten().filter_map(text_of).collect()
}

fn read_input(name: String, input: &Value) -> (Parameter, String) {
    let word = |field: &str| input.get(field).and_then(text_of);
    let class = word("type").unwrap_or_else(|| "string".into());
    let choices = texts(input.get("options"));
    let kind = match class.as_str() {
        _ if !choices.is_empty() => "choice",
        "boolean" => "bool",
        "number" => "number",
        "array" => "list",
        _ => "string",
    };
    let parameter = Parameter {
        description: word("description"),
        default: word("default"),
        choices,
        // What has no default must be given; a default of null is one.
        required: input.get("default").is_none(),
        more: word("regex").map(|pattern| attribute("novacron.pattern", pattern)).into_iter().collect(),
        ..Parameter::new(name, kind)
    };
    (parameter, class)
}

fn read_variable(name: String, value: &Value) -> Parameter {
    let choices = texts(value.get("options"));
    let kind = match choices.as_slice() {
        [] => "string",
        [a, b] if a != b && choices.iter().all(|choice| choice == "true" || choice == "false") => "bool",
        _ => "choice",
    };
    let word = |field: &str| value.get(field).and_then(text_of);
    let choices = if kind == "bool" { Vec::new() } else { choices };
    Parameter { description: word("description"), default: word("value"), choices, ..Parameter::new(name, kind) }
}

/// A text as YAML takes it anywhere: JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".into())
}

/// The entries of `variables` that parameters and environment are, by name.
pub(crate) fn entries(parameters: &[Parameter], environment: &[Attribute]) -> Result<Vec<(String, String)>> {
    let mut entries = Vec::new();
    for parameter in parameters {
        let mut text = format!("{}:\n", parameter.name);
        let options = match parameter.kind.as_str() {
            "bool" => vec!["true".to_owned(), "false".to_owned()],
            _ => parameter.choices.clone(),
        };
        let default = parameter
            .default
            .clone()
            .or_else(|| if parameter.kind == "bool" { Some("false".into()) } else { options.first().cloned() });
        // GitLab shows only what has a description to whoever starts a pipeline.
        let lines = [Some(("description", quoted(parameter.description.as_deref().unwrap_or(&parameter.name))))]
            .into_iter()
            .chain([default.filter(|_| parameter.kind != "secret").map(|value| ("value", quoted(&value)))])
            .chain([(!options.is_empty()).then(|| {
                let list: Vec<_> = options.iter().map(|option| quoted(option)).collect();
                ("options", format!("[{}]", list.join(", ")))
            })]);
        for (field, value) in lines.flatten() {
            text.push_str(&format!("  {field}: {value}\n"));
        }
        entries.push((parameter.name.clone(), text));
    }
    for variable in environment {
        entries.push((variable.key.clone(), format!("{}: {}\n", variable.key, quoted(&variable.value))));
    }
    let shell = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !name.is_empty();
    match entries.iter().find(|(name, _)| !shell(name)) {
        Some((name, _)) => {
            Err(Error::invalid_input(format!("parameters.{name}"), "a variable's name has only letters, digits and _"))
        }
        None => Ok(entries),
    }
}

/// A file with one job, for a definition without a source.
pub(crate) fn write(entries: &[(String, String)], script: &[String]) -> String {
    let lines: String = script.iter().map(|line| format!("    - {}\n", quoted(line))).collect();
    let job = format!("build:\n  script:\n{lines}");
    if entries.is_empty() { job } else { format!("variables:\n{}\n{job}", indented(entries, "  ")) }
}

fn indented(entries: &[(String, String)], indent: &str) -> String {
    let lines = entries.iter().flat_map(|(_, text)| text.lines());
    lines.map(|line| format!("{indent}{line}\n")).collect()
}

/// The same file with these entries of `variables` in the place of those that have their names.
pub(crate) fn change(text: &str, entries: &[(String, String)]) -> Result<String> {
    if entries.is_empty() {
        return Ok(text.to_owned());
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let indent = |line: &str| line.len() - line.trim_start().len();
    // A header ends with a line of three dashes; variables stand in the body.
    let body = lines.iter().rposition(|line| line.trim_end() == "---").map_or(0, |at| at + 1);
    let Some(at) = (body..lines.len()).find(|at| lines[*at].starts_with("variables:")) else {
        let (head, tail) = (lines[..body].concat(), lines[body..].concat());
        return Ok(format!("{head}variables:\n{}\n{tail}", indented(entries, "  ")));
    };
    let rest = lines[at]["variables:".len()..].trim();
    if !rest.is_empty() && !rest.starts_with('#') {
        return Err(Error::unsupported("pipeline-definitions.flow-variables")
            .message("the file has its variables in one line, which is not changed here")
            .hint("give the whole file as source"));
    }
    let inside = |line: &&str| blank(line) || indent(line) > 0;
    let mut end = at + 1 + lines[at + 1..].iter().take_while(|line| inside(line)).count();
    // What is blank behind the last entry belongs to what follows.
    while end > at + 1 && blank(lines[end - 1]) {
        end -= 1;
    }
    let first = lines[at + 1..end].iter().find(|line| !blank(line));
    let width = first.map_or(2, |line| indent(line));
    let mut kept = String::new();
    let mut dropping = false;
    for line in &lines[at + 1..end] {
        if indent(line) <= width && !blank(line) {
            let name = line.trim_start().split(':').next().unwrap_or_default().trim_matches(['"', '\'', ' ']);
            dropping = entries.iter().any(|(entry, _)| entry == name);
        }
        if !dropping {
            kept.push_str(line);
            if !line.ends_with('\n') {
                kept.push('\n');
            }
        }
    }
    let (head, tail) = (lines[..at].concat(), lines[end..].concat());
    Ok(format!("{head}variables:\n{kept}{}{tail}", indented(entries, &" ".repeat(width))))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const FILE: &str = r#"spec:
  inputs:
    environment:
      options: [staging, production]
      description: Where to
    replicas: { type: number, default: 2 }
    fast: { type: boolean, default: false }
    version: { regex: ^v\d+$ }
    hosts: { type: array, default: [a, b] }
---
# what is built
include: [{ local: more.yml }]
variables:
  GREETING: hello # kept
  LEVEL:
    value: "1"
    options: ["1", "2"]
    description: How loud

  VERBOSE: { value: "false", options: ["true", "false"] }
build:
  script: [!reference [.setup, script], make]
"#;

    #[test]
    fn inputs_and_variables_are_told_with_their_kinds() {
        let found = Declared::read(FILE).unwrap();
        let told = |parameter: &Parameter| {
            let Parameter { name, kind, default, choices, required, .. } = parameter;
            format!("{name} {kind} {} [{}] {required}", default.as_deref().unwrap_or("-"), choices.join(","))
        };
        let inputs: Vec<_> =
            found.inputs.iter().map(|(parameter, class)| format!("{} {class}", told(parameter))).collect();
        assert_eq!(
            inputs,
            [
                "environment choice - [staging,production] true string",
                "replicas number 2 [] false number",
                "fast bool false [] false boolean",
                "version string - [] true string",
                r#"hosts list ["a","b"] [] false array"#,
            ]
        );
        assert_eq!(found.inputs[3].0.more, [attribute("novacron.pattern", r"^v\d+$")]);
        let variables: Vec<_> = found.variables.iter().map(told).collect();
        assert_eq!(variables, ["LEVEL choice 1 [1,2] false", "VERBOSE bool false [] false"]);
        assert_eq!((found.environment, found.includes), (vec![attribute("GREETING", "hello")], true));
        assert_eq!(Declared::read("build: { script: make }").unwrap(), Declared::default());
        assert!(Declared::read("a: [").is_err());
    }

    fn wanted() -> Vec<(String, String)> {
        let level = Parameter { choices: vec!["1".into(), "3".into()], ..Parameter::new("LEVEL", "choice") };
        let key = Parameter {
            default: Some("x".into()),
            description: Some("a \"key\"".into()),
            ..Parameter::new("KEY", "secret")
        };
        entries(&[level, key, Parameter::new("DRY", "bool")], &[attribute("WHO", "no: va")]).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = write(&wanted(), &["make".into(), "echo \"$WHO\": done".into()]);
        let found = Declared::read(&text).unwrap();
        let told: Vec<_> =
            found.variables.iter().map(|it| (it.name.as_str(), it.kind.as_str(), it.default.as_deref())).collect();
        assert_eq!(told, [("LEVEL", "choice", Some("1")), ("KEY", "string", None), ("DRY", "bool", Some("false"))]);
        assert_eq!(found.environment, [attribute("WHO", "no: va")]);
        let body: Value = serde_yaml_ng::from_str(&text).unwrap();
        assert_eq!(body["build"]["script"][1], "echo \"$WHO\": done");
        assert!(entries(&[Parameter::new("a-b", "string")], &[]).is_err());
    }

    #[test]
    fn a_change_replaces_what_it_names_and_leaves_every_other_byte() {
        let changed = change(FILE, &wanted()).unwrap();
        let found = Declared::read(&changed).unwrap();
        let names: Vec<_> = found.variables.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["VERBOSE", "LEVEL", "KEY", "DRY"]);
        assert_eq!(found.variables[1].choices, ["1", "3"]);
        let (head, tail) =
            ("  GREETING: hello # kept\n  VERBOSE: {", "build:\n  script: [!reference [.setup, script], make]\n");
        assert!(
            changed.contains(head)
                && changed.ends_with(tail)
                && changed.starts_with(&FILE[..FILE.find("variables").unwrap()]),
            "{changed}"
        );
        assert_eq!(change(&changed, &wanted()).unwrap(), changed, "a second time changes nothing");
        assert_eq!(change(FILE, &[]).unwrap(), FILE);
        let none = change("build: { script: make }\n", &wanted()).unwrap();
        assert_eq!(Declared::read(&none).unwrap().variables.len(), 3);
        assert!(change("variables: { A: b }\n", &wanted()).is_err());
    }
}
