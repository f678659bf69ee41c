//! Changes of what only a platform has: who may ask for them, and what they name.

use novacron_cicd_domain::{
    operation::OperationState,
    platform::{Change, RunnerRequest, ScheduleChange},
};

use super::*;

fn put(secret: &str) -> Change {
    Change::SecretPut {
        name: "DEPLOY_KEY".into(),
        scope: None,
        kind: "text".into(),
        parts: BTreeMap::from([("value".into(), secret.into())]),
        options: BTreeMap::new(),
    }
}

fn schedule(secret: Option<&str>) -> Change {
    let given = novacron_cicd_domain::platform::Given::secret;
    let variables = secret.map(|secret| ("KEY".into(), given(secret))).into_iter().collect();
    let (timezone, reference, description) = (None, None, None);
    let change =
        ScheduleChange { cron: "0 3 * * *".into(), timezone, reference, enabled: true, description, variables };
    Change::SchedulePut { pipeline: "app".into(), schedule: None, change }
}

fn runner(keep_as: &str) -> Change {
    let (labels, options) = (Vec::new(), BTreeMap::new());
    let request = RunnerRequest { name: "linux-8".into(), labels, kind: "token".into(), options };
    Change::RunnerCreate { request, keep_as: keep_as.into() }
}

fn drain() -> Change {
    Change::RunnerDrain { runner: "linux-7".into(), draining: true, message: None }
}

async fn a_house() -> House {
    let house = house_of(Reporting::Poll, RecoveryClass::None, 0).await;
    house.furnish().await;
    let known = ["secrets", "pipeline-schedules", "runner-creation", "runner-drain"];
    house.platform.scene().interfaces.extend(known);
    house
}

#[tokio::test]
async fn who_may_set_secrets_here_alone_places_them_on_a_platform_or_takes_one_in() {
    let house = a_house().await;
    let (operator, viewer) = (someone(Role::Operator), someone(Role::Viewer));
    let rows = [
        (put("signing-key"), Role::Admin),
        (Change::SecretDelete { name: "DEPLOY_KEY".into(), scope: None }, Role::Admin),
        (schedule(Some("signing-key")), Role::Admin),
        (runner("linux-8-token"), Role::Admin),
        (schedule(None), Role::Operator),
        (drain(), Role::Operator),
    ];
    for (change, needed) in rows {
        let word = change.kind().as_str();
        let asked = house.services.remote.change(&operator, "ci", change.clone()).await;
        match needed {
            Role::Admin => assert_eq!(asked.unwrap_err().code(), "auth.forbidden", "{word}"),
            _ => assert_eq!(asked.unwrap().state, OperationState::Queued, "{word}"),
        }
        let refused = house.services.remote.change(&viewer, "ci", change.clone()).await;
        assert_eq!(refused.unwrap_err().code(), "auth.forbidden", "{word}");
        house.services.remote.change(&admin(), "ci", change).await.unwrap();
    }
}

#[tokio::test]
async fn a_change_names_secrets_that_are_there_and_keeps_them_there_until_it_is_settled() {
    let house = a_house().await;
    let services = &house.services;
    let refused = services.remote.change(&admin(), "ci", put("nothing")).await.unwrap_err();
    assert_eq!(codes(&refused), ["secret.not-found"]);
    let key = Secret::new("a-deploy-key-of-some-length");
    services.secrets.set(&admin(), "deploy-key", key).await.unwrap();
    let open = services.remote.change(&admin(), "ci", put("deploy-key")).await.unwrap();
    let refused = services.secrets.delete(&admin(), "deploy-key").await.unwrap_err();
    assert_eq!(refused.code(), "secret.in-use", "{refused}");
    services.operations.cancel(&admin(), open.id).await.unwrap();
    services.secrets.delete(&admin(), "deploy-key").await.unwrap();
}

#[tokio::test]
async fn what_is_handed_out_gets_a_name_that_is_free_and_a_change_a_plugin_that_can_make_it() {
    let house = a_house().await;
    let remote = &house.services.remote;
    for (change, code) in [
        (runner("signing-key"), "secret.name-taken"),
        (runner("no name"), "name.invalid"),
        (Change::RunnerDelete { runner: "linux-7".into() }, "provider.unsupported"),
    ] {
        let word = change.kind().as_str();
        assert_eq!(remote.change(&admin(), "ci", change).await.unwrap_err().code(), code, "{word}");
    }
}
