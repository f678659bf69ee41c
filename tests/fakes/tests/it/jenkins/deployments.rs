//! Deployments by the convention of a deploy job.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    parameter::ParameterKind,
    platform::{
        CallErrorKind, Change, DeployArtifact, DeployRequest, Given, OperationArg, Outcome, PageRequest,
        RemoteDeployment, Value,
    },
    status::State,
};
use novacron_cicd_fakes::{
    house::{operation, secret},
    jenkins::{FOLDER, Item, USER},
    server::Fault,
};
use serde_json::{Value as Json, json};

use super::{Setup, TOKEN};

const LONG_AGO: Timestamp = Timestamp(0);
/// What a deploy job has to declare, and what this one declares beside it.
const CONVENTION: [(&str, &str); 7] = [
    (TOKEN, ""),
    ("NOVACRON_ENVIRONMENT", ""),
    ("NOVACRON_TARGET", ""),
    ("NOVACRON_ARTIFACT_VERSION", ""),
    ("NOVACRON_ARTIFACT_SHA256", ""),
    ("NOVACRON_ROLLBACK_OF", ""),
    ("DRY", "false"),
];

async fn setup() -> Setup {
    let password = json!({ "type": "PasswordParameterDefinition", "name": "NOVACRON_CREDENTIAL_DEPLOY_KEY" });
    let keyed = Item::job("keyed").with_strings(&CONVENTION).with(vec![password]);
    let ops = Item::folder("ops", FOLDER, vec![Item::job("deploy").with_strings(&CONVENTION), keyed]);
    let mut setup = Setup::new(vec![ops, Item::job("app")]).await;
    let settings = json!({ "deploy-job": "ops/deploy" });
    setup.provider = setup.house.provider(&setup.jenkins.url(), settings, Some(("token", USER)));
    setup
}

fn request(version: &str, configuration: Json) -> DeployRequest {
    DeployRequest {
        environment: "prod".into(),
        target: "web".into(),
        hosts: vec!["a.example".into()],
        configuration,
        credentials: BTreeMap::new(),
        artifact: DeployArtifact {
            name: "app".into(),
            version: version.into(),
            sha256: Some("ab".repeat(32)),
            ..DeployArtifact::default()
        },
        reference: None,
        parameters: BTreeMap::from([("DRY".to_owned(), Given::text("true"))]),
        rollback_of: None,
        more: BTreeMap::new(),
    }
}

fn under(number: u128) -> OperationArg {
    OperationArg { id: novacron_cicd_domain::id::OperationId(uuid::Uuid::from_u128(number)), ..operation() }
}

impl Setup {
    /// Asks for a change; answers its ticket.
    async fn queued(&self, operation: &OperationArg, change: Change) -> String {
        let outcome = self.provider.change(operation, change).await.unwrap().outcome;
        let Outcome::Deployment { deployment: None, ticket: Some(ticket) } = outcome else {
            unreachable!("{outcome:?}")
        };
        ticket
    }

    async fn deployed(&self, number: u128, version: &str) -> RemoteDeployment {
        let request = request(version, json!({}));
        let ticket = self.queued(&under(number), Change::DeploymentStart { request }).await;
        self.come(&ticket).await
    }

