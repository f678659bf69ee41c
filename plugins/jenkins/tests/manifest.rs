//! The manifest says of the component what the component is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_plugin_jenkins::{PASSWORD, TOKEN, settings::Settings};
use serde_json::{Value, json};

fn manifest() -> toml::Table {
    include_str!("../plugin.toml").parse().unwrap()
}

#[test]
fn the_slots_are_those_that_requests_name() {
    let manifest = manifest();
    let slots: Vec<_> =
        manifest["credential"].as_array().unwrap().iter().map(|slot| slot["slot"].as_str().unwrap()).collect();
    // The last is what senders show the host; no request names it.
    assert_eq!(slots, [TOKEN, PASSWORD, "webhook"]);
}

#[test]
fn the_version_is_the_crates() {
    assert_eq!(manifest()["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_schema_takes_the_settings_that_the_plugin_reads() {
    let schema: Value = serde_json::to_value(&manifest()["settings"]).unwrap();
    for (name, default) in
        [("correlation-parameter", json!(Settings::default().correlation_parameter)), ("unstable", json!("succeeded"))]
    {
        assert_eq!(schema["properties"][name]["default"], default, "{name}");
    }
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let rows = [
        (json!({}), true),
        (
            json!({ "deploy-job": "ops/deploy", "correlation-parameter": "RUN", "reference-parameter": "git.branch", "unstable": "failed" }),
            true,
        ),
        (json!({ "unstable": "maybe" }), false),
        (json!({ "correlation-parameter": "a b" }), false),
        (json!({ "correlation-parameter": "" }), false),
        (json!({ "deploy-job": "" }), false),
        (json!({ "password": "x" }), false),
    ];
    for (settings, taken) in rows {
        assert_eq!(schema.is_valid(&settings), taken, "{settings}");
        assert!(!taken || serde_json::from_value::<Settings>(settings.clone()).is_ok(), "{settings}");
    }
}
