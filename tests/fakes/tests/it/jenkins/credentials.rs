//! Jenkins' store of credentials: made, changed, told and removed, in folders and their domains.

use std::collections::BTreeMap;

use novacron_cicd_domain::platform::{CallErrorKind, Change, PageRequest};
use novacron_cicd_fakes::{
    house::{operation, secret},
    jenkins::{FOLDER, Item},
};

use super::Setup;

fn put(kind: &str, scope: Option<&str>, parts: &[&str]) -> Change {
    Change::SecretPut {
        name: format!("{kind}-1"),
        scope: scope.map(str::to_owned),
        kind: kind.into(),
        parts: parts.iter().map(|part| ((*part).to_owned(), "parameter".to_owned())).collect(),
        options: BTreeMap::from([("description".to_owned(), "a < b".to_owned())]),
    }
}

async fn told(setup: &Setup, scope: Option<&str>) -> Vec<(String, String)> {
    let page = PageRequest { cursor: None, limit: 100 };
    let found = setup.provider.list_secrets(scope, &page).await.unwrap().items;
    found.into_iter().map(|info| (info.name, info.kind)).collect()
}

#[tokio::test]
async fn each_kind_is_made_changed_told_and_removed_wherever_it_is() {
    let setup = Setup::new(vec![Item::folder("team", FOLDER, vec![])]).await;
    setup.jenkins.world().domains.push("prod hosts".into());
    let value = secret("parameter");
    let file = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &value);
    let kinds: [(&str, &[&str], String); 4] = [
        ("text", &["value"], format!("<secret>{value}</secret>")),
        ("username-password", &["username", "password"], format!("<password>{value}</password>")),
        ("file", &["value"], format!("<fileName>file-1</fileName><secretBytes>{file}</secretBytes>")),
        ("ssh-key", &["username", "passphrase", "value"], format!("<privateKey>{value}</privateKey>")),
    ];
    let scopes = [
        (None, "", "_"),
        (Some("team"), "team", "_"),
        (Some("team//prod hosts"), "team", "prod hosts"),
        (Some("//prod hosts"), "", "prod hosts"),
    ];
    for (scope, folder, domain) in scopes {
        for (kind, parts, kept) in &kinds {
            // The second time it is there, and its value becomes another.
            for _ in 0..2 {
                setup.provider.change(&operation(), put(kind, scope, parts)).await.unwrap();
            }
            let all = setup.jenkins.world().credentials.clone();
            let here: Vec<_> = all.iter().filter(|it| it.folder == folder && it.domain == domain).collect();
            assert!(here.len() == 1 && here[0].xml.contains(kept), "{scope:?} {kind}: {here:?}");
            let name = format!("{kind}-1");
            assert_eq!(told(&setup, scope).await, [(name.clone(), (*kind).to_owned())], "{scope:?}");
            let gone = Change::SecretDelete { name, scope: scope.map(str::to_owned) };
            setup.provider.change(&operation(), gone).await.unwrap();
            assert_eq!(told(&setup, scope).await, []);
        }
    }
}

#[tokio::test]
async fn a_kind_that_is_none_of_these_and_a_domain_that_is_not_there_are_refused() {
    let setup = Setup::new(vec![]).await;
    let error = setup.provider.change(&operation(), put("certificate", None, &["value"])).await.map(drop).unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unsupported("secrets.certificate".into()));
    let error =
        setup.provider.change(&operation(), put("text", Some("//gone"), &["value"])).await.map(drop).unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NotFound);
    let error = setup.provider.change(&operation(), put("ssh-key", None, &["value"])).await.map(drop).unwrap_err();
    assert!(
        matches!(error.kind, CallErrorKind::InvalidInput { .. }) && error.message.contains("username"),
        "{error:?}"
    );
}
