//! What the platform says, and what it means.

use novacron_cicd_sdk::{
    artifacts::Artifact,
    runners::Runner,
    types::{Digest, Graph, Job, Pipeline, Run, RunRef, State, Status, Times},
};
use serde::{Deserialize, Serialize};

/// A run.
#[derive(Deserialize)]
pub(crate) struct Build {
    id: String,
    project: String,
    attempt: Option<u32>,
    state: String,
    origin: String,
    correlation: Option<String>,
    created: u64,
    jobs: Vec<String>,
}

impl Build {
    fn status(&self) -> Status {
        let state = match self.state.as_str() {
            "queued" => State::Pending,
            "running" => State::Running,
            "passed" => State::Succeeded,
            "stopped" => State::Canceled,
            _ => State::Failed,
        };
        Status::of(state, &self.state)
    }

    pub(crate) fn is_over(&self) -> bool {
        !matches!(self.state.as_str(), "queued" | "running")
    }
}

impl From<Build> for Run {
    fn from(build: Build) -> Self {
        let status = build.status();
        let job = |name: &String| Job {
            id: name.clone(),
            name: name.clone(),
            stage: None,
            status: status.clone(),
            times: Times::default(),
            needs: Vec::new(),
            parent: None,
            runner: None,
            url: None,
            steps: Vec::new(),
            more: Vec::new(),
        };
        let graph = Graph { jobs: build.jobs.iter().map(job).collect(), edges: "none".into(), complete: true };
        let identity = RunRef { pipeline: build.project, run: build.id, attempt: build.attempt };
        Run {
            origin: build.origin,
            correlation: build.correlation,
            times: Times { created: Some(build.created), ..Times::default() },
            graph: Some(graph),
            ..Run::new(identity, status)
        }
    }
}

/// A pipeline.
#[derive(Deserialize)]
pub(crate) struct Project {
    id: String,
}

impl From<Project> for Pipeline {
    fn from(project: Project) -> Self {
        Self {
            name: project.id.clone(),
            id: project.id,
            repository: None,
            reference: None,
            url: None,
            enabled: true,
            revision: None,
            more: Vec::new(),
        }
    }
}

/// An artifact.
#[derive(Deserialize)]
pub(crate) struct File {
    id: String,
    name: String,
    pub(crate) size: Option<u64>,
    sha256: Option<String>,
}

impl File {
    pub(crate) fn digests(&self) -> Vec<Digest> {
        self.sha256.iter().map(|hex| Digest { algorithm: "sha256".into(), hex: hex.clone() }).collect()
    }
}

impl From<File> for Artifact {
    fn from(file: File) -> Self {
        Self {
            digests: file.digests(),
            id: file.id,
            name: file.name,
            kind: "binary".into(),
            size: file.size,
            created: None,
            expires: None,
            expired: false,
            job: None,
            media_type: None,
            more: Vec::new(),
        }
    }
}

/// A runner.
#[derive(Deserialize)]
pub(crate) struct Machine {
    id: String,
    state: String,
    draining: bool,
}

impl From<Machine> for Runner {
    fn from(machine: Machine) -> Self {
        Self {
            name: machine.id.clone(),
            id: machine.id,
            state: machine.state,
            busy: None,
            draining: machine.draining,
            labels: vec!["linux".into()],
            current: Vec::new(),
            more: Vec::new(),
        }
    }
}

/// Whether a runner takes new work.
#[derive(Serialize)]
pub(crate) struct Drain {
    pub(crate) draining: bool,
}
