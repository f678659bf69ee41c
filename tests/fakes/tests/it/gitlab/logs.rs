//! Logs: whole each time, so that what was seen is skipped by the host.

use futures_util::StreamExt as _;
use novacron_cicd_domain::platform::{LogAnswer, LogAvailability, LogPlan, LogRequest};

use super::{DEFINITION, SMALL, Setup, run};

impl Setup {
    async fn log(&self, id: u64, job: Option<u64>, cursor: Option<&str>) -> LogAnswer {
        let (job, cursor) = (job.map(|job| job.to_string()), cursor.map(str::to_owned));
        self.provider.read_log(&LogRequest { run: run(id), job, cursor, limit: 1000 }).await.unwrap()
    }

    async fn whole(&self, plan: &LogPlan) -> String {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        let mut body = self.provider.open(&plan.transfer, deadline).await.unwrap().body;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend(piece.unwrap());
        }
        String::from_utf8(bytes).unwrap()
    }
}

fn nothing(answer: LogAnswer) -> LogAvailability {
    match answer {
        LogAnswer::Chunk(chunk) if chunk.bytes.is_empty() => chunk.availability,
        other => unreachable!("{other:?}"),
    }
}

fn plan(answer: LogAnswer) -> LogPlan {
    match answer {
        LogAnswer::Plan(plan) => plan,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn a_log_is_sent_whole_and_gone_on_with_behind_what_was_seen() {
    let setup = Setup::new(SMALL).await;
    let id = setup.trigger().await;
    let job = setup.gitlab.pending()[0];
    assert_eq!(nothing(setup.log(id, Some(job), None).await), LogAvailability::NotYet);
    setup.gitlab.begin(job);
    setup.gitlab.write(job, b"one\n");
    let first = plan(setup.log(id, Some(job), None).await);
    assert_eq!((first.skip, first.filter.as_str(), first.next.as_str()), (0, "gitlab-runner", "{total}"));
    assert_eq!((first.availability, setup.whole(&first).await.as_str()), (LogAvailability::Growing, "one\n"));
    setup.gitlab.write(job, b"two\n");
    let second = plan(setup.log(id, Some(job), Some("4")).await);
    assert_eq!((second.skip, setup.whole(&second).await.as_str()), (4, "one\ntwo\n"));
    setup.gitlab.end(job, "success");
    assert_eq!(plan(setup.log(id, Some(job), Some("8")).await).availability, LogAvailability::Complete);
    // Shorter than what was seen: the host finds out, and begins again.
    setup.gitlab.job(job, |job| job.trace = b"x\n".to_vec());
    let shrunk = plan(setup.log(id, Some(job), Some("8")).await);
    assert!((setup.whole(&shrunk).await.len() as u64) < shrunk.skip);
}

#[tokio::test]
async fn a_log_that_was_erased_or_never_was_is_said_to_be_so() {
    let setup = Setup::new(DEFINITION).await;
    let id = setup.trigger().await;
    let build = setup.gitlab.job_named(id, "build");
    setup.gitlab.begin(build);
    setup.gitlab.end(build, "failed");
    assert_eq!(
        nothing(setup.log(id, Some(build), None).await),
        LogAvailability::Growing,
        "it may be on its way to the archive"
    );
    let now = setup.gitlab.world().now;
    setup.gitlab.job(build, |job| job.erased = Some(now));
    assert_eq!(nothing(setup.log(id, Some(build), None).await), LogAvailability::Expired);
    let ship = setup.gitlab.job_named(id, "ship");
    assert_eq!(nothing(setup.log(id, Some(ship), None).await), LogAvailability::Never);
    assert_eq!(nothing(setup.log(id, None, None).await), LogAvailability::Never);
}
