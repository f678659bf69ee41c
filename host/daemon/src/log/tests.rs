#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, time::Duration};

use cap_std::ambient_authority;
use novacron_cicd_domain::{
    Timestamp,
    id::{PipelineId, ProviderId},
    name::Name,
    pipeline::Pipeline,
    provider::{Grants, Health, Provider},
    run::Run,
    status::{State, Status, Times},
};
use novacron_cicd_vault::{KeySource, Secret};
use uuid::Uuid;

use super::*;

struct Place {
    home: tempfile::TempDir,
    store: Store,
    vault: Arc<Vault>,
    masker: Arc<ArcSwap<Masker>>,
    key: LogKey,
}

impl Place {
    async fn new(secrets: &[&str]) -> Self {
        let store = Store::in_memory().unwrap();
        let run = run();
        let key = LogKey { run: run.id, attempt: 1, job: None };
        store
            .write(move |tx| {
                tx.insert_provider(&provider(run.provider))?;
                tx.insert_pipeline(&pipeline(&run))?;
                tx.insert_run(&run)
            })
            .await
            .unwrap();
        let vault = Arc::new(Vault::open(&KeySource::Bytes(Secret::new(vec![7; 32]))).unwrap());
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        let masker = Arc::new(ArcSwap::from_pointee(Masker::new(&secrets)));
        Self { home: tempfile::tempdir().unwrap(), store, vault, masker, key }
    }

    /// As after a start: nothing is remembered but what is stored.
    fn logs(&self) -> Logs {
        let dir = Dir::open_ambient_dir(self.home.path(), ambient_authority()).unwrap();
        Logs::new(dir, self.store.clone(), self.vault.clone(), self.masker.clone())
    }

    fn file(&self) -> std::path::PathBuf {
        self.home.path().join(file::path(&self.key))
    }

    async fn add(&self, logs: &Logs, offset: u64, bytes: &[u8], complete: bool) -> Result<Appended, LogError> {
        logs.append(self.key.clone(), piece(offset, bytes, complete)).await
    }

    async fn text(&self) -> String {
        let chunk = self.logs().read(&self.key, 0, u32::MAX).await.unwrap();
        String::from_utf8(chunk.bytes).unwrap()
    }
}

fn piece(offset: u64, bytes: &[u8], complete: bool) -> Piece {
    let bytes = bytes::Bytes::copy_from_slice(bytes);
    Piece { offset: Some(offset), bytes, complete, token: None, at: None, now: Timestamp(1) }
}

#[tokio::test]
async fn pieces_join_on_duplicates_add_nothing_and_gaps_say_what_is_missing() {
    let place = Place::new(&[]).await;
    let logs = place.logs();
    // Offset, bytes, where the next one begins; none: refused, with that as what is expected.
    for (offset, bytes, next) in
        [(0, "one\n", Some(4)), (0, "one\n", Some(4)), (2, "e\nmore", Some(4)), (9, "gap", None), (4, "two\n", Some(8))]
    {
        match (place.add(&logs, offset, bytes.as_bytes(), false).await, next) {
            (Ok(added), Some(next)) => assert_eq!(added.position.received, next, "{offset} {bytes:?}"),
            (Err(LogError::Gap { expected, given }), None) => assert_eq!((expected, given), (4, 9)),
            (other, _) => panic!("{offset} {bytes:?}: {other:?}"),
        }
    }
    assert_eq!(place.text().await, "one\ntwo\n");
}

#[tokio::test]
async fn a_sender_goes_on_after_a_restart_where_it_stopped() {
    let place = Place::new(&[]).await;
    place.add(&place.logs(), 0, b"before\n", false).await.unwrap();
    let logs = place.logs();
    assert!(!place.add(&logs, 0, b"before\n", false).await.unwrap().new);
    place.add(&logs, 7, b"after\n", false).await.unwrap();
    assert_eq!(place.text().await, "before\nafter\n");
    let chunk = logs.read(&place.key, 7, 100).await.unwrap();
    assert_eq!((chunk.bytes.as_slice(), chunk.next, chunk.complete), (b"after\n".as_slice(), 13, false));
}

#[tokio::test]
async fn what_a_crash_left_behind_the_position_is_not_read_and_is_written_over() {
    let place = Place::new(&[]).await;
    place.add(&place.logs(), 0, b"whole\n", false).await.unwrap();
    let mut torn = std::fs::read(place.file()).unwrap();
    torn.extend_from_slice(b"torn bytes of a piece that was never counted");
    std::fs::write(place.file(), torn).unwrap();
    assert_eq!(place.text().await, "whole\n");
    place.add(&place.logs(), 6, b"next\n", false).await.unwrap();
    assert_eq!(std::fs::read_to_string(place.file()).unwrap(), "whole\nnext\n");
}

#[tokio::test]
async fn a_secret_split_at_any_place_over_two_pieces_and_a_restart_never_reaches_the_file() {
    const SECRET: &str = "s3cr3t-Value/77";
    for restart in [false, true] {
        for split in 0..=SECRET.len() {
            let place = Place::new(&[SECRET]).await;
            let text = format!("token={SECRET}\nend\n");
            let (head, tail) = text.split_at("token=".len() + split);
            let logs = place.logs();
            place.add(&logs, 0, head.as_bytes(), false).await.unwrap();
            let logs = if restart { place.logs() } else { logs };
            place.add(&logs, head.len() as u64, tail.as_bytes(), true).await.unwrap();
            assert_eq!(place.text().await, "token=***\nend\n", "split at {split}, restart {restart}");
        }
    }
}

