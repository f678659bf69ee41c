//! The fake itself: the behaviours of GitHub's that clients get wrong, each asked for as a client would.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_box::{PublicKey, aead::OsRng};
use novacron_cicd_fakes::{
    github::{Delivery, Github},
    house::secret,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{CI, REPO};

/// What came back.
struct Came {
    status: u16,
    head: String,
    body: Value,
}

impl Came {
    fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(there, _)| *there == name).map_or("", |(_, value)| value)
    }

    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

/// One request, as it is written.
async fn send(line: &str, headers: &[(&str, String)], body: &str) -> Came {
    let (method, url) = line.split_once(' ').unwrap();
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let text = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Came { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap_or(Value::Null) }
}

async fn github() -> Github {
    let github = Github::start().await;
    github.world().add_repo(REPO, &[(".github/workflows/ci.yml", CI), (".github/workflows/push.yml", "on: push\n")]);
    github
}

struct Ask<'a> {
    github: &'a Github,
    headers: Vec<(&'static str, String)>,
}

impl<'a> Ask<'a> {
    fn of(github: &'a Github) -> Self {
        let headers = vec![("authorization", format!("token {}", secret("token"))), ("user-agent", "a client".into())];
        Self { github, headers }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(there, _)| *there != name);
        if !value.is_empty() {
            self.headers.push((name, value.to_owned()));
        }
        self
    }

    /// `method` and path, below the repository where it begins with no slash.
    async fn send(&self, line: &str, body: Value) -> Came {
        let (method, path) = line.split_once(' ').unwrap();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/repos/{REPO}/{path}") };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(&format!("{method} {}{path}", self.github.url()), &self.headers, &body).await
    }

    async fn get(&self, path: &str) -> Came {
        self.send(&format!("GET {path}"), Value::Null).await
    }
}

#[tokio::test]
async fn who_does_not_say_who_it_is_is_not_let_in() {
    let github = github().await;
    let rows = [
        (Ask::of(&github).with("user-agent", ""), 403, ""),
        (Ask::of(&github).with("authorization", "Bearer wrong"), 401, "Bad credentials"),
        // What is private is not there for others.
        (Ask::of(&github).with("authorization", ""), 404, "Not Found"),
        (Ask::of(&github).with("x-github-api-version", "2020-01-01"), 400, "not a supported version"),
    ];
    for (ask, status, part) in rows {
        let came = ask.get("actions/workflows").await;
        assert!(came.status == status && came.message().contains(part), "{} {}", came.status, came.body);
    }
    assert_eq!(Ask::of(&github).get("actions/workflows/").await.status, 404, "a slash at the end is another address");
}

#[tokio::test]
async fn a_dispatch_says_which_run_by_version_and_flag() {
    let github = github().await;
    let line = "POST actions/workflows/ci.yml/dispatches";
    let old = Ask::of(&github);
    let new = Ask::of(&github).with("x-github-api-version", "2026-03-10");
    assert_eq!(old.send(line, json!({ "ref": "main" })).await.status, 204);
    let told = old.send(line, json!({ "ref": "main", "return_run_details": true })).await;
    assert!(told.status == 200 && told.body["workflow_run_id"].is_u64(), "{}", told.body);
    assert_eq!(new.send(line, json!({ "ref": "main" })).await.status, 200);
    github.world().run_details = false;
    assert_eq!(old.send(line, json!({ "ref": "main", "return_run_details": true })).await.status, 204);
}

#[tokio::test]
async fn a_dispatch_is_refused_in_githubs_words() {
    let github = github().await;
    let ask = Ask::of(&github);
    let rows = [
        ("ci.yml", json!({}), 422, "\"ref\" wasn't supplied"),
        ("push.yml", json!({ "ref": "main" }), 422, "Workflow does not have 'workflow_dispatch' trigger"),
        ("ci.yml", json!({ "ref": "main", "inputs": { "x": "1" } }), 422, "Unexpected inputs provided: [\"x\"]"),
        ("ci.yml", json!({ "ref": "nowhere" }), 422, "No ref found for: nowhere"),
        ("gone.yml", json!({ "ref": "main" }), 404, "Not Found"),
    ];
    for (file, body, status, part) in rows {
        let came = ask.send(&format!("POST actions/workflows/{file}/dispatches"), body).await;
        assert!(came.status == status && came.message().contains(part), "{file}: {} {}", came.status, came.body);
    }
    let disable = "PUT actions/workflows/ci.yml/disable";
    assert_eq!(ask.send(disable, Value::Null).await.status, 204);
    let again = ask.send(disable, Value::Null).await;
    assert_eq!((again.status, again.message()), (403, "Unable to disable a workflow that is not active."));
}

