//! Logs: steps while a job runs, all of it when it has ended, from an origin that must not see our token.

use std::time::Duration;

use futures_util::StreamExt as _;
use novacron_cicd_domain::platform::{LogAnswer, LogAvailability, LogChunk, LogRequest};
use tokio::time::Instant;

use super::{Setup, run_of};

struct Reader {
    setup: Setup,
    run: u64,
    job: u64,
    cursor: Option<String>,
}

impl Reader {
    async fn new() -> Self {
        let setup = Setup::new().await;
        let run = setup.begin().await;
        let job = setup.github.world().begin_job(run, "build");
        Self { setup, run, job, cursor: None }
    }

    async fn ask(&mut self) -> LogAnswer {
        let (run, job, cursor) = (run_of(self.run, Some(1)), Some(self.job.to_string()), self.cursor.clone());
        let answer = self.setup.provider.read_log(&LogRequest { run, job, cursor, limit: 1000 }).await.unwrap();
        self.cursor = Some(match &answer {
            LogAnswer::Chunk(chunk) => chunk.next.clone(),
            LogAnswer::Plan(plan) => plan.next.clone(),
        });
        answer
    }

    async fn chunk(&mut self) -> LogChunk {
        let LogAnswer::Chunk(chunk) = self.ask().await else { unreachable!("a plan") };
        chunk
    }
}

#[tokio::test]
async fn steps_come_as_lines_and_then_the_whole_log_as_a_plan() {
    let mut reader = Reader::new().await;
    assert_eq!(reader.chunk().await.availability, LogAvailability::NotYet);
    reader.setup.github.world().step(reader.job, "Build", "in_progress", None);
    let chunk = reader.chunk().await;
    assert_eq!(
        (chunk.bytes.as_slice(), chunk.availability),
        (b"[step 1] Build\n".as_slice(), LogAvailability::Growing)
    );
    assert!(reader.chunk().await.bytes.is_empty());
    {
        let mut world = reader.setup.github.world();
        world.step(reader.job, "Build", "completed", Some("success"));
        world.end_job(reader.job, "success", Some("one\ntwo"));
    }
    let LogAnswer::Plan(plan) = reader.ask().await else { unreachable!("a log that is there is a plan") };
    assert_eq!(
        (plan.skip, plan.filter.as_str(), plan.availability),
        (0, "github-timestamps", LogAvailability::Complete)
    );
    assert_eq!(reader.chunk().await.availability, LogAvailability::Complete);

    let deadline = Instant::now() + Duration::from_secs(30);
    let answer = reader.setup.provider.open(&plan.transfer, deadline).await.unwrap();
    assert_eq!(answer.status, 200);
    let bytes: Vec<u8> = answer.body.map(|piece| piece.unwrap().to_vec()).concat().await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("\u{feff}2026-01-01T00:00:00.1234567Z one\n") && text.ends_with(" two\n"));
    let fetched = reader.setup.github.fetched();
    assert_eq!(fetched.len(), 1);
    assert!(fetched[0].header("authorization").is_none() && fetched[0].header("cookie").is_none());
}

#[tokio::test]
async fn a_job_that_leaves_no_log_says_so() {
    for (conclusion, expired, expected) in [
        ("skipped", false, LogAvailability::Never),
        ("cancelled", false, LogAvailability::Never),
        // It may still come.
        ("failure", false, LogAvailability::NotYet),
        ("success", true, LogAvailability::Expired),
    ] {
        let mut reader = Reader::new().await;
        {
            let mut world = reader.setup.github.world();
            world.end_job(reader.job, conclusion, None);
            world.job(reader.job).log_expired = expired;
        }
        assert_eq!(reader.chunk().await.availability, expected, "{conclusion}");
    }
}

#[tokio::test]
async fn a_log_that_does_not_come_for_a_minute_never_does() {
    let mut reader = Reader::new().await;
    {
        let mut world = reader.setup.github.world();
        world.now -= 61_000;
        world.end_job(reader.job, "failure", None);
    }
    assert_eq!(reader.chunk().await.availability, LogAvailability::Never);
}

#[tokio::test]
async fn a_run_as_a_whole_has_no_log() {
    let reader = Reader::new().await;
    let request = LogRequest { run: run_of(reader.run, None), job: None, cursor: None, limit: 100 };
    let ask = || reader.setup.provider.read_log(&request);
    let availability = |answer| match answer {
        LogAnswer::Chunk(chunk) => chunk.availability,
        LogAnswer::Plan(_) => unreachable!("no plan"),
    };
    assert_eq!(availability(ask().await.unwrap()), LogAvailability::NotYet);
    reader.setup.github.world().end(reader.run, "success");
    assert_eq!(availability(ask().await.unwrap()), LogAvailability::Never);
}
