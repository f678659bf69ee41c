//! Buildbot keeps no files that it would hand out: a step publishes a link, and the file is fetched from the other origin.

use reqwest::header::{AUTHORIZATION, COOKIE};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Site;

#[tokio::test]
async fn what_a_step_published_is_downloaded_from_its_own_origin_and_kept() {
    let site = Site::new().await;
    site.adopt("backend", "backend").await;
    let (id, _) = site.trigger("backend", &[("VERSION", "3.1")]).await;
    site.run_over(&id).await;
    let wanted = b"program 3.1\n";

    let listed = site.api.get(&format!("/v1/runs/{id}/artifacts")).await.expect(200).json;
    let [artifact] = &listed["items"].as_array().unwrap()[..] else { panic!("one artifact: {listed:#}") };
    assert_eq!((&artifact["name"], &artifact["sha256"]), (&json!("app.bin"), &json!(null)), "{artifact:#}");
    let published = site.buildbot.published();
    assert_eq!(published.asked().len(), 0, "nobody wants its bytes yet");
    for folder in ["first", "second"] {
        site.cli.ok(&["artifact", "download", "--run", &id, "--dir", folder]).await;
        let file = site.host.home().work().join(folder).join("app.bin");
        assert_eq!(std::fs::read(file).unwrap(), wanted);
    }
    let path = format!("/v1/artifacts/{}", artifact["id"].as_str().unwrap());
    assert_eq!(site.api.get(&path).await.expect(200).text("/sha256"), hex::encode(Sha256::digest(wanted)));
    let asked = published.asked();
    assert_eq!(asked.len(), 1, "it is kept from then on");
    assert!(!asked[0].contains_key(COOKIE) && !asked[0].contains_key(AUTHORIZATION), "{:?}", asked[0]);
}
