//! Starting, finding, following and stopping runs.

use novacron_cicd_domain::{
    Timestamp,
    parameter::ParameterKind,
    platform::{
        CallErrorKind, CancelTarget, Change, Delivery, Given, HookObservation, RetryScope, RunMatch, RunRef, Ticket,
        Value,
    },
    run::SeenRun,
    status::State,
};
use novacron_cicd_fakes::{
    house::{operation, secret},
    jenkins::Item,
    server::Fault,
};
use serde_json::json;

use super::{Setup, TOKEN, request, tracked};

const LONG_AGO: Timestamp = Timestamp(0);

fn queued(ticket: Ticket) -> String {
    match ticket {
        Ticket::Queued(place) => place,
        other => unreachable!("{other:?}"),
    }
}

fn begun(ticket: Ticket) -> SeenRun {
    match ticket {
        Ticket::Run(run) => *run,
        other => unreachable!("{other:?}"),
    }
}

pub(super) fn run(number: &str) -> RunRef {
    RunRef { pipeline: "app".into(), run: number.into(), attempt: None }
}

impl Setup {
    async fn trigger(&self) -> String {
        queued(self.provider.trigger(&operation(), request("app", &[("VERSION", "2")])).await.unwrap())
    }

    async fn resolve(&self, ticket: &str) -> Ticket {
        self.provider.resolve_ticket("app", ticket).await.unwrap()
    }

    async fn state(&self, number: &str) -> State {
        self.provider.get_run(&run(number)).await.unwrap().run.status.unwrap().state
    }

    fn posts(&self) -> usize {
        self.jenkins.lines().iter().filter(|line| line.starts_with("POST /job/app/build")).count()
    }
}

#[tokio::test]
async fn a_run_is_followed_from_the_queue_to_its_end() {
    let setup = Setup::new(vec![tracked()]).await;
    let ticket = setup.trigger().await;
    assert_eq!(
        setup.resolve(&ticket).await,
        Ticket::Queued(ticket.clone()),
        "jenkins names another host, and it is found"
    );
    let id = setup.jenkins.waiting()[0];
    setup.jenkins.leave(id);
    assert_eq!(setup.resolve(&ticket).await, Ticket::Queued(ticket.clone()), "it left, and is no build yet");
    setup.jenkins.begin(id);
    setup.jenkins.build("app", 1, |build| build.hidden = true);
    assert_eq!(setup.resolve(&ticket).await, Ticket::Queued(ticket.clone()), "the build is named, and not there yet");
    setup.jenkins.build("app", 1, |build| build.hidden = false);
    let found = begun(setup.resolve(&ticket).await);
    assert_eq!((found.external_id.as_deref(), found.status.unwrap().state), (Some("1"), State::Running));

    // A result may be set, and `building` be false, long before the end.
    for (building, in_progress, result, state) in [
        (true, true, Some("UNSTABLE"), State::Running),
        (false, true, Some("FAILURE"), State::Running),
        (false, false, Some("FAILURE"), State::Failed),
    ] {
        setup.jenkins.build("app", 1, |build| {
            (build.building, build.in_progress, build.result) = (building, in_progress, result.map(str::to_owned));
        });
        assert_eq!(setup.state("1").await, state, "{building} {in_progress} {result:?}");
    }
    let found = setup.provider.get_run(&run("1")).await.unwrap();
    assert_eq!((found.origin.as_str(), found.correlation.as_deref()), ("api", Some("nc-7")));
    assert_eq!(found.parameters.get("VERSION").map(String::as_str), Some("2"));
    assert!(!found.parameters.contains_key(TOKEN));
    assert_eq!(found.run.url.unwrap(), format!("{}/job/app/1/", setup.jenkins.url()));
    let graph = found.run.graph.unwrap();
    assert_eq!((graph.jobs.len(), graph.jobs[0].status.state, graph.complete), (1, State::Failed, true));
}

#[tokio::test]
async fn what_has_left_the_queue_for_long_is_found_by_its_build() {
    let setup = Setup::new(vec![tracked()]).await;
    let ticket = setup.trigger().await;
    setup.jenkins.begin(setup.jenkins.waiting()[0]);
    setup.jenkins.forget_left();
    assert_eq!(begun(setup.resolve(&ticket).await).external_id.as_deref(), Some("1"));
    let error = setup.provider.resolve_ticket("app", "99").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NotFound);
}

