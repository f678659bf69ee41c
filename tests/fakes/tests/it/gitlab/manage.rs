//! What else a project has. The host does not make all of these calls yet: the plugin runs natively here, and asks the fake without
//! a server between them.

use std::sync::{Arc, Mutex};

use novacron_cicd_fakes::{
    gitlab::{Project, World},
    server::{Platform, Seen},
};
use novacron_cicd_plugin_gitlab_ci::GitLab;
use novacron_cicd_sdk::{
    ArtifactRetention, ArtifactUploads, Artifacts, DeploymentApproval, DeploymentCancel, DeploymentReconciliation,
    DeploymentRollback, DeploymentStatus, Deployments, Environments, PipelineDefinitions, PipelineLint,
    PipelineSchedules, PipelineState, PipelineTriggers, Pipelines, RunDeletion, RunGates, RunPlay, RunnerAssignment,
    RunnerCreation, RunnerDeletion, RunnerDrain, RunnerLabels, Runners, Runs, Secrets, Variables, WebhookRecovery,
    WebhookRegistration,
    artifact_uploads::{UploadAnswer, UploadRequest},
    attribute, deployments,
    environments::{EnvironmentChange, Rule},
    http::Response,
    pipeline_definitions::Definition,
    pipeline_lint::LintRequest,
    pipeline_schedules::ScheduleChange,
    run_gates::Decision,
    runner_creation::RunnerRequest,
    secrets::SecretChange,
    testing::Host,
    types::{
        BodyPart, DeployTicket, Error, ErrorKind, Operation, PageRequest, Parameter, ParameterValue, Request, RunRef,
        State, Status, Ticket, Value,
    },
    variables::Variable,
    webhook_registration::HookRequest,
};
use serde_json::json;

use super::{APP, DEFINITION, SMALL, TOKEN};

const BASE: &str = "http://gitlab.example/gitlab";

/// A plugin that asks a world.
#[derive(Clone)]
struct Bench {
    world: Arc<Mutex<World>>,
    lines: Arc<Mutex<Vec<String>>>,
}

/// The request as it would arrive: secrets filled in, captured values taken out of the answer.
fn seen(request: &Request) -> Seen {
    let part = |part: &BodyPart| match part {
        BodyPart::Bytes(bytes) => bytes.clone(),
        BodyPart::Secret(part) => format!("secret-of-{}", part.secret).into_bytes(),
    };
    let bytes: Vec<u8> = request.body.iter().flat_map(part).collect();
    let mut headers = vec![("private-token".to_owned(), novacron_cicd_fakes::house::secret("token"))];
    headers.push(("host".into(), "gitlab.example".into()));
    headers.extend(request.headers.iter().map(|header| (header.name.to_lowercase(), header.value.clone())));
    let target = request.url.strip_prefix(BASE).unwrap_or(&request.url).to_owned();
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Seen { method: request.method.clone(), target, headers, body, bytes: bytes.into(), answered: 0 }
}

fn answer(world: &mut World, request: &Request) -> Response {
    let mut asked = seen(request);
    let mut answer = world.answer(&asked);
    if answer.status == 301 {
        let to = answer.headers.iter().find(|(name, _)| name == "location").unwrap().1.clone();
        asked.target = to.strip_prefix(BASE).unwrap().to_owned();
        answer = world.answer(&asked);
    }
    let mut body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    for capture in &request.captures {
        let novacron_cicd_sdk::types::CaptureSource::Pointer(pointer) = &capture.source else {
            unreachable!("{capture:?}")
        };
        if let Some(value) = body.pointer_mut(pointer) {
            *value = json!("[captured]");
            answer.body = body.to_string().into();
        }
    }
    let text = String::from_utf8_lossy(&answer.body);
    assert!(!text.contains("glrt-") && !text.contains("glptt-"), "the plugin sees a token: {text}");
    let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Response::fake(answer.status, &headers, &answer.body, request.method == "GET")
}

impl Bench {
    fn new(definition: &str) -> Self {
        let world = World::new(vec![Project::new(APP, definition), Project::new("g/other", SMALL)]);
        Self { world: Arc::new(Mutex::new(world)), lines: Arc::default() }
    }

    fn call<T>(&self, call: impl FnOnce() -> T) -> T {
        let (world, lines) = (self.world.clone(), self.lines.clone());
        let now = world.lock().unwrap().now;
        let host = Host::new(BASE, move |request| {
            lines.lock().unwrap().push(format!("{} {}", request.method, request.url.split('?').next().unwrap()));
            Ok(answer(&mut world.lock().unwrap(), request))
        });
        let host = host.settings(json!({ "project": APP })).credential("token", "header").now(now);
        host.run(call).0
    }

    fn project<T>(&self, look: impl FnOnce(&mut Project) -> T) -> T {
        look(&mut self.world.lock().unwrap().projects[0])
    }

    /// The changing requests of a call.
    fn changes<T>(&self, call: impl FnOnce() -> T) -> (T, Vec<String>) {
        self.lines.lock().unwrap().clear();
        let answer = self.call(call);
        let lines = self.lines.lock().unwrap().clone();
        (answer, lines.into_iter().filter(|line| !line.starts_with("GET") && !line.ends_with("/graphql")).collect())
    }
}

fn operation(attempt: u32) -> Operation {
    Operation { id: "op-1".into(), attempt, first_sent: (attempt > 1).then_some(1), more: vec![] }
}

fn page(limit: u32) -> PageRequest {
    PageRequest { cursor: None, limit }
}

fn text(name: &str, value: &str) -> ParameterValue {
    ParameterValue { name: name.into(), kind: "string".into(), value: Value::Text(value.into()) }
}

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

