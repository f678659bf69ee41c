//! What a plugin of ours may grow to.

use std::path::Path;

use crate::harness::component;

/// Lines of its sources without their tests, and bytes of its component.
const BOUNDS: [(&str, usize, u64); 5] = [
    ("buildbot", 1_200, 900_000),
    ("github-actions", 4_000, 1_500_000),
    ("gitlab-ci", 4_000, 1_500_000),
    ("jenkins", 4_000, 1_500_000),
    ("webhook", 500, 300_000),
];

/// What stands in a file before its tests; they are at its end, or in a file of their own.
fn lines(file: &Path) -> usize {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

#[test]
fn each_plugin_stays_within_its_bounds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut faults = Vec::new();
    for (plugin, most_lines, most_bytes) in BOUNDS {
        let sources = root.join("plugins").join(plugin).join("src").read_dir().unwrap();
        let sources = sources.map(|entry| entry.unwrap().path());
        let written: usize =
            sources.filter(|file| !file.to_str().unwrap().ends_with("_tests.rs")).map(|file| lines(&file)).sum();
        let built = component(&format!("novacron-cicd-plugin-{plugin}")).metadata().unwrap().len();
        if written > most_lines {
            faults.push(format!("{plugin} has {written} lines, at most {most_lines}"));
        }
        if built > most_bytes {
            faults.push(format!("{plugin} has {built} bytes, at most {most_bytes}"));
        }
    }
    assert_eq!(faults, Vec::<String>::new());
    let plugins = root.join("plugins").read_dir().unwrap().count();
    assert_eq!(plugins, BOUNDS.len(), "whoever adds a plugin says above how large it may be");
}
