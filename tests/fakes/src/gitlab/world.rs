//! What there is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::definition::Spec;

/// A GitLab.
#[derive(Clone)]
pub struct World {
    /// In the order of their ids.
    pub projects: Vec<Project>,
    /// As the API has them; `token` is never shown.
    pub runners: Vec<Value>,
    /// Milliseconds since the epoch.
    pub now: u64,
    /// The only token that is let in.
    pub token: String,
    /// What it may.
    pub scopes: Vec<String>,
    /// Its user's role in every project: 30 Developer, 40 Maintainer, 50 Owner.
    pub level: u32,
    /// As `GET /version` says it.
    pub version: String,
    /// Whether jobs appear only when they are told to.
    pub lazy_jobs: bool,
    /// Whether listings count their rows.
    pub totals: bool,
    /// Whether there is GraphQL.
    pub graphql: bool,
    /// Whether it can sign what it sends (flag `webhook_signing_token`).
    pub signs: bool,
    /// What it takes for its own address, where that is not where it is reached.
    pub external_url: Option<String>,
    /// Where artifacts lie; none: here.
    pub storage: Option<String>,
    /// Paths that projects had before.
    pub moved: BTreeMap<String, u64>,
    pub(super) next_id: u64,
}

/// A project with all that is in it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "GitLab's own names")]
pub struct Project {
    pub id: u64,
    pub path: String,
    pub branch: String,
    pub archived: bool,
    pub builds_access_level: String,
    pub ci_config_path: Option<String>,
    /// Whether nobody of our role may set pipeline variables.
    pub restricts_variables: bool,
    pub refs: BTreeSet<String>,
    /// By branch and path.
    pub files: BTreeMap<(String, String), File>,
    pub pipelines: Vec<Pipeline>,
    pub variables: Vec<Value>,
    pub schedules: Vec<Value>,
    pub triggers: Vec<Value>,
    pub environments: Vec<Value>,
    pub protected: Vec<Value>,
    pub deployments: Vec<Value>,
    pub hooks: Vec<Value>,
    pub hook_events: Vec<Value>,
    /// Each with its files.
    pub packages: Vec<(Value, Vec<Stored>)>,
    pub runners: BTreeSet<u64>,
}

impl Project {
    /// With a definition on its default branch.
    #[must_use]
    pub fn new(path: &str, definition: &str) -> Self {
        let file = File { content: definition.into(), commit: "1".repeat(40) };
        Self {
            path: path.into(),
            branch: "main".into(),
            builds_access_level: "enabled".into(),
            refs: ["main".to_owned()].into(),
            files: [(("main".to_owned(), ".gitlab-ci.yml".to_owned()), file)].into(),
            ..Self::default()
        }
    }

    pub(super) fn definition(&self) -> &str {
        self.ci_config_path.as_deref().filter(|path| !path.is_empty()).unwrap_or(".gitlab-ci.yml")
    }
}

/// A file of a package, and its bytes.
pub type Stored = (Value, Vec<u8>);

/// A file in a repository.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// Its bytes.
    pub content: Vec<u8>,
    /// The last commit that changed it.
    pub commit: String,
}

/// A pipeline.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "GitLab's own names")]
pub struct Pipeline {
    pub id: u64,
    pub iid: u64,
    pub sha: String,
    pub reference: String,
    pub source: String,
    pub name: Option<String>,
    pub created: u64,
    pub updated: u64,
    pub started: Option<u64>,
    pub finished: Option<u64>,
    pub variables: Vec<Value>,
    pub inputs: Map<String, Value>,
    pub stages: Vec<String>,
    /// Those that were retried are among them.
    pub jobs: Vec<Job>,
    /// Jobs that are to appear.
    pub eggs: Vec<Job>,
    /// In the place of what follows from its jobs.
    pub word: Option<String>,
    pub schedule: Option<u64>,
}

/// A job, or a bridge.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "GitLab's own names")]
pub struct Job {
    pub id: u64,
    pub name: String,
    pub stage: String,
    pub status: String,
    pub spec: Spec,
    pub created: u64,
    pub started: Option<u64>,
    pub finished: Option<u64>,
    pub erased: Option<u64>,
    pub failure_reason: Option<String>,
    pub trace: Vec<u8>,
    pub artifacts: Option<Vec<u8>>,
    pub keep: bool,
    pub variables: Vec<Value>,
    pub retried: bool,
    pub bridge: bool,
    /// Project and pipeline that a bridge started.
    pub downstream: Option<(u64, u64)>,
}

/// Whether nothing more comes of a job by itself.
pub(super) fn ended(status: &str) -> bool {
    matches!(status, "success" | "failed" | "canceled" | "skipped")
}

impl World {
    /// With these projects. It answers without a server too, as [`crate::server::Platform`].
    #[must_use]
    pub fn new(mut projects: Vec<Project>) -> Self {
        for (place, project) in projects.iter_mut().enumerate() {
            project.id = place as u64 + 1;
        }
        Self {
            projects,
            runners: Vec::new(),
            now: 1_800_000_000_000,
            token: crate::house::secret("token"),
            scopes: vec!["api".into()],
            level: 50,
            version: "18.2.1".into(),
            lazy_jobs: false,
            totals: true,
            graphql: true,
            signs: true,
            external_url: None,
            storage: None,
            moved: BTreeMap::new(),
            next_id: 60,
        }
    }

    pub(super) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// A moment as the API writes it.
    pub(super) fn iso(at: u64) -> String {
        let at = jiff::Timestamp::from_millisecond(i64::try_from(at).unwrap()).unwrap();
        at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }

    pub(super) fn http_date(&self) -> String {
        let at = jiff::Timestamp::from_millisecond(i64::try_from(self.now).unwrap()).unwrap();
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// A pipeline by its id.
    pub fn pipeline(&mut self, id: u64) -> Option<&mut Pipeline> {
        self.projects.iter_mut().flat_map(|project| &mut project.pipelines).find(|pipeline| pipeline.id == id)
    }

    /// A job by its id.
    pub fn job(&mut self, id: u64) -> Option<&mut Job> {
        let pipelines = self.projects.iter_mut().flat_map(|project| &mut project.pipelines);
        pipelines.flat_map(|pipeline| &mut pipeline.jobs).find(|job| job.id == id)
    }

    /// What a runner would take next: jobs that wait for one, of all pipelines, the oldest first.
    #[must_use]
    pub fn pending(&self) -> Vec<u64> {
        let jobs = self.projects.iter().flat_map(|project| &project.pipelines).flat_map(|pipeline| &pipeline.jobs);
        let mut pending: Vec<u64> =
            jobs.filter(|job| job.status == "pending" && !job.bridge).map(|job| job.id).collect();
        pending.sort_unstable();
        pending
    }
}
