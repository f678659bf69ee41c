//! The manifest says of the component what the component is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

fn manifest() -> toml::Table {
    include_str!("../plugin.toml").parse().unwrap()
}

#[test]
fn a_lost_answer_is_settled_as_buildbot_lets_us() {
    let manifest = manifest();
    let classes = manifest["recovery"].as_table().unwrap().iter();
    let classes: Vec<_> = classes.map(|(name, class)| (name.as_str(), class.as_str().unwrap())).collect();
    let expected = [
        ("run-cancel.cancel", "by-state"),
        ("run-retry.retry", "none"),
        ("runner-drain.set-draining", "by-state"),
        ("runs.trigger", "searchable"),
    ];
    assert_eq!(classes, expected);
    assert_eq!(manifest["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_reads_by_post_and_the_slot_are_those_of_the_messages() {
    use novacron_cicd_plugin_buildbot::message::{SESSION, may_control};

    let manifest = manifest();
    let probe = may_control().build().unwrap();
    assert_eq!(manifest["egress"]["reads"][0].as_str(), Some(&*format!("{} {}", probe.method, probe.url)));
    let slot = &manifest["credential"][0];
    assert_eq!((slot["slot"].as_str(), slot["kind"].as_str()), (Some(SESSION), Some("session")));
    assert_eq!(manifest["webhooks"]["slot"], manifest["credential"][1]["slot"]);
}

#[test]
fn the_schema_takes_the_settings_that_the_plugin_reads_and_its_defaults_are_the_plugins() {
    use novacron_cicd_plugin_buildbot::settings::Settings;

    let schema: Value = serde_json::to_value(&manifest()["settings"]).unwrap();
    let rows = [
        (json!({}), true),
        (
            json!({ "schedulers": ["a"], "log-headers": false, "session-hours": 1, "artifact-urls": ["https://f.example/x/"] }),
            true,
        ),
        (json!({ "session-hours": 0 }), false),
        (json!({ "artifact-urls": ["ftp://f.example/"] }), false),
        (json!({ "artifact-urls": ["https://f.example"] }), false),
        (json!({ "scheduler": "a" }), false),
    ];
    let checked = jsonschema::draft202012::new(&schema).unwrap();
    for (settings, taken) in rows {
        assert_eq!(checked.is_valid(&settings), taken, "{settings}");
    }
    let defaults: Settings = serde_json::from_value(json!({})).unwrap();
    let said = |name: &str| schema["properties"][name]["default"].clone();
    assert_eq!(
        (json!(defaults.log_headers), json!(defaults.session_hours)),
        (said("log-headers"), said("session-hours"))
    );
}
