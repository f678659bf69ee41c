#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_domain::{Coded as _, operation::RecoveryClass};
use serde_json::json;

use crate::plugin::{CredentialKind, Manifest, PluginError, Reporting};

const WHOLE: &str = r#"
id = "webhook"
version = "0.1.0"
contract = "0.1.0"
title = "Webhook"
description = "Any CI system"
runs = "callback"

[egress]
hosts = ["{base-url}", "https://uploads.example.com", "http://ci.example.com:8080"]
redirect-hosts = [".blob.example.net", "files.example.net"]
reads = ["POST /graphql"]

[[credential]]
slot = "signing"
kind = "hmac"
required = true

[[credential]]
slot = "api"
kind = "header"
header = "X-Api-Key"
body = true
origins = ["https://uploads.example.com"]

[recovery]
"runs.trigger" = "idempotent-key"
"run-cancel.cancel" = "by-state"

[settings]
type = "object"
additionalProperties = false
[settings.properties.branch]
type = "string"

[webhooks]
scheme = "standard-webhooks"
slot = "signing"
"#;

/// A hook's table is begun behind it.
const HOOKED: &str = "id = \"ab\"\nversion = \"1.0.0\"\ncontract = \"0.1.0\"\ntitle = \"A\"\n[[credential]]\nslot = \"a\"\nkind = \"bearer\"\n[webhooks]\nslot = \"a\"\n";
const LEAST: &str = "id = \"ab\"\nversion = \"1.0.0\"\ncontract = \"0.1.0\"\ntitle = \"A\"\n";

#[test]
fn a_whole_manifest_is_read() {
    let manifest = Manifest::parse(WHOLE).unwrap();
    assert_eq!((manifest.id.as_str(), manifest.runs), ("webhook", Reporting::Callback));
    assert_eq!(manifest.credential("api").map(|slot| slot.kind), Some(CredentialKind::Header));
    assert_eq!(manifest.recovery("runs.trigger"), RecoveryClass::IdempotentKey);
    assert_eq!(manifest.recovery("pipeline-definitions.create"), RecoveryClass::None);
}

#[test]
fn settings_are_checked_and_the_answer_names_the_place_but_not_the_value() {
    let manifest = Manifest::parse(WHOLE).unwrap();
    assert_eq!(manifest.settings.check(&json!({ "branch": "main" })), Vec::new());
    let problems = manifest.settings.check(&json!({ "branch": 53_535 }));
    assert_eq!(problems[0].path, "/branch");
    assert!(!problems[0].message.contains("53535"), "{problems:?}");
    assert_eq!(manifest.settings.check(&json!({ "brunch": "x" })).len(), 1);
    assert_eq!(Manifest::parse(LEAST).unwrap().settings.check(&json!({ "any": 1 })).len(), 1);
}

#[test]
fn what_is_wrong_is_refused_by_name() {
    for (text, part) in [
        ("", "the key `contract` is missing"),
        ("id = ", "line 1"),
        ("contract = \"one\"\n", "not a version"),
        (&LEAST.replace("\"ab\"", "\"a\""), "id \"a\""),
        (&LEAST.replace("\"ab\"", "\"Ab\""), "id \"Ab\""),
        (&LEAST.replace("\"ab\"", "\"ab-\""), "id \"ab-\""),
        (&LEAST.replace("\"1.0.0\"", "\"1.0\""), "line 2"),
        (&LEAST.replace("\"A\"", "\" \""), "title"),
        (&format!("{LEAST}colour = \"red\"\n"), "unknown field `colour`"),
        (&format!("{LEAST}[egress]\nhost = []\n"), "unknown field `host`"),
        (&format!("{LEAST}[egress]\nhosts = [\"example.com\"]\n"), "\"example.com\""),
        (&format!("{LEAST}[egress]\nhosts = [\"https://example.com/path\"]\n"), "/path"),
        (&format!("{LEAST}[egress]\nhosts = [\"https://user@example.com\"]\n"), "user@"),
        (&format!("{LEAST}[egress]\nredirect-hosts = [\"*.example.com\"]\n"), "*.example.com"),
        (&format!("{LEAST}[egress]\nreads = [\"/graphql\"]\n"), "\"/graphql\""),
        (&format!("{LEAST}[[credential]]\nslot = \"a\"\nkind = \"magic\"\n"), "magic"),
        (&format!("{LEAST}[[credential]]\nslot = \"a\"\nkind = \"header\"\n"), "names no header"),
        (&format!("{LEAST}[[credential]]\nslot = \"a\"\nkind = \"bearer\"\nheader = \"X\"\n"), "has none"),
        (&format!("{LEAST}[[credential]]\nslot = \"a\"\nkind = \"header\"\nheader = \"Host\"\n"), "the host's"),
        (
            &format!(
                "{LEAST}[[credential]]\nslot = \"a\"\nkind = \"key\"\n[[credential]]\nslot = \"a\"\nkind = \"key\"\n"
            ),
            "twice",
        ),
        (
            &format!("{LEAST}[recovery]\n\"runs.start\" = \"none\"\n"),
            "\"runs.start\", which the contract does not have",
        ),
        (&format!("{LEAST}[recovery]\n\"runs.get\" = \"none\"\n"), "\"runs.get\", which changes nothing"),
        (&format!("{LEAST}[recovery]\n\"runs.trigger\" = \"hope\"\n"), "hope"),
        (&format!("{LEAST}[settings]\ntype = \"string\"\n"), "object"),
        (&format!("{LEAST}[settings]\ntype = \"object\"\nproperties = 1\n"), "not a JSON Schema"),
        (&format!("{LEAST}[webhooks]\nscheme = \"token\"\nslot = \"nope\"\n"), "\"nope\""),
        (&format!("{HOOKED}scheme = \"gitlab\"\nsigning-slot = \"nope\"\n"), "\"nope\""),
        (&format!("{HOOKED}scheme = \"standard-webhooks\"\nsigning-slot = \"a\"\n"), "beside the scheme"),
    ] {
        let error = Manifest::parse(text).unwrap_err();
        assert_eq!(error.code(), "plugin.manifest", "{text}\n{error}");
        assert!(error.to_string().contains(part), "{error} does not say {part}");
    }
}

#[test]
fn another_version_of_the_contract_is_told_before_keys_that_are_not_known() {
    for wanted in ["0.2.0", "1.0.0", "0.1.0-rc.1"] {
        let text = format!("{}future = true\n", LEAST.replace("0.1.0", wanted));
        let expected = PluginError::Contract { wanted: wanted.into(), offered: "0.1.0" };
        assert_eq!(Manifest::parse(&text).unwrap_err(), expected);
    }
    assert!(Manifest::parse(&LEAST.replace("0.1.0", "0.1.7")).is_ok());
}
