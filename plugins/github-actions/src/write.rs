//! A workflow file from the fields of a definition, and changes of one that is there.
//!
//! Pure. A change replaces whole blocks at the top of the file (`name`, `on`, `env`) and leaves every other byte as it is; what comes
//! out is read again, and refused where anything else would have changed. Values are written as JSON, which is YAML too.

use novacron_cicd_sdk::{
    Result,
    pipeline_definitions::Definition,
    types::{Error, Parameter},
};
use serde_json::{Map, Value, json};

use crate::{
    settings::Settings,
    workflow::{Workflow, input_type},
};

/// How an input is declared.
/// Errors: `unsupported` where GitHub has no such input.
fn input(parameter: &Parameter) -> Result<Value> {
    let kind = input_type(&parameter.kind).ok_or_else(|| {
        Error::unsupported(format!("pipelines.parameters.{}", parameter.kind))
            .message(format!("{}: GitHub's inputs are no {}", parameter.name, parameter.kind))
            .hint("a secret belongs into GitHub's store, a file into the repository or a release")
    })?;
    let mut said =
        Map::from_iter([("type".to_owned(), json!(kind)), ("required".to_owned(), json!(parameter.required))]);
    if let Some(description) = &parameter.description {
        said.insert("description".into(), json!(description));
    }
    if let Some(default) = &parameter.default {
        let typed = match kind {
            "boolean" => json!(default == "true"),
            "number" => serde_json::from_slice(default.as_bytes()).unwrap_or(json!(default)),
            _ => json!(default),
        };
        said.insert("default".into(), typed);
    }
    if kind == "choice" {
        said.insert("options".into(), json!(parameter.choices));
    }
    Ok(Value::Object(said))
}

/// `key: {json}`, indented.
fn line(indent: usize, key: &str, value: &Value) -> String {
    format!("{}{}: {value}\n", " ".repeat(indent), json!(key))
}

/// The block `on`: what else starts the workflow, as it was; the inputs; the schedules.
fn on(others: &[(String, Value)], inputs: &[(String, Value)], schedules: &[String]) -> String {
    let mut text = "on:\n".to_owned();
    for (event, said) in others {
        text += &line(2, event, said);
    }
    text += "  workflow_dispatch:\n";
    if !inputs.is_empty() {
        text += "    inputs:\n";
        for (name, said) in inputs {
            text += &line(6, name, said);
        }
    }
    if !schedules.is_empty() {
        text += "  schedule:\n";
        for cron in schedules {
            text += &format!("    - cron: {}\n", json!(cron));
        }
    }
    text
}

fn env<'a>(variables: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    variables.fold("env:\n".to_owned(), |text, (key, value)| text + &line(2, key, &json!(value)))
}

fn declared(parameters: &[Parameter]) -> Result<Vec<(String, Value)>> {
    parameters.iter().map(|parameter| Ok((parameter.name.clone(), input(parameter)?))).collect()
}

fn ours(settings: &Settings) -> [(String, Value); 2] {
    let told = |text: &str| json!({ "type": "string", "required": false, "default": "", "description": text });
    [
        (settings.correlation_input.clone(), told("Set by NovaCron: the run's token")),
        (settings.environment_input.clone(), told("Set by NovaCron: variables of the build, a JSON object")),
    ]
}

/// A workflow of one job, which checks the repository out and runs the command of the settings. It shows our token, takes an
/// environment, and gives each parameter to the command as a variable of its name.
/// Errors: `unsupported` where a parameter can't be an input.
pub(crate) fn fresh(definition: &Definition, settings: &Settings) -> Result<String> {
    let mut inputs = declared(&definition.parameters)?;
    inputs.extend(ours(settings));
    let title = format!("{} ${{{{ inputs.{} }}}}", definition.name, settings.correlation_input);
    let mut text = line(0, "name", &json!(definition.name)).replacen("\"name\"", "name", 1);
    text += &format!("run-name: {}\n", json!(title));
    text += &on(&[], &inputs, &definition.schedules);
    if !definition.environment.is_empty() {
        text += &env(definition.environment.iter().map(|it| (it.key.as_str(), it.value.as_str())));
    }
    text += "permissions:\n  contents: read\njobs:\n  build:\n    runs-on: ubuntu-latest\n";
    text += &format!("    env: ${{{{ fromJSON(inputs.{} || '{{}}') }}}}\n", settings.environment_input);
    text += "    steps:\n      - uses: actions/checkout@v4\n";
    text += &format!("      - run: {}\n", json!(settings.command));
    if !definition.parameters.is_empty() {
        text += "        env:\n";
        for parameter in &definition.parameters {
            text += &line(10, &parameter.name, &json!(format!("${{{{ inputs.{} }}}}", parameter.name)));
        }
    }
    Ok(text)
}

