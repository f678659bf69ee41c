//! Guests of this tree, built as they are shipped.

use std::{path::Path, process::Command};

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The component of a package.
pub(crate) fn built(package: &str) -> Vec<u8> {
    let arguments =
        ["build", "--quiet", "--target", "wasm32-wasip2", "--profile", "guest", "--target-dir", "target/guests"];
    let done = Command::new(env!("CARGO")).args(arguments).args(["-p", package]).current_dir(ROOT).status().unwrap();
    assert!(done.success(), "{package} is not built");
    let file = format!("target/guests/wasm32-wasip2/guest/{}.wasm", package.replace('-', "_"));
    std::fs::read(Path::new(ROOT).join(file)).unwrap()
}
