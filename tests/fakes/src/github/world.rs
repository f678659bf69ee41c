//! What there is on the fake GitHub, and what a test or an engine does to it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// All that is there.
pub struct World {
    /// `http://HOST`, as the request that is answered names it.
    pub base: String,
    /// Where logs and archives lie: another origin.
    pub blob_url: String,
    pub(super) blobs: Blobs,
    /// In milliseconds since the epoch; nothing but a test moves it.
    pub now: u64,
    /// The token that is taken, and the scopes that it tells; none: it is fine-grained.
    pub token: String,
    /// What `X-OAuth-Scopes` says.
    pub scopes: Option<String>,
    /// Tokens of installations that were given out, with when they end.
    pub minted: Vec<(String, u64)>,
    /// The application that may sign in, and its installation.
    pub app: Option<(String, u64)>,
    /// Whether a dispatch says which run it became, where it is asked to.
    pub run_details: bool,
    /// So many listings of runs do not yet show a run that was just begun.
    pub lag: u32,
    /// Whether lists of runs that are filtered show nothing at all, as they do at times.
    pub filters_stall: bool,
    /// Repositories by `owner/name`.
    pub repos: Vec<Repo>,
    pub(super) next: u64,
}

/// Bytes that are fetched from another origin, by the name in their address.
pub(super) type Blobs = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// A repository with all that is kept for it.
#[derive(Default)]
pub struct Repo {
    /// `owner/name`.
    pub name: String,
    /// Its number, which survives a new name.
    pub id: u64,
    /// Names that it had: they redirect.
    pub former: Vec<String>,
    /// Files by branch, then path.
    pub branches: BTreeMap<String, BTreeMap<String, String>>,
    /// Files as they were at a commit.
    pub commits: HashMap<String, BTreeMap<String, String>>,
    /// Its workflows.
    pub workflows: Vec<Workflow>,
    /// Oldest first.
    pub runs: Vec<Run>,
    pub(super) artifacts: Vec<Kept>,
    /// By scope (`""`: the repository; else an environment's name), then name: what was sealed, opened.
    pub secrets: BTreeMap<(String, String), Vec<u8>>,
    /// As [`Self::secrets`], readable.
    pub variables: BTreeMap<(String, String), String>,
    /// As they were put, by name.
    pub environments: BTreeMap<String, Value>,
    /// Oldest first.
    pub deployments: Vec<Deployment>,
    /// Webhooks, with what was sent to each.
    pub hooks: Vec<Hook>,
    /// Self-hosted runners.
    pub runners: Vec<Runner>,
    /// Releases, with their files.
    pub releases: Vec<Release>,
    /// By digest (`sha256:...`): bundles.
    pub attestations: HashMap<String, Vec<Value>>,
}

/// A workflow, which stays when its file is gone.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// Its number.
    pub id: u64,
    /// The path of its file.
    pub path: String,
    /// `active`, `disabled_manually`, `deleted`, ...
    pub state: String,
}

/// A run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its number, over all repositories.
    pub id: u64,
    /// Counts up within its workflow.
    pub number: u64,
    /// Of its workflow.
    pub workflow: u64,
    /// The path of the workflow's file.
    pub path: String,
    /// `push`, `workflow_dispatch`, ...
    pub event: String,
    /// What it is shown as.
    pub title: String,
    /// The branch.
    pub branch: String,
    /// The commit.
    pub sha: String,
    /// The repository that the commit is from.
    pub head_repository: String,
    /// Who began it.
    pub actor: String,
    /// What it was given.
    pub inputs: BTreeMap<String, String>,
    /// When it was made.
    pub created: u64,
    /// The newest last.
    pub attempts: Vec<Attempt>,
    /// Environments that wait for a review: id and name.
    pub waits_for: Vec<(u64, String)>,
    /// So many listings do not show it yet.
    pub hidden: u32,
}

