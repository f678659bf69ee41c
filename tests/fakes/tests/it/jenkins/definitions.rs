//! Jobs that are made, changed and deleted by their `config.xml`.

use novacron_cicd_domain::platform::{
    CallErrorKind, Change, Definition, Given, LintRequest, LogAnswer, LogRequest, Outcome, RunRef, Ticket,
    TriggerRequest,
};
use novacron_cicd_fakes::{
    house::operation,
    jenkins::{FOLDER, Item},
    server::Fault,
};

use super::{Setup, TOKEN, request};

fn definition(location: Option<&str>, source: &str) -> Definition {
    Definition {
        name: "app".into(),
        location: location.map(str::to_owned),
        source: Some(source.into()),
        ..Definition::default()
    }
}

#[tokio::test]
async fn a_job_is_made_with_its_folders_changed_and_deleted() {
    let setup = Setup::new(vec![]).await;
    let made = setup.provider.create_pipeline(&operation(), definition(Some("team/a b"), "node {}")).await.unwrap();
    assert_eq!((made.id.as_str(), made.revision.is_some()), ("team/a b/app", true));
    let read = setup.provider.read_definition(&made.id).await.unwrap();
    assert_eq!((read.source.as_deref(), read.location.as_deref()), (Some(b"node {}".as_slice()), Some("team/a b")));
    let ticket = setup.provider.trigger(&operation(), request(&made.id, &[])).await.unwrap();
    assert!(matches!(ticket, Ticket::Queued(_)));
    assert!(
        setup.jenkins.seen().last().unwrap().body.contains(TOKEN),
        "a job of ours carries our token from the first run on"
    );

    let second =
        setup.provider.create_pipeline(&operation(), definition(Some("team/a b"), "node {}")).await.unwrap_err();
    assert_eq!(second.kind, CallErrorKind::Conflict);

    let update = |revision: Option<String>| {
        let setup = &setup;
        async move {
            let wanted = definition(None, "node { sh 'true && false' }");
            setup.provider.update_pipeline(&operation(), "team/a b/app", wanted, revision.as_deref()).await
        }
    };
    let old = made.revision.clone();
    let changed = update(old.clone()).await.unwrap();
    assert_ne!(changed.revision, old);
    assert_eq!(update(old.clone()).await.unwrap_err().kind, CallErrorKind::Conflict, "somebody wrote since");
    setup.jenkins.forget_seen();
    assert_eq!(update(changed.revision.clone()).await.unwrap().revision, changed.revision);
    assert!(setup.jenkins.lines().iter().all(|line| !line.starts_with("POST")), "what is so already is not written");

    let delete = |revision: Option<String>| {
        let setup = &setup;
        async move { setup.provider.delete_pipeline(&operation(), "team/a b/app", revision.as_deref()).await }
    };
    assert_eq!(delete(old).await.unwrap_err().kind, CallErrorKind::Conflict);
    delete(changed.revision).await.unwrap();
    assert_eq!(delete(None).await.unwrap_err().kind, CallErrorKind::NotFound);
}

#[tokio::test]
async fn a_job_of_a_repository_is_run_at_the_reference_that_it_builds_and_at_no_other() {
    let setup = Setup::new(vec![]).await;
    let wanted = Definition {
        name: "app".into(),
        repository: Some("https://git.example/app".into()),
        reference: Some("dev/main".into()),
        environment: std::iter::once(("STAGE".to_owned(), "test".to_owned())).collect(),
        ..Definition::default()
    };
    setup.provider.create_pipeline(&operation(), wanted).await.unwrap();
    let at = |reference: &str| TriggerRequest {
        reference: Some(reference.into()),
        environment: std::iter::once(("STAGE".to_owned(), Given::text("prod"))).collect(),
        ..request("app", &[])
    };
    setup.provider.trigger(&operation(), at("dev/main")).await.unwrap();
    assert!(setup.jenkins.seen().last().unwrap().body.contains("STAGE=prod"));
    let error = setup.provider.trigger(&operation(), at("main")).await.unwrap_err();
    assert!(error.message.contains("reference"), "{error:?}");
}

