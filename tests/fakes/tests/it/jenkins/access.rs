//! Who we are: tokens, passwords with sessions and crumbs, refusals.

use novacron_cicd_domain::platform::{CallErrorKind, CheckReport, Ticket};
use novacron_cicd_fakes::{
    house::operation,
    jenkins::{Item, USER},
    server::Fault,
};
use serde_json::json;

use super::{Setup, request};

#[tokio::test]
async fn an_api_token_needs_no_crumb_and_the_check_tells_who_and_what() {
    let setup = Setup::new(vec![Item::job("app")]).await;
    let report = setup.provider.check().await.unwrap();
    assert_eq!((report.account.as_deref(), report.platform_version.as_deref()), (Some(USER), Some("2.579")));
    let has = |report: &CheckReport, word: &str| report.features.iter().any(|feature| feature == word);
    assert!(["run-changes", "run-gates", "x-pipeline-rest-api"].iter().all(|word| has(&report, word)));
    assert!(!has(&report, "pipeline-lint") && !has(&report, "x-blueocean-rest"), "{:?}", report.features);
    assert!(report.warnings.iter().any(|line| line.contains("jenkins.internal.example")), "{:?}", report.warnings);

    setup.jenkins.world().lacking.insert("hudson.model.Hudson.Administer".into());
    let report = setup.provider.check().await.unwrap();
    assert!(has(&report, "run-changes") && !has(&report, "run-gates"), "few may see the plugins, and it is no error");
    assert!(report.warnings.iter().any(|line| line.contains("which plugins")), "{:?}", report.warnings);

    setup.provider.trigger(&operation(), request("app", &[])).await.unwrap();
    let seen = setup.jenkins.seen();
    assert!(seen.iter().all(|seen| seen.header("authorization").is_some_and(|value| value.starts_with("Basic "))));
    assert!(seen.iter().all(|seen| seen.header("jenkins-crumb").is_none() && !seen.target.contains("crumb")));
}

#[tokio::test]
async fn a_password_becomes_a_session_whose_crumb_goes_with_every_post() {
    let setup = Setup::new(vec![Item::job("app")]).await;
    let provider = setup.by_password();
    assert!(matches!(provider.trigger(&operation(), request("app", &[])).await.unwrap(), Ticket::Queued(_)));
    let lines = setup.jenkins.lines();
    let login = ["POST /j_spring_security_check", "GET /crumbIssuer/api/json", "GET /me/api/json"];
    assert_eq!(lines[..3], login);
    assert_eq!(lines[3..], ["GET /job/app/api/json", "POST /job/app/build"]);
    let seen = setup.jenkins.seen();
    assert!(seen.iter().all(|seen| seen.header("authorization").is_none()), "the password goes to the form alone");

    provider.check().await.unwrap();
    assert_eq!(setup.jenkins.lines().iter().filter(|line| **line == login[0]).count(), 1, "one login serves all");

    // A restart of Jenkins: a read and a change each find the session gone, and are sent again.
    for _ in 0..2 {
        setup.jenkins.end_sessions();
        setup.jenkins.forget_seen();
        assert_eq!(provider.check().await.unwrap().account.as_deref(), Some(USER));
        assert!(setup.jenkins.lines().contains(&login[0].to_owned()));
    }
}

#[tokio::test]
async fn a_controller_without_crumbs_takes_a_session_alone() {
    let setup = Setup::new(vec![Item::job("app")]).await;
    setup.jenkins.world().crumbs = false;
    assert!(setup.by_password().trigger(&operation(), request("app", &[])).await.is_ok());
}

#[tokio::test]
async fn a_login_that_can_not_be_says_why_and_sends_nothing_else() {
    let setup = Setup::new(vec![Item::job("app")]).await;
    let stranger = setup.house.provider(&setup.jenkins.url(), json!({}), Some(("password", "nobody & co")));
    let error = stranger.trigger(&operation(), request("app", &[])).await.unwrap_err();
    assert!(error.message.contains("login") && error.message.contains("403"), "{error:?}");
    assert!(!setup.jenkins.lines().iter().any(|line| line.contains("/job/")));
    assert!(
        setup.jenkins.seen()[0].body.starts_with("j_username=nobody+%26+co&")
            || setup.jenkins.seen()[0].body.starts_with("j_username=nobody%20%26%20co&")
    );
}

#[tokio::test]
async fn a_refusal_is_told_as_what_it_is() {
    let setup = Setup::new(vec![Item::job("app")]).await;
    let stranger = setup.house.provider(&setup.jenkins.url(), json!({}), Some(("token", "nobody")));
    let error = stranger.check().await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unauthorized);
    assert!(error.message.contains("Invalid password/token for user: nobody"), "{error:?}");

    setup.jenkins.world().lacking.insert("hudson.model.Item.Build".into());
    let error = setup.provider.trigger(&operation(), request("app", &[])).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Forbidden(Some("hudson.model.Item.Build".into())));
    assert_eq!(error.message, "ci lacks the permission hudson.model.Item.Build");

    let error = setup.provider.get_pipeline("gone").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NotFound);

    setup.jenkins.world().booting = true;
    let error = setup.provider.check().await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Transient);

    setup.jenkins.world().booting = false;
    setup.jenkins.world().behind_login = true;
    let error = setup.provider.check().await.unwrap_err();
    assert!(matches!(error.kind, CallErrorKind::Upstream { .. }) && error.message.contains("not Jenkins"), "{error:?}");

    setup.jenkins.world().behind_login = false;
    let moved = vec![("location".to_owned(), "https://elsewhere.example/".to_owned())];
    setup.jenkins.fail("GET /job/app", Fault::Refuse(301, moved, String::new()));
    let error = setup.provider.get_pipeline("app").await.unwrap_err();
    assert!(error.message.contains("redirected") && error.hint.unwrap().contains("base URL"));
}

#[tokio::test]
async fn without_a_credential_what_anonymous_users_may_do_is_all() {
    let setup = Setup::new(vec![]).await;
    let nobody = setup.house.provider(&setup.jenkins.url(), json!({}), None);
    let error = nobody.check().await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Forbidden(Some("hudson.model.Hudson.Read".into())));
}
