//! What we sign and seal, and what others do.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use novacron_cicd_domain::Timestamp;
use novacron_cicd_fakes::judge::{Judge, spoke};
use novacron_cicd_vault::{
    Secret,
    sign::{WebhookHeaders, seal_box, standard_webhooks, verify_github, verify_standard_webhooks},
};
use serde_json::json;

const BODY: &str = "{\"zen\":\"Keep it logically awesome. \u{e4}\"}";

#[tokio::test]
async fn what_octokit_signs_as_github_is_taken_and_nothing_that_was_changed() {
    let mut judge = Judge::begin("webhooks.cjs", &[]);
    let secret = "it is long enough";
    let signature = judge.ask("sign_github", json!({ "secret": secret, "body": BODY })).await;
    let (signature, secret) = (signature.as_str().unwrap(), Secret::new(secret));
    assert_eq!(verify_github(&[&secret], signature, BODY.as_bytes()), Ok(()));
    assert!(verify_github(&[&secret], signature, BODY.replace("zen", "Zen").as_bytes()).is_err());
    assert!(verify_github(&[&Secret::new("another")], signature, BODY.as_bytes()).is_err());
    let versions = judge.ask("versions", json!({})).await;
    spoke("octokit-webhooks", versions["github"].as_str().unwrap());
}

#[tokio::test]
async fn standard_webhooks_takes_what_we_sign_and_we_what_it_signs() {
    let mut judge = Judge::begin("webhooks.cjs", &[]);
    let (text, id) = (format!("whsec_{}", STANDARD.encode([7; 32])), "msg_1");
    let secret = Secret::new(text.clone());
    #[expect(clippy::disallowed_methods, reason = "the judge has no clock but the machine's")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let ours = standard_webhooks(&secret, id, i64::try_from(now).unwrap(), BODY.as_bytes()).unwrap();
    let given = |seconds: u64, body: &str| json!({ "secret": text, "id": id, "seconds": seconds, "signature": ours, "body": body });
    judge.ask("verify_standard", given(now, BODY)).await;
    for wrong in [given(now, "{}"), given(now - 3600, BODY)] {
        assert!(judge.try_ask("verify_standard", wrong).await.is_err());
    }
    let theirs = judge.ask("sign_standard", json!({ "secret": text, "id": id, "seconds": now, "body": BODY })).await;
    let (signature, timestamp) = (theirs.as_str().unwrap(), now.to_string());
    let headers = WebhookHeaders { id, timestamp: &timestamp, signature };
    let at = Timestamp(i64::try_from(now).unwrap() * 1000);
    assert_eq!(verify_standard_webhooks(&[&secret], headers, BODY.as_bytes(), at, 300), Ok(()));
    let headers = WebhookHeaders { id, timestamp: &timestamp, signature };
    assert!(verify_standard_webhooks(&[&secret], headers, b"{}", at, 300).is_err());
    let versions = judge.ask("versions", json!({})).await;
    spoke("standardwebhooks", versions["standard"].as_str().unwrap());
}

#[tokio::test]
async fn libsodium_opens_what_we_seal_to_its_key() {
    let mut judge = Judge::begin("sealed_by_pynacl.py", &[]);
    let key = judge.ask("key", json!({})).await;
    let key: [u8; 32] = STANDARD.decode(key.as_str().unwrap()).unwrap().try_into().unwrap();
    let sealed = STANDARD.encode(seal_box(&key, &Secret::new("kept & sealed \u{e4}")).unwrap());
    assert_eq!(judge.ask("open", json!({ "sealed": sealed })).await, "kept & sealed \u{e4}");
    let other = STANDARD.encode(seal_box(&[9; 32], &Secret::new("x")).unwrap());
    assert!(judge.try_ask("open", json!({ "sealed": other })).await.is_err());
    spoke("pynacl", judge.ask("version", json!({})).await.as_str().unwrap());
}
