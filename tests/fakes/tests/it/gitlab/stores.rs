//! What a project keeps beside its runs: secrets, variables, runners, webhooks.

use novacron_cicd_plugin_gitlab_ci::GitLab;
use novacron_cicd_sdk::{
    RunnerAssignment, RunnerCreation, RunnerDeletion, RunnerDrain, RunnerLabels, Runners, Secrets, Variables,
    WebhookRecovery, WebhookRegistration, attribute, runner_creation::RunnerRequest, secrets::SecretChange,
    types::ErrorKind, variables::Variable, webhook_registration::HookRequest,
};
use serde_json::json;

use super::{
    SMALL,
    native::{Bench, operation, page},
};

#[test]
fn secrets_are_put_by_reference_and_listed_without_a_value() {
    let bench = Bench::new(SMALL);
    let change = |name: &str, scope: Option<&str>, options: &[(&str, &str)]| SecretChange {
        name: name.into(),
        scope: scope.map(str::to_owned),
        kind: "text".into(),
        parts: vec![attribute("value", "ref1")],
        options: options.iter().map(|(key, value)| attribute(*key, *value)).collect(),
    };
    let put = |change: SecretChange| bench.changes(|| GitLab::put_secret(operation(1), change));
    assert_eq!(
        put(change("KEY", None, &[])).1,
        ["PUT /api/v4/projects/1/variables/KEY", "POST /api/v4/projects/1/variables"]
    );
    assert_eq!(put(change("KEY", Some("@prod"), &[("protected", "true"), ("hidden", "true")])).0, Ok(()));
    assert_eq!(put(change("KEY", None, &[])).1, ["PUT /api/v4/projects/1/variables/KEY"], "one of two with its name");
    let kept = bench.project(|project| project.variables.clone());
    let told: Vec<_> = kept
        .iter()
        .map(|it| (it["value"].as_str().unwrap(), it["environment_scope"].as_str().unwrap(), it["hidden"] == true))
        .collect();
    assert_eq!(told, [("secret-of-ref1", "*", false), ("secret-of-ref1", "prod", true)]);
    let listed = bench.call(|| GitLab::list_secrets(None, page(100))).unwrap().items;
    let scopes: Vec<_> = listed.iter().map(|it| it.scope.as_deref().unwrap()).collect();
    assert_eq!(scopes, ["g/sub/app", "g/sub/app@prod"]);
    // A value that can't be masked is refused, with what can be done.
    let short = SecretChange { parts: vec![attribute("value", " with spaces")], ..change("ODD", None, &[]) };
    let error = put(short).0.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::InvalidInput(_)) && error.hint.unwrap().contains("`masked` as false"));

    let plain = Variable { name: "LEVEL".into(), scope: None, value: "3".into(), more: vec![] };
    assert_eq!(bench.call(|| GitLab::put_variable(operation(1), plain)), Ok(()));
    let read = bench.call(|| GitLab::list_variables(None, page(10))).unwrap();
    assert_eq!(
        (read.items.len(), read.items[0].value.as_str(), read.next),
        (1, "3", None),
        "masked values are not asked for"
    );
    let remove = |scope: Option<&str>| {
        let scope = scope.map(str::to_owned);
        bench.call(|| GitLab::delete_secret(operation(1), "KEY".into(), scope))
    };
    assert_eq!((remove(Some("@prod")), remove(Some("@prod")), remove(None)), (Ok(()), Ok(()), Ok(())));
    assert_eq!(bench.call(|| GitLab::delete_variable(operation(1), "LEVEL".into(), None)), Ok(()));
    assert_eq!(bench.project(|project| project.variables.len()), 0);
    bench.world.lock().unwrap().level = 30;
    assert!(matches!(bench.call(|| GitLab::list_secrets(None, page(1))).unwrap_err().kind, ErrorKind::Forbidden(_)));
}

