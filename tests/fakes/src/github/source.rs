//! What the fake looks at in a workflow file.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

fn parse(text: &str) -> Option<Value> {
    serde_yaml_ng::from_str(text).ok()
}

pub(super) fn name(text: &str) -> Option<String> {
    Some(parse(text)?.get("name")?.as_str()?.to_owned())
}

/// What `run-name` says with its inputs filled in; other expressions become nothing.
pub(super) fn title(text: &str, inputs: &BTreeMap<String, String>) -> Option<String> {
    let value = parse(text)?;
    let mut rest = value.get("run-name")?.as_str()?;
    let mut title = String::new();
    while let Some((before, after)) = rest.split_once("${{") {
        let (expression, after) = after.split_once("}}")?;
        title.push_str(before);
        if let Some(input) = expression.trim().strip_prefix("inputs.") {
            title.push_str(inputs.get(input).map_or("", String::as_str));
        }
        rest = after;
    }
    title.push_str(rest);
    Some(title.trim().to_owned())
}

/// Fills in what is not given and has a default.
pub(super) fn defaults(text: &str, inputs: &mut BTreeMap<String, String>) {
    let value = parse(text).unwrap_or_default();
    let declared = value.get("on").and_then(|on| on.get("workflow_dispatch")?.get("inputs")?.as_mapping());
    for (name, said) in declared.into_iter().flatten() {
        if let (Some(name), Some(default)) = (name.as_str(), said.get("default").and_then(Value::as_str)) {
            inputs.entry(name.to_owned()).or_insert_with(|| default.to_owned());
        }
    }
}

/// Why these inputs are not taken; GitHub's own words.
pub(super) fn refuse(text: &str, inputs: &BTreeMap<String, String>) -> Option<String> {
    let no_trigger = || Some("Workflow does not have 'workflow_dispatch' trigger".to_owned());
    let Some(value) = parse(text) else { return no_trigger() };
    let on = value.get("on");
    let has = match on {
        Some(Value::String(event)) => event == "workflow_dispatch",
        Some(Value::Sequence(events)) => events.iter().any(|event| event.as_str() == Some("workflow_dispatch")),
        Some(Value::Mapping(events)) => events.contains_key("workflow_dispatch"),
        _ => false,
    };
    if !has {
        return no_trigger();
    }
    let declared = on.and_then(|on| on.get("workflow_dispatch")?.get("inputs")?.as_mapping());
    let find = |name: &str| declared.and_then(|declared| declared.get(name));
    let unexpected: Vec<&str> = inputs.keys().filter(|name| find(name).is_none()).map(String::as_str).collect();
    if !unexpected.is_empty() {
        return Some(format!("Unexpected inputs provided: {unexpected:?}"));
    }
    let flag = |said: &Value, name: &str| said.get(name).and_then(Value::as_bool).unwrap_or(false);
    for (name, said) in declared.into_iter().flatten() {
        let name = name.as_str().unwrap_or_default();
        if flag(said, "required") && said.get("default").is_none() && !inputs.contains_key(name) {
            return Some(format!("Required input '{name}' not provided"));
        }
    }
    None
}
