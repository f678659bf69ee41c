//! Server-sent events: live, resumed where a reader stopped, ended with the host.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::Method;
use serde_json::{Value, json};

use super::host::{Host, soon};

struct Reader {
    stream: BodyDataStream,
    text: String,
}

impl Reader {
    async fn open(host: &Host, path: &str, last: Option<i64>) -> Self {
        let mut request = host.request(Method::GET, path).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let response = host.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { stream: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event as (name, id, data); none at the end of the stream.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let line = frame.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    line.unwrap_or_default().to_owned()
                };
                let event = (field("event"), field("id"), field("data"));
                self.text = rest.to_owned();
                if !event.2.is_empty() {
                    return Some((event.0, event.1, serde_json::from_str(&event.2).unwrap()));
                }
                continue;
            }
            self.text.push_str(std::str::from_utf8(&soon(self.stream.next()).await?.unwrap()).unwrap());
        }
    }
}

async fn secret(host: &Host, name: &str) {
    let answer = host.post("/v1/secrets", &json!({"name": name, "value": "0123456789abcdef"})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

#[tokio::test]
async fn a_reader_sees_what_happens_and_resumes_where_it_stopped() {
    let host = Host::start().await;
    let mut reader = Reader::open(&host, "/v1/events?kind=secret.", None).await;
    for name in ["one", "two", "three"] {
        secret(&host, name).await;
    }
    let (kind, first, data) = reader.next().await.unwrap();
    assert_eq!((kind.as_str(), data["subject"].as_str()), ("secret.set", Some("one")));
    assert_eq!(data["id"].to_string(), first, "the id of the frame is the durable one");
    drop(reader);
    let mut reader = Reader::open(&host, "/v1/events?kind=secret.", first.parse().ok()).await;
    for expected in ["two", "three"] {
        let (_, _, data) = reader.next().await.unwrap();
        assert_eq!(data["subject"], expected);
    }
    secret(&host, "four").await;
    assert_eq!(reader.next().await.unwrap().2["subject"], "four");
    host.stopping.cancel();
    assert!(reader.next().await.is_none(), "the stream ends with the host");
    host.stop().await;
}

#[tokio::test]
async fn a_list_of_events_goes_on_from_its_last_id() {
    let host = Host::start().await;
    for name in ["one", "two", "three"] {
        secret(&host, name).await;
    }
    let first = host.get("/v1/events?kind=secret.&limit=2").await.json();
    let subjects =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|item| item["subject"].clone()).collect::<Vec<_>>();
    assert_eq!(subjects(&first), ["one", "two"]);
    let rest = host.get(&format!("/v1/events?kind=secret.&after={}", first["last"])).await.json();
    assert_eq!(subjects(&rest), ["three"]);
    host.stop().await;
}

#[tokio::test]
async fn an_id_that_no_stream_gave_is_refused() {
    let host = Host::start().await;
    let request =
        host.request(Method::GET, "/v1/events").header("last-event-id", "x").header("accept", "text/event-stream");
    let response = host.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 400);
    host.stop().await;
}
