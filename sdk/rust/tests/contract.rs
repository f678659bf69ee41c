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
