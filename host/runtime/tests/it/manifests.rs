//! Files whose manifest or outline is not right, made from a component that is; and that the plugins of this repository
//! are taken as they are built.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;

use novacron_cicd_domain::Coded as _;
use novacron_cicd_runtime::plugin::SECTION;

use crate::house::{House, component, limits};

const MANIFEST: &str = "id = \"other\"\nversion = \"0.1.0\"\ncontract = \"0.1.0\"\ntitle = \"Other\"\n";

/// The same bytes with one text in place of another of the same length, wherever it stands.
fn renamed(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let stands = |(at, text): (usize, &[u8])| (text == from.as_bytes()).then_some(at);
    let places: Vec<usize> = bytes.windows(from.len()).enumerate().filter_map(stands).collect();
    assert!(!places.is_empty(), "{from} is not there");
    let mut bytes = bytes.to_vec();
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

/// The same component with a manifest at its end.
fn with_manifest(bytes: &[u8], manifest: &str) -> Vec<u8> {
    let body = [&[u8::try_from(SECTION.len()).unwrap()], SECTION.as_bytes(), manifest.as_bytes()].concat();
    assert!(body.len() < 1 << 14, "the length below has two digits of seven bits");
    let length = [(body.len() & 0x7f) as u8 | 0x80, (body.len() >> 7) as u8];
    [bytes, &[0], &length, &body].concat()
}

#[tokio::test]
async fn the_plugins_of_this_repository_are_taken_as_they_are_built() {
    let House { runtime, .. } = &House::over(tempfile::tempdir().unwrap(), limits()).await;
    for (name, id) in [("example_hello", "hello"), ("plugin_webhook", "webhook")] {
        let plugin = runtime.load(&component(name)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(plugin.manifest().id, id);
        assert!(runtime.plugin(id).is_some());
    }
}

#[tokio::test]
async fn a_component_whose_manifest_or_outline_is_not_right_is_refused_by_name() {
    let whole = fs::read(component("example_hello")).unwrap();
    // The section has another name then, so that it is no manifest.
    let bare = renamed(&whole, SECTION, "novacron:nobody");
    let House { runtime, directory, .. } = &House::over(tempfile::tempdir().unwrap(), limits()).await;
    let path = directory.path().join("other.wasm");
    for (code, says, bytes) in [
        ("plugin.no-manifest", SECTION, bare.clone()),
        ("plugin.many-manifests", "2 manifests", with_manifest(&whole, MANIFEST)),
        ("plugin.manifest", "mood", with_manifest(&bare, &format!("{MANIFEST}mood = \"good\"\n"))),
        ("plugin.manifest", "line 1", with_manifest(&bare, "id = ")),
        ("plugin.contract", "0.2.0", with_manifest(&bare, &MANIFEST.replace("contract = \"0.1", "contract = \"0.2"))),
        (
            "plugin.not-exported",
            "run-cancel.cancel",
            with_manifest(&bare, &format!("{MANIFEST}[recovery]\n\"run-cancel.cancel\" = \"by-state\"\n")),
        ),
        ("plugin.contract", "0.2.0", renamed(&whole, "novacron:cicd/runs@0.1.0", "novacron:cicd/runs@0.2.0")),
        ("plugin.missing-export", "novacron:cicd/runs", renamed(&whole, "novacron:cicd/runs@", "novacron:cicd/rums@")),
        ("plugin.unknown-import", "novacron:cicd/hypo", renamed(&whole, "novacron:cicd/http@", "novacron:cicd/hypo@")),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = runtime.load(&path).await.err().unwrap_or_else(|| panic!("a file serves that is {code}"));
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(says), "{error} does not say {says}");
        assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{error} has no hint");
        assert!(runtime.plugin("other").is_none());
    }
    // What was done to the files is no reason by itself: with a manifest that is right, the same makes a plugin.
    fs::write(&path, with_manifest(&bare, MANIFEST)).unwrap();
    let plugin = runtime.load(&path).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(plugin.manifest().id, "other");
}
