//! A provider of a small platform that has to be asked: runs, their logs, artifacts and runners.
//!
//! The platform's shapes are those that `serde` reads here; the tests play it. Logs and artifacts are moved by plan.

mod shapes;

use novacron_cicd_sdk::types::{
    Error, Operation, PageRequest, Parameter, Pipeline, Run, RunMatch, RunRef, Ticket, Timestamp,
};
use novacron_cicd_sdk::{
    Artifacts, Logs, Pipelines, Plugin, Result, RunListing, RunRetry, RunSearch, RunnerDrain, Runners, Runs, Webhooks,
    artifacts::{ArtifactPage, DownloadPlan},
    context,
    http::Request,
    logs::{Availability, LogAnswer, LogPlan, LogRequest},
    pipelines::PipelinePage,
    plugin::CheckReport,
    run_listing::{RunFilter, RunPage},
    run_retry::RetryScope,
    runners::{Runner, RunnerPage},
    runs::TriggerRequest,
    webhooks::{Decoded, Delivery, Observation},
};
use serde::Serialize;

use shapes::{Build, File, Machine, Project};

const SLOT: &str = "token";

struct Polled;

fn get(path: impl Into<novacron_cicd_sdk::http::Target>) -> Request {
    Request::get(path).credential(SLOT)
}

impl Plugin for Polled {
    fn check() -> Result<CheckReport> {
        get("/projects").send()?.ok()?;
        Ok(CheckReport::default())
    }
}

#[derive(Serialize)]
struct Start<'a> {
    correlation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

impl Runs for Polled {
    fn trigger(operation: Operation, request: TriggerRequest) -> Result<Ticket> {
        let start = Start { correlation: &request.correlation, scope: None };
        let sent = Request::post(["projects", &request.pipeline, "builds"]).credential(SLOT);
        let build: Build = sent.header("idempotency-key", operation.id).json(&start).fetch()?;
        Ok(Ticket::Run(build.into()))
    }

    fn resolve_ticket(_: String, _: String) -> Result<Ticket> {
        Err(Error::unsupported("tickets"))
    }

    fn get(run: RunRef) -> Result<Run> {
        Ok(get(["builds", &run.run]).fetch::<Build>()?.into())
    }
}

impl RunSearch for Polled {
    fn find_by_correlation(pipeline: String, correlation: String, _: Timestamp) -> Result<RunMatch> {
        let found: Vec<Build> = get(["projects", &pipeline, "builds"]).query("correlation", correlation).fetch()?;
        Ok(match <[Build; 1]>::try_from(found) {
            Ok([build]) => RunMatch::One(build.into()),
            Err(none) if none.is_empty() => RunMatch::None,
            Err(many) => RunMatch::Many(many.into_iter().map(|build| Run::from(build).identity).collect()),
        })
    }
}

impl RunListing for Polled {
    fn list_runs(filter: RunFilter, _: PageRequest) -> Result<RunPage> {
        let pipeline = filter.pipeline.ok_or_else(|| Error::unsupported("run-listing of all pipelines"))?;
        let found: Vec<Build> = get(["projects", &pipeline, "builds"]).fetch()?;
        let listed = |build| Run { graph: None, ..Run::from(build) };
        Ok(RunPage { items: found.into_iter().map(listed).collect(), next: None })
    }
}

impl RunRetry for Polled {
    fn retry(operation: Operation, run: RunRef, scope: RetryScope, correlation: String) -> Result<Ticket> {
        let scope = match &scope {
            RetryScope::All => "all",
            RetryScope::Failed => "failed",
            RetryScope::Job(job) => job,
        };
        let start = Start { correlation: &correlation, scope: Some(scope) };
        let sent = Request::post(["builds", &run.run, "again"]).credential(SLOT);
        let build: Build = sent.header("idempotency-key", operation.id).json(&start).fetch()?;
        Ok(Ticket::Run(build.into()))
    }
}

