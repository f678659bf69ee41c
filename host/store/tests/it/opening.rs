//! Opening: schema, lock, permissions, and what is left behind.

use novacron_cicd_domain::Coded;
use novacron_cicd_store::{Options, Store, StoreError};

use crate::{Home, hold, open, plant, queue, sample};

#[tokio::test]
async fn a_state_that_is_opened_again_is_as_it_was_left() {
    let home = Home::new();
    let store = home.open();
    let (provider, pipeline, run) = store.write(plant).await.unwrap();
    drop(store);
    assert!(!home.dir.path().join("state.db-wal").exists(), "closing copies the log back and takes it away");
    let store = home.open();
    let found = store
        .read(move |state| {
            Ok::<_, StoreError>((state.provider(provider.id)?, state.pipeline(pipeline.id)?, state.run(run.id)?))
        })
        .await;
    let provider = sample::provider(1);
    let pipeline = sample::pipeline(1, &provider);
    assert_eq!(found.unwrap(), (provider, pipeline.clone(), sample::run(1, &pipeline)));
}

#[test]
fn a_second_host_on_the_same_state_is_refused_whatever_it_calls_it() {
    let home = Home::new();
    let first = home.open();
    let other_name = home.dir.path().join("x/../state.db");
    std::fs::create_dir(home.dir.path().join("x")).unwrap();
    let mut names = vec![home.database(), other_name];
    #[cfg(unix)]
    {
        let link = home.dir.path().join("link.db");
        std::os::unix::fs::symlink(home.database(), &link).unwrap();
        names.push(link);
    }
    for name in names {
        let error = Store::open(&name, &Options::default()).unwrap_err();
        assert!(matches!(error, StoreError::Locked { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
        assert_eq!(error.code(), "store.locked");
        assert!(error.hint().is_some());
    }
    drop(first);
    home.open();
}

#[test]
fn a_newer_schema_is_refused_and_left_as_it_is() {
    let home = Home::new();
    drop(home.open());
    let conn = rusqlite::Connection::open(home.database()).unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    let before = std::fs::read(home.database()).unwrap();
    let error = Store::open(home.database(), &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
    assert_eq!(std::fs::read(home.database()).unwrap(), before);
}

#[test]
fn what_is_no_database_is_refused() {
    let home = Home::new();
    std::fs::write(home.database(), "this is a text and no database".repeat(200)).unwrap();
    let error = Store::open(home.database(), &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    let nowhere = home.dir.path().join("not/there/state.db");
    assert!(matches!(Store::open(nowhere, &Options::default()), Err(StoreError::Open { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_state() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let store = home.open();
    store.write(plant).await.unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(home.dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        seen += 1;
    }
    assert_eq!(seen, 4, "database, log, shared memory, lock");
}

#[tokio::test]
async fn a_state_in_memory_is_read_as_it_is_written() {
    let store = Store::in_memory().unwrap();
    let (_, _, run) = store.write(plant).await.unwrap();
    let id = run.id;
    assert_eq!(store.read(move |state| state.run(id)).await, Ok::<_, StoreError>(run));
}

#[tokio::test]
async fn a_closure_may_hold_the_last_clone_of_the_store() {
    let home = Home::new();
    let store = home.open();
    let (release, held) = hold(&store).await;
    let (work, clone) = (store.clone(), store.clone());
    let gone = queue([async move {
        work.write(move |tx| {
            plant(tx)?;
            drop(clone);
            Ok::<_, StoreError>(())
        })
        .await
    }])
    .await;
    drop((gone, held));
    let database = home.database();
    let closing = std::thread::spawn(move || drop(store));
    release.send(()).unwrap();
    closing.join().unwrap();
    // Whichever thread closed it, the lock goes with the writer.
    let opened = async {
        loop {
            match Store::open(&database, &Options::default()) {
                Err(StoreError::Locked { .. }) => tokio::task::yield_now().await,
                other => break other.unwrap(),
            }
        }
    };
    let store = tokio::time::timeout(std::time::Duration::from_secs(30), opened).await.unwrap();
    let id = sample::provider(1).id;
    store.read(move |state| state.provider(id)).await.map_err(|error: StoreError| error).unwrap();
    drop(store);
    open(&database);
}
