//! What comes back: Buildbot's rows in our words. Pure. What is not known here is shown as it came and breaks nothing.

use novacron_cicd_sdk::types::{self, Error, Graph, Job, Pipeline, Run, RunRef, State, Status, Times};
use novacron_cicd_sdk::{artifacts::Artifact, attribute, http::Response, runners::Runner};
use serde_json::Value;

use crate::form;
use crate::rows::{Build, BuildRequest, Builder, Buildset, Link, Properties, Step, Worker, text};

/// Where a property of a forced build comes from.
const FORM: &str = "Force Build Form";
const SKIPPED: i64 = 3;
const RETRY: i64 = 5;

/// One of `buildbot/process/results.py`, with what was said about it.
fn ended(results: Option<i64>, said: &str) -> Status {
    let number = results.map_or_else(|| "no results".to_owned(), |number| format!("results {number}"));
    let (state, reason, word) = match results {
        Some(0) => (State::Succeeded, None, "success"),
        Some(1) => (State::Succeeded, Some("warnings"), "warnings"),
        Some(2) => (State::Failed, None, "failure"),
        Some(SKIPPED) => (State::Skipped, None, "skipped"),
        Some(4) => (State::Failed, Some("exception"), "exception"),
        Some(RETRY) => (State::Failed, Some("retry"), "retry"),
        Some(6) => (State::Canceled, None, "cancelled"),
        _ => (State::Failed, Some("unknown"), number.as_str()),
    };
    let words = if said.is_empty() { word.into() } else { format!("{word}: {said}") };
    let conditions = reason.filter(|reason| *reason == "warnings").map(str::to_owned).into_iter().collect();
    Status { reason: reason.map(str::to_owned), conditions, ..Status::of(state, words) }
}

/// Of a step or a build.
fn progress(complete: bool, results: Option<i64>, started: Option<u64>, said: &str) -> Status {
    let open = if started.is_some() { State::Running } else { State::Pending };
    if complete { ended(results, said) } else { Status::of(open, said) }
}

/// Where a request stands. Only the request itself says that it has ended: after a build that is to be retried comes
/// another one.
pub fn status(request: &BuildRequest, builds: &[Build]) -> Status {
    match (request.complete, builds.last()) {
        (true, None) if request.results == Some(SKIPPED) => Status::of(State::Canceled, "skipped").reason("collapsed"),
        (true, last) => ended(request.results, last.map_or("", |build| &build.state_string)),
        (false, None) => Status::of(State::Pending, "queued").reason("queued"),
        (false, Some(build)) if build.complete && build.results == Some(RETRY) => {
            Status::of(State::Pending, &build.state_string).reason("retry")
        }
        (false, Some(build)) => Status::of(State::Running, &build.state_string),
    }
}

fn times(created: Option<u64>, started: Option<u64>, finished: Option<u64>) -> Times {
    let millis = |at: Option<u64>| at.map(|seconds| seconds.saturating_mul(1000));
    Times { created: millis(created), started: millis(started), finished: millis(finished), updated: None }
}

fn step(step: &Step) -> types::Step {
    types::Step {
        number: step.number,
        name: step.name.clone(),
        status: progress(step.complete, step.results, step.started_at, &step.state_string),
        times: times(None, step.started_at, step.complete_at),
        more: step.urls.iter().take(1).map(|link| attribute("novacron.url", &link.url)).collect(),
    }
}

fn job(build: &Build, steps: &[Step], builder: &str, base: &str) -> Job {
    let status = progress(build.complete, build.results, build.started_at, &build.state_string);
    Job {
        times: times(None, build.started_at, build.complete_at),
        runner: text(build.properties.as_ref(), "workername").map(str::to_owned),
        url: Some(page(base, &format!("builders/{}/builds/{}", build.builderid, build.number))),
        steps: steps.iter().map(step).collect(),
        ..Job::new(build.buildid.to_string(), builder, status)
    }
}

/// Buildbot's pages are behind the fragment.
fn page(base: &str, rest: &str) -> String {
    format!("{}/#/{rest}", base.trim_end_matches('/'))
}

/// What started it. The schedulers' own sentences say their class (`buildbot/schedulers/`), where nobody changed them.
fn origin(set: &Buildset, properties: Option<&Properties>, token: Option<&str>) -> &'static str {
    let sentence = set.reason.as_deref().unwrap_or_default();
    let class = sentence.strip_prefix("The ").and_then(|rest| rest.split_once(" scheduler named "));
    match class.map_or("", |(class, _)| class) {
        _ if set.rebuilt_buildid.is_some() => "retry",
        _ if set.parent_buildid.is_some() => "upstream",
        _ if token.is_some() => "api",
        _ if properties.into_iter().flat_map(|all| all.values()).any(|(_, source)| source == FORM) => "manual",
        "Nightly" | "Periodic" | "NightlyTriggerable" => "schedule",
        "SingleBranchScheduler" | "AnyBranchScheduler" | "Scheduler" => "push",
        "Triggerable" => "upstream",
        _ => "unknown",
    }
}

/// The token that a request was forced with.
pub fn token(request: &BuildRequest) -> Option<&str> {
    text(request.properties.as_ref(), "reason").and_then(form::correlation)
}

