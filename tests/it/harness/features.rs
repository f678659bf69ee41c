//! The words of `check-report.features`, as the contract lists them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{document, root};

/// Interfaces, their functions, and what the comment of the field names in quotation marks.
fn words() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for file in std::fs::read_dir(root().join("wit")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        // What a guest imports is no part of a platform.
        if !name.ends_with(".wit") || name == "host.wit" {
            continue;
        }
        let mut interface = String::new();
        for line in document(&format!("wit/{name}")).lines() {
            match line.split([' ', ':']).filter(|word| !word.is_empty()).collect::<Vec<_>>()[..] {
                ["interface", name, ..] => interface = name.to_owned(),
                [function, call, ..] if call.starts_with("func(") => {
                    words.extend([interface.clone(), format!("{interface}.{function}")]);
                }
                _ => {}
            }
        }
    }
    let core = document("wit/core.wit");
    let (before, _) = core.split_once("features: list<string>").expect("a check says what a platform has");
    let comment = before.lines().rev().take_while(|line| line.trim().is_empty() || line.trim().starts_with("///"));
    let quoted = |line: &str| line.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    words.extend(comment.flat_map(quoted));
    words
}

/// What a check found is said in the contract's words, or in words that say that they are the plugin's own.
pub(crate) fn assert_are_features(features: &Value) {
    let words = words();
    let features = features.as_array().expect("a check has features");
    for feature in features.iter().map(|feature| feature.as_str().expect("a feature is a word")) {
        assert!(feature.starts_with("x-") || words.contains(feature), "the contract has no word {feature:?}");
    }
}

#[test]
fn the_words_of_a_check_are_those_of_the_contract() {
    let words = words();
    for word in ["run-cancel", "runs.trigger", "artifacts.ranges", "run-retry.failed", "webhooks"] {
        assert!(words.contains(word), "{word}");
    }
    for word in ["kv", "run", "runs.", "run-cancels", "pipeline-rest-api"] {
        assert!(!words.contains(word), "{word}");
    }
}
