//! Many writers: one winner, shared commits, and no trace of what failed.

use novacron_cicd_domain::{
    id::{ProviderId, RunId},
    status::{State, Status},
};
use novacron_cicd_store::{NewEvent, Store, StoreError};

use crate::{Home, hold, plant, queue, sample};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_32_writers_from_one_version_exactly_one_wins() {
    let home = Home::new();
    let store = home.open();
    let (_, _, run) = store.write(plant).await.unwrap();
    let writers: Vec<_> = (0..32)
        .map(|n| {
            let (store, mut run) = (store.clone(), run.clone());
            run.status = Status::ours(State::Failed).because(format!("writer {n}"));
            tokio::spawn(async move { (n, store.write(move |tx| tx.update_run(&run, 1)).await) })
        })
        .collect();
    let mut winners = Vec::new();
    for writer in writers {
        match writer.await.unwrap() {
            (n, Ok(version)) => winners.push((n, version)),
            (_, Err(error)) => {
                let stale = StoreError::Stale { what: "run", key: run.id.to_string(), expected: 1, found: 2 };
                assert_eq!(error, stale);
            }
        }
    }
    let [(winner, 2)] = winners[..] else { panic!("{winners:?}") };
    let id = run.id;
    let stored = store.read(move |state| state.run(id)).await.map_err(|error: StoreError| error).unwrap();
    assert_eq!((stored.version, stored.status.reason), (2, Some(format!("writer {winner}"))));
}

#[tokio::test]
async fn sixty_four_writers_at_once_share_one_commit() {
    let home = Home::new();
    let store = home.open();
    let (release, held) = hold(&store).await;
    let before = store.counters();
    let writers = queue((1..=64).map(|n| {
        let store = store.clone();
        async move { store.write(move |tx| tx.insert_provider(&sample::provider(n))).await }
    }))
    .await;
    release.send(()).unwrap();
    held.answers().await.pop().unwrap().unwrap();
    for answer in writers.answers().await {
        answer.unwrap();
    }
    let after = store.counters();
    assert_eq!(after.writes - before.writes, 64);
    assert_eq!(after.commits - before.commits, 2, "one for the writer that was held, one for all that waited");
}

#[tokio::test]
async fn a_closure_that_fails_leaves_no_trace_while_its_neighbours_commit() {
    let home = Home::new();
    let store = home.open();
    let (release, held) = hold(&store).await;
    let before = store.counters().commits;
    let writers = queue((1..=9_u64).map(|n| {
        let store = store.clone();
        async move {
            store
                .write(move |tx| {
                    tx.insert_provider(&sample::provider(n))?;
                    match n % 3 {
                        1 => Ok(()),
                        2 => Err(StoreError::NotFound { what: "reason", key: n.to_string() }),
                        _ => panic!("writer {n} panics"),
                    }
                })
                .await
        }
    }))
    .await;
    release.send(()).unwrap();
    held.answers().await.pop().unwrap().unwrap();
    for (n, answer) in (1..=9_u64).zip(writers.answers().await) {
        let expected = match n % 3 {
            1 => Ok(()),
            2 => Err(StoreError::NotFound { what: "reason", key: n.to_string() }),
            _ => Err(StoreError::Panicked { message: format!("writer {n} panics") }),
        };
        assert_eq!(answer, expected);
        let there = store.read(move |state| state.provider(ProviderId(sample::uuid(n)))).await;
        assert_eq!(there.map_err(|error: StoreError| error).is_ok(), n % 3 == 1, "provider {n}");
    }
    assert_eq!(store.counters().commits - before, 2);
}

#[tokio::test]
async fn a_reader_that_panics_is_told_so_and_the_pool_lives_on() {
    let home = Home::new();
    let store = home.open();
    for _ in 0..20 {
        let error = store.read(|_| -> Result<(), StoreError> { panic!("no") }).await.unwrap_err();
        assert_eq!(error, StoreError::Panicked { message: "no".into() });
    }
    assert_eq!(store.read(|state| state.last_event_seq()).await, Ok::<_, StoreError>(0));
}

#[tokio::test]
async fn readers_of_events_are_woken_by_what_is_durable_and_by_nothing_else() {
    let home = Home::new();
    let store = home.open();
    let mut newest = store.watch_events();
    let event = || NewEvent {
        at: sample::NOW,
        kind: "run.state".into(),
        subject: "a run".into(),
        run: Some(RunId(sample::uuid(1))),
        pipeline: None,
        data: serde_json::Value::Null,
    };
    let failing = store
        .write(move |tx| {
            tx.append_event(&event())?;
            Err::<(), _>(StoreError::Closed)
        })
        .await;
    assert_eq!(failing, Err(StoreError::Closed));
    assert!(!newest.has_changed().unwrap());
    let seq = store.write(move |tx| tx.append_event(&event())).await;
    assert_eq!(seq, Ok::<_, StoreError>(1));
    assert!(newest.has_changed().unwrap(), "told before the writer's own caller goes on");
    assert_eq!(*newest.borrow_and_update(), 1);
    drop((newest, store));
    assert_eq!(*home.open().watch_events().borrow(), 1);
}

#[tokio::test]
async fn a_write_whose_caller_is_gone_is_done_all_the_same() {
    let home = Home::new();
    let store = home.open();
    let (release, held) = hold(&store).await;
    let leaver = store.clone();
    let gone = queue([async move { leaver.write(|tx| tx.insert_provider(&sample::provider(1))).await }]).await;
    drop(gone);
    release.send(()).unwrap();
    held.answers().await.pop().unwrap().unwrap();
    store.write(|_| Ok::<_, StoreError>(())).await.unwrap();
    let found = store.read(|state| state.provider(ProviderId(sample::uuid(1)))).await;
    assert_eq!(found, Ok::<_, StoreError>(sample::provider(1)));
}

#[tokio::test]
async fn the_log_is_copied_back_beside_the_writer() {
    let home = Home::new();
    let options = novacron_cicd_store::Options {
        checkpoint_every: std::time::Duration::from_millis(1),
        ..novacron_cicd_store::Options::default()
    };
    let store = Store::open(home.database(), &options).unwrap();
    let size = || std::fs::metadata(home.database()).unwrap().len();
    let before = size();
    let sealed = vec![7; 1 << 20];
    store
        .write(move |tx| tx.put_secret(&sample::name("large"), &sealed, sample::NOW))
        .await
        .map_err(|error: StoreError| error)
        .unwrap();
    let copied = async {
        while size() < before + (1 << 20) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), copied).await.unwrap();
}
