//! The definition of a project, its schedules and its trigger tokens.

use novacron_cicd_plugin_gitlab_ci::GitLab;
use novacron_cicd_sdk::{
    PipelineDefinitions, PipelineLint, PipelineSchedules, PipelineState, PipelineTriggers, Runs, attribute,
    pipeline_definitions::Definition,
    pipeline_lint::LintRequest,
    pipeline_schedules::ScheduleChange,
    types::{ErrorKind, Parameter, Ticket},
};

use super::{
    APP, SMALL, TOKEN,
    native::{BASE, Bench, operation, text},
};

fn file(bench: &Bench) -> String {
    bench.project(|project| {
        let place = ("main".to_owned(), project.ci_config_path.clone().unwrap_or(".gitlab-ci.yml".into()));
        String::from_utf8(project.files[&place].content.clone()).unwrap()
    })
}

fn wanted(source: Option<&str>) -> Definition {
    Definition {
        name: "app".into(),
        repository: Some(format!("{BASE}/{APP}.git")),
        reference: None,
        location: None,
        source: source.map(|text| text.as_bytes().to_vec()),
        parameters: vec![Parameter { default: Some("7".into()), ..Parameter::new("VERSION", "string") }],
        environment: vec![attribute("WHO", "nova")],
        schedules: vec![],
        webhook_url: None,
        more: vec![],
    }
}

