//! What subscribers are told: once, in order, signed, again and again until they take it, and never twice under two ids.

use std::{collections::VecDeque, sync::Mutex};

use novacron_cicd_domain::{
    Timestamp,
    event::EventKind,
    id::{NotificationId, RunId},
    notification::{Format, Notification, NotificationState, Subscriber},
    run::Standing,
    status::State,
};
use novacron_cicd_runtime::egress::{Parcel, Receipt, SendError};
use novacron_cicd_store::{EventFilter, NotificationFilter};
use novacron_cicd_vault::sign::{WebhookHeaders, verify_github, verify_standard_webhooks};
use tokio::sync::watch;

use super::*;
use crate::{
    engine::{
        record,
        testing::{HandClock, seen},
    },
    service::{NewSubscriber, PipelineChange, SubscriberChange},
};

const START: i64 = 1_790_000_000_000;

/// What a receiver does with a message.
#[derive(Clone)]
enum Does {
    Answers(u16),
    AsksFor(u16, &'static str),
    Refuses,
    /// Takes it and never answers.
    Hangs,
}

/// Receivers, by the URL that a message is for: what they do, one after the other, and then 200.
#[derive(Default)]
struct Receivers {
    does: Mutex<BTreeMap<String, VecDeque<Does>>>,
    came: watch::Sender<Vec<Parcel>>,
}

#[async_trait]
impl Courier for Receivers {
    async fn post(&self, parcel: Parcel) -> Result<Receipt, SendError> {
        let does = self.does.lock().unwrap().get_mut(&parcel.url).and_then(VecDeque::pop_front);
        self.came.send_modify(|came| came.push(parcel));
        let answer = |status, retry_after: Option<&str>| {
            let retry_after = retry_after.map(str::to_owned);
            Ok(Receipt { status, retry_after, body: b"said a-signing-key-of-some-length".to_vec() })
        };
        match does.unwrap_or(Does::Answers(200)) {
            Does::Answers(status) => answer(status, None),
            Does::AsksFor(status, wait) => answer(status, Some(wait)),
            Does::Refuses => Err(SendError::NotSent("nobody listens".into())),
            Does::Hangs => std::future::pending().await,
        }
    }
}

impl Receivers {
    fn does(&self, url: &str, does: impl IntoIterator<Item = Does>) {
        self.does.lock().unwrap().insert(url.to_owned(), does.into_iter().collect());
    }

    /// All that came, as soon as there are so many.
    async fn came(&self, count: usize) -> Vec<Parcel> {
        let mut came = self.came.subscribe();
        soon(async { came.wait_for(|came| came.len() >= count).await.unwrap().clone() }).await
    }
}

async fn soon<T>(happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), happens).await.expect("it was expected to happen")
}

struct Telling {
    services: Services,
    receivers: Arc<Receivers>,
    clock: Arc<HandClock>,
    store: Store,
    home: tempfile::TempDir,
}

impl Telling {
    async fn new() -> Self {
        let (home, store) = (tempfile::tempdir().unwrap(), Store::in_memory().unwrap());
        let (clock, receivers) = (HandClock::at(START), Arc::<Receivers>::default());
        let services = Self::host(&store, &clock, &receivers, home.path()).await;
        let it = Self { services, receivers, clock, store, home };
        let key = Secret::new("a-signing-key-of-some-length");
        it.services.secrets.set(&admin(), "signing-key", key).await.unwrap();
        it.services.providers.add(&admin(), new_provider("ci")).await.unwrap();
        for name in ["build", "deploy"] {
            let pipeline = NewPipeline { name: name.into(), provider: "ci".into(), ..NewPipeline::default() };
            it.services.pipelines.create(&admin(), pipeline).await.unwrap();
        }
        it
    }

    async fn host(store: &Store, clock: &Arc<HandClock>, courier: &Arc<Receivers>, home: &std::path::Path) -> Services {
        let platform = FakePlatform::new(Reporting::Callback, RecoveryClass::None);
        let world = World {
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
            providers: platform.clone(),
            ledger: Arc::new(StoreLedger::new(store.clone(), HEARTBEAT)),
            logs: None,
        };
        let engine = EngineConfig { workers: 0, ..EngineConfig::default() };
        assemble_with(world, platform, courier.clone(), store, &Arc::default(), home, engine).await
    }

