//! What there is to run.

use novacron_cicd_domain::{
    parameter::ParameterKind,
    platform::{PageRequest, RemotePipeline},
};
use novacron_cicd_fakes::{
    house::operation,
    jenkins::{FOLDER, Item, MULTIBRANCH, ORGANIZATION},
};
use serde_json::json;

use super::{Setup, request};

async fn all(setup: &Setup, limit: u32) -> Vec<RemotePipeline> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = setup.provider.list_pipelines(&PageRequest { cursor, limit }).await.unwrap();
        found.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn a_thousand_jobs_in_folders_are_listed_in_a_few_bounded_requests() {
    let jobs = || (0..10).map(|number| Item::job(&format!("job-{number}"))).collect();
    let inner = || (0..10).map(|number| Item::folder(&format!("inner-{number}"), FOLDER, jobs())).collect();
    let outer = (0..10).map(|number| Item::folder(&format!("outer-{number}"), FOLDER, inner())).collect();
    let setup = Setup::new(outer).await;
    setup.jenkins.world().items.push(Item::folder(
        "a",
        FOLDER,
        vec![Item::folder(
            "b",
            FOLDER,
            vec![Item::folder("c", FOLDER, vec![Item::folder("d", FOLDER, vec![Item::job("deep")])])],
        )],
    ));
    for (limit, requests) in [(1000, 2), (100, 11)] {
        setup.jenkins.forget_seen();
        let found = all(&setup, limit).await;
        assert_eq!(
            (found.len(), found[0].id.as_str(), found[1000].id.as_str()),
            (1001, "outer-0/inner-0/job-0", "a/b/c/d/deep")
        );
        let seen = setup.jenkins.seen();
        assert_eq!(seen.len(), requests, "in pages of {limit}");
        assert!(seen.iter().all(|seen| seen.answered <= 1 << 20));
    }
}

#[tokio::test]
async fn names_that_need_encoding_are_found_read_and_run() {
    let names = ["dev%2Fmain", "my app", "a+b#1", "büro", "100%"];
    let branches = names.iter().map(|name| Item::job(name)).collect();
    let setup = Setup::new(vec![Item::folder("repo", MULTIBRANCH, branches)]).await;
    let found = all(&setup, 100).await;
    for (name, pipeline) in names.iter().zip(&found) {
        assert_eq!(pipeline.id, format!("repo/{name}"));
        assert_eq!(setup.provider.get_pipeline(&pipeline.id).await.unwrap().id, pipeline.id);
        setup.provider.trigger(&operation(), request(&pipeline.id, &[])).await.unwrap();
    }
    assert_eq!(setup.jenkins.waiting().len(), names.len());
    assert_eq!(found[0].reference.as_deref(), Some("dev/main"));
    assert!(setup.jenkins.lines().contains(&"POST /job/repo/job/dev%252Fmain/build".to_owned()));
}

#[tokio::test]
async fn a_disabled_job_and_a_folder_are_told_and_take_no_runs() {
    let empty = Item::folder("repo", MULTIBRANCH, vec![]);
    let setup = Setup::new(vec![Item { disabled: true, ..Item::job("old") }, Item::job("new"), empty]).await;
    let found = all(&setup, 100).await;
    assert_eq!(found.iter().map(|it| it.enabled).collect::<Vec<_>>(), [false, true]);
    let error = setup.provider.trigger(&operation(), request("old", &[])).await.unwrap_err();
    assert!(error.message.contains("disabled"), "{error:?}");
    let error = setup.provider.trigger(&operation(), request("repo", &[])).await.unwrap_err();
    assert!(error.message.contains("multibranch project"), "{error:?}");
    assert!(!setup.jenkins.lines().iter().any(|line| line.starts_with("POST")), "nothing was sent");
}

#[tokio::test]
async fn what_holds_branches_can_not_be_run_and_names_one_that_can() {
    let repo = |name: &str| Item::folder(name, MULTIBRANCH, vec![Item::job("dev%2Fmain"), Item::job("PR-12")]);
    let empty = Item::folder("new", MULTIBRANCH, vec![]);
    let organization = Item::folder("org", ORGANIZATION, vec![Item::folder("bare", MULTIBRANCH, vec![]), repo("app")]);
    let setup =
        Setup::new(vec![organization, repo("repo"), Item::folder("team", FOLDER, vec![Item::job("x")]), empty]).await;
    let found = all(&setup, 100).await;
    let rows: Vec<_> = found.iter().map(|it| (it.id.as_str(), it.reference.as_deref())).collect();
    let branches = [("org/app/dev%2Fmain", Some("dev/main")), ("org/app/PR-12", Some("PR-12"))];
    assert_eq!(rows[..2], branches, "an organization folder's branches are pipelines");
    let rows = [
        ("org", "an organization folder, in which each branch of each repository is a job", "org/app/dev%2Fmain"),
        ("repo", "a multibranch project, in which each branch is a job", "repo/dev%2Fmain"),
        ("team", "a folder", "team/x"),
        ("new", "a multibranch project", "no job in it yet"),
    ];
    for (name, what, child) in rows {
        let error = setup.provider.trigger(&operation(), request(name, &[])).await.unwrap_err();
        assert!(error.message.contains(&format!("{name} is {what}")), "{error:?}");
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains(child)), "{error:?}");
    }
    setup.provider.trigger(&operation(), request("org/app/dev%2Fmain", &[])).await.unwrap();
}

#[tokio::test]
async fn parameters_come_with_kind_default_and_choices() {
    let definitions = vec![
        json!({ "type": "BooleanParameterDefinition", "name": "DRY", "defaultParameterValue": { "value": true } }),
        json!({ "type": "ChoiceParameterDefinition", "name": "TARGET", "choices": ["staging", "production"],
                "defaultParameterValue": { "value": "staging" } }),
        json!({ "type": "PasswordParameterDefinition", "name": "KEY", "defaultParameterValue": { "value": "{AQAA}" } }),
    ];
    let setup = Setup::new(vec![super::tracked().with(definitions)]).await;
    let found = setup.provider.parameters("app", None).await.unwrap();
    let rows: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.kind, it.default.as_deref())).collect();
    let expected = [
        ("VERSION", ParameterKind::String, Some("1.0")),
        ("DRY", ParameterKind::Bool, Some("true")),
        ("TARGET", ParameterKind::Choice, Some("staging")),
        ("KEY", ParameterKind::Secret, None),
    ];
    assert_eq!(rows, expected);
    assert_eq!(found[2].choices, ["staging", "production"]);
}
