//! Buildbot 4: a builder is a pipeline, a build request is a run, each build of it a job (`docs/building-buildbot.md`).
//!
//! Must be absent here: what a request looks like ([`message`], [`form`]) and what an answer means ([`answer`], [`log`]).

pub mod answer;
mod call;
mod fleet;
pub mod form;
pub mod log;
pub mod message;
mod reading;
pub mod rows;
pub mod settings;

use novacron_cicd_sdk::runs::TriggerRequest;
use novacron_cicd_sdk::types::{Error, ErrorKind, Operation, Run, RunRef, State, Status, Ticket};
use novacron_cicd_sdk::{Credentials, Plugin, Result, RunCancel, RunRetry, Runs, context, credentials::Login};
use novacron_cicd_sdk::{http::Response, plugin::CheckReport, run_cancel::CancelTarget, run_retry::RetryScope};
use serde_json::{Value, json};

use {form::ForceScheduler, rows::Buildset, settings::Settings};

/// The provider.
#[derive(Debug)]
pub struct Buildbot;

impl Credentials for Buildbot {
    fn describe_login(_slot: String) -> Result<Login> {
        message::login(context::settings::<Settings>()?.session_hours)
    }
}

impl Plugin for Buildbot {
    fn check() -> Result<CheckReport> {
        let config = call::config()?;
        let word = |value: &Value| value.as_str().map(str::to_owned);
        let account = word(&config["user"]["username"]);
        let mut versions = config["versions"].as_array().into_iter().flatten();
        let platform_version = versions.find(|pair| pair[0] == "Buildbot").and_then(|pair| word(&pair[1]));
        let missing_permissions = match call::send(message::may_control()) {
            Err(Error { kind: ErrorKind::Forbidden(role), message, .. }) => vec![role.unwrap_or(message)],
            other => other.map(|_| Vec::new())?,
        };
        let reads = ["run-search", "run-listing", "run-changes", "logs", "pipelines", "runners"].iter();
        let controls = ["runs.trigger", "run-cancel", "run-retry", "runner-drain"].iter();
        let features = reads.chain(controls.filter(|_| missing_permissions.is_empty()));
        let links = context::settings::<Settings>()?.artifact_urls;
        Ok(CheckReport {
            features: features
                .chain(["artifacts"].iter().filter(|_| !links.is_empty()))
                .map(|&word| word.to_owned())
                .collect(),
            warnings: Vec::from_iter(account.is_none().then(|| "slot session is empty: nobody is logged in".into())),
            account,
            platform_version,
            missing_permissions,
            ..CheckReport::default()
        })
    }
}

/// What was started: `[buildset, {builder: request}]`. It was taken; where it can't be read as what, it is searched for.
fn started(answer: &Response, builder: u64, pipeline: String, with: impl FnOnce(Run) -> Run) -> Ticket {
    let said: Value = answer.json().unwrap_or_default();
    let Some(run) = said["result"][1][builder.to_string()].as_u64() else { return Ticket::Unknown(None) };
    let identity = RunRef { pipeline, run: run.to_string(), attempt: None };
    Ticket::Run(with(Run::new(identity, Status::of(State::Pending, "queued").reason("queued"))))
}

fn scheduler(builder: u64) -> Result<ForceScheduler> {
    let answer = call::send(message::read(&["builders", &builder.to_string(), "forceschedulers"]))?;
    form::choose(rows::list(&answer)?, &context::settings::<Settings>()?.schedulers)
}

impl Runs for Buildbot {
    fn trigger(_operation: Operation, request: TriggerRequest) -> Result<Ticket> {
        let builder = call::builder(&request.pipeline)?;
        let scheduler = scheduler(builder.builderid)?;
        let form = scheduler.filled(&builder.name, &request)?;
        let answer = call::control(message::control("forceschedulers", &scheduler.name, "force", &form))?;
        let (origin, correlation, reference) = ("api".into(), Some(request.correlation), request.reference);
        let with = |run| Run { origin, correlation, reference, ..run };
        Ok(started(&answer, builder.builderid, request.pipeline, with))
    }

    fn resolve_ticket(_pipeline: String, _ticket: String) -> Result<Ticket> {
        Err(Error::unsupported("tickets").message("a build request is a run from the first moment"))
    }

    fn get(run: RunRef) -> Result<Run> {
        let (request, builds) = call::request(&run.run)?;
        let steps = call::steps(&builds)?;
        let set = call::send(message::read(&["buildsets", &request.buildsetid.to_string()]))?;
        let set: Buildset = rows::one(&set, "buildsets")?;
        let base = context::base_url();
        let graph = answer::graph(&builds, &steps, &run.pipeline, &base);
        Ok(Run { graph: Some(graph), ..answer::run(&run.pipeline, &request, &set, &builds, &base) })
    }
}

impl RunCancel for Buildbot {
    /// One control for what waits and for what runs.
    fn cancel(operation: Operation, target: CancelTarget) -> Result<()> {
        let CancelTarget::Run(run) = target else { return Err(Error::unsupported("tickets")) };
        // Buildbot says yes to whatever number is asked.
        let (request, _) = call::request(&run.run)?;
        if !request.complete {
            let params = json!({ "reason": format!("canceled by novacron operation {}", operation.id) });
            call::control(message::control("buildrequests", &run.run, "cancel", &params))?;
        }
        Ok(())
    }
}

impl RunRetry for Buildbot {
    /// Buildbot builds again under a reason of its own, so that the new run carries no token.
    fn retry(_operation: Operation, run: RunRef, scope: RetryScope, _correlation: String) -> Result<Ticket> {
        if scope != RetryScope::All {
            return Err(Error::unsupported("run-retry.failed").message("Buildbot builds all again, or nothing"));
        }
        let (request, builds) = call::request(&run.run)?;
        let none = || Error::conflict("this run was never built").hint("run its pipeline");
        let build = builds.last().ok_or_else(none)?;
        let answer = call::control(message::control("builds", &build.buildid.to_string(), "rebuild", &json!({})))?;
        Ok(started(&answer, request.builderid, run.pipeline, |run| Run { origin: "retry".into(), ..run }))
    }
}

novacron_cicd_sdk::export!(
    Buildbot with plugin, runs, run_search, run_listing, run_changes, run_cancel, run_retry, logs, pipelines, artifacts,
    runners, runner_drain, webhooks, credentials
);
