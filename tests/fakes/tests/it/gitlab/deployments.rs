//! Environments, and what is deployed to them.

use novacron_cicd_plugin_gitlab_ci::GitLab;
use novacron_cicd_sdk::{
    DeploymentApproval, DeploymentCancel, DeploymentReconciliation, DeploymentRollback, DeploymentStatus, Deployments,
    Environments, deployments,
    environments::{EnvironmentChange, Rule},
    types::{DeployTicket, Error, ErrorKind, State, Status},
};
use serde_json::json;

use super::{
    SMALL, TOKEN,
    native::{Bench, operation, page, text},
};

#[test]
fn environments_are_put_by_name_protected_stopped_and_then_deleted() {
    let bench = Bench::new(SMALL);
    let change = |url: &str, protection: Option<Vec<Rule>>| EnvironmentChange {
        name: "staging".into(),
        tier: Some("staging".into()),
        url: Some(url.into()),
        protection,
        more: vec![],
    };
    let put = |change: EnvironmentChange| bench.call(|| GitLab::put_environment(operation(1), change)).unwrap();
    let rules = vec![
        Rule { kind: "deployers".into(), value: "40".into() },
        Rule { kind: "reviewers".into(), value: "2".into() },
    ];
    let made = put(change("https://a.example", Some(rules.clone())));
    assert_eq!(made.protection, rules);
    let changed = put(change("https://b.example", None));
    assert_eq!(
        (changed.id.as_str(), changed.url.as_deref(), changed.protection),
        (made.id.as_str(), Some("https://b.example"), rules)
    );
    assert_eq!(put(change("https://b.example", Some(vec![]))).protection, []);
    let listed = bench.call(|| GitLab::list_environments(page(10))).unwrap().items;
    assert_eq!((listed.len(), listed[0].tier.as_deref()), (1, Some("staging")));
    let delete = || bench.call(|| GitLab::delete_environment(operation(1), made.id.clone()));
    assert_eq!(delete().unwrap_err().kind, ErrorKind::Conflict, "GitLab would say forbidden");
    assert_eq!(bench.call(|| GitLab::stop_environment(operation(1), made.id.clone())), Ok(()));
    assert_eq!(
        bench.call(|| <GitLab as Environments>::get(made.id.clone())).unwrap().state.as_deref(),
        Some("stopped")
    );
    assert_eq!((delete(), delete()), (Ok(()), Ok(())));
}

fn deploy(version: &str) -> deployments::DeployRequest {
    deployments::DeployRequest {
        environment: "production".into(),
        target: deployments::Target {
            name: "web".into(),
            hosts: vec!["a".into(), "b".into()],
            configuration: "{}".into(),
            credentials: vec![text("ssh key", "SSH_KEY")],
            more: vec![],
        },
        artifact: deployments::Artifact {
            name: "app".into(),
            version: version.into(),
            sha256: Some("ab".repeat(32)),
            size: None,
            media_type: None,
            url: None,
            more: vec![],
        },
        reference: None,
        parameters: vec![],
        correlation: TOKEN.into(),
        rollback_of: None,
        callback: None,
        more: vec![],
    }
}

#[test]
fn a_deployment_is_a_pipeline_first_and_the_one_before_is_done_again_to_go_back() {
    let bench = Bench::new(
        "build: { stage: build, script: [make] }\nship: { stage: deploy, script: [ship], environment: production }\n",
    );
    let finish = || {
        let mut world = bench.world.lock().unwrap();
        while let Some(job) = world.pending().first().copied() {
            world.begin(job);
            world.end(job, "success");
        }
    };
    let queued = |ticket: Result<DeployTicket, Error>| match ticket.unwrap() {
        DeployTicket::Queued(ticket) => ticket,
        other => unreachable!("{other:?}"),
    };
    let resolve = |ticket: String| match bench.call(|| <GitLab as Deployments>::resolve_ticket(ticket)).unwrap() {
        DeployTicket::Deployment(found) => found,
        other => unreachable!("{other:?}"),
    };
    let first = queued(bench.call(|| GitLab::start(operation(1), deploy("1.0"))));
    let given = bench.project(|project| project.pipelines[0].variables.clone());
    let value =
        |name: &str| given.iter().find(|it| it["key"] == name).map(|it| it["value"].as_str().unwrap().to_owned());
    assert_eq!(
        (value("NOVACRON_TARGET_HOSTS").as_deref(), value("NOVACRON_CREDENTIAL_SSH_KEY").as_deref()),
        (Some("a,b"), Some("SSH_KEY"))
    );
    let found = resolve(first);
    assert_eq!((found.environment.as_str(), found.status.state), ("production", State::Pending));
    finish();
    let get = |id: &str| bench.call(|| <GitLab as Deployments>::get(id.into())).unwrap();
    assert_eq!(get(&found.id).status.state, State::Succeeded);
    let second = resolve(queued(bench.call(|| GitLab::start(operation(1), deploy("2.0")))));
    finish();
    let observe = || bench.call(|| GitLab::observe("production".into(), "web".into())).unwrap();
    assert_eq!((observe().version.as_deref(), observe().sha256), (Some("2.0"), Some("ab".repeat(32))));
    let back = resolve(queued(bench.call(|| GitLab::rollback(operation(1), found.id.clone(), TOKEN.into()))));
    assert!(back.id != found.id && back.id != second.id);
    finish();
    assert_eq!(observe().version.as_deref(), Some("1.0"));
    let all = bench.call(|| GitLab::list_deployments(Some("production".into()), page(10))).unwrap().items;
    assert_eq!(all.iter().map(|it| &it.id).collect::<Vec<_>>(), [&back.id, &second.id, &found.id]);
    let ours = bench
        .call(|| <GitLab as DeploymentReconciliation>::find_by_correlation(TOKEN.into(), 1_800_000_000_000))
        .unwrap();
    assert_eq!(ours.len(), 3, "both pipelines carry it, and one of them deployed twice");
    let now = observe();
    assert_eq!(
        (now.deployment.unwrap().id, bench.call(|| GitLab::observe("dev".into(), "web".into())).unwrap().version),
        (back.id, None)
    );
}

