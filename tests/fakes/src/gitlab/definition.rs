//! What jobs a `.gitlab-ci.yml` makes: stages, needs, `when`, `parallel`, bridges, environments. Not rules, not includes.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::{Map, Value};
use serde_yaml_ng::Deserializer;

/// A job as it is defined.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "GitLab's own names")]
pub struct Spec {
    /// As it is defined, and as it is shown: `test`, `test 1/2`.
    pub name: String,
    pub shown: String,
    pub stage: String,
    pub when: String,
    pub allow_failure: bool,
    /// none: what comes before its stage.
    pub needs: Option<Vec<String>>,
    /// Project that it triggers, or the file of a child pipeline.
    pub trigger: Option<String>,
    pub environment: Option<String>,
    pub script: Vec<String>,
    pub tags: Vec<String>,
}

/// A definition.
pub(super) struct Definition {
    pub(super) name: Option<String>,
    pub(super) stages: Vec<String>,
    pub(super) jobs: Vec<Spec>,
}

/// Top-level keys that are no jobs.
const RESERVED: [&str; 12] = [
    "default",
    "include",
    "stages",
    "variables",
    "workflow",
    "spec",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "pages_config",
];

fn documents(text: &str) -> Result<Vec<Value>, String> {
    let read =
        |document| Value::deserialize(document).map_err(|error: serde_yaml_ng::Error| format!("(<unknown>): {error}"));
    Deserializer::from_str(text).map(read).collect()
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    list.iter().filter_map(|one| one.as_str().or_else(|| one["job"].as_str()).map(str::to_owned)).collect()
}

/// What `parallel` makes of a job, by name: `test 1/2`, `test: [linux, 1]`, or the job itself. Several variables of a matrix stand in
/// the order of their names here, where GitLab has that of the file.
fn parallel(name: &str, how: &Value) -> Vec<String> {
    if let Some(count) = how.as_u64() {
        return (1..=count).map(|part| format!("{name} {part}/{count}")).collect();
    }
    let Some(rows) = how["matrix"].as_array() else { return vec![name.to_owned()] };
    let mut shown = Vec::new();
    for row in rows {
        let mut made = vec![Vec::new()];
        for values in row.as_object().into_iter().flatten().map(|(_, values)| texts(values)) {
            let with = |begun: &Vec<String>| {
                values.iter().map(|value| [begun.as_slice(), std::slice::from_ref(value)].concat()).collect::<Vec<_>>()
            };
            made = made.iter().flat_map(with).collect();
        }
        shown.extend(made.iter().map(|values| format!("{name}: [{}]", values.join(", "))));
    }
    shown
}

/// The jobs of a definition with these inputs; what is wrong with it, as GitLab words it.
pub(super) fn read(text: &str, inputs: &Map<String, Value>) -> Result<Definition, String> {
    let documents = documents(text)?;
    let declared = documents.first().filter(|_| documents.len() > 1).map(|header| header["spec"]["inputs"].clone());
    let declared = declared.and_then(|declared| declared.as_object().cloned()).unwrap_or_default();
    if let Some(unknown) = inputs.keys().find(|name| !declared.contains_key(*name)) {
        return Err(format!(
            "Given inputs not defined in the `spec` section of the included configuration file: {unknown}"
        ));
    }
    let mut body = documents.last().cloned().unwrap_or_default().to_string();
    for (name, input) in &declared {
        let value = match (inputs.get(name), input.get("default")) {
            (Some(value), _) | (None, Some(value)) => value,
            (None, None) => return Err(format!("`{name}` input: required value has not been provided")),
        };
        let class = input["type"].as_str().unwrap_or("string");
        let fits = match class {
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            _ => value.is_string(),
        };
        if !fits {
            return Err(format!("`{name}` input: provided value is not a {class}"));
        }
        if input["options"].as_array().is_some_and(|options| !options.contains(value)) {
            return Err(format!(
                "`{name}` input: `{value}` cannot be used because it is not in the list of allowed options"
            ));
        }
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        body = body.replace(&format!("$[[ inputs.{name} ]]"), &shown.replace('"', "\\\""));
    }
    let body: BTreeMap<String, Value> =
        serde_json::from_str(&body).map_err(|_| "jobs config should be a hash".to_owned())?;
    let order = documents.last().and_then(Value::as_object).into_iter().flatten();
    let mut stages = vec![".pre".to_owned()];
    match body.get("stages") {
        Some(given) => stages.extend(texts(given)),
        None => stages.extend(["build", "test", "deploy"].map(str::to_owned)),
    }
    stages.push(".post".into());
    let mut jobs = Vec::new();
    for (name, _) in order.filter(|(name, _)| !RESERVED.contains(&name.as_str()) && !name.starts_with('.')) {
        let job = &body[name];
        if job["script"].is_null() && job["trigger"].is_null() && job["run"].is_null() {
            return Err(format!("jobs:{name} config should implement the script:, run:, or trigger: keyword"));
        }
        let stage = job["stage"].as_str().unwrap_or("test").to_owned();
        if !stages.contains(&stage) {
            return Err(format!(
                "{name} job: chosen stage {stage} does not exist; available stages are {}",
                stages.join(", ")
            ));
        }
        let when = job["when"].as_str().unwrap_or("on_success").to_owned();
        let trigger = &job["trigger"];
        let target = [trigger, &trigger["project"], &trigger["include"]].into_iter().find_map(Value::as_str);
        let environment = [&job["environment"], &job["environment"]["name"]].into_iter().find_map(Value::as_str);
        let spec = Spec {
            name: name.clone(),
            shown: name.clone(),
            stage,
            // A manual job outside of rules lets the pipeline go on.
            allow_failure: job["allow_failure"].as_bool().unwrap_or(when == "manual"),
            when,
            needs: job.get("needs").map(texts),
            trigger: target.map(str::to_owned),
            environment: environment.map(str::to_owned),
            script: texts(&job["script"]),
            tags: job.get("tags").map(texts).unwrap_or_default(),
        };
        let shown = |shown: String| Spec { shown, ..spec.clone() };
        jobs.extend(parallel(name, &job["parallel"]).into_iter().map(shown));
    }
    if jobs.is_empty() {
        return Err("jobs config should contain at least one visible job".into());
    }
    for job in &jobs {
        let unknown = job.needs.iter().flatten().find(|need| !jobs.iter().any(|other| other.name == **need));
        if let Some(need) = unknown {
            return Err(format!("'{}' job needs '{need}' job, but '{need}' does not exist in the pipeline.", job.name));
        }
    }
    // Jobs are made in the order of their stages.
    jobs.sort_by_key(|job| stages.iter().position(|stage| *stage == job.stage));
    let name = body.get("workflow").and_then(|workflow| workflow["name"].as_str()).map(str::to_owned);
    Ok(Definition { name, stages, jobs })
}
