//! One run from its trigger to its reported end: job `build` (clone, build), then job `publish` (upload), which needs it.

use std::{path::Path, sync::Arc};

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

use crate::{
    Shared,
    logs::{self, LogWriter},
    protocol::{Answer, Job, State, Status, Step, Trigger},
    report::Reporter,
    tally::Phase,
    workspace::{self, Ended},
};

/// Milliseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the server's one clock")]
pub(crate) fn now_millis() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// How the work ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Well,
    Badly,
    Canceled,
}

impl End {
    const fn state(self) -> State {
        match self {
            Self::Well => State::Succeeded,
            Self::Badly => State::Failed,
            Self::Canceled => State::Canceled,
        }
    }

    fn of(ended: &Ended) -> Self {
        match ended {
            Ended::Killed => Self::Canceled,
            Ended::Itself(status) if status.success() => Self::Well,
            Ended::Itself(_) => Self::Badly,
        }
    }
}

struct Build {
    reporter: Reporter,
    trigger: Trigger,
    answer: Answer,
    started: i64,
    stop: CancellationToken,
}

fn job(id: &'static str, needs: Vec<&'static str>, steps: &[&'static str]) -> Job {
    let steps = (1..)
        .zip(steps)
        .map(|(number, name)| Step { number, name, state: State::Pending, started: None, finished: None })
        .collect();
    Job {
        id,
        name: id,
        stage: id,
        state: State::Pending,
        needs,
        runner: "smallci",
        started: None,
        finished: None,
        steps,
    }
}

/// Does the run, and tells the host; whatever goes wrong is told too, or counted where the host can't be told.
pub(crate) async fn run(shared: Arc<Shared>, index: usize, answer: Answer, trigger: Trigger, stop: CancellationToken) {
    let Ok(_place) = Arc::clone(&shared.slots).acquire_owned().await else { return };
    shared.book.update(index, |run| {
        run.phase = Phase::Building;
        run.builds += 1;
    });
    let reporter = Reporter::new(Arc::clone(&shared), trigger.callback.clone());
    let build = Build { reporter: reporter.clone(), trigger, answer, started: now_millis(), stop };
    let heartbeats = beat(reporter, shared.config.heartbeat);
    let end = tokio::select! {
        end = build.whole() => end,
        () = heartbeats => return,
    };
    let phase = match end {
        Ok(End::Well) => Phase::Succeeded,
        Ok(End::Canceled) => Phase::Canceled,
        Ok(End::Badly) | Err(_) => Phase::Failed,
    };
    if let Err(error) = &end {
        shared.book.complain(format!("run {}: {error:#}", build.answer.id));
    }
    shared.book.update(index, |run| {
        run.phase = phase;
        run.end_told = end.is_ok();
    });
}

/// Never ends: a heartbeat that fails was counted, and the build's own reports decide.
async fn beat(reporter: Reporter, every: std::time::Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let _ = reporter.heartbeat().await;
    }
}

