//! What subscribers are told, by the built program: signed as others verify it, in order, through kills, and to no private address
//! that was not granted.

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
};
use novacron_cicd::engine::FAULT_POINTS;
use novacron_cicd_fakes::judge::{self, Judge};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Api, Home, Host, Repository, SCRIPT, Setup, World, eventually, pipeline_body};

/// The text behind `whsec_` is base64 of a plain sentence: it protects nothing.
const KEY: &str = "whsec_dGhlIHRlc3RzIHNpZ24gd2hhdCB0aGV5IHRlbGwgd2l0aCB0aGlz";

/// A message as it came.
#[derive(Clone, Debug)]
struct Came {
    headers: HeaderMap,
    body: Bytes,
}

impl Came {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

/// Takes what it is told, and answers as it is set to.
#[derive(Clone)]
struct Receiver {
    url: String,
    came: Arc<Mutex<Vec<Came>>>,
    answers: Arc<Mutex<StatusCode>>,
}

impl Receiver {
    async fn begin() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/told", listener.local_addr().unwrap());
        let (came, answers) = (Arc::<Mutex<Vec<Came>>>::default(), Arc::new(Mutex::new(StatusCode::NO_CONTENT)));
        let it = Self { url, came: came.clone(), answers: answers.clone() };
        let take = async move |headers: HeaderMap, body: Bytes| {
            came.lock().unwrap().push(Came { headers, body });
            *answers.lock().unwrap()
        };
        let router = Router::new().route("/told", axum::routing::post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        it
    }

    fn answers(&self, status: StatusCode) {
        *self.answers.lock().unwrap() = status;
    }

