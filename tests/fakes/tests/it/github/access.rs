//! Who we are, what is refused, and what GitHub's limits become.

use novacron_cicd_domain::platform::{CallErrorKind, PageRequest};
use novacron_cicd_fakes::{
    github::{spent, too_fast},
    server::Fault,
};
use serde_json::json;

use super::{REPO, Setup};

#[tokio::test]
async fn a_check_tells_the_account_and_what_its_token_lacks() {
    let setup = Setup::new().await;
    let report = setup.provider.check().await.unwrap();
    assert_eq!((report.account.as_deref(), report.missing_permissions.len()), (Some("octocat"), 0));
    setup.github.world().scopes = Some("repo".into());
    assert_eq!(setup.provider.check().await.unwrap().missing_permissions, ["scope workflow"]);
    setup.github.world().token = "another".into();
    assert_eq!(setup.provider.check().await.unwrap_err().kind, CallErrorKind::Unauthorized);
}

#[tokio::test]
async fn each_request_says_who_sends_it_and_for_which_version() {
    let setup = Setup::new().await;
    setup.provider.check().await.unwrap();
    for seen in setup.github.seen() {
        assert!(seen.header("user-agent").is_some_and(|agent| agent.starts_with("novacron-cicd/")));
        assert_eq!(seen.header("x-github-api-version"), Some("2022-11-28"));
        assert!(seen.header("authorization").is_some_and(|value| value.starts_with("Bearer ")));
    }
}

#[tokio::test]
async fn what_did_not_change_is_asked_for_by_its_tag_and_read_all_the_same() {
    let setup = Setup::new().await;
    let page = PageRequest { cursor: None, limit: 10 };
    let first = setup.provider.list_pipelines(&page).await.unwrap();
    assert_eq!(setup.provider.list_pipelines(&page).await.unwrap(), first);
    let tags: Vec<_> = setup.github.seen().iter().map(|seen| seen.header("if-none-match").is_some()).collect();
    assert_eq!(tags, [false, true]);
}

#[tokio::test]
async fn a_spent_limit_is_no_lack_of_a_permission() {
    let setup = Setup::new().await;
    let page = PageRequest { cursor: None, limit: 10 };
    // The house's clock stands at that second.
    let rows = [
        (spent(1_800_000_007), CallErrorKind::RateLimited(Some(7_000))),
        (too_fast(Some(3)), CallErrorKind::RateLimited(Some(3_000))),
        (too_fast(None), CallErrorKind::RateLimited(Some(60_000))),
        (
            Fault::Refuse(
                403,
                vec![("x-accepted-github-permissions".into(), "actions=read".into())],
                r#"{"message":"Resource not accessible by personal access token"}"#.into(),
            ),
            CallErrorKind::Forbidden(Some("actions=read".into())),
        ),
    ];
    for (fault, kind) in rows {
        setup.github.fail("/actions/workflows", fault);
        assert_eq!(setup.provider.list_pipelines(&page).await.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn a_repository_that_is_not_in_the_settings_is_never_asked_for() {
    let setup = Setup::new().await;
    setup.github.world().add_repo("acme/other", &[(".github/workflows/ci.yml", super::CI)]);
    let error = setup.provider.get_pipeline("acme/other/ci.yml").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NotFound);
    assert!(setup.github.lines().is_empty());
}

#[tokio::test]
async fn a_renamed_repository_is_followed_for_reads_and_changes() {
    let setup = Setup::new().await;
    let number = setup.begin().await;
    {
        let mut world = setup.github.world();
        let repo = world.repo(REPO);
        repo.name = "acme/new".into();
        repo.former.push(REPO.into());
    }
    let found = setup.provider.get_run(&super::run_of(number, None)).await.unwrap();
    assert_eq!(found.pipeline, super::PIPELINE, "it stays what the settings call it");
    let target = novacron_cicd_domain::platform::CancelTarget::Run(super::run_of(number, None));
    setup.provider.cancel(&novacron_cicd_fakes::house::operation(), &target).await.unwrap();
    assert_eq!(setup.github.world().asked(number), ["cancel"]);
    assert!(setup.provider.check().await.unwrap().warnings[0].contains("called acme/new"));
}

#[tokio::test]
async fn an_enterprise_server_is_reached_below_its_path() {
    let setup = Setup::new().await;
    let url = format!("{}/api/v3", setup.github.url());
    let provider = setup.house.provider(&url, json!({ "repositories": [REPO] }), Some(("token", "octocat")));
    let page = provider.list_pipelines(&PageRequest { cursor: None, limit: 10 }).await.unwrap();
    assert_eq!(page.items.len(), 2);
    assert!(setup.github.lines()[0].starts_with("GET /api/v3/repos/"));
}