#[tokio::test]
async fn an_equal_request_is_folded_and_said_to_be() {
    let setup = Setup::new(vec![Item::job("app").with_strings(&[("VERSION", "1")])]).await;
    let first = setup.trigger().await;
    let second = setup.provider.trigger(&operation(), request("app", &[("VERSION", "2")])).await.unwrap();
    assert_eq!(second, Ticket::Folded(first));
    // Our token makes each request another.
    let setup = Setup::new(vec![tracked()]).await;
    let first = setup.trigger().await;
    let mut other = request("app", &[("VERSION", "2")]);
    other.correlation = "nc-8".into();
    assert_ne!(queued(setup.provider.trigger(&operation(), other).await.unwrap()), first);
    assert_eq!(setup.jenkins.waiting().len(), 2);
}

#[tokio::test]
async fn what_jenkins_would_pass_over_is_refused_before_it_is_sent() {
    let choice = json!({ "type": "ChoiceParameterDefinition", "name": "TARGET", "choices": ["a", "b"],
                         "defaultParameterValue": { "value": "a" } });
    let setup = Setup::new(vec![tracked().with(vec![choice]), Item::job("plain")]).await;
    for (pipeline, parameters) in
        [("app", [("VERSON", "2")]), ("app", [("TARGET", "c")]), ("plain", [("VERSION", "2")])]
    {
        let error = setup.provider.trigger(&operation(), request(pipeline, &parameters)).await.unwrap_err();
        assert!(matches!(error.kind, CallErrorKind::InvalidInput { .. }), "{error:?}");
    }
    assert!(setup.jenkins.lines().iter().all(|line| line.starts_with("GET ")));
}

#[tokio::test]
async fn a_secret_travels_in_the_body_and_is_shown_nowhere() {
    let password = json!({ "type": "PasswordParameterDefinition", "name": "KEY" });
    let setup = Setup::new(vec![tracked().with(vec![password])]).await;
    let mut wanted = request("app", &[]);
    let given = Given { kind: ParameterKind::Secret, value: Value::Secret("parameter".into()) };
    wanted.parameters.insert("KEY".into(), given);
    setup.provider.trigger(&operation(), wanted).await.unwrap();
    let seen = setup.jenkins.seen();
    let post = seen.iter().find(|seen| seen.method == "POST").unwrap();
    assert!(post.body.contains(&format!("KEY={}", secret("parameter"))), "{}", post.body);
    assert!(seen.iter().all(|seen| !seen.target.contains(&secret("parameter"))));
}

#[tokio::test]
async fn a_file_is_handed_over_with_all_else_that_a_run_is_given() {
    let file = json!({ "type": "FileParameterDefinition", "name": "UPLOAD" });
    let password = json!({ "type": "PasswordParameterDefinition", "name": "KEY" });
    let setup = Setup::new(vec![tracked().with(vec![file, password])]).await;
    let mut wanted = request("app", &[("VERSION", "2 \u{e4} \"x\"")]);
    let bytes = b"\x00\xff\r\n--bytes of a file";
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    wanted.parameters.insert("UPLOAD".into(), Given { kind: ParameterKind::File, value: Value::Text(text) });
    let given = Given { kind: ParameterKind::Secret, value: Value::Secret("parameter".into()) };
    wanted.parameters.insert("KEY".into(), given);
    setup.provider.trigger(&operation(), wanted).await.unwrap();
    setup.jenkins.begin(setup.jenkins.waiting()[0]);
    let files = setup.jenkins.build("app", 1, |build| build.files.clone());
    assert_eq!(files, [("UPLOAD".to_owned(), bytes.to_vec())]);
    let found = setup.provider.get_run(&run("1")).await.unwrap();
    assert_eq!((found.correlation.as_deref(), found.parameters["VERSION"].as_str()), (Some("nc-7"), "2 \u{e4} \"x\""));
    assert!(setup.jenkins.seen().iter().any(|seen| seen.body.contains(&secret("parameter"))));
    // Jenkins does not give a file back, so that the build can't be repeated.
    setup.jenkins.end("app", 1, "FAILURE");
    let error = setup.provider.retry(&operation(), &run("1"), RetryScope::All, "nc-9").await.unwrap_err();
    assert!(matches!(error.kind, CallErrorKind::Unsupported(_)) && error.message.contains("UPLOAD"), "{error:?}");
}

