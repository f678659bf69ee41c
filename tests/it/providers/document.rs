//! `docs/provider-functions.md`: which provider has which function. It says what the components export.

use std::collections::BTreeMap;

use super::{PLUGINS, package, refused::Has};
use crate::harness::{Function, Planned, Served, component, component_functions, contract_table, document};

/// The table as it should be.
fn table() -> String {
    let exports = PLUGINS.map(|plugin| component_functions(&component(&package(plugin))));
    let mut text =
        format!("| function | command | {} |\n|---|---|{}\n", PLUGINS.join(" | "), "---|".repeat(PLUGINS.len()));
    for function in contract_table() {
        let (name, command) = match function {
            Function::Served(Served { name, cli, .. }) => (name, format!("`{cli}`")),
            Function::Planned(Planned { name, .. }) => (name, "none yet".to_owned()),
        };
        let has = |(plugin, exported): (&str, _)| match Has::of(plugin, exported, &name) {
            Has::Works | Has::DoneWithout if exported.contains(&name) => "yes",
            _ => "-",
        };
        let has: Vec<_> = PLUGINS.into_iter().zip(&exports).map(has).collect();
        text.push_str(&format!("| `{name}` | {command} | {} |\n", has.join(" | ")));
    }
    text
}

#[test]
fn what_the_document_says_of_the_providers_is_what_their_components_export() {
    let text = document("docs/provider-functions.md");
    let table = table();
    let rows = |text: &str| -> BTreeMap<String, String> {
        let lines = text.lines().filter(|line| line.starts_with('|'));
        lines.filter_map(|line| Some((line.split('`').nth(1)?.to_owned(), line.to_owned()))).collect()
    };
    let (said, right) = (rows(&text), rows(&table));
    let wrong: Vec<_> =
        right.iter().filter(|(name, line)| said.get(*name) != Some(line)).map(|(_, line)| line).collect();
    assert!(
        text.contains(&table),
        "docs/provider-functions.md is not right in {wrong:#?}; its table has to be\n{table}"
    );
}