#[tokio::test]
async fn a_builds_environment_is_found_in_its_log() {
    let setup = Setup::new(vec![]).await;
    let wanted = Definition {
        environment: std::iter::once(("STAGE".to_owned(), "test".to_owned())).collect(),
        ..definition(None, "node { sh 'echo stage is $STAGE, level is ${LEVEL:-none}' }")
    };
    setup.provider.create_pipeline(&operation(), wanted).await.unwrap();
    let stages = [(None, "stage is test, level is none"), (Some("prod & more"), "stage is prod & more, level is none")];
    for (number, (given, expected)) in (1..).zip(stages) {
        let environment = given.map(|stage| ("STAGE".to_owned(), Given::text(stage))).into_iter().collect();
        // The host fills in a parameter's default, which is not what has to be found.
        let request = TriggerRequest { environment, ..request("app", &[("STAGE", "test")]) };
        setup.provider.trigger(&operation(), request).await.unwrap();
        setup.jenkins.begin(setup.jenkins.waiting()[0]);
        setup.jenkins.run_steps("app", number);
        let run = RunRef { pipeline: "app".into(), run: number.to_string(), attempt: None };
        let log = LogRequest { run, job: None, cursor: None, limit: 4096 };
        let LogAnswer::Chunk(chunk) = setup.provider.read_log(&log).await.unwrap() else { unreachable!("no plan") };
        let text = String::from_utf8(chunk.bytes).unwrap();
        assert!(text.lines().any(|line| line == expected), "{text}");
    }
    let environment = std::iter::once(("LEVEL".to_owned(), Given::text("high"))).collect();
    let request = TriggerRequest { environment, ..request("app", &[]) };
    let error = setup.provider.trigger(&operation(), request).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unsupported("runs.environment".into()), "the job has no place for it");
}

#[tokio::test]
async fn a_job_is_copied_moved_renamed_and_switched_with_every_byte_of_its_definition() {
    let config = "<?xml version='1.1' encoding='UTF-8'?>\n<flow-definition>\n  <odd.Thing plugin=\"odd@2\"/>\n</flow-definition>\n";
    let team = Item::folder("team", FOLDER, vec![]);
    let setup = Setup::new(vec![Item { config: config.into(), ..Item::job("a b") }, team]).await;
    let change = |change: Change| {
        let setup = &setup;
        async move {
            let outcome = setup.provider.change(&operation(), change).await.unwrap().outcome;
            let Outcome::Pipeline(pipeline) = outcome else { unreachable!("{outcome:?}") };
            (pipeline.id, pipeline.enabled)
        }
    };
    let copy = Change::PipelineCopy { pipeline: "a b".into(), name: "twin".into(), location: Some("team".into()) };
    assert_eq!(change(copy).await.0, "team/twin");
    let moved =
        Change::PipelineMove { pipeline: "a b".into(), name: Some("c#d".into()), location: Some("team".into()) };
    assert_eq!(change(moved).await.0, "team/c#d");
    assert!(!setup.jenkins.has("a b"));
    for enabled in [false, true] {
        let switched = change(Change::PipelineSwitch { pipeline: "team/c#d".into(), enabled }).await;
        assert_eq!(switched, ("team/c#d".to_owned(), enabled));
    }
    let world = setup.jenkins.world();
    let kept: Vec<_> =
        world.items[0].items.as_ref().unwrap().iter().map(|item| (item.name.clone(), item.config.clone())).collect();
    assert_eq!(kept, [("twin".to_owned(), config.to_owned()), ("c#d".to_owned(), config.to_owned())]);
}

#[tokio::test]
async fn a_jenkinsfile_is_checked() {
    let setup = Setup::new(vec![]).await;
    let check = |source: &str| LintRequest { repository: None, reference: None, source: source.into() };
    assert_eq!(setup.provider.lint(check("pipeline {}")).await.unwrap(), []);
    let found = setup.provider.lint(check("node {}")).await.unwrap();
    assert_eq!((found.len(), found[0].line), (1, Some(1)));
}

#[tokio::test]
async fn what_other_plugins_wrote_into_a_job_stays_byte_for_byte() {
    let config = "<?xml version='1.1' encoding='UTF-8'?>\n<flow-definition plugin=\"workflow-job@1\">\n  <!-- by hand -->\n  \
        <odd.Thing plugin=\"odd@2\"><x>&#x1b;</x></odd.Thing>\n  <definition class=\"o.CpsFlowDefinition\"><script>old</script></definition>\n</flow-definition>\n";
    let setup = Setup::new(vec![Item { config: config.into(), ..Item::job("app") }]).await;
    setup.provider.update_pipeline(&operation(), "app", definition(None, "new"), None).await.unwrap();
    assert_eq!(setup.jenkins.world().items[0].config, config.replace("old", "new"));
}

#[tokio::test]
async fn a_class_that_is_another_is_jenkins_refusal_and_a_lost_answer_is_unknown() {
    let config = "<flow-definition><definition class=\"o.CpsFlowDefinition\"><script>old</script></definition></flow-definition>";
    let setup = Setup::new(vec![Item { config: config.into(), ..Item::job("app") }]).await;
    let other = definition(None, "<project/>");
    let error = setup.provider.update_pipeline(&operation(), "app", other, None).await.unwrap_err();
    assert!(
        matches!(error.kind, CallErrorKind::Upstream { status: 500, .. }) && error.message.contains("Expecting class")
    );
    setup.jenkins.fail("POST /job/app/config.xml", Fault::LoseAnswer);
    let error = setup.provider.update_pipeline(&operation(), "app", definition(None, "new"), None).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::OutcomeUnknown);
}