    /// Another host on the same state, after this one.
    async fn again(self) -> Self {
        self.services.stop(Duration::ZERO).await;
        let services = Self::host(&self.store, &self.clock, &self.receivers, self.home.path()).await;
        Self { services, ..self }
    }

    async fn subscribe(&self, name: &str) -> Subscriber {
        self.services.subscribers.create(&admin(), new_subscriber(name)).await.unwrap()
    }

    async fn run(&self, pipeline: &str) -> RunId {
        self.services.runs.trigger(&admin(), pipeline, TriggerInput::default()).await.unwrap().run.id
    }

    async fn moves(&self, run: RunId, to: State) {
        let observe = self.store.write(move |tx| {
            let run = tx.run(run)?;
            record::observe(tx, &run, seen("7", to), Standing::Truth, Timestamp(START))
        });
        observe.await.unwrap();
    }

    async fn list(&self) -> Vec<Notification> {
        let listing = self.services.notifications.list(Page::first(100), NotificationFilter::default()).await.unwrap();
        listing.items.into_iter().rev().collect()
    }

    /// The message, as soon as so many attempts are recorded or it is settled.
    async fn recorded(&self, id: NotificationId, attempts: u32) -> Notification {
        soon(async {
            loop {
                let (found, _) = self.services.notifications.show(id).await.unwrap();
                if found.attempts == attempts {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    async fn told(&self, kind: EventKind) -> usize {
        let filter = EventFilter { kind: Some(kind.as_str().into()), ..EventFilter::default() };
        self.services.events.list(filter, 0, 100).await.unwrap().len()
    }
}

fn new_subscriber(name: &str) -> NewSubscriber {
    NewSubscriber {
        name: name.into(),
        url: url(name),
        format: Format::StandardWebhooks,
        kinds: Vec::new(),
        pipeline: None,
        secret: Some("signing-key".into()),
        private_networks: Vec::new(),
    }
}

fn url(name: &str) -> String {
    format!("https://{name}.example.com/")
}

fn header<'a>(parcel: &'a Parcel, name: &str) -> &'a str {
    parcel.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
}

fn id(parcel: &Parcel) -> NotificationId {
    header(parcel, "webhook-id").parse().unwrap()
}

fn said(parcel: &Parcel) -> String {
    let body: serde_json::Value = serde_json::from_slice(&parcel.body).unwrap();
    body["type"].as_str().unwrap().to_owned()
}

fn kinds(came: &[Parcel]) -> Vec<String> {
    came.iter().map(said).collect()
}

#[tokio::test]
async fn what_becomes_of_a_run_is_told_once_in_order_and_signed() {
    let world = Telling::new().await;
    world.run("build").await;
    world.subscribe("chat").await;
    let run = world.run("build").await;
    world.moves(run, State::Running).await;
    world.moves(run, State::Succeeded).await;
    let came = world.receivers.came(3).await;
    assert_eq!(kinds(&came), ["run.queued", "run.started", "run.finished"], "and nothing of before it was there");
    let secret = Secret::new("a-signing-key-of-some-length");
    for parcel in &came {
        assert!(String::from_utf8_lossy(&parcel.body).contains(&run.to_string()));
        let headers = WebhookHeaders {
            id: header(parcel, "webhook-id"),
            timestamp: header(parcel, "webhook-timestamp"),
            signature: header(parcel, "webhook-signature"),
        };
        assert_eq!(verify_standard_webhooks(&[&secret], headers, &parcel.body, Timestamp(START), 5), Ok(()));
        assert_eq!(verify_github(&[&secret], header(parcel, "x-hub-signature-256"), &parcel.body), Ok(()));
    }
    let last = world.recorded(id(&came[2]), 1).await;
    assert_eq!((last.state, last.records[0].status), (NotificationState::Delivered, Some(200)));
    assert_eq!(last.records[0].answer.as_deref(), Some("said ***"), "no secret is kept of an answer");
    assert_eq!(world.list().await.len(), 3);
}

#[tokio::test]
async fn the_next_of_a_run_waits_for_the_one_before_it_and_another_run_and_another_subscriber_do_not() {
    let world = Telling::new().await;
    world.subscribe("slow").await;
    world.receivers.does(&url("slow"), [Does::Refuses]);
    let first = world.run("build").await;
    let came = world.receivers.came(1).await;
    world.recorded(id(&came[0]), 1).await;
    world.subscribe("quick").await;
    world.moves(first, State::Running).await;
    let second = world.run("build").await;
    let came = world.receivers.came(4).await;
    let to = |name: &str| -> Vec<_> {
        let of = came.iter().filter(|parcel| parcel.url == url(name));
        of.map(|parcel| (said(parcel), String::from_utf8_lossy(&parcel.body).contains(&first.to_string()))).collect()
    };
    let (queued, started) = (|mine| ("run.queued".to_owned(), mine), |mine| ("run.started".to_owned(), mine));
    assert_eq!(to("slow"), [queued(true), queued(false)], "{second} does not wait for {first}");
    assert_eq!(to("quick"), [started(true), queued(false)]);
    world.clock.advance(Duration::from_secs(5));
    let came = world.receivers.came(6).await;
    let late: Vec<_> = came[4..].iter().map(|parcel| (parcel.url.clone(), said(parcel))).collect();
    assert_eq!(late, [(url("slow"), "run.queued".into()), (url("slow"), "run.started".into())]);
    assert_eq!(id(&came[4]), id(&came[0]), "a repetition has the same id");
}

#[tokio::test]
async fn what_nobody_takes_is_tried_for_days_and_ends_as_a_dead_letter_that_can_be_replayed() {
    let world = Telling::new().await;
    world.subscribe("chat").await;
    world.receivers.does(&url("chat"), vec![Does::Answers(500); 10]);
    let run = world.run("build").await;
    world.moves(run, State::Running).await;
    for attempt in 1..=10 {
        let came = world.receivers.came(attempt as usize).await;
        world.recorded(id(&came[0]), attempt).await;
        world.clock.advance(Duration::from_secs(24 * 60 * 60));
    }
    let came = world.receivers.came(11).await;
    let ids: Vec<_> = came.iter().map(id).collect();
    assert!(ids[..10].iter().all(|found| *found == ids[0]), "ten times under one id: {ids:?}");
    assert_eq!(said(&came[10]), "run.started", "behind a dead letter it goes on");
    let stamps: std::collections::BTreeSet<_> =
        came[..10].iter().map(|parcel| header(parcel, "webhook-timestamp")).collect();
    assert_eq!(stamps.len(), 10, "each attempt is signed anew");
    let (dead, _) = world.services.notifications.show(ids[0]).await.unwrap();
    assert_eq!((dead.state, dead.attempts, dead.records.len()), (NotificationState::Dead, 10, 10));
    assert_eq!(world.told(EventKind::NotificationDead).await, 1);
    world.services.notifications.replay(&someone(Role::Operator), ids[0]).await.unwrap();
    let came = world.receivers.came(12).await;
    assert_eq!((id(&came[11]), said(&came[11])), (ids[0], "run.queued".into()));
    let replayed = world.recorded(ids[0], 1).await;
    assert_eq!((replayed.state, replayed.records.len()), (NotificationState::Delivered, 11));
    assert_eq!(world.told(EventKind::NotificationReplayed).await, 1);
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_wait_is_given_it() {
    let world = Telling::new().await;
    world.subscribe("chat").await;
    world.receivers.does(&url("chat"), [Does::AsksFor(429, "3600")]);
    world.run("build").await;
    let came = world.receivers.came(1).await;
    let put_off = world.recorded(id(&came[0]), 1).await;
    assert!(put_off.due.since(Timestamp(START)) >= 3_600_000, "{put_off:?}");
}

#[tokio::test]
async fn while_a_secret_is_rotated_messages_are_signed_with_both() {
    let world = Telling::new().await;
    world.subscribe("chat").await;
    let (old, new) = ("a-signing-key-of-some-length", "a-newer-key-that-is-as-long");
    world.services.secrets.set(&admin(), "newer", Secret::new(new)).await.unwrap();
    let rotating = SubscriberChange {
        secret: Some(Some("newer".into())),
        earlier_secret: Some(Some("signing-key".into())),
        ..SubscriberChange::default()
    };
    world.services.subscribers.update(&admin(), "chat", rotating, Some(1)).await.unwrap();
    for (count, good) in [(1, &[old, new][..]), (2, &[new])] {
        world.run("build").await;
        let came = world.receivers.came(count).await;
        let parcel = &came[count - 1];
        for key in [old, new] {
            let headers = WebhookHeaders {
                id: header(parcel, "webhook-id"),
                timestamp: header(parcel, "webhook-timestamp"),
                signature: header(parcel, "webhook-signature"),
            };
            let verified = verify_standard_webhooks(&[&Secret::new(key)], headers, &parcel.body, Timestamp(START), 5);
            assert_eq!(verified.is_ok(), good.contains(&key), "{key} {count}");
        }
        let done = SubscriberChange { earlier_secret: Some(None), ..SubscriberChange::default() };
        world.services.subscribers.update(&admin(), "chat", done, None).await.unwrap();
    }
}

#[tokio::test]
async fn a_receiver_that_says_that_it_is_gone_is_told_nothing_until_an_operator_says_so() {
    let world = Telling::new().await;
    world.subscribe("chat").await;
    world.receivers.does(&url("chat"), [Does::Answers(410)]);
    world.run("build").await;
    let came = world.receivers.came(1).await;
    let dead = world.recorded(id(&came[0]), 1).await;
    assert_eq!(dead.state, NotificationState::Dead);
    let gone = world.services.subscribers.show("chat").await.unwrap();
    assert_eq!((gone.enabled, gone.disabled_by.unwrap().0.as_str()), (false, "notification.gone"));
    assert_eq!(world.told(EventKind::SubscriberDisabled).await, 1);
    world.run("build").await;
    let refused = world.services.subscribers.test(&admin(), "chat").await.unwrap_err();
    assert_eq!(refused.code(), "subscriber.not-enabled");
    let enabled = SubscriberChange { enabled: Some(true), ..SubscriberChange::default() };
    let enabled = world.services.subscribers.update(&admin(), "chat", enabled, None).await.unwrap();
    assert_eq!((enabled.enabled, enabled.disabled_by), (true, None));
    let run = world.run("build").await;
    let came = world.receivers.came(2).await;
    assert!(String::from_utf8_lossy(&came[1].body).contains(&run.to_string()), "not of what happened meanwhile");
    assert_eq!(world.list().await.len(), 2);
}

#[tokio::test]
async fn a_pipelines_webhook_url_is_told_of_its_runs_alone_and_follows_the_pipeline() {
    let world = Telling::new().await;
    let led = |to: Option<&str>| PipelineChange { webhook_url: Some(to.map(url)), ..PipelineChange::default() };
    let change = async |to| world.services.pipelines.update(&admin(), "build", led(to), None).await.unwrap();
    let pipeline = change(Some("one")).await.pipeline.id;
    let other = world.run("deploy").await;
    world.moves(other, State::Running).await;
    let run = world.run("build").await;
    let came = world.receivers.came(1).await;
    assert_eq!((came[0].url.clone(), said(&came[0])), (url("one"), "run.queued".into()));
    assert_eq!(header(&came[0], "webhook-signature"), "", "nobody said which secret signs");
    let name = format!("pipeline-{pipeline}");
    let signs = SubscriberChange { secret: Some(Some("signing-key".into())), ..SubscriberChange::default() };
    world.services.subscribers.update(&admin(), &name, signs, None).await.unwrap();
    change(Some("two")).await;
    world.moves(run, State::Running).await;
    let came = world.receivers.came(2).await;
    assert_eq!((came[1].url.clone(), said(&came[1])), (url("two"), "run.started".into()));
    assert!(header(&came[1], "webhook-signature").starts_with("v1,"));
    let elsewhere = SubscriberChange { url: Some(url("three")), ..SubscriberChange::default() };
    for error in [
        world.services.subscribers.update(&admin(), &name, elsewhere, None).await.unwrap_err(),
        world.services.subscribers.delete(&admin(), &name, None).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), "subscriber.of-pipeline");
    }
    change(None).await;
    assert_eq!(world.services.subscribers.show(&name).await.unwrap_err().code(), "subscriber.not-found");
    change(Some("one")).await;
    world.services.pipelines.delete(&admin(), "build", false, None).await.unwrap();
    assert_eq!(world.services.subscribers.list(Page::first(9)).await.unwrap().items.len(), 0);
    assert_eq!(world.receivers.came(2).await.len(), 2);
}

#[tokio::test]
async fn what_was_sent_and_not_recorded_is_sent_again_under_its_id_and_what_happened_meanwhile_is_told() {
    let world = Telling::new().await;
    world.subscribe("chat").await;
    world.receivers.does(&url("chat"), [Does::Hangs]);
    let run = world.run("build").await;
    let first = id(&world.receivers.came(1).await[0]);
    world.services.stop(Duration::ZERO).await;
    world.moves(run, State::Running).await;
    world.moves(run, State::Failed).await;
    let world = world.again().await;
    let came = world.receivers.came(4).await;
    assert_eq!(id(&came[1]), first);
    assert_eq!(kinds(&came), ["run.queued", "run.queued", "run.started", "run.finished"]);
    world.recorded(id(&came[3]), 1).await;
    assert_eq!(world.list().await.len(), 3, "each event is one message");
}

#[tokio::test]
async fn what_cannot_be_a_subscriber_is_refused_with_the_place() {
    let world = Telling::new().await;
    let base = || new_subscriber("chat");
    world.services.secrets.set(&admin(), "broken", Secret::new("whsec_no base64!")).await.unwrap();
    let rows = [
        (NewSubscriber { url: "ftp://tell.example.com/".into(), ..base() }, "field.invalid"),
        (NewSubscriber { url: "https://me:pw@tell.example.com/".into(), ..base() }, "field.invalid"),
        (NewSubscriber { private_networks: vec!["10.0.0.0/33".into()], ..base() }, "egress.bad-network"),
        (NewSubscriber { secret: Some("none".into()), ..base() }, "secret.not-found"),
        (NewSubscriber { secret: Some("broken".into()), ..base() }, "sign.bad-key"),
        (NewSubscriber { pipeline: Some("none".into()), ..base() }, "pipeline.not-found"),
        (NewSubscriber { name: "no name".into(), ..base() }, "name.invalid"),
    ];
    for (new, expected) in rows {
        let error = world.services.subscribers.create(&admin(), new).await.unwrap_err();
        assert_eq!(codes(&error), [expected], "{error}");
    }
    let error = world.services.subscribers.create(&someone(Role::Deployer), base()).await.unwrap_err();
    assert_eq!(error.code(), "auth.forbidden");
    world.subscribe("chat").await;
    let error = world.services.subscribers.create(&admin(), base()).await.unwrap_err();
    assert_eq!(error.code(), "subscriber.name-taken");
    // Where it is no provider's.
    world.services.secrets.set(&admin(), "mine", Secret::new("a-key-that-is-long-enough")).await.unwrap();
    let mine = SubscriberChange { secret: Some(Some("mine".into())), ..SubscriberChange::default() };
    world.services.subscribers.update(&admin(), "chat", mine, None).await.unwrap();
    let error = world.services.secrets.delete(&admin(), "mine").await.unwrap_err();
    assert!(error.to_string().contains("subscriber chat"), "{error}");
    world.services.subscribers.delete(&admin(), "chat", None).await.unwrap();
    world.services.secrets.delete(&admin(), "mine").await.unwrap();
}