#[test]
fn a_deployment_waits_is_approved_canceled_or_said_by_somebody_else() {
    let bench = Bench::new("ship: { script: [ship], environment: production, when: manual }\n");
    let start = || match bench.call(|| GitLab::start(operation(1), deploy("1.0"))).unwrap() {
        DeployTicket::Queued(ticket) => match bench.call(|| <GitLab as Deployments>::resolve_ticket(ticket)).unwrap() {
            DeployTicket::Deployment(found) => found,
            other => unreachable!("{other:?}"),
        },
        other => unreachable!("{other:?}"),
    };
    let get = |id: &str| bench.call(|| <GitLab as Deployments>::get(id.into())).unwrap().status;
    let approve = |id: &str, yes| bench.call(|| GitLab::approve(operation(1), id.into(), yes, None));
    let manual = start();
    assert_eq!((manual.status.state, manual.status.reason.as_deref()), (State::Waiting, Some("gate")));
    assert_eq!(approve(&manual.id, true), Ok(()));
    assert_eq!(
        (get(&manual.id).state, approve(&manual.id, true).unwrap_err().kind),
        (State::Pending, ErrorKind::Conflict)
    );
    let cancel = |id: &str| bench.call(|| <GitLab as DeploymentCancel>::cancel(operation(1), id.into()));
    assert_eq!((cancel(&manual.id), get(&manual.id).state, cancel(&manual.id)), (Ok(()), State::Canceled, Ok(())));
    // An environment that asks for approvals blocks its deployments (Premium).
    let blocked = start();
    bench.project(|project| project.deployments[1]["status"] = json!("blocked"));
    assert_eq!((get(&blocked.id).state, approve(&blocked.id, true)), (State::Waiting, Ok(())));
    // One that no job made is told by whoever made it.
    let external =
        json!({ "id": 900, "iid": 9, "ref": "main", "sha": "a", "status": "running", "environment": { "id": 0 } });
    bench.project(|project| project.deployments.push(external));
    let say =
        |id: &str, state| bench.call(|| GitLab::set_status(operation(1), id.into(), Status::of(state, "x"), None));
    assert_eq!((say("900", State::Succeeded), get("900").state), (Ok(()), State::Succeeded));
    assert_eq!(say(&blocked.id, State::Failed).unwrap_err().kind, ErrorKind::Conflict);
    let error = bench.call(|| GitLab::rollback(operation(1), "900".into(), TOKEN.into())).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Unsupported(_)));
}

#[test]
fn a_pipeline_that_deployed_nothing_is_a_deployment_that_failed() {
    let bench = Bench::new(SMALL);
    let DeployTicket::Queued(ticket) = bench.call(|| GitLab::start(operation(1), deploy("1.0"))).unwrap() else {
        unreachable!("queued")
    };
    let resolve = || bench.call(|| <GitLab as Deployments>::resolve_ticket(ticket.clone())).unwrap();
    assert_eq!(resolve(), DeployTicket::Queued(ticket.clone()));
    let mut world = bench.world.lock().unwrap();
    let job = world.pending()[0];
    world.begin(job);
    world.end(job, "success");
    drop(world);
    let DeployTicket::Deployment(found) = resolve() else { unreachable!("it has ended") };
    assert_eq!((found.status.state, found.status.reason.as_deref()), (State::Failed, Some("no-deployment")));
}
