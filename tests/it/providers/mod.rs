//! Every provider at the fake of its platform, with every function of the contract: what its plugin exports works by the API and by the
//! command line, what it does not export is unsupported by both. The exports are read from the components, so that nothing is forgotten.

mod document;
mod github;
mod gitlab;
mod jenkins;
mod play;
mod refused;
mod row;

/// The plugins, by their ids, in the order in which people read of them.
const PLUGINS: [&str; 5] = ["jenkins", "github-actions", "gitlab-ci", "buildbot", "webhook"];

/// The package of a plugin.
fn package(plugin: &str) -> String {
    format!("novacron-cicd-plugin-{plugin}")
}