#[test]
fn gates_are_played_with_variables_or_turned_down() {
    let bench = Bench::new(
        "one: { when: manual, script: [make] }\ntwo: { when: manual, allow_failure: false, script: [make] }\n",
    );
    let id = bench.world.lock().unwrap().start_by(APP, "push");
    let run = RunRef { pipeline: APP.into(), run: id.to_string(), attempt: None };
    let mut gates = bench.call(|| GitLab::list_gates(run.clone())).unwrap();
    gates.sort_by(|a, b| a.message.cmp(&b.message));
    let told: Vec<_> = gates.iter().map(|gate| (gate.kind.as_str(), gate.message.as_deref().unwrap())).collect();
    assert_eq!(told, [("manual", "one"), ("manual", "two")]);
    let decide = |approve, attempt, gate: &str| {
        let decision = Decision { approve, comment: None, inputs: vec![text("WHO", "nova")] };
        bench.changes(|| GitLab::resolve_gate(operation(attempt), run.clone(), gate.into(), decision))
    };
    assert_eq!(decide(true, 1, &gates[0].id).0, Ok(()));
    let job = bench.project(|project| project.pipelines[0].jobs.iter().find(|job| job.name == "one").unwrap().clone());
    assert_eq!((job.status.as_str(), job.variables[0]["value"].as_str()), ("pending", Some("nova")));
    assert_eq!(decide(true, 2, &gates[0].id), (Ok(()), vec![]), "the attempt before came through");
    assert_eq!(decide(true, 1, &gates[0].id).0.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!((decide(false, 1, &gates[1].id).0, decide(false, 2, &gates[1].id).1.len()), (Ok(()), 0));
    let play = |job: &str| bench.call(|| GitLab::play(operation(1), run.clone(), job.into(), vec![]));
    assert_eq!(play(&gates[1].id).unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(play("1").unwrap_err().kind, ErrorKind::NotFound);
    let delete = || bench.call(|| GitLab::delete_run(operation(1), run.clone()));
    assert_eq!((delete(), delete(), bench.project(|project| project.pipelines.len())), (Ok(()), Ok(()), 0));
}

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

#[test]
fn packages_are_put_listed_fetched_and_deleted() {
    let bench = Bench::new(SMALL);
    let upload = |bytes: &'static [u8], sha256: &str| {
        let request = UploadRequest {
            run: None,
            name: "out/my app".into(),
            version: Some("1.0".into()),
            size: bytes.len() as u64,
            sha256: sha256.into(),
            media_type: None,
            more: vec![],
        };
        let plan = bench.call(|| GitLab::plan_upload(operation(1), request)).unwrap();
        let mut sent = seen(&plan.request);
        sent.bytes = bytes.into();
        let answer = bench.world.lock().unwrap().answer(&sent);
        let answer = UploadAnswer { status: answer.status, headers: vec![], body: answer.body };
        bench.call(|| GitLab::finish_upload(operation(1), plan.state, answer))
    };
    let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let made = upload(b"hello", sha256).unwrap();
    assert!(upload(b"other", sha256).is_err(), "GitLab says what it has");
    let listed = bench.call(|| GitLab::list_artifacts(None, page(10))).unwrap().items;
    assert_eq!((listed[0].id.clone(), listed[0].digests[0].hex.as_str()), (made.id.clone(), sha256));
    let plan = bench.call(|| GitLab::plan_download(None, made.id.clone(), None)).unwrap();
    assert_eq!(plan.request.url, "/api/v4/projects/g%2Fsub%2Fapp/packages/generic/out-my-app/1.0/my-app");
    assert_eq!(bench.call(|| GitLab::keep_artifact(operation(1), None, made.id.clone())), Ok(()));
    assert_eq!(bench.call(|| GitLab::delete_artifact(operation(1), None, made.id.clone())), Ok(()));
    assert_eq!(bench.call(|| GitLab::list_artifacts(None, page(10))).unwrap().items.len(), 1);
    let refused = UploadAnswer {
        status: 403,
        headers: vec![],
        body: br#"{"message":"Duplicate package is not allowed"}"#.to_vec(),
    };
    let state = r#"{"name":"a","version":"1","file":"a","sha256":"x"}"#;
    assert_eq!(
        bench.call(|| GitLab::finish_upload(operation(1), state.into(), refused)).unwrap_err().kind,
        ErrorKind::Conflict
    );
}

#[test]
fn a_jobs_archive_is_kept_and_deleted_and_a_moved_project_is_not_taken_for_gone() {
    let bench = Bench::new(DEFINITION);
    let id = bench.world.lock().unwrap().start_by(APP, "push");
    let job = bench.project(|project| project.pipelines[0].jobs[0].id);
    bench.world.lock().unwrap().job(job).unwrap().artifacts = Some(vec![1]);
    bench.world.lock().unwrap().moved.insert("g/old".into(), 1);
    let run = || Some(RunRef { pipeline: "g/old".into(), run: id.to_string(), attempt: None });
    assert_eq!(bench.call(|| GitLab::keep_artifact(operation(1), run(), job.to_string())), Ok(()));
    assert!(bench.world.lock().unwrap().job(job).unwrap().keep);
    assert_eq!(bench.call(|| GitLab::delete_artifact(operation(1), run(), job.to_string())), Ok(()));
    assert_eq!(bench.world.lock().unwrap().job(job).unwrap().artifacts, None);
    assert_eq!(bench.call(|| <GitLab as Pipelines>::get("g/old".into())).unwrap().id, APP);
}
