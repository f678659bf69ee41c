//! The SDK has what the contract has.

use std::collections::BTreeSet;

use novacron_cicd_sdk::INTERFACES;

#[test]
fn every_interface_that_a_provider_can_export_has_its_trait() {
    let worlds = include_str!("../../../wit/worlds.wit");
    let exports = worlds.lines().filter_map(|line| line.trim().strip_prefix("export ")?.strip_suffix(';'));
    let wanted: BTreeSet<String> = exports.map(|name| name.replace('-', "_")).collect();
    let there: BTreeSet<String> = INTERFACES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(there, wanted);
}

const FILES: [&str; 8] = [
    include_str!("../../../wit/artifacts.wit"),
    include_str!("../../../wit/core.wit"),
    include_str!("../../../wit/deployments.wit"),
    include_str!("../../../wit/host.wit"),
    include_str!("../../../wit/pipelines.wit"),
    include_str!("../../../wit/platform.wit"),
    include_str!("../../../wit/runs.wit"),
    include_str!("../../../wit/types.wit"),
];

/// `interface.function` for every function of the contract, and `record.field` for all that its types have.
fn contract() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut functions, mut fields) = (BTreeSet::new(), BTreeSet::new());
    let (mut interface, mut shape) = ("", "");
    for line in FILES.iter().flat_map(|file| file.lines()) {
        let words: Vec<&str> = line.split([' ', ':', ',', '(', '{']).filter(|word| !word.is_empty()).collect();
        match words[..] {
            ["interface", name, ..] => interface = name,
            ["record" | "variant" | "enum", name, ref cases @ ..] => {
                shape = name;
                // An enum on one line.
                fields.extend(cases.iter().map(|case| format!("{name}.{case}")));
            }
            [name, "func", ..] => drop(functions.insert(format!("{interface}.{name}"))),
            [name, ..] => drop(fields.insert(format!("{shape}.{name}"))),
            [] => {}
        }
    }
    (functions, fields)
}

#[test]
fn the_coverage_document_names_every_function_and_only_what_there_is() {
    let document = include_str!("../../../docs/contract-coverage.md");
    let (functions, fields) = contract();
    let before = |names: &BTreeSet<String>| -> BTreeSet<String> {
        names.iter().filter_map(|name| Some(name.split_once('.')?.0.to_owned())).collect()
    };
    let (interfaces, shapes) = (before(&functions), before(&fields));
    let quoted: BTreeSet<&str> = document.split('`').skip(1).step_by(2).collect();
    for function in &functions {
        assert!(quoted.contains(function.as_str()), "{function} is not in the document");
    }
    let known = |(before, _): &(&str, &str)| interfaces.contains(*before) || shapes.contains(*before);
    for (before, after) in quoted.iter().filter_map(|word| word.split_once('.')).filter(known) {
        let name = format!("{before}.{after}");
        assert!(functions.contains(&name) || fields.contains(&name), "the contract has no {name}");
    }
}

#[test]
fn the_page_for_authors_shows_the_example_that_is_built() {
    let page = include_str!("../../../docs/plugin-author.md");
    for file in [include_str!("../../examples/hello/plugin.toml"), include_str!("../../examples/hello/src/lib.rs")] {
        assert!(page.contains(file), "docs/plugin-author.md differs from sdk/examples/hello:\n{file}");
    }
}
