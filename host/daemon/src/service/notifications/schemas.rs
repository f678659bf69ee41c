//! The schemas of CDEvents as they are published, and what does not fit them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::Value;

macro_rules! schemas {
    ($($file:literal),+ $(,)?) => {
        [$(include_str!(concat!("../../../../../tests/cdevents/", $file, ".json"))),+]
    };
}

const EVENTS: [&str; 6] = schemas![
    "pipelinerunqueued",
    "pipelinerunstarted",
    "pipelinerunfinished",
    "taskrunstarted",
    "taskrunfinished",
    "custom",
];
const LINKS: [&str; 4] = schemas![
    "links/embeddedlinkend",
    "links/embeddedlinkpath",
    "links/embeddedlinkrelation",
    "links/embeddedlinksarray",
];

/// What of an event does not fit the schema of its type.
pub(super) fn faults(event: &Value) -> Vec<String> {
    let kind = event["context"]["type"].as_str().unwrap();
    let parsed = |text: &&str| serde_json::from_str::<Value>(text).unwrap();
    let names = |schema: &Value| {
        let of_type = &schema["properties"]["context"]["properties"]["type"];
        let named = of_type["enum"].as_array().is_some_and(|kinds| kinds.iter().any(|word| word == kind));
        named || (of_type["pattern"].is_string() && kind.starts_with("dev.cdeventsx."))
    };
    let schema = EVENTS.iter().map(parsed).find(names).unwrap_or_else(|| panic!("no schema is of {kind}"));
    let mut registry = jsonschema::Registry::new();
    for link in LINKS.iter().map(parsed) {
        let id = link["$id"].as_str().unwrap().to_owned();
        registry = registry.add(id, link).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .with_registry(&registry)
        .build(&schema)
        .unwrap();
    validator.iter_errors(event).map(|fault| format!("{fault} at {}", fault.instance_path())).collect()
}
