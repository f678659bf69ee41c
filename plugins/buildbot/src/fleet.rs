//! Builders, workers, artifacts, and what HttpStatusPush sends.

use novacron_cicd_sdk::artifacts::{Artifact, ArtifactPage, DownloadPlan};
use novacron_cicd_sdk::types::{Error, ErrorKind, Operation, PageRequest, Parameter, Pipeline, RunRef};
use novacron_cicd_sdk::webhooks::{Decoded, Delivery, Observation};
use novacron_cicd_sdk::{Artifacts, Pipelines, Result, RunnerDrain, Runners, Webhooks, context, http::Request};
use novacron_cicd_sdk::{pipelines::PipelinePage, runners::Runner, runners::RunnerPage};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::rows::{self, Build, Builder, Step, Worker};
use crate::{Buildbot, answer, call, message, scheduler, settings::Settings};

/// A page, and where it goes on: behind its last id, so that what is made or taken away meanwhile moves nothing.
fn listed<T: DeserializeOwned>(
    list: &str,
    key: &str,
    page: &PageRequest,
    id: fn(&T) -> u64,
) -> Result<(Vec<T>, Option<String>)> {
    let asked = message::read(&[list]).query("order", key).query("limit", page.limit);
    let rows: Vec<T> = rows::list(&call::send(asked.query_maybe(&format!("{key}__gt"), page.cursor.as_ref()))?)?;
    let next = rows.last().filter(|_| rows.len() == page.limit as usize).map(|last| id(last).to_string());
    Ok((rows, next))
}

impl Pipelines for Buildbot {
    fn list_pipelines(asked: PageRequest) -> Result<PipelinePage> {
        let (builders, next) = listed("builders", "builderid", &asked, |builder: &Builder| builder.builderid)?;
        let base = context::base_url();
        Ok(PipelinePage { items: builders.iter().map(|builder| answer::pipeline(builder, &base)).collect(), next })
    }

    fn get(pipeline: String) -> Result<Pipeline> {
        Ok(answer::pipeline(&call::builder(&pipeline)?, &context::base_url()))
    }

    fn parameters(pipeline: String, _reference: Option<String>) -> Result<Vec<Parameter>> {
        match scheduler(call::builder(&pipeline)?.builderid) {
            // It can be watched all the same.
            Err(Error { kind: ErrorKind::Unsupported(_), .. }) => Ok(Vec::new()),
            scheduler => Ok(scheduler?.parameters()),
        }
    }
}

fn running() -> Result<Vec<Build>> {
    let builds = message::read(&["builds"]).query("complete", false).query("property", "buildername");
    rows::list(&call::send(builds)?)
}

fn worker(id: &str) -> Result<Worker> {
    rows::one(&call::send(message::read(&["workers", id]))?, "workers")
}

impl Runners for Buildbot {
    fn list_runners(asked: PageRequest) -> Result<RunnerPage> {
        let (workers, next) = listed("workers", "workerid", &asked, |worker: &Worker| worker.workerid)?;
        let builds = running()?;
        Ok(RunnerPage { items: workers.iter().map(|worker| answer::runner(worker, &builds)).collect(), next })
    }

    fn get(runner: String) -> Result<Runner> {
        Ok(answer::runner(&worker(&runner)?, &running()?))
    }
}

impl RunnerDrain for Buildbot {
    /// By a pause, which can be taken back; Buildbot's graceful stop ends the worker itself.
    fn set_draining(_operation: Operation, runner: String, draining: bool, message: Option<String>) -> Result<()> {
        let worker = worker(&runner)?;
        if worker.paused != draining {
            let method = if draining { "pause" } else { "unpause" };
            let params = json!({ "reason": message.unwrap_or_else(|| "by novacron".into()) });
            call::control(message::control("workers", &worker.workerid.to_string(), method, &params))?;
        }
        Ok(())
    }
}

/// The artifacts of a run, each with its URL.
fn links(run: Option<RunRef>) -> Result<Vec<(Artifact, String)>> {
    let run =
        run.ok_or_else(|| Error::unsupported("artifacts").message("Buildbot has no artifacts beside those of runs"))?;
    let prefixes = context::settings::<Settings>()?.artifact_urls;
    let (_, builds) = call::request(&run.run)?;
    let steps = call::steps(&builds)?;
    let links = |(build, steps): (&Build, &Vec<Step>)| answer::artifacts(build.buildid, steps, &prefixes);
    Ok(builds.iter().zip(&steps).flat_map(links).collect())
}

impl Artifacts for Buildbot {
    fn list_artifacts(run: Option<RunRef>, asked: PageRequest) -> Result<ArtifactPage> {
        let from: usize = asked.cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or_default();
        let links = links(run)?;
        let end = from.saturating_add(asked.limit as usize);
        let next = (links.len() > end).then(|| end.to_string());
        let items = links.into_iter().skip(from).take(asked.limit as usize);
        Ok(ArtifactPage { items: items.map(|(artifact, _)| artifact).collect(), next })
    }

    fn plan_download(run: Option<RunRef>, artifact: String, path: Option<String>) -> Result<DownloadPlan> {
        if path.is_some() {
            return Err(Error::unsupported("artifacts.path").message("a link leads to a whole file"));
        }
        let found = links(run)?.into_iter().find(|(found, _)| found.id == artifact);
        let (_, url) = found.ok_or_else(|| Error::not_found(format!("no step has a link {artifact} any more")))?;
        Ok(DownloadPlan::raw(Request::get(url).build()?))
    }
}

impl Webhooks for Buildbot {
    /// HttpStatusPush sends a build with what belongs to it. It says of the request that it is open even when the build has
    /// ended, so it is a reason to look and nothing more.
    fn decode(delivery: Delivery) -> Result<Decoded> {
        let said: Value = serde_json::from_slice(&delivery.body)
            .map_err(|error| Error::invalid_input("body", format!("this is no JSON: {error}")))?;
        let (Some(run), Some(name)) = (said["buildrequestid"].as_u64(), said["builder"]["name"].as_str()) else {
            return Ok(Decoded { observations: Vec::new(), ignored: Some("it is about no build".into()) });
        };
        let run = RunRef { pipeline: name.into(), run: run.to_string(), attempt: None };
        Ok(Decoded { observations: vec![Observation::Changed(run)], ignored: None })
    }
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
