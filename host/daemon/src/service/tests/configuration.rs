use super::*;
use crate::service::{ErrorClass, PipelineChange, ProviderChange};
use novacron_cicd_domain::{
    platform::CallErrorKind,
    provider::{Grants, Proxy},
};
use novacron_cicd_store::StoredSession;

#[tokio::test]
async fn what_is_wrong_with_a_provider_is_said_with_its_place() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    type Change = fn(&mut NewProvider);
    let rows: [(Change, &str, &str); 9] = [
        (|new| new.name = "ci".into(), "provider.name-taken", ""),
        (|new| new.name = "-".into(), "name.invalid", ""),
        (|new| new.plugin = "jenkins".into(), "provider.unknown-plugin", ""),
        (|new| new.base_url = "ftp://ci.example.com".into(), "field.invalid", "/base_url"),
        (|new| new.settings = serde_json::json!({ "retries": 9 }), "provider.invalid-settings", "/settings/retries"),
        (|new| new.settings = serde_json::json!({ "retry": 1 }), "provider.invalid-settings", "/settings"),
        (|new| new.credentials.clear(), "provider.missing-slot", "/credentials/signing"),
        (|new| new.credentials = slot("nowhere"), "secret.not-found", "/credentials/signing/secret"),
        (
            |new| {
                new.credentials.insert("other".into(), CredentialSource::default());
            },
            "provider.unknown-slot",
            "/credentials/other",
        ),
    ];
    for (change, code, place) in rows {
        let mut new = new_provider("fresh");
        change(&mut new);
        let error = house.services.providers.add(&admin(), new).await.unwrap_err();
        assert_eq!(codes(&error)[0], code, "{error}");
        let at = error.problems().first().map(|problem| problem.at.clone()).unwrap_or_default();
        assert_eq!(at, place, "{error}");
        assert!(house.services.providers.show("fresh").await.is_err());
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_only_added_where_that_is_not_asked_for() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    house.platform.scene().check = Some(CallErrorKind::Transient);
    let error = house.services.providers.add(&admin(), new_provider("far")).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("provider.unreachable", ErrorClass::Upstream));
    let unchecked = NewProvider { no_check: true, ..new_provider("far") };
    assert_eq!(house.services.providers.add(&admin(), unchecked).await.unwrap().health.healthy, None);
    assert!(house.services.providers.check(&admin(), "far").await.is_err());
    assert_eq!(house.services.providers.show("far").await.unwrap().health.healthy, Some(false));
    house.platform.scene().check = None;
    let found = house.services.providers.check(&admin(), "far").await.unwrap();
    assert_eq!((found.provider.health.healthy, found.report.account.as_deref()), (Some(true), Some("robot")));
}

#[tokio::test]
async fn a_provider_with_pipelines_stays_and_one_without_goes() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    let error = house.services.providers.remove(&admin(), "ci", None).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("provider.in-use", ErrorClass::Conflict));
    assert!(error.to_string().contains("build"), "{error}");
    house.services.pipelines.delete(&admin(), "build", false, None).await.unwrap();
    house.services.providers.remove(&admin(), "ci", None).await.unwrap();
    assert_eq!(house.services.providers.show("ci").await.unwrap_err().code(), "provider.not-found");
}

#[tokio::test]
async fn a_change_from_an_older_version_is_refused() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    let retries = ProviderChange { settings: Some(serde_json::json!({ "retries": 2 })), ..ProviderChange::default() };
    let changed = house.services.providers.update(&admin(), "ci", retries.clone(), Some(1)).await.unwrap();
    assert_eq!(changed.version, 2);
    let error = house.services.providers.update(&admin(), "ci", retries, Some(1)).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Stale);
    let rename = PipelineChange { name: Some("compile".into()), ..PipelineChange::default() };
    let changed = house.services.pipelines.update(&admin(), "build", rename.clone(), Some(1)).await.unwrap();
    assert_eq!(changed.pipeline.name.as_str(), "compile");
    let error = house.services.pipelines.update(&admin(), "compile", rename, Some(1)).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Stale);
}

#[tokio::test]
async fn a_pipeline_is_made_on_the_platform_where_definitions_are_kept_there() {
    let house = house(RecoveryClass::ByState, 4).await;
    house.furnish().await;
    house.platform.scene().interfaces.insert("pipeline-definitions");
    let new = NewPipeline { name: "remote".into(), provider: "ci".into(), ..NewPipeline::default() };
    let changed = house.services.pipelines.create(&admin(), new).await.unwrap();
    let operation = changed.operation.unwrap();
    // Who starts it at once waits for that.
    house.services.runs.trigger(&admin(), "remote", TriggerInput::default()).await.unwrap();
    let done = house.services.operations.wait(operation.id, Duration::from_secs(10)).await.unwrap();
    assert!(done.state.is_settled(), "{done:?}");
    assert_eq!(house.services.pipelines.show("remote").await.unwrap().external_ref.as_deref(), Some("made-remote"));
}

