//! What changed in the builds of many jobs: one request for all of them.
//!
//! Jenkins can't be asked for what changed. So the newest builds of each job are read, of all jobs below the folder that they share at
//! once. Where that is more than is read of one answer, jobs are asked one by one, a part of them in each call, and it is
//! remembered for an hour. A build is news that goes on, that went on the last time, or that has ended since.

use std::collections::BTreeSet;

use novacron_cicd_sdk::{
    Result, RunChanges,
    http::{Request, send_all},
    kv,
    run_changes::Changes,
    types::{Error, RunRef, Timestamp},
};
use serde::{Deserialize, Serialize};

use crate::{
    HOUR, Jenkins,
    build::{self, Build},
    client::{self, Client},
    job::{self, Job},
    listing::MOST,
    path,
};

/// Builds of a job that are read at first. Where all of them are news, so many as Jenkins lists are.
const FEW: usize = 3;
/// Jobs that one call asks one by one; also, how many of them it asks for more builds. The host allows 64 requests.
const JOBS: usize = 20;
/// Builds that went on the last time and are not listed any more, which are read one by one.
const OPEN: usize = 20;
/// Milliseconds by which an end may be late to be seen.
const LATE: u64 = 10_000;
/// The most bytes of a position; the contract allows 4096.
const POSITION: usize = 3500;
/// The word that the whole is too much for one answer.
const NARROW: &str = "changes-one-by-one";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// What has ended after this is news; none: nothing that has ended is.
    since: Option<Timestamp>,
    /// The latest beginning or end that was seen.
    latest: Timestamp,
    /// The first job that this round has not asked.
    from: usize,
    open: Vec<(String, u64)>,
}

impl Position {
    pub(crate) fn read(text: Option<&str>) -> Result<Self> {
        let read = text.map_or(Ok(Self::default()), serde_json::from_str);
        read.map_err(|_| Error::invalid_input("position", "it is not one of this plugin's"))
    }

    fn goes_on(build: &Build) -> bool {
        build.times().finished.is_none()
    }

    /// Whether a build of a job changed since.
    pub(crate) fn is_news(&self, pipeline: &str, build: &Build) -> bool {
        let ended = build.times().finished;
        let went_on = || self.open.iter().any(|(job, number)| job == pipeline && *number == build.number);
        ended.is_none_or(|ended| self.since.is_some_and(|since| ended.saturating_add(LATE) >= since)) || went_on()
    }

    /// Notes the builds of a job as they stand now.
    pub(crate) fn note(&mut self, pipeline: &str, builds: &[Build]) {
        for build in builds {
            let times = build.times();
            // What ended in the first jobs while the others were asked is news of the next round.
            if self.from == 0 || self.since.is_none() {
                self.latest = self.latest.max(times.finished.or(times.started).unwrap_or_default());
            }
            if Self::goes_on(build) {
                self.open.push((pipeline.to_owned(), build.number));
            }
        }
    }

    /// All jobs were asked. At first even what ended last is history.
    pub(crate) fn round_is_over(&mut self) {
        let first = if self.latest == 0 { 0 } else { self.latest + LATE + 1 };
        self.since = Some(self.since.map_or(first, |since| since.max(self.latest)));
        self.from = 0;
    }

    pub(crate) fn write(mut self) -> Result<String> {
        loop {
            let text = serde_json::to_string(&self).map_err(|error| Error::internal(error.to_string()))?;
            if text.len() <= POSITION || self.open.is_empty() {
                return Ok(text);
            }
            // Whoever follows that build reads it anyway.
            self.open.remove(0);
        }
    }
}

/// What a folder shows of the jobs in it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Held {
    name: String,
    builds: Vec<Build>,
    jobs: Vec<Held>,
}

impl Held {
    /// The builds of the job of that name below it; none: it is not there.
    pub(crate) fn builds(&self, name: &str) -> &[Build] {
        let mut at = Some(self);
        for part in name.split('/') {
            at = at.and_then(|folder| folder.jobs.iter().find(|held| held.name == part));
        }
        at.map_or(&[], |job| &job.builds)
    }
}

/// The folder that all are in; empty is the controller itself.
pub(crate) fn shared<'a>(pipelines: &'a [String]) -> &'a str {
    let folder = |name: &'a str| name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let holds =
        |above: &str, below: &str| above.is_empty() || below == above || below.starts_with(&format!("{above}/"));
    let mut found = pipelines.first().map_or("", |name| folder(name));
    for name in pipelines {
        while !holds(found, folder(name)) {
            found = folder(found);
        }
    }
    found
}

fn below<'a>(above: &str, name: &'a str) -> &'a str {
    name.strip_prefix(above).map_or(name, |rest| rest.trim_start_matches('/'))
}

/// Asks for the newest builds of all jobs so many levels below a folder.
pub(crate) fn tree(levels: usize) -> String {
    let job = format!("name,builds[{}]{{0,{FEW}}}", build::TREE);
    (0..levels).fold(String::new(), |inner, _| {
        let inner = if inner.is_empty() { inner } else { format!(",{inner}") };
        format!("jobs[{job}{inner}]")
    })
}

