//! The components that the SDK makes: they export what they name, embed their manifest, and want nothing of the machine.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod guest;

use std::path::Path;

use guest::{ROOT, built};
use wasmparser::{Parser, Payload};

/// Crate, folder, the most KiB that it may have, and the interfaces that it names.
const GUESTS: [(&str, &str, usize, &[&str]); 3] = [
    ("novacron-cicd-example-hello", "sdk/examples/hello", 300, &["plugin", "runs"]),
    ("novacron-cicd-plugin-buildbot", "plugins/buildbot", 850, BUILDBOT),
    ("novacron-cicd-plugin-webhook", "plugins/webhook", 300, &["plugin", "run-cancel", "runs"]),
];
const BUILDBOT: &[&str] = &[
    "artifacts",
    "credentials",
    "logs",
    "pipelines",
    "plugin",
    "run-cancel",
    "run-changes",
    "run-listing",
    "run-retry",
    "run-search",
    "runner-drain",
    "runners",
    "runs",
    "webhooks",
];

#[derive(Debug, Default)]
struct Seen {
    imports: Vec<String>,
    exports: Vec<String>,
    manifests: Vec<Vec<u8>>,
}

fn seen(component: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::CustomSection(section) if section.name() == "novacron:plugin" => {
                seen.manifests.push(section.data().to_vec());
            }
            Payload::ComponentImportSection(imports) if depth == 0 => {
                seen.imports.extend(imports.into_iter().map(|import| import.unwrap().name.name.to_owned()));
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                seen.exports.extend(exports.into_iter().map(|export| export.unwrap().name.name.to_owned()));
            }
            _ => {}
        }
    }
    seen.exports.sort_unstable();
    seen
}

#[test]
fn a_component_exports_what_it_names_and_nothing_else() {
    for (package, _, _, interfaces) in GUESTS {
        let names: Vec<_> = interfaces.iter().map(|name| format!("novacron:cicd/{name}@0.1.0")).collect();
        assert_eq!(seen(&built(package)).exports, names, "{package}");
    }
}

#[test]
fn a_component_has_one_manifest_word_for_word() {
    for (package, folder, ..) in GUESTS {
        let manifest = std::fs::read(Path::new(ROOT).join(folder).join("plugin.toml")).unwrap();
        assert_eq!(seen(&built(package)).manifests, [manifest], "{package}");
    }
}

#[test]
fn a_component_wants_no_files_no_sockets_and_no_http_of_its_own() {
    let allowed = ["novacron:cicd/", "wasi:io/", "wasi:cli/", "wasi:clocks/", "wasi:random/"];
    for (package, ..) in GUESTS {
        for import in seen(&built(package)).imports {
            assert!(allowed.iter().any(|prefix| import.starts_with(prefix)), "{package} imports {import}");
        }
    }
}

#[test]
fn a_component_is_small_and_begins_with_two_mebibytes() {
    for (package, _, most, _) in GUESTS {
        let component = built(package);
        assert!(component.len() < most * 1024, "{package} has {} bytes", component.len());
        let memory = Parser::new(0).parse_all(&component).find_map(|payload| match payload.unwrap() {
            Payload::MemorySection(memories) => memories.into_iter().next(),
            _ => None,
        });
        match memory {
            Some(memory) => assert_eq!(memory.unwrap().initial, 32, "{package}"),
            None => panic!("{package} has no memory"),
        }
    }
}