impl Logs for Polled {
    fn read(request: LogRequest) -> Result<LogAnswer> {
        let job = request.job.unwrap_or_default();
        let build: Build = get(["builds", &request.run.run]).fetch()?;
        let skip = request.cursor.as_deref().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        Ok(LogAnswer::Plan(LogPlan {
            request: get(["builds", &request.run.run, "log", &job]).build()?,
            skip,
            filter: "strip-cr".into(),
            next: "{total}".into(),
            availability: if build.is_over() { Availability::Complete } else { Availability::Growing },
            more: Vec::new(),
        }))
    }
}

impl Pipelines for Polled {
    fn list_pipelines(_: PageRequest) -> Result<PipelinePage> {
        let found: Vec<Project> = get("/projects").fetch()?;
        Ok(PipelinePage { items: found.into_iter().map(Into::into).collect(), next: None })
    }

    fn get(id: String) -> Result<Pipeline> {
        Ok(get(["projects", &id]).fetch::<Project>()?.into())
    }

    fn parameters(_: String, _: Option<String>) -> Result<Vec<Parameter>> {
        Ok(Vec::new())
    }
}

impl Artifacts for Polled {
    fn list_artifacts(run: Option<RunRef>, _: PageRequest) -> Result<ArtifactPage> {
        let run = run.ok_or_else(|| Error::unsupported("artifacts of no run"))?;
        let found: Vec<File> = get(["builds", &run.run, "files"]).fetch()?;
        Ok(ArtifactPage { items: found.into_iter().map(Into::into).collect(), next: None })
    }

    /// The bytes are at a place of their own that wants no credential.
    fn plan_download(run: Option<RunRef>, artifact: String, _: Option<String>) -> Result<DownloadPlan> {
        let run = run.ok_or_else(|| Error::unsupported("artifacts of no run"))?;
        let file: File = get(["builds", &run.run, "files", &artifact]).fetch()?;
        Ok(DownloadPlan {
            request: Request::get(["bytes", &artifact]).build()?,
            size: file.size,
            digests: file.digests(),
            encoding: "raw".into(),
            expires: None,
            ranges: false,
            more: Vec::new(),
        })
    }
}

impl Runners for Polled {
    fn list_runners(page: PageRequest) -> Result<RunnerPage> {
        let found: Vec<Machine> = get("/machines").fetch()?;
        let first: usize = page.cursor.as_deref().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let next = first + page.limit as usize;
        let more = (found.len() > next).then(|| next.to_string());
        let items = found.into_iter().skip(first).take(page.limit as usize).map(Into::into).collect();
        Ok(RunnerPage { items, next: more })
    }

    fn get(runner: String) -> Result<Runner> {
        Ok(get(["machines", &runner]).fetch::<Machine>()?.into())
    }
}

impl RunnerDrain for Polled {
    fn set_draining(operation: Operation, runner: String, draining: bool, _: Option<String>) -> Result<()> {
        let change = shapes::Drain { draining };
        let sent = Request::put(["machines", &runner, "draining"]).credential(SLOT);
        sent.header("idempotency-key", operation.id).json(&change).send()?.ok()?;
        Ok(())
    }
}

/// What the platform sends.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Message {
    /// A build as it says that it is.
    Build(Build),
    /// Something became of it.
    Changed { project: String, build: String },
    /// What a provider understands that is set to it.
    Later { project: String, build: String },
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Settings {
    understands_later: bool,
}

impl Webhooks for Polled {
    fn decode(delivery: Delivery) -> Result<Decoded> {
        let unknown = |error: serde_json::Error| Error::invalid_input("body", error.to_string());
        let changed = |pipeline, run| Observation::Changed(RunRef { pipeline, run, attempt: None });
        let observation = match serde_json::from_slice(&delivery.body).map_err(unknown)? {
            Message::Build(build) => Observation::Run(build.into()),
            Message::Changed { project, build } => changed(project, build),
            Message::Later { project, build } if context::settings::<Settings>()?.understands_later => {
                changed(project, build)
            }
            Message::Later { .. } => return Err(Error::invalid_input("body", "a message of a later platform")),
        };
        Ok(Decoded { observations: vec![observation], ignored: None })
    }
}

novacron_cicd_sdk::export!(
    Polled with plugin, runs, run_search, run_listing, run_retry, logs, pipelines, artifacts, runners, runner_drain,
    webhooks
);
