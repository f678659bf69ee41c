//! A reader of the event stream that goes on where it stopped, however often the host goes away: what NovaCron is.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;

use super::{Api, PATIENCE};

/// An event that was received.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) data: Value,
}

/// Follows what `query` says from behind `after`, until `last` says of an event that it is the last. Fails where an id comes twice
/// or goes back.
pub(crate) async fn follow(api: &Api, query: &str, after: i64, mut last: impl FnMut(&Seen) -> bool) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    let following = async {
        loop {
            let from = seen.last().map_or(after, |event| event.id);
            let request = api.request(reqwest::Method::GET, &format!("/v1/events?{query}"));
            let request = request.header("accept", "text/event-stream").header("last-event-id", from);
            if let Ok(response) = request.timeout(Duration::from_secs(600)).send().await
                && response.status() == 200
                && read(response, &mut seen, &mut last).await
            {
                return;
            }
            // The host is away; it has no event that says when it is back.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, following).await;
    assert!(ended.is_ok(), "the last event did not come; there were {seen:#?}");
    seen
}

/// Whether the last event came before the connection ended.
async fn read(response: reqwest::Response, seen: &mut Vec<Seen>, last: &mut impl FnMut(&Seen) -> bool) -> bool {
    let mut bytes = response.bytes_stream();
    let mut text = String::new();
    while let Some(Ok(part)) = bytes.next().await {
        text.push_str(std::str::from_utf8(&part).unwrap());
        while let Some(end) = text.find("\n\n") {
            let frame: String = text.drain(..end + 2).collect();
            let Some(event) = parse(&frame) else { continue };
            let before = seen.last().map_or(i64::MIN, |event| event.id);
            assert!(event.id > before, "event {} came after {before}", event.id);
            let is_last = last(&event);
            seen.push(event);
            if is_last {
                return true;
            }
        }
    }
    false
}

fn parse(frame: &str) -> Option<Seen> {
    let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let data: Value = serde_json::from_str(field("data")?).unwrap();
    Some(Seen { id: field("id")?.parse().unwrap(), kind: field("event")?.to_owned(), data: data["data"].clone() })
}
