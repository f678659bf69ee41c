//! Every code in the source stands in `docs/errors.md`, and every code there is in the source.
//!
//! The source is searched for every text that looks like a code, wherever it stands: a code can't be missed because it
//! was written in an unexpected way. What looks like one and is none is listed here, or known from its own table.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use novacron_cicd_domain::operation::OperationKind;

use crate::config::SETTINGS;

/// What looks like a code and is none, by what it is.
const OTHERS: &[(&str, &[&str])] = &[
    (
        "names of files",
        &[
            "admin.token",
            "cache.key",
            "daemon.json",
            "novacron-cicd.db",
            "plugins.lock",
            "tests.rs",
            "token.new",
            "vault.key",
        ],
    ),
    (
        "actions in the audit trail",
        &[
            "artifact.fetch",
            "egress.request",
            "operation.cancel",
            "operation.resolve",
            "pipeline.import",
            "plugin.approve",
            "provider.add",
            "provider.remove",
            "provider.update",
            "secret.delete",
            "secret.rotate",
            "secret.set",
            "notification.replay",
            "subscriber.create",
            "subscriber.delete",
            "subscriber.test",
            "subscriber.update",
            "token.admin",
            "token.create",
            "token.reset",
            "token.revoke",
            "webhook.replay",
        ],
    ),
    ("the span around a call", &["plugin.call"]),
    (
        "keys of a trigger, a deployment, a request or an attestation",
        &[
            "novacron.cache",
            "novacron.callback-token",
            "novacron.description",
            "novacron.pipeline-name",
            "novacron.pointer",
            "novacron.repository",
            "novacron.run-id",
        ],
    ),
    ("keys of an artifact's metadata", &["platform.expired", "platform.kind", "platform.name", "platform.sha256"]),
    ("keys of a manifest", &["credential.origins", "egress.hosts"]),
    ("how a request went, in the audit trail", &["egress.abandoned"]),
    ("an example in a fixture", &["upstream.500"]),
];

/// Whose dotted texts are names of events, of fault points, or of fields of the contract.
const OTHER_FILES: &[&str] = &[
    "runtime/benches",
    "domain/src/event.rs",
    "domain/src/notification.rs",
    "daemon/src/engine/fault.rs",
    "contract/src",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files of the host without tests.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            if name != "tests" {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" && name != "testing.rs" && name != "sample.rs" {
            found.push(path);
        }
    }
}

/// `interface.function` of the contract, as the WIT has them.
fn functions() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("wit")).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let mut interface = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("interface ") {
                interface = rest.split(' ').next().unwrap_or_default();
            }
            if let Some((name, _)) = line.trim().split_once(": func(") {
                found.insert(format!("{interface}.{name}"));
            }
        }
    }
    found
}

/// Texts in quotes, comments and the test module at the end left out.
fn texts(source: &str) -> Vec<&str> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or(source);
    let mut found = Vec::new();
    for line in source.lines() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        found.extend(line.split('"').skip(1).step_by(2));
    }
    found
}

/// `word.word`, each of lower-case letters, digits and hyphens.
fn looks_like_a_code(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    text.contains('.') && text.split('.').all(part) && text.starts_with(|c: char| c.is_ascii_lowercase())
}

/// What the arms of every `fn code` give: also codes without a dot.
fn given(source: &str) -> Vec<&str> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or(source);
    let bodies = source.split("fn code(&self) -> &'static str {").skip(1);
    let bodies = bodies.map(|rest| rest.split("\n    }\n").next().unwrap_or(rest));
    bodies
        .flat_map(|body| {
            body.lines().filter_map(|line| line.rsplit_once("=> ").map_or(Some(line), |(_, arm)| Some(arm)))
        })
        .flat_map(|arm| arm.split('"').skip(1).step_by(2))
        .collect()
}

/// Codes in the first column of the tables.
fn documented() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs/errors.md")).unwrap_or_default();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    cells.flat_map(|cell| cell.split(',').map(|code| code.trim().trim_matches('`').to_owned())).collect()
}

/// Every code in the source, with a file that has it.
fn in_source() -> BTreeMap<String, PathBuf> {
    let mut others: BTreeSet<&str> = OTHERS.iter().flat_map(|(_, texts)| texts.iter().copied()).collect();
    let functions = functions();
    assert!(functions.contains("runs.trigger") && functions.contains("kv.get"), "the contract is read: {functions:?}");
    others.extend(functions.iter().map(String::as_str));
    others.extend(SETTINGS.iter().map(|setting| setting.key));
    others.extend(OperationKind::all().map(|kind| kind.as_str()));
    let mut files = Vec::new();
    sources(&root().join("host"), &mut files);
    let mut read = Vec::new();
    for file in files {
        let shown = file.to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let other = OTHER_FILES.iter().any(|name| shown.contains(name));
        read.push((file, text, other));
    }
    // A name that an event or a fault point has is no code wherever it is used; what `fn code` gives always is one.
    let names: BTreeSet<&str> = read.iter().filter(|(.., other)| *other).flat_map(|(_, text, _)| texts(text)).collect();
    let mut codes = BTreeMap::new();
    for (file, text, other) in &read {
        let is_code = |text: &&str| looks_like_a_code(text) && !others.contains(*text) && !names.contains(*text);
        let loose = if *other { Vec::new() } else { texts(text) };
        for code in loose.into_iter().filter(is_code).chain(given(text)) {
            codes.insert(code.to_owned(), file.clone());
        }
    }
    codes
}

#[test]
fn every_code_in_the_source_is_documented_and_every_documented_code_is_in_the_source() {
    let (documented, in_source) = (documented(), in_source());
    assert!(
        in_source.len() > 100 && in_source.contains_key("request.unknown-field"),
        "the source is read: {in_source:?}"
    );
    let missing: Vec<_> = in_source.iter().filter(|(code, _)| !documented.contains(*code)).collect();
    assert!(missing.is_empty(), "add these to docs/errors.md, or to what is no code here: {missing:#?}");
    let stale: Vec<_> = documented.iter().filter(|code| !in_source.contains_key(*code)).collect();
    assert!(stale.is_empty(), "these are in docs/errors.md and not in the source: {stale:#?}");
}

#[test]
fn a_code_is_told_from_other_texts() {
    for code in ["a.b", "name.invalid", "call.not-found", "callback.log.after-commit"] {
        assert!(looks_like_a_code(code), "{code}");
    }
    for other in ["a", "A.b", "a.", ".b", "a.-b", "a b.c", "1.2.3", "127.0.0.1", "https://a.b", "a..b"] {
        assert!(!looks_like_a_code(other), "{other}");
    }
}
