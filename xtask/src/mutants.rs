//! Guards taken out of the code, one at a time, to see that the test that is named for each notices. A test that stays green without
//! its guard is no test.
//!
//! Rows are in `tests/mutants.toml`. Each is applied to a copy of the tree in `target/mutants/tree`, so the tree itself is never wrong.
//! No crate of ours that is compiled there is shared with the tree: cargo tells workspace crates apart by their place in the workspace, so
//! it would take a crate without its guard for the real one. Compiled dependencies are copied, which saves minutes.

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use crate::{guests, process, tools::GUEST_TARGET, tree};

/// A test that hangs without its guard has noticed, too; but it must not hang us.
const LONGEST_TEST: Duration = Duration::from_secs(300);

/// How a guest without its guard is compiled: what takes half a minute as operators get it takes two seconds so.
const QUICK_GUEST: [(&str, &str); 4] = [
    ("CARGO_INCREMENTAL", "1"),
    ("CARGO_PROFILE_GUEST_LTO", "off"),
    ("CARGO_PROFILE_GUEST_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_GUEST_OPT_LEVEL", "1"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    mutant: Vec<Mutant>,
}

/// One guard.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    /// What is taken out, as a sentence.
    name: String,
    /// Where.
    file: String,
    /// The text of the guard; it stands there exactly once.
    find: String,
    /// What stands there instead.
    replace: String,
    /// Packages whose programs the test starts.
    #[serde(default)]
    builds: Vec<String>,
    /// The guest that the guard is in, and the only one that the test loads.
    guest: Option<String>,
    /// The package that the test is in.
    package: String,
    /// The name of the test, whole.
    test: String,
}

/// How a test went.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Green,
    Red,
    /// No such test, or it did not compile.
    NotRun(String),
}

pub(crate) fn run(filter: Option<&str>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(tree::root().join("tests/mutants.toml"))?;
    let table: Table = toml::from_str(&text).context("tests/mutants.toml")?;
    let chosen: Vec<_> =
        table.mutant.iter().filter(|mutant| filter.is_none_or(|part| mutant.name.contains(part))).collect();
    ensure!(!chosen.is_empty(), "no guard of tests/mutants.toml has {:?} in its name", filter.unwrap_or_default());
    if chosen.iter().any(|mutant| !mutant.builds.is_empty() || mutant.guest.is_some()) {
        guests::build()?;
    }
    let scratch = Scratch::make()?;
    // All of them first, on the whole tree: then each guard costs one build, not two.
    for mutant in &chosen {
        let whole = scratch.test(mutant)?;
        ensure!(
            whole == Outcome::Green,
            "{}: its test {} is not green to begin with: {whole:?}",
            mutant.name,
            mutant.test
        );
    }
    let mut survivors = Vec::new();
    for mutant in chosen {
        println!("-- without: {}", mutant.name);
        let began = Instant::now();
        scratch.apply(mutant)?;
        let outcome = scratch.test(mutant);
        scratch.restore(mutant)?;
        match outcome? {
            Outcome::Red => println!("   noticed by {} ({:.0} s)", mutant.test, began.elapsed().as_secs_f64()),
            Outcome::Green => survivors.push(format!("{}: {} stays green", mutant.name, mutant.test)),
            Outcome::NotRun(why) => survivors.push(format!("{}: the mutant does not build: {why}", mutant.name)),
        }
    }
    if !survivors.is_empty() {
        bail!("guards that nobody misses:\n  {}", survivors.join("\n  "));
    }
    println!("-- every guard is missed");
    Ok(())
}

/// A copy of the tree.
struct Scratch {
    place: PathBuf,
}

impl Scratch {
    /// Copies every file that git knows or would take; what has not changed keeps its time, so that cargo need not build it again.
    fn make() -> anyhow::Result<Self> {
        let place = tree::target().join("mutants/tree");
        let output = tree::target().join("mutants/output");
        if !output.exists() {
            // What is copied must look newer than anything that was compiled before.
            if place.exists() {
                std::fs::remove_dir_all(&place)?;
            }
            seed(&tree::target().join("debug"), &output.join("debug"))?;
            // What runs while a guest is compiled; the guests' own dependencies are compiled otherwise here (see QUICK_GUEST).
            seed(&tree::target().join("guests/guest"), &output.join("guests/guest"))?;
        }
        std::fs::create_dir_all(&place)?;
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(tree::root())
            .output()
            .context("asking git for the tree's files")?;
        ensure!(output.status.success(), "git ls-files: {}", output.status);
        let listed = String::from_utf8(output.stdout)?;
        let files: std::collections::BTreeSet<&str> = listed.split('\0').filter(|name| !name.is_empty()).collect();
        for file in &files {
            let from = tree::root().join(file);
            if from.is_file() {
                copy_if_changed(&from, &place.join(file))?;
            }
        }
        remove_strangers(&place, &place, &files)?;
        Ok(Self { place })
    }

    fn apply(&self, mutant: &Mutant) -> anyhow::Result<()> {
        let path = self.place.join(&mutant.file);
        let text = std::fs::read_to_string(&path).with_context(|| mutant.file.clone())?;
        let found = text.matches(&mutant.find).count();
        ensure!(found == 1, "{}: its text stands {found} times in {}, not once", mutant.name, mutant.file);
        Ok(std::fs::write(path, text.replace(&mutant.find, &mutant.replace))?)
    }