    fn all(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    /// All that came, as soon as there are so many.
    async fn came(&self, count: usize) -> Vec<Came> {
        eventually("a message", async || Some(self.all()).filter(|came| came.len() >= count)).await
    }
}

/// Messages of this subscriber, oldest first, as soon as none of them waits.
async fn settled(api: &Api, subscriber: &str) -> Vec<Value> {
    eventually("the end of every message", async || {
        let path = format!("/v1/notifications?subscriber={subscriber}&limit=500");
        let mut items = api.get(&path).await.expect(200).json["items"].as_array().unwrap().clone();
        items.reverse();
        items.iter().all(|item| item["state"] != "queued").then_some(items)
    })
    .await
}

async fn change(api: &Api, subscriber: &str, body: Value) -> Value {
    let request = api.request(Method::PATCH, &format!("/v1/subscribers/{subscriber}"));
    api.send(request.json(&body)).await.expect(200).json
}

#[tokio::test]
async fn the_webhook_url_of_a_pipeline_is_told_of_its_runs() {
    let (world, receiver, repository) = (World::new().await, Receiver::begin().await, Repository::new(SCRIPT));
    let (api, cli) = (&world.api, &world.cli);
    world.add_provider().await;
    let mut body = pipeline_body("backend", &repository);
    body["webhook_url"] = json!(receiver.url);
    let pipeline = api.post("/v1/pipelines", &body).await.expect(201).text("/pipeline/id").to_owned();
    let name = format!("pipeline-{pipeline}");
    let (run, _) = world.trigger(&[("VERSION", "1.2.3")]).await;
    world.run_over(&run).await;
    // This machine is a private address: nothing was sent, and it is said what would allow it.
    let waiting = eventually("a refused message", async || {
        let all = api.get(&format!("/v1/notifications?run={run}")).await.expect(200).json["items"].take();
        all.as_array()?.iter().find(|item| item["attempts"] == 1).cloned()
    })
    .await;
    assert_eq!((&waiting["state"], &waiting["error"]["code"]), (&json!("queued"), &json!("egress.denied")));
    let hint = format!("subscriber update {name} --grant-network 127.0.0.1/32");
    assert!(waiting["error"]["message"].as_str().unwrap().contains(&hint), "{waiting:#}");
    assert_eq!(receiver.all().len(), 0);
    api.post("/v1/secrets", &json!({ "name": "tell-key", "value": KEY })).await.expect(201);
    let mut words: Vec<_> = hint.split(' ').collect();
    words.extend(["--secret", "tell-key"]);
    cli.ok(&words).await;
    let came = receiver.came(3).await;
    let kinds: Vec<_> = came.iter().map(Came::kind).collect();
    assert_eq!(kinds, ["run.queued", "run.started", "run.finished"]);
    let last = came[2].json();
    assert_eq!((&last["data"]["run"], &last["data"]["to"]), (&json!(run), &json!("succeeded")), "{last:#}");
    // The library of Standard Webhooks takes each of them, and none that was changed.
    let mut judge = Judge::begin("webhooks.cjs", &[]);
    for message in &came {
        let given = |body: &str| {
            let seconds: i64 = message.header("webhook-timestamp").parse().unwrap();
            json!({ "secret": KEY, "id": message.header("webhook-id"), "seconds": seconds,
                "signature": message.header("webhook-signature"), "body": body })
        };
        let text = std::str::from_utf8(&message.body).unwrap();
        judge.ask("verify_standard", given(text)).await;
        assert!(judge.try_ask("verify_standard", given(&text.replace("run.", "job."))).await.is_err());
    }
    let versions = judge.ask("versions", json!({})).await;
    judge::spoke("standardwebhooks", versions["standard"].as_str().unwrap());
    let listed = settled(api, &name).await;
    let ids: Vec<_> = listed.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, came.iter().map(|message| message.header("webhook-id")).collect::<Vec<_>>());
    let shown = cli.ok(&["notification", "show", ids[0]]).await;
    assert!(shown.contains("egress.denied") || shown.contains("no answer"), "{shown}");
    assert!(shown.contains("204 after"), "{shown}");
    let subscribers = cli.ok(&["subscriber", "list"]).await;
    assert!(subscribers.contains(&name), "{subscribers}");
}

#[tokio::test]
async fn a_subscriber_is_made_tried_rotated_and_removed_by_the_command_line() {
    let (world, receiver) = (World::new().await, Receiver::begin().await);
    let (api, cli) = (&world.api, &world.cli);
    for (name, value) in [("one", KEY), ("other", "a-key-of-another-kind")] {
        api.post("/v1/secrets", &json!({ "name": name, "value": value })).await.expect(201);
    }
    let words =
        ["subscriber", "create", "chat", "--to", &receiver.url, "--secret", "one", "--grant-network", "127.0.0.1/32"];
    cli.ok(&words).await;
    cli.ok(&["subscriber", "test", "chat"]).await;
    let came = receiver.came(1).await;
    assert_eq!((came[0].kind().as_str(), came[0].header("webhook-signature").split(' ').count()), ("test", 1));
    cli.ok(&["subscriber", "update", "chat", "--secret", "other", "--earlier-secret", "one"]).await;
    cli.ok(&["subscriber", "test", "chat"]).await;
    assert_eq!(receiver.came(2).await[1].header("webhook-signature").split(' ').count(), 2);
    let shown = cli.json(&["subscriber", "show", "chat"]).await;
    assert_eq!((&shown["secret"], &shown["earlier_secret"]), (&json!("other"), &json!("one")), "{shown:#}");
    cli.ok(&["subscriber", "update", "chat", "--unset", "earlier-secret"]).await;
    let stale = cli.run(&["subscriber", "delete", "chat", "--if-version", "1"]).await.expect_code(1);
    assert!(stale.stderr.contains("version.stale"), "{stale}");
    cli.ok(&["subscriber", "delete", "chat"]).await;
    api.get("/v1/subscribers/chat").await.expect_problem(404, "subscriber.not-found");
}

#[tokio::test]
async fn a_receiver_that_is_gone_leaves_a_dead_letter_that_is_replayed_as_the_same_cloud_event() {
    let (world, receiver) = (World::new().await, Receiver::begin().await);
    let (api, cli) = (&world.api, &world.cli);
    world.add_provider().await;
    api.post("/v1/pipelines", &json!({ "name": "backend", "provider": "ci" })).await.expect(201);
    let body = json!({ "name": "events", "url": receiver.url, "format": "cdevents", "kinds": ["run.queued"],
        "private_networks": ["127.0.0.1/32"] });
    api.post("/v1/subscribers", &body).await.expect(201);
    receiver.answers(StatusCode::GONE);
    let (run, _) = world.trigger(&[]).await;
    let dead = settled_one(api, "events").await;
    assert_eq!((&dead["state"], &dead["error"]["code"]), (&json!("dead"), &json!("notification.gone")), "{dead:#}");
    let gone = api.get("/v1/subscribers/events").await.expect(200).json;
    assert_eq!((&gone["enabled"], &gone["disabled_by"]["code"]), (&json!(false), &json!("notification.gone")));
    receiver.answers(StatusCode::OK);
    cli.ok(&["subscriber", "update", "events", "--enable"]).await;
    cli.ok(&["notification", "replay", "--dead", "--subscriber", "events"]).await;
    let came = receiver.came(2).await;
    assert_eq!((came[0].header("webhook-id"), &came[0].body), (came[1].header("webhook-id"), &came[1].body));
    assert_eq!(came[1].header("content-type"), "application/cloudevents+json; charset=utf-8");
    let event = came[1].json();
    assert_eq!(event["type"], "dev.cdevents.pipelinerun.queued.0.3.0", "{event:#}");
    assert_eq!(event["data"]["subject"]["id"], run, "{event:#}");
    assert_eq!(settled_one(api, "events").await["state"], "delivered");
}

/// The one message of a subscriber, as soon as it is settled.
async fn settled_one(api: &Api, subscriber: &str) -> Value {
    eventually("the one message", async || settled(api, subscriber).await.first().cloned()).await
}

#[tokio::test]
async fn a_host_killed_at_every_step_of_a_message_loses_none_and_repeats_only_under_the_same_id() {
    let (home, receiver) = (Arc::new(Home::new()), Receiver::begin().await);
    let host = Host::start(&home, Setup { faulty: true, ..Setup::default() }).await;
    let api = host.api().await;
    api.post("/v1/secrets", &json!({ "name": "key", "value": KEY })).await.expect(201);
    // Nobody listens there: that a run was asked for is all that there is to tell.
    let provider = json!({ "name": "ci", "plugin": "webhook", "base_url": "http://127.0.0.1:9/hook", "no_check": true,
        "credentials": { "signing": { "secret": "key" } }, "grants": { "private_networks": ["127.0.0.1/32"] } });
    api.post("/v1/providers", &provider).await.expect(201);
    api.post("/v1/pipelines", &json!({ "name": "backend", "provider": "ci" })).await.expect(201);
    let body = json!({ "name": "chat", "url": receiver.url, "kinds": ["run.queued"], "secret": "key",
        "private_networks": ["127.0.0.1/32"] });
    api.post("/v1/subscribers", &body).await.expect(201);
    let mut port = host.kill();
    let points: Vec<_> = FAULT_POINTS.iter().filter(|point| point.starts_with("notification.")).collect();
    assert_eq!(points.len(), 4);
    for (round, point) in points.into_iter().enumerate() {
        let fault = Some((*point).to_owned());
        let mut host = Host::start(&home, Setup { fault, faulty: true, port: Some(port), ..Setup::default() }).await;
        let api = host.api().await;
        // The answer may or may not come: the host dies.
        let asked = api.request(Method::POST, "/v1/pipelines/backend/runs").json(&json!({}));
        let asked = tokio::spawn(asked.send());
        host.aborted().await;
        let _ = asked.await.unwrap();
        let host = Host::start(&home, Setup { port: Some(port), faulty: true, ..Setup::default() }).await;
        let api = host.api().await;
        let listed =
            eventually("the message", async || Some(settled(&api, "chat").await).filter(|items| items.len() > round))
                .await;
        assert_eq!(listed.len(), round + 1, "{point}: one message for one run: {listed:#?}");
        assert!(listed.iter().all(|item| item["state"] == "delivered"), "{point}: {listed:#?}");
        let runs = api.get("/v1/runs?limit=100").await.expect(200).json;
        let mut told = BTreeMap::<String, Vec<String>>::new();
        for message in receiver.all() {
            let run = message.json()["data"]["run"].as_str().unwrap().to_owned();
            told.entry(run).or_default().push(message.header("webhook-id").to_owned());
        }
        for run in runs["items"].as_array().unwrap() {
            let ids = &told[run["id"].as_str().unwrap()];
            assert!(ids.iter().all(|id| *id == ids[0]), "{point}: {ids:?}");
        }
        assert_eq!(told.len(), round + 1, "{point}: {told:#?}");
        port = host.kill();
    }
}

#[tokio::test]
async fn messages_of_an_address_that_is_mended_are_sent_at_once() {
    let (world, receiver) = (World::new().await, Receiver::begin().await);
    let body = json!({ "name": "chat", "url": "http://127.0.0.1:9/told", "private_networks": ["127.0.0.1/32"] });
    world.api.post("/v1/subscribers", &body).await.expect(201);
    let test = world.api.act("/v1/subscribers/chat/test").await.expect(202);
    let path = format!("/v1/notifications/{}", test.text("/id"));
    eventually("a failed attempt", async || {
        let found = world.api.get(&path).await.expect(200).json;
        (found["error"]["code"] == "egress.not-sent").then_some(())
    })
    .await;
    change(&world.api, "chat", json!({ "url": receiver.url })).await;
    let came = receiver.came(1).await;
    assert_eq!(came[0].header("webhook-id"), test.text("/id"));
    assert_eq!(came[0].header("webhook-signature"), "", "nobody said which secret signs");
}

/// Debian's `webhook`, which runs a command for what is signed with this key, and refuses what is not.
struct Foreign {
    _child: tokio::process::Child,
    url: String,
    version: String,
}

impl Foreign {
    async fn begin(home: &Home, key: &str) -> Self {
        // Where the machine has none, `cargo xtask peers` unpacked one.
        let unpacked = judge::tool("judges-node").parent().unwrap().join("webhook/usr/bin/webhook");
        let program = if unpacked.is_file() { unpacked } else { "webhook".into() };
        let said = std::process::Command::new(&program).arg("-version").output().unwrap();
        let hooks = home.work().join("hooks.json");
        let signed = json!({ "type": "payload-hmac-sha256", "secret": key,
            "parameter": { "source": "header", "name": "X-Hub-Signature-256" } });
        let hook = json!([{ "id": "told", "execute-command": "/bin/true", "http-methods": ["POST"],
            "trigger-rule": { "match": signed }, "trigger-rule-mismatch-http-response-code": 403 }]);
        std::fs::write(&hooks, hook.to_string()).unwrap();
        // It can't choose a port by itself.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = tokio::process::Command::new(program);
        command.arg("-hooks").arg(&hooks).args(["-ip", "127.0.0.1", "-port", &free.port().to_string()]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let listens = async || tokio::net::TcpStream::connect(free).await.ok();
        eventually("Debian's webhook", listens).await;
        let version = String::from_utf8(said.stdout).unwrap();
        Self { _child: child, url: format!("http://{free}/hooks/told"), version: version.trim().to_owned() }
    }
}

#[tokio::test]
async fn debians_webhook_takes_what_it_is_told_and_nothing_that_another_key_signed() {
    let world = World::new().await;
    let foreign = Foreign::begin(world.home(), KEY).await;
    for (name, value) in [("one", KEY), ("other", "a-key-of-another-kind")] {
        world.api.post("/v1/secrets", &json!({ "name": name, "value": value })).await.expect(201);
        let body = json!({ "name": name, "url": foreign.url, "secret": name, "private_networks": ["127.0.0.1/32"] });
        world.api.post("/v1/subscribers", &body).await.expect(201);
        world.api.act(&format!("/v1/subscribers/{name}/test")).await.expect(202);
    }
    assert_eq!(settled_one(&world.api, "one").await["state"], "delivered");
    let refused = eventually("a refusal", async || {
        let all = world.api.get("/v1/notifications?subscriber=other").await.expect(200).json["items"].take();
        Some(all[0].clone()).filter(|item| item["attempts"] == 1)
    })
    .await;
    assert_eq!(refused["error"]["code"], "notification.refused", "{refused:#}");
    judge::spoke("debian-webhook", &foreign.version);
}