#[tokio::test]
async fn a_secret_that_is_named_stays_and_a_value_that_cannot_be_masked_is_refused() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    let secrets = &house.services.secrets;
    for (value, code) in [("short", "secret.too-short"), ("          ", "secret.monotonous")] {
        assert_eq!(codes(&secrets.set(&admin(), "fresh", Secret::new(value)).await.unwrap_err()), [code]);
    }
    let taken = secrets.set(&admin(), "signing-key", Secret::new("another-value")).await.unwrap_err();
    assert_eq!(taken.code(), "secret.name-taken");
    let absent = secrets.rotate(&admin(), "fresh", Secret::new("another-value")).await.unwrap_err();
    assert_eq!(absent.code(), "secret.not-found");
    let used = secrets.delete(&admin(), "signing-key").await.unwrap_err();
    assert_eq!(used.code(), "secret.in-use");
    assert!(used.to_string().contains("provider ci"), "{used}");
    secrets.set(&admin(), "deploy", Secret::new("deploy-value-1")).await.unwrap();
    let given = input(&[("BRANCH", "main"), ("TOKEN", "deploy")]);
    house.services.runs.trigger(&admin(), "build", given).await.unwrap();
    let used = secrets.delete(&admin(), "deploy").await.unwrap_err();
    assert!(used.to_string().contains("operation"), "{used}");
}

#[tokio::test]
async fn a_secret_for_a_proxy_or_a_gate_must_be_there_and_stays() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    let (secrets, providers) = (&house.services.secrets, &house.services.providers);
    let proxy = Proxy {
        url: "http://proxy.example.com:3128".into(),
        username: Some("ci".into()),
        secret: Some("proxy".into()),
    };
    let headers = BTreeMap::from([("X-Gate".to_owned(), "gate".to_owned())]);
    let grants = Some(Grants { proxy: Some(proxy), headers, ..Grants::default() });
    let change = ProviderChange { grants, ..ProviderChange::default() };
    let refused = providers.update(&admin(), "ci", change.clone(), None).await.unwrap_err();
    assert_eq!(codes(&refused), ["secret.not-found", "secret.not-found"]);
    for name in ["proxy", "gate"] {
        secrets.set(&admin(), name, Secret::new(format!("{name}-value-1"))).await.unwrap();
    }
    providers.update(&admin(), "ci", change, None).await.unwrap();
    for name in ["proxy", "gate"] {
        assert_eq!(secrets.delete(&admin(), name).await.unwrap_err().code(), "secret.in-use");
    }
    providers
        .update(&admin(), "ci", ProviderChange { grants: Some(Grants::default()), ..ProviderChange::default() }, None)
        .await
        .unwrap();
    secrets.delete(&admin(), "proxy").await.unwrap();
}

#[tokio::test]
async fn a_secret_that_a_pipeline_gives_its_runs_stays_until_no_pipeline_names_it() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    let (secrets, pipelines) = (&house.services.secrets, &house.services.pipelines);
    secrets.set(&admin(), "deploy", Secret::new("deploy-value-1")).await.unwrap();
    let token = |default: Option<&str>| Parameter {
        default: default.map(str::to_owned),
        ..parameter("TOKEN", ParameterKind::Secret, false)
    };
    for name in ["ship", "push"] {
        let parameters = vec![token(Some("deploy"))];
        let new = NewPipeline { name: name.into(), provider: "ci".into(), parameters, ..NewPipeline::default() };
        pipelines.create(&admin(), new).await.unwrap();
    }
    let used = secrets.delete(&admin(), "deploy").await.unwrap_err();
    assert_eq!(used.code(), "secret.in-use");
    assert!(used.to_string().contains("pipeline push") && used.to_string().contains("pipeline ship"), "{used}");
    pipelines.delete(&admin(), "push", false, None).await.unwrap();
    let change = PipelineChange { parameters: Some(vec![token(None)]), ..PipelineChange::default() };
    pipelines.update(&admin(), "ship", change, None).await.unwrap();
    secrets.delete(&admin(), "deploy").await.unwrap();
}

#[tokio::test]
async fn a_new_value_ends_the_logins_that_were_made_with_the_old_one() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    house.furnish().await;
    house.services.secrets.set(&admin(), "other-key", Secret::new("another-signing-key")).await.unwrap();
    let other = NewProvider { credentials: slot("other-key"), ..new_provider("other") };
    let (ci, other) = (house.services.providers.show("ci").await.unwrap().id, {
        house.services.providers.add(&admin(), other).await.unwrap().id
    });
    let session = StoredSession { sealed: vec![1], placement: "bearer".into(), expires: None };
    house
        .store
        .write(move |tx| {
            tx.put_session(ci, "signing", &session)?;
            tx.put_session(other, "signing", &session)
        })
        .await
        .unwrap();
    house.forgotten.lock().unwrap().clear();
    house.services.secrets.rotate(&admin(), "signing-key", Secret::new("a-newer-signing-key")).await.unwrap();
    assert_eq!(*house.forgotten.lock().unwrap(), ["ci"]);
    let now = novacron_cicd_domain::Timestamp(0);
    let kept = house.store.read(move |state| {
        Ok::<_, novacron_cicd_store::StoreError>([
            state.session(ci, "signing", now)?.is_some(),
            state.session(other, "signing", now)?.is_some(),
        ])
    });
    assert_eq!(kept.await.unwrap(), [false, true]);
}

#[tokio::test]
async fn what_is_masked_changes_with_the_secrets_and_old_values_stay_masked() {
    let house = house(RecoveryClass::IdempotentKey, 0).await;
    let mask = |text: &str| house.services.masker().load().mask_text(text).into_owned();
    let secrets = &house.services.secrets;
    assert_eq!(mask("first-value second-value"), "first-value second-value");
    secrets.set(&admin(), "key", Secret::new("first-value")).await.unwrap();
    assert_eq!(mask("first-value second-value"), "*** second-value");
    let info = secrets.rotate(&admin(), "key", Secret::new("second-value")).await.unwrap();
    assert_eq!(info.version, 2);
    assert_eq!(mask("first-value second-value"), "*** ***");
    secrets.delete(&admin(), "key").await.unwrap();
    assert_eq!(mask("first-value second-value"), "*** ***");
}
