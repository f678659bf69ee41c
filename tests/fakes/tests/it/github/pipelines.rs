//! Workflows as pipelines.

use novacron_cicd_domain::platform::PageRequest;
use serde_json::json;

use super::{PIPELINE, Setup};

#[tokio::test]
async fn workflows_of_all_repositories_are_listed_page_by_page() {
    let setup = Setup::new().await;
    let files: Vec<(String, String)> =
        (0..5).map(|n| (format!(".github/workflows/w{n}.yml"), format!("name: W{n}\non: push\n"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    setup.github.world().add_repo("acme/lib", &files);
    let settings = json!({ "repositories": ["acme/app", "acme/lib"] });
    let provider = setup.house.provider(&setup.github.url(), settings, Some(("token", "octocat")));
    for limit in [2, 3, 100] {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = provider.list_pipelines(&PageRequest { cursor, limit }).await.unwrap();
            assert!(page.items.len() <= limit as usize);
            all.extend(page.items.into_iter().map(|it| it.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let mut expected = vec!["acme/app/bare.yml".to_owned(), PIPELINE.to_owned()];
        expected.extend((0..5).map(|n| format!("acme/lib/w{n}.yml")));
        assert_eq!(all, expected, "pages of {limit}");
    }
}

#[tokio::test]
async fn a_pipeline_has_its_revision_and_typed_parameters() {
    let setup = Setup::new().await;
    let pipeline = setup.provider.get_pipeline(PIPELINE).await.unwrap();
    assert_eq!((pipeline.name.as_str(), pipeline.enabled), ("CI", true));
    assert_eq!(pipeline.revision, Some(novacron_cicd_fakes::github::sha(super::CI.as_bytes())));
    let parameters = setup.provider.parameters(PIPELINE, None).await.unwrap();
    let names: Vec<_> = parameters.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["who", "level"], "ours are not the operator's to fill");
    assert!(setup.provider.parameters("acme/app/gone.yml", None).await.is_err());
}