    /// The deployment of a ticket, after its build went well.
    async fn come(&self, ticket: &str) -> RemoteDeployment {
        let place = self.jenkins.waiting()[0];
        let job = self.jenkins.job_of(place);
        let number = self.jenkins.begin(place);
        self.jenkins.end(&job, number, "SUCCESS");
        let answer = self.provider.resolve_deploy_ticket(ticket).await.unwrap();
        match answer {
            novacron_cicd_domain::platform::DeployTicket::Deployment(found) => *found,
            other => unreachable!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_deployment_is_a_build_of_the_deploy_job_with_what_goes_where() {
    let setup = setup().await;
    let request = request("1.2", json!({}));
    let ticket = setup.queued(&operation(), Change::DeploymentStart { request }).await;
    let found = setup.provider.get_deployment(&ticket).await.unwrap();
    assert_eq!((found.status.state, found.run.is_none()), (State::Pending, true), "it waits in the queue");
    let found = setup.come(&ticket).await;
    assert_eq!(
        (found.id.as_str(), found.environment.as_str(), found.version.as_deref()),
        ("ops/deploy#1", "prod", Some("1.2"))
    );
    assert_eq!((found.status.state, found.run.as_ref().unwrap().run.as_str()), (State::Succeeded, "1"));
    let given = setup.jenkins.build("ops/deploy", 1, |build| build.actions[0]["parameters"].clone());
    let given: BTreeMap<&str, &str> = given
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it["value"].as_str().unwrap()))
        .collect();
    assert_eq!(
        (given["NOVACRON_TARGET"], given["DRY"], given["NOVACRON_ARTIFACT_SHA256"]),
        ("web", "true", "ab".repeat(32).as_str())
    );
    assert_eq!(setup.provider.get_deployment("ops/deploy#1").await.unwrap().id, "ops/deploy#1");
}

#[tokio::test]
async fn a_rollback_is_that_job_with_the_earlier_version() {
    let setup = setup().await;
    let first = setup.deployed(1, "1.0").await;
    setup.deployed(2, "2.0").await;
    let actual = || setup.provider.observe_deployment("prod", "web");
    assert_eq!(actual().await.unwrap().version.as_deref(), Some("2.0"));
    let ticket = setup.queued(&under(3), Change::DeploymentRollback { to: first.id }).await;
    let back = setup.come(&ticket).await;
    assert_eq!((back.id.as_str(), back.version.as_deref()), ("ops/deploy#3", Some("1.0")));
    let now = actual().await.unwrap();
    assert_eq!((now.version.as_deref(), now.sha256), (Some("1.0"), Some("ab".repeat(32))));
    assert_eq!(setup.provider.observe_deployment("prod", "other").await.unwrap().version, None);
    let of = setup.jenkins.build("ops/deploy", 3, |build| build.actions[0]["parameters"].clone());
    let of = of.as_array().unwrap().iter().find(|it| it["name"] == "NOVACRON_ROLLBACK_OF").unwrap();
    assert_eq!(of["value"], "ops/deploy#1");
}

#[tokio::test]
async fn a_start_whose_answer_is_lost_is_found_by_its_token_wherever_the_target_sent_it() {
    let setup = setup().await;
    for (number, job) in [(1, "ops/deploy"), (2, "ops/keyed")] {
        setup.jenkins.fail("/buildWithParameters", Fault::LoseAnswer);
        let request = request("1.2", json!({ "job": job }));
        let change = Change::DeploymentStart { request };
        let error = setup.provider.change(&under(number), change).await.map(drop).unwrap_err();
        assert_eq!(error.kind, CallErrorKind::OutcomeUnknown);
        let token = correlation(number);
        let find = || setup.provider.find_deployments(&token, LONG_AGO);
        let waiting = find().await.unwrap();
        assert_eq!((waiting.len(), waiting[0].status.state), (1, State::Pending), "{job}");
        setup.come(&waiting[0].id).await;
        let found = find().await.unwrap();
        assert_eq!((found.len(), found[0].id.clone()), (1, format!("{job}#1")));
    }
    assert_eq!(setup.provider.find_deployments(&correlation(9), LONG_AGO).await.unwrap(), []);
    let page = PageRequest { cursor: None, limit: 10 };
    let first = setup.provider.list_deployments(Some("prod"), &page).await.unwrap();
    let second =
        setup.provider.list_deployments(Some("prod"), &PageRequest { cursor: first.next, ..page }).await.unwrap();
    let ids: Vec<_> = first.items.iter().chain(&second.items).map(|it| it.id.as_str()).collect();
    assert_eq!((ids, second.next), (vec!["ops/deploy#1", "ops/keyed#1"], None));
    // A job that is gone is no reason not to find what the others did.
    setup.jenkins.world().items[0].items.as_mut().unwrap().retain(|item| item.name == "deploy");
    assert_eq!(setup.provider.find_deployments(&correlation(1), LONG_AGO).await.unwrap().len(), 1);
    assert_eq!(setup.provider.find_deployments(&correlation(2), LONG_AGO).await.unwrap(), []);
    assert_eq!(setup.provider.observe_deployment("prod", "web").await.unwrap().version.as_deref(), Some("1.2"));
}

fn correlation(number: u128) -> String {
    under(number).id.correlation()
}

#[tokio::test]
async fn a_job_that_can_not_be_told_is_refused_and_so_is_a_credential_that_it_has_no_place_for() {
    let setup = setup().await;
    let start = |request: DeployRequest| {
        let setup = &setup;
        async move { setup.provider.change(&operation(), Change::DeploymentStart { request }).await.map(drop).unwrap_err() }
    };
    let error = start(request("1", json!({ "job": "app" }))).await;
    assert_eq!(error.kind, CallErrorKind::Unsupported("deployments.start".into()));
    assert!(error.message.contains("NOVACRON_ENVIRONMENT") && error.message.contains(TOKEN), "{error:?}");
    let key = || {
        BTreeMap::from([(
            "deploy-key".to_owned(),
            Given { kind: ParameterKind::Secret, value: Value::Secret("parameter".into()) },
        )])
    };
    let error = start(DeployRequest { credentials: key(), ..request("1", json!({})) }).await;
    assert!(error.message.contains("NOVACRON_CREDENTIAL_DEPLOY_KEY"), "{error:?}");
    assert!(setup.jenkins.lines().iter().all(|line| line.starts_with("GET ")), "nothing was sent");
    // A password parameter takes it, and what it was is not shown.
    let request = DeployRequest { credentials: key(), ..request("1", json!({ "job": "ops/keyed" })) };
    let ticket = setup.queued(&operation(), Change::DeploymentStart { request }).await;
    assert!(setup.jenkins.seen().last().unwrap().body.contains(&secret("parameter")));
    let made = setup.come(&ticket).await;
    let error =
        setup.provider.change(&operation(), Change::DeploymentRollback { to: made.id }).await.map(drop).unwrap_err();
    assert!(error.message.contains("does not give back"), "{error:?}");
}

#[tokio::test]
async fn a_deployment_is_canceled_in_the_queue_or_at_work() {
    let setup = setup().await;
    let start = || Change::DeploymentStart { request: request("1", json!({})) };
    let ticket = setup.queued(&under(1), start()).await;
    setup.provider.change(&operation(), Change::DeploymentCancel { deployment: ticket.clone() }).await.unwrap();
    assert!(setup.jenkins.waiting().is_empty());
    assert_eq!(setup.provider.get_deployment(&ticket).await.unwrap().status.state, State::Canceled);
    setup.queued(&under(2), start()).await;
    setup.jenkins.begin(setup.jenkins.waiting()[0]);
    setup.provider.change(&operation(), Change::DeploymentCancel { deployment: "ops/deploy#1".into() }).await.unwrap();
    assert_eq!(setup.jenkins.build("ops/deploy", 1, |build| build.asked.clone()), ["stop"]);
}
