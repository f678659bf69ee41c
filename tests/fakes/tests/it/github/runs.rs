//! Runs, from their trigger to their end, with everything that may go wrong on the way.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    platform::{
        CallErrorKind, CancelTarget, Change, Given, OperationArg, PageRequest, RetryScope, RunFilter, RunMatch, Ticket,
        TriggerRequest,
    },
    run::Edges,
    status::State,
};
use novacron_cicd_fakes::{house::operation, server::Fault};
use serde_json::{Value, json};

use super::{PIPELINE, REPO, Setup, TOKEN, request, run_of};

const NOW: u64 = 1_800_000_000_000;

fn since() -> Timestamp {
    Timestamp(i64::try_from(NOW).unwrap() - 1_000)
}

#[tokio::test]
async fn a_run_is_known_at_once_and_followed_to_its_end() {
    let setup = Setup::new().await;
    let mut with = request(PIPELINE, &[("who", "nova"), ("level", "high")]);
    with.environment = BTreeMap::from([("GREETING".to_owned(), Given::text("hello"))]);
    let Ticket::Run(run) = setup.provider.trigger(&operation(), with).await.unwrap() else { unreachable!() };
    let number: u64 = run.external_id.unwrap().parse().unwrap();
    assert_eq!((run.attempt, run.status.unwrap().state), (Some(1), State::Pending));
    let inputs = setup.github.world().run(number).inputs.clone();
    let expected = [
        ("level", "high"),
        ("novacron_correlation", TOKEN),
        ("novacron_environment", r#"{"GREETING":"hello"}"#),
        ("who", "nova"),
    ];
    assert_eq!(inputs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());

    {
        let mut world = setup.github.world();
        world.begin(number);
        let build = world.begin_job(number, "build");
        world.step(build, "Set up job", "completed", Some("success"));
        world.end_job(build, "success", Some("done"));
        for name in ["test (1)", "test (2)"] {
            world.begin_job(number, name);
        }
    }
    let found = setup.provider.get_run(&run_of(number, Some(1))).await.unwrap();
    assert_eq!((found.correlation.as_deref(), found.origin.as_str()), (Some(TOKEN), "api"));
    let graph = found.run.graph.unwrap();
    assert_eq!((found.run.status.unwrap().state, graph.edges, graph.complete), (State::Running, Edges::Exact, true));
    let needs: Vec<_> = graph.jobs.iter().map(|job| (job.name.as_str(), job.needs.len())).collect();
    assert_eq!(needs, [("build", 0), ("test (1)", 1), ("test (2)", 1)]);

    setup.github.world().end(number, "failure");
    let found = setup.provider.get_run(&run_of(number, Some(1))).await.unwrap();
    assert_eq!(found.run.status.unwrap().state, State::Failed);
    assert!(found.run.times.finished.is_some());
}

#[tokio::test]
async fn needs_are_those_of_the_commit_that_was_built() {
    let setup = Setup::new().await;
    let number = setup.begin().await;
    {
        let mut world = setup.github.world();
        world.begin_job(number, "build");
        world.begin_job(number, "test (1)");
        let files = world.repo(REPO).branches.get_mut("main").unwrap();
        files.insert(".github/workflows/ci.yml".into(), "on: push\njobs: {other: {}}\n".into());
    }
    let graph = setup.provider.get_run(&run_of(number, None)).await.unwrap().run.graph.unwrap();
    assert_eq!((graph.edges, graph.jobs[1].needs.len()), (Edges::Exact, 1));
}

#[tokio::test]
async fn what_a_workflow_does_not_take_is_refused_and_nothing_is_sent() {
    let setup = Setup::new().await;
    let environment = TriggerRequest {
        environment: BTreeMap::from([("A".to_owned(), Given::text("1"))]),
        ..request("acme/app/bare.yml", &[])
    };
    let refused = [
        (request(PIPELINE, &[("nobody", "x")]), "nobody"),
        (request(PIPELINE, &[("level", "medium")]), "medium"),
        (environment, "environment"),
        (TriggerRequest { reference: Some("nowhere".into()), ..request(PIPELINE, &[]) }, "404"),
    ];
    for (request, part) in refused {
        let error = setup.provider.trigger(&operation(), request).await.unwrap_err();
        assert!(error.message.contains(part) && !error.sent, "{error}");
    }
    assert!(!setup.github.lines().iter().any(|line| line.starts_with("POST")));
}

#[tokio::test]
async fn what_github_refuses_a_dispatch_with_is_told_in_its_words() {
    let setup = Setup::new().await;
    let rows = [
        ("Workflow does not have 'workflow_dispatch' trigger", json!(null), ""),
        ("Required input 'mandatory-parameter' not provided", json!(null), ""),
        ("Unexpected inputs provided: [\"x\"]", json!([]), ""),
        ("No ref found for: main", json!(["main"]), ": main"),
        ("Validation Failed", json!([{ "resource": "Workflow", "field": "ref", "code": "invalid" }]), ": ref invalid"),
    ];
    for (said, errors, more) in rows {
        let body = json!({ "message": said, "errors": errors, "status": "422" }).to_string();
        setup.github.fail("/dispatches", Fault::Refuse(422, vec![], body));
        let error = setup.provider.trigger(&operation(), request(PIPELINE, &[])).await.unwrap_err();
        let reason = format!("{said}{more}");
        assert_eq!(error.kind, CallErrorKind::InvalidInput { field: "request".into(), reason }, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_say_which_run_is_searched_for_the_token() {
    let setup = Setup::new().await;
    setup.github.world().run_details = false;
    // Each search looks at two lists.
    setup.github.world().lag = 2;
    assert_eq!(setup.provider.trigger(&operation(), request(PIPELINE, &[])).await.unwrap(), Ticket::Unknown(None));
    let find = || setup.provider.find_by_correlation(PIPELINE, TOKEN, since());
    // It is not listed yet: that is no proof that it is not there.
    assert_eq!(find().await.unwrap_err().kind, CallErrorKind::Transient);
    let RunMatch::One(found) = find().await.unwrap() else { unreachable!() };
    assert_eq!(found.correlation.as_deref(), Some(TOKEN));
}

#[tokio::test]
async fn a_list_that_leaves_out_what_it_should_show_does_not_hide_a_run() {
    let setup = Setup::new().await;
    setup.begin().await;
    setup.github.world().filters_stall = true;
    let found = setup.provider.find_by_correlation(PIPELINE, TOKEN, since()).await.unwrap();
    assert!(matches!(found, RunMatch::One(_)), "{found:?}");
}

#[tokio::test]
async fn a_lost_answer_is_found_again_and_what_was_never_begun_is_not() {
    let setup = Setup::new().await;
    setup.github.fail("/dispatches", Fault::LoseAnswer);
    let error = setup.provider.trigger(&operation(), request(PIPELINE, &[])).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::OutcomeUnknown);
    let found = setup.provider.find_by_correlation(PIPELINE, TOKEN, since()).await.unwrap();
    assert!(matches!(found, RunMatch::One(_)));
    // Another token, and long enough ago.
    let long_ago = Timestamp(since().0 - 100_000);
    let other = setup.provider.find_by_correlation(PIPELINE, &"f".repeat(32), long_ago).await.unwrap();
    assert_eq!(other, RunMatch::None);
}

#[tokio::test]
async fn without_a_token_in_its_title_a_run_is_never_guessed() {
    let setup = Setup::new().await;
    let pipeline = "acme/app/bare.yml";
    setup.github.world().run_details = false;
    setup.provider.trigger(&operation(), request(pipeline, &[])).await.unwrap();
    // A run of another workflow, and one that a push began, can't be it.
    setup.begin_elsewhere();
    let found = setup.provider.find_by_correlation(pipeline, TOKEN, since()).await.unwrap();
    let RunMatch::Many(found) = found else { unreachable!("{found:?}") };
    assert_eq!(found.len(), 1, "the only one that may be it is shown, and not taken");
}

impl Setup {
    fn begin_elsewhere(&self) {
        let mut world = self.github.world();
        world.add_run(REPO, "ci.yml", "workflow_dispatch", "main", "CI", BTreeMap::new());
        world.add_run(REPO, "bare.yml", "push", "main", "A change", BTreeMap::new());
    }
}

#[tokio::test]
async fn a_dispatch_by_hand_of_a_workflow_that_shows_tokens_is_not_ours() {
    let setup = Setup::new().await;
    setup.github.world().add_run(REPO, "ci.yml", "workflow_dispatch", "main", "CI", BTreeMap::new());
    let long_ago = Timestamp(since().0 - 100_000);
    let found = setup.provider.find_by_correlation(PIPELINE, TOKEN, long_ago).await.unwrap();
    assert_eq!(found, RunMatch::None);
}

#[tokio::test]
async fn the_newer_version_always_says_which_run() {
    let setup = Setup::new().await;
    setup.github.world().run_details = false;
    let settings = json!({ "repositories": [REPO], "api-version": "2026-03-10" });
    let provider = setup.house.provider(&setup.github.url(), settings, Some(("token", "octocat")));
    assert!(matches!(provider.trigger(&operation(), request(PIPELINE, &[])).await.unwrap(), Ticket::Run(_)));
    let sent = setup.github.seen().into_iter().find(|seen| seen.method == "POST").unwrap();
    let body: Value = serde_json::from_str(&sent.body).unwrap();
    assert_eq!((body.get("return_run_details"), &body["ref"]), (None, &json!("main")));
}

#[tokio::test]
async fn runs_of_others_are_listed_with_what_started_them() {
    let setup = Setup::new().await;
    let pushed = {
        let mut world = setup.github.world();
        let pushed = world.add_run(REPO, "ci.yml", "push", "main", "Fix it", BTreeMap::new());
        let fork = world.add_run(REPO, "ci.yml", "pull_request", "main", "Add it", BTreeMap::new());
        world.run(fork).head_repository = "eve/app".into();
        world.add_run(REPO, "bare.yml", "schedule", "main", "Bare", BTreeMap::new());
        pushed
    };
    let ask = |pipeline: Option<&str>| RunFilter { pipeline: pipeline.map(str::to_owned), reference: None };
    let page = PageRequest { cursor: None, limit: 100 };
    let all = setup.provider.list_runs(ask(None), &page).await.unwrap().items;
    let told: Vec<_> = all.iter().map(|it| (it.pipeline.as_str(), it.origin.as_str())).collect();
    assert_eq!(told, [("acme/app/bare.yml", "schedule"), (PIPELINE, "pull-request"), (PIPELINE, "push")]);
    let own = setup.provider.list_runs(ask(Some(PIPELINE)), &page).await.unwrap().items;
    assert_eq!(own.last().unwrap().run.external_id, Some(pushed.to_string()));
    assert!(own.iter().all(|it| it.run.graph.is_none()), "not looked at is not empty");
}

#[tokio::test]
async fn changes_are_told_once_and_history_is_no_news() {
    let setup = Setup::new().await;
    let (old, active) = {
        let mut world = setup.github.world();
        let old = world.add_run(REPO, "ci.yml", "push", "main", "Old", BTreeMap::new());
        world.end(old, "success");
        world.now += 10_000;
        (old, world.add_run(REPO, "ci.yml", "push", "main", "New", BTreeMap::new()))
    };
    let pipelines = [PIPELINE.to_owned()];
    let first = setup.provider.list_changed(&pipelines, None).await.unwrap();
    let ids = |changes: &novacron_cicd_domain::platform::RunChanges| {
        changes.runs.iter().map(|it| it.run.external_id.clone().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), [active.to_string()]);
    setup.github.forget_seen();
    {
        let mut world = setup.github.world();
        world.now += 10_000;
        world.end(active, "success");
    }
    let second = setup.provider.list_changed(&pipelines, Some(&first.position)).await.unwrap();
    assert_eq!(ids(&second), [active.to_string()]);
    assert_eq!(setup.github.lines(), ["GET /repos/acme/app/actions/runs"], "one request for all");
    {
        let mut world = setup.github.world();
        world.now += 10_000;
        world.begin(old);
    }
    let third = setup.provider.list_changed(&pipelines, Some(&second.position)).await.unwrap();
    assert!(ids(&third).contains(&old.to_string()));
}

#[tokio::test]
async fn a_cancel_is_asked_for_once_and_what_has_ended_is_no_error() {
    let setup = Setup::new().await;
    let number = setup.begin().await;
    let target = CancelTarget::Run(run_of(number, Some(1)));
    setup.provider.cancel(&operation(), &target).await.unwrap();
    let harder = Change::RunForceCancel { run: run_of(number, Some(1)) };
    setup.provider.change(&operation(), harder).await.unwrap();
    assert_eq!(setup.github.world().asked(number), ["cancel", "force-cancel"]);
    setup.github.world().end(number, "cancelled");
    setup.provider.cancel(&operation(), &target).await.unwrap();
    // It ends between our look and our request.
    setup.github.world().begin(number);
    let said = r#"{"message":"Cannot cancel a workflow run that is completed."}"#;
    setup.github.fail("/cancel", Fault::Refuse(409, vec![], said.into()));
    setup.provider.cancel(&operation(), &target).await.unwrap();
}

#[tokio::test]
async fn a_retry_is_another_attempt_of_the_one_that_was_seen() {
    let setup = Setup::new().await;
    let number = setup.begin().await;
    let retry = |attempt, scope, operation: OperationArg| {
        let (provider, run) = (&setup.provider, run_of(number, Some(attempt)));
        async move { provider.retry(&operation, &run, scope, "f00").await }
    };
    assert_eq!(retry(1, RetryScope::All, operation()).await.unwrap_err().kind, CallErrorKind::Conflict);
    let job = {
        let mut world = setup.github.world();
        let job = world.begin_job(number, "build");
        world.end_job(job, "failure", None);
        world.end(number, "failure");
        job
    };
    let Ticket::Run(run) = retry(1, RetryScope::Failed, operation()).await.unwrap() else { unreachable!() };
    assert_eq!((run.external_id, run.attempt), (Some(number.to_string()), Some(2)));
    assert_eq!(retry(1, RetryScope::All, operation()).await.unwrap_err().kind, CallErrorKind::Conflict);
    // The same again after a lost answer sees that it came.
    let again = OperationArg { attempt: 2, first_sent: Some(since()), ..operation() };
    let Ticket::Run(run) = retry(1, RetryScope::Failed, again).await.unwrap() else { unreachable!() };
    assert_eq!(run.attempt, Some(2));
    let first = setup.provider.get_run(&run_of(number, Some(1))).await.unwrap();
    assert_eq!(first.run.status.unwrap().state, State::Failed, "the first attempt stays what it was");
    setup.github.world().end(number, "success");
    retry(2, RetryScope::Job(job.to_string()), operation()).await.unwrap();
    let posts: Vec<_> =
        setup.github.lines().into_iter().filter(|line| line.ends_with("rerun") || line.ends_with("jobs")).collect();
    assert!(posts.contains(&format!("POST /repos/acme/app/actions/jobs/{job}/rerun")), "{posts:?}");
}
