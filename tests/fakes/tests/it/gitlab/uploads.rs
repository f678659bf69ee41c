//! Files of the host's on their way to a generic package: the plan, the bytes through the door, and what became of them.

use std::{collections::BTreeMap, time::Duration};

use futures_util::StreamExt as _;
use novacron_cicd_domain::platform::{Change, Outcome, PageRequest, UploadRequest};
use novacron_cicd_fakes::{
    gitlab::Project,
    house::{operation, secret},
};
use serde_json::json;
use tokio::time::Instant;

use super::{APP, SMALL, Setup};

#[tokio::test]
async fn a_file_becomes_one_of_a_generic_package_and_comes_back_as_it_was() {
    let setup = Setup::with(vec![Project::new(APP, SMALL)], json!({ "project": APP })).await;
    let bytes = b"a tool of the host's";
    let sha256 = setup.house.keep(bytes);
    let request = UploadRequest {
        run: None,
        name: "tool".into(),
        version: Some("1.0".into()),
        size: bytes.len() as u64,
        sha256: sha256.clone(),
        media_type: None,
        options: BTreeMap::new(),
    };
    let change = Change::ArtifactUpload { request };
    let uploaded = setup.provider.change(&operation(), change).await.unwrap().outcome;
    let Outcome::Artifact { id, digests, .. } = uploaded else { unreachable!("{uploaded:?}") };
    assert_eq!(digests.get("sha256"), Some(&sha256));
    let sent = setup.gitlab.seen().into_iter().find(|seen| seen.method == "PUT").unwrap();
    assert!(sent.path().ends_with("/packages/generic/tool/1.0/tool"), "{}", sent.path());
    assert_eq!((sent.bytes.as_ref(), sent.header("private-token")), (&bytes[..], Some(secret("token").as_str())));

    let all = setup.provider.list_artifacts(None, &PageRequest { cursor: None, limit: 10 }).await.unwrap().items;
    assert_eq!((all.len(), &all[0].id), (1, &id));
    let plan = setup.provider.plan_download(None, &id, None).await.unwrap();
    let answer = setup.provider.open(&plan.transfer, Instant::now() + Duration::from_secs(30)).await.unwrap();
    let back: Vec<u8> = answer.body.map(|piece| piece.unwrap().to_vec()).concat().await;
    assert_eq!(back, bytes);
}
