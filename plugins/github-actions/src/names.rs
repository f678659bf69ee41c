//! What things are called: repositories, and ids that begin with one.
//!
//! Pure. Ids are ours: GitHub has a number for each thing, which is unique, and useless without its repository. A workflow
//! is known by its file's name, which survives where the number does not: a file that is deleted and made again.

use std::fmt;

use novacron_cicd_sdk::{
    Result,
    types::{Error, RunRef},
};

/// Bytes of the longest id that the contract has.
pub(crate) const LONGEST: usize = 512;
/// Bytes of the longest name of a file.
const LONGEST_FILE: usize = 255;

/// Where GitHub looks for workflows, and nowhere below.
pub(crate) const FOLDER: &str = ".github/workflows/";

/// `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repo {
    pub(crate) owner: String,
    pub(crate) name: String,
}

impl fmt::Display for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl Repo {
    /// Of `owner/name`, or of an address that ends so: `https://github.com/owner/name.git`, `git@github.com:owner/name`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('/');
        let text = text.strip_suffix(".git").unwrap_or(text);
        let path = match text.split_once("://") {
            Some((_, rest)) => rest.split_once('/')?.1,
            None => text.rsplit_once(':').map_or(text, |(_, path)| path),
        };
        let (owner, name) = path.rsplit_once('/').filter(|(owner, _)| !owner.contains('/'))?;
        (!owner.is_empty() && !name.is_empty()).then(|| Self { owner: owner.into(), name: name.into() })
    }

    /// GitHub takes no notice of case in these.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.owner.eq_ignore_ascii_case(&other.owner) && self.name.eq_ignore_ascii_case(&other.name)
    }
}

/// An id of ours: a repository, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) repo: Repo,
    pub(crate) rest: String,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.repo, self.rest)
    }
}

impl Id {
    pub(crate) fn new(repo: &Repo, rest: impl ToString) -> Self {
        Self { repo: repo.clone(), rest: rest.to_string() }
    }

    /// Whether the contract takes it for an id.
    pub(crate) fn fits(&self) -> bool {
        !self.rest.is_empty() && self.to_string().len() <= LONGEST
    }

    /// Errors: `invalid-input` where it is none; `field` says of what.
    pub(crate) fn parse(field: &str, text: &str) -> Result<Self> {
        let mut parts = text.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(owner), Some(name), Some(rest)) if !owner.is_empty() && !name.is_empty() && !rest.is_empty() => {
                Ok(Self { repo: Repo { owner: owner.into(), name: name.into() }, rest: rest.into() })
            }
            _ => Err(Error::invalid_input(field, format!("{text:?} does not begin with owner/name/"))),
        }
    }
}

/// What the API takes for a workflow: its file's name, or its number where it has no file of its own. It always fits an id.
pub(crate) fn workflow_key(path: &str, number: u64) -> String {
    // A run's path may say of which reference: `.github/workflows/ci.yml@refs/heads/main`.
    let path = path.split('@').next().unwrap_or_default();
    match path.strip_prefix(FOLDER) {
        Some(file) if !file.contains('/') && (1..=LONGEST_FILE).contains(&file.len()) => file.to_owned(),
        _ => number.to_string(),
    }
}

/// The path of a workflow's file in its repository.
/// Errors: `unsupported` for what GitHub makes up itself (`dynamic/pages/...`), which has none.
pub(crate) fn workflow_path(id: &Id) -> Result<String> {
    if id.rest.bytes().all(|byte| byte.is_ascii_digit()) {
        let hint = "GitHub itself makes this workflow, and there is no file to read or change";
        return Err(Error::unsupported("pipeline-definitions.dynamic").hint(hint));
    }
    Ok(format!("{FOLDER}{}", id.rest))
}

/// The repository and the number of a run.
/// Errors: `invalid-input` where they are none.
pub(crate) fn run_number(run: &RunRef) -> Result<u64> {
    run.run.parse().map_err(|_| Error::invalid_input("run", format!("{:?} is no number of a run", run.run)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_repository_is_read_however_it_is_written() {
        let rows = [
            ("acme/app", Some("acme/app")),
            ("https://github.com/acme/app", Some("acme/app")),
            ("https://github.com/acme/app.git", Some("acme/app")),
            ("git@github.com:acme/app.git", Some("acme/app")),
            ("ssh://git@ghes.example:22/acme/app/", Some("acme/app")),
            ("acme", None),
            ("a/b/c", None),
            ("/app", None),
            ("https://github.com", None),
        ];
        for (text, expected) in rows {
            assert_eq!(Repo::parse(text).map(|repo| repo.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_id_begins_with_its_repository_and_may_hold_slashes() {
        let id = Id::parse("environment", "acme/app/review/pr-7").unwrap();
        assert_eq!((id.repo.to_string().as_str(), id.rest.as_str()), ("acme/app", "review/pr-7"));
        for text in ["acme/app", "acme/app/", "//x", "x"] {
            assert!(Id::parse("pipeline", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_workflow_is_known_by_its_file_or_else_by_its_number() {
        let rows = [
            (".github/workflows/ci.yml", "ci.yml"),
            (".github/workflows/ci.yml@refs/heads/main", "ci.yml"),
            ("dynamic/pages/pages-build-deployment", "7"),
            (".github/workflows/a/b.yml", "7"),
            ("", "7"),
            (&format!("{FOLDER}{}", "x".repeat(256)), "7"),
        ];
        for (path, key) in rows {
            assert_eq!(workflow_key(path, 7), key, "{path}");
        }
        let id = |rest| Id::parse("pipeline", rest).unwrap();
        assert_eq!(workflow_path(&id("a/b/ci.yml")).unwrap(), ".github/workflows/ci.yml");
        assert!(workflow_path(&id("a/b/7")).is_err());
    }
}
