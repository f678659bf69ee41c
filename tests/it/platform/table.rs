//! Every function of the contract has an operation, a verb and a test, or says with what they come: the WIT is enumerated.

use std::collections::BTreeSet;

use super::*;
use crate::{
    documents::tests,
    harness::{Function, Planned, Served, contract_functions, contract_table},
};

#[tokio::test]
async fn every_function_of_the_contract_is_served_and_tested_or_says_with_what_it_comes() {
    let host = Host::start(&Arc::new(Home::with("novacron-cicd-guest-whole")), Setup::default()).await;
    let operations = host.api().await.contract().operations();
    let (cli, tests, functions) = (host.cli(), tests(), contract_functions());
    let (mut rows, mut planned, mut faults) = (BTreeSet::new(), 0, Vec::new());
    for row in contract_table() {
        let name = match row {
            Function::Served(Served { name, operation, cli: verb, test }) => {
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
            Function::Planned(Planned { name, theme }) => {
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
