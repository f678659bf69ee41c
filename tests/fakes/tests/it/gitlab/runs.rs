//! Starting, finding, following and stopping runs.

use novacron_cicd_domain::{
    Timestamp,
    parameter::ParameterKind,
    platform::{CallErrorKind, CancelTarget, Change, Given, OperationArg, RetryScope, RunMatch, Ticket, Value},
    status::State,
};
use novacron_cicd_fakes::{
    gitlab::Project,
    house::{operation, secret},
    server::Fault,
};
use serde_json::json;

use super::{APP, DEFINITION, NAME, SMALL, Setup, TOKEN, request, run};

const START: Timestamp = Timestamp(1_800_000_000_000);

impl Setup {
    async fn state(&self, id: u64) -> State {
        self.provider.get_run(&run(id)).await.unwrap().run.status.unwrap().state
    }

    async fn find(&self) -> RunMatch {
        self.provider.find_by_correlation(APP, TOKEN, START).await.unwrap()
    }
}

#[tokio::test]
async fn a_run_has_its_id_at_once_and_is_followed_to_its_end() {
    let setup = Setup::new(SMALL).await;
    let mut wanted = request(&[("VERSION", "2")]);
    wanted.environment.insert("WHO".into(), Given::text("nova"));
    let Ticket::Run(begun) = setup.provider.trigger(&operation(), wanted).await.unwrap() else {
        unreachable!("no run")
    };
    let id: u64 = begun.external_id.unwrap().parse().unwrap();
    assert_eq!((begun.number.as_deref(), begun.status.unwrap().state), (Some("1"), State::Pending));
    let job = setup.gitlab.pending()[0];
    setup.gitlab.begin(job);
    assert_eq!(setup.state(id).await, State::Running);
    setup.gitlab.end(job, "failed");
    let found = setup.provider.get_run(&run(id)).await.unwrap();
    assert_eq!((found.origin.as_str(), found.correlation.as_deref()), ("api", Some(TOKEN)));
    assert_eq!(found.parameters.get("VERSION").map(String::as_str), Some("2"));
    assert_eq!(found.parameters.get("WHO").map(String::as_str), Some("nova"), "the build finds it in its environment");
    assert!(!found.parameters.contains_key(NAME));
    assert_eq!(found.run.status.unwrap().state, State::Failed);
    let jobs = found.run.graph.unwrap().jobs;
    assert_eq!((jobs[0].id.clone(), jobs[0].status.reason.as_deref()), (job.to_string(), Some("script-failure")));
}

#[tokio::test]
async fn what_gitlab_refuses_is_told_as_what_it_is() {
    let setup = Setup::new(SMALL).await;
    let mut elsewhere = request(&[]);
    elsewhere.reference = Some("nowhere".into());
    let error = setup.provider.trigger(&operation(), elsewhere).await.unwrap_err();
    assert!(
        matches!(error.kind, CallErrorKind::InvalidInput { .. }) && error.message == "request: Reference not found",
        "{error:?}"
    );
    setup.gitlab.world().projects[0].files.clear();
    let error = setup.provider.trigger(&operation(), request(&[])).await.unwrap_err();
    assert!(error.message.contains("Missing CI config file"), "{error:?}");
    setup.gitlab.world().level = 20;
    let error = setup.provider.trigger(&operation(), request(&[])).await.unwrap_err();
    assert!(matches!(error.kind, CallErrorKind::Forbidden(_)), "{error:?}");
    let mut unknown = request(&[]);
    unknown.pipeline = "g/other".into();
    assert_eq!(setup.provider.trigger(&operation(), unknown).await.unwrap_err().kind, CallErrorKind::NotFound);
}

#[tokio::test]
async fn inputs_keep_their_type_and_need_no_right_to_set_variables() {
    let file = "spec:\n  inputs:\n    replicas: { type: number }\n    NOVACRON_CORRELATION: { default: \"\" }\n---\n\
                workflow: { name: \"Ship ($[[ inputs.NOVACRON_CORRELATION ]])\" }\nbuild: { script: [make] }\n";
    let setup = Setup::new(file).await;
    setup.gitlab.world().projects[0].restricts_variables = true;
    let given = request(&[("replicas", "3")]);
    let error = setup.provider.trigger(&operation(), given.clone()).await.unwrap_err();
    let CallErrorKind::Forbidden(permission) = &error.kind else { unreachable!("{error:?}") };
    assert_eq!(permission.as_deref(), Some("ci_pipeline_variables_minimum_override_role"));
    let by_input = setup.set(json!({ "correlation": "input" }));
    let Ticket::Run(begun) = by_input.trigger(&operation(), given).await.unwrap() else { unreachable!("no run") };
    let id: u64 = begun.external_id.unwrap().parse().unwrap();
    assert_eq!(setup.gitlab.pipeline(id, |row| row.inputs["replicas"].clone()), 3);
    let found = by_input.find_by_correlation(APP, TOKEN, START).await.unwrap();
    assert!(
        matches!(found, RunMatch::One(found) if found.run.external_id == Some(id.to_string())),
        "by the name that shows it"
    );
}

