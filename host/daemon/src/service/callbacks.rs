//! Callbacks of a run, each proved by that run's own token, each idempotent: what is said twice is known once.
//!
//! Where the plugin's manifest says that runs report by callback, what they say is the truth; else it is a hint, and
//! wakes a read. Every word of a run moves its deadline of silence.

use std::{io, sync::Arc};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use novacron_cicd_domain::{
    artifact::Artifact,
    event::{self, EventKind},
    id::RunId,
    run::{Edges, Graph, Job, Run, SeenRun, Standing},
    status::{State, Times},
};
use novacron_cicd_vault::{
    Secret,
    token::{TokenKind, hash, kind_of},
};
use serde_json::json;

use super::{
    ArtifactStored, ArtifactUpload, JobReport, ServiceError, StatusReport, artifacts,
    host::{Host, audit, event_of},
};
use crate::{
    engine::{fault::fault, ports::Reporting, record},
    log::{LogKey, Piece},
};

/// What runs say of themselves.
#[derive(Clone)]
pub struct Callbacks {
    pub(super) host: Arc<Host>,
}

/// The longest id of a job, in bytes.
const ID: usize = 512;
/// The most jobs of one run, and steps of one job.
const MOST: usize = 2000;

impl Callbacks {
    /// The run's state.
    ///
    /// # Errors
    /// [`ServiceError::Unauthorized`].
    pub async fn status(&self, bearer: &str, run: RunId, report: StatusReport) -> Result<Run, ServiceError> {
        let run = self.authenticate(bearer, run).await?;
        refuse_ambiguous(report.status.state)?;
        let seen = SeenRun {
            external_id: report.external_id.filter(|id| !id.is_empty() && id.len() <= ID),
            number: report.number,
            attempt: None,
            status: Some(report.status),
            times: Times { started: report.started, finished: report.finished, ..Times::default() },
            commit: report.commit,
            actor: None,
            url: report.url,
            graph: None,
        };
        fault!("callback.status.before-commit");
        let run = self.observe(run, seen).await?;
        fault!("callback.status.after-commit");
        Ok(run)
    }

