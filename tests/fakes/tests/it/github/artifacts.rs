//! What a run kept, and how it is fetched.

use std::time::Duration;

use futures_util::StreamExt as _;
use novacron_cicd_domain::platform::{CallErrorKind, PageRequest};
use tokio::time::Instant;

use super::{Setup, run_of};

#[tokio::test]
async fn an_artifact_comes_with_its_digest_from_elsewhere_and_without_our_token() {
    let setup = Setup::new().await;
    let number = setup.begin().await;
    let id = setup.github.world().keep(number, "out", b"PK zip");
    let run = run_of(number, Some(1));
    let page = PageRequest { cursor: None, limit: 10 };
    let all = setup.provider.list_artifacts(Some(&run), &page).await.unwrap().items;
    assert_eq!((all[0].id.clone(), all[0].size, all[0].expired), (id.to_string(), Some(6), false));
    let plan = setup.provider.plan_download(Some(&run), &all[0].id, None).await.unwrap();
    assert_eq!((plan.encoding.as_str(), &plan.digests), ("zip", &all[0].digests));
    let answer = setup.provider.open(&plan.transfer, Instant::now() + Duration::from_secs(30)).await.unwrap();
    let bytes: Vec<u8> = answer.body.map(|piece| piece.unwrap().to_vec()).concat().await;
    assert_eq!(bytes, b"PK zip");
    assert!(setup.github.fetched()[0].header("authorization").is_none());

    setup.github.world().expire(id);
    assert!(setup.provider.list_artifacts(Some(&run), &page).await.unwrap().items[0].expired);
    let error = setup.provider.plan_download(Some(&run), &id.to_string(), None).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NotFound);
    assert!(error.message.contains("expired"));
}
