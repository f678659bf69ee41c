//! What follows when a pipeline is made, and when a job of it begins and ends.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    definition, objects,
    world::{Job, Pipeline, World, ended},
};

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
            "status": "created", "user": objects::user(), "environment": { "id": environment }, "deployable": { "id": job.id } }));
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