#[tokio::test]
async fn a_trigger_whose_answer_is_lost_is_found_again_and_never_taken_for_none() {
    let setup = Setup::new(vec![tracked()]).await;
    setup.jenkins.fail("POST /job/app/build", Fault::LoseAnswer);
    let error = setup.provider.trigger(&operation(), request("app", &[("VERSION", "2")])).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::OutcomeUnknown);
    let find = || setup.provider.find_by_correlation("app", "nc-7", LONG_AGO);
    let RunMatch::Queued(ticket) = find().await.unwrap() else { unreachable!("it waits in the queue") };
    assert_eq!(setup.resolve(&ticket).await, Ticket::Queued(ticket.clone()));
    setup.jenkins.begin(setup.jenkins.waiting()[0]);
    let RunMatch::One(found) = find().await.unwrap() else { unreachable!("it began") };
    assert_eq!(found.run.external_id.as_deref(), Some("1"));
    let other = setup.provider.find_by_correlation("app", "nc-8", LONG_AGO).await.unwrap();
    assert_eq!((other, setup.posts()), (RunMatch::None, 1));
}

#[tokio::test]
async fn a_run_behind_hundreds_of_newer_ones_is_found() {
    let setup = Setup::new(vec![tracked()]).await;
    setup.trigger().await;
    setup.jenkins.begin(setup.jenkins.waiting()[0]);
    for _ in 0..250 {
        setup.jenkins.begin_by("app", &["hudson.triggers.TimerTrigger$TimerTriggerCause"]);
    }
    let RunMatch::One(found) = setup.provider.find_by_correlation("app", "nc-7", LONG_AGO).await.unwrap() else {
        unreachable!("it is there")
    };
    assert_eq!(found.run.external_id.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_job_that_keeps_no_token_shows_whatever_may_be_ours() {
    let setup = Setup::new(vec![Item::job("app")]).await;
    let find = || setup.provider.find_by_correlation("app", "nc-7", LONG_AGO);
    assert_eq!(find().await.unwrap(), RunMatch::None);
    setup.jenkins.begin_by("app", &["hudson.triggers.TimerTrigger$TimerTriggerCause"]);
    assert_eq!(find().await.unwrap(), RunMatch::None, "a schedule's is not ours");
    setup.jenkins.fail("POST /job/app/build", Fault::LoseAnswer);
    setup.provider.trigger(&operation(), request("app", &[])).await.unwrap_err();
    assert_eq!(find().await.unwrap_err().kind, CallErrorKind::Transient);
    setup.jenkins.begin(setup.jenkins.waiting()[0]);
    assert_eq!(find().await.unwrap(), RunMatch::Many(vec![run("2")]), "one that may be it is not one that is");
}

#[tokio::test]
async fn what_waits_is_taken_out_of_the_queue() {
    let setup = Setup::new(vec![tracked()]).await;
    let ticket = setup.trigger().await;
    let target = CancelTarget::Queued { pipeline: "app".into(), ticket: ticket.clone() };
    setup.provider.cancel(&operation(), &target).await.unwrap();
    assert!(setup.jenkins.waiting().is_empty());
    assert!(matches!(setup.resolve(&ticket).await, Ticket::Canceled(_)));
    // Once more, and after it was forgotten.
    setup.provider.cancel(&operation(), &target).await.unwrap();
    setup.jenkins.forget_left();
    let error = setup.provider.cancel(&operation(), &target).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NotFound);
}

#[tokio::test]
async fn what_began_before_it_was_taken_out_is_stopped() {
    for forgotten in [false, true] {
        let setup = Setup::new(vec![tracked()]).await;
        let ticket = setup.trigger().await;
        setup.jenkins.begin(setup.jenkins.waiting()[0]);
        if forgotten {
            setup.jenkins.forget_left();
        }
        let target = CancelTarget::Queued { pipeline: "app".into(), ticket };
        setup.provider.cancel(&operation(), &target).await.unwrap();
        assert_eq!(setup.jenkins.build("app", 1, |build| build.asked.clone()), ["stop"]);
    }
}

#[tokio::test]
async fn a_stop_is_asked_for_and_its_page_not_followed() {
    let setup = Setup::new(vec![tracked()]).await;
    setup.trigger().await;
    setup.jenkins.begin(setup.jenkins.waiting()[0]);
    setup.jenkins.forget_seen();
    setup.provider.cancel(&operation(), &CancelTarget::Run(run("1"))).await.unwrap();
    assert_eq!(setup.jenkins.lines(), ["POST /job/app/1/stop"]);
    assert_eq!(setup.state("1").await, State::Running, "it ends in its own time");
    setup.jenkins.end("app", 1, "ABORTED");
    assert_eq!(setup.state("1").await, State::Canceled);
    let error = setup.provider.cancel(&operation(), &CancelTarget::Run(run("7"))).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::NotFound);
}