    fn restore(&self, mutant: &Mutant) -> anyhow::Result<()> {
        let text = std::fs::read(tree::root().join(&mutant.file))?;
        // Written, not copied: it must look newer than what was compiled from the mutant.
        Ok(std::fs::write(self.place.join(&mutant.file), text)?)
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = tree::cargo(arguments.iter().copied());
        command
            .current_dir(&self.place)
            .env("CARGO_TARGET_DIR", self.output())
            .env("CICD_TEST_PROGRAM", self.output().join("debug/novacron-cicd"))
            .env("CICD_TEST_GUESTS", guests::output())
            .stdin(Stdio::null());
        command
    }

    /// Where a guest is that was built from the copy.
    fn guests(&self) -> PathBuf {
        self.output().join("guests").join(GUEST_TARGET).join("guest")
    }

    fn build(&self, arguments: &[&str]) -> anyhow::Result<Option<Outcome>> {
        let mut command = self.cargo(arguments);
        if arguments.contains(&GUEST_TARGET) {
            command.envs(QUICK_GUEST);
        }
        let built = command.output()?;
        let why = || process::last_lines(&String::from_utf8_lossy(&built.stderr));
        Ok((!built.status.success()).then(|| Outcome::NotRun(why())))
    }

    fn output(&self) -> PathBuf {
        tree::target().join("mutants/output")
    }

    fn test(&self, mutant: &Mutant) -> anyhow::Result<Outcome> {
        let target_dir = self.output().join("guests").display().to_string();
        let guest = mutant.guest.iter().map(|guest| {
            let words = ["build", "--quiet", "--locked", "--profile", "guest", "--target", GUEST_TARGET];
            [&words[..], &["--target-dir", &target_dir, "-p", guest]].concat()
        });
        let programs = mutant.builds.iter().map(|package| vec!["build", "--quiet", "--locked", "-p", package]);
        let tests = vec!["test", "--quiet", "--locked", "-p", &mutant.package, "--tests", "--no-run"];
        for arguments in guest.chain(programs).chain([tests]) {
            if let Some(failed) = self.build(&arguments)? {
                return Ok(failed);
            }
        }
        let log = tree::target().join("mutants/test.log");
        let guests = if mutant.guest.is_some() { self.guests() } else { guests::output() };
        let mut child = self
            .cargo(&[
                "test",
                "--locked",
                "-p",
                &mutant.package,
                // Not all targets: a benchmark would be run whole, whatever the test's name.
                "--tests",
                "--no-fail-fast",
                "--",
                "--exact",
                &mutant.test,
            ])
            .env("CICD_TEST_GUESTS", guests)
            .stdout(std::fs::File::create(&log)?)
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if began.elapsed() > LONGEST_TEST {
                // The test and what it started, not cargo alone.
                process::signal("KILL", &format!("-{}", child.id()))?;
                child.wait()?;
                return Ok(Outcome::Red);
            }
            process::pause(Duration::from_millis(100));
        };
        let text = std::fs::read_to_string(&log)?;
        // Whole name, run once: `test name ... ok` or `test name ... FAILED`.
        let ran = text.lines().any(|line| line.starts_with(&format!("test {} ", mutant.test)));
        if !ran {
            return Ok(Outcome::NotRun(format!("no test is called {}", mutant.test)));
        }
        Ok(if status.success() { Outcome::Green } else { Outcome::Red })
    }
}

/// Copies compiled dependencies, with their times, and nothing that was compiled from the tree itself.
fn seed(from: &Path, to: &Path) -> anyhow::Result<()> {
    let began = Instant::now();
    for folder in ["deps", "build", ".fingerprint"] {
        let Ok(entries) = from.join(folder).read_dir() else { continue };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let bare = name.strip_prefix("lib").unwrap_or(&name);
            let ours = ["novacron", "xtask", "smallci"].iter().any(|own| bare.starts_with(own));
            let kept = entry.file_type()?.is_dir()
                || [".rlib", ".rmeta", ".so", ".d", ".a"].iter().any(|end| name.ends_with(end));
            if !ours && kept {
                copy_with_times(&entry.path(), &to.join(folder).join(&name))?;
            }
        }
    }
    println!("-- copied the compiled dependencies: {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn copy_with_times(from: &Path, to: &Path) -> anyhow::Result<()> {
    if from.is_dir() {
        std::fs::create_dir_all(to)?;
        for entry in from.read_dir()? {
            let entry = entry?;
            copy_with_times(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else {
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::copy(from, to).with_context(|| from.display().to_string())?;
        std::fs::File::options().write(true).open(to)?.set_modified(std::fs::metadata(from)?.modified()?)?;
    }
    Ok(())
}

fn copy_if_changed(from: &Path, to: &Path) -> anyhow::Result<()> {
    let text = std::fs::read(from)?;
    if std::fs::read(to).is_ok_and(|there| there == text) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(to, text)?;
    Ok(std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())?)
}

/// Files of an earlier copy that the tree no longer has.
fn remove_strangers(place: &Path, folder: &Path, files: &std::collections::BTreeSet<&str>) -> anyhow::Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            remove_strangers(place, &path, files)?;
        } else {
            let name = path.strip_prefix(place)?.to_string_lossy().into_owned();
            if !files.contains(name.as_str()) || !tree::root().join(&name).exists() {
                std::fs::remove_file(&path)?;
            }
        }
    }
    Ok(())
}
