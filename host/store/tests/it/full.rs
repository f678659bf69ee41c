//! A full disk: refused as such, nothing half done, and the store goes on when there is room.

use novacron_cicd_domain::Coded;
use novacron_cicd_store::{Options, Page, Store, StoreError};

use crate::{Home, hold, queue, sample};

const LARGE: usize = 20_000;

async fn put(store: &Store, name: &str, size: usize) -> Result<i64, StoreError> {
    let name = sample::name(name);
    store.write(move |tx| tx.put_secret(&name, &vec![7; size], sample::NOW)).await
}

/// How many secrets there are; each of the large ones is several pages.
async fn names(store: &Store) -> Vec<String> {
    let listing =
        store.read(|state| state.secrets(&Page::first(500))).await.map_err(|error: StoreError| error).unwrap();
    listing.items.iter().map(|secret| secret.name.to_string()).collect()
}

#[tokio::test]
async fn a_full_disk_is_refused_as_such_and_the_store_goes_on_when_there_is_room() {
    let home = Home::new();
    drop(home.open());
    let pages = u32::try_from(std::fs::metadata(home.database()).unwrap().len() / 4096).unwrap();
    let options = Options { max_pages: Some(pages + 40), ..Options::default() };
    let store = Store::open(home.database(), &options).unwrap();

    let mut stored = Vec::new();
    let error = loop {
        let name = format!("secret-{:03}", stored.len());
        match put(&store, &name, LARGE).await {
            Ok(_) => stored.push(name),
            Err(error) => break error,
        }
        assert!(stored.len() < 100, "the disk is never full");
    };
    assert_eq!(error, StoreError::Full);
    assert_eq!(error.code(), "store.full");
    assert!(error.hint().is_some());
    assert_eq!(names(&store).await, stored);
    assert_eq!(put(&store, "another", LARGE).await, Err(StoreError::Full));

    let freed = stored.pop().unwrap();
    let name = freed.clone();
    store.write(move |tx| tx.delete_secret(&name)).await.unwrap();
    assert_eq!(put(&store, &freed, LARGE).await, Ok(1));
    drop(store);

    stored.push(freed);
    let store = home.open();
    assert_eq!(names(&store).await, stored);
    assert_eq!(put(&store, "roomy", 10 * LARGE).await, Ok(1));
}

#[tokio::test]
async fn who_shares_a_transaction_with_a_full_disk_is_told_the_truth() {
    let home = Home::new();
    drop(home.open());
    let pages = u32::try_from(std::fs::metadata(home.database()).unwrap().len() / 4096).unwrap();
    let options = Options { max_pages: Some(pages + 20), ..Options::default() };
    let store = Store::open(home.database(), &options).unwrap();
    let (release, held) = hold(&store).await;
    let writers = queue((0..20).map(|n| {
        let store = store.clone();
        let size = if n % 4 == 1 { 10 * LARGE } else { 10 };
        async move { put(&store, &format!("secret-{n:02}"), size).await }
    }))
    .await;
    release.send(()).unwrap();
    held.answers().await.pop().unwrap().unwrap();
    let mut answered = Vec::new();
    for (n, answer) in writers.answers().await.into_iter().enumerate() {
        match answer {
            Ok(_) => answered.push(format!("secret-{n:02}")),
            Err(error) => assert_eq!(error, StoreError::Full),
        }
    }
    assert_eq!(names(&store).await, answered, "what was answered is there, and nothing else");
    assert_eq!(put(&store, "small", 10).await, Ok(1));
}