/// Whether a line begins a block at the top of the file, and of which key.
fn top_key(line: &str) -> Option<&str> {
    if line.starts_with([' ', '\t', '#', '-', ']', '}', '\r', '\n', '%']) || line.is_empty() {
        return None;
    }
    let (key, _) = line.split_once(':')?;
    Some(key.trim_matches(['"', '\'']))
}

/// Where the block of a key stands: from its line to the next key's, less the comments and empty lines before that.
fn block(text: &str, key: &str) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    let lines: Vec<(usize, &str)> = text
        .split_inclusive('\n')
        .map(|line| {
            at += line.len();
            (at - line.len(), line)
        })
        .collect();
    let first = lines.iter().position(|(_, line)| top_key(line) == Some(key))?;
    let end =
        lines[first + 1..].iter().position(|(_, line)| top_key(line).is_some()).map_or(lines.len(), |n| first + 1 + n);
    let is_of_it = |line: &str| !line.trim().is_empty() && !line.starts_with('#');
    let last = (first..end).rev().find(|&n| is_of_it(lines[n].1)).unwrap_or(first);
    Some(lines[first].0..lines[last].0 + lines[last].1.len())
}

fn replace(text: &mut String, key: &str, with: &str) {
    match block(text, key) {
        Some(range) => text.replace_range(range, with),
        // Before what it belongs to.
        None => {
            let at = block(text, "jobs").map_or(text.len(), |range| range.start);
            text.insert_str(at, with);
        }
    }
}

fn plain(value: &serde_yaml_ng::Value) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// What is there, under another name.
pub(crate) fn renamed(text: &str, name: &str) -> Result<String> {
    let before = Workflow::parse(text)?;
    let mut after = text.to_owned();
    if before.name.as_deref() != Some(name) {
        replace(&mut after, "name", &format!("name: {}\n", json!(name)));
    }
    checked(&before, after)
}

/// What came out, if nothing else is changed by it.
fn checked(before: &Workflow, after: String) -> Result<String> {
    let again = Workflow::parse(&after).ok();
    again.filter(|again| again.jobs == before.jobs && again.run_name == before.run_name).map(|_| after).ok_or_else(
        || {
            Error::unsupported("pipeline-definitions.update")
                .message("the file is written so that it can't be changed in place")
                .hint("give the whole file as source")
        },
    )
}

/// What is there, changed to what `definition` names.
/// Errors: `invalid-input` where the file is no workflow; `unsupported` where it is written so that it can't be changed in place.
pub(crate) fn changed(text: &str, definition: &Definition, settings: &Settings) -> Result<String> {
    let before = Workflow::parse(text)?;
    let mut after = renamed(text, &definition.name)?;
    if !definition.parameters.is_empty() || !definition.schedules.is_empty() {
        let others: Vec<_> = before
            .on
            .iter()
            .filter(|(event, _)| event != "workflow_dispatch" && event != "schedule")
            .map(|(event, said)| (event.clone(), plain(said)))
            .collect();
        let there = before.event("workflow_dispatch").and_then(|said| said.get("inputs")).map(plain);
        let there: Vec<(String, Value)> = there.and_then(|it| it.as_object().cloned()).into_iter().flatten().collect();
        let inputs = if definition.parameters.is_empty() {
            there
        } else {
            let ours = [&settings.correlation_input, &settings.environment_input];
            let kept = there.into_iter().filter(|(name, _)| ours.contains(&name));
            declared(&definition.parameters)?.into_iter().chain(kept).collect()
        };
        let schedules = if definition.schedules.is_empty() { before.schedules() } else { definition.schedules.clone() };
        replace(&mut after, "on", &on(&others, &inputs, &schedules));
    }
    if !definition.environment.is_empty() {
        let wanted = definition.environment.iter().map(|it| (it.key.as_str(), it.value.as_str()));
        let kept = before.env.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let kept = kept.filter(|(key, _)| !definition.environment.iter().any(|it| it.key == *key));
        replace(&mut after, "env", &env(kept.chain(wanted)));
    }
    checked(&before, after)
}

/// The name of a file for a pipeline: small letters, digits, `-`.
pub(crate) fn file_name(name: &str) -> String {
    let plain: String =
        name.chars().map(|it| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "workflow.yml".into() } else { format!("{}.yml", words.join("-")) }
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
