//! Who we are there, and what is told of it.

use novacron_cicd_domain::platform::CallErrorKind;
use novacron_cicd_fakes::{gitlab::Project, server::Fault};
use serde_json::json;

use super::{APP, SMALL, Setup};

#[tokio::test]
async fn a_gitlab_under_a_relative_root_is_known_with_its_account() {
    let setup = Setup::with(vec![Project::new(APP, SMALL)], json!({ "projects": [APP] })).await;
    let report = setup.provider.check().await.unwrap();
    assert_eq!((report.account.as_deref(), report.platform_version.as_deref()), (Some("ci-bot"), Some("18.2.1")));
    assert_eq!((report.missing_permissions, report.warnings), (vec![], vec![]));
    assert!(setup.gitlab.seen().iter().all(|seen| seen.header("private-token").is_some()));
    setup.gitlab.world().level = 20;
    setup.gitlab.world().scopes = vec!["read_api".into()];
    let report = setup.provider.check().await.unwrap();
    assert_eq!(report.missing_permissions, ["api", "create_runner", "Developer in g/sub/app"]);
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_unauthorized_and_one_too_weak_forbidden() {
    let setup = Setup::new(SMALL).await;
    setup.gitlab.world().scopes = vec!["read_api".into()];
    let error =
        setup.provider.trigger(&novacron_cicd_fakes::house::operation(), super::request(&[])).await.unwrap_err();
    assert!(matches!(error.kind, CallErrorKind::Forbidden(Some(ref it)) if it == "api"), "{error:?}");
    setup.gitlab.world().token = "another".into();
    assert_eq!(setup.provider.check().await.unwrap_err().kind, CallErrorKind::Unauthorized);
    let page = Fault::Refuse(200, vec![("content-type".into(), "text/html".into())], "<title>Sign in</title>".into());
    setup.gitlab.fail("GET /api/v4/version", page);
    let error = setup.provider.check().await.unwrap_err();
    assert!(matches!(error.kind, CallErrorKind::Upstream { .. }), "{error:?}");
}
