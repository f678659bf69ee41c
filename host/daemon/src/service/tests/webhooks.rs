//! What platforms tell: taken once, read afterwards, believed never.

use novacron_cicd_domain::{
    event::EventKind,
    platform::{CallErrorKind, Decoded, HookObservation, RunRef},
    status::State,
    webhook::DeliveryState,
};
use novacron_cicd_store::{DeliveryFilter, EventFilter};
use novacron_cicd_vault::sign::standard_webhooks;

use super::*;
use crate::{
    engine::testing::{found, seen},
    service::Came,
};

const SECRET: &str = "the-secret-of-the-hook";
const BODY: &[u8] = b"something happened";

fn headers(id: &str, secret: &str) -> Vec<(String, String)> {
    let now = crate::engine::ports::Clock::now(&SystemClock).0 / 1000;
    let signature = standard_webhooks(&Secret::new(secret), id, now, BODY).unwrap();
    [("webhook-id", id.to_owned()), ("webhook-timestamp", now.to_string()), ("webhook-signature", signature)]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

fn changed(run: &str) -> Decoded {
    let run = RunRef { pipeline: "theirs".into(), run: run.into(), attempt: None };
    Decoded { observations: vec![HookObservation::Changed(run)], ignored: None }
}

impl House {
    /// A provider `ci` with a hook, and its pipeline.
    async fn hooked() -> Self {
        let house = house_of(Reporting::Poll, RecoveryClass::IdempotentKey, 4).await;
        house.platform.scene().interfaces.insert("webhooks");
        for (name, value) in
            [("signing-key", "a-signing-key-of-some-length"), ("hook-1", SECRET), ("hook-2", "another-secret-of-it")]
        {
            house.services.secrets.set(&admin(), name, Secret::new(value)).await.unwrap();
        }
        let mut provider = new_provider("ci");
        let source = |secret: &str| CredentialSource { username: None, secret: secret.into() };
        provider.credentials.insert("hook".into(), source("hook-1"));
        provider.credentials.insert("hook.next".into(), source("hook-2"));
        house.services.providers.add(&admin(), provider).await.unwrap();
        let pipeline = NewPipeline {
            name: "build".into(),
            provider: "ci".into(),
            external_ref: Some("theirs".into()),
            ..NewPipeline::default()
        };
        house.services.pipelines.create(&admin(), pipeline).await.unwrap();
        house
    }

    async fn send(&self, id: &str, secret: &str) -> Result<bool, ServiceError> {
        let (webhooks, headers) = (&self.services.webhooks, headers(id, secret));
        let came = Came { headers: &headers, token: None };
        let sender = webhooks.sender("ci", came).await?;
        let room = webhooks.room(BODY.len())?;
        Ok(webhooks.take(sender, came, BODY.to_vec(), room).await?.1)
    }

    async fn deliveries(&self) -> Vec<(String, DeliveryState, u32)> {
        let listed = self.services.webhooks.list(Page::default(), DeliveryFilter::default()).await.unwrap();
        listed.items.into_iter().map(|delivery| (delivery.key, delivery.state, delivery.hints)).collect()
    }

    /// Waits for events of this kind, the newest last.
    async fn told(&self, kind: EventKind, count: usize) -> Vec<serde_json::Value> {
        let mut events = self.store.watch_events();
        loop {
            let filter = EventFilter { kind: Some(kind.as_str().into()), ..EventFilter::default() };
            let found = self.store.read(move |state| state.events_after(0, 1000, &filter)).await.unwrap();
            if found.len() >= count {
                return found.into_iter().map(|event| event.event.data).collect();
            }
            events.changed().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_delivery_is_taken_once_whoever_sends_it_how_often_and_by_either_of_two_secrets() {
    let house = House::hooked().await;
    house.platform.scene().decoded = vec![Ok(changed("r-1")); 200].into();
    let sent = futures_util::future::join_all((0..100).map(|_| house.send("msg-1", SECRET))).await;
    let new = sent.into_iter().map(Result::unwrap).filter(|new| *new).count();
    assert_eq!(new, 1);
    assert!(house.send("msg-2", "another-secret-of-it").await.unwrap());
    assert_eq!(house.send("msg-3", "no-secret-of-it").await.unwrap_err().code(), "signature.mismatch");
    let read = house.told(EventKind::WebhookDecoded, 2).await;
    assert_eq!((read.len(), &read[0]["runs"]), (2, &serde_json::json!(["r-1"])));
    assert_eq!(house.told(EventKind::WebhookReceived, 2).await.len(), 2);
    let kept = house.deliveries().await;
    let decoded = |key: &str| (key.to_owned(), DeliveryState::Decoded, 1);
    assert_eq!(kept, [decoded("msg-2"), decoded("msg-1")]);
}

#[tokio::test]
async fn what_was_not_kept_is_not_answered_as_if_it_were() {
    let house = House::hooked().await;
    let headers = headers("msg-1", SECRET);
    let came = Came { headers: &headers, token: None };
    let sender = house.services.webhooks.sender("ci", came).await.unwrap();
    let room = house.services.webhooks.room(BODY.len()).unwrap();
    // The provider goes while the body is on its way.
    house.services.pipelines.delete(&admin(), "build", false, None).await.unwrap();
    house.services.providers.remove(&admin(), "ci", None).await.unwrap();
    assert!(house.services.webhooks.take(sender, came, BODY.to_vec(), room).await.is_err());
    assert_eq!(house.send("msg-2", SECRET).await.unwrap_err().code(), "webhook.not-found");
}

#[tokio::test]
async fn what_can_not_be_read_is_a_dead_letter_until_it_is_replayed() {
    let house = House::hooked().await;
    house.platform.scene().decoded =
        [Err(CallErrorKind::InvalidInput { field: "body".into(), reason: "odd".into() }), Ok(changed("r-1"))].into();
    house.send("msg-1", SECRET).await.unwrap();
    let dead = house.told(EventKind::WebhookDead, 1).await;
    assert_eq!(dead[0]["code"], "call.invalid-input");
    let filter = DeliveryFilter { state: Some(DeliveryState::Dead), ..DeliveryFilter::default() };
    let letter = house.services.webhooks.list(Page::default(), filter).await.unwrap().items.remove(0);
    assert!(house.services.webhooks.replay(&someone(Role::Viewer), letter.id).await.is_err());
    house.services.webhooks.replay(&someone(Role::Operator), letter.id).await.unwrap();
    house.told(EventKind::WebhookDecoded, 1).await;
    let (after, (kept, body)) = house.services.webhooks.show(letter.id).await.unwrap();
    assert_eq!((after.state, after.hints, body.as_slice()), (DeliveryState::Decoded, 1, BODY));
    assert!(kept.iter().all(|(name, _)| name != "webhook-signature"), "{kept:?}");
}

#[tokio::test]
async fn a_hint_ends_no_run_and_the_platforms_own_word_does() {
    let house = House::hooked().await;
    house.platform.scene().shows = [seen("ext-1", State::Running)].into();
    let run = house.services.runs.trigger(&admin(), "build", input(&[])).await.unwrap().run.id;
    let mut events = house.store.watch_events();
    while house.services.runs.show(run).await.unwrap().status.state != State::Running {
        events.changed().await.unwrap();
    }
    let lie = || {
        let observations = vec![HookObservation::Run(Box::new(found("theirs".into(), seen("ext-1", State::Failed))))];
        Ok(Decoded { observations, ignored: None })
    };
    house.platform.scene().decoded = [lie(), lie()].into();
    house.send("msg-1", SECRET).await.unwrap();
    house.told(EventKind::WebhookDecoded, 1).await;
    assert_eq!(house.services.runs.show(run).await.unwrap().status.state, State::Running);
    house.platform.scene().shows = [seen("ext-1", State::Succeeded)].into();
    house.send("msg-2", SECRET).await.unwrap();
    while !house.services.runs.show(run).await.unwrap().status.state.is_terminal() {
        events.changed().await.unwrap();
    }
    assert_eq!(house.services.runs.show(run).await.unwrap().status.state, State::Succeeded);
}

#[tokio::test]
async fn a_body_that_no_plugin_is_given_is_kept_and_the_platform_is_looked_at() {
    let house = House::hooked().await;
    let large = vec![b'x'; 9 << 20];
    let now = crate::engine::ports::Clock::now(&SystemClock).0 / 1000;
    let signature = standard_webhooks(&Secret::new(SECRET), "msg-1", now, &large).unwrap();
    let headers =
        [("webhook-id", "msg-1".to_owned()), ("webhook-timestamp", now.to_string()), ("webhook-signature", signature)]
            .map(|(name, value)| (name.to_owned(), value));
    let came = Came { headers: &headers, token: None };
    let sender = house.services.webhooks.sender("ci", came).await.unwrap();
    let room = house.services.webhooks.room(large.len()).unwrap();
    house.platform.scene().interfaces.insert("run-changes");
    let asked = house.platform.scene().asked.len();
    house.services.webhooks.take(sender, came, large, room).await.unwrap();
    let read = house.told(EventKind::WebhookDecoded, 1).await;
    assert_eq!(read[0]["code"], "webhook.too-large");
    while house.platform.scene().asked.len() == asked {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_delivery_that_names_only_where_a_pipeline_lies_hints_at_the_run_of_that_id_there() {
    let house = House::hooked().await;
    for (name, external) in [("app", "acme/app/ci.yml"), ("lib", "acme/lib/ci.yml"), ("lib2", "acme/lib/cd.yml")] {
        let (name, external_ref) = (name.to_owned(), Some(external.to_owned()));
        let pipeline = NewPipeline { name, provider: "ci".into(), external_ref, ..NewPipeline::default() };
        house.services.pipelines.create(&admin(), pipeline).await.unwrap();
    }
    house.platform.scene().shows = [seen("ext-1", State::Running)].into();
    let mut events = house.store.watch_events();
    for pipeline in ["app", "lib", "lib2"] {
        let run = house.services.runs.trigger(&admin(), pipeline, input(&[])).await.unwrap().run.id;
        while house.services.runs.show(run).await.unwrap().external_id.is_none() {
            events.changed().await.unwrap();
        }
    }
    let rows = [
        ("acme/app/ci.yml", "ext-1", true),
        ("acme/app", "ext-1", true),
        ("acme/app", "ext-2", false),
        ("acme/ap", "ext-1", false),
        ("acme/other", "ext-1", false),
        // Two runs are called so there: which one is meant nobody knows.
        ("acme/lib", "ext-1", false),
    ];
    for (index, (pipeline, run, hints)) in rows.into_iter().enumerate() {
        let run = RunRef { pipeline: pipeline.into(), run: run.into(), attempt: Some(1) };
        let observations = vec![HookObservation::Changed(run)];
        house.platform.scene().decoded = vec![Ok(Decoded { observations, ignored: None })].into();
        house.send(&format!("msg-{index}"), SECRET).await.unwrap();
        let told = house.told(EventKind::WebhookDecoded, index + 1).await;
        let expected = if hints { serde_json::json!(["ext-1"]) } else { serde_json::json!([]) };
        assert_eq!(told[index]["runs"], expected, "{pipeline}");
    }
}
