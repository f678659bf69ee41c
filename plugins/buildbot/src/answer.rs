//! What comes back: Buildbot's rows in our words.
//!
//! Pure. A number or word that is not known here is shown as it came and breaks nothing.

use novacron_cicd_sdk::{
    attribute,
    http::Response,
    runners::Runner,
    types::{self, Error, Graph, Job, Pipeline, Run, RunRef, State, Status, Times},
};
use serde_json::Value;

use crate::{
    form,
    rows::{Build, BuildRequest, Builder, Buildset, Link, Properties, Step, Worker, text},
};

const SECOND: u64 = 1000;
/// Where a property of a forced build comes from.
const FORM: &str = "Force Build Form";
const SKIPPED: i64 = 3;
const RETRY: i64 = 5;

/// One of `buildbot/process/results.py`: the state, the reason and the word.
fn result(results: Option<i64>) -> (State, Option<&'static str>, String) {
    let (state, reason, word) = match results {
        Some(0) => (State::Succeeded, None, "success"),
        Some(1) => (State::Succeeded, Some("warnings"), "warnings"),
        Some(2) => (State::Failed, None, "failure"),
        Some(SKIPPED) => (State::Skipped, None, "skipped"),
        Some(4) => (State::Failed, Some("exception"), "exception"),
        Some(RETRY) => (State::Failed, Some("retry"), "retry"),
        Some(6) => (State::Canceled, None, "cancelled"),
        other => {
            let word = other.map_or_else(|| "no results".to_owned(), |number| format!("results {number}"));
            return (State::Failed, Some("unknown"), word);
        }
    };
    (state, reason, word.into())
}

fn ended(results: Option<i64>, said: &str) -> Status {
    let (state, reason, word) = result(results);
    let words = if said.is_empty() { word } else { format!("{word}: {said}") };
    let status = Status { reason: reason.map(str::to_owned), ..Status::of(state, words) };
    if reason == Some("warnings") { status.condition("warnings") } else { status }
}

/// Where a request stands. Only the request itself says that it has ended: after a build that is to be retried comes
/// another one.
#[must_use]
pub fn status(request: &BuildRequest, builds: &[Build]) -> Status {
    match (request.complete, builds.last()) {
        (true, None) if request.results == Some(SKIPPED) => {
            Status::of(State::Canceled, "skipped: collapsed into a newer request").reason("collapsed")
        }
        (true, last) => ended(request.results, last.map_or("", |build| &build.state_string)),
        (false, None) => {
            Status::of(State::Pending, if request.claimed { "claimed" } else { "queued" }).reason("queued")
        }
        (false, Some(build)) if build.complete && build.results == Some(RETRY) => {
            Status::of(State::Pending, &build.state_string).reason("retry")
        }
        (false, Some(build)) => Status::of(State::Running, &build.state_string),
    }
}

fn times(created: Option<u64>, started: Option<u64>, finished: Option<u64>) -> Times {
    let millis = |at: Option<u64>| at.map(|seconds| seconds.saturating_mul(SECOND));
    Times { created: millis(created), started: millis(started), finished: millis(finished), updated: None }
}

/// A step, which is shown with what it says of itself.
fn step(step: &Step) -> types::Step {
    let status = match (step.complete, step.started_at) {
        (true, _) => ended(step.results, &step.state_string),
        (false, None) => Status::of(State::Pending, &step.state_string),
        (false, Some(_)) => Status::of(State::Running, &step.state_string),
    };
    types::Step {
        number: step.number,
        name: step.name.clone(),
        status,
        times: times(None, step.started_at, step.complete_at),
        more: step.urls.iter().take(1).map(|link| attribute("novacron.url", &link.url)).collect(),
    }
}

/// A build as a job.
fn job(build: &Build, steps: &[Step], builder: &str, base: &str) -> Job {
    let status = match build.complete {
        true => ended(build.results, &build.state_string),
        false => Status::of(State::Running, &build.state_string),
    };
    Job {
        id: build.buildid.to_string(),
        name: builder.into(),
        stage: None,
        status,
        times: times(None, build.started_at, build.complete_at),
        needs: Vec::new(),
        parent: None,
        runner: build.property("workername").map(str::to_owned),
        url: Some(page(base, &format!("builders/{}/builds/{}", build.builderid, build.number))),
        steps: steps.iter().map(step).collect(),
        more: Vec::new(),
    }
}

/// Buildbot's pages are behind the fragment.
fn page(base: &str, rest: &str) -> String {
    format!("{}/#/{rest}", base.trim_end_matches('/'))
}

/// What started it. The schedulers' own sentences say their class (`buildbot/schedulers/`), where nobody changed them.
fn origin(set: &Buildset, properties: &Properties, correlation: Option<&str>) -> &'static str {
    let forced = properties.values().any(|(_, source)| source == FORM);
    if set.rebuilt_buildid.is_some() {
        return "retry";
    }
    if set.parent_buildid.is_some() {
        return "upstream";
    }
    if forced {
        return if correlation.is_some() { "api" } else { "manual" };
    }
    let sentence = set.reason.as_deref().unwrap_or_default();
    let class = sentence.strip_prefix("The ").and_then(|rest| rest.split_once(" scheduler named "));
    match class.map(|(class, _)| class) {
        Some("Nightly" | "Periodic" | "NightlyTriggerable") => "schedule",
        Some("SingleBranchScheduler" | "AnyBranchScheduler" | "Scheduler") => "push",
        Some("Triggerable") => "upstream",
        _ => "unknown",
    }
}

