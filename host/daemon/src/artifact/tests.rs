#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use cap_std::ambient_authority;
use futures_util::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use super::*;

fn blobs(home: &tempfile::TempDir) -> Blobs {
    Blobs::open(Dir::open_ambient_dir(home.path(), ambient_authority()).unwrap()).unwrap()
}

fn pieces(bytes: &[u8]) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Unpin + use<> {
    let pieces: Vec<_> = bytes.chunks(60_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn is_empty(home: &tempfile::TempDir, blobs: &Blobs) -> bool {
    let incoming = std::fs::read_dir(home.path().join(INCOMING)).unwrap().count();
    incoming == 0 && blobs.digests().unwrap().is_empty()
}

async fn bytes_of(blob: VerifiedBlob) -> io::Result<Vec<u8>> {
    blob.into_stream()
        .try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}

#[tokio::test]
async fn bytes_come_back_as_they_were_and_twice_is_once() {
    let home = tempfile::tempdir().unwrap();
    let blobs = blobs(&home);
    for size in [0, 1, 128 * 1024, 128 * 1024 + 1, 1_000_003] {
        let bytes: Vec<u8> = (0..size).map(|nth: usize| (nth % 251) as u8).collect();
        let expected = Expected { sha256: Some(sha256(&bytes)), size: Some(size as u64), most: None };
        for _ in 0..2 {
            let blob = blobs.receive(pieces(&bytes), &expected).await.unwrap();
            assert_eq!((blob.sha256, blob.size), (sha256(&bytes), size as u64));
        }
        let blob = blobs.reader(&sha256(&bytes), size as u64).await.unwrap();
        assert_eq!(bytes_of(blob).await.unwrap(), bytes, "{size} bytes");
    }
    assert_eq!(blobs.digests().unwrap().len(), 5);
}

#[tokio::test]
async fn bytes_that_are_not_what_was_said_are_refused_and_nothing_of_them_is_kept() {
    let bytes = vec![7; 200_000];
    let none = Expected::default();
    for (expected, code) in [
        (Expected { sha256: Some(sha256(b"other")), ..none.clone() }, "artifact.mismatch"),
        (Expected { size: Some(199_999), ..none.clone() }, "artifact.mismatch"),
        (Expected { size: Some(200_001), ..none.clone() }, "artifact.mismatch"),
        (Expected { most: Some(100_000), ..none.clone() }, "artifact.too-large"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let blobs = blobs(&home);
        let error = blobs.receive(pieces(&bytes), &expected).await.unwrap_err();
        assert_eq!(error.code(), code, "{expected:?}");
        assert!(is_empty(&home, &blobs), "{expected:?}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let blobs = blobs(&home);
    let broken = stream::iter([Ok(Bytes::from_static(b"half")), Err(io::Error::other("hung up"))]);
    let error = blobs.receive(broken, &Expected::default()).await.unwrap_err();
    assert_eq!(error.code(), "artifact.broken-off");
    // Somebody who waits no longer: the future is dropped in the middle.
    let endless = stream::iter([Ok(Bytes::from_static(b"half"))]).chain(stream::pending()).boxed();
    let expected = Expected::default();
    let waiting = blobs.receive(endless, &expected);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), waiting).await.is_err());
    drop(blobs);
    assert!(is_empty(&home, &self::blobs(&home)));
}

#[tokio::test]
async fn damaged_bytes_end_in_an_error_and_never_come_whole() {
    for size in [10, 128 * 1024, 500_000] {
        let home = tempfile::tempdir().unwrap();
        let blobs = blobs(&home);
        let bytes = vec![7; size];
        let blob = blobs.receive(pieces(&bytes), &Expected::default()).await.unwrap();
        let file = home.path().join(path(&blob.sha256));
        let mut damaged = bytes.clone();
        damaged[0] ^= 1;
        std::fs::write(&file, &damaged).unwrap();
        let mut read = blobs.reader(&blob.sha256, blob.size).await.unwrap().into_stream().boxed();
        let mut given = 0;
        let error = loop {
            match read.next().await.unwrap() {
                Ok(piece) => given += piece.len(),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(given < size && (size > 128 * 1024 || given == 0), "{given} of {size} came out");
        std::fs::write(&file, &damaged[1..]).unwrap();
        let error = blobs.reader(&blob.sha256, blob.size).await.err().unwrap();
        assert_eq!(error.code(), "artifact.mismatch", "another size is seen before the first byte");
    }
}

#[tokio::test]
async fn what_a_crash_left_is_removed_at_the_start() {
    let home = tempfile::tempdir().unwrap();
    drop(blobs(&home));
    std::fs::write(home.path().join(INCOMING).join("0197"), b"half").unwrap();
    assert!(is_empty(&home, &blobs(&home)));
}

#[tokio::test]
async fn bytes_that_are_not_there_are_named() {
    let home = tempfile::tempdir().unwrap();
    let error = blobs(&home).reader(&sha256(b"x"), 1).await.err().unwrap();
    assert_eq!(error.code(), "artifact.missing");
}
