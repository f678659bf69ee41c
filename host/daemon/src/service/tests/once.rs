//! Keys across a crash: what was done under one is found again, what was not done may be done.

use super::*;
use crate::service::{Done, IdempotencyBegin, ImportPipeline, PipelineChanged, Resolution};

impl House {
    async fn begin(&self, key: &str) -> IdempotencyBegin {
        self.services.idempotency.begin(&admin(), key, "the same request").await.unwrap()
    }

    /// Begins `key` and does `work` under it; the answer is never kept.
    async fn unanswered<T: Done>(
        &self,
        key: &str,
        work: impl AsyncFnOnce(&Services, Actor) -> Result<T, ServiceError>,
    ) {
        assert_eq!(self.begin(key).await, IdempotencyBegin::New, "{key}");
        let done = work(&self.services, Actor { key: Some(key.into()), ..admin() }).await.unwrap();
        let deed = serde_json::to_value(done.deed()).unwrap();
        assert_eq!(self.begin(key).await, IdempotencyBegin::Done(deed), "{key}: at once");
    }

    /// What was done under `key` before this host came up.
    async fn found<T: Done>(&self, key: &str) -> T {
        let IdempotencyBegin::Done(done) = self.begin(key).await else { panic!("{key} is forgotten") };
        self.services.idempotency.find(&self.services, done).await.unwrap()
    }
}

#[tokio::test]
async fn what_was_done_under_a_key_is_found_again_after_a_crash_before_the_answer() {
    let house = house(RecoveryClass::None, 4).await;
    house.furnish().await;
    house.platform.scene().interfaces.insert("pipelines");
    house.platform.scene().steps =
        [crate::engine::testing::Step::Fail(novacron_cicd_domain::platform::CallErrorKind::OutcomeUnknown, false)]
            .into();
    let ambiguous = house.run().await.operation.id;
    house.services.operations.wait(ambiguous, Duration::from_secs(10)).await.unwrap();
    let house = house.again().await;
    let (first, second) = (house.run().await, house.run().await);
    let import = || ImportPipeline { name: None, provider: "ci".into(), external_ref: "theirs".into() };
    let new = || NewPipeline { name: "fresh".into(), provider: "ci".into(), ..NewPipeline::default() };
    let given = || input(&[("BRANCH", "main")]);
    house.unanswered("trigger", async |services, actor| services.runs.trigger(&actor, "build", given()).await).await;
    house.unanswered("end", async |services, actor| services.runs.cancel(&actor, first.run.id).await).await;
    house
        .unanswered("give up", async |services, actor| services.operations.cancel(&actor, second.operation.id).await)
        .await;
    house
        .unanswered("settle", async |services, actor| {
            services.operations.resolve(&actor, ambiguous, Resolution::Abandon).await
        })
        .await;
    house.unanswered("create", async |services, actor| services.pipelines.create(&actor, new()).await).await;
    house.unanswered("import", async |services, actor| services.pipelines.import(&actor, import()).await).await;
    house.unanswered("add", async |services, actor| services.providers.add(&actor, new_provider("other")).await).await;
    assert_eq!(house.begin("nothing").await, IdempotencyBegin::New);
    let refused = Actor { key: Some("refused".into()), ..admin() };
    assert_eq!(house.begin("refused").await, IdempotencyBegin::New);
    house.services.pipelines.create(&refused, new()).await.unwrap_err();

    let house = house.again().await;
    let triggered = house.found::<crate::service::Triggered>("trigger").await;
    assert_eq!(triggered.operation.run, Some(triggered.run.id));
    let run = |operation: novacron_cicd_domain::operation::Operation| operation.run;
    assert_eq!(run(house.found("end").await), Some(first.run.id));
    assert_eq!(run(house.found("give up").await), Some(second.run.id));
    assert_eq!(house.found::<novacron_cicd_domain::operation::Operation>("settle").await.id, ambiguous);
    assert_eq!(house.found::<PipelineChanged>("create").await.pipeline.name.as_str(), "fresh");
    assert_eq!(house.found::<PipelineChanged>("import").await.pipeline.name.as_str(), "theirs");
    assert_eq!(house.found::<Provider>("add").await.name.as_str(), "other");
    for key in ["nothing", "refused"] {
        assert_eq!(house.begin(key).await, IdempotencyBegin::New, "{key}: nothing was done under it");
    }
}