/// The newest builds of all jobs, in their order; none: it is too much for one answer.
fn at_once(client: &Client, pipelines: &[String]) -> Result<Option<Vec<Vec<Build>>>> {
    let folder = shared(pipelines);
    let levels = pipelines.iter().map(|name| below(folder, name).split('/').count()).max().unwrap_or(1);
    let answer = client.tree(path::of(folder, &["api", "json"]), tree(levels)).window(0, MOST).send()?;
    // The folder is gone, and all in it.
    if answer.status() == 404 && !folder.is_empty() {
        return Ok(Some(vec![Vec::new(); pipelines.len()]));
    }
    let answer = client::taken(answer)?;
    if answer.truncated() {
        return Ok(None);
    }
    let held: Held = answer.json()?;
    Ok(Some(pipelines.iter().map(|name| held.builds(below(folder, name)).to_vec()).collect()))
}

/// The builds of some jobs, each asked by itself. One that is gone has none.
fn one_by_one(client: &Client, pipelines: &[&String], most: usize) -> Result<Vec<Vec<Build>>> {
    let ask = |name: &&String| client.tree(path::of(name, &["api", "json"]), Job::to_list(0, most));
    let requests: Vec<Request> = pipelines.iter().map(ask).collect();
    let read = |answer: Result<novacron_cicd_sdk::http::Response>| {
        let answer = answer?;
        if answer.status() == 404 { Ok(Vec::new()) } else { Ok(client::taken(answer)?.json::<Job>()?.builds) }
    };
    send_all(requests).into_iter().map(read).collect()
}

impl RunChanges for Jenkins {
    fn list_changed(pipelines: Vec<String>, position: Option<String>) -> Result<Changes> {
        let client = Client::here()?;
        let before = Position::read(position.as_deref())?;
        // What is one job's is asked of it alone.
        let narrow = pipelines.len() <= 1 || before.from > 0 || kv::get(NARROW).is_some();
        let all = if narrow { None } else { at_once(&client, &pipelines)? };
        let is_news =
            |name: &str, builds: &[Build]| builds.len() == FEW && builds.iter().all(|it| before.is_news(name, it));
        let full =
            |all: &Vec<Vec<Build>>| pipelines.iter().zip(all).filter(|(name, builds)| is_news(name, builds)).count();
        let all = all.filter(|all| full(all) <= JOBS);
        if all.is_none() && !narrow {
            // Where it can't be remembered, it is found out again.
            let _ = kv::put(NARROW, b"", None, Some(HOUR));
        }
        let part: Vec<&String> = match all {
            Some(_) => pipelines.iter().collect(),
            None => pipelines.iter().skip(before.from).take(JOBS).collect(),
        };
        let mut found = match all {
            Some(all) => all,
            None => one_by_one(&client, &part, FEW)?,
        };
        let of_more: Vec<usize> = (0..part.len()).filter(|&at| is_news(part[at], &found[at])).collect();
        let names: Vec<&String> = of_more.iter().map(|&at| part[at]).collect();
        for (at, builds) in of_more.into_iter().zip(one_by_one(&client, &names, job::NEWEST)?) {
            found[at] = builds;
        }
        let mut after = Position { open: Vec::new(), ..before.clone() };
        let mut runs = Vec::new();
        let mut seen: BTreeSet<(&str, u64)> = BTreeSet::new();
        for (name, builds) in part.iter().zip(&found) {
            after.note(name, builds);
            seen.extend(builds.iter().map(|build| (name.as_str(), build.number)));
            runs.extend(
                builds.iter().filter(|build| before.is_news(name, build)).map(|build| build.run(&client, name)),
            );
        }
        let mut left = Vec::new();
        for (name, number) in before.open.iter().filter(|(name, number)| !seen.contains(&(name.as_str(), *number))) {
            match part.contains(&name) {
                true => left.push(RunRef { pipeline: name.clone(), run: number.to_string(), attempt: None }),
                // Its job is asked in another part of this round.
                false => after.open.push((name.clone(), *number)),
            }
        }
        left.truncate(OPEN);
        let ask = |run: &RunRef| Ok(client.tree(path::of_build(run, &["api", "json"])?, build::TREE));
        let requests: Vec<Request> = left.iter().map(ask).collect::<Result<_>>()?;
        for (run, answer) in left.iter().zip(send_all(requests)) {
            let answer = answer?;
            if answer.status() == 404 {
                continue;
            }
            let build: Build = client::taken(answer)?.json()?;
            after.note(&run.pipeline, std::slice::from_ref(&build));
            runs.push(build.run(&client, &run.pipeline));
        }
        after.from = before.from + part.len();
        let more_now = after.from < pipelines.len();
        if !more_now {
            after.round_is_over();
        }
        Ok(Changes { runs, position: after.write()?, more_now })
    }
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
