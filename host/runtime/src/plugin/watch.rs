//! Which files of the plugin directories have changed, settled or gone since they were last taken in.
//!
//! It compares sizes and times at every look instead of asking the system for changes: that works on every file system,
//! and a file is only taken in when two looks in a row saw it the same, so not while it is still being copied. Must be
//! absent: reading a file's bytes.

use std::{
    collections::BTreeMap,
    fs::Metadata,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    inode: u64,
}

impl Stamp {
    /// Of a file that is there; a broken link has none.
    pub(super) fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata: Metadata| Self {
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            inode: metadata.ino(),
        })
    }
}

/// What a look came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// New, or other than when they were taken in.
    pub(super) changed: Vec<PathBuf>,
    /// Not there any more.
    pub(super) gone: Vec<PathBuf>,
}

/// What was seen at the last look, and what was taken in.
#[derive(Debug, Default)]
pub(super) struct Watch {
    seen: BTreeMap<PathBuf, Stamp>,
    taken: BTreeMap<PathBuf, Stamp>,
}

impl Watch {
    /// These were taken in as they are.
    pub(super) fn take(&mut self, files: BTreeMap<PathBuf, Stamp>) {
        self.seen.clone_from(&files);
        self.taken = files;
    }

    /// What is to be done now; it counts as done.
    pub(super) fn look(&mut self, files: BTreeMap<PathBuf, Stamp>) -> Settled {
        let is_new = |(path, stamp): &(&PathBuf, &Stamp)| {
            self.seen.get(*path) == Some(*stamp) && self.taken.get(*path) != Some(*stamp)
        };
        let is_gone = |path: &&PathBuf| !files.contains_key(*path) && !self.seen.contains_key(*path);
        let settled = Settled {
            changed: files.iter().filter(is_new).map(|(path, _)| path.clone()).collect(),
            gone: self.taken.keys().filter(is_gone).cloned().collect(),
        };
        for path in &settled.gone {
            self.taken.remove(path);
        }
        for path in &settled.changed {
            self.taken.insert(path.clone(), files[path]);
        }
        self.seen = files;
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, u64)]) -> BTreeMap<PathBuf, Stamp> {
        let stamp = |length| Stamp { length, modified: (0, 0), inode: 1 };
        files.iter().map(|(path, length)| (PathBuf::from(path), stamp(*length))).collect()
    }

    type Look = (&'static [(&'static str, u64)], &'static [&'static str], &'static [&'static str]);

    #[test]
    fn a_file_is_taken_in_when_it_has_settled_and_let_go_when_it_stays_away() {
        let mut watch = Watch::default();
        watch.take(files(&[("a", 1), ("b", 1)]));
        // What is there, what is to be taken in, what is to be let go.
        let looks: [Look; 12] = [
            (&[("a", 1), ("b", 1)], &[], &[]),
            (&[("a", 1), ("b", 1), ("c", 1)], &[], &[]),
            (&[("a", 1), ("b", 1), ("c", 2)], &[], &[]),
            (&[("a", 1), ("b", 1), ("c", 2)], &["c"], &[]),
            (&[("a", 1), ("b", 1), ("c", 2)], &[], &[]),
            (&[("a", 9), ("b", 1), ("c", 2)], &[], &[]),
            (&[("a", 9), ("c", 2)], &["a"], &[]),
            (&[("a", 9), ("b", 1), ("c", 2)], &[], &[]),
            (&[("a", 9), ("c", 2)], &[], &[]),
            (&[("a", 9), ("c", 2)], &[], &["b"]),
            (&[("a", 9), ("b", 1), ("c", 2)], &[], &[]),
            (&[("a", 9), ("b", 1), ("c", 2)], &["b"], &[]),
        ];
        for (at, (there, changed, gone)) in looks.into_iter().enumerate() {
            let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect();
            let expected = Settled { changed: paths(changed), gone: paths(gone) };
            assert_eq!(watch.look(files(there)), expected, "look {at}: {there:?}");
        }
    }
}
