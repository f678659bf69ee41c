//! What must not be seen: values on their way to GitHub, tokens on their way from there, the key of an application.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use novacron_cicd_domain::platform::{CallErrorKind, Change, Outcome, PageRequest, RunnerRequest};
use novacron_cicd_fakes::house::{operation, secret};
use serde_json::{Value, json};

use super::{REPO, Setup};

#[tokio::test]
async fn a_secret_is_sealed_by_the_host_and_opened_by_github_alone() {
    let setup = Setup::new().await;
    setup.github.world().repo(REPO).environments.insert("prod".into(), json!({}));
    for (scope, place) in [(None, ""), (Some("acme/app/prod"), "prod")] {
        let put = Change::SecretPut {
            name: "deploy_key".into(),
            scope: scope.map(str::to_owned),
            kind: "text".into(),
            parts: BTreeMap::from([("value".to_owned(), "parameter".to_owned())]),
            options: BTreeMap::new(),
        };
        setup.provider.change(&operation(), put).await.unwrap();
        let kept = setup.github.world().repo(REPO).secrets[&(place.to_owned(), "DEPLOY_KEY".to_owned())].clone();
        assert_eq!(String::from_utf8(kept).unwrap(), secret("parameter"), "{scope:?}");
    }
    assert!(setup.github.seen().iter().all(|seen| !seen.body.contains(&secret("parameter"))));
}

#[tokio::test]
async fn what_a_runner_begins_with_is_handed_to_the_host_and_not_shown() {
    let setup = Setup::new().await;
    for (kind, part) in [("token", "registration-token-"), ("just-in-time", "jit-")] {
        let request = RunnerRequest {
            name: format!("r-{kind}"),
            labels: vec!["gpu".into()],
            kind: kind.into(),
            options: BTreeMap::new(),
        };
        let create = Change::RunnerCreate { request, keep_as: "kept".into() };
        let made = setup.provider.change(&operation(), create).await.unwrap();
        let handed = made.secret.unwrap();
        assert!(handed.expose_str().unwrap().starts_with(part));
        let Outcome::Runner { id, .. } = &made.outcome else { unreachable!() };
        assert_eq!(id.is_some(), kind == "just-in-time");
        assert!(!format!("{:?}", made.outcome).contains(handed.expose_str().unwrap()));
    }
}

#[tokio::test]
async fn a_webhooks_secret_goes_to_github_and_to_nobody_else() {
    let setup = Setup::new().await;
    let register = Change::HookRegister {
        url: "https://nova.example/hook".into(),
        events: vec![],
        secret: Some("parameter".into()),
        options: BTreeMap::new(),
    };
    let made = setup.provider.change(&operation(), register).await.unwrap();
    assert!(!format!("{:?}", made.outcome).contains(&secret("parameter")));
    let asked = setup.github.world().repo(REPO).hooks[0].asked.clone();
    assert_eq!(asked["config"]["secret"], secret("parameter"));
    assert_eq!((&asked["config"]["content_type"], asked["events"].as_array().unwrap().len()), (&json!("json"), 4));
}

#[tokio::test]
async fn an_applications_key_becomes_a_token_that_is_asked_for_once() {
    let setup = Setup::new().await;
    setup.github.world().app = Some(("Iv23li".into(), 77));
    let settings = json!({ "repositories": [REPO], "app": "Iv23li", "installation": 77 });
    let provider = setup.house.provider(&setup.github.url(), settings, Some(("app", "octocat")));
    let page = PageRequest { cursor: None, limit: 10 };
    for _ in 0..2 {
        assert_eq!(provider.list_pipelines(&page).await.unwrap().items.len(), 2);
    }
    let seen = setup.github.seen();
    let logins: Vec<_> = seen.iter().filter(|seen| seen.path() == "/app/installations/77/access_tokens").collect();
    assert_eq!(logins.len(), 1);
    let jwt = logins[0].header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
    let parts: Vec<&str> = jwt.split('.').collect();
    let part = |at: usize| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[at]).unwrap()).unwrap() };
    assert_eq!((parts.len(), &part(0)["alg"], &part(1)["iss"]), (3, &json!("RS256"), &json!("Iv23li")));
    let minted = setup.github.world().minted[0].0.clone();
    assert!(minted.len() > 300, "a token's length says nothing");
    let used = seen.iter().filter(|seen| seen.header("authorization") == Some(&format!("Bearer {minted}")));
    assert_eq!(used.count(), 2);
    assert_eq!(provider.check().await.unwrap().account.as_deref(), Some("app Iv23li"));
    // It ends: the next request finds it refused, and a new one is asked for.
    setup.github.world().minted.clear();
    assert_eq!(provider.list_pipelines(&page).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn an_application_that_is_not_named_says_so() {
    let setup = Setup::new().await;
    let settings = json!({ "repositories": [REPO], "app": "Iv23li" });
    let provider = setup.house.provider(&setup.github.url(), settings, Some(("app", "octocat")));
    let error = provider.list_pipelines(&PageRequest { cursor: None, limit: 10 }).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unauthorized);
    assert!(error.message.contains("settings.installation"), "{error}");
}