#[tokio::test]
async fn what_does_not_end_is_ended_harder_each_time() {
    let freestyle = Item { class: "hudson.model.FreeStyleProject".into(), ..Item::job("plain") };
    let setup = Setup::new(vec![tracked(), freestyle]).await;
    setup.jenkins.begin_by("app", &[]);
    for _ in 0..2 {
        setup.provider.change(&operation(), Change::RunForceCancel { run: run("1") }).await.map(drop).unwrap();
    }
    assert_eq!(setup.jenkins.build("app", 1, |build| build.asked.clone()), ["term", "kill"]);
    setup.jenkins.begin_by("plain", &[]);
    let other = RunRef { pipeline: "plain".into(), ..run("1") };
    let error = setup.provider.change(&operation(), Change::RunForceCancel { run: other }).await.map(drop).unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unsupported("run-force-cancel".into()));
}

#[tokio::test]
async fn a_build_is_deleted_unless_it_is_kept() {
    let setup = Setup::new(vec![tracked()]).await;
    for number in 1..=2 {
        setup.jenkins.begin_by("app", &[]);
        setup.jenkins.end("app", number, "SUCCESS");
    }
    setup.jenkins.build("app", 2, |build| build.kept = true);
    let delete = |number: &str| {
        let (setup, change) = (&setup, Change::RunDelete { run: run(number) });
        async move { setup.provider.change(&operation(), change).await.map(drop) }
    };
    delete("1").await.unwrap();
    assert_eq!(delete("1").await.unwrap_err().kind, CallErrorKind::NotFound);
    let error = delete("2").await.unwrap_err();
    assert!(error.message.contains("kept for ever"), "{error:?}");
    assert_eq!(setup.provider.get_run(&run("1")).await.unwrap_err().kind, CallErrorKind::NotFound);
}

#[tokio::test]
async fn a_notification_is_a_hint_at_a_build() {
    let setup = Setup::new(vec![]).await;
    let body = br#"{"name":"app","build":{"phase":"FINALIZED","number":17,"url":"job/app/17/"}}"#.to_vec();
    let decoded = setup.provider.decode_webhook(Delivery { headers: vec![], body }).await.unwrap();
    assert_eq!(decoded.observations, [HookObservation::Changed(run("17"))]);
}

#[tokio::test]
async fn a_retry_is_a_build_of_its_own_with_what_the_first_was_given() {
    let setup = Setup::new(vec![tracked()]).await;
    setup.trigger().await;
    setup.jenkins.begin(setup.jenkins.waiting()[0]);
    setup.jenkins.end("app", 1, "FAILURE");
    let ticket = setup.provider.retry(&operation(), &run("1"), RetryScope::All, "nc-9").await.unwrap();
    setup.jenkins.begin(setup.jenkins.waiting()[0]);
    assert_eq!(begun(setup.resolve(&queued(ticket)).await).external_id.as_deref(), Some("2"));
    let again = setup.provider.get_run(&run("2")).await.unwrap();
    assert_eq!((again.correlation.as_deref(), again.parameters["VERSION"].as_str()), (Some("nc-9"), "2"));
    let error = setup.provider.retry(&operation(), &run("1"), RetryScope::Failed, "nc-9").await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unsupported("run-retry.failed".into()));
}