#[tokio::test]
async fn a_secret_travels_in_the_body_and_is_shown_nowhere() {
    let setup = Setup::new(SMALL).await;
    let mut wanted = request(&[]);
    wanted
        .parameters
        .insert("KEY".into(), Given { kind: ParameterKind::Secret, value: Value::Secret("parameter".into()) });
    let Ticket::Run(begun) = setup.provider.trigger(&operation(), wanted).await.unwrap() else {
        unreachable!("no run")
    };
    let id: u64 = begun.external_id.unwrap().parse().unwrap();
    let kept = setup.gitlab.pipeline(id, |row| row.variables.clone());
    assert!(kept.iter().any(|it| it["key"] == "KEY" && it["value"] == secret("parameter").as_str()));
    assert!(setup.gitlab.seen().iter().all(|seen| !seen.target.contains("value-7f3a9c")));
}

#[tokio::test]
async fn a_run_whose_start_was_not_answered_is_found_and_none_is_made_twice() {
    let setup = Setup::new(SMALL).await;
    let _ = setup.gitlab.start_by(APP, "push");
    assert_eq!(setup.find().await, RunMatch::None);
    setup.gitlab.fail("POST /api/v4/projects/1/pipeline", Fault::LoseAnswer);
    let error = setup.provider.trigger(&operation(), request(&[])).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::OutcomeUnknown);
    assert!(matches!(setup.find().await, RunMatch::One(found) if found.correlation.as_deref() == Some(TOKEN)));
    let mut other = request(&[]);
    other.correlation = "f".repeat(32);
    setup.provider.trigger(&operation(), other).await.unwrap();
    assert!(matches!(setup.find().await, RunMatch::One(_)), "another token is another run");
    // Who is no Maintainer sees no variables: then what may be ours is shown, and no "none" is said.
    setup.gitlab.world().level = 30;
    assert!(matches!(setup.find().await, RunMatch::Many(runs) if runs.len() == 2));
}

#[tokio::test]
async fn a_run_is_found_among_many_within_what_one_call_may_ask() {
    let setup = Setup::new(SMALL).await;
    let id = setup.trigger().await;
    for _ in 0..120 {
        let _ = setup.gitlab.start_by(APP, "api");
    }
    assert!(matches!(setup.find().await, RunMatch::One(found) if found.run.external_id == Some(id.to_string())));
    // Those that are not read may be it.
    setup.gitlab.pipeline(id, |row| row.variables.clear());
    assert!(matches!(setup.find().await, RunMatch::Many(runs) if runs.len() == 24));
}

#[tokio::test]
async fn what_has_ended_is_not_cancelled_and_what_runs_comes_to_its_end() {
    let setup = Setup::new(SMALL).await;
    let id = setup.trigger().await;
    let job = setup.gitlab.pending()[0];
    setup.gitlab.begin(job);
    let target = CancelTarget::Run(run(id));
    setup.provider.cancel(&operation(), &target).await.unwrap();
    assert_eq!(setup.state(id).await, State::Running, "after_script still runs");
    let found = setup.provider.get_run(&run(id)).await.unwrap();
    assert_eq!(found.run.status.unwrap().conditions, ["cancel-requested"]);
    setup.provider.cancel(&operation(), &target).await.unwrap();
    assert_eq!(setup.posts("/cancel"), 1, "it was asked for already");
    setup.provider.change(&operation(), Change::RunForceCancel { run: run(id) }).await.map(drop).unwrap();
    assert_eq!(setup.state(id).await, State::Canceled);
    setup.gitlab.forget_seen();
    setup.provider.cancel(&operation(), &target).await.unwrap();
    assert_eq!(setup.posts("/cancel"), 0, "GitLab would say yes to it");
}