/// A request and what became of it, without its graph.
#[must_use]
pub fn run(pipeline: &str, request: &BuildRequest, set: &Buildset, builds: &[Build], base: &str) -> Run {
    let none = Properties::new();
    let properties = request.properties.as_ref().unwrap_or(&none);
    // What is built again has the properties of the first, its token too; it is no run of that token.
    let token = text(properties, "reason").filter(|_| set.rebuilt_buildid.is_none()).and_then(form::correlation);
    let stamp = set.sourcestamps.first();
    let said = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    let last = builds.last();
    let url = match last {
        Some(build) => page(base, &format!("builders/{}/builds/{}", build.builderid, build.number)),
        None => page(base, &format!("buildrequests/{}", request.buildrequestid)),
    };
    let asked =
        properties.iter().filter(|(name, (_, source))| source == FORM && !matches!(&***name, "reason" | "owner"));
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let identity = RunRef { pipeline: pipeline.into(), run: request.buildrequestid.to_string(), attempt: None };
    Run {
        number: last.map(|build| build.number.to_string()),
        times: times(request.submitted_at, builds.first().and_then(|build| build.started_at), request.complete_at),
        reference: said(stamp.and_then(|stamp| stamp.branch.as_ref())),
        commit: last
            .and_then(|build| build.property("got_revision"))
            .map(str::to_owned)
            .or_else(|| said(stamp.and_then(|stamp| stamp.revision.as_ref()))),
        actor: text(properties, "owner").map(str::to_owned).or_else(|| owner(last?)),
        origin: origin(set, properties, token).into(),
        url: Some(url),
        correlation: token.map(str::to_owned),
        parameters: asked.map(|(name, (value, _))| attribute(name, shown(value))).collect(),
        more: said(set.reason.as_ref()).map(|reason| attribute("x-reason", reason)).into_iter().collect(),
        ..Run::new(identity, status(request, builds))
    }
}

/// Who made the changes that were built.
fn owner(build: &Build) -> Option<String> {
    let (owners, _) = build.properties.as_ref()?.get("owners")?;
    Some(owners.get(0)?.as_str()?.to_owned())
}

/// One job for each build of the request; more than one where a worker was lost. Nothing waits for anything, and these
/// are all.
#[must_use]
pub fn graph(builds: &[Build], steps: &[Vec<Step>], builder: &str, base: &str) -> Graph {
    let jobs = builds.iter().zip(steps).map(|(build, steps)| job(build, steps, builder, base)).collect();
    Graph { jobs, edges: "exact".into(), complete: true }
}

/// A builder; one that no master has any more is disabled.
#[must_use]
pub fn pipeline(builder: &Builder, base: &str) -> Pipeline {
    let mut more = Vec::new();
    if let Some(description) = builder.description.as_ref().filter(|text| !text.is_empty()) {
        more.push(attribute("x-description", description));
    }
    if !builder.tags.is_empty() {
        more.push(attribute("x-tags", builder.tags.join(",")));
    }
    Pipeline {
        id: builder.name.clone(),
        name: builder.name.clone(),
        repository: None,
        reference: None,
        url: Some(page(base, &format!("builders/{}", builder.builderid))),
        enabled: !builder.masterids.is_empty(),
        revision: None,
        more,
    }
}

/// A worker, with those of the running builds that are its own.
#[must_use]
pub fn runner(worker: &Worker, running: &[Build]) -> Runner {
    let current: Vec<_> = running
        .iter()
        .filter(|build| build.workerid == Some(worker.workerid))
        .map(|build| RunRef {
            pipeline: build.property("buildername").unwrap_or_default().into(),
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
        id: worker.workerid.to_string(),
        name: worker.name.clone(),
        state: state.into(),
        busy: Some(!current.is_empty()),
        draining: worker.paused || worker.graceful,
        labels: Vec::new(),
        current,
        more: more.into_iter().filter_map(|(key, value)| Some(attribute(key, value?))).collect(),
    }
}

/// The links of steps that are artifacts: build, id and link. Links are only ever added, so that their places stay.
#[must_use]
pub fn artifacts(build: &str, steps: Vec<Step>, prefixes: &[String]) -> Vec<(String, String, Link)> {
    let links = steps.into_iter().flat_map(|step| {
        let number = step.number;
        step.urls.into_iter().enumerate().map(move |(place, link)| (format!("{build}.{number}.{place}"), link))
    });
    let wanted = |link: &Link| prefixes.iter().any(|prefix| link.url.starts_with(prefix));
    links.filter(|(_, link)| wanted(link)).map(|(id, link)| (build.to_owned(), id, link)).collect()
}

/// By the end of its name.
#[must_use]
pub fn artifact_kind(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    match () {
        () if ends(&[".zip", ".tar", ".tgz", ".gz", ".xz", ".zst", ".bz2", ".7z"]) => "archive",
        () if ends(&[".deb", ".rpm", ".whl", ".jar", ".nupkg", ".apk", ".msi"]) => "package",
        () => "binary",
    }
}

/// What a status that is none of 2xx means. JSON-RPC says more than the status does: which role is missing, which fields
/// of a form are wrong.
#[must_use]
pub fn refused(answer: &Response) -> Error {
    let error = answer.error();
    let said: Value = serde_json::from_slice(answer.bytes()).unwrap_or_default();
    match (answer.status(), &said["error"]["message"]) {
        (400, Value::Object(fields)) => {
            let mut all = fields.iter().map(|(field, why)| (field, why.as_str().unwrap_or_default()));
            let Some((field, why)) = all.next() else { return error };
            all.fold(Error::invalid_input(field, why), |error, (field, why)| {
                let message = format!("{}; {field}: {why}", error.message);
                error.message(message)
            })
        }
        (403, Value::String(why)) => {
            let role = why.split('\'').nth(1).map(|role| format!("role {role}"));
            let who = "the account in slot `session`";
            Error::forbidden(why, role).hint(format!("give {who} the role in www['authz'] of master.cfg"))
        }
        _ => error,
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