/// A request and what became of it, without its graph.
pub fn run(pipeline: &str, request: &BuildRequest, set: &Buildset, builds: &[Build], base: &str) -> Run {
    let properties = request.properties.as_ref();
    // What is built again has the properties of the first, its token too; it is no run of that token.
    let token = token(request).filter(|_| set.rebuilt_buildid.is_none());
    let stamp = set.sourcestamps.first();
    let said = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    let last = builds.last();
    let revision = last.and_then(|build| text(build.properties.as_ref(), "got_revision")).map(str::to_owned);
    let url = match last {
        Some(build) => page(base, &format!("builders/{}/builds/{}", build.builderid, build.number)),
        None => page(base, &format!("buildrequests/{}", request.buildrequestid)),
    };
    let forced = properties.into_iter().flatten().filter(|(_, (_, source))| source == FORM);
    let asked = forced.filter(|(name, _)| !matches!(&***name, "reason" | "owner"));
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    // Who made the changes that were built.
    let owner = |build: &Build| Some(build.properties.as_ref()?.get("owners")?.0.get(0)?.as_str()?.to_owned());
    let identity = RunRef { pipeline: pipeline.into(), run: request.buildrequestid.to_string(), attempt: None };
    Run {
        number: last.map(|build| build.number.to_string()),
        times: times(request.submitted_at, builds.first().and_then(|build| build.started_at), request.complete_at),
        reference: said(stamp.and_then(|stamp| stamp.branch.as_ref())),
        commit: revision.or_else(|| said(stamp.and_then(|stamp| stamp.revision.as_ref()))),
        actor: text(properties, "owner").map(str::to_owned).or_else(|| last.and_then(owner)),
        origin: origin(set, properties, token).into(),
        url: Some(url),
        correlation: token.map(str::to_owned),
        parameters: asked.map(|(name, (value, _))| attribute(name, shown(value))).collect(),
        more: said(set.reason.as_ref()).map(|reason| attribute("x-reason", reason)).into_iter().collect(),
        ..Run::new(identity, status(request, builds))
    }
}

/// One job for each build of the request; more than one where a worker was lost. These are all, and none waits.
pub fn graph(builds: &[Build], steps: &[Vec<Step>], builder: &str, base: &str) -> Graph {
    let jobs = builds.iter().zip(steps).map(|(build, steps)| job(build, steps, builder, base)).collect();
    Graph { jobs, edges: "exact".into(), complete: true }
}

/// A builder; one that no master has any more is disabled.
pub fn pipeline(builder: &Builder, base: &str) -> Pipeline {
    Pipeline {
        url: Some(page(base, &format!("builders/{}", builder.builderid))),
        enabled: !builder.masterids.is_empty(),
        more: builder.description.iter().map(|text| attribute("x-description", text)).collect(),
        ..Pipeline::new(&builder.name, &builder.name)
    }
}

/// A worker, with those of the running builds that are its own.
pub fn runner(worker: &Worker, running: &[Build]) -> Runner {
    let current: Vec<_> = running
        .iter()
        .filter(|build| build.workerid == Some(worker.workerid))
        .map(|build| RunRef {
            pipeline: text(build.properties.as_ref(), "buildername").unwrap_or_default().into(),
            run: build.buildrequestid.to_string(),
            attempt: None,
        })
        .collect();
    let state = match (worker.connected_to.is_empty(), worker.workerinfo.is_empty()) {
        (false, _) => "online",
        (true, false) => "offline",
        (true, true) => "never-contacted",
    };
    let version = worker.workerinfo.get("version").and_then(Value::as_str);
    let why = worker.pause_reason.as_deref();
    let more = [("x-version", version), ("x-pause-reason", why)];
    Runner {
        busy: Some(!current.is_empty()),
        draining: worker.paused || worker.graceful,
        current,
        more: more.into_iter().filter_map(|(key, value)| Some(attribute(key, value?))).collect(),
        ..Runner::new(worker.workerid.to_string(), &worker.name, state)
    }
}

/// Those links of a build's steps that are artifacts, each with its URL. Links are only ever added, so that their places
/// serve as ids.
pub fn artifacts(build: u64, steps: &[Step], prefixes: &[String]) -> Vec<(Artifact, String)> {
    let places =
        steps.iter().flat_map(|step| step.urls.iter().enumerate().map(move |(place, link)| (step, place, link)));
    let wanted = places.filter(|(.., link)| prefixes.iter().any(|prefix| link.url.starts_with(prefix)));
    let artifact = |(step, place, link): (&Step, usize, &Link)| {
        let id = format!("{build}.{}.{place}", step.number);
        (Artifact { job: Some(build.to_string()), ..Artifact::new(id, &link.name, "binary") }, link.url.clone())
    };
    wanted.map(artifact).collect()
}

/// Whether Buildbot knew nobody by the session that it was sent, if any: then it begins another one, which no answer to
/// somebody does (`getSession` in `twisted/web/server.py`).
pub fn is_for_nobody(answer: &Response) -> bool {
    answer.headers("set-cookie").any(|cookie| cookie.starts_with("TWISTED_"))
}

/// What a status that is none of 2xx means. JSON-RPC says more than the status does: which role is missing, which fields
/// of a form are wrong.
pub fn refused(answer: &Response) -> Error {
    let error = answer.error();
    let said: Value = serde_json::from_slice(answer.bytes()).unwrap_or_default();
    match (answer.status(), &said["error"]["message"]) {
        (400, Value::Object(fields)) if !fields.is_empty() => {
            let all: Vec<_> =
                fields.iter().map(|(name, why)| format!("{name}: {}", why.as_str().unwrap_or("?"))).collect();
            let (name, why) = all[0].split_once(": ").unwrap_or_default();
            Error::invalid_input(name, why).message(all.join("; "))
        }
        (403, Value::String(why)) => {
            let role = why.split('\'').nth(1).map(|role| format!("role {role}"));
            Error::forbidden(why, role)
                .hint("give the account in slot session that role, by www['authz'] in master.cfg")
        }
        // What follows are Python objects.
        (404, _) => Error::not_found(error.message.split(" while getting").next().unwrap_or_default()),
        _ => error,
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
