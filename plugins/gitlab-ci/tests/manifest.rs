//! The manifest says of the component what the component is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_plugin_gitlab_ci::settings::{self, Settings};
use serde_json::{Value, json};

fn manifest() -> toml::Table {
    include_str!("../plugin.toml").parse().unwrap()
}

#[test]
fn the_slots_are_those_that_requests_name() {
    let manifest = manifest();
    let slots: Vec<_> =
        manifest["credential"].as_array().unwrap().iter().map(|slot| slot["slot"].as_str().unwrap()).collect();
    assert_eq!(slots, [settings::TOKEN, settings::OAUTH, settings::WEBHOOK, settings::SIGNING]);
    let slots = ["slot", "signing-slot"].map(|name| manifest["webhooks"][name].as_str());
    assert_eq!(slots, [Some(settings::WEBHOOK), Some(settings::SIGNING)]);
    assert_eq!(manifest["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_schema_takes_the_settings_that_the_plugin_reads() {
    let schema: Value = serde_json::to_value(&manifest()["settings"]).unwrap();
    let read = |settings: Value| serde_json::from_value::<Settings>(settings).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let defaults =
        properties.iter().filter_map(|(name, it)| Some((name.clone(), it.get("default")?.clone()))).collect();
    assert_eq!(read(Value::Object(defaults)), Settings::default());
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let rows = [
        (json!({}), true),
        (
            json!({ "projects": ["g/a"], "group": "g", "project": "g/a", "correlation": "input", "correlation-name": "RUN",
                    "script": ["make"], "skip-ci": true }),
            true,
        ),
        (json!({ "correlation": "maybe" }), false),
        (json!({ "correlation-name": "a-b" }), false),
        (json!({ "projects": "g/a" }), false),
        (json!({ "token": "x" }), false),
    ];
    for (settings, taken) in rows {
        assert_eq!(schema.is_valid(&settings), taken, "{settings}");
        if taken {
            read(settings);
        }
    }
}