#[tokio::test]
async fn a_run_is_listed_late_and_filters_may_show_nothing() {
    let github = github().await;
    github.world().lag = 2;
    github.world().add_run(REPO, "ci.yml", "push", "main", "x", BTreeMap::new());
    let ask = Ask::of(&github);
    let mut counts = Vec::new();
    for _ in 0..3 {
        counts.push(ask.get("actions/runs").await.body["total_count"].as_u64().unwrap());
    }
    assert_eq!(counts, [0, 0, 1]);
    github.world().filters_stall = true;
    assert_eq!(ask.get("actions/runs?event=push").await.body["total_count"], 0);
    assert_eq!(ask.get("actions/runs").await.body["total_count"], 1);
}

#[tokio::test]
async fn a_log_is_there_when_its_job_has_ended_and_elsewhere() {
    let github = github().await;
    let ask = Ask::of(&github);
    let run = github.world().add_run(REPO, "ci.yml", "push", "main", "x", BTreeMap::new());
    let job = github.world().begin_job(run, "build");
    let path = format!("actions/jobs/{job}/logs");
    assert_eq!(ask.get(&path).await.status, 404);
    github.world().end_job(job, "success", Some("done"));
    let came = ask.get(&path).await;
    assert_eq!(came.status, 302);
    let place = came.header("location").to_owned();
    assert!(!place.starts_with(&github.url()));
    let fetch = |headers: Vec<(&'static str, String)>| {
        let line = format!("GET {place}");
        async move { send(&line, &headers, "").await.status }
    };
    let credential = vec![("authorization", "Bearer x".to_owned())];
    assert_eq!((fetch(vec![]).await, fetch(credential).await), (200, 400), "a credential is refused there");
    github.world().job(job).log_expired = true;
    assert_eq!(ask.get(&path).await.status, 410);
}

