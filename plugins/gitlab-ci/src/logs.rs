//! A job's log.
//!
//! Pure. GitLab sends the whole log each time (`lib/api/ci/jobs.rb`), so the host streams it behind what was seen, tells where
//! it shrank, and takes off what the runner puts around lines (`gitlab-runner`).

use novacron_cicd_sdk::{
    Result,
    http::Request,
    logs::{Availability, LogAnswer, LogChunk, LogPlan},
    types::Timestamp,
};

use crate::{client, rows::Job};

/// For so long after its end an empty log may be on its way to the archive, in milliseconds.
const MOVING: Timestamp = 120_000;

/// How far a reader got, in bytes of the log.
pub(crate) fn position(cursor: Option<&str>) -> Result<u64> {
    let parsed = cursor.map_or(Ok(0), str::parse);
    parsed.map_err(|_| client::foreign("cursor"))
}

/// What a job's log is, before anything of it is read.
pub(crate) fn availability(job: &Job) -> Availability {
    if job.erased_at.0.is_some() {
        return Availability::Expired;
    }
    match job.status.as_str() {
        "success" | "failed" => Availability::Complete,
        "canceled" if job.started_at.0.is_some() => Availability::Complete,
        "canceled" | "skipped" => Availability::Never,
        "running" | "canceling" => Availability::Growing,
        _ => Availability::NotYet,
    }
}

/// Whether it has to be seen that there is a log at all: right after the end it may be nowhere for a moment.
pub(crate) fn may_be_moving(job: &Job, seen: u64, now: Timestamp) -> bool {
    let ended = job.finished_at.0.is_some_and(|at| at.saturating_add(MOVING) > now);
    seen == 0 && ended && availability(job) == Availability::Complete
}

/// Nothing to read.
pub(crate) fn nothing(seen: u64, availability: Availability) -> LogAnswer {
    let chunk = LogChunk { bytes: vec![], next: seen.to_string(), more_now: false, reset: false, availability };
    LogAnswer::Chunk(chunk)
}

/// The whole log, behind what was seen of it.
pub(crate) fn plan(trace: Request, seen: u64, availability: Availability) -> Result<LogAnswer> {
    Ok(LogAnswer::Plan(LogPlan {
        request: trace.build()?,
        skip: seen,
        filter: "gitlab-runner".into(),
        next: "{total}".into(),
        availability,
        more: vec![],
    }))
}

#[cfg(test)]
mod tests {
    use novacron_cicd_sdk::time::Time;

    use super::*;

    #[test]
    fn what_there_is_of_a_log_follows_from_the_job() {
        let rows = [
            ("created", false, Availability::NotYet),
            ("pending", false, Availability::NotYet),
            ("manual", false, Availability::NotYet),
            ("running", true, Availability::Growing),
            ("canceling", true, Availability::Growing),
            ("success", true, Availability::Complete),
            ("canceled", true, Availability::Complete),
            ("canceled", false, Availability::Never),
            ("skipped", false, Availability::Never),
        ];
        for (status, started, expected) in rows {
            let started_at = Time(started.then_some(1));
            let job = Job { status: status.into(), started_at, ..Job::default() };
            assert_eq!(availability(&job), expected, "{status}");
            let erased = Job { erased_at: Time(Some(2)), ..job };
            assert_eq!(availability(&erased), Availability::Expired);
        }
    }

    #[test]
    fn an_empty_log_is_believed_only_some_time_after_the_end() {
        let job = Job { status: "success".into(), finished_at: Time(Some(1_000)), ..Job::default() };
        for (seen, now, expected) in [(0, 2_000, true), (9, 2_000, false), (0, 200_000, false)] {
            assert_eq!(may_be_moving(&job, seen, now), expected, "{seen} {now}");
        }
        assert!(position(Some("x")).is_err() && position(None) == Ok(0) && position(Some("17")) == Ok(17));
    }
}