#[test]
fn a_definition_is_made_read_changed_under_its_lock_and_deleted() {
    let bench = Bench::new(SMALL);
    let taken = bench.call(|| GitLab::create(operation(1), wanted(None)));
    assert_eq!(taken.unwrap_err().kind, ErrorKind::Conflict, "there is another file");
    let elsewhere =
        Definition { location: Some("ci/app.yml".into()), schedules: vec!["0 4 * * *".into()], ..wanted(None) };
    let made = bench.call(|| GitLab::create(operation(1), elsewhere.clone())).unwrap();
    assert_eq!(
        (made.id.as_str(), bench.project(|project| project.ci_config_path.clone()).as_deref()),
        (APP, Some("ci/app.yml"))
    );
    let (again, changes) = bench.changes(|| GitLab::create(operation(2), elsewhere));
    assert_eq!((again.unwrap().revision, changes.len()), (made.revision.clone(), 0), "the attempt before came through");

    let read = bench.call(|| <GitLab as PipelineDefinitions>::read(APP.into())).unwrap();
    assert_eq!((read.location.as_deref(), read.schedules), (Some("ci/app.yml"), vec!["0 4 * * *".to_owned()]));
    assert_eq!((read.parameters[0].default.as_deref(), read.environment), (Some("7"), vec![attribute("WHO", "nova")]));

    let update = |source: Option<&str>, revision: Option<String>| {
        let wanted = wanted(source);
        bench.changes(|| <GitLab as PipelineDefinitions>::update(operation(1), APP.into(), wanted, revision))
    };
    let source = "# ours\nbuild: { script: [make, make install] }\n";
    let (changed, _) = update(Some(source), made.revision.clone());
    assert_eq!(file(&bench), source, "a source is kept word for word");
    let (refused, changes) = update(None, made.revision);
    assert_eq!((refused.unwrap_err().kind, changes.len()), (ErrorKind::Conflict, 0));
    let (_, changes) = update(None, changed.unwrap().revision);
    assert!(file(&bench).ends_with(source) && file(&bench).contains("VERSION:") && changes.len() == 1);

    let delete = |revision: Option<&str>| {
        let revision = revision.map(str::to_owned);
        bench.call(|| <GitLab as PipelineDefinitions>::delete(operation(1), APP.into(), revision))
    };
    assert_eq!(delete(Some("old")).unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!((delete(None), delete(None)), (Ok(()), Ok(())), "what is gone is gone");
    assert!(bench.call(|| <GitLab as PipelineDefinitions>::read(APP.into())).is_err());
}

#[test]
fn a_definition_is_linted_and_a_project_switched() {
    let bench = Bench::new(SMALL);
    let lint = |source: &str| {
        let request =
            LintRequest { repository: None, reference: None, source: source.as_bytes().to_vec(), more: vec![] };
        bench.call(|| GitLab::validate(request)).unwrap()
    };
    assert_eq!(lint(SMALL), []);
    assert!(
        lint("build: { stage: nowhere, script: [make] }")[0].message.contains("chosen stage nowhere does not exist")
    );
    let broken = &lint("a: [\nb")[0];
    assert_eq!((broken.severity.as_str(), broken.line.is_some()), ("error", true));
    for enabled in [false, true] {
        let (now, changes) = bench.changes(|| GitLab::set_enabled(operation(1), APP.into(), enabled));
        assert_eq!((now.unwrap().enabled, changes.len()), (enabled, 1));
        let (_, changes) = bench.changes(|| GitLab::set_enabled(operation(2), APP.into(), enabled));
        assert_eq!(changes.len(), 0);
    }
}

#[test]
fn schedules_are_kept_and_one_that_was_played_becomes_a_run() {
    let bench = Bench::new(SMALL);
    let change = |cron: &str, variables: &[(&str, &str)]| ScheduleChange {
        cron: cron.into(),
        timezone: None,
        reference: None,
        enabled: true,
        description: Some("nightly".into()),
        variables: variables.iter().map(|(name, value)| text(name, value)).collect(),
        more: vec![],
    };
    let put = |attempt, id: Option<&str>, change: ScheduleChange| {
        let id = id.map(str::to_owned);
        bench.call(|| GitLab::put_schedule(operation(attempt), APP.into(), id, change)).unwrap()
    };
    let made = put(1, None, change("0 1 * * *", &[("A", "1"), ("B", "2")]));
    assert_eq!((made.reference.as_deref(), made.enabled), (Some("main"), true));
    assert_eq!(put(2, None, change("0 1 * * *", &[("A", "1"), ("B", "2")])).id, made.id, "it is not made twice");
    put(1, Some(&made.id), change("0 2 * * *", &[("B", "3"), ("C", "4")]));
    let kept = bench.project(|project| project.schedules[0]["variables"].clone());
    let kept: Vec<_> = kept.as_array().unwrap().iter().map(|it| format!("{}={}", it["key"], it["value"])).collect();
    assert_eq!(kept, [r#""B"="3""#, r#""C"="4""#]);
    let listed = bench.call(|| GitLab::list_schedules(APP.into())).unwrap();
    assert_eq!((listed.len(), listed[0].cron.as_str()), (1, "0 2 * * *"));

    let play =
        || bench.call(|| GitLab::play_schedule(operation(1), APP.into(), made.id.clone(), TOKEN.into())).unwrap();
    let (first, second) = (play(), play());
    let resolve = |ticket| match ticket {
        Ticket::Queued(ticket) => bench.call(|| <GitLab as Runs>::resolve_ticket(APP.into(), ticket)).unwrap(),
        other => unreachable!("{other:?}"),
    };
    let (Ticket::Run(first), Ticket::Run(second)) = (resolve(first), resolve(second)) else {
        unreachable!("they have begun")
    };
    assert_eq!((first.origin.as_str(), first.identity.run < second.identity.run), ("schedule", true));
    let delete = || bench.call(|| GitLab::delete_schedule(operation(1), APP.into(), made.id.clone()));
    assert_eq!((delete(), delete(), bench.project(|project| project.schedules.len())), (Ok(()), Ok(()), 0));
}

#[test]
fn trigger_tokens_are_captured_and_never_seen() {
    let bench = Bench::new(SMALL);
    let made = bench.call(|| GitLab::create_token(operation(1), APP.into(), "for the shop".into())).unwrap();
    assert_eq!(made.slot.as_deref(), Some("trigger-token"));
    let listed = bench.call(|| GitLab::list_tokens(APP.into())).unwrap();
    assert_eq!((listed[0].id.clone(), listed[0].description.as_deref()), (made.id.clone(), Some("for the shop")));
    assert_eq!(bench.call(|| GitLab::delete_token(operation(1), APP.into(), made.id)), Ok(()));
    assert_eq!(bench.project(|project| project.triggers.len()), 0);
}
