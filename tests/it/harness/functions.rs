//! Every function of the contract: what the WIT has of them, what `tests/contract.toml` says of each, and which a component exports.

use std::{collections::BTreeSet, path::Path};

use serde::Deserialize;
use wit_parser::{Resolve, WorldId, WorldItem, decoding::DecodedWasm};

use super::{document, root};

/// `tests/contract.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    function: Vec<Function>,
}

/// A function of the contract.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Function {
    Served(Served),
    Planned(Planned),
}

/// One that users can call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Served {
    pub(crate) name: String,
    pub(crate) operation: String,
    pub(crate) cli: String,
    pub(crate) test: String,
}

/// One that nobody calls yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Planned {
    pub(crate) name: String,
    pub(crate) theme: String,
}

/// What `tests/contract.toml` says, in its order.
pub(crate) fn contract_table() -> Vec<Function> {
    toml::from_str::<Table>(&document("tests/contract.toml")).unwrap().function
}

/// `interface.function` of everything that a plugin can export.
pub(crate) fn contract_functions() -> BTreeSet<String> {
    let mut resolve = Resolve::new();
    let (package, _) = resolve.push_dir(root().join("wit")).unwrap();
    let world = resolve.packages[package].worlds["provider"];
    exported(&resolve, world)
}

/// The same of what a component exports, whatever its manifest says.
pub(crate) fn component_functions(component: &Path) -> BTreeSet<String> {
    match wit_parser::decoding::decode(&std::fs::read(component).unwrap()).unwrap() {
        DecodedWasm::Component(resolve, world) => exported(&resolve, world),
        DecodedWasm::WitPackage(..) => panic!("{} is no component", component.display()),
    }
}

fn exported(resolve: &Resolve, world: WorldId) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for item in resolve.worlds[world].exports.values() {
        let WorldItem::Interface { id, .. } = item else { continue };
        let interface = &resolve.interfaces[*id];
        let name = interface.name.as_deref().unwrap();
        found.extend(interface.functions.keys().map(|function| format!("{name}.{function}")));
    }
    found
}