/// One attempt of a run.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// `queued`, `in_progress`, `completed`, ...
    pub status: String,
    /// Once it has ended.
    pub conclusion: Option<String>,
    /// When it began.
    pub started: u64,
    /// When it changed last.
    pub updated: u64,
    /// Its jobs so far.
    pub jobs: Vec<Job>,
    /// `cancel`, `force-cancel`: what was asked of it.
    pub asked: Vec<String>,
}

/// A job of an attempt.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// Its number; another one in each attempt.
    pub id: u64,
    /// What it is shown as.
    pub name: String,
    /// As a run's.
    pub status: String,
    /// As a run's.
    pub conclusion: Option<String>,
    /// When it was made, began and ended.
    pub times: [Option<u64>; 3],
    /// Name, status and conclusion of each, in order.
    pub steps: Vec<(String, String, Option<String>)>,
    /// Its log, there once it has ended; none: there is none.
    pub log: Option<Vec<u8>>,
    /// Whether the log is kept no longer.
    pub log_expired: bool,
}

/// What a run kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) id: u64,
    pub(super) run: u64,
    pub(super) name: String,
    pub(super) zip: Vec<u8>,
    pub(super) expired: bool,
    pub(super) created: u64,
}

/// A deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its number.
    pub id: u64,
    /// As it was asked for.
    pub asked: Value,
    /// The commit of the reference.
    pub sha: String,
    /// When it was made.
    pub created: u64,
    /// State, environment URL, log URL and time; the newest last.
    pub statuses: Vec<(String, String, String, u64)>,
}

/// A webhook.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Its number.
    pub id: u64,
    /// As it was registered, its secret included.
    pub asked: Value,
    /// What was sent to it; the newest last.
    pub deliveries: Vec<Delivery>,
}

/// One sending of a webhook.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its number.
    pub id: u64,
    /// The same when it is sent again.
    pub guid: String,
    /// `workflow_run`, ...
    pub event: String,
    /// What the receiver answered.
    pub status_code: u16,
    /// When.
    pub at: u64,
    /// Whether it was sent again.
    pub redelivery: bool,
}

/// A self-hosted runner.
#[derive(Clone, Debug)]
pub struct Runner {
    /// Its number.
    pub id: u64,
    /// What it is called.
    pub name: String,
    /// `online` or `offline`.
    pub status: String,
    /// Whether it works.
    pub busy: bool,
    /// Labels that can be changed.
    pub labels: Vec<String>,
}

/// A release.
#[derive(Clone, Debug)]
pub struct Release {
    /// Its number.
    pub id: u64,
    /// The tag that it is of.
    pub tag: String,
    /// Number, name, media type, bytes and state of each file.
    pub assets: Vec<(u64, String, String, Vec<u8>, String)>,
}

/// A file's or a commit's name: hex, as git's, and of what is in it.
#[must_use]
pub fn sha(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))[..40].to_owned()
}

impl Repo {
    /// The tip of a branch; none: there is no such branch.
    pub(super) fn tip(&self, branch: &str) -> Option<String> {
        let files = self.branches.get(branch)?;
        Some(sha(format!("{branch}{files:?}").as_bytes()))
    }

    /// The commit that a branch, with or without `refs/heads/`, or a commit's own name stands for.
    pub(super) fn resolve(&mut self, reference: &str) -> Option<(String, String)> {
        let branch = reference.strip_prefix("refs/heads/").unwrap_or(reference);
        if let Some(tip) = self.tip(branch) {
            self.commits.entry(tip.clone()).or_insert_with(|| self.branches[branch].clone());
            return Some((branch.to_owned(), tip));
        }
        self.commits.contains_key(reference).then(|| (reference.to_owned(), reference.to_owned()))
    }

    pub(super) fn files(&mut self, reference: Option<&str>) -> Option<BTreeMap<String, String>> {
        let (_, commit) = self.resolve(reference.unwrap_or("main"))?;
        self.commits.get(&commit).cloned()
    }

