//! Servers, engines and clients that we did not write (`tests/peers.toml`): put where the tests find them, and counted afterwards.
//!
//! That a peer is installed shows nothing. A test that really spoke to one leaves a mark, `target/peers/PEER/TEST`, with the version that the
//! peer said; the marks of an earlier run are cleared before. A row without its mark fails the run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::{debian, node, python, tree};

/// `tests/peers.toml`; its head says what the words of a row mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    install: Vec<Install>,
    peer: Vec<Peer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Install {
    name: String,
    #[serde(default)]
    python: Vec<PathBuf>,
    sources: Option<PathBuf>,
    node: Option<PathBuf>,
    #[serde(default)]
    debian: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Peer {
    name: String,
    shows: String,
    test: Option<String>,
    left_out: Option<String>,
}

/// The rows that stand in the tree.
pub(crate) struct Peers {
    rows: Vec<Peer>,
    marks: PathBuf,
}

/// What was left by tests: the version that a peer said, by peer and test.
type Marks = BTreeMap<(String, String), String>;

impl Peers {
    /// Reads the rows, installs what the project itself installs, and clears the marks of earlier runs.
    pub(crate) fn prepare() -> anyhow::Result<Self> {
        let rows = install()?;
        let marks = tree::target().join("peers");
        if marks.exists() {
            fs::remove_dir_all(&marks)?;
        }
        Ok(Self { rows, marks })
    }

    /// Fails where a row's test did not speak to its peer, or a test spoke to one that has no row.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let marks = collect(&self.marks)?;
        for ((peer, test), version) in &marks {
            println!("-- {test} spoke to {peer}: {version}");
        }
        let faults = faults(&self.rows, &marks);
        ensure!(faults.is_empty(), "not every peer took part:\n  {}", faults.join("\n  "));
        for row in &self.rows {
            if let Some(reason) = &row.left_out {
                println!("-- left out: {}: {reason}", row.name);
            }
        }
        Ok(())
    }
}

/// Installs what the project itself installs, where it is not there yet; all rows of peers.
pub(crate) fn install() -> anyhow::Result<Vec<Peer>> {
    let root = tree::root();
    let text = fs::read_to_string(root.join("tests/peers.toml"))?;
    let table = read(&text).context("tests/peers.toml")?;
    for row in &table.install {
        let place = match &row.node {
            Some(folder) => Some(node::packages(&row.name, &root.join(folder))?),
            None if !row.debian.is_empty() => debian::packages(&row.name, &row.debian)?,
            None => {
                let files: Vec<_> = row.python.iter().map(|file| root.join(file)).collect();
                let sources = row.sources.as_ref().map(|file| root.join(file));
                Some(python::environment(&row.name, &files, sources.as_deref())?)
            }
        };
        if let Some(place) = place {
            link(&place, &tree::target().join("tools").join(&row.name))?;
        }
    }
    Ok(table.peer)
}

/// A name that is a file's, and that no other row of its kind has.
fn named<'a>(name: &'a str, names: &mut BTreeSet<&'a str>) -> anyhow::Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    ensure!(!name.is_empty() && name.chars().all(plain), "`{name}` is no name of a file");
    ensure!(names.insert(name), "{name} has two rows");
    Ok(())
}

fn read(text: &str) -> anyhow::Result<Table> {
    let table: Table = toml::from_str(text)?;
    let mut names = BTreeSet::new();
    for row in &table.install {
        named(&row.name, &mut names)?;
        let sources = [row.node.is_some(), !row.python.is_empty(), !row.debian.is_empty()];
        ensure!(
            sources.into_iter().filter(|given| *given).count() == 1,
            "{} has to come from one of the three, python, node or debian",
            row.name
        );
    }
    let mut names = BTreeSet::new();
    for row in &table.peer {
        let name = &row.name;
        named(name, &mut names)?;
        ensure!(!row.shows.trim().is_empty(), "{name} does not say what it shows");
        ensure!(
            row.test.is_some() != row.left_out.as_ref().is_some_and(|reason| !reason.trim().is_empty()),
            "{name} has to name its test or to say why it is left out: one of the two"
        );
    }
    Ok(table)
}

fn faults(rows: &[Peer], marks: &Marks) -> Vec<String> {
    let mut faults = Vec::new();
    for row in rows {
        let Some(test) = &row.test else { continue };
        match marks.get(&(row.name.clone(), test.clone())) {
            None => faults.push(format!("{}: {test} did not speak to it in this run", row.name)),
            Some(version) if version.trim().is_empty() => {
                faults.push(format!("{}: it did not say its version to {test}", row.name));
            }
            Some(_) => {}
        }
    }
    for (peer, test) in marks.keys() {
        if !rows.iter().any(|row| row.name == *peer && row.test.is_some()) {
            faults.push(format!("{peer}: {test} spoke to it, and no row of tests/peers.toml says so"));
        }
    }
    faults
}

