//! Logs and artifacts that come by the plugin's plan.

use std::sync::Mutex;

use async_trait::async_trait;
use novacron_cicd_domain::platform::{CallErrorKind, LogAvailability, LogChunk, LogPlan, RemoteArtifact, Transfer};
use novacron_cicd_store::{ArtifactFilter, Page};

use super::*;
use crate::engine::{
    logs::{ANSWERS_AT_END, Copied, Fault, LogSink, Piece},
    testing::seen,
};

/// One log, and where its copy ended.
#[derive(Default)]
struct Kept(Mutex<(Vec<u8>, Copied, bool)>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
    }

    fn is_complete(&self) -> bool {
        self.0.lock().unwrap().2
    }
}

#[async_trait]
impl LogSink for Kept {
    async fn position(&self, _: RunId, _: u32, _: Option<&str>) -> Result<Option<Copied>, Fault> {
        let kept = self.0.lock().unwrap();
        Ok((!kept.2).then(|| kept.1.clone()))
    }

    async fn copy(&self, _: RunId, _: u32, _: Option<&str>, piece: Piece) -> Result<(), Fault> {
        let mut kept = self.0.lock().unwrap();
        if piece.reset {
            kept.0.extend_from_slice(b"[anew]");
        }
        kept.0.extend_from_slice(&piece.bytes);
        (kept.1, kept.2) = (piece.at, piece.complete);
        Ok(())
    }
}

fn plan(skip: u64, filter: &str, next: &str, complete: bool) -> LogPlan {
    LogPlan {
        transfer: Transfer::new("GET log", ()),
        skip,
        filter: filter.into(),
        next: next.into(),
        availability: if complete { LogAvailability::Complete } else { LogAvailability::Growing },
    }
}

type Pieces = Vec<Result<&'static str, &'static str>>;

/// The log after these answers to these plans, and the cursors that the plans were asked for with.
async fn copied(answers: Vec<(LogPlan, u16, Pieces)>) -> (String, Vec<Option<String>>) {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    {
        let mut scene = sim.platform.scene();
        for (plan, status, pieces) in answers {
            scene.plans.push_back(plan);
            scene.bodies.push_back((status, pieces));
        }
    }
    sim.trigger().await;
    let kept = Arc::new(Kept::default());
    let _engine = sim.engine_that_copies(Arc::new(sim.ledger()), EngineConfig::default(), Some(kept.clone()));
    let (platform, log) = (sim.platform.clone(), kept.clone());
    sim.until("the log", move |_| Ok(platform.scene().plans.is_empty() && log.is_complete())).await;
    let cursors = sim.platform.scene().cursors.clone();
    (kept.text(), cursors)
}

