//! Runs that are looked for, listed and followed, and their logs.

use novacron_cicd_sdk::logs::{Availability, LogAnswer, LogChunk, LogRequest};
use novacron_cicd_sdk::run_listing::{RunFilter, RunPage};
use novacron_cicd_sdk::types::{Error, PageRequest, RunMatch};
use novacron_cicd_sdk::{Logs, Result, RunChanges, RunListing, RunSearch, context, run_changes::Changes};
use serde_json::Value;

use crate::log::{self, BUILD, Cursor, LINE, LOG, STEP, enter};
use crate::message::{self, BATCH};
use crate::rows::{self, BuildRequest, Log, Step};
use crate::{Buildbot, answer, call, settings::Settings};

/// Lines of one read. A worker cuts them at 4 KiB (`buildbot_worker/util/lineboundaries.py`).
const LINES: u64 = 1000;
/// Reads of one call; the host allows 64 requests.
const READS: usize = 40;
/// Runs that have ended, at most so many at once.
const MOST: usize = 1000;
/// Ends that come late to the database, in seconds.
const LATE: u64 = 5;

impl RunSearch for Buildbot {
    /// By the property that a force scheduler makes of the reason: the sentence of the buildset is the operator's to word.
    fn find_by_correlation(pipeline: String, correlation: String, since: u64) -> Result<RunMatch> {
        let builder = call::builder(&pipeline)?;
        let asked =
            message::read(&["builders", &builder.builderid.to_string(), "buildrequests"]).query("property", "*");
        let asked = asked.query("submitted_at__ge", since / 1000).query("order", "-buildrequestid");
        let mut found: Vec<BuildRequest> = rows::list(&call::send(asked)?)?;
        found.retain(|request| answer::token(request) == Some(&correlation));
        let builders = [(builder.builderid, builder)].into();
        let mut runs = call::runs(&found, &builders, &context::base_url())?;
        // What was built again has the property too.
        runs.retain(|run| run.correlation.as_ref() == Some(&correlation));
        Ok(match (runs.pop(), runs.is_empty()) {
            (None, _) => RunMatch::None,
            (Some(run), true) => RunMatch::One(run),
            (Some(run), false) => RunMatch::Many(runs.into_iter().chain([run]).map(|run| run.identity).collect()),
        })
    }
}

impl RunListing for Buildbot {
    fn list_runs(filter: RunFilter, page: PageRequest) -> Result<RunPage> {
        let limit = BATCH.min(page.limit as usize);
        let (path, builders) = match &filter.pipeline {
            Some(name) => {
                let builder = call::builder(name)?;
                let path = message::read(&["builders", &builder.builderid.to_string(), "buildrequests"]);
                (path, [(builder.builderid, builder)].into())
            }
            None => (message::read(&["buildrequests"]), call::builders()?),
        };
        let asked = path.query("order", "-buildrequestid").query("limit", limit).query("property", "*");
        let asked = asked.query_maybe("buildrequestid__lt", page.cursor);
        let requests: Vec<BuildRequest> = rows::list(&call::send(asked)?)?;
        let next = requests.last().filter(|_| requests.len() == limit).map(|last| last.buildrequestid.to_string());
        let mut items = call::runs(&requests, &builders, &context::base_url())?;
        items.retain(|run| filter.reference.is_none() || run.reference == filter.reference);
        Ok(RunPage { items, next })
    }
}