fn collect(folder: &Path) -> anyhow::Result<Marks> {
    let mut marks = Marks::new();
    if !folder.exists() {
        return Ok(marks);
    }
    for peer in folder.read_dir()? {
        let peer = peer?;
        for test in peer.path().read_dir()? {
            let test = test?;
            let name = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
            let version = fs::read_to_string(test.path())?;
            marks.insert((name(&peer), name(&test)), version.trim().to_owned());
        }
    }
    Ok(marks)
}

/// A link that was right stays; one to an older environment is replaced.
fn link(place: &Path, at: &Path) -> anyhow::Result<()> {
    if fs::read_link(at).is_ok_and(|there| there == place) {
        return Ok(());
    }
    fs::create_dir_all(at.parent().context("a link is in a folder")?)?;
    let fresh = at.with_added_extension("new");
    let _ = fs::remove_file(&fresh);
    std::os::unix::fs::symlink(place, &fresh)?;
    fs::rename(&fresh, at).with_context(|| format!("{} is in the way", at.display()))
}

#[cfg(test)]
mod tests {
    use super::{collect, faults, read};

    const ROWS: &str = r#"
        [[peer]]
        name = "server"
        shows = "that it is understood"
        test = "the_server_is_asked"

        [[peer]]
        name = "engine"
        shows = "nothing yet"
        left_out = "there is none to be had"
    "#;

    #[test]
    fn a_run_is_refused_where_a_peer_left_no_mark_of_it() {
        let rows = read(ROWS).expect("the rows are right").peer;
        let asked = ("server", "the_server_is_asked", "Server 4.3");
        let silent = "did not speak to it in this run";
        let rowless = "no row of tests/peers.toml says so";
        let table = [
            (vec![asked], None),
            (vec![], Some(silent)),
            (vec![("server", "another_test", "Server 4.3")], Some(silent)),
            (vec![("server", "the_server_is_asked", " \n")], Some("did not say its version")),
            (vec![asked, ("engine", "a_test", "1")], Some(rowless)),
            (vec![asked, ("client", "a_test", "1")], Some(rowless)),
        ];
        for (left, wanted) in table {
            let place = tempfile::tempdir().expect("there is room");
            for (peer, test, version) in &left {
                std::fs::create_dir_all(place.path().join(peer)).expect("there is room");
                std::fs::write(place.path().join(peer).join(test), version).expect("there is room");
            }
            let found = faults(&rows, &collect(place.path()).expect("marks are files"));
            assert_eq!(found.len(), usize::from(wanted.is_some()), "{left:?}: {found:?}");
            assert!(found.iter().zip(wanted).all(|(fault, part)| fault.contains(part)), "{left:?}: {found:?}");
        }
    }

    #[test]
    fn a_row_names_its_test_or_says_why_it_is_left_out() {
        let row = |name: &str, rest: &str| format!("[[peer]]\nname = \"{name}\"\n{rest}\n");
        let shown = "shows = \"that\"";
        let rows = [
            (row("a", &format!("{shown}\ntest = \"t\"")), None),
            (row("a", shown), Some("one of the two")),
            (row("a", &format!("{shown}\nleft_out = \" \"")), Some("one of the two")),
            (row("a", &format!("{shown}\ntest = \"t\"\nleft_out = \"because\"")), Some("one of the two")),
            (row("a", "shows = \"\"\ntest = \"t\""), Some("what it shows")),
            (row("a b", &format!("{shown}\ntest = \"t\"")), Some("no name of a file")),
            (row("a", &format!("{shown}\ntest = \"t\"")).repeat(2), Some("two rows")),
            ("peer = []\n[[install]]\nname = \"a\"\npython = [\"r\"]".to_owned(), None),
            ("peer = []\n[[install]]\nname = \"a\"\nnode = \"f\"".to_owned(), None),
            ("peer = []\n[[install]]\nname = \"a\"\ndebian = [\"p\"]".to_owned(), None),
            ("peer = []\n[[install]]\nname = \"a\"".to_owned(), Some("one of the three")),
            (
                "peer = []\n[[install]]\nname = \"a\"\nnode = \"f\"\npython = [\"r\"]".to_owned(),
                Some("one of the three"),
            ),
            (
                "peer = []\n[[install]]\nname = \"a\"\nnode = \"f\"\ndebian = [\"p\"]".to_owned(),
                Some("one of the three"),
            ),
        ];
        for (text, wanted) in rows {
            let error = read(&text).err().map(|error| error.to_string());
            assert_eq!(error.is_some(), wanted.is_some(), "{text}: {error:?}");
            assert!(error.iter().zip(wanted).all(|(error, part)| error.contains(part)), "{text}: {error:?}");
        }
    }
}
