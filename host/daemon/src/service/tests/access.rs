use super::*;
use crate::service::{ErrorClass, NewToken, reset_admin_token, tokens};
use novacron_cicd_domain::Timestamp;

#[tokio::test]
async fn each_change_needs_its_role_and_says_which() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    let services = &house.services;
    let (viewer, operator) = (someone(Role::Viewer), someone(Role::Operator));
    let errors = [
        (services.runs.trigger(&viewer, "build", input(&[])).await.err(), "operator"),
        (services.pipelines.delete(&viewer, "build", false, None).await.err(), "operator"),
        (services.providers.add(&operator, new_provider("x")).await.err(), "admin"),
        (services.providers.remove(&operator, "ci", None).await.err(), "admin"),
        (services.secrets.set(&operator, "x", Secret::new("some-value")).await.err(), "admin"),
        (services.secrets.delete(&operator, "x").await.err(), "admin"),
        (services.tokens.revoke(&operator, "x").await.err(), "admin"),
        (services.audit.list(&operator, Page::default()).await.err(), "admin"),
    ];
    for (error, needed) in errors {
        let error = error.unwrap();
        assert_eq!(error.class(), ErrorClass::Forbidden);
        assert!(error.to_string().ends_with(&format!("needs {needed}")), "{error}");
    }
}

#[tokio::test]
async fn a_token_is_good_until_it_is_revoked_reset_or_over() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    let tokens = &house.services.tokens;
    let new = |name: &str| NewToken { name: name.into(), role: Role::Operator, expires: None };
    let issued = tokens.create(&admin(), new("robot")).await.unwrap();
    let value = issued.value.expose_str().unwrap().to_owned();
    let actor = tokens.authenticate(&value).await.unwrap();
    assert_eq!((actor.name.as_str(), actor.role, actor.token), ("robot", Role::Operator, Some(issued.token.id)));
    assert_eq!(tokens.create(&admin(), new("robot")).await.err().unwrap().code(), "token.name-taken");
    let reset = tokens.reset(&admin(), "robot").await.unwrap();
    assert!(tokens.authenticate(&value).await.is_err(), "the old value is good no more");
    let value = reset.value.expose_str().unwrap().to_owned();
    tokens.authenticate(&value).await.unwrap();
    tokens.revoke(&admin(), "robot").await.unwrap();
    for (bearer, reason) in [
        (value.as_str(), "the token was revoked"),
        ("ncc_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "the token is not known here"),
        ("password", "this is no token of this API"),
    ] {
        let error = tokens.authenticate(bearer).await.unwrap_err();
        assert_eq!((error.class(), error.to_string().as_str()), (ErrorClass::Unauthorized, reason));
    }
    let past = NewToken { expires: Some(Timestamp(1)), ..new("old") };
    assert_eq!(codes(&tokens.create(&admin(), past).await.err().unwrap()), ["token.expires-past"]);
}

#[tokio::test]
async fn the_last_admin_token_is_not_revoked() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    let tokens = &house.services.tokens;
    let new = |name: &str| NewToken { name: name.into(), role: Role::Admin, expires: None };
    tokens.create(&admin(), new("one")).await.unwrap();
    assert_eq!(tokens.revoke(&admin(), "one").await.unwrap_err().code(), "token.last-admin");
    tokens.create(&admin(), new("two")).await.unwrap();
    tokens.revoke(&admin(), "one").await.unwrap();
}

#[tokio::test]
async fn the_first_start_makes_one_admin_token_and_a_reset_makes_it_anew() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let file = StateDir::new(home.path()).admin_token();
    let store = Store::open(StateDir::new(home.path()).database(), &novacron_cicd_store::Options::default()).unwrap();
    let id = novacron_cicd_domain::id::TokenId(uuid::Uuid::now_v7());
    let first = tokens::first_admin(&store, id, file.clone(), Timestamp(1)).await.unwrap().unwrap();
    let kept = std::fs::read_to_string(&file).unwrap();
    assert_eq!(kept.trim().as_bytes(), first.value.expose());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(tokens::first_admin(&store, id, file.clone(), Timestamp(2)).await.unwrap().is_none(), "only once");
    let locked = reset_admin_token(home.path()).await.err().unwrap();
    assert_eq!(locked.class(), ErrorClass::Unavailable, "a host has the state");
    drop(store);
    let again = reset_admin_token(home.path()).await.unwrap();
    assert_eq!(again.token.id, first.token.id);
    assert!(!again.value.matches(first.value.expose()));
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim().as_bytes(), again.value.expose());
}

#[tokio::test]
async fn what_is_done_is_in_the_trail_and_no_value_is() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    house.run().await;
    let trail = house.services.audit.list(&admin(), Page::default()).await.unwrap().items;
    let mut done: Vec<&str> = trail.iter().map(|entry| entry.record.action.as_str()).collect();
    done.reverse();
    assert_eq!(done, ["secret.set", "provider.add", "pipeline.create", "run.trigger"]);
    assert!(!format!("{trail:?}").contains("a-signing-key"));
}