#[tokio::test]
async fn a_retry_makes_new_jobs_of_what_failed_and_keeps_the_run() {
    let setup = Setup::new(DEFINITION).await;
    let id = setup.trigger().await;
    let build = setup.gitlab.job_named(id, "build");
    setup.gitlab.begin(build);
    setup.gitlab.end(build, "failed");
    let lint = setup.gitlab.job_named(id, "lint");
    setup.gitlab.begin(lint);
    setup.gitlab.end(lint, "success");
    assert_eq!(setup.state(id).await, State::Failed);
    let ours = run(id);
    let first = operation();
    let retry = |scope| setup.provider.retry(&first, &ours, scope, "t");
    let error = retry(RetryScope::All).await.unwrap_err();
    assert!(matches!(error.kind, CallErrorKind::Unsupported(_)), "{error:?}");
    let Ticket::Run(again) = retry(RetryScope::Failed).await.unwrap() else { unreachable!("no run") };
    assert_eq!(again.external_id, Some(id.to_string()));
    let newer = setup.gitlab.job_named(id, "build");
    assert_ne!(newer, build);
    let jobs = setup.provider.get_run(&run(id)).await.unwrap().run.graph.unwrap().jobs;
    assert!(jobs.iter().any(|job| job.id == newer.to_string()) && jobs.iter().all(|job| job.id != build.to_string()));
    setup.gitlab.begin(newer);
    setup.gitlab.end(newer, "success");
    // One job, by itself; what was retried already is no job to retry.
    retry(RetryScope::Job(newer.to_string())).await.unwrap();
    assert_ne!(setup.gitlab.job_named(id, "build"), newer);
    assert_eq!(retry(RetryScope::Job(build.to_string())).await.unwrap_err().kind, CallErrorKind::Conflict);
    let second = OperationArg { attempt: 2, ..operation() };
    setup.provider.retry(&second, &ours, RetryScope::Job(newer.to_string()), "t").await.unwrap();
    assert_eq!(setup.posts(&format!("/jobs/{newer}/retry")), 1, "the attempt before came through");
}

#[tokio::test]
async fn a_manual_job_that_is_started_long_after_the_end_is_seen() {
    let setup = Setup::new(DEFINITION).await;
    let id = setup.trigger().await;
    setup.finish("success");
    let seen = setup.provider.get_run(&run(id)).await.unwrap();
    assert_eq!(seen.run.status.as_ref().unwrap().state, State::Succeeded);
    let later = setup.gitlab.job_named(id, "later");
    let of = |run: &novacron_cicd_domain::run::SeenRun| {
        run.graph.as_ref().unwrap().jobs.iter().find(|job| job.id == later.to_string()).unwrap().status.state
    };
    assert_eq!(of(&seen.run), State::Waiting);
    setup.gitlab.world().now += 3_600_000;
    setup.gitlab.job(later, |job| job.status = "pending".into());
    setup.gitlab.begin(later);
    let anew = setup.provider.get_run(&run(id)).await.unwrap();
    assert_eq!(
        (anew.run.status.unwrap().state, anew.run.times.updated > seen.run.times.updated),
        (State::Running, true)
    );
}

#[tokio::test]
async fn a_project_that_was_moved_is_followed_and_what_changes_it_goes_to_its_number() {
    let setup = Setup::of(vec![Project::new("h/app", SMALL)]).await;
    setup.gitlab.world().moved.insert(APP.into(), 1);
    let id = setup.trigger().await;
    let found = setup.provider.get_run(&run(id)).await.unwrap();
    assert_eq!(found.pipeline, APP);
    setup.provider.cancel(&operation(), &CancelTarget::Run(run(id))).await.unwrap();
    assert_eq!(setup.state(id).await, State::Canceled);
}

#[tokio::test]
async fn a_limit_of_any_shape_is_a_wait_and_no_error() {
    let setup = Setup::new(SMALL).await;
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    // What is left, and until when, is said of another limit than this one (gitlab#365728).
    let other = vec![
        header("content-type", "application/json"),
        header("ratelimit-remaining", "0"),
        header("ratelimit-reset", "1800003600"),
    ];
    let rows = [
        (vec![header("retry-after", "30")], "Retry later\n", Some(30_000)),
        (other, r#"{"message":{"error":"This endpoint has been requested too many times. Try again later."}}"#, None),
    ];
    for (headers, body, wait) in rows {
        setup.gitlab.fail("POST /api/v4/projects/1/pipeline", Fault::Refuse(429, headers, body.into()));
        let error = setup.provider.trigger(&operation(), request(&[])).await.unwrap_err();
        let CallErrorKind::RateLimited(wait_for) = error.kind else { unreachable!("{error:?}") };
        assert_eq!(wait_for, wait);
    }
}
