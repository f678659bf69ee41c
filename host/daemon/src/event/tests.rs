#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::StreamExt;
use novacron_cicd_domain::Timestamp;
use novacron_cicd_store::NewEvent;

use super::*;

async fn tell(store: &Store, kinds: &[&str]) {
    for kind in kinds {
        let event = NewEvent {
            at: Timestamp(1),
            kind: (*kind).into(),
            subject: "s".into(),
            run: None,
            pipeline: None,
            data: serde_json::json!({}),
        };
        store.write(move |tx| tx.append_event(&event)).await.unwrap();
    }
}

async fn take(events: impl Stream<Item = Result<Event, StoreError>>, count: usize) -> Vec<i64> {
    let taken = events.take(count).map(|event| event.unwrap().seq).collect::<Vec<_>>();
    tokio::time::timeout(Duration::from_secs(20), taken).await.unwrap()
}

#[tokio::test]
async fn a_reader_that_comes_back_at_any_number_misses_nothing_and_sees_nothing_twice() {
    let store = Store::in_memory().unwrap();
    // More than one batch, and more while it is read.
    tell(&store, &["run.state"; 300]).await;
    let writing = {
        let store = store.clone();
        tokio::spawn(async move { tell(&store, &["run.state"; 300]).await })
    };
    let mut seen = 0;
    for count in [1, 255, 1, 100, 200, 43] {
        let got = take(subscribe(&store, EventFilter::default(), seen), count).await;
        let expected: Vec<i64> = (seen + 1..=seen + count as i64).collect();
        assert_eq!(got, expected);
        seen += count as i64;
    }
    writing.await.unwrap();
    assert_eq!(seen, 600);
}

#[tokio::test]
async fn a_filter_lets_through_what_it_names_live_and_replayed() {
    let store = Store::in_memory().unwrap();
    tell(&store, &["run.state", "job.state", "run.created"]).await;
    let filter = EventFilter { kind: Some("run.".into()), ..EventFilter::default() };
    let events = subscribe(&store, filter, 0);
    tell(&store, &["job.state", "operation.state", "run.updated"]).await;
    assert_eq!(take(events, 3).await, [1, 3, 6]);
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_up_nobody() {
    let store = Store::in_memory().unwrap();
    let slow = subscribe(&store, EventFilter::default(), 0);
    let mut slow = Box::pin(slow);
    tell(&store, &["run.state"]).await;
    assert_eq!(slow.next().await.unwrap().unwrap().seq, 1);
    tell(&store, &["run.state"; 1000]).await;
    assert_eq!(take(subscribe(&store, EventFilter::default(), 1000), 1).await, [1001]);
    assert_eq!(take(slow, 1000).await, (2..=1001).collect::<Vec<_>>());
}