#[tokio::test]
async fn an_artifact_has_a_digest_and_expires() {
    let github = github().await;
    let ask = Ask::of(&github);
    let run = github.world().add_run(REPO, "ci.yml", "push", "main", "x", BTreeMap::new());
    let artifact = github.world().keep(run, "out", b"zip");
    let path = format!("actions/artifacts/{artifact}");
    assert!(ask.get(&path).await.body["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(ask.get(&format!("{path}/zip")).await.status, 302);
    github.world().expire(artifact);
    assert_eq!(ask.get(&format!("{path}/zip")).await.status, 410);
}

#[tokio::test]
async fn a_secret_is_opened_with_its_scopes_own_key() {
    let github = github().await;
    let ask = Ask::of(&github);
    ask.send("PUT environments/prod", json!({})).await;
    for (scope, path) in [("", "actions/secrets"), ("prod", "environments/prod/secrets")] {
        let key = ask.get(&format!("{path}/public-key")).await.body;
        let bytes: [u8; 32] = STANDARD.decode(key["key"].as_str().unwrap()).unwrap().try_into().unwrap();
        let sealed = PublicKey::from(bytes).seal(&mut OsRng, b"hush").unwrap();
        let line = format!("PUT {path}/key");
        let body = json!({ "encrypted_value": STANDARD.encode(&sealed), "key_id": key["key_id"] });
        assert_eq!(ask.send(&line, body.clone()).await.status, 201);
        assert_eq!(ask.send(&line, body).await.status, 204);
        assert_eq!(github.world().repo(REPO).secrets[&(scope.to_owned(), "KEY".to_owned())], b"hush");
        let stale = json!({ "encrypted_value": STANDARD.encode(&sealed), "key_id": "1" });
        assert_eq!(ask.send(&line, stale).await.status, 422);
        assert!(ask.get(&format!("{path}/KEY")).await.body.get("value").is_none());
    }
}

#[tokio::test]
async fn a_list_goes_on_by_links_and_counts_all() {
    let github = github().await;
    let ask = Ask::of(&github);
    for _ in 0..5 {
        github.world().add_run(REPO, "ci.yml", "push", "main", "x", BTreeMap::new());
    }
    let first = ask.get("actions/runs?per_page=2&event=push").await;
    assert_eq!((&first.body["total_count"], first.body["workflow_runs"].as_array().unwrap().len()), (&json!(5), 2));
    let next = format!("<{}/repos/{REPO}/actions/runs?per_page=2&event=push&page=2>; rel=\"next\"", github.url());
    assert!(first.header("link").starts_with(&next), "{}", first.header("link"));
    let last = ask.get("actions/runs?per_page=2&page=3&event=push").await;
    assert_eq!((last.body["workflow_runs"].as_array().unwrap().len(), last.header("link")), (1, ""));
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let github = github().await;
    let first = Ask::of(&github).get("actions/runs").await;
    let ask = Ask::of(&github).with("if-none-match", first.header("etag"));
    assert_eq!(ask.get("actions/runs").await.status, 304);
    github.world().add_run(REPO, "ci.yml", "push", "main", "x", BTreeMap::new());
    assert_eq!(ask.get("actions/runs").await.status, 200);
}

#[tokio::test]
async fn a_file_is_changed_only_by_who_knows_what_it_is() {
    let github = github().await;
    let ask = Ask::of(&github);
    let line = "PUT contents/.github/workflows/new.yml";
    let body = |text: &str, sha: Option<&str>| {
        let mut body = json!({ "message": "m", "content": STANDARD.encode(text) });
        if let Some(sha) = sha {
            body["sha"] = sha.into();
        }
        body
    };
    let made = ask.send(line, body("on: push\n", None)).await;
    assert_eq!(made.status, 201);
    let sha = made.body["content"]["sha"].as_str().unwrap();
    assert_eq!(ask.send(line, body("x", None)).await.status, 422);
    assert_eq!(ask.send(line, body("x", Some("0"))).await.status, 409);
    assert_eq!(ask.send(line, body("on: [push]\n", Some(sha))).await.status, 200);
    let read = ask.get("contents/.github/workflows/new.yml").await.body;
    assert!(read["content"].as_str().unwrap().ends_with('\n') && read["encoding"] == "base64", "{read}");
    assert_eq!(ask.get("actions/workflows/new.yml").await.body["state"], "active");
    let gone = json!({ "message": "m", "sha": read["sha"] });
    assert_eq!(ask.send("DELETE contents/.github/workflows/new.yml", gone).await.status, 200);
    assert_eq!(ask.get("actions/workflows/new.yml").await.body["state"], "deleted");
}

#[tokio::test]
async fn what_has_ended_is_not_canceled_and_what_goes_on_not_begun_again() {
    let github = github().await;
    let ask = Ask::of(&github);
    let run = github.world().add_run(REPO, "ci.yml", "push", "main", "x", BTreeMap::new());
    let line = |what: &str| format!("POST actions/runs/{run}/{what}");
    assert_eq!(ask.send(&line("rerun"), Value::Null).await.status, 403);
    assert_eq!(ask.send(&line("cancel"), Value::Null).await.status, 202);
    github.world().end(run, "cancelled");
    let came = ask.send(&line("cancel"), Value::Null).await;
    assert_eq!((came.status, came.message()), (409, "Cannot cancel a workflow run that is completed."));
    assert_eq!(ask.send(&line("rerun"), Value::Null).await.status, 201);
    assert_eq!(ask.get(&format!("actions/runs/{run}")).await.body["run_attempt"], 2);
}

#[tokio::test]
async fn a_delivery_that_is_sent_again_keeps_its_guid() {
    let github = github().await;
    let ask = Ask::of(&github);
    let config = json!({ "url": "https://x/hook", "content_type": "json", "secret": "s" });
    let hook = ask.send("POST hooks", json!({ "name": "web", "events": ["workflow_run"], "config": config })).await;
    assert_eq!((hook.status, &hook.body["config"]["secret"]), (201, &json!("********")));
    let id = hook.body["id"].as_u64().unwrap();
    let delivery =
        Delivery { id: 5, guid: "g".into(), event: "workflow_run".into(), status_code: 502, at: 0, redelivery: false };
    github.world().repo(REPO).hooks[0].deliveries.push(delivery);
    let line = format!("POST hooks/{id}/deliveries/5/attempts");
    assert_eq!(ask.send(&line, Value::Null).await.status, 202);
    let all = ask.get(&format!("hooks/{id}/deliveries")).await.body;
    let guids: Vec<_> = all.as_array().unwrap().iter().map(|it| it["guid"].as_str().unwrap()).collect();
    assert_eq!(guids.iter().filter(|guid| **guid == "g").count(), 2, "{all}");
}

#[tokio::test]
async fn a_renamed_repository_leads_to_its_number() {
    let github = github().await;
    {
        let mut world = github.world();
        let repo = world.repo(REPO);
        repo.former.push(REPO.into());
        repo.name = "acme/new".into();
    }
    let ask = Ask::of(&github);
    let came = ask.get("actions/runs?per_page=1").await;
    assert_eq!(came.status, 301);
    let place = came.header("location").replace(&github.url(), "");
    assert!(place.starts_with("/repositories/") && place.ends_with("/actions/runs?per_page=1"), "{place}");
    assert_eq!(ask.get(&place).await.status, 200);
    assert_eq!(ask.send("POST dispatches", json!({})).await.status, 307);
}
