//! How runs go on: by a test, or by an engine that executes the workflow and tells what becomes of it.
//!
//! An engine asks [`World::pending`] for what waits, and then tells in this order: [`World::begin`], for each job
//! [`World::begin_job`], its steps by [`World::step`] and its end by [`World::end_job`], and at last [`World::end`].

use std::collections::BTreeMap;

use super::world::{Job, Kept, Repo, Run, World};

/// A run that waits for somebody to execute it.
#[derive(Clone, Debug)]
pub struct Work {
    /// `owner/name`.
    pub repo: String,
    /// Its number.
    pub run: u64,
    /// The path of the workflow's file.
    pub path: String,
    /// What started it.
    pub event: String,
    /// What it was given.
    pub inputs: BTreeMap<String, String>,
    /// All files at its commit.
    pub files: BTreeMap<String, String>,
}

impl World {
    fn place(&mut self, run: u64) -> (&mut Repo, usize) {
        let repo = self.repos.iter_mut().find(|repo| repo.runs.iter().any(|it| it.id == run)).unwrap();
        let index = repo.runs.iter().position(|it| it.id == run).unwrap();
        (repo, index)
    }

    /// A run.
    ///
    /// # Panics
    /// Where there is none of that number; so all that follow.
    pub fn run(&mut self, id: u64) -> &mut Run {
        let (repo, index) = self.place(id);
        &mut repo.runs[index]
    }

    /// What waits in the queue, oldest first.
    #[must_use]
    pub fn pending(&self) -> Vec<Work> {
        let work = |repo: &Repo, run: &Run| Work {
            repo: repo.name.clone(),
            run: run.id,
            path: run.path.clone(),
            event: run.event.clone(),
            inputs: run.inputs.clone(),
            files: repo.commits[&run.sha].clone(),
        };
        let queued = |run: &&Run| run.attempts.last().unwrap().status == "queued";
        self.repos.iter().flat_map(|repo| repo.runs.iter().filter(queued).map(move |run| work(repo, run))).collect()
    }

    /// Whether somebody wants it to end: `cancel`, `force-cancel`.
    pub fn asked(&mut self, run: u64) -> Vec<String> {
        self.run(run).attempts.last().unwrap().asked.clone()
    }

    fn stand(&mut self, run: u64, status: &str, conclusion: Option<&str>) {
        let now = self.now;
        let attempt = self.run(run).attempts.last_mut().unwrap();
        (attempt.status, attempt.conclusion) = (status.into(), conclusion.map(str::to_owned));
        attempt.updated = now;
    }

    /// It is at work.
    pub fn begin(&mut self, run: u64) {
        self.stand(run, "in_progress", None);
    }

    /// It waits for a reviewer of these environments.
    pub fn wait_for(&mut self, run: u64, environments: &[(u64, &str)]) {
        self.stand(run, "waiting", None);
        self.run(run).waits_for = environments.iter().map(|(id, name)| (*id, (*name).to_owned())).collect();
    }

    /// It has ended.
    pub fn end(&mut self, run: u64, conclusion: &str) {
        self.stand(run, "completed", Some(conclusion));
    }

    /// A job more, which is queued; answers its number.
    pub fn add_job(&mut self, run: u64, name: &str) -> u64 {
        let (id, now) = (self.number(), self.now);
        let job =
            Job { id, name: name.into(), status: "queued".into(), times: [Some(now), None, None], ..Job::default() };
        self.run(run).attempts.last_mut().unwrap().jobs.push(job);
        id
    }

    /// A job.
    pub fn job(&mut self, id: u64) -> &mut Job {
        let repo = self.repos.iter_mut().find(|repo| repo.job(id).is_some()).unwrap();
        let [run, attempt, job] = repo.job(id).unwrap();
        &mut repo.runs[run].attempts[attempt].jobs[job]
    }

    /// A job more, which is at work; answers its number.
    pub fn begin_job(&mut self, run: u64, name: &str) -> u64 {
        let (id, now) = (self.add_job(run, name), self.now);
        let job = self.job(id);
        job.status = "in_progress".into();
        job.times[1] = Some(now);
        id
    }

    /// How a step of a job stands; one of a new name comes behind the others.
    pub fn step(&mut self, job: u64, name: &str, status: &str, conclusion: Option<&str>) {
        let steps = &mut self.job(job).steps;
        let step = (name.to_owned(), status.to_owned(), conclusion.map(str::to_owned));
        match steps.iter_mut().find(|(there, ..)| there == name) {
            Some(there) => *there = step,
            None => steps.push(step),
        }
    }

    /// A job has ended; its log is there from then on, where it has one.
    pub fn end_job(&mut self, job: u64, conclusion: &str, log: Option<&str>) {
        let now = self.now;
        let job = self.job(job);
        (job.status, job.conclusion) = ("completed".into(), Some(conclusion.into()));
        job.times[2] = Some(now);
        // As GitHub writes it: a mark at its begin, and the time before each line.
        let line = |line: &str| format!("2026-01-01T00:00:00.1234567Z {line}\n");
        job.log = log.map(|text| format!("\u{feff}{}", text.lines().map(line).collect::<String>()).into_bytes());
    }

    /// A run keeps something; answers its number.
    pub fn keep(&mut self, run: u64, name: &str, zip: &[u8]) -> u64 {
        let (id, created) = (self.number(), self.now);
        let (repo, _) = self.place(run);
        repo.artifacts.push(Kept { id, run, name: name.into(), zip: zip.to_vec(), expired: false, created });
        id
    }

    /// What was kept has expired.
    pub fn expire(&mut self, artifact: u64) {
        for kept in self.repos.iter_mut().flat_map(|repo| &mut repo.artifacts).filter(|kept| kept.id == artifact) {
            kept.expired = true;
        }
    }
}
