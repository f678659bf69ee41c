//! Every function of the contract has an operation, a verb and a test, or says with what they come: the WIT is enumerated.

use std::{collections::BTreeSet, path::Path};

use serde::Deserialize;

use super::*;
use crate::{documents::tests, harness::document};

/// `tests/contract.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    function: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Served(Served),
    Planned(Planned),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Served {
    name: String,
    operation: String,
    cli: String,
    test: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planned {
    name: String,
    theme: String,
}

/// `interface.function` of everything that a plugin can export.
fn functions() -> BTreeSet<String> {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let mut resolve = wit_parser::Resolve::new();
    let (package, _) = resolve.push_dir(&wit).unwrap();
    let world = resolve.packages[package].worlds["provider"];
    let mut found = BTreeSet::new();
    for item in resolve.worlds[world].exports.values() {
        let wit_parser::WorldItem::Interface { id, .. } = item else { continue };
        let interface = &resolve.interfaces[*id];
        let name = interface.name.as_deref().unwrap();
        found.extend(interface.functions.keys().map(|function| format!("{name}.{function}")));
    }
    found
}

#[tokio::test]
async fn every_function_of_the_contract_is_served_and_tested_or_says_with_what_it_comes() {
    let table: Table = toml::from_str(&document("tests/contract.toml")).unwrap();
    let host = Host::start(&Arc::new(Home::with("novacron-cicd-guest-whole")), Setup::default()).await;
    let operations = host.api().await.contract().operations();
    let (cli, tests, functions) = (host.cli(), tests(), functions());
    let (mut rows, mut planned, mut faults) = (BTreeSet::new(), 0, Vec::new());
    for row in table.function {
        let name = match row {
            Row::Served(Served { name, operation, cli: verb, test }) => {
                if !operations.contains(&operation) {
                    faults.push(format!("{name}: the document has no operation {operation}"));
                }
                if !tests.contains(&test) {
                    faults.push(format!("{name}: no test is called {test}"));
                }
                let words: Vec<_> = verb.split(' ').chain(["--help"]).collect();
                let help = cli.run(&words).await;
                if help.code != 0 || !help.stdout.contains(&format!("novacron-cicd {verb}")) {
                    faults.push(format!("{name}: the command line has no {verb}"));
                }
                name
            }
            Row::Planned(Planned { name, theme }) => {
                planned += 1;
                if theme.trim().is_empty() {
                    faults.push(format!("{name}: it does not say with what it comes"));
                }
                name
            }
        };
        if !functions.contains(&name) {
            faults.push(format!("{name}: the contract has no such function"));
        }
        if !rows.insert(name.clone()) {
            faults.push(format!("{name}: it is there twice"));
        }
    }
    faults.extend(functions.difference(&rows).map(|name| format!("{name}: it has no row")));
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(
        (functions.len(), planned),
        (81, 5),
        "all, and those that nobody calls yet: who changes the table says so here"
    );
}