#[test]
fn runners_are_made_paused_tagged_assigned_and_deleted() {
    let bench = Bench::new(SMALL);
    let request =
        RunnerRequest { name: "vm-7".into(), labels: vec!["linux".into()], kind: "token".into(), more: vec![] };
    let made = bench.call(|| GitLab::create_runner(operation(1), request)).unwrap();
    assert_eq!(made.slot, "runner-token");
    let id = made.runner.unwrap();
    let get = || bench.call(|| <GitLab as Runners>::get(id.clone())).unwrap();
    assert_eq!((get().name.as_str(), get().state.as_str(), get().draining), ("vm-7", "never-contacted", false));
    bench.call(|| GitLab::set_draining(operation(1), id.clone(), true, Some("disk".into()))).unwrap();
    bench.call(|| GitLab::set_labels(operation(1), id.clone(), vec!["a".into(), "b".into()])).unwrap();
    let listed = bench.call(|| GitLab::list_runners(page(10))).unwrap().items;
    assert_eq!((listed[0].draining, listed[0].labels.join(",").as_str()), (true, "a,b"), "a list alone has no tags");
    let assign = || bench.call(|| GitLab::assign(operation(1), id.clone(), "g/other".into()));
    assert_eq!((assign(), assign()), (Ok(()), Ok(())));
    let delete = || bench.call(|| GitLab::delete_runner(operation(1), id.clone()));
    assert!(matches!(delete().unwrap_err().kind, ErrorKind::Forbidden(_)), "it belongs to two projects");
    assert_eq!(bench.call(|| GitLab::unassign(operation(1), id.clone(), "g/other".into())), Ok(()));
    assert_eq!((delete(), delete()), (Ok(()), Ok(())));
}

#[test]
fn a_webhook_is_registered_once_and_what_did_not_arrive_is_told() {
    let bench = Bench::new(SMALL);
    let request = |events: &[&str]| HookRequest {
        url: "https://ci.example/hooks".into(),
        events: events.iter().map(|&word| word.into()).collect(),
        secret: Some("ref1".into()),
        more: vec![],
    };
    let register = |events: &[&str]| bench.changes(|| GitLab::register(operation(1), request(events)));
    let (made, changes) = register(&[]);
    let made = made.unwrap();
    assert_eq!(
        (made.events.join(","), changes),
        ("run,job,deployment".into(), vec!["POST /api/v4/projects/1/hooks".to_owned()])
    );
    let (again, changes) = register(&["run"]);
    assert_eq!(
        (again.unwrap().events.join(","), changes),
        ("run".into(), vec![format!("PUT /api/v4/projects/1/hooks/{}", made.id)])
    );
    assert!(register(&["weather"]).0.is_err());
    let signed = || {
        let more = vec![attribute("signing", "true")];
        bench.call(|| GitLab::register(operation(1), HookRequest { more, ..request(&[]) }))
    };
    assert_eq!(signed().map(|hook| hook.id), Ok(made.id.clone()), "GitLab signs with the secret");
    bench.world.lock().unwrap().signs = false;
    assert!(matches!(signed().unwrap_err().kind, ErrorKind::Unsupported(_)), "an older one would send no proof at all");
    let event = |id: u64, status: &str, date: &str| json!({ "id": id, "trigger": "pipeline_hooks", "response_status": status, "response_headers": { "Date": date } });
    let (old, new) = ("Fri, 01 Jan 2027 00:00:00 GMT", "Fri, 15 Jan 2027 08:00:00 GMT");
    let events = vec![event(1, "200", new), event(2, "500", old), event(3, "503", new), event(4, "internal error", "")];
    bench.project(|project| project.hook_events = events);
    let missed = bench.call(|| GitLab::list_missed(1_799_000_000_000, page(10))).unwrap().items;
    assert_eq!(missed.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["3", "4"]);
    assert_eq!(bench.call(|| GitLab::redeliver(operation(1), made.id.clone(), "3".into())), Ok(()));
    bench.project(|project| project.hooks[0]["alert_status"] = json!("disabled"));
    assert!(!bench.call(GitLab::list_hooks).unwrap()[0].active);
    let unregister = || bench.call(|| GitLab::unregister(operation(1), made.id.clone()));
    assert_eq!((unregister(), unregister()), (Ok(()), Ok(())));
}