impl RunChanges for Buildbot {
    /// What is open now, and what has ended since; the position is a moment of the master's clock.
    fn list_changed(pipelines: Vec<String>, position: Option<String>) -> Result<Changes> {
        let requests = || message::read(&["buildrequests"]).query("property", "*");
        let since = position.as_deref().map(str::parse::<u64>).transpose();
        let since = since.map_err(|_| Error::invalid_input("position", "is no time in seconds"))?;
        let ended =
            requests().query("complete", true).query_maybe("complete_at__ge", since.map(|at| at.saturating_sub(LATE)));
        let ended = match since {
            Some(_) => ended.query("order", "complete_at").query("limit", MOST),
            None => ended.query("order", "-complete_at").query("limit", 1),
        };
        let answers = call::send_all([requests().query("complete", false), ended])?;
        let mut seen: Vec<BuildRequest> = rows::list(&answers[0])?;
        let ended: Vec<BuildRequest> = rows::list(&answers[1])?;
        let (more_now, last) = (ended.len() == MOST, ended.iter().filter_map(|request| request.complete_at).max());
        // At first nothing that has ended counts, not even what ended last.
        let position = since.max(last.map(|last| if since.is_some() { last } else { last + LATE + 1 })).unwrap_or(0);
        if since.is_some() {
            seen.extend(ended);
        }
        let mut builders = call::builders()?;
        builders.retain(|_, builder| pipelines.contains(&builder.name));
        seen.retain(|request| builders.contains_key(&request.builderid));
        let runs = call::runs(&seen, &builders, &context::base_url())?;
        Ok(Changes { runs, position: position.to_string(), more_now })
    }
}

impl Logs for Buildbot {
    fn read(asked: LogRequest) -> Result<LogAnswer> {
        let headers = context::settings::<Settings>()?.log_headers;
        let (request, mut builds) = call::request(&asked.run.run)?;
        builds.retain(|build| asked.job.as_ref().is_none_or(|job| build.buildid.to_string() == *job));
        let mut at: Cursor = asked.cursor.as_deref().map(log::cursor).transpose()?.unwrap_or_default();
        let (mut bytes, mut reads) = (Vec::new(), 0);
        // Those of which build, and of which step of it.
        let mut steps: (u64, Vec<Step>) = Default::default();
        let mut logs: ([u64; 2], Vec<Log>) = Default::default();
        // Whether more is to come, where nothing more is there now.
        let growing = loop {
            let Some(build) = builds.iter().find(|build| build.buildid >= at[BUILD]) else {
                // A job has ended where it was read to its end.
                break Some(!request.complete && asked.job.is_none());
            };
            enter(&mut at, BUILD, build.buildid);
            let id = build.buildid.to_string();
            if steps.0 != build.buildid {
                (steps, reads) = ((build.buildid, call::steps(std::slice::from_ref(build))?.concat()), reads + 1);
            }
            let Some(step) = steps.1.iter().find(|step| u64::from(step.number) >= at[STEP]) else {
                if !build.complete {
                    break Some(true);
                }
                enter(&mut at, BUILD, build.buildid + 1);
                continue;
            };
            enter(&mut at, STEP, step.number.into());
            if logs.0 != at[..=STEP] || logs.1.is_empty() {
                let answer = call::send(message::read(&["builds", &id, "steps", &step.number.to_string(), "logs"]))?;
                (logs, reads) = (([build.buildid, step.number.into()], rows::list(&answer)?), reads + 1);
            }
            match log::next(&logs.1, at[LOG]) {
                None if !step.complete => break Some(true),
                None => enter(&mut at, STEP, u64::from(step.number) + 1),
                Some(log) => {
                    enter(&mut at, LOG, log.logid);
                    if at[LINE] < log.num_lines {
                        let lines = (log.num_lines - at[LINE]).min(LINES);
                        let read = message::read(&["logs", &log.logid.to_string(), "contents"]);
                        let answer = call::send(read.query("offset", at[LINE]).query("limit", lines))?;
                        let chunk: Value = rows::one(&answer, "logchunks")?;
                        let content = chunk["content"].as_str().unwrap_or_default();
                        reads += 1;
                        if !log::take(log, content, headers, &mut at, &mut bytes, asked.limit as usize) {
                            break None;
                        }
                    } else if log.complete {
                        enter(&mut at, LOG, log.logid + 1);
                    } else {
                        break Some(true);
                    }
                }
            }
            if reads >= READS {
                break None;
            }
        };
        let availability = match (growing, builds.is_empty()) {
            (Some(false), none) => {
                if none {
                    Availability::Never
                } else {
                    Availability::Complete
                }
            }
            (Some(true), true) => Availability::NotYet,
            _ => Availability::Growing,
        };
        let (next, more_now) = (at.map(|number| number.to_string()).join("."), growing.is_none());
        Ok(LogAnswer::Chunk(LogChunk { bytes, next, more_now, reset: false, availability }))
    }
}