#[tokio::test]
async fn what_is_held_back_is_sealed_in_the_store() {
    let place = Place::new(&["s3cr3t-Value/77"]).await;
    place.add(&place.logs(), 0, b"token=s3cr3t-Val", false).await.unwrap();
    let key = place.key.clone();
    let stored = place.store.read(move |state| state.log_position(key.run, 1, None)).await.unwrap();
    assert_eq!((stored.received, stored.written), (16, 6));
    assert!(!stored.carry.is_empty());
    assert!(!stored.carry.windows(4).any(|window| window == b"s3cr"));
}

#[tokio::test]
async fn a_runs_own_token_is_masked_and_so_is_a_secret_that_was_set_in_the_middle() {
    let place = Place::new(&[]).await;
    let logs = place.logs();
    let with_token = |offset, text: &str| Piece {
        token: Some(Secret::new("ncr_abcdefghijklmnop")),
        ..piece(offset, text.as_bytes(), false)
    };
    let first = "+ curl -H 'Bearer ncr_abcdefghijklmnop'\nnew-s3cret is not set yet\n";
    logs.append(place.key.clone(), with_token(0, first)).await.unwrap();
    place.masker.store(Arc::new(Masker::new(&[Secret::new("new-s3cret")])));
    let second = "echo new-s3cret ncr_abcdefghijklmnop\n";
    logs.append(place.key.clone(), with_token(first.len() as u64, second)).await.unwrap();
    assert_eq!(place.text().await, "+ curl -H 'Bearer ***'\nnew-s3cret is not set yet\necho *** ***\n");
}

#[tokio::test]
async fn a_complete_log_gives_what_was_held_back_and_takes_nothing_more() {
    let place = Place::new(&["s3cr3t-Value/77"]).await;
    let logs = place.logs();
    place.add(&logs, 0, b"it ends with s3cr3t", true).await.unwrap();
    assert_eq!(place.text().await, "it ends with s3cr3t");
    assert!(!place.add(&logs, 19, b"", true).await.unwrap().new, "closed twice is closed");
    assert!(matches!(place.add(&logs, 19, b"more", false).await, Err(LogError::Complete)));
    let chunk = logs.read(&place.key, 19, 10).await.unwrap();
    assert!(chunk.complete && chunk.bytes.is_empty());
    assert!(matches!(logs.read(&place.key, 20, 10).await, Err(LogError::BehindEnd { offset: 20, written: 19 })));
}

#[tokio::test]
async fn followers_see_every_byte_once_wherever_they_begin_and_end_with_the_log() {
    let place = Place::new(&[]).await;
    let logs = place.logs();
    let mut followers = Vec::new();
    place.add(&logs, 0, b"0123", false).await.unwrap();
    for from in 0..=4 {
        let mut follower = logs.follow(&place.key, from).await.unwrap();
        followers.push(tokio::spawn(async move {
            let mut bytes = Vec::new();
            loop {
                let chunk = follower.next().await.unwrap();
                bytes.extend(chunk.bytes);
                if chunk.complete {
                    return (from, bytes);
                }
            }
        }));
    }
    let mut whole = b"0123".to_vec();
    for nth in 0..50 {
        let line = format!("line {nth}\n");
        place.add(&logs, whole.len() as u64, line.as_bytes(), nth == 49).await.unwrap();
        whole.extend(line.as_bytes());
    }
    for follower in followers {
        let (from, bytes) = tokio::time::timeout(Duration::from_secs(20), follower).await.unwrap().unwrap();
        assert_eq!(bytes, whole[usize::try_from(from).unwrap()..]);
    }
}

#[tokio::test]
async fn many_pieces_at_once_are_taken_in_one_order_or_refused() {
    let place = Place::new(&[]).await;
    let logs = place.logs();
    let racing = (0..8_u8).map(|nth| {
        let (logs, key) = (logs.clone(), place.key.clone());
        tokio::spawn(async move { logs.append(key, piece(0, &[b'a' + nth; 4], false)).await.unwrap().new })
    });
    let mut new = 0;
    for task in racing.collect::<Vec<_>>() {
        new += usize::from(task.await.unwrap());
    }
    assert_eq!((new, place.text().await.len()), (1, 4));
}

fn run() -> Run {
    let id = RunId(Uuid::now_v7());
    Run {
        id,
        pipeline: PipelineId(Uuid::now_v7()),
        pipeline_name: Name::new("build").unwrap(),
        provider: ProviderId(Uuid::now_v7()),
        origin: "us".into(),
        retry_of: None,
        seen: None,
        external_id: None,
        ticket: None,
        number: None,
        attempt: 1,
        correlation: "c".into(),
        status: Status::ours(State::Running),
        cancel_requested: false,
        times: Times::default(),
        reference: None,
        commit: None,
        actor: None,
        url: None,
        parameters: BTreeMap::new(),
        environment: BTreeMap::new(),
        graph: None,
        version: 1,
    }
}

fn provider(id: ProviderId) -> Provider {
    Provider {
        id,
        name: Name::new("fake").unwrap(),
        plugin: "fake".into(),
        base_url: url::Url::parse("https://ci.example.com/").unwrap(),
        settings: serde_json::json!({}),
        credentials: BTreeMap::new(),
        grants: Grants::default(),
        health: Health::default(),
        version: 1,
        created: Timestamp(1),
        updated: Timestamp(1),
    }
}

fn pipeline(run: &Run) -> Pipeline {
    Pipeline {
        id: run.pipeline,
        name: run.pipeline_name.clone(),
        provider: run.provider,
        external_ref: None,
        repository: None,
        reference: None,
        parameters: Vec::new(),
        environment: BTreeMap::new(),
        webhook_url: None,
        version: 1,
        created: Timestamp(1),
        updated: Timestamp(1),
    }
}
