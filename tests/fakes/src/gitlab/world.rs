//! What there is, and what follows when a job begins and ends.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::definition::{self, Spec};

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

impl Pipeline {
    /// The jobs that count: of each name the newest.
    pub(super) fn latest(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| !job.retried)
    }

    /// As `Gitlab::Ci::Status::Composite` has it, as far as it matters.
    pub(super) fn status(&self) -> String {
        if let Some(word) = &self.word {
            return word.clone();
        }
        let ignored =
            |job: &&Job| !(job.spec.allow_failure && matches!(job.status.as_str(), "failed" | "canceled" | "manual"));
        let words: Vec<&str> = self.latest().filter(ignored).map(|job| job.status.as_str()).collect();
        let any = |word: &str| words.contains(&word);
        let all = |set: &[&str]| words.iter().all(|word| set.contains(word));
        let word = if self.jobs.is_empty() {
            "created"
        } else if all(&["skipped"]) && !words.is_empty() {
            "skipped"
        } else if all(&["success", "skipped"]) {
            "success"
        } else if all(&["created"]) {
            "created"
        } else if any("canceling") {
            "canceling"
        } else if any("running") || (any("pending") && words.iter().any(|word| ended(word))) {
            "running"
        } else if any("waiting_for_resource") {
            "waiting_for_resource"
        } else if any("pending") {
            "pending"
        } else if any("manual") {
            "manual"
        } else if any("scheduled") {
            "scheduled"
        } else if any("created") {
            "running"
        } else if any("failed") {
            "failed"
        } else {
            "canceled"
        };
        word.to_owned()
    }

    /// Whether a job may begin now: what it needs, or all before its stage, has ended well.
    fn readiness(&self, job: &Job) -> Option<bool> {
        let place = |stage: &str| self.stages.iter().position(|known| known == stage).unwrap_or(0);
        let before: Vec<&Job> = match &job.spec.needs {
            Some(needs) => self.latest().filter(|other| needs.contains(&other.spec.name)).collect(),
            None => self.latest().filter(|other| place(&other.stage) < place(&job.stage)).collect(),
        };
        let fine = |other: &Job| {
            other.status == "success"
                || (other.spec.allow_failure && matches!(other.status.as_str(), "failed" | "manual"))
        };
        if before.iter().all(|other| fine(other)) {
            return Some(true);
        }
        let lost = |other: &&Job| ended(&other.status) && !fine(other);
        before.iter().any(lost).then_some(false)
    }
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

    /// Starts a pipeline that nobody asked us for: `push`, `schedule`, `web`. Answers its id.
    ///
    /// # Panics
    /// Where there is no such project, or no definition in it.
    pub fn start_by(&mut self, project: &str, source: &str) -> u64 {
        let project = self.projects.iter().position(|there| there.path == project).unwrap();
        let branch = self.projects[project].branch.clone();
        let created = self.create_pipeline(project, &branch, source, Vec::new(), Map::new());
        created.unwrap_or_else(|said| unreachable!("{said}"))
    }

    /// Project and pipeline of a job, by their places.
    fn place_of(&self, job: u64) -> (usize, usize) {
        let has = |pipeline: &Pipeline| pipeline.jobs.iter().any(|there| there.id == job);
        let project = self.projects.iter().position(|project| project.pipelines.iter().any(has)).unwrap();
        (project, self.projects[project].pipelines.iter().position(has).unwrap())
    }

    /// Makes a pipeline of a project's definition; what stands against it, as GitLab words it.
    pub(super) fn create_pipeline(
        &mut self,
        project: usize,
        reference: &str,
        source: &str,
        variables: Vec<Value>,
        inputs: Map<String, Value>,
    ) -> Result<u64, String> {
        let there = &self.projects[project];
        if !there.refs.contains(reference) {
            return Err("Reference not found".into());
        }
        if there.restricts_variables && !variables.is_empty() {
            return Err("Insufficient permissions to set pipeline variables".into());
        }
        let place = (reference.to_owned(), there.definition().to_owned());
        let file = there.files.get(&place).or_else(|| there.files.get(&(there.branch.clone(), place.1.clone())));
        let text = String::from_utf8_lossy(&file.ok_or("Missing CI config file")?.content).into_owned();
        let read = definition::read(&text, &inputs)?;
        let (id, now) = (self.id(), self.now);
        let made: Vec<u64> = read.jobs.iter().map(|_| self.id()).collect();
        let jobs = read.jobs.into_iter().zip(made).map(|(spec, id)| Job {
            id,
            name: spec.shown.clone(),
            stage: spec.stage.clone(),
            status: "created".into(),
            created: now,
            bridge: spec.trigger.is_some(),
            spec,
            ..Job::default()
        });
        let jobs: Vec<Job> = jobs.collect();
        let lazy = self.lazy_jobs;
        let there = &mut self.projects[project];
        there.pipelines.push(Pipeline {
            id,
            iid: there.pipelines.len() as u64 + 1,
            sha: format!("{id:040x}"),
            reference: reference.to_owned(),
            source: source.to_owned(),
            name: read.name,
            created: now,
            updated: now,
            variables,
            inputs,
            stages: read.stages,
            eggs: jobs,
            ..Pipeline::default()
        });
        if !lazy {
            self.hatch(id);
        }
        Ok(id)
    }

    pub(super) fn hatch(&mut self, pipeline: u64) {
        let eggs = std::mem::take(&mut self.pipeline(pipeline).unwrap().eggs);
        self.pipeline(pipeline).unwrap().jobs.extend(eggs);
        let project = self.projects.iter().position(|it| it.pipelines.iter().any(|it| it.id == pipeline)).unwrap();
        let place = self.projects[project].pipelines.iter().position(|it| it.id == pipeline).unwrap();
        for job in 0..self.projects[project].pipelines[place].jobs.len() {
            self.announce(project, place, job);
        }
        self.advance(project, place);
    }

    /// A job with an environment is a deployment from the moment when it is made.
    fn announce(&mut self, project: usize, pipeline: usize, job: usize) {
        let job = self.projects[project].pipelines[pipeline].jobs[job].clone();
        let Some(name) = job.spec.environment.clone() else { return };
        let (id, environment) = (self.id(), self.environment(project, &name));
        let there = &mut self.projects[project];
        let (iid, row) = (there.deployments.len() + 1, &there.pipelines[pipeline]);
        let (reference, sha, at) = (row.reference.clone(), row.sha.clone(), Self::iso(job.created));
        there.deployments.push(json!({ "id": id, "iid": iid, "ref": reference, "sha": sha, "created_at": at, "updated_at": at,
            "status": "created", "user": super::objects::user(), "environment": { "id": environment }, "deployable": { "id": job.id } }));
    }

    /// The id of the environment of that name, which is made where it is missing.
    pub(super) fn environment(&mut self, project: usize, name: &str) -> u64 {
        if let Some(there) = self.projects[project].environments.iter().find(|there| there["name"] == name) {
            return there["id"].as_u64().unwrap();
        }
        let (id, at) = (self.id(), Self::iso(self.now));
        let slug = name.replace(['/', '_', '.'], "-").to_lowercase();
        let tier = match name {
            "production" | "staging" | "testing" | "development" => name,
            _ => "other",
        };
        self.projects[project]
            .environments
            .push(json!({ "id": id, "name": name, "slug": slug, "external_url": null, "tier": tier,
            "state": "available", "created_at": at, "updated_at": at, "auto_stop_at": null }));
        id
    }

    /// Lets follow what follows: jobs that are ready wait for a runner, those whose needs were lost are skipped.
    pub(super) fn advance(&mut self, project: usize, pipeline: usize) {
        let now = self.now;
        loop {
            let row = &mut self.projects[project].pipelines[pipeline];
            let next =
                row.jobs.iter().position(|job| job.status == "created" && !job.retried && row.readiness(job).is_some());
            let Some(at) = next else { break };
            let ready = row.readiness(&row.jobs[at]) == Some(true);
            let job = &mut row.jobs[at];
            job.status = match job.spec.when.as_str() {
                _ if !ready => "skipped",
                "manual" => "manual",
                "delayed" => "scheduled",
                _ => "pending",
            }
            .into();
            if job.status == "pending" && job.bridge {
                self.cross(project, pipeline, at);
            }
        }
        let row = &mut self.projects[project].pipelines[pipeline];
        let done = ended(&row.status());
        row.finished = if done { row.finished.or(Some(now)) } else { None };
        row.updated = now;
        self.sync_deployments(project);
    }

    /// A bridge starts a pipeline: a child in its own project, or one elsewhere.
    fn cross(&mut self, project: usize, pipeline: usize, job: usize) {
        let target = self.projects[project].pipelines[pipeline].jobs[job].spec.trigger.clone().unwrap_or_default();
        let elsewhere = self.projects.iter().position(|there| there.path == target);
        let (to, source) = elsewhere.map_or((project, "parent_pipeline"), |place| (place, "pipeline"));
        let made = if elsewhere.is_some() {
            let branch = self.projects[to].branch.clone();
            self.create_pipeline(to, &branch, source, Vec::new(), Map::new())
        } else {
            let kept = self.projects[to].ci_config_path.replace(target);
            let branch = self.projects[to].branch.clone();
            let made = self.create_pipeline(to, &branch, source, Vec::new(), Map::new());
            self.projects[to].ci_config_path = kept;
            made
        };
        let id = self.projects[to].id;
        let job = &mut self.projects[project].pipelines[pipeline].jobs[job];
        (job.started, job.finished) = (Some(self.now), Some(self.now));
        match made {
            Ok(pipeline) => (job.downstream, job.status) = (Some((id, pipeline)), "success".into()),
            Err(_) => {
                (job.failure_reason, job.status) = (Some("downstream_pipeline_creation_failed".into()), "failed".into())
            }
        }
    }

    fn sync_deployments(&mut self, project: usize) {
        let there = &mut self.projects[project];
        let jobs = there.pipelines.iter().flat_map(|pipeline| &pipeline.jobs);
        let words: BTreeMap<u64, &str> = jobs.map(|job| (job.id, job.status.as_str())).collect();
        for deployment in &mut there.deployments {
            let word = deployment["deployable"]["id"].as_u64().and_then(|id| words.get(&id).copied());
            let word = match word {
                Some("pending" | "manual" | "scheduled" | "created") => "created",
                Some("canceling") => "running",
                Some(word) => word,
                None => continue,
            };
            if deployment["status"] != word && deployment["status"] != "blocked" {
                deployment["status"] = json!(word);
                deployment["updated_at"] = json!(Self::iso(self.now));
            }
        }
    }

    /// Begins a job, a second later.
    ///
    /// # Panics
    /// Where there is no such job.
    pub fn begin(&mut self, job: u64) {
        self.now += 1_000;
        let now = self.now;
        let (project, pipeline) = self.place_of(job);
        let row = &mut self.projects[project].pipelines[pipeline];
        row.started = row.started.or(Some(now));
        let job = self.job(job).unwrap();
        (job.status, job.started) = ("running".into(), Some(now));
        self.advance(project, pipeline);
    }

    /// Ends a job, a minute later: `success`, `failed`, `canceled`.
    ///
    /// # Panics
    /// Where there is no such job.
    pub fn end(&mut self, job: u64, status: &str) {
        self.now += 60_000;
        let now = self.now;
        let (project, pipeline) = self.place_of(job);
        let job = self.job(job).unwrap();
        (job.status, job.finished) = (status.into(), Some(now));
        job.failure_reason = (status == "failed").then(|| "script_failure".into());
        self.advance(project, pipeline);
    }

    /// What comes after a job of a pipeline was changed by hand.
    pub(super) fn settle(&mut self, job: u64) {
        let (project, pipeline) = self.place_of(job);
        self.advance(project, pipeline);
    }

    /// Puts a new job in the place of one; answers its id.
    pub(super) fn retry(&mut self, job: u64) -> u64 {
        self.now += 1_000;
        let (id, now) = (self.id(), self.now);
        let (project, pipeline) = self.place_of(job);
        let row = &mut self.projects[project].pipelines[pipeline];
        let old = row.jobs.iter_mut().find(|there| there.id == job).unwrap();
        old.retried = true;
        let (spec, name, stage, bridge) = (old.spec.clone(), old.name.clone(), old.stage.clone(), old.bridge);
        row.jobs.push(Job { id, name, stage, spec, bridge, status: "pending".into(), created: now, ..Job::default() });
        // What was skipped because of it has another chance.
        row.jobs.iter_mut().filter(|job| job.status == "skipped").for_each(|job| job.status = "created".into());
        let last = row.jobs.len() - 1;
        self.announce(project, pipeline, last);
        self.advance(project, pipeline);
        id
    }
}
