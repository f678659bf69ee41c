//! The manifest says of the component what the component is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

fn manifest() -> toml::Table {
    include_str!("../plugin.toml").parse().unwrap()
}

#[test]
fn every_function_that_changes_something_may_be_sent_again() {
    let manifest = manifest();
    let recovery = manifest["recovery"].as_table().unwrap();
    let classes: Vec<_> = recovery.iter().map(|(name, class)| (name.as_str(), class.as_str().unwrap())).collect();
    assert_eq!(classes, [("run-cancel.cancel", "idempotent-key"), ("runs.trigger", "idempotent-key")]);
    assert_eq!(manifest["runs"].as_str(), Some("callback"));
}

#[test]
fn the_slots_are_those_that_the_messages_name() {
    use novacron_cicd_plugin_webhook::message::{SIGNING, TOKEN};

    let manifest = manifest();
    let slot = |slot: &toml::Value| {
        let text = |name: &str| slot[name].as_str().unwrap().to_owned();
        (text("slot"), text("kind"), slot["required"].as_bool().unwrap())
    };
    let slots: Vec<_> = manifest["credential"].as_array().unwrap().iter().map(slot).collect();
    assert_eq!(slots, [(SIGNING.into(), "hmac".into(), true), (TOKEN.into(), "bearer".into(), false)]);
}

#[test]
fn the_version_is_the_crates() {
    assert_eq!(manifest()["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_schema_takes_the_settings_that_the_plugin_reads() {
    use serde_json::{Value, json};

    let schema: Value = serde_json::to_value(&manifest()["settings"]).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let many: serde_json::Map<String, Value> = (0..17).map(|n| (format!("x-{n}"), json!("v"))).collect();
    let rows = [
        (json!({}), true),
        (json!({ "cancel": false, "headers": { "X-Route": "ci" } }), true),
        (json!({ "cancel": "no" }), false),
        (json!({ "headers": { "x y": "v" } }), false),
        (json!({ "headers": { "x-route": 7 } }), false),
        (json!({ "headers": many }), false),
        (json!({ "url": "https://ci.example/" }), false),
    ];
    for (settings, taken) in rows {
        assert_eq!(schema.is_valid(&settings), taken, "{settings}");
    }
}