    /// One job's state.
    ///
    /// # Errors
    /// [`ServiceError::Unauthorized`].
    pub async fn job(&self, bearer: &str, run: RunId, job: &str, report: JobReport) -> Result<Run, ServiceError> {
        let run = self.authenticate(bearer, run).await?;
        check_id(job)?;
        refuse_ambiguous(report.status.state)?;
        for step in &report.steps {
            refuse_ambiguous(step.status.state)?;
        }
        let mut numbers: Vec<u32> = report.steps.iter().map(|step| step.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.len() != report.steps.len() || numbers.len() > MOST || report.needs.len() > MOST {
            return Err(ServiceError::invalid(
                "/steps",
                "job.invalid",
                format!("a job has at most {MOST} steps, each with a number of its own"),
            ));
        }
        let job = Job {
            id: job.to_owned(),
            name: report.name,
            stage: report.stage,
            status: report.status,
            times: Times { created: report.created, started: report.started, finished: report.finished, updated: None },
            needs: report.needs,
            parent: None,
            runner: report.runner,
            url: report.url,
            steps: report.steps,
        };
        let graph = Graph { jobs: vec![job], edges: Edges::Exact, complete: false };
        fault!("callback.job.before-commit");
        let run = self.observe(run, SeenRun { graph: Some(graph), ..SeenRun::default() }).await?;
        fault!("callback.job.after-commit");
        Ok(run)
    }

    /// A piece of a log at `offset`; answers where the next one begins.
    ///
    /// # Errors
    /// [`ServiceError::LogGap`] where one is missing; a log that was closed.
    pub async fn log(
        &self,
        bearer: &str,
        run: RunId,
        job: Option<&str>,
        offset: u64,
        bytes: Bytes,
        complete: bool,
    ) -> Result<u64, ServiceError> {
        let run = self.authenticate(bearer, run).await?;
        if let Some(job) = job {
            check_id(job)?;
        }
        let now = self.host.now();
        let piece = Piece { offset: Some(offset), bytes, complete, token: Some(Secret::new(bearer)), at: None, now };
        let key = LogKey { run: run.id, attempt: run.attempt, job: job.map(Into::into) };
        let appended = self.host.logs.append(key, piece).await?;
        self.alive(run.id).await?;
        Ok(appended.position.received)
    }

    /// Bytes. Same name and bytes: the same artifact; other bytes under that name: a conflict.
    ///
    /// # Errors
    /// [`ServiceError::Mismatch`] where the bytes are not what was said; nothing of them is kept then.
    pub async fn artifact(
        &self,
        bearer: &str,
        run: RunId,
        name: &str,
        upload: ArtifactUpload,
        body: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<ArtifactStored, ServiceError> {
        let run = self.authenticate(bearer, run).await?;
        // A long upload is a sign of life as long as it goes on.
        let body = self.noticing(run.id, body);
        let taken = artifacts::take_in(&self.host, name, upload, body).await?;
        let now = taken.created;
        let artifact = Artifact { run: Some(run.id), attempt: Some(run.attempt), ..taken };
        fault!("callback.artifact.before-commit");
        let until = self.host.silence(now);
        let stored = self
            .host
            .write(move |tx| {
                tx.touch_heartbeat(run.id, until)?;
                if let Some(there) = tx.artifact_of_run(run.id, Some(run.attempt), &artifact.name)? {
                    if there.sha256 == artifact.sha256 {
                        return Ok(ArtifactStored { artifact: there, new: false });
                    }
                    return Err(ServiceError::conflict(
                        "artifact.other-bytes",
                        format!("the run has an artifact {:?} with other bytes", there.name),
                        "an artifact never changes: give the other bytes another name",
                    ));
                }
                tx.insert_artifact(&artifact)?;
                let data = event::artifact(&artifact);
                event_of(tx, &run, EventKind::ArtifactCreated, artifact.id, data, now)?;
                let detail = json!({ "name": artifact.name, "sha256": artifact.sha256, "size": artifact.size });
                audit(tx, &format!("run {}", run.id), "artifact.store", artifact.id, detail, now)?;
                Ok(ArtifactStored { artifact, new: true })
            })
            .await?;
        fault!("callback.artifact.after-commit");
        Ok(stored)
    }

    /// It lives.
    ///
    /// # Errors
    /// [`ServiceError::Unauthorized`].
    pub async fn heartbeat(&self, bearer: &str, run: RunId) -> Result<Run, ServiceError> {
        let run = self.authenticate(bearer, run).await?;
        self.alive(run.id).await?;
        self.host.read(move |state| Ok(state.run(run.id)?)).await
    }

    /// What we know of it: its state, whether a cancel was asked for.
    ///
    /// # Errors
    /// [`ServiceError::Unauthorized`].
    pub async fn view(&self, bearer: &str, run: RunId) -> Result<Run, ServiceError> {
        let run = self.authenticate(bearer, run).await?;
        self.host.read(move |state| Ok(state.run(run.id)?)).await
    }

    /// The run, without its jobs, where the token is its own; nobody learns whether another run is there.
    async fn authenticate(&self, bearer: &str, run: RunId) -> Result<Run, ServiceError> {
        let refused = || ServiceError::Unauthorized { reason: "the token is not this run's" };
        if kind_of(bearer) != Some(TokenKind::Run) {
            return Err(refused());
        }
        let hash = hash(bearer);
        let found = self.host.store.read(move |state| state.run_by_callback_token(&hash)).await?;
        found.filter(|found| found.id == run).ok_or_else(refused)
    }

    async fn observe(&self, run: Run, seen: SeenRun) -> Result<Run, ServiceError> {
        let provider = run.provider;
        let standing = match self.host.read(move |state| Ok(state.provider(provider)?)).await {
            Ok(provider) => match self.host.platforms.reporting(&provider) {
                Reporting::Callback => Standing::Truth,
                Reporting::Poll => Standing::Hint,
            },
            // Removed meanwhile: then nobody else says anything of the run.
            Err(ServiceError::NotFound { .. }) => Standing::Truth,
            Err(error) => return Err(error),
        };
        let now = self.host.now();
        let until = self.host.silence(now);
        let (run, wake) = self
            .host
            .write(move |tx| {
                let run = tx.run(run.id)?;
                // Before the run is moved: its end is the end of the deadline.
                tx.touch_heartbeat(run.id, until)?;
                record::evidence(tx, run.id, now)?;
                Ok(record::observe(tx, &run, seen, standing, now)?)
            })
            .await?;
        if wake {
            self.host.engine.poke(run.provider);
        }
        Ok(run)
    }

    async fn alive(&self, run: RunId) -> Result<(), ServiceError> {
        let until = self.host.silence(self.host.now());
        self.host
            .write(move |tx| {
                tx.touch_heartbeat(run, until)?;
                Ok(())
            })
            .await
    }

    /// The same bytes; while they come the run counts as alive.
    fn noticing(
        &self,
        run: RunId,
        body: BoxStream<'static, io::Result<Bytes>>,
    ) -> BoxStream<'static, io::Result<Bytes>> {
        let every = i64::try_from(self.host.settings.heartbeat.as_millis() / 4).unwrap_or(i64::MAX);
        let this = self.clone();
        let mut last = self.host.now();
        let noticed = futures_util::StreamExt::then(body, move |piece| {
            let now = this.host.now();
            let due = now.since(last) >= every;
            if due {
                last = now;
            }
            let this = this.clone();
            async move {
                if due {
                    this.alive(run).await.map_err(io::Error::other)?;
                }
                piece
            }
        });
        Box::pin(noticed)
    }
}

fn refuse_ambiguous(state: State) -> Result<(), ServiceError> {
    if state == State::Ambiguous {
        return Err(ServiceError::invalid("/state", "run.invalid-state", "a run is never ambiguous to itself"));
    }
    Ok(())
}

fn check_id(id: &str) -> Result<(), ServiceError> {
    if id.is_empty() || id.len() > ID || id.chars().any(char::is_control) {
        return Err(ServiceError::invalid(
            "/job",
            "job.invalid-id",
            format!("a job's id has 1 to {ID} bytes and no control characters"),
        ));
    }
    Ok(())
}