    /// A workflow by its number or the name of its file.
    pub(super) fn workflow(&mut self, key: &str) -> Option<&mut Workflow> {
        let is = |it: &&mut Workflow| it.id.to_string() == key || it.path == format!(".github/workflows/{key}");
        self.workflows.iter_mut().find(is)
    }

    pub(super) fn run(&mut self, id: u64) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.id == id)
    }

    /// Where a job is: of which run, in which attempt, as which.
    pub(super) fn job(&self, id: u64) -> Option<[usize; 3]> {
        self.runs.iter().enumerate().find_map(|(run, it)| {
            it.attempts
                .iter()
                .enumerate()
                .find_map(|(attempt, it)| it.jobs.iter().position(|job| job.id == id).map(|job| [run, attempt, job]))
        })
    }
}

impl World {
    /// A new number.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A repository by its name, or one that it had.
    ///
    /// # Panics
    /// Where there is none.
    pub fn repo(&mut self, name: &str) -> &mut Repo {
        self.repos.iter_mut().find(|repo| repo.name == name).unwrap()
    }

    /// Makes a repository whose branch `main` has these files; those in `.github/workflows/` are its workflows.
    pub fn add_repo(&mut self, name: &str, files: &[(&str, &str)]) {
        let id = self.number();
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let branches = BTreeMap::from([("main".to_owned(), files)]);
        self.repos.push(Repo { name: name.into(), id, branches, ..Repo::default() });
        self.look_for_workflows(name);
    }

    /// What is on the default branch is a workflow from then on.
    pub(super) fn look_for_workflows(&mut self, name: &str) {
        let paths: Vec<String> = self.repo(name).branches["main"]
            .keys()
            .filter(|path| path.starts_with(".github/workflows/"))
            .cloned()
            .collect();
        for path in &paths {
            if !self.repo(name).workflows.iter().any(|it| it.path == *path) {
                let id = self.number();
                self.repo(name).workflows.push(Workflow { id, path: path.clone(), state: "active".into() });
            }
        }
        for workflow in &mut self.repo(name).workflows {
            let there = paths.contains(&workflow.path);
            if there && workflow.state == "deleted" {
                workflow.state = "active".into();
            } else if !there && !workflow.path.starts_with("dynamic/") {
                workflow.state = "deleted".into();
            }
        }
    }

    /// Begins a run, which waits in the queue. Its title is what `run-name` makes of the inputs, or else `title`.
    ///
    /// # Panics
    /// Where there is no such repository, workflow or branch.
    pub fn add_run(
        &mut self,
        repo: &str,
        workflow: &str,
        event: &str,
        branch: &str,
        title: &str,
        inputs: BTreeMap<String, String>,
    ) -> u64 {
        let (id, now, lag) = (self.number(), self.now, self.lag);
        let repo = self.repo(repo);
        let (branch, commit) = repo.resolve(branch).unwrap();
        let found = repo.workflow(workflow).unwrap().clone();
        let text = repo.commits[&commit].get(&found.path).cloned().unwrap_or_default();
        let number = repo.runs.iter().filter(|run| run.workflow == found.id).count() as u64 + 1;
        let attempt = Attempt { status: "queued".into(), started: now, updated: now, ..Attempt::default() };
        repo.runs.push(Run {
            id,
            number,
            workflow: found.id,
            title: super::source::title(&text, &inputs).unwrap_or_else(|| title.to_owned()),
            path: found.path,
            event: event.into(),
            branch,
            sha: commit,
            head_repository: repo.name.clone(),
            actor: "octocat".into(),
            inputs,
            created: now,
            attempts: vec![attempt],
            waits_for: Vec::new(),
            hidden: lag,
        });
        id
    }

    /// Puts bytes where only another origin has them; answers their address.
    pub(super) fn blob(&mut self, bytes: Vec<u8>) -> String {
        let name = self.number().to_string();
        self.blobs.lock().unwrap().insert(name.clone(), bytes);
        format!("{}/{name}?sig=signed", self.blob_url)
    }
}