impl Build {
    /// The status to report with nothing but the state and what is the same all along.
    fn status(&self, state: State) -> Status<'_> {
        Status {
            state,
            reason: None,
            platform: None,
            number: self.answer.number.as_deref(),
            url: self.answer.url.as_deref(),
            commit: None,
            started: Some(self.started),
            finished: None,
        }
    }

    async fn whole(&self) -> anyhow::Result<End> {
        let directory = self.reporter.shared().workdir.join(&self.answer.id);
        tokio::fs::create_dir_all(&directory).await?;
        let end = self.jobs(&directory).await;
        tokio::fs::remove_dir_all(&directory).await?;
        let (end, commit) = end?;
        let mut status = self.status(end.state());
        status.platform = Some(match end {
            End::Well => "built",
            End::Badly => "broken",
            End::Canceled => "stopped",
        });
        status.commit = commit.as_deref();
        status.finished = Some(now_millis());
        self.reporter.status(&status).await?;
        Ok(end)
    }

    async fn jobs(&self, directory: &Path) -> anyhow::Result<(End, Option<String>)> {
        let mut build = job("build", vec![], &["clone", "build"]);
        let mut publish = job("publish", vec!["build"], &["upload"]);
        let mut status = self.status(State::Running);
        status.platform = Some("building");
        self.reporter.status(&status).await?;
        self.reporter.job(&build).await?;
        self.reporter.job(&publish).await?;

        let (log, shipped) = logs::open(self.reporter.clone(), build.id);
        let worked = self.work(directory, &mut build, &log).await;
        drop(log);
        shipped.await??;
        let (mut end, commit) = worked?;
        self.finish(&mut build, end).await?;

        if end == End::Well {
            let (log, shipped) = logs::open(self.reporter.clone(), publish.id);
            let uploaded = self.upload(directory, &mut publish, &log).await;
            drop(log);
            shipped.await??;
            end = uploaded?;
            self.finish(&mut publish, end).await?;
        } else {
            publish.state = State::Skipped;
            publish.steps.iter_mut().for_each(|step| step.state = State::Skipped);
            self.reporter.job(&publish).await?;
        }
        Ok((end, commit))
    }

    async fn begin(&self, job: &mut Job, step: usize) -> anyhow::Result<()> {
        let now = now_millis();
        job.state = State::Running;
        job.started = job.started.or(Some(now));
        job.steps[step].state = State::Running;
        job.steps[step].started = Some(now);
        self.reporter.job(job).await
    }

    async fn finish(&self, job: &mut Job, end: End) -> anyhow::Result<()> {
        job.state = end.state();
        job.finished = Some(now_millis());
        for step in &mut job.steps {
            if step.state == State::Pending {
                step.state = State::Skipped;
            }
        }
        self.reporter.job(job).await
    }

    fn close(job: &mut Job, step: usize, end: End) {
        job.steps[step].state = end.state();
        job.steps[step].finished = Some(now_millis());
    }

    async fn work(&self, directory: &Path, job: &mut Job, log: &LogWriter) -> anyhow::Result<(End, Option<String>)> {
        let Some(repository) = &self.trigger.repository else {
            self.begin(job, 0).await?;
            log.line("this pipeline names no repository; there is nothing to build").await;
            Self::close(job, 0, End::Badly);
            return Ok((End::Badly, None));
        };
        self.begin(job, 0).await?;
        log.line(format!("cloning {repository}")).await;
        let cloned =
            workspace::clone(directory, repository, self.trigger.reference.as_deref(), log, &self.stop).await?;
        let commit = match cloned {
            Ok(commit) => commit,
            Err(ended) => {
                let end = End::of(&ended);
                Self::close(job, 0, end);
                return Ok((end, None));
            }
        };
        log.line(format!("at commit {commit}")).await;
        Self::close(job, 0, End::Well);
        self.begin(job, 1).await?;
        let mut variables = self.trigger.environment.clone();
        variables.extend(self.trigger.parameters.clone());
        let ended = workspace::build(directory, &variables, log, &self.stop).await?;
        let end = End::of(&ended);
        match ended {
            Ended::Killed => log.line("stopped: the host asked for it").await,
            Ended::Itself(status) if !status.success() => log.line(format!("build.sh ended with {status}")).await,
            Ended::Itself(_) => {}
        }
        Self::close(job, 1, end);
        Ok((end, Some(commit)))
    }

    async fn upload(&self, directory: &Path, job: &mut Job, log: &LogWriter) -> anyhow::Result<End> {
        self.begin(job, 0).await?;
        for (name, path) in workspace::products(directory).await? {
            if self.stop.is_cancelled() {
                Self::close(job, 0, End::Canceled);
                return Ok(End::Canceled);
            }
            let (sha256, length) = digest(&path).await?;
            let kind = if [".tar", ".tar.gz", ".tgz", ".zip"].iter().any(|end| name.ends_with(end)) {
                "archive"
            } else {
                "binary"
            };
            let mut query = vec![("kind", kind), ("job", job.id)];
            if let Some(version) = self.trigger.parameters.get("VERSION") {
                query.push(("version", version));
            }
            self.reporter.artifact(&name, &query, path, sha256).await?;
            log.line(format!("uploaded {name}: {length} bytes, sha256 {}", hex::encode(sha256))).await;
        }
        Self::close(job, 0, End::Well);
        Ok(End::Well)
    }
}

async fn digest(path: &Path) -> anyhow::Result<([u8; 32], u64)> {
    let mut file = tokio::fs::File::open(path).await?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut length = 0_u64;
    loop {
        match file.read(&mut buffer).await? {
            0 => return Ok((hash.finalize().into(), length)),
            read => {
                hash.update(&buffer[..read]);
                length += read as u64;
            }
        }
    }
}
