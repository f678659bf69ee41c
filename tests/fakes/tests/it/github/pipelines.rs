//! Workflows as pipelines.

use std::collections::BTreeMap;

use novacron_cicd_domain::platform::{CallErrorKind, Definition, PageRequest};
use novacron_cicd_fakes::{house::operation, server::Fault};
use serde_json::json;

use super::{CI, PIPELINE, REPO, Setup};

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
    assert_eq!(pipeline.revision, Some(novacron_cicd_fakes::github::sha(CI.as_bytes())));
    let parameters = setup.provider.parameters(PIPELINE, None).await.unwrap();
    let names: Vec<_> = parameters.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["who", "level"], "ours are not the operator's to fill");
    assert!(setup.provider.parameters("acme/app/gone.yml", None).await.is_err());
}

fn definition(source: Option<&str>) -> Definition {
    Definition {
        name: "Nightly".into(),
        source: source.map(|text| text.as_bytes().to_vec()),
        environment: BTreeMap::from([("LEVEL".to_owned(), "high".to_owned())]),
        schedules: vec!["0 3 * * *".into()],
        ..Definition::default()
    }
}

#[tokio::test]
async fn a_definition_becomes_a_workflow_is_changed_by_its_revision_and_deleted() {
    let setup = Setup::new().await;
    let made = setup.provider.create_pipeline(&operation(), definition(None)).await.unwrap();
    assert_eq!((made.id.as_str(), made.name.as_str()), ("acme/app/nightly.yml", "Nightly"));
    let again = setup.provider.create_pipeline(&operation(), definition(None)).await.unwrap();
    assert_eq!(again, made, "the same is there already");
    let other = setup.provider.create_pipeline(&operation(), definition(Some("on: push\njobs: {}\n"))).await;
    assert_eq!(other.unwrap_err().kind, CallErrorKind::Conflict);

    let read = setup.provider.read_definition(&made.id).await.unwrap();
    assert_eq!((read.environment, read.schedules), (definition(None).environment, definition(None).schedules));
    assert_eq!(read.location.as_deref(), Some(".github/workflows/nightly.yml"));
    let source = String::from_utf8(read.source.unwrap()).unwrap();
    assert!(source.contains("run: \"make\""), "{source}");

    let verbatim = format!("# ours\n{source}");
    let revision = made.revision.as_deref();
    let changed =
        setup.provider.update_pipeline(&operation(), &made.id, definition(Some(&verbatim)), revision).await.unwrap();
    assert_eq!(setup.file("nightly.yml"), Some(verbatim));
    let other = definition(Some("on: push\njobs: {a: {}}\n"));
    let stale = setup.provider.update_pipeline(&operation(), &made.id, other, revision).await;
    assert_eq!(stale.unwrap_err().kind, CallErrorKind::Conflict);
    let in_place = Definition { schedules: vec!["1 * * * *".into()], ..definition(None) };
    let changed =
        setup.provider.update_pipeline(&operation(), &made.id, in_place, changed.revision.as_deref()).await.unwrap();
    let text = setup.file("nightly.yml").unwrap();
    assert!(text.starts_with("# ours\n") && text.contains("cron: \"1 * * * *\""), "{text}");

    let delete = |revision: Option<String>| {
        let (provider, id) = (&setup.provider, made.id.clone());
        async move { provider.delete_pipeline(&operation(), &id, revision.as_deref()).await }
    };
    assert_eq!(delete(made.revision.clone()).await.unwrap_err().kind, CallErrorKind::Conflict);
    delete(changed.revision.clone()).await.unwrap();
    assert_eq!(setup.file("nightly.yml"), None);
    delete(changed.revision).await.unwrap();
}

impl Setup {
    fn file(&self, name: &str) -> Option<String> {
        self.github.world().repo(REPO).branches["main"].get(&format!(".github/workflows/{name}")).cloned()
    }
}

#[tokio::test]
async fn a_change_that_somebody_else_was_quicker_with_is_a_conflict() {
    let setup = Setup::new().await;
    let said = r#"{"message":".github/workflows/ci.yml does not match 1234"}"#;
    setup.github.fail("PUT", Fault::Refuse(409, vec![], said.into()));
    let error = setup.provider.update_pipeline(&operation(), PIPELINE, definition(None), None).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Conflict);
    assert_eq!(setup.file("ci.yml").as_deref(), Some(CI));
    // It was not there when we looked, and is when we write.
    let said = r#"{"message":"Invalid request.\n\n\"sha\" wasn't supplied."}"#;
    setup.github.fail("PUT", Fault::Refuse(422, vec![], said.into()));
    let error = setup.provider.create_pipeline(&operation(), definition(None)).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Conflict);
}