fn cursors(cursors: &[Option<&str>]) -> Vec<Option<String>> {
    cursors.iter().map(|cursor| cursor.map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_planned_log_is_streamed_through_its_filter_and_gone_on_with_where_it_ended() {
    let (text, asked) = copied(vec![
        (plan(0, "strip-cr", "{total}", false), 200, vec![Ok("one\r"), Ok("\ntwo\r\nthr")]),
        (plan(10, "strip-cr", "{total}", false), 200, vec![Ok("one\r\ntwo\r\nthree\r\n")]),
        (plan(17, "strip-cr", "{total}", true), 206, vec![Ok("one\r\ntwo\r\nthree\r\nend")]),
    ])
    .await;
    assert_eq!(text, "one\ntwo\nthree\nend");
    assert_eq!(asked, cursors(&[None, Some("10"), Some("17")]), "a line that is still written is not taken yet");
}

#[tokio::test]
async fn a_cursor_that_the_platform_says_in_a_header_is_handed_back() {
    let (text, asked) = copied(vec![
        (plan(0, "none", "at {header:x-size}", false), 200, vec![Ok("begin")]),
        (plan(0, "none", "{header:other}", true), 200, vec![Ok(" end")]),
    ])
    .await;
    assert_eq!((text.as_str(), asked), ("begin end", cursors(&[None, Some("at 77")])));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_gone_on_with_and_nothing_is_there_twice() {
    let line = "0123456789abcde\r\n".repeat(20_000);
    let whole: &'static str = Box::leak(line.into_boxed_str());
    let broken = vec![Ok(&whole[..300_001]), Err("hung up")];
    let (text, asked) = copied(vec![
        (plan(0, "strip-cr", "{total}", true), 200, broken),
        (plan(0, "strip-cr", "{total}", true), 503, Vec::new()),
        (plan(0, "strip-cr", "{total}", true), 200, vec![Ok(whole)]),
    ])
    .await;
    assert_eq!(text.len(), 20_000 * 16);
    assert!(text.lines().all(|line| line == "0123456789abcde"));
    assert_eq!(asked, cursors(&[None, None, None]), "the cursor is that of the last whole answer");
}

#[tokio::test]
async fn a_log_that_was_rewritten_is_begun_anew() {
    let (text, asked) = copied(vec![
        (plan(0, "none", "{total}", false), 200, vec![Ok("first try")]),
        (plan(9, "none", "{total}", false), 200, vec![Ok("anew")]),
        (plan(0, "none", "{total}", true), 200, vec![Ok("anew and done")]),
    ])
    .await;
    assert_eq!((text.as_str(), asked), ("first try[anew]anew and done", cursors(&[None, Some("9"), None])));
}

#[tokio::test]
async fn nothing_behind_the_end_is_no_error() {
    let (text, _) = copied(vec![
        (plan(0, "none", "{total}", false), 200, vec![Ok("all")]),
        (plan(3, "none", "{total}", false), 416, Vec::new()),
        (plan(3, "none", "{total}", true), 416, Vec::new()),
    ])
    .await;
    assert_eq!(text, "all");
}

#[tokio::test]
async fn a_log_of_many_megabytes_comes_whole_through_its_filter_however_it_is_cut() {
    let lines = "0123456789abcde\r\n".repeat(600_000);
    let long = "x".repeat(300_000) + "\r";
    let whole: &'static str = Box::leak((lines + &long + "\nend\r\n").into_boxed_str());
    // Every so often between the carriage return and its newline.
    let mut pieces: Pieces = Vec::new();
    let mut rest = whole;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((17 * 4_000 - 1).min(rest.len()));
        pieces.push(Ok(piece));
        rest = after;
    }
    let cut = pieces.iter().filter(|piece| piece.is_ok_and(|piece| piece.ends_with('\r'))).count();
    assert!(whole.len() > 8 << 20 && cut > 1, "{} bytes, {cut} cuts", whole.len());
    let (text, _) = copied(vec![(plan(0, "strip-cr", "{total}", true), 200, pieces)]).await;
    assert!(text == whole.replace('\r', ""), "{} bytes", text.len());
}

#[tokio::test]
async fn the_end_of_a_line_that_is_too_long_to_be_held_is_filtered_all_the_same() {
    let long: &'static str = Box::leak(("x".repeat(300_000) + "\r").into_boxed_str());
    let (text, _) = copied(vec![(plan(0, "strip-cr", "{total}", true), 200, vec![Ok(long), Ok("\nnext\r\n")])]).await;
    assert!(text == "x".repeat(300_000) + "\nnext\n", "{:?}", &text[text.len() - 20..]);
}

fn chunk(bytes: &str, next: usize, more_now: bool, complete: bool) -> LogChunk {
    let availability = if complete { LogAvailability::Complete } else { LogAvailability::Growing };
    LogChunk { bytes: bytes.into(), next: next.to_string(), more_now, reset: false, availability }
}

/// A run that has ended, its platform and its copied log; what the platform says of its log is up to the test.
async fn ended(
    finished: Option<i64>,
    scene: impl FnOnce(&mut crate::engine::testing::Scene),
) -> (Run, String, Vec<String>) {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    let times = Times { finished: finished.map(Timestamp), ..Times::default() };
    let end = novacron_cicd_domain::run::SeenRun { times, ..seen("ext-1", State::Succeeded) };
    sim.platform.scene().shows = [end].into();
    scene(&mut sim.platform.scene());
    let (run, _) = sim.trigger().await;
    let kept = Arc::new(Kept::default());
    let _engine = sim.engine_that_copies(Arc::new(sim.ledger()), EngineConfig::default(), Some(kept.clone()));
    sim.until("its end", move |state| Ok(state.run(run)?.status.state == State::Succeeded)).await;
    let told = sim.told(run).await.into_iter().filter(|told| told.starts_with("log.incomplete")).collect();
    (sim.run(run).await, kept.text(), told)
}

#[tokio::test]
async fn an_end_waits_for_a_log_that_cannot_be_read_just_now() {
    let (run, text, told) = ended(Some(START), |scene| {
        scene.unread = [CallErrorKind::Transient, CallErrorKind::RateLimited(Some(1))].into();
        scene.log = [chunk("all of ", 7, true, false), chunk("it", 9, false, true)].into();
    })
    .await;
    assert_eq!((text.as_str(), run.status.conditions, told), ("all of it", Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_log_that_stays_out_of_reach_holds_up_no_end_for_good_and_is_told() {
    // What the platform says of its end, and how the read fails.
    for (finished, kind) in [(None, CallErrorKind::Transient), (Some(START), CallErrorKind::NotFound)] {
        let (run, _, told) = ended(finished, |scene| scene.unread = vec![kind; 500].into()).await;
        assert_eq!((run.status.conditions, told.len()), (vec!["log-incomplete".to_owned()], 1));
    }
    // And where it goes on failing for longer than anybody waits.
    let (run, _, told) =
        ended(Some(START - 600_001), |scene| scene.unread = vec![CallErrorKind::Transient; 500].into()).await;
    assert_eq!((run.status.conditions, told.len()), (vec!["log-incomplete".to_owned()], 1));
}

#[tokio::test]
async fn a_plugin_that_says_for_ever_that_there_is_more_is_cut_off_at_the_end_and_that_is_told() {
    let endless = |scene: &mut crate::engine::testing::Scene| {
        scene.log = (0..ANSWERS_AT_END + 10).map(|at| chunk("x", at, true, false)).collect();
    };
    let (run, text, told) = ended(Some(START), endless).await;
    assert_eq!((text.len(), told.len()), (ANSWERS_AT_END, 1));
    assert_eq!(run.status.conditions, ["log-incomplete"]);
}

fn remote(id: &str, name: &str) -> RemoteArtifact {
    RemoteArtifact {
        id: id.into(),
        name: name.into(),
        kind: "binary".into(),
        size: Some(5),
        digests: Vec::new(),
        created: None,
        expires: None,
        expired: false,
        job: None,
        media_type: None,
    }
}

#[tokio::test]
async fn the_artifacts_of_a_run_are_there_when_its_end_is() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    {
        let mut scene = sim.platform.scene();
        scene.interfaces.insert("artifacts");
        scene.artifacts = [("ext-1".to_owned(), vec![remote("a", "dist/app"), remote("b", "app")])].into();
        // The end is known for a moment only, so it waits for its artifacts.
        scene.unlisted = [CallErrorKind::Transient, CallErrorKind::RateLimited(Some(1))].into();
        let times = Times { finished: Some(Timestamp(START)), ..Times::default() };
        let end = novacron_cicd_domain::run::SeenRun { times, ..seen("ext-1", State::Succeeded) };
        scene.shows = [seen("ext-1", State::Running), end].into();
    }
    let (run, _) = sim.trigger().await;
    let _engine = sim.engine();
    sim.until("its end", move |state| Ok(state.run(run)?.status.state == State::Succeeded)).await;
    let filter = ArtifactFilter { run: Some(run), name: None };
    let found = sim.store.read(move |state| state.artifacts(&Page::default(), &filter)).await.unwrap().items;
    let mut found: Vec<_> = found.iter().map(|found| (found.external_id.as_deref(), found.name.as_str())).collect();
    found.sort_unstable();
    assert_eq!(found, [(Some("a"), "app"), (Some("b"), "app")]);
    assert!(sim.platform.scene().unlisted.is_empty());
}

#[tokio::test]
async fn artifacts_that_cannot_be_listed_hold_up_no_end_for_good() {
    // What the platform says of its end, and how the listing fails.
    for (finished, kind) in [(None, CallErrorKind::Transient), (Some(START), CallErrorKind::Internal)] {
        let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
        sim.platform.scene().interfaces.insert("artifacts");
        sim.platform.scene().unlisted = vec![kind; 500].into();
        let times = Times { finished: finished.map(Timestamp), ..Times::default() };
        let end = novacron_cicd_domain::run::SeenRun { times, ..seen("ext-1", State::Failed) };
        sim.platform.scene().shows = [end].into();
        let (run, _) = sim.trigger().await;
        let _engine = sim.engine();
        sim.until("its end", move |state| Ok(state.run(run)?.status.state == State::Failed)).await;
    }
}
