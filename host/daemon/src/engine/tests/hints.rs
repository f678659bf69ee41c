//! What a platform tells of its own accord: it is looked at, and believed only then.

use super::*;
use crate::engine::testing::seen;
use novacron_cicd_domain::{platform::CallErrorKind, run::SeenRun};

/// Slow enough that nothing is seen within a test but what is hinted at.
fn slow() -> EngineConfig {
    let day = Duration::from_secs(24 * 60 * 60);
    EngineConfig { poll: (day, day), ..EngineConfig::default() }
}

impl Sim {
    async fn hint(&self, engine: &Engine, run: &'static str) {
        let provider = self.provider.id;
        self.store.write(move |tx| tx.add_hint(provider, "theirs", run)).await.unwrap();
        engine.handle().hint(provider);
    }

    async fn hints(&self) -> usize {
        let provider = self.provider.id;
        self.store.read(move |state| state.hints(provider, 99)).await.unwrap().len()
    }

    /// Until the engine has taken its first look.
    async fn looked(&self) {
        let platform = self.platform.clone();
        self.platform.scene().interfaces.insert("run-changes");
        self.until("a look", move |_| Ok(!platform.scene().asked.is_empty())).await;
    }
}

#[tokio::test]
async fn a_run_that_is_hinted_at_is_read_though_no_poll_is_due() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    sim.platform.scene().shows = [seen("ext-1", State::Running)].into();
    let (run, _) = sim.trigger().await;
    let engine = sim.engine_with(Arc::new(sim.ledger()), slow());
    sim.until("it runs", move |state| Ok(state.run(run)?.status.state == State::Running)).await;
    sim.platform.scene().shows = [seen("ext-1", State::Succeeded)].into();
    sim.hint(&engine, "ext-1").await;
    sim.until("its end", move |state| Ok(state.run(run)?.status.state == State::Succeeded)).await;
    sim.until("nothing is left to look at", {
        let provider = sim.provider.id;
        move |state| Ok(state.hints(provider, 9)?.is_empty())
    })
    .await;
}

#[tokio::test]
async fn what_the_platform_shows_a_little_later_than_it_tells_is_looked_at_again() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    let running = || seen("ext-1", State::Running);
    sim.platform.scene().shows = [running()].into();
    let (run, _) = sim.trigger().await;
    let engine = sim.engine_with(Arc::new(sim.ledger()), slow());
    sim.until("it runs", move |state| Ok(state.run(run)?.status.state == State::Running)).await;
    sim.platform.scene().shows = [running(), running(), running(), seen("ext-1", State::Failed)].into();
    sim.hint(&engine, "ext-1").await;
    sim.until("its end", move |state| Ok(state.run(run)?.status.state == State::Failed)).await;
}

#[tokio::test]
async fn a_run_that_nobody_knows_is_discovered_by_a_hint_and_one_of_no_pipeline_of_ours_is_not() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
    let engine = sim.engine_with(Arc::new(sim.ledger()), slow());
    sim.looked().await;
    sim.platform.scene().states = [("b7".to_owned(), State::Running), ("c1".to_owned(), State::Running)].into();
    let provider = sim.provider.id;
    sim.store.write(move |tx| tx.add_hint(provider, "another's", "c1")).await.unwrap();
    sim.hint(&engine, "b7").await;
    sim.until("b7", move |state| Ok(!state.runs_by_external_id(provider, "b7")?.is_empty())).await;
    let runs = sim.store.read(|state| state.runs(&Page::default(), &RunFilter::default())).await.unwrap().items;
    let known: Vec<_> = runs.iter().map(|run| run.external_id.as_deref()).collect();
    assert_eq!(known, [Some("b7")]);
}

#[tokio::test]
async fn a_run_that_was_over_and_goes_on_is_read_again_by_a_hint() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::IdempotentKey).await;
    sim.platform.scene().shows = [seen("ext-1", State::Failed)].into();
    let (run, _) = sim.trigger().await;
    let engine = sim.engine_with(Arc::new(sim.ledger()), slow());
    sim.until("its end", move |state| Ok(state.run(run)?.status.state == State::Failed)).await;
    sim.platform.scene().shows = [SeenRun { attempt: Some(2), ..seen("ext-1", State::Running) }].into();
    sim.hint(&engine, "ext-1").await;
    sim.until("its second attempt", move |state| Ok(state.run(run)?.attempt == 2)).await;
    assert_eq!(sim.run(run).await.status.state, State::Running);
}

#[tokio::test]
async fn a_hint_at_what_the_platform_does_not_know_is_spent_and_one_that_can_not_be_looked_at_now_is_kept() {
    let sim = Sim::new(Reporting::Poll, RecoveryClass::None).await;
    let engine = sim.engine_with(Arc::new(sim.ledger()), slow());
    sim.looked().await;
    let provider = sim.provider.id;
    for (kind, left) in [(CallErrorKind::NotFound, 0), (CallErrorKind::Internal, 0), (CallErrorKind::Transient, 1)] {
        sim.platform.scene().unreadable = Some(kind.clone());
        let before = sim.platform.scene().read;
        sim.hint(&engine, "b9").await;
        let platform = sim.platform.clone();
        sim.until("a read", move |_| Ok(platform.scene().read > before)).await;
        sim.until("the hint", move |state| Ok(state.hints(provider, 9)?.len() == left)).await;
        assert_eq!(sim.hints().await, left, "{kind:?}");
    }
}
