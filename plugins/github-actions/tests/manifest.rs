//! The manifest says of the component what the component is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_plugin_github_actions::{client, settings::Settings};
use serde_json::{Value, json};

fn manifest() -> toml::Table {
    include_str!("../plugin.toml").parse().unwrap()
}

#[test]
fn the_slots_are_those_that_requests_name() {
    let manifest = manifest();
    let slots: Vec<_> =
        manifest["credential"].as_array().unwrap().iter().map(|slot| slot["slot"].as_str().unwrap()).collect();
    assert_eq!(slots, [client::TOKEN, client::APP, client::WEBHOOK]);
    assert_eq!(manifest["webhooks"]["slot"].as_str(), Some(client::WEBHOOK));
}

#[test]
fn the_version_is_the_crates() {
    assert_eq!(manifest()["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_schema_takes_the_settings_that_the_plugin_reads() {
    let schema: Value = serde_json::to_value(&manifest()["settings"]).unwrap();
    let defaults = Settings::default();
    for (name, default) in [
        ("correlation-input", defaults.correlation_input),
        ("environment-input", defaults.environment_input),
        ("api-version", defaults.api_version),
        ("command", defaults.command),
    ] {
        assert_eq!(schema["properties"][name]["default"], default, "{name}");
    }
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let with = |name: &str, value: Value| json!({ "repositories": ["acme/app"], name: value });
    let rows = [
        (json!({ "repositories": ["acme/app", "acme/.github"] }), true),
        (
            json!({ "repositories": ["a/b"], "organizations": ["a"], "correlation-input": "run", "environment-input": "env",
            "api-version": "2026-03-10", "app": "Iv23li", "installation": 7, "command": "make all" }),
            true,
        ),
        (json!({}), false),
        (json!({ "repositories": [] }), false),
        (json!({ "repositories": ["acme"] }), false),
        (json!({ "repositories": ["https://github.com/acme/app"] }), false),
        (with("api-version", json!("2020-01-01")), false),
        (with("correlation-input", json!("a b")), false),
        (with("installation", json!("7")), false),
        (with("token", json!("x")), false),
    ];
    for (settings, taken) in rows {
        assert_eq!(schema.is_valid(&settings), taken, "{settings}");
        assert!(!taken || serde_json::from_value::<Settings>(settings.clone()).is_ok(), "{settings}");
    }
}
