//! Files of the host's on their way to a release: the plan, the bytes through the door, and what became of them.

use std::{collections::BTreeMap, time::Duration};

use futures_util::StreamExt as _;
use novacron_cicd_domain::{
    Retry,
    platform::{CallError, CallErrorKind, Change, Outcome, PageRequest, UploadRequest},
};
use novacron_cicd_fakes::house::{operation, secret};
use tokio::time::Instant;

use super::{REPO, Setup};

fn request(bytes: &[u8], sha256: String) -> UploadRequest {
    UploadRequest {
        run: None,
        name: "my app.zip".into(),
        version: Some("v1.0".into()),
        size: bytes.len() as u64,
        sha256,
        media_type: Some("application/zip".into()),
        options: BTreeMap::new(),
    }
}

impl Setup {
    async fn upload(&self, request: UploadRequest) -> Result<Outcome, CallError> {
        let change = Change::ArtifactUpload { request };
        self.provider.change(&operation(), change).await.map(|changed| changed.outcome)
    }
}

#[tokio::test]
async fn a_file_is_put_to_the_release_of_its_version_once() {
    let setup = Setup::new().await;
    let bytes = b"PK of the host's";
    let sha256 = setup.house.keep(bytes);
    let mut ids = Vec::new();
    // The second time the name is taken by the very same bytes: as where the answer to the first was lost.
    for _ in 0..2 {
        let uploaded = setup.upload(request(bytes, sha256.clone())).await.unwrap();
        let Outcome::Artifact { id, url, digests, .. } = uploaded else { unreachable!("{uploaded:?}") };
        assert_eq!((digests.get("sha256"), url.is_some()), (Some(&sha256), true));
        ids.push(id);
    }
    assert_eq!(ids[0], ids[1]);
    let sent = setup.github.seen().into_iter().find(|seen| seen.path().starts_with("/api/uploads")).unwrap();
    assert_eq!((sent.method.as_str(), sent.bytes.as_ref()), ("POST", &bytes[..]));
    assert_eq!(sent.header("content-length"), Some(bytes.len().to_string().as_str()));
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {}", secret("token")).as_str()));

    let all = setup.provider.list_artifacts(None, &PageRequest { cursor: None, limit: 10 }).await.unwrap().items;
    assert_eq!((all.len(), &all[0].id, all[0].name.as_str()), (1, &ids[0], "my.app.zip"));
    let plan = setup.provider.plan_download(None, &all[0].id, None).await.unwrap();
    let answer = setup.provider.open(&plan.transfer, Instant::now() + Duration::from_secs(30)).await.unwrap();
    let back: Vec<u8> = answer.body.map(|piece| piece.unwrap().to_vec()).concat().await;
    assert_eq!(back, bytes);

    // What an earlier one left half-done stands in nobody's way.
    setup.github.world().repo(REPO).releases[0].assets[0].4 = "starter".into();
    let again = setup.upload(request(bytes, sha256)).await.unwrap();
    assert!(matches!(again, Outcome::Artifact { id, .. } if id != ids[0]));
}

#[tokio::test]
async fn a_file_that_can_not_be_put_there_says_why_and_is_not_sent_again() {
    let setup = Setup::new().await;
    let sha256 = setup.house.keep(b"first");
    setup.upload(request(b"first", sha256.clone())).await.unwrap();
    let other = setup.house.keep(b"other");
    let nowhere = UploadRequest { version: None, ..request(b"first", sha256) };
    // Bytes that the host does not have, and bytes that are fewer than was said.
    let unknown = UploadRequest { name: "unknown".into(), ..request(b"x", "00".repeat(32)) };
    let fewer = UploadRequest { name: "fewer".into(), size: 6, ..request(b"other", other.clone()) };
    for (request, expected) in [
        (request(b"other", other), "call.conflict"),
        (nowhere, "call.invalid-input"),
        (unknown, "call.internal"),
        (fewer, "call.internal"),
    ] {
        let shown = format!("{request:?}");
        let error = setup.upload(request).await.unwrap_err();
        assert_eq!((error.kind.code(), error.retry()), (expected, Retry::Never), "{shown}: {error}");
    }
    let mut world = setup.github.world();
    let releases = &world.repo(REPO).releases;
    assert_eq!((releases.len(), releases[0].assets.len(), releases[0].assets[0].3.as_slice()), (1, 1, &b"first"[..]));
}

#[tokio::test]
async fn an_address_for_bytes_that_was_not_granted_is_not_gone_to() {
    let setup = Setup::new().await;
    // The platform, or who speaks for it, names another host.
    setup.github.distort(|answer| {
        let (here, elsewhere) = ("\"upload_url\":\"http://127.0.0.1", "\"upload_url\":\"http://127.0.0.2");
        let moved = String::from_utf8_lossy(&answer.body).replace(here, elsewhere);
        answer.body = moved.into();
    });
    let sha256 = setup.house.keep(b"bytes");
    let error = setup.upload(request(b"bytes", sha256)).await.unwrap_err();
    assert_eq!((&error.kind, error.retry()), (&CallErrorKind::Denied, Retry::Never), "{error}");
    assert!(error.message.contains("127.0.0.2"), "{error}");
}
